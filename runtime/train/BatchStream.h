// BatchStream: the batches of a source in order, made ahead by worker threads.
//
// Invariant: next gives the batches of the pass one after another whatever the number of workers. A
// worker makes batch b once the ring has a slot for it, that is when batch b - (slots) has been
// given back; finished ones wait there for their turn. Workers sleep while the ring is full and are
// woken when half of it is free, so that a step costs a lock and rarely a system call. Between
// leave and seek no thread is in the source. One thread uses a stream; it outlives none of source
// and feed.
#ifndef INGOT_RUNTIME_TRAIN_BATCHSTREAM_H
#define INGOT_RUNTIME_TRAIN_BATCHSTREAM_H

#include "runtime/train/Feed.h"

#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

namespace ingot::train {

class BatchStream {
public:
  /// `workers` 0: next makes the batch itself. `queue`: batches made ahead at most.
  BatchStream(DataSource &source, Feed feed, int workers, int64_t queue);
  ~BatchStream();
  BatchStream(const BatchStream &) = delete;
  BatchStream &operator=(const BatchStream &) = delete;

  /// Goes to a batch of a pass and begins to make from there. What was made ahead is kept when next
  /// would have given that batch anyway.
  void seek(int64_t pass, int64_t batch);
  /// The next batch, valid until the next call; NULL: the pass has no more.
  Result<const FedBatch *> next();
  /// Waits until no thread is in the source.
  void leave();
  /// leave, at the end of a pass; the source is told.
  void endPass();

  /// How next fared so far; any thread may ask.
  DataProfile profile() const;

  /// Batches of a pass: what the source says, or what the last whole pass had.
  const std::optional<int64_t> &batchCount() const { return count; }

private:
  static constexpr int64_t endless = std::numeric_limits<int64_t>::max();

  struct Slot {
    FedBatch fed;
    Status status;
    bool ready = false;
    bool over = false; ///< the pass has no such batch
  };

  void work();
  void make(Slot &slot, int64_t batch);
  Result<bool> fill(int64_t batch, Batch &out);
  Result<const FedBatch *> give(Slot &slot, int64_t batch);
  void await(std::unique_lock<std::mutex> &lock, Slot &slot, int64_t batch);
  Slot &slotOf(int64_t batch) { return slots[size_t(batch % int64_t(slots.size()))]; }
  bool mayMake() const;

  DataSource &source;
  const Feed feed;
  std::optional<int64_t> count;

  mutable std::mutex
      mutex; // of all below but `slots[i].fed`, which belongs to whoever makes or uses it
  std::condition_variable space, ready, idle;
  std::vector<Slot> slots;
  int64_t pass = -1, nextToMake = 0, nextToGive = 0;
  int64_t end = endless; // of the pass, as far as it is known
  int busy = 0;          // threads in the source
  DataProfile fared;
  bool running = false, quitting = false, inPass = false;
  int64_t sequentialPass = -1, sequentialNext = 0; // where a sequential source stands
  std::vector<std::thread> threads;
};

} // namespace ingot::train

#endif
