// What clients are told about models, whatever the protocol.
#include "runtime/serve/inference/ModelDescription.h"
#include "tests/unit/runtime/model/TestFiles.h"
#include "tests/unit/runtime/serve/inference/Fakes.h"

#include <gmock/gmock.h>

namespace {

using namespace ingot;
using namespace ingot::serve;
using testing::ElementsAre;

class ModelDescriptionTest : public testing::Test {
protected:
  /// Makes it the default one.
  void prefer(const std::string &function) {
    auto &functions = repository.model->functions;
    const auto found =
        std::find_if(functions.begin(), functions.end(), [&](const ServedFunction &served) {
          return function == served.function->name;
        });
    std::rotate(functions.begin(), found, found + 1);
  }
  std::shared_ptr<const Artifact> artifact = Artifact::open(FIXTURESERVED).value();
  FakeRepository repository{artifact};
};

TEST_F(ModelDescriptionTest, TheConfigIsThatOfTheModel) {
  prefer("predict");
  ModelConfig &model = repository.model->config;
  model.versions.kind = VersionPolicy::Kind::Latest;
  model.versions.count = 3;
  model.queue.maxDelay = std::chrono::microseconds(250);
  model.queue.priorityLevels = 4;
  model.queue.defaultTimeout = std::chrono::microseconds(7000);
  model.queue.maxQueued = 9;
  const ConfigDescription config = describeConfig(*repository.model);
  EXPECT_EQ(config.versions, model.versions); // not the version that happened to be asked
  EXPECT_EQ(config.maxBatchSize, 64);
  EXPECT_THAT(config.inputs.at(0).shape, ElementsAre(3)); // Triton's are without the batch
  EXPECT_EQ(configType(config.inputs[0]), "TYPE_FP32");
  ASSERT_TRUE(config.dynamicBatching);
  EXPECT_EQ(config.dynamicBatching->maxQueueDelayMicroseconds, 250u);
  EXPECT_EQ(config.dynamicBatching->priorityLevels, 4u);
  EXPECT_EQ(config.dynamicBatching->defaultPriorityLevel, 1u);
  EXPECT_EQ(config.dynamicBatching->defaultTimeoutMicroseconds, 7000u);
  EXPECT_EQ(config.dynamicBatching->maxQueueSize, 9u);
  EXPECT_FALSE(config.sequenceBatching);
}

TEST_F(ModelDescriptionTest, AStreamIsBatchedBySequences) {
  prefer("running");
  const ConfigDescription config = describeConfig(*repository.model);
  ASSERT_TRUE(config.sequenceBatching);
  EXPECT_EQ(config.sequenceBatching->maxSequenceIdleMicroseconds, 60000000u);
  EXPECT_FALSE(config.dynamicBatching);
  ASSERT_EQ(config.inputs.size(), 1u); // without what it carries
}

TEST_F(ModelDescriptionTest, StatisticsOfAllFunctionsAreOne) {
  FunctionStatistics &predict = *repository.model->find("predict")->statistics;
  FunctionStatistics &pick = *repository.model->find("pick")->statistics;
  predict.success.add(std::chrono::nanoseconds(5));
  pick.success.add(std::chrono::nanoseconds(7));
  predict.inferences = 3;
  pick.inferences = 4;
  predict.lastInferenceMs = 100;
  pick.lastInferenceMs = 200;
  predict.addRun({2, 1, std::chrono::nanoseconds(1), std::chrono::nanoseconds(2),
                  std::chrono::nanoseconds(3)});
  pick.addRun({2, 1, std::chrono::nanoseconds(10), std::chrono::nanoseconds(20),
               std::chrono::nanoseconds(30)});
  const StatisticsDescription all = describeStatistics(*repository.model);
  EXPECT_EQ(all.version, 7);
  EXPECT_EQ(all.inferences, 7u);
  EXPECT_EQ(all.executions, 2u);
  EXPECT_EQ(all.lastInferenceMs, 200u);
  EXPECT_STREQ(all.durations[0].name, "success");
  EXPECT_EQ(all.durations[0].count, 2u);
  EXPECT_EQ(all.durations[0].nanoseconds, 12u);
  EXPECT_STREQ(all.durations[7].name, "cache_miss");
  ASSERT_EQ(all.batches.size(), 1u);
  EXPECT_EQ(all.batches[0].rows, 2u);
  EXPECT_EQ(all.batches[0].durations[1].nanoseconds, 22u);
}

TEST_F(ModelDescriptionTest, SignaturesHaveTheDefaultOneTwice) {
  prefer("predict");
  const auto signatures = describeSignatures(*repository.model);
  EXPECT_STREQ(signatures[0].first, "serving_default");
  EXPECT_EQ(signatures[0].second, signatures[1].second);
  const TensorDescription x = describeInputs(*signatures[0].second).at(0);
  EXPECT_THAT(x.shape, ElementsAre(-1, 3));
  EXPECT_STREQ(x.dims[0], "batch");
  EXPECT_STREQ(x.dims[1], "");
}

} // namespace
