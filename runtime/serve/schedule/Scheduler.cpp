// What users see of the scheduler; Core has its threads, QueueCore a function's requests.
#include "ingot/serve/Scheduler.h"
#include "runtime/core/Cpus.h"
#include "runtime/serve/schedule/ProbeRows.h"
#include "runtime/serve/schedule/QueueCore.h"

#include <string>
#include <utility>

namespace ingot::serve {

struct Scheduler::Impl {
  std::shared_ptr<Core> core;
};

namespace {

/// Users' hold on a queue: letting go of the last one closes it.
class Handle final : public Queue {
public:
  explicit Handle(std::shared_ptr<QueueCore> core) : core_(std::move(core)) {}
  ~Handle() override { core_->close(); }
  const Artifact &artifact() const override { return *core_->artifact; }
  const ingot_function &function() const override { return core_->function; }
  bool isBatched() const override { return core_->joining.isBatched; }
  int64_t maxBatchRows() const override { return core_->maxRows; }
  void submit(Request request) override { core_->submit(std::move(request)); }
  QueueStatus status() const override { return core_->status(); }
  void close() override { core_->close(); }
  bool awaitIdle(Clock::time_point deadline) override { return core_->awaitIdle(deadline); }

private:
  const std::shared_ptr<QueueCore> core_;
};

Status checkOptions(const QueueOptions &options) {
  auto refused = [](const char *what) {
    return Status(StatusCode::InvalidArgument, std::string("options of a queue: ") + what);
  };
  if (options.maxBatchRows < 0)
    return refused("maxBatchRows must not be negative");
  if (options.maxDelay.count() < 0)
    return refused("maxDelay must not be negative");
  if (options.maxQueued < 0)
    return refused("maxQueued must not be negative");
  if (options.priorityLevels < 1 || options.priorityLevels > mostPriorityLevels)
    return refused("priorityLevels must be 1 to 1000");
  if (options.maxRuns < 0)
    return refused("maxRuns must not be negative");
  if (!(options.weight > 0) || options.weight > 1e9)
    return refused("weight must be above 0");
  if (options.defaultTimeout.count() < 0)
    return refused("defaultTimeout must not be negative");
  if (options.arenaBytes < 0 || options.maxRequestBytes < 0)
    return refused("arenaBytes and maxRequestBytes must not be negative");
  if (options.keepIdle.count() < 0)
    return refused("keepIdle must not be negative");
  if (options.sequenceIdle.count() < 0)
    return refused("sequenceIdle must not be negative");
  if (options.maxSequences < 1)
    return refused("maxSequences must be 1 at least");
  return Status::ok();
}

/// Can it be served, many at once from one state?
Status checkFunction(const Artifact &artifact, const State &state, const ingot_function &function) {
  std::string name =
      std::string("function '") + function.name + "' of model '" + std::string(artifact.name());
  if (&state.artifact()->table() != &artifact.table())
    return Status(StatusCode::InvalidArgument, name + "' was given a state of another artifact ('" +
                                                   std::string(state.artifact()->name()) + "')");
  if (function.flags & INGOT_FUNCTION_WRITES_STATE)
    return Status(StatusCode::Unsupported,
                  name + "' writes the model's state: only functions that read it are served");
  return Status::ok();
}
} // namespace

Scheduler::Scheduler(const SchedulerOptions &options) : impl_(std::make_shared<Impl>()) {
  impl_->core = std::make_shared<Core>(options.workers > 0 ? options.workers : availableCpus());
}

Scheduler::~Scheduler() { impl_->core->stop(); }

int Scheduler::workerCount() const { return impl_->core->workerCount(); }

Result<std::shared_ptr<Queue>> Scheduler::createQueue(std::shared_ptr<const Artifact> artifact,
                                                      std::shared_ptr<State> state,
                                                      std::string_view name,
                                                      const QueueOptions &options,
                                                      RunObserver observe, const RowProbe &probe) {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  if (!artifact || !state)
    return Status(StatusCode::InvalidArgument, "a queue needs an artifact and a state");
  if (workerCount() == 0)
    return Status(StatusCode::ResourceExhausted,
                  "the system refused the scheduler all of its threads");
  INGOT_ASSIGN_OR_RETURN(const ingot_function *function, artifact->function(name));
  INGOT_RETURN_IF_ERROR(checkFunction(*artifact, *state, *function));
  // Whatever it refuses, it refuses now.
  if (auto session = Session::create(artifact, name); !session.isOk())
    return session.status();
  Joining joining = findJoining(artifact->table(), *function);
  if (!artifact->carries(*function).empty())
    joining.isBatched = false; // each stream is its own
  else if (joining.isBatched && !options.trustRows && probe.areIndependent)
    joining.isBatched = *probe.areIndependent;
  else if (joining.isBatched && !options.trustRows) {
    INGOT_ASSIGN_OR_RETURN(joining.isBatched,
                           areRowsIndependent(artifact, *state, *function, joining, probe.goOn));
  }
  return std::shared_ptr<Queue>(std::make_shared<Handle>(
      std::make_shared<QueueCore>(impl_->core, std::move(artifact), std::move(state), *function,
                                  joining, options, std::move(observe))));
}

} // namespace ingot::serve
