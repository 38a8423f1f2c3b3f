// The runtime's thread pool. See ThreadPool.h for what callers may rely on, and Regions.h for how
// threads share a region.
#include "ingot/ThreadPool.h"
#include "runtime/core/Cpus.h"
#include "runtime/core/Regions.h"

#include <algorithm>
#include <atomic>
#include <charconv>
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

} // namespace

struct ThreadPool::Impl {
  explicit Impl(bool spin) : regions(spin), spinning(spin) {}

  Regions regions;
  std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};
  const bool spinning; // with one CPU it would only keep it from whom we wait for
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;

  void workerLoop(int first) {
    while (!stop.load(std::memory_order_acquire)) {
      regions.help(first, [] { return false; });
      idle();
    }
  }

  /// Returns when there may be work: spins briefly, then sleeps.
  void idle() {
    auto due = [&] { return regions.hasWork() || stop.load(std::memory_order_acquire); };
    if (spinning && spinUntil(due))
      return;
    std::unique_lock<std::mutex> lock(mutex);
    sleepers.fetch_add(1); // seq_cst, before the predicate: pairs with wakeWorkers
    wake.wait(lock, due);
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

ThreadPool::ThreadPool(int threads, Placement placement)
    : impl_(std::make_unique<Impl>(availableCpus() > 1)) {
  std::vector<int> places = placement == Placement::Pinned ? cpusInOrder() : std::vector<int>();
  if (threads <= 0)
    threads = availableCpus();
  impl_->workers.reserve(static_cast<size_t>(threads - 1));
  for (int i = 0; i + 1 < threads; ++i) {
    try {
      impl_->workers.emplace_back([this, i] { impl_->workerLoop(i * 7 % Regions::maxRegions); });
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
  if (impl_->workers.empty()) {
    for (int64_t i = 0; i < count; ++i)
      task(arg, i);
    return;
  }
  impl_->regions.parallelFor(task, arg, count,
                             [this](int64_t wanted) { impl_->wakeWorkers(wanted); });
}

void ThreadPool::run(void *pool, ingot_task task, void *arg, int64_t count) {
  static_cast<ThreadPool *>(pool)->parallelFor(task, arg, count);
}

} // namespace ingot
