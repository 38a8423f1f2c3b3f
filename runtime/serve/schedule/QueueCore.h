// QueueCore: the requests of one function, waiting and running. Held by the Queue that users have
// and by each request, so that it lives until the last of them is done.
//
// Invariant: what is not marked immutable is guarded by Core::mutex; functions that want it held
// say so.
#ifndef INGOT_RUNTIME_SERVE_SCHEDULE_QUEUECORE_H
#define INGOT_RUNTIME_SERVE_SCHEDULE_QUEUECORE_H

#include "runtime/serve/schedule/Core.h"
#include "runtime/serve/schedule/Joining.h"
#include "runtime/serve/schedule/Runner.h"
#include "runtime/serve/schedule/Sequences.h"

#include <list>
#include <map>
#include <memory>
#include <vector>

namespace ingot::serve {

struct QueueCore : std::enable_shared_from_this<QueueCore> {
  QueueCore(std::shared_ptr<Core> core, std::shared_ptr<const Artifact> artifact,
            std::shared_ptr<State> state, const ingot_function &function, const Joining &joining,
            const QueueOptions &options, RunObserver observe);
  ~QueueCore();

  // Immutable.
  const std::shared_ptr<Core> core;
  const std::shared_ptr<const Artifact> artifact;
  const std::shared_ptr<State> state;
  const ingot_function &function;
  const QueueOptions options; ///< maxRuns is a number of runs; no time is too long for the clock
  const Joining joining;
  const std::vector<int64_t> carried; ///< the inputs that a stream carries; none: it is not one
  const int64_t maxRows;              ///< of a run of any sizes; 0 where it is not batched
  const std::shared_ptr<OutputPool> outputs;
  const RunObserver observe; ///< or none

  void submit(Request request);
  void close();
  QueueStatus status();
  bool awaitIdle(Clock::time_point deadline);

  // With the mutex held:
  bool isReady = false; ///< a worker may take from it now
  double served = 0;    ///< time that it has had by its weight, in ns
  /// A runner with what it is to run; null where everything in line was to be dropped.
  Runner *take(Clock::time_point now, Chain &dropped);
  void finish(Runner &runner, Clock::time_point now, Chain &finished);
  void dropExpired(Clock::time_point now, Chain &dropped);
  void updateReady(Clock::time_point now);
  /// When it next wants to be looked at: a deadline, or the end of the time to join.
  Clock::time_point nextEvent();
  /// Takes away what was not used for a while, for the caller to free without the mutex.
  struct Idle {
    std::vector<std::unique_ptr<Runner>> runners;
    std::vector<std::unique_ptr<OutputSet>> outputs;
    std::list<Sequence> sequences;
  };
  void takeIdle(Clock::time_point now, Idle &taken);
  /// When it next has something to take away, at the earliest.
  Clock::time_point nextIdle(Clock::time_point now) const;
  int64_t acceptedHere = 0;
  /// A request ended: `done` has returned.
  void forget();

private:
  Status check(Pending &pending);
  /// Of runs of certain sizes but the batch.
  struct Limit {
    int64_t rows = 1;     ///< of a run at most
    int64_t rowBytes = 0; ///< that a run of one row needs
  };
  Limit makeLimit(std::vector<int64_t> symbols) const;
  Limit limitFor(const std::vector<int64_t> &symbols);
  Status tooLarge(int64_t bytes, const char *what) const;
  Status refusal(const Pending &pending, Clock::time_point now) const;
  bool mayRunHere(const Pending &pending) const;
  void accept(Pending &pending, Clock::time_point now);
  void append(Pending *pending);
  void removeFromLine(Pending *pending);
  void updateListed();
  int64_t waitingCount() const { return queued_ + sequences_.waitingCount(); }
  void endTurn(Pending &pending, Clock::time_point now);
  bool isVain(Pending &pending, Clock::time_point now) const;
  bool dropIfVain(Pending *pending, Clock::time_point now, Chain &dropped);
  bool mayTakeToo(const Runner &runner, const Pending &pending) const;
  Runner &takeRunner();
  void addPart(Runner &runner, Pending *pending, Clock::time_point now);
  Clock::time_point readyAt() const;
  void lookAfterIdle(Clock::time_point now);
  bool takeIdleRunners(Clock::time_point now, Idle &taken);
  std::chrono::nanoseconds expectedWait() const;

  bool isClosed_ = false;
  std::vector<Line> lines_;             // one a priority
  int64_t queued_ = 0, queuedRows_ = 0; // in line
  bool isListed_ = false;               // in Core::waiting
  Sequences sequences_;
  int runs_ = 0;
  double meanRun_ = 0; // ns of a run with all that belongs to it
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<Runner *> idle_;
  int64_t runnerBytes_ = 0;
  std::mutex limitsMutex_;
  std::map<std::vector<int64_t>, Limit> limits_; // by the symbols, the batch being 1
};

} // namespace ingot::serve

#endif
