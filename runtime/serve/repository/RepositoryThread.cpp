// The loop of the repository's thread: plans, loads, swaps, frees. See RepositoryThread.h.
#include "runtime/serve/repository/RepositoryThread.h"

#include <algorithm>
#include <malloc.h>
#include <pthread.h>

namespace ingot::serve {

RepositoryThread::RepositoryThread(Scheduler &scheduler, RepositoryOptions options,
                                   std::function<void(const LoadEvent &)> observe)
    : scheduler_(scheduler), options_(std::move(options)), observe_(std::move(observe)) {}

RepositoryThread::~RepositoryThread() {
  if (thread_.joinable()) {
    mailbox_->post([this] { isStopping_ = true; });
    thread_.join();
  }
  mailbox_->close(); // from here on versions are freed by whoever lets go of them
  for (auto &[name, model] : models_)
    for (auto &[number, version] : model->versions)
      if (version.isCancelled)
        version.isCancelled->store(true, std::memory_order_relaxed);
  compiler_.reset();
  loader_.reset();
  freer_.reset();
}

Status RepositoryThread::start() {
  INGOT_RETURN_IF_ERROR(scan({"*"}));
  for (const std::string &name :
       options_.isExplicit ? options_.loadAtStart : std::vector<std::string>()) {
    if (name != "*" && !models_.count(name))
      return Status(StatusCode::NotFound, "there is no model '" + name + "' to load at the start");
    for (auto &[other, model] : models_)
      model->isWanted |= name == "*" || name == other;
  }
  for (auto &[name, model] : models_)
    model->isCountedIn = true;
  loader_ = std::make_unique<Loader>("ingot-load", options_.loadThreads);
  compiler_ = std::make_unique<Loader>("ingot-compile", options_.loadThreads);
  freer_ = std::make_unique<Loader>("ingot-free", 1);
  step();
  thread_ = std::thread([this] { work(); });
  return Status();
}

void RepositoryThread::work() {
  pthread_setname_np(pthread_self(), "ingot-models");
  for (;;) {
    Clock::time_point deadline = wake_;
    if (options_.pollInterval.count() > 0)
      deadline = std::min(deadline, nextPoll_);
    auto calls = mailbox_->take(deadline);
    for (auto &call : calls)
      call();
    calls.clear();
    if (isStopping_)
      return;
    if (options_.pollInterval.count() > 0 && Clock::now() >= nextPoll_)
      (void)scan({}); // what is wrong is in the models' statuses
    step();
  }
}

void RepositoryThread::step() {
  const auto now = Clock::now();
  wake_ = Clock::time_point::max();
  std::set<std::string> pending;
  for (auto it = models_.begin(); it != models_.end();) {
    ManagedModel &model = *it->second;
    applyConfig(model);
    const ManagedModel::Plan plan = model.plan(now, options_.sourceSettleTime);
    if (!isLoadingStopped_)
      for (int64_t number : plan.load)
        startLoad(model, number);
    for (int64_t number : plan.unload)
      model.versions[number].serving.reset(); // the snapshot before still has it
    wake_ = std::min(wake_, plan.wake);
    if (plan.isPending)
      pending.insert(model.name);
    const bool isForgotten = !model.isListed && model.isIdle() && plan.load.empty();
    it = isForgotten ? models_.erase(it) : std::next(it);
  }
  publish();
  checkReady(pending);
  if (isLoadingStopped_)
    waiters_.clear(); // the end of an Answer says why
  answerWaiters(pending);
  for (auto &[done, status] : answers_)
    done->give(status);
  answers_.clear();
}

void RepositoryThread::publish() {
  auto snapshot = std::make_shared<Snapshot>();
  for (const auto &[name, model] : models_)
    snapshot->models.emplace(name, model->snapshot());
  newest_.set(snapshot);
}

void RepositoryThread::checkReady(const std::set<std::string> &pending) {
  std::lock_guard lock(readyMutex_);
  if (isReady_)
    return;
  for (const auto &[name, model] : models_)
    if (model->isCountedIn && pending.count(name))
      return;
  isReady_ = true;
  readyChanged_.notify_all();
}

void RepositoryThread::answerWaiters(const std::set<std::string> &pending) {
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    if (std::any_of(waiter->models.begin(), waiter->models.end(),
                    [&](const std::string &name) { return pending.count(name) != 0; })) {
      ++waiter;
      continue;
    }
    for (const std::string &name : waiter->models) {
      auto model = models_.find(name);
      if (!waiter->first.isOk() || model == models_.end() || !model->second->isWanted)
        continue;
      if (!model->second->error.isOk())
        waiter->first = model->second->error.withContext("model '" + name + "'");
      else if (waiter->wantsAVersion && !model->second->isServing())
        waiter->first = model->second->whyNothing().withContext("model '" + name + "'");
    }
    answers_.emplace_back(waiter->done, waiter->first);
    waiter = waiters_.erase(waiter);
  }
}

//===----------------------------------------------------------------------===//
// A version's life
//===----------------------------------------------------------------------===//

CompilerOptions RepositoryThread::compilerOptions() const {
  CompilerOptions compiler;
  compiler.program = options_.compiler;
  compiler.cacheDirectory = options_.compileCacheDirectory;
  compiler.cacheBytes = options_.compileCacheBytes;
  compiler.memoryBytes = options_.compileMemoryBytes;
  compiler.timeout = options_.compileTimeout;
  return compiler;
}

void RepositoryThread::startLoad(ManagedModel &model, int64_t number) {
  ManagedVersion &version = model.versions[number];
  version.isLoading = true;
  version.loadingFingerprint = version.found.fingerprint;
  version.isCancelled = std::make_shared<std::atomic<bool>>(false);
  auto request = std::make_shared<LoadRequest>();
  request->model = model.name;
  request->found = version.found;
  request->config = model.config;
  request->warmUp = options_.warmUp;
  request->isPaced = isReady(); // until then nobody is served
  request->compiler = compilerOptions();
  request->isCancelled = version.isCancelled;
  Loader &loader = request->found.content == FoundVersion::Content::Source ? *compiler_ : *loader_;
  loader.run([this, request, number, mailbox = mailbox_, &scheduler = scheduler_] {
    auto result = std::make_shared<LoadResult>(loadVersion(scheduler, *request));
    mailbox->post([this, name = request->model, number, result] {
      onLoaded(name, number, std::move(*result));
    });
  });
}

void RepositoryThread::onLoaded(const std::string &name, int64_t number, LoadResult result) {
  ManagedModel &model = *models_.at(name); // not forgotten while it loads
  ManagedVersion &version = model.versions.at(number);
  version.isLoading = false;
  const bool isCancelled = version.isCancelled->load(std::memory_order_relaxed);
  version.isCancelled.reset();
  if (isCancelled) { // whatever came of it; freed where it does not disturb
    freer_->run([loaded = std::shared_ptr<ModelVersion>(std::move(result.version))] {});
    return;
  }
  if (result.status.isOk()) {
    version.failures = 0;
    version.error = Status();
    version.servingFingerprint = version.loadingFingerprint;
    serve(name, number, std::move(result.version));
  } else {
    model.loadFailed(number, result.status, Clock::now(),
                     {options_.maxLoadRetries, options_.loadRetryInterval});
    const Status error =
        result.status.withContext("version " + std::to_string(number) + " of model '" + name + "'");
    for (Waiter &waiter : waiters_)
      if (waiter.models.count(name) && waiter.first.isOk())
        waiter.first = error;
  }
  if (observe_)
    observe_({name, number, /*isUnload=*/false, result.status, result.took, result.compiled});
}

void RepositoryThread::serve(const std::string &name, int64_t number,
                             std::unique_ptr<ModelVersion> loaded) {
  ManagedVersion &version = models_.at(name)->versions.at(number);
  ++version.loadedObjects;
  // Whoever lets go of it last, perhaps a worker after its last request, only sends a letter.
  auto release = [this, mailbox = mailbox_, name, number](const ModelVersion *released) {
    std::shared_ptr<const ModelVersion> owner(released);
    mailbox->post([this, name, number, owner] { onReleased(name, number, owner); });
  };
  version.serving = std::shared_ptr<const ModelVersion>(loaded.release(), std::move(release));
}

void RepositoryThread::onReleased(const std::string &name, int64_t number,
                                  std::shared_ptr<const ModelVersion> released) {
  freer_->run([this, name, number, mailbox = mailbox_, version = std::move(released)]() mutable {
    const auto begin = Clock::now();
    for (const ServedFunction &served : version->functions)
      if (served.queue.use_count() == 1) { // else another config of the version has it
        served.queue->close();
        served.queue->awaitIdle(begin + std::chrono::seconds(60));
      }
    version.reset();
    const auto took = Clock::now() - begin;
    mailbox->post([this, name, number, took] { onFreed(name, number, took); });
  });
}

void RepositoryThread::onFreed(const std::string &name, int64_t number,
                               std::chrono::nanoseconds took) {
  // Here and not on the thread that frees: it takes locks of malloc's that serving wants, too, and
  // who holds them should have a processor.
  malloc_trim(0);
  ManagedVersion &version = models_.at(name)->versions.at(number);
  --version.loadedObjects;
  if (version.loadedObjects == 0 && observe_)
    observe_({name, number, /*isUnload=*/true, Status(), took, {}});
}

//===----------------------------------------------------------------------===//
// For others' threads
//===----------------------------------------------------------------------===//

Result<std::shared_ptr<const ModelVersion>>
RepositoryThread::find(std::string_view model, const VersionChoice &choice) const {
  const std::shared_ptr<const Snapshot> snapshot = newest_.get();
  INGOT_ASSIGN_OR_RETURN(const ModelSnapshot *found, snapshot->model(model));
  return found->find(choice);
}

Result<ModelStatus> RepositoryThread::status(std::string_view model) const {
  const std::shared_ptr<const Snapshot> snapshot = newest_.get();
  INGOT_ASSIGN_OR_RETURN(const ModelSnapshot *found, snapshot->model(model));
  return found->status;
}

std::vector<ModelStatus> RepositoryThread::index() const {
  std::vector<ModelStatus> all;
  const std::shared_ptr<const Snapshot> snapshot = newest_.get();
  for (const auto &[name, model] : snapshot->models)
    all.push_back(model->status);
  return all;
}

std::vector<std::shared_ptr<const ModelVersion>> RepositoryThread::loaded() const {
  std::vector<std::shared_ptr<const ModelVersion>> all;
  const std::shared_ptr<const Snapshot> snapshot = newest_.get();
  for (const auto &[name, model] : snapshot->models)
    for (const auto &[number, version] : model->available)
      all.push_back(version);
  return all;
}

bool RepositoryThread::isReady() const {
  std::lock_guard lock(readyMutex_);
  return isReady_;
}

bool RepositoryThread::awaitReady(Clock::time_point deadline) const {
  std::unique_lock lock(readyMutex_);
  if (deadline == Clock::time_point::max()) {
    readyChanged_.wait(lock, [this] { return isReady_; });
    return true;
  }
  return readyChanged_.wait_until(lock, deadline, [this] { return isReady_; });
}

Status RepositoryThread::ask(std::function<void(const std::shared_ptr<Answer> &)> call) {
  auto done = std::make_shared<Answer>();
  std::future<Status> answer = done->future();
  mailbox_->post([call = std::move(call), done] { call(done); });
  done.reset(); // where nobody reads the mailbox any more, that is the answer
  return answer.get();
}

Result<std::unique_ptr<Repository>>
Repository::open(Scheduler &scheduler, RepositoryOptions options,
                 std::function<void(const LoadEvent &)> observe) {
  auto repository =
      std::make_unique<RepositoryThread>(scheduler, std::move(options), std::move(observe));
  INGOT_RETURN_IF_ERROR(repository->start());
  return std::unique_ptr<Repository>(std::move(repository));
}

} // namespace ingot::serve
