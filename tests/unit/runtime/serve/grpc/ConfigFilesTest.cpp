// TF Serving's files of settings.
#include "runtime/serve/grpc/ConfigFiles.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <gmock/gmock.h>

namespace {

using namespace ingot;
using namespace ingot::serve;
using testing::ElementsAre;

TEST(ConfigFilesTest, ModelsHavePoliciesAndLabels) {
  ModelConfig defaults;
  defaults.queue.maxQueued = 7;
  auto entries = parseModelConfigFile(R"(
    model_config_list {
      config {
        name: "half" base_path: "/models/half" model_platform: "tensorflow"
        model_version_policy { specific { versions: 3 versions: 5 } }
        version_labels { key: "stable" value: 3 }
        version_labels { key: "canary" value: 5 }
      }
      config { name: "all" base_path: "/models/all" model_version_policy { all {} } }
      config: { name: "two", base_path: "/models/two", model_version_policy: { latest: { num_versions: 2 } } }
      config { name: "plain" base_path: "/models/plain" }  # comments too
    })",
                                      defaults);
  ASSERT_OK(entries.status());
  ASSERT_EQ(entries->size(), 4u);
  const std::vector<ModelEntry> &models = *entries;
  EXPECT_EQ(models[0].name, "half");
  EXPECT_EQ(models[0].directory, "/models/half");
  EXPECT_EQ(models[0].config.versions.kind, VersionPolicy::Kind::Specific);
  EXPECT_THAT(models[0].config.versions.versions, ElementsAre(3, 5));
  EXPECT_EQ(models[0].config.labels.at("stable"), 3);
  EXPECT_EQ(models[0].config.labels.at("canary"), 5);
  EXPECT_EQ(models[0].config.queue.maxQueued, 7);
  EXPECT_EQ(models[1].config.versions.kind, VersionPolicy::Kind::All);
  EXPECT_EQ(models[2].config.versions.kind, VersionPolicy::Kind::Latest);
  EXPECT_EQ(models[2].config.versions.count, 2);
  EXPECT_EQ(models[3].config.versions.count, 1);
  EXPECT_TRUE(parseModelConfigFile("")->empty());
}

TEST(ConfigFilesTest, WhatCannotBeServedIsNamed) {
  const auto one = [](const std::string &config) {
    return parseModelConfigFile("model_config_list { config { " + config + " } }").status();
  };
  EXPECT_STATUS(parseModelConfigFile("model_config_list {\n  config { nam: 'x' }\n}").status(),
                InvalidArgument, "line 2, column 15");
  EXPECT_STATUS(one("base_path: '/m'"), InvalidArgument, "a model has no name");
  EXPECT_STATUS(one("name: 'm'"), InvalidArgument, "model 'm': has no base_path");
  EXPECT_STATUS(one("name: 'm' base_path: '/m' } config { name: 'm' base_path: '/n'"),
                InvalidArgument, "model 'm': is there twice");
  EXPECT_STATUS(one("name: 'm' base_path: '/m' model_platform: 'caffe'"), InvalidArgument,
                "model_platform 'caffe'");
  EXPECT_STATUS(one("name: 'm' base_path: '/m' logging_config { sampling_config {} }"),
                InvalidArgument, "logging_config");
  EXPECT_STATUS(one("name: 'm' base_path: '/m' model_version_policy { specific {} }"),
                InvalidArgument, "names no version");
  EXPECT_STATUS(one("name: 'm' base_path: '/m' model_version_policy { specific { versions: 0 } }"),
                InvalidArgument, "0 is no version");
  EXPECT_STATUS(one("name: 'm' base_path: '/m' version_labels { key: 'a' value: -1 }"),
                InvalidArgument, "version_labels");
  EXPECT_STATUS(parseModelConfigFile("custom_model_config {}").status(), InvalidArgument,
                "use model_config_list");
}

TEST(ConfigFilesTest, BatchingParametersAreOptionsOfAQueue) {
  QueueOptions defaults;
  defaults.weight = 3;
  auto options = parseBatchingParameters(R"(
    max_batch_size { value: 128 }
    batch_timeout_micros { value: 500 }
    max_enqueued_batches { value: 10 }
    num_batch_threads { value: 4 }
    thread_pool_name { value: "pool" }
    allowed_batch_sizes: 32 allowed_batch_sizes: 128
    pad_variable_length_inputs: true)",
                                         defaults);
  ASSERT_OK(options.status());
  EXPECT_EQ(options->maxBatchRows, 128);
  EXPECT_EQ(options->maxDelay, std::chrono::microseconds(500));
  EXPECT_EQ(options->maxQueued, 1280);
  EXPECT_EQ(options->maxRuns, 4);
  EXPECT_EQ(options->weight, 3);
  EXPECT_EQ(parseBatchingParameters("")->maxQueued, QueueOptions().maxQueued);
  EXPECT_EQ(parseBatchingParameters("max_batch_size { value: 64 } "
                                    "enable_large_batch_splitting { value: true } "
                                    "max_execution_batch_size { value: 16 }")
                ->maxBatchRows,
            16);
}

TEST(ConfigFilesTest, BatchingParametersThatCannotBeAreNamed) {
  const auto status = [](const std::string &text) {
    return parseBatchingParameters(text).status();
  };
  EXPECT_STATUS(status("max_batch_size: 128"), InvalidArgument, "line 1, column 17");
  EXPECT_STATUS(status("max_batch_size { value: 0 }"), InvalidArgument, "max_batch_size is 0");
  EXPECT_STATUS(status("batch_timeout_micros { value: -1 }"), InvalidArgument, "is -1");
  EXPECT_STATUS(status("num_batch_threads { value: 0 }"), InvalidArgument, "at least 1");
  EXPECT_STATUS(status("max_enqueued_batches { value: 0 }"), InvalidArgument, "at least 1");
  EXPECT_STATUS(status("allowed_batch_sizes: 8 allowed_batch_sizes: 4"), InvalidArgument,
                "increasing");
  EXPECT_STATUS(status("max_batch_size { value: 9 } allowed_batch_sizes: 8"), InvalidArgument,
                "must be max_batch_size");
}

} // namespace
