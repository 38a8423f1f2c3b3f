// The runtime's thread pool. See ThreadPool.h for what callers may rely on.
//
// A region is one parallelFor in flight. Its record sits in one of the pool's slots, never on the
// caller's stack, so that a worker which looks at a finished region (or at the next one in the same
// slot) touches live memory. `remaining` alone decides who runs an item: whoever takes it from r >
// 0 to r - 1 owns item count - r, and until that item is finished the region cannot end, so task,
// arg and count may be read plainly. A worker that comes late claims nothing, or an item of the
// region that is there now; both are right.
#include "ingot/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace ingot {

namespace {
constexpr int maxRegions = 64;                    // slots; one bit each in a mask
constexpr std::chrono::microseconds spinTime(60); // how long a thread waits before it sleeps

void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for `condition` without sleeping, for spinTime at most; returns whether it came true.
/// Yields now and then, because whom we wait for may have been put on this very CPU.
template <typename Condition> bool spinUntil(Condition condition) {
  auto end = std::chrono::steady_clock::now() + spinTime;
  do {
    for (int turn = 0; turn < 64; ++turn) {
      if (condition())
        return true;
      pauseCpu();
    }
    sched_yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

int availableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// The first of the CPUs that share the core of `cpu`; itself where the system does not say.
int firstOfCore(int cpu) {
  std::string path =
      "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list";
  std::FILE *file = std::fopen(path.c_str(), "re");
  if (!file)
    return cpu;
  char text[16] = {};
  size_t length = std::fread(text, 1, sizeof(text) - 1, file);
  std::fclose(file);
  int first = cpu;
  std::from_chars(text, text + length, first);
  return first;
}

/// The CPUs that this process may run on: one of each core, then the others.
std::vector<int> cpusInOrder() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus, others, cores;
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set))
      continue;
    int core = firstOfCore(cpu);
    bool isNew = std::find(cores.begin(), cores.end(), core) == cores.end();
    cores.push_back(core);
    (isNew ? cpus : others).push_back(cpu);
  }
  cpus.insert(cpus.end(), others.begin(), others.end());
  return cpus;
}

void pinTo(std::thread &thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set); // where it may not: anywhere
}

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
} // namespace

struct ThreadPool::Impl {
  Region regions[maxRegions];
  alignas(64) std::atomic<uint64_t> used{0};   // slots that belong to a caller
  alignas(64) std::atomic<uint64_t> active{0}; // slots that may have items to claim
  std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};
  bool spinning = true;
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;

  /// A free slot, or -1 when all are taken.
  int acquireSlot() {
    uint64_t mask = used.load(std::memory_order_relaxed);
    while (~mask != 0) {
      int slot = __builtin_ctzll(~mask);
      if (used.compare_exchange_weak(mask, mask | (uint64_t{1} << slot), std::memory_order_acquire,
                                     std::memory_order_relaxed))
        return slot;
    }
    return -1;
  }

  /// Claims and runs items of a region until none is left.
  static void workOn(Region &region) {
    while (region.remaining.load(std::memory_order_relaxed) > 0) {
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
    if (finished() || (spinning && spinUntil(finished)))
      return;
    std::unique_lock<std::mutex> lock(region.mutex);
    region.callerSleeps.store(true);
    region.finished.wait(lock, [&] { return region.unfinished.load() == 0; });
    region.callerSleeps.store(false, std::memory_order_relaxed);
  }

  bool hasWork() const {
    for (uint64_t mask = active.load(); mask != 0; mask &= mask - 1)
      if (regions[__builtin_ctzll(mask)].remaining.load(std::memory_order_acquire) > 0)
        return true;
    return false;
  }

  void workerLoop(int first) {
    while (!stop.load(std::memory_order_acquire)) {
      // Start at another slot than the neighbours do, so that regions share the workers.
      uint64_t mask = active.load(std::memory_order_acquire);
      for (int i = 0; mask != 0 && i < maxRegions; ++i) {
        int slot = (first + i) % maxRegions;
        if (mask >> slot & 1)
          workOn(regions[slot]);
      }
      idle();
    }
  }

  /// Returns when there may be work: spins briefly, then sleeps.
  void idle() {
    if (spinning && spinUntil([&] { return hasWork() || stop.load(std::memory_order_acquire); }))
      return;
    std::unique_lock<std::mutex> lock(mutex);
    sleepers.fetch_add(1); // seq_cst, before the predicate: pairs with wakeWorkers
    wake.wait(lock, [&] { return stop.load() || hasWork(); });
    sleepers.fetch_sub(1);
  }

  void wakeWorkers(int64_t wanted) {
    int64_t asleep = sleepers.load();
    if (asleep <= 0)
      return;
    {
      std::lock_guard<std::mutex> lock(mutex);
    } // a sleeper is now either waiting or sees the work
    for (int64_t i = std::min(wanted, asleep); i > 0; --i)
      wake.notify_one();
  }
};

ThreadPool::ThreadPool(int threads, Placement placement) : impl_(std::make_unique<Impl>()) {
  int cpus = availableCpus();
  std::vector<int> places = placement == Placement::Pinned ? cpusInOrder() : std::vector<int>();
  if (threads <= 0)
    threads = cpus;
  if (cpus == 1)
    impl_->spinning = false; // spinning would only keep the CPU from whom we wait for
  impl_->workers.reserve(static_cast<size_t>(threads - 1));
  for (int i = 0; i + 1 < threads; ++i) {
    try {
      impl_->workers.emplace_back([this, i] { impl_->workerLoop(i * 7 % maxRegions); });
    } catch (const std::system_error &) {
      break; // the pool works with the threads it got
    }
    if (!places.empty())
      pinTo(impl_->workers.back(), places[static_cast<size_t>(i + 1) % places.size()]);
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->stop.store(true);
  }
  impl_->wake.notify_all();
  for (std::thread &worker : impl_->workers)
    worker.join();
}

int ThreadPool::threadCount() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::parallelFor(ingot_task task, void *arg, int64_t count) {
  int slot = count > 1 && !impl_->workers.empty() ? impl_->acquireSlot() : -1;
  if (slot < 0) {
    for (int64_t i = 0; i < count; ++i)
      task(arg, i);
    return;
  }
  Region &region = impl_->regions[slot];
  region.task = task;
  region.arg = arg;
  region.count = count;
  region.unfinished.store(count, std::memory_order_relaxed);
  region.remaining.store(count, std::memory_order_release);
  uint64_t bit = uint64_t{1} << slot;
  impl_->active.fetch_or(bit); // seq_cst, before sleepers is read
  impl_->wakeWorkers(count - 1);
  Impl::workOn(region);
  impl_->active.fetch_and(~bit, std::memory_order_relaxed);
  impl_->awaitFinish(region);
  impl_->used.fetch_and(~bit, std::memory_order_release);
}

void ThreadPool::run(void *pool, ingot_task task, void *arg, int64_t count) {
  static_cast<ThreadPool *>(pool)->parallelFor(task, arg, count);
}

} // namespace ingot
