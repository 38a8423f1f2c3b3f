// A request that the scheduler has accepted, from submit until `done` was called, and the lines
// that it waits in.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_PENDING_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_PENDING_H

#include "ingot/serve/Scheduler.h"
#include "runtime/serve/schedule/Outputs.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace ingot::serve {

struct QueueCore;
struct Sequence;

/// What is longer is as good as this, a hundred years: the clock, which counts nanoseconds, would
/// overflow soon after.
inline constexpr std::chrono::hours longestWait{24 * 36500};

struct Pending {
  Request request;
  Outcome outcome;              ///< its timing and status as they become known
  std::vector<int64_t> symbols; ///< the values that its inputs give
  int64_t rows = 1;             ///< of the request; 1 where the function has no batch
  int64_t limit = 1;            ///< rows of a run of its sizes at most
  int64_t begun = 0;            ///< rows that runs have taken
  int parts = 0;                ///< runs in flight
  bool isInLine = false;
  std::shared_ptr<OutputSet> whole; ///< where the outputs of a request that is split come together
  Sequence *sequence = nullptr;     ///< whose request this is; the queue's
  std::shared_ptr<QueueCore> queue; ///< which lives until the last request is done
  Pending *before = nullptr, *after = nullptr; ///< in a Line, or `after` in a chain

  bool isSplit() const { return whole != nullptr; }
  bool isCancelled() const { return request.cancellation && request.cancellation->isCancelled(); }
};

/// Requests in the order in which they came. Does not own them.
class Line {
public:
  Pending *front() const { return first_; }
  bool isEmpty() const { return !first_; }
  void append(Pending *pending) {
    pending->before = last_;
    pending->after = nullptr;
    (last_ ? last_->after : first_) = pending;
    last_ = pending;
  }
  void remove(Pending *pending) {
    (pending->before ? pending->before->after : first_) = pending->after;
    (pending->after ? pending->after->before : last_) = pending->before;
    pending->before = pending->after = nullptr;
  }

private:
  Pending *first_ = nullptr, *last_ = nullptr;
};

/// Requests whose `done` is to be called, in order. Owns them.
class Chain {
public:
  Chain() = default;
  Chain(const Chain &) = delete;
  Chain &operator=(const Chain &) = delete;
  ~Chain() {
    while (first_)
      delete pop();
  }
  void append(Pending *pending) {
    pending->after = nullptr;
    (last_ ? last_->after : first_) = pending;
    last_ = pending;
  }
  Pending *front() const { return first_; }
  bool isEmpty() const { return !first_; }

private:
  Pending *pop() {
    Pending *popped = first_;
    first_ = popped->after;
    return popped;
  }
  Pending *first_ = nullptr, *last_ = nullptr;
};

/// What a run takes of a request, and what became of it.
struct Part {
  Pending *pending = nullptr;
  int64_t first = 0, rows = 0;
  Status status;
  std::vector<AlignedBlock> texts; ///< of a request that is split
};

} // namespace ingot::serve

#endif
