// ThreadPool: the threads behind ingot_parallel_for. A service makes one and shares it.
//
// Invariant: parallelFor returns when all items of ITS region are done, whatever other regions do;
// any number of threads may call it at once, also from inside a task (the calling thread takes
// part, so no region ever waits for a free worker). Idle workers sleep. Nothing depends on which
// thread runs an item: equal results for any thread count are the task's (the artifact's) promise.
#ifndef INGOT_THREAD_POOL_H
#define INGOT_THREAD_POOL_H

#include "ingot/artifact.h"

#include <cstdint>
#include <memory>
#include <type_traits>

namespace ingot {

/// Where a pool's workers run.
enum class Placement {
  Free,  ///< wherever the system puts them
  Pinned ///< each on one CPU of those this process may run on, on cores of their own first
};

class ThreadPool {
public:
  /// `threads` counts the caller: n starts n - 1 workers; 0 takes the CPUs this process may run on
  /// and has time for (a container's limit).
  /// When the system refuses a thread the pool works with those it got (see threadCount()).
  /// Pinned workers leave the first CPU to the caller, who is not pinned. One that the system does
  /// not let be pinned runs anywhere.
  explicit ThreadPool(int threads = 0, Placement placement = Placement::Free);
  /// Precondition: no parallelFor is in flight.
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// Threads that work on a region, the caller included; at least 1.
  int threadCount() const;

  /// Runs task(arg, 0) … task(arg, count - 1), each once, and returns when all are done. What the
  /// tasks wrote is visible afterwards. Tasks must not throw. Allocates nothing.
  void parallelFor(ingot_task task, void *arg, int64_t count);

  /// The same with any callable taking the index.
  template <typename F> void parallelFor(int64_t count, F &&body) {
    using Body = std::remove_reference_t<F>;
    parallelFor([](void *arg, int64_t index) { (*static_cast<Body *>(arg))(index); },
                const_cast<void *>(static_cast<const void *>(&body)), count);
  }

  /// An ingot_parallel_for whose `pool` is a ThreadPool.
  static void run(void *pool, ingot_task task, void *arg, int64_t count);

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace ingot

#endif // INGOT_THREAD_POOL_H
