// Scheduler: runs requests of many callers on a fixed number of threads, joining those that wait
// for the same function into one batch. The part of the server that needs no network: a service
// that embeds models uses it directly.
//
//   ingot::serve::Scheduler scheduler;                           // as many threads as CPUs
//   auto queue = scheduler.createQueue(artifact, state, "predict");  // Result<shared_ptr<Queue>>
//   ingot::serve::Request request;
//   request.inputs = {images};                                   // a view; `owner` keeps it alive
//   request.done = [](ingot::serve::Outcome outcome) { … };
//   (*queue)->submit(std::move(request));
//
// Invariant: `done` of each request is called exactly once, whatever happens, and results do not
// depend on what a request was joined with: a row has the same bits in any batch. Nothing waits
// without need: a free worker takes what there is (QueueOptions::maxDelay is 0 by default).
// Workers that have no run of their own help those that have (ingot_parallel_for), so one request
// alone has all CPUs and many have one each; a process needs no other pool.
//
// All functions may be called from any thread. Queues are served fairly: the worker takes from the
// one that has had the least time, by weight.
#ifndef INGOT_SERVE_SCHEDULER_H
#define INGOT_SERVE_SCHEDULER_H

#include "ingot/Model.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

using Clock = std::chrono::steady_clock;

/// Set by whoever waits for a request and no longer does; shared with the request.
class Cancellation {
public:
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool isCancelled() const { return cancelled_.load(std::memory_order_relaxed); }

private:
  std::atomic<bool> cancelled_{false};
};

/// When what happened to a request. Of a request that was split: its first and last run.
struct Timing {
  Clock::time_point submitted, started,
      finished;                        ///< started: a worker took it; finished: before `done`
  std::chrono::nanoseconds gather{0};  ///< joining the inputs of the run it was part of
  std::chrono::nanoseconds run{0};     ///< the compiled function alone
  std::chrono::nanoseconds scatter{0}; ///< taking its outputs apart
  int64_t rows = 0;                    ///< rows of the request; 1 where the function has no batch
  int64_t runRows = 0;                 ///< rows of the (largest) run it was part of
  int64_t runs = 0;                    ///< runs it was split into; 0: none was begun
};

/// What a request came to.
struct Outcome {
  /// InvalidArgument (inputs; a sequence that has not begun), OutOfRange, DeadlineExceeded,
  /// Cancelled, ResourceExhausted (the queue is full, or memory), Unavailable (the queue is
  /// closed), Internal.
  Status status;
  /// In the order of function().outputs; empty unless the status is ok. They borrow from `owner`.
  std::vector<Tensor> outputs;
  std::shared_ptr<const void> owner;
  Timing timing;
};

struct Request {
  /// In the order of function().inputs, without those carried (see `sequence`). Dims and data stay
  /// where they are until `done` is called or `owner` is let go, whichever is later.
  std::vector<TensorView> inputs;
  std::shared_ptr<const void> owner;
  /// 0 is most urgent; at most QueueOptions::priorityLevels - 1 (larger ones count as that).
  int priority = 0;
  /// What has not begun by then is not begun, and ends with DeadlineExceeded.
  Clock::time_point deadline = Clock::time_point::max();
  std::shared_ptr<const Cancellation> cancellation; ///< or null
  /// True: submit may run it on the calling thread, if a worker's place is free.
  bool mayRunHere = false;
  /// Of a stream (a function that carries values from run to run): the sequence that this request
  /// goes on with. Its requests are run one after another, as they came, each with what the one
  /// before left. "": what is carried is zeros, and forgotten after the run.
  std::string sequence;
  bool sequenceStart = false; ///< it begins here: what is carried is zeros
  bool sequenceEnd = false;   ///< it is forgotten after this request
  /// Called once, on a thread of the scheduler or inside submit; must not block for long, and not
  /// throw. It may submit, and let go of queues.
  std::function<void(Outcome)> done;
};

inline constexpr int mostPriorityLevels = 1000;

/// Durations longer than a hundred years are as good as that.
struct QueueOptions {
  /// Rows that one run takes at most; more wait, and larger requests are split. 0: as many as keep
  /// arena, inputs and outputs within `arenaBytes`, a power of two, at most 1024.
  int64_t maxBatchRows = 0;
  int64_t arenaBytes = int64_t{256} << 20;
  /// A request that needs more than this although it runs alone, by arena, inputs and outputs of a
  /// row (of the whole where it has no batch) or by all of its outputs, is refused
  /// (InvalidArgument): few bytes of sizes must not take all memory.
  int64_t maxRequestBytes = int64_t{4} << 30;
  /// How long a request may wait for others to join it, although a worker is free.
  std::chrono::microseconds maxDelay{0};
  /// Requests that wait at most, those running not counted; more end with ResourceExhausted.
  int64_t maxQueued = 4096;
  int priorityLevels = 1; ///< at most mostPriorityLevels
  /// Runs of this queue at the same time, each with an arena of its own. 0: as many as workers.
  int maxRuns = 0;
  /// Arenas and outputs that no run needed for that long are freed; the next one that does makes
  /// its own again. Zero: kept as long as the queue.
  std::chrono::milliseconds keepIdle{30000};
  /// Share of the workers' time beside other queues, > 0.
  double weight = 1;
  /// For requests without a deadline; zero: none.
  std::chrono::microseconds defaultTimeout{0};
  /// Sequences of a stream at the same time; one more ends with ResourceExhausted.
  int64_t maxSequences = 4096;
  /// A sequence that nobody asked for that long is forgotten.
  std::chrono::milliseconds sequenceIdle{60000};
  /// How it is known that no row of a batch depends on another. False: a few rows of arbitrary
  /// values are run together and each by itself when the queue is made (on the calling thread,
  /// twice three rows), and requests are joined only if these have the same bits. True: the
  /// signature is enough.
  bool trustRows = false;
};

/// Finding out whether no row depends on another, where QueueOptions::trustRows is false.
struct RowProbe {
  /// What came of it before, for the same function and state: it is not done again then.
  std::optional<bool> areIndependent;
  /// Asked before each kernel of its runs: may wait, so that others have the processors, and ends
  /// it by a status, which createQueue returns.
  std::function<Status()> goOn;
};

/// A run of the compiled function, which several requests may have had a part in.
struct RunRecord {
  int64_t rows = 0; ///< 0 where the function has no batch
  int requests = 0;
  std::chrono::nanoseconds gather{0}, run{0}, scatter{0}; ///< as in Timing
};
/// Called after each run, from the thread that ran it, with the queue's lock held: must be short,
/// and not call the queue.
using RunObserver = std::function<void(const RunRecord &)>;

/// A queue as it is now.
struct QueueStatus {
  int64_t queuedRequests = 0, queuedRows = 0;
  int64_t runningRequests = 0;
  bool isClosed = false;
  int64_t sessionBytes = 0; ///< arenas and outputs of its sessions
  int64_t sequences = 0;    ///< of a stream: those that go on
  /// When a request that came now would begin, by what recent runs took.
  std::chrono::nanoseconds expectedWait{0};
};

/// The requests of one function of one model.
class Queue {
public:
  virtual ~Queue() = default;
  virtual const Artifact &artifact() const = 0;
  virtual const ingot_function &function() const = 0;
  /// True: the first dimension of all inputs and outputs is one free symbol, nothing else depends
  /// on it, and no row on another (QueueOptions::trustRows), so requests are joined and split along
  /// it. False: each runs alone.
  virtual bool isBatched() const = 0;
  /// Rows of a run at most; 0 where it is not batched.
  virtual int64_t maxBatchRows() const = 0;

  virtual void submit(Request request) = 0;
  virtual QueueStatus status() const = 0;

  /// From now on requests are refused (Unavailable); those accepted are served. Returns at once.
  virtual void close() = 0;
  /// After close: waits until the last accepted request is done: its `done` has returned and its
  /// `owner` is let go. False: not by `deadline`. Not from inside a `done`.
  virtual bool awaitIdle(Clock::time_point deadline) = 0;
};

struct SchedulerOptions {
  /// Threads; 0: the CPUs this process may run on, as its control group (a container) allows.
  int workers = 0;
};

class Scheduler {
public:
  explicit Scheduler(const SchedulerOptions &options = {});
  /// Closes all queues, serves what they have accepted, and stops. Not from inside a `done`.
  ~Scheduler();
  Scheduler(const Scheduler &) = delete;
  Scheduler &operator=(const Scheduler &) = delete;

  int workerCount() const;

  /// A queue for a function that only reads the state, which it shares with other readers. It may
  /// outlive the scheduler (and refuses then); letting go of the last pointer closes it, and frees
  /// state and artifact when the last accepted request is done. NotFound, Unsupported
  /// (Session::create; a function that writes its state), InvalidArgument (options), and what the
  /// probe's `goOn` says.
  Result<std::shared_ptr<Queue>> createQueue(std::shared_ptr<const Artifact> artifact,
                                             std::shared_ptr<State> state,
                                             std::string_view function,
                                             const QueueOptions &options = {},
                                             RunObserver observe = {}, const RowProbe &probe = {});

private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

} // namespace ingot::serve

#endif // INGOT_SERVE_SCHEDULER_H
