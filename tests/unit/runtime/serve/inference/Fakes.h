// A repository of one model over the fixture artifact, whose queues keep what they are given for
// the test to answer: what is tested is what stands between protocols and the scheduler.
#ifndef INGOT_TESTS_UNIT_RUNTIME_SERVE_FAKES_H
#define INGOT_TESTS_UNIT_RUNTIME_SERVE_FAKES_H

#include "runtime/serve/repository/Repository.h"

#include <algorithm>

namespace ingot::serve {

class FakeQueue : public Queue {
public:
  FakeQueue(std::shared_ptr<const Artifact> artifact, const ingot_function *function)
      : artifact_(std::move(artifact)), function_(function) {}
  const Artifact &artifact() const override { return *artifact_; }
  const ingot_function &function() const override { return *function_; }
  bool isBatched() const override { return true; }
  int64_t maxBatchRows() const override { return 64; }
  void submit(Request request) override { submitted.push_back(std::move(request)); }
  QueueStatus status() const override { return {}; }
  void close() override {}
  bool awaitIdle(Clock::time_point) override { return true; }

  std::vector<Request> submitted;

private:
  std::shared_ptr<const Artifact> artifact_;
  const ingot_function *function_;
};

class FakeRepository : public Repository {
public:
  explicit FakeRepository(std::shared_ptr<const Artifact> artifact) {
    model->model = "m";
    model->version = 7;
    model->artifact = artifact;
    for (int64_t i = 0; i < artifact->table().function_count; ++i) {
      const ingot_function &function = artifact->table().functions[i];
      auto queue = std::make_shared<FakeQueue>(artifact, &function);
      queues.push_back(queue);
      model->functions.emplace_back(*artifact, function).queue = queue;
    }
  }
  ~FakeRepository() override { // requests that were never answered hold the model
    for (const auto &queue : queues)
      queue->submitted.clear();
  }
  FakeQueue &queue(std::string_view function) {
    return *static_cast<FakeQueue *>(model->find(function)->queue.get());
  }

  Result<std::shared_ptr<const ModelVersion>> find(std::string_view name,
                                                   const VersionChoice &) const override {
    if (name == "m")
      return std::shared_ptr<const ModelVersion>(model);
    return Status(StatusCode::NotFound, "no model '" + std::string(name) + "'");
  }
  Result<ModelStatus> status(std::string_view) const override { return ModelStatus{}; }
  std::vector<ModelStatus> index() const override { return {}; }
  std::vector<std::shared_ptr<const ModelVersion>> loaded() const override { return {model}; }
  bool isReady() const override { return true; }
  bool awaitReady(Clock::time_point) const override { return true; }
  Status load(std::string_view, const std::optional<ModelConfig> &) override { return {}; }
  Status unload(std::string_view) override { return {}; }
  Status reload() override { return {}; }
  Status replaceModels(const std::vector<ModelEntry> &) override { return {}; }

  std::shared_ptr<ModelVersion> model = std::make_shared<ModelVersion>();
  std::vector<std::shared_ptr<FakeQueue>> queues;
};

} // namespace ingot::serve

#endif
