#include "runtime/serve/schedule/QueueCore.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ingot::serve {

namespace {
constexpr int64_t mostRows = 1024; // of a run, unless the options say otherwise
constexpr int lookedAtMost = 256;  // requests that are asked whether they join a run
constexpr size_t limitsAtMost = 1024;

QueueOptions completed(QueueOptions options, const ingot_function &function, int workers) {
  if (options.maxRuns <= 0)
    options.maxRuns = workers;
  // Runs of such functions wait for each other anyhow.
  if (function.flags & INGOT_FUNCTION_EXCLUSIVE)
    options.maxRuns = 1;
  auto bound = [](auto &time) { time = std::min<std::decay_t<decltype(time)>>(time, longestWait); };
  bound(options.maxDelay);
  bound(options.keepIdle);
  bound(options.defaultTimeout);
  bound(options.sequenceIdle);
  return options;
}

std::vector<int64_t> carriedInputs(const Artifact &artifact, const ingot_function &function) {
  std::vector<int64_t> inputs;
  for (const ingot_carry &carry : artifact.carries(function))
    inputs.push_back(carry.input);
  return inputs;
}

int64_t maxRowsOf(const QueueOptions &options, const ingot_function &function,
                  const Joining &joining) {
  if (!joining.isBatched)
    return 0;
  if (options.maxBatchRows > 0)
    return std::min(options.maxBatchRows, joining.mostRows);
  if (function.symbol_count > 1) // it depends on the other sizes: limitFor
    return std::min(mostRows, joining.mostRows);
  return rowsWithin(function, joining, std::vector<int64_t>(1), options.arenaBytes);
}
} // namespace

QueueCore::QueueCore(std::shared_ptr<Core> core, std::shared_ptr<const Artifact> artifact,
                     std::shared_ptr<State> state, const ingot_function &function,
                     const Joining &joining, const QueueOptions &options, RunObserver observe)
    : core(std::move(core)), artifact(std::move(artifact)), state(std::move(state)),
      function(function), options(completed(options, function, this->core->workerCount())),
      joining(joining), carried(carriedInputs(*this->artifact, function)),
      maxRows(maxRowsOf(options, function, joining)),
      outputs(std::make_shared<OutputPool>(static_cast<size_t>(function.output_count),
                                           static_cast<size_t>(2 * this->options.maxRuns))),
      observe(std::move(observe)), lines_(static_cast<size_t>(options.priorityLevels)),
      sequences_(options.maxSequences, this->options.sequenceIdle) {}

/// Nobody has it any more: neither users nor requests.
QueueCore::~QueueCore() {
  std::lock_guard<std::mutex> lock(core->mutex);
  core->keepers.erase(this);
}

//===----------------------------------------------------------------------===//
// A request comes
//===----------------------------------------------------------------------===//

QueueCore::Limit QueueCore::makeLimit(std::vector<int64_t> symbols) const {
  Limit limit;
  limit.rowBytes = runBytes(function, symbols);
  if (joining.isBatched)
    limit.rows = options.maxBatchRows > 0
                     ? maxRows
                     : rowsWithin(function, joining, std::move(symbols), options.arenaBytes);
  return limit;
}

QueueCore::Limit QueueCore::limitFor(const std::vector<int64_t> &symbols) {
  std::vector<int64_t> key = symbols;
  if (joining.isBatched)
    key[static_cast<size_t>(joining.symbol)] = 1;
  {
    std::lock_guard<std::mutex> lock(limitsMutex_);
    if (auto known = limits_.find(key); known != limits_.end())
      return known->second;
  }
  Limit limit = makeLimit(key);
  std::lock_guard<std::mutex> lock(limitsMutex_);
  if (limits_.size() >= limitsAtMost)
    limits_.clear();
  limits_.emplace(std::move(key), limit);
  return limit;
}

Status QueueCore::tooLarge(int64_t bytes, const char *what) const {
  return Status(StatusCode::InvalidArgument,
                std::string("function '") + function.name + "': a request of these sizes needs " +
                    std::to_string(bytes) + " bytes for " + what + ", more than the " +
                    std::to_string(options.maxRequestBytes) + " that one may have");
}

/// Is it a request that could be run alone? Everything that is wrong with it is known before it
/// meets others.
Status QueueCore::check(Pending &pending) {
  pending.symbols.resize(static_cast<size_t>(function.symbol_count));
  pending.outcome.timing.rows = 1;
  INGOT_RETURN_IF_ERROR(
      carried.empty()
          ? checkInputs(artifact->table(), function, joining, pending.request.inputs,
                        pending.symbols.data())
          : checkStreamInputs(function, carried, pending.request.inputs, pending.symbols.data()));
  if (joining.isBatched)
    pending.rows = pending.symbols[static_cast<size_t>(joining.symbol)];
  pending.outcome.timing.rows = pending.rows;
  Limit limit = limitFor(pending.symbols);
  pending.limit = limit.rows;
  if (limit.rowBytes > options.maxRequestBytes)
    return tooLarge(limit.rowBytes, joining.isBatched ? "a row" : "its run");
  if (pending.rows > pending.limit) {
    if (int64_t bytes = outputBytes(function, pending.symbols); bytes > options.maxRequestBytes)
      return tooLarge(bytes, "its outputs");
    INGOT_ASSIGN_OR_RETURN(pending.whole, makeWhole(function, pending.symbols));
  }
  return Status::ok();
}

Status QueueCore::refusal(const Pending &pending, Clock::time_point now) const {
  if (isClosed_ || core->isClosed)
    return Status(StatusCode::Unavailable, std::string("function '") + function.name +
                                               "' of model '" + std::string(artifact->name()) +
                                               "' takes no more requests");
  if (pending.isCancelled())
    return Status(StatusCode::Cancelled, "the request was cancelled before it came");
  if (pending.request.deadline <= now)
    return Status(StatusCode::DeadlineExceeded, "the request's deadline was over when it came");
  if (waitingCount() >= options.maxQueued && !mayRunHere(pending) &&
      (waitingCount() > 0 || runs_ >= options.maxRuns || !core->hasSeat()))
    return Status(StatusCode::ResourceExhausted,
                  std::string("the queue of function '") + function.name + "' of model '" +
                      std::string(artifact->name()) +
                      "' is full: " + std::to_string(waitingCount()) + " requests wait");
  return Status::ok();
}

bool QueueCore::mayRunHere(const Pending &pending) const {
  return pending.request.mayRunHere && !pending.isSplit() && waitingCount() == 0 &&
         core->readyCount.load() == 0 && runs_ < options.maxRuns && options.maxDelay.count() == 0 &&
         core->hasSeat() && !Core::isBusyHere();
}

void QueueCore::submit(Request request) {
  auto now = Clock::now();
  auto pending = std::make_unique<Pending>();
  pending->request = std::move(request);
  pending->outcome.timing.submitted = now;
  Request &own = pending->request;
  own.priority = std::clamp(own.priority, 0, options.priorityLevels - 1);
  if (own.deadline == Clock::time_point::max() && options.defaultTimeout.count() > 0)
    own.deadline = now + options.defaultTimeout;
  Status status = check(*pending);
  Runner *runner = nullptr;
  std::list<Sequence> idle; // freed without the mutex
  if (status.isOk()) {
    std::lock_guard<std::mutex> lock(core->mutex);
    status = refusal(*pending, now);
    if (status.isOk() && !carried.empty() && !own.sequence.empty()) {
      auto sequence = sequences_.find(own, now, idle);
      status = sequence.status();
      pending->sequence = sequence.isOk() ? *sequence : nullptr;
    }
    if (status.isOk()) {
      accept(*pending, now);
      bool isItsTurn = !pending->sequence || sequences_.enter(*pending);
      if (!isItsTurn) {
        pending.release(); // the sequence has it
        updateListed();
        core->lookAt(own.deadline);
      } else if (mayRunHere(*pending) && core->takeSeat()) {
        runner = &takeRunner();
        addPart(*runner, pending.release(), now);
      } else {
        append(pending.release());
        updateReady(now);
        core->lookAt(own.deadline);
      }
    }
  }
  if (!status.isOk()) {
    pending->outcome.status = std::move(status);
    pending->outcome.timing.finished = Clock::now();
    if (own.done)
      own.done(std::move(pending->outcome));
    return;
  }
  if (!runner)
    return core->wakeWorker();
  // The queue may be let go of inside `done`.
  auto self = shared_from_this();
  std::shared_ptr<Core> owner = core;
  owner->execute(*this, *runner);
  {
    std::lock_guard<std::mutex> lock(owner->mutex);
    owner->releaseSeat();
  }
  owner->wakeWorker();
}

void QueueCore::accept(Pending &pending, Clock::time_point now) {
  pending.queue = shared_from_this();
  // A queue that had nothing to do has no claim on time that it did not want.
  if (acceptedHere++ == 0)
    served = std::max(served, core->served);
  ++core->accepted;
}

void QueueCore::forget() {
  bool isIdle = --acceptedHere == 0;
  isIdle |= --core->accepted == 0;
  if (isIdle)
    core->becameIdle.notify_all();
}

void QueueCore::append(Pending *pending) {
  lines_[static_cast<size_t>(pending->request.priority)].append(pending);
  pending->isInLine = true;
  ++queued_;
  queuedRows_ += pending->rows;
  updateListed();
}

void QueueCore::removeFromLine(Pending *pending) {
  lines_[static_cast<size_t>(pending->request.priority)].remove(pending);
  pending->isInLine = false;
  queuedRows_ -= pending->rows - pending->begun;
  --queued_;
  updateListed();
}

void QueueCore::updateListed() {
  bool isWaiting = waitingCount() > 0;
  auto &waiting = core->waiting;
  if (isWaiting && !isListed_)
    waiting.push_back(this);
  if (!isWaiting && isListed_)
    waiting.erase(std::find(waiting.begin(), waiting.end(), this));
  isListed_ = isWaiting;
}

/// A request has ended: the next of its sequence gets in line.
void QueueCore::endTurn(Pending &pending, Clock::time_point now) {
  if (!pending.sequence)
    return;
  if (Pending *next = sequences_.leave(pending, now))
    append(next);
  pending.sequence = nullptr;
  lookAfterIdle(now);
}

//===----------------------------------------------------------------------===//
// A worker takes a batch
//===----------------------------------------------------------------------===//

/// Whether nobody waits for it any more; its status says why, then.
bool QueueCore::isVain(Pending &pending, Clock::time_point now) const {
  bool isCancelled = pending.isCancelled();
  if (!isCancelled && pending.request.deadline > now)
    return false;
  if (pending.outcome.status.isOk())
    pending.outcome.status =
        isCancelled ? Status(StatusCode::Cancelled, "the request was cancelled while it waited")
                    : Status(StatusCode::DeadlineExceeded,
                             "the request's deadline was over before it began");
  return true;
}

/// What is in vain leaves the line.
bool QueueCore::dropIfVain(Pending *pending, Clock::time_point now, Chain &dropped) {
  if (!isVain(*pending, now))
    return false;
  removeFromLine(pending);
  if (pending->parts == 0) { // else when the last of them is finished
    endTurn(*pending, now);
    dropped.append(pending);
  }
  return true;
}

void QueueCore::dropExpired(Clock::time_point now, Chain &dropped) {
  sequences_.forWaiting([&](Pending *pending) {
    if (!isVain(*pending, now))
      return;
    sequences_.giveUp(*pending);
    dropped.append(pending);
  });
  for (Line &line : lines_)
    for (Pending *pending = line.front(), *next; pending; pending = next) {
      next = pending->after;
      dropIfVain(pending, now, dropped);
    }
  updateListed();
}

/// Beside those that the runner has.
bool QueueCore::mayTakeToo(const Runner &runner, const Pending &pending) const {
  const Pending &first = *runner.parts.front().pending;
  int64_t rest = pending.rows - pending.begun;
  return runner.rows > 0 && rest > 0 && rest <= first.limit - runner.rows &&
         mayJoin(joining, first.symbols, pending.symbols);
}

Runner *QueueCore::take(Clock::time_point now, Chain &dropped) {
  Runner *runner = nullptr;
  int looked = 0;
  auto isFull = [&] {
    return runner && (runner->rows >= runner->parts.front().pending->limit || runner->rows == 0 ||
                      looked >= lookedAtMost);
  };
  for (Line &line : lines_)
    for (Pending *pending = line.front(), *next; pending && !isFull(); pending = next, ++looked) {
      next = pending->after;
      if (dropIfVain(pending, now, dropped))
        continue;
      if (!runner)
        runner = &takeRunner();
      else if (!mayTakeToo(*runner, *pending))
        continue;
      addPart(*runner, pending, now);
    }
  updateReady(now);
  return runner;
}

Runner &QueueCore::takeRunner() {
  ++runs_;
  if (idle_.empty()) {
    auto session = Session::create(artifact, function.name); // as it did when the queue was made
    runners_.push_back(std::make_unique<Runner>(
        std::move(*session), *state, joining, !carried.empty(), *outputs, core->sessionOptions()));
    idle_.push_back(runners_.back().get());
  }
  Runner &runner = *idle_.back();
  idle_.pop_back();
  runnerBytes_ -= runner.bytes();
  core->served = std::max(core->served, served);
  runner.charged = meanRun_; // until it is known what this run takes
  served += runner.charged / options.weight;
  return runner;
}

/// The rest of a request, or its next part, of several about as large.
void QueueCore::addPart(Runner &runner, Pending *pending, Clock::time_point now) {
  int64_t rest = pending->rows - pending->begun;
  if (rest > pending->limit) {
    int64_t parts = (rest + pending->limit - 1) / pending->limit;
    rest = (rest + parts - 1) / parts;
  }
  Part part;
  part.pending = pending;
  part.first = pending->begun;
  part.rows = rest;
  runner.parts.push_back(std::move(part));
  runner.rows += rest;
  pending->begun += rest;
  ++pending->parts;
  if (++pending->outcome.timing.runs == 1)
    pending->outcome.timing.started = now;
  if (pending->isInLine) {
    queuedRows_ -= rest;
    if (pending->begun == pending->rows)
      removeFromLine(pending);
  }
}

//===----------------------------------------------------------------------===//
// A run ends
//===----------------------------------------------------------------------===//

void QueueCore::finish(Runner &runner, Clock::time_point now, Chain &finished) {
  double took = std::chrono::duration<double, std::nano>(runner.gatherTime + runner.runTime +
                                                         runner.scatterTime)
                    .count();
  for (Part &part : runner.parts) {
    Pending &pending = *part.pending;
    Timing &timing = pending.outcome.timing;
    timing.gather += runner.gatherTime;
    timing.run += runner.runTime;
    timing.scatter += runner.scatterTime;
    timing.runRows = std::max(timing.runRows, runner.rows);
    --pending.parts;
    if (!part.status.isOk() && pending.outcome.status.isOk()) {
      pending.outcome.status = std::move(part.status);
      if (pending.isInLine)
        removeFromLine(&pending); // its other parts are in vain
    }
    for (AlignedBlock &text : part.texts)
      pending.whole->texts.push_back(std::move(text));
    if (pending.parts == 0 && !pending.isInLine) {
      endTurn(pending, now);
      finished.append(&pending);
    }
  }
  if (observe)
    observe({runner.rows, static_cast<int>(runner.parts.size()), runner.gatherTime, runner.runTime,
             runner.scatterTime});
  served += (took - runner.charged) / options.weight;
  meanRun_ = meanRun_ == 0 ? took : meanRun_ + (took - meanRun_) / 8;
  runner.parts.clear();
  runner.rows = 0;
  runnerBytes_ += runner.bytes();
  runner.lastUsed = now;
  idle_.push_back(&runner);
  --runs_;
  lookAfterIdle(now);
  updateReady(now);
}

//===----------------------------------------------------------------------===//
// As a whole
//===----------------------------------------------------------------------===//

void QueueCore::close() {
  {
    std::lock_guard<std::mutex> lock(core->mutex);
    isClosed_ = true;
    updateReady(Clock::now());
  }
  core->wakeWorker();
}

bool QueueCore::awaitIdle(Clock::time_point deadline) {
  std::unique_lock<std::mutex> lock(core->mutex);
  auto isIdle = [&] { return acceptedHere == 0; };
  if (deadline != Clock::time_point::max())
    return core->becameIdle.wait_until(lock, deadline, isIdle);
  core->becameIdle.wait(lock, isIdle);
  return true;
}

/// By the mean of recent runs and this queue's share of the workers.
std::chrono::nanoseconds QueueCore::expectedWait() const {
  if (queued_ == 0 && runs_ < options.maxRuns && core->hasSeat())
    return {};
  double weights = 0;
  for (const QueueCore *queue : core->waiting)
    weights += queue->options.weight;
  double share =
      queued_ > 0 ? options.weight / weights : options.weight / (weights + options.weight);
  double places = std::max(1.0, std::min<double>(options.maxRuns, core->workerCount() * share));
  int64_t ahead = joining.isBatched ? (queuedRows_ + maxRows - 1) / maxRows : queued_;
  return std::chrono::nanoseconds(
      static_cast<int64_t>(meanRun_ * static_cast<double>(ahead + 1) / places));
}

QueueStatus QueueCore::status() {
  std::lock_guard<std::mutex> lock(core->mutex);
  QueueStatus status;
  status.queuedRequests = waitingCount();
  status.queuedRows = queuedRows_ + sequences_.waitingCount();
  status.runningRequests = acceptedHere - waitingCount();
  status.isClosed = isClosed_ || core->isClosed;
  status.sessionBytes = runnerBytes_ + outputs->idleBytes();
  status.sequences = sequences_.count();
  status.expectedWait = expectedWait();
  return status;
}

} // namespace ingot::serve
