// A repository in a directory of its own, and versions that are published into it.
#ifndef INGOT_TESTS_UNIT_RUNTIME_SERVE_REPOSITORY_REPOSITORYFIXTURE_H
#define INGOT_TESTS_UNIT_RUNTIME_SERVE_REPOSITORY_REPOSITORYFIXTURE_H

#include "runtime/serve/repository/Publish.h"
#include "runtime/serve/repository/Repository.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <condition_variable>
#include <future>
#include <mutex>

namespace ingot::serve {

class RepositoryFixture : public FileTest {
protected:
  void SetUp() override {
    FileTest::SetUp();
    std::filesystem::create_directories(path("models"));
    options.directories = {path("models")};
    options.pollInterval = std::chrono::milliseconds(0); // tests say when
    options.sourceSettleTime = std::chrono::milliseconds(0);
    options.compileCacheDirectory = path("cache");
  }
  void TearDown() override {
    repository.reset();
    FileTest::TearDown();
  }

  std::string model(const std::string &name) const { return path("models/" + name); }
  void publish(const std::string &name, int64_t version, const std::string &artifact,
               std::vector<PublishFile> more = {}) {
    more.push_back({"model.so", artifact});
    auto published = publishVersion(model(name), version, more, "test");
    ASSERT_TRUE(published.isOk()) << published.status().message();
  }
  void remove(const std::string &name) { std::filesystem::remove_all(model(name)); }
  void configure(const std::string &name, const std::string &json) {
    std::filesystem::create_directories(model(name));
    write("models/" + name + "/config.json", json);
  }

  /// Opens, and waits until it is ready.
  void open() {
    auto opened = Repository::open(scheduler, options, [this](const LoadEvent &event) {
      std::lock_guard lock(mutex);
      events.push_back(event);
      happened.notify_all();
    });
    ASSERT_TRUE(opened.isOk()) << opened.status().message();
    repository = std::move(*opened);
    repository->awaitReady(Clock::time_point::max());
  }
  /// Waits until an event is as `is` says.
  template <typename Is> void awaitEvent(const Is &is) {
    std::unique_lock lock(mutex);
    happened.wait(lock, [&] { return std::any_of(events.begin(), events.end(), is); });
  }

  std::vector<int64_t> serving(const std::string &name) {
    std::vector<int64_t> numbers;
    for (const auto &version : repository->loaded())
      if (version->model == name)
        numbers.push_back(version->version);
    return numbers;
  }
  VersionStatus status(const std::string &name, int64_t version) {
    auto found = repository->status(name);
    if (found.isOk())
      for (VersionStatus &one : found->versions)
        if (one.version == version)
          return one;
    ADD_FAILURE() << "no status of " << name << " " << version;
    return {};
  }
  Result<std::shared_ptr<const ModelVersion>> find(const std::string &name,
                                                   const VersionChoice &choice = {}) {
    return repository->find(name, choice);
  }

  /// The first output of `predict` for one row {1, 1, 1}: 9.5 from FixtureServed and
  /// FixtureWeights.
  static Result<float> predict(const ModelVersion &version) {
    static const float row[] = {1, 1, 1};
    static const int64_t dims[] = {1, 3};
    std::promise<Outcome> done;
    Request request;
    request.inputs = {TensorView{DType::F32, 2, dims, row}};
    request.done = [&](Outcome outcome) { done.set_value(std::move(outcome)); };
    version.defaultFunction().queue->submit(std::move(request));
    Outcome outcome = done.get_future().get();
    INGOT_RETURN_IF_ERROR(outcome.status);
    return outcome.outputs.at(0).data<float>()[0];
  }
  Result<float> predict(const std::string &name, const VersionChoice &choice = {}) {
    INGOT_ASSIGN_OR_RETURN(auto version, find(name, choice));
    return predict(*version);
  }

  Scheduler scheduler{SchedulerOptions{2}};
  RepositoryOptions options;
  std::mutex mutex;
  std::condition_variable happened;
  std::vector<LoadEvent> events;
  std::unique_ptr<Repository> repository;
};

} // namespace ingot::serve

#endif
