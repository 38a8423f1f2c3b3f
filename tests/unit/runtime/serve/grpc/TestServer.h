// A gRPC server on a Unix socket over FixtureServed, with a repository that the test scripts: no
// files, no threads of its own.
#ifndef INGOT_TESTS_UNIT_RUNTIME_SERVE_GRPC_TESTSERVER_H
#define INGOT_TESTS_UNIT_RUNTIME_SERVE_GRPC_TESTSERVER_H

#include "runtime/serve/grpc/GrpcServer.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <grpcpp/grpcpp.h>
#include <mutex>

namespace ingot::serve {

/// Model "m" with versions 1 and 2 of the fixture, 2 the latest, 1 labelled "stable"; "broken",
/// whose version 3 could not be loaded; "huge", for which there is no memory. What is asked of it
/// is written down.
class ScriptedRepository : public Repository {
public:
  explicit ScriptedRepository(Scheduler &scheduler) : scheduler_(scheduler) {
    artifact_ = Artifact::open(FIXTURESERVED).value();
    std::shared_ptr<State> state = State::readOnly(artifact_).value();
    for (int64_t number : {1, 2}) {
      auto model = std::make_shared<ModelVersion>();
      model->model = "m";
      model->version = number;
      model->artifact = artifact_;
      model->state = state;
      for (int64_t i = 0; i < artifact_->table().function_count; ++i) {
        const ingot_function &function = artifact_->table().functions[i];
        if (function.flags & INGOT_FUNCTION_WRITES_STATE)
          continue;
        auto queue = scheduler.createQueue(artifact_, state, function.name);
        EXPECT_TRUE(queue.isOk()) << queue.status().message();
        model->functions.emplace_back(*artifact_, function).queue = *queue;
      }
      versions_.push_back(model);
    }
  }

  /// Of the latest version.
  void setQueue(std::string_view function, const QueueOptions &options) {
    const ModelVersion &model = *versions_.back();
    auto *served = const_cast<ServedFunction *>(model.find(function));
    served->queue = scheduler_.createQueue(artifact_, model.state, function, options).value();
  }

  Result<std::shared_ptr<const ModelVersion>> find(std::string_view name,
                                                   const VersionChoice &choice) const override {
    if (name == "huge")
      throw std::bad_alloc();
    if (name == "broken")
      return Status(StatusCode::Unavailable, "model 'broken' could not be loaded");
    if (name != "m")
      return Status(StatusCode::NotFound, "there is no model '" + std::string(name) + "'");
    for (auto version = versions_.rbegin(); version != versions_.rend(); ++version)
      if (choice.kind == VersionChoice::Kind::Latest ||
          (choice.kind == VersionChoice::Kind::Number && (*version)->version == choice.number) ||
          (choice.kind == VersionChoice::Kind::Label && choice.label == "stable" &&
           (*version)->version == 1))
        return std::shared_ptr<const ModelVersion>(*version);
    return Status(StatusCode::NotFound, "model 'm' has no such version");
  }
  Result<ModelStatus> status(std::string_view name) const override {
    for (ModelStatus &model : index())
      if (model.model == name)
        return model;
    return Status(StatusCode::NotFound, "there is no model '" + std::string(name) + "'");
  }
  std::vector<ModelStatus> index() const override {
    ModelStatus broken, m;
    broken.model = "broken";
    broken.versions = {{3, VersionState::End, Status(StatusCode::DataLoss, "truncated"), {}}};
    m.model = "m";
    m.versions = {{1, VersionState::Available, {}, {"stable"}},
                  {2, VersionState::Available, {}, {}}};
    return {broken, m};
  }
  std::vector<std::shared_ptr<const ModelVersion>> loaded() const override {
    return {versions_.begin(), versions_.end()};
  }
  bool isReady() const override { return ready; }
  bool awaitReady(Clock::time_point) const override { return ready; }
  Status load(std::string_view model, const std::optional<ModelConfig> &config) override {
    if (model == "huge")
      throw std::bad_alloc();
    return say("load " + std::string(model) + (config ? " " + toJson(*config) : ""));
  }
  Status unload(std::string_view model) override { return say("unload " + std::string(model)); }
  Status reload() override { return say("reload"); }
  Status replaceModels(const std::vector<ModelEntry> &models) override {
    std::string names = "replace";
    for (const ModelEntry &model : models)
      names += " " + model.name + "=" + model.directory;
    return say(names);
  }

  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  /// To what changes the repository, from now on.
  void answer(Status status) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(status);
  }
  std::atomic<bool> ready{true};

private:
  Status say(std::string what) {
    const std::lock_guard lock(mutex_);
    said_.push_back(std::move(what));
    return answer_;
  }
  Scheduler &scheduler_;
  std::shared_ptr<const Artifact> artifact_;
  std::vector<std::shared_ptr<ModelVersion>> versions_;
  std::mutex mutex_;
  std::vector<std::string> said_;
  Status answer_;
};

/// Keeps the records, and lets the test wait for one: it comes after the client has its reply.
class Records : public RequestObserver {
public:
  void onRequest(const RequestRecord &record) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(record);
    changed_.notify_all();
  }
  RequestRecord next() {
    std::unique_lock lock(mutex_);
    const bool isThere =
        changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !records_.empty(); });
    EXPECT_TRUE(isThere) << "no record came";
    if (!isThere)
      return {};
    RequestRecord record = records_.front();
    records_.pop_front();
    return record;
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return records_.size();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RequestRecord> records_;
};

class GrpcServerFixture : public FileTest {
protected:
  void SetUp() override {
    FileTest::SetUp();
    start();
  }
  void TearDown() override {
    server.reset();
    FileTest::TearDown();
  }
  void start(GrpcOptions options = {}) {
    server.reset();
    options.unixSocket = path("grpc.sock");
    auto started = GrpcServer::start(context, options);
    ASSERT_OK(started.status());
    server = std::move(started).value();
  }
  std::shared_ptr<grpc::Channel> channel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1); // a connection of its own
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel("unix:" + path("grpc.sock"),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  Scheduler scheduler{SchedulerOptions{2}};
  ScriptedRepository repository{scheduler};
  InferenceService inference{repository};
  SharedMemory sharedMemory;
  Lifecycle lifecycle;
  AccessControl access;
  Limits limits;
  Records records;
  ServerContext context{"ingot",   "test", repository, inference, sharedMemory,
                        lifecycle, access, limits,     records,   {}};
  std::unique_ptr<GrpcServer> server;
};

/// A call's context that waits for the server's connection, and not forever.
class CallContext : public grpc::ClientContext {
public:
  CallContext() {
    set_wait_for_ready(true);
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(300));
  }
};

#define EXPECT_CODE(status, expectedCode, fragment)                                                \
  do {                                                                                             \
    /* A copy, since it may be part of a temporary.                                                \
     * NOLINTNEXTLINE(performance-unnecessary-copy-initialization) */                              \
    const grpc::Status seen = (status);                                                            \
    EXPECT_EQ(seen.error_code(), grpc::StatusCode::expectedCode) << seen.error_message();          \
    EXPECT_NE(seen.error_message().find(fragment), std::string::npos) << seen.error_message();     \
  } while (false)
#define ASSERT_CALL_OK(expression)                                                                 \
  do {                                                                                             \
    /* A copy, since it may be part of a temporary.                                                \
     * NOLINTNEXTLINE(performance-unnecessary-copy-initialization) */                              \
    const grpc::Status seen = (expression);                                                        \
    ASSERT_TRUE(seen.ok()) << seen.error_message();                                                \
  } while (false)

} // namespace ingot::serve

#endif
