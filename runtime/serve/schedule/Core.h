// Core: the threads of a scheduler, and which of them computes what. A worker takes a batch from
// the queue that has had the least time; without one, it helps the runs of others with their
// parallel loops; without these, it waits, first awake and then asleep.
//
// Invariant: at most as many threads compute as there are seats: a worker that runs or helps, and a
// caller that runs its own request inside submit, each have one. `mutex` guards what has no other
// word here and all of the queues' moving parts.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_CORE_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_CORE_H

#include "ingot/serve/Scheduler.h"
#include "runtime/core/Regions.h"
#include "runtime/serve/schedule/Pending.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace ingot::serve {

class Runner;

class Core {
public:
  explicit Core(int workers);
  Core(const Core &) = delete;
  Core &operator=(const Core &) = delete;

  /// Refuses requests from now on, serves what was accepted, and ends the threads.
  void stop();

  int workerCount() const { return static_cast<int>(threads_.size()); }
  /// What sessions run their loops with.
  SessionOptions sessionOptions();

  /// Whether this thread is inside a run or a `done`: it must not begin another run.
  static bool isBusyHere();

  std::mutex mutex;
  bool isClosed = false;
  int64_t accepted = 0;             ///< requests of all queues whose `done` has not returned
  std::vector<QueueCore *> waiting; ///< queues with requests in line
  std::set<QueueCore *> keepers;    ///< queues with memory that they may not need for long
  /// Of waiting queues, those that a worker could take from now.
  std::atomic<int> readyCount{0};
  /// The virtual time: that of the queue which was served last.
  double served = 0;
  std::condition_variable becameIdle;

  /// True: this thread may compute, until it calls releaseSeat.
  bool takeSeat();
  bool hasSeat() const { return seats_.load() > 0; }
  /// With the mutex, or by a worker that looks for work afterwards.
  void releaseSeat() { seats_.fetch_add(1); }

  /// Wakes a worker if there is something to take and nobody awake to see it.
  void wakeWorker();
  /// The queues are to be looked at by then at the latest. With the mutex.
  void lookAt(Clock::time_point time);

  /// Calls `done` of each, with neither mutex nor lock, and frees them.
  void deliver(Chain &chain);
  /// Runs what the queue took, and all that follows from it. The caller has a seat.
  void execute(QueueCore &queue, Runner &runner);

private:
  static void parallelFor(void *core, ingot_task task, void *arg, int64_t count);
  void work(int index);
  void idle();
  void keepTime();
  void lookAtQueues();
  QueueCore *nextQueue() const;
  bool isSomethingDue() const;
  void wakeHelpers(int64_t wanted);

  Regions regions_;
  const bool spinning_;
  std::atomic<int> seats_{0}, spinners_{0}, sleepers_{0};
  std::atomic<bool> stopping_{false};
  std::condition_variable wake_, timerWake_;
  Clock::time_point lookAt_ = Clock::time_point::max();
  std::vector<std::thread> threads_;
  std::thread timer_;
};

} // namespace ingot::serve

#endif
