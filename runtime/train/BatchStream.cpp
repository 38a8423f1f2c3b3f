// See BatchStream.h.
#include "runtime/train/BatchStream.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>

namespace ingot::train {

BatchStream::BatchStream(DataSource &source, Feed feed, int workers, int64_t queue)
    : source(source), feed(std::move(feed)), count(source.batchCount()) {
  // One slot is with the caller.
  slots.resize(workers > 0 ? size_t(std::max<int64_t>(queue, 1)) + 1 : 1);
  const int wanted = source.isSequential() ? std::min(workers, 1) : workers;
  try {
    for (int i = 0; i < wanted; ++i)
      threads.emplace_back([this] { work(); });
  } catch (const std::system_error &) {
    // The system gives no more threads: those there are do the work, or the caller.
  }
}

BatchStream::~BatchStream() {
  leave();
  {
    std::lock_guard<std::mutex> lock(mutex);
    quitting = true;
  }
  space.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

/// Precondition: the lock is held.
bool BatchStream::mayMake() const {
  const int64_t room = nextToGive - 1 + int64_t(slots.size());
  return running && nextToMake < std::min(end, room);
}

void BatchStream::seek(int64_t newPass, int64_t batch) {
  leave();
  if (!inPass)
    source.onEpochBegin();
  {
    std::lock_guard<std::mutex> lock(mutex);
    inPass = true;
    if (newPass != pass || batch != nextToGive) {
      pass = newPass;
      nextToMake = nextToGive = batch;
      end = source.batchCount().value_or(endless);
      for (Slot &slot : slots)
        slot.ready = false;
    }
    running = true;
  }
  space.notify_all();
}

void BatchStream::leave() {
  std::unique_lock<std::mutex> lock(mutex);
  running = false;
  idle.wait(lock, [this] { return busy == 0; });
}

void BatchStream::endPass() {
  leave();
  if (!inPass)
    return;
  inPass = false;
  pass = -1; // what was made ahead is of no use
  source.onEpochEnd();
  if (const std::optional<int64_t> now = source.batchCount())
    count = now;
}

/// A sequential source is run through to the batch that is asked for.
Result<bool> BatchStream::fill(int64_t batch, Batch &out) {
  if (!source.isSequential())
    return source.fill(pass, batch, out);
  if (sequentialPass != pass || batch < sequentialNext)
    sequentialNext = 0;
  sequentialPass = pass;
  for (;;) {
    INGOT_ASSIGN_OR_RETURN(const bool more, source.fill(pass, sequentialNext, out));
    if (!more || sequentialNext++ == batch)
      return more;
  }
}

void BatchStream::make(Slot &slot, int64_t batch) {
  slot.over = false;
  slot.status = Status();
  try {
    Result<bool> more = fill(batch, slot.fed.batch);
    if (!more.isOk())
      slot.status = more.status();
    else if (*more)
      slot.status = feed.arrange(slot.fed);
    else
      slot.over = true;
  } catch (const std::exception &error) { // the source is the user's code
    slot.status = Status(StatusCode::Internal, std::string("the source threw: ") + error.what());
  } catch (...) {
    slot.status = Status(StatusCode::Internal, "the source threw");
  }
  if (!slot.status.isOk())
    slot.status = slot.status.withContext("data of epoch " + std::to_string(pass + 1) + ", batch " +
                                          std::to_string(batch));
}

void BatchStream::work() {
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    space.wait(lock, [this] { return quitting || mayMake(); });
    if (quitting)
      return;
    const int64_t batch = nextToMake++;
    Slot &slot = slotOf(batch);
    ++busy;
    lock.unlock();
    make(slot, batch);
    lock.lock();
    slot.ready = true;
    if (slot.over || !slot.status.isOk())
      end = std::min(end, batch + 1); // nothing is made beyond
    if (batch == nextToGive - 1)
      ready.notify_one();
    if (--busy == 0)
      idle.notify_all();
  }
}

Result<const FedBatch *> BatchStream::give(Slot &slot, int64_t batch) {
  INGOT_RETURN_IF_ERROR(slot.status);
  if (!slot.over)
    return &slot.fed;
  count = batch;
  end = batch;
  return nullptr;
}

Result<const FedBatch *> BatchStream::next() {
  std::unique_lock<std::mutex> lock(mutex);
  const int64_t batch = nextToGive;
  if (batch >= end)
    return nullptr;
  Slot &slot = slotOf(batch);
  ++nextToGive; // gives the slot before back
  ++fared.batches;
  const int64_t ahead = nextToMake - nextToGive;
  if (!threads.empty() && (!slot.ready || ahead * 2 <= int64_t(slots.size())))
    space.notify_all();
  if (!slot.ready)
    await(lock, slot, batch);
  slot.ready = false;
  return give(slot, batch);
}

/// Waits until the batch is made, or makes it. Precondition: the lock is held, as afterwards.
void BatchStream::await(std::unique_lock<std::mutex> &lock, Slot &slot, int64_t batch) {
  ++fared.waited;
  const auto begin = std::chrono::steady_clock::now();
  if (threads.empty()) {
    nextToMake = nextToGive;
    lock.unlock();
    make(slot, batch);
    lock.lock();
  } else {
    ready.wait(lock, [&] { return slot.ready; });
  }
  fared.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

DataProfile BatchStream::profile() const {
  std::lock_guard<std::mutex> lock(mutex);
  return fared;
}

} // namespace ingot::train
