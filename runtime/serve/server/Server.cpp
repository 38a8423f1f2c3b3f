// See Server.h.
#include "runtime/serve/server/Server.h"

#include "runtime/serve/grpc/ConfigFiles.h"
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/server/AccessLog.h"
#include "runtime/serve/server/Metrics.h"
#include "runtime/serve/server/StatusPage.h"
#include "runtime/serve/server/TraceLog.h"

#include <algorithm>
#include <future>
#include <list>
#include <spdlog/spdlog.h>
#include <system_error>

namespace ingot::serve {

namespace {

class Observers : public RequestObserver {
public:
  void add(RequestObserver *observer) { observers_.push_back(observer); }
  void onRequest(const RequestRecord &record) override {
    for (RequestObserver *observer : observers_)
      observer->onRequest(record);
  }

private:
  std::vector<RequestObserver *> observers_;
};

constexpr size_t mostConfigBytes = size_t{16} << 20;

Result<AccessControl> makeAccess(const ServerOptions &options) {
  AccessControl::Rules rules;
  if (!options.tokensFile.empty()) {
    INGOT_ASSIGN_OR_RETURN(rules.tokens, AccessControl::readTokens(options.tokensFile));
  }
  if (!options.restricted.empty()) {
    INGOT_ASSIGN_OR_RETURN(rules.restricted, parseApiGroups(options.restricted));
  } else if (!rules.tokens.empty()) {
    rules.restricted.fill(true);
    rules.restricted[static_cast<size_t>(ApiGroup::Health)] = false;
  }
  return AccessControl(std::move(rules));
}

void logLoad(const LoadEvent &event) {
  double seconds = std::chrono::duration<double>(event.took).count();
  if (event.isOfModel)
    spdlog::error("{}: {}", event.model, event.status.message());
  else if (!event.status.isOk())
    spdlog::error("{} version {}: not loaded: {}", event.model, event.version,
                  event.status.message());
  else if (event.isUnload)
    spdlog::info("{} version {}: unloaded", event.model, event.version);
  else
    spdlog::info("{} version {}: serving, loaded in {:.3f} s", event.model, event.version, seconds);
}

class RunningServer : public Server {
public:
  RunningServer(ServerOptions options, std::string version)
      : options_(std::move(options)), scheduler_({options_.workers}),
        metrics_({version, options_.tfsMetrics, options_.tritonMetrics}),
        version_(std::move(version)) {}

  ~RunningServer() override {
    if (repository_)
      repository_->stopLoading(); // which reloads may be waiting for
    reloads_.clear();
    rest_.reset();
    grpc_.reset();
  }

  Status start() {
    INGOT_ASSIGN_OR_RETURN(access_, makeAccess(options_));
    observers_.add(&metrics_);
    if (!options_.accessLog.empty()) {
      INGOT_ASSIGN_OR_RETURN(accessLog_, AccessLog::open(options_.accessLog));
      observers_.add(accessLog_.get());
    }
    if (!options_.traceFile.empty()) {
      INGOT_ASSIGN_OR_RETURN(traceLog_, TraceLog::open(options_.traceFile, options_.traceRate));
      observers_.add(traceLog_.get());
    }
    if (!options_.batchingParametersFile.empty()) {
      INGOT_ASSIGN_OR_RETURN(std::string text,
                             readText(options_.batchingParametersFile, mostConfigBytes));
      auto parsed = parseBatchingParameters(text, options_.repository.defaults.queue);
      if (!parsed.isOk())
        return parsed.status().withContext(options_.batchingParametersFile);
      options_.repository.defaults.queue = *parsed;
    }
    if (!options_.modelConfigFile.empty()) {
      INGOT_ASSIGN_OR_RETURN(options_.repository.entries, readModelConfigFile());
    }
    INGOT_ASSIGN_OR_RETURN(repository_, Repository::open(scheduler_, options_.repository,
                                                         [this](const LoadEvent &event) {
                                                           metrics_.onLoad(event);
                                                           logLoad(event);
                                                         }));
    inference_ = std::make_unique<InferenceService>(*repository_);
    context_ = std::unique_ptr<ServerContext>(new ServerContext{
        "ingot", version_, *repository_, *inference_, sharedMemory_, lifecycle_, access_,
        options_.limits, observers_,
        [this] { return metrics_.text(*repository_, lifecycle_.inFlight(), isReady()); }});
    context_->modelDefaults = options_.repository.defaults;
    context_->modelDirectories = options_.repository.directories;
    for (const auto &[name, directory] : options_.repository.models)
      context_->modelDirectories.push_back(directory);
    context_->takesAnyDirectory =
        !options_.modelConfigFile.empty() || access_.isRestricted(ApiGroup::Repository);
    options_.rest.pages = {
        {"/", "text/html; charset=utf-8", [] { return std::string(statusPage()); }},
        {"/status.json", "application/json", [this] {
           return statusJson(*repository_, version_, isReady(), lifecycle_.inFlight(),
                             Clock::now() - started_);
         }}};
    if (options_.rest.port >= 0 || !options_.rest.unixSocket.empty()) {
      INGOT_ASSIGN_OR_RETURN(rest_, RestServer::start(*context_, options_.rest));
      say("REST", rest_->port(), options_.rest.address, options_.rest.unixSocket);
    }
    if (options_.grpc.port >= 0 || !options_.grpc.unixSocket.empty()) {
      INGOT_ASSIGN_OR_RETURN(grpc_, GrpcServer::start(*context_, options_.grpc));
      say("gRPC", grpc_->port(), options_.grpc.address, options_.grpc.unixSocket);
    }
    return Status::ok();
  }

  int restPort() const override { return rest_ ? rest_->port() : -1; }
  int grpcPort() const override { return grpc_ ? grpc_->port() : -1; }
  bool isReady() const override { return !lifecycle_.isDraining() && repository_->isReady(); }

  void reload() override {
    spdlog::info("reloading");
    if (accessLog_)
      if (Status status = accessLog_->reopen(); !status.isOk())
        spdlog::error("access log: goes on in the file that is open: {}", status.message());
    reloads_.remove_if([](const std::future<void> &reload) {
      return reload.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
    try {
      reloads_.push_back(std::async(std::launch::async, [this] { reloadModels(); }));
    } catch (const std::system_error &error) {
      spdlog::error("reload: no thread for it: {}", error.what());
    }
  }

  int64_t drain(const Pause &pause) override {
    using std::chrono::milliseconds;
    lifecycle_.drain();
    repository_->stopLoading();
    spdlog::info("draining: {} requests in flight", lifecycle_.inFlight());
    auto wait = [&](milliseconds longest, milliseconds step, auto isOver) {
      for (auto end = Clock::now() + longest; !isOver() && Clock::now() < end;)
        if (auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
            !pause(std::min(step, left)))
          return false;
      return true;
    };
    bool mayWait = wait(options_.drainDelay, options_.drainDelay, [] { return false; });
    if (rest_)
      rest_->stopAccepting();
    if (grpc_)
      grpc_->stopAccepting();
    auto isDrained = [this] {
      return lifecycle_.inFlight() == 0 && (!rest_ || rest_->isDrained()) &&
             (!grpc_ || grpc_->isDrained());
    };
    // Idle connections take a moment to close, also where nothing is waited for; what is not seen
    // closed counts as cut off, and a busy machine's moment is long.
    constexpr milliseconds longestClose{1000};
    wait(mayWait ? options_.drainTimeout : longestClose, milliseconds(2), isDrained);
    // One that is not counted any more, but has not got the whole of its reply, is one all the
    // same.
    const int64_t lost = isDrained() ? 0 : std::max<int64_t>(1, lifecycle_.inFlight());
    constexpr milliseconds longestWrite{1000};
    if (accessLog_)
      accessLog_->flush(longestWrite);
    if (traceLog_)
      traceLog_->flush(longestWrite);
    return lost;
  }

private:
  static void say(const char *protocol, int port, const std::string &address,
                  const std::string &socket) {
    if (port >= 0)
      spdlog::info("{} on {}:{}", protocol, address, port);
    if (!socket.empty())
      spdlog::info("{} on unix:{}", protocol, socket);
  }

  Result<std::vector<ModelEntry>> readModelConfigFile() const {
    INGOT_ASSIGN_OR_RETURN(std::string text, readText(options_.modelConfigFile, mostConfigBytes));
    auto entries = parseModelConfigFile(text, options_.repository.defaults);
    if (!entries.isOk())
      return entries.status().withContext(options_.modelConfigFile);
    return entries;
  }

  /// Waits until all is loaded.
  void reloadModels() {
    Status status;
    if (options_.modelConfigFile.empty())
      status = repository_->reload();
    else if (auto entries = readModelConfigFile(); !entries.isOk())
      status = entries.status();
    else if (entries->empty()) // more likely a file that is being written than a wish
      status = Status(StatusCode::InvalidArgument,
                      options_.modelConfigFile + " names no model; what is served stays as it is");
    else
      status = repository_->replaceModels(*entries);
    if (status.isOk())
      spdlog::info("reloaded");
    else
      spdlog::error("reload: {}", status.message());
  }

  // Later ones use earlier ones, and go first.
  ServerOptions options_;
  Scheduler scheduler_;
  Metrics metrics_;
  std::string version_;
  const Clock::time_point started_ = Clock::now();
  std::unique_ptr<AccessLog> accessLog_;
  std::unique_ptr<TraceLog> traceLog_;
  Observers observers_;
  AccessControl access_;
  SharedMemory sharedMemory_;
  Lifecycle lifecycle_;
  std::unique_ptr<Repository> repository_;
  std::list<std::future<void>> reloads_; ///< each waits for its end when it goes
  std::unique_ptr<InferenceService> inference_;
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<RestServer> rest_;
  std::unique_ptr<GrpcServer> grpc_;
};

} // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, std::string version) {
  auto server = std::make_unique<RunningServer>(std::move(options), std::move(version));
  INGOT_RETURN_IF_ERROR(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

} // namespace ingot::serve
