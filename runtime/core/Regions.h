// Regions: the ingot_parallel_for calls in flight that threads without work of their own may help.
// ThreadPool and the serving scheduler stand on it; each has its own way for threads to sleep.
//
// A region is one parallelFor in flight. Its record sits in one of the slots, never on the caller's
// stack, so that a helper which looks at a finished region (or at the next one in the same slot)
// touches live memory. `remaining` alone decides who runs an item: whoever takes it from r > 0 to
// r - 1 owns item count - r, and until that item is finished the region cannot end, so task, arg
// and count may be read plainly. A helper that comes late claims nothing, or an item of the region
// that is there now; both are right.
#ifndef INGOT_RUNTIME_CORE_REGIONS_H
#define INGOT_RUNTIME_CORE_REGIONS_H

#include "ingot/artifact.h"
#include "runtime/core/Spin.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace ingot {

class Regions {
public:
  static constexpr int maxRegions = 64; // slots; one bit each in a mask

  explicit Regions(bool mayHelpersSpin) : spinning_(mayHelpersSpin) {}

  /// Runs all items and returns when they are done. `wake(n)` is called once there is something to
  /// help with, for n threads at most. Allocates nothing.
  template <typename Wake>
  void parallelFor(ingot_task task, void *arg, int64_t count, const Wake &wake) {
    int slot = count > 1 ? acquireSlot() : -1;
    if (slot < 0) {
      for (int64_t i = 0; i < count; ++i)
        task(arg, i);
      return;
    }
    Region &region = regions_[slot];
    region.task = task;
    region.arg = arg;
    region.count = count;
    region.unfinished.store(count, std::memory_order_relaxed);
    region.remaining.store(count, std::memory_order_release);
    uint64_t bit = uint64_t{1} << slot;
    active_.fetch_or(bit); // seq_cst, before `wake` reads who sleeps
    wake(count - 1);
    workOn(region, [] { return false; });
    active_.fetch_and(~bit, std::memory_order_relaxed);
    awaitFinish(region);
    used_.fetch_and(~bit, std::memory_order_release);
  }

  bool hasWork() const {
    for (uint64_t mask = active_.load(); mask != 0; mask &= mask - 1)
      if (regions_[__builtin_ctzll(mask)].remaining.load(std::memory_order_acquire) > 0)
        return true;
    return false;
  }

  /// Claims and runs items until none is left, or `stop()` (asked before each) is true. Threads
  /// start at different slots, so that regions share them.
  template <typename Stop> void help(int firstSlot, const Stop &stop) {
    uint64_t mask = active_.load(std::memory_order_acquire);
    for (int i = 0; mask != 0 && i < maxRegions; ++i) {
      int slot = (firstSlot + i) % maxRegions;
      if (mask >> slot & 1)
        workOn(regions_[slot], stop);
    }
  }

private:
  struct Region {
    alignas(64) std::atomic<int64_t> remaining{0}; // items nobody has claimed; may drift below 0
    alignas(64) std::atomic<int64_t> unfinished{0};
    ingot_task task = nullptr;
    void *arg = nullptr;
    int64_t count = 0;
    std::atomic<bool> callerSleeps{false};
    std::mutex mutex;
    std::condition_variable finished;
  };

  /// A free slot, or -1 when all are taken.
  int acquireSlot() {
    uint64_t mask = used_.load(std::memory_order_relaxed);
    while (~mask != 0) {
      int slot = __builtin_ctzll(~mask);
      if (used_.compare_exchange_weak(mask, mask | (uint64_t{1} << slot), std::memory_order_acquire,
                                      std::memory_order_relaxed))
        return slot;
    }
    return -1;
  }

  template <typename Stop> static void workOn(Region &region, const Stop &stop) {
    while (region.remaining.load(std::memory_order_relaxed) > 0 && !stop()) {
      int64_t left = region.remaining.fetch_sub(1, std::memory_order_acquire);
      if (left <= 0)
        return;
      region.task(region.arg, region.count - left);
      // The last one done wakes the caller if it sleeps (seq_cst: pairs with awaitFinish).
      if (region.unfinished.fetch_sub(1) == 1 && region.callerSleeps.load()) {
        std::lock_guard<std::mutex> lock(region.mutex);
        region.finished.notify_all();
      }
    }
  }

  void awaitFinish(Region &region) {
    auto finished = [&] { return region.unfinished.load(std::memory_order_acquire) == 0; };
    if (finished() || (spinning_ && spinUntil(finished)))
      return;
    std::unique_lock<std::mutex> lock(region.mutex);
    region.callerSleeps.store(true);
    region.finished.wait(lock, [&] { return region.unfinished.load() == 0; });
    region.callerSleeps.store(false, std::memory_order_relaxed);
  }

  Region regions_[maxRegions];
  alignas(64) std::atomic<uint64_t> used_{0};   // slots that belong to a caller
  alignas(64) std::atomic<uint64_t> active_{0}; // slots that may have items to claim
  const bool spinning_;
};

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_REGIONS_H
