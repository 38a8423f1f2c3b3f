// config.json of a model: what is read, and what mistakes are told.
#include "runtime/serve/repository/ModelConfig.h"
#include "tests/unit/runtime/model/TestFiles.h"

using namespace ingot;
using namespace ingot::serve;
using namespace std::chrono_literals;

namespace {

TEST(ModelConfigTest, ReadsEveryKey) {
  auto config = parseModelConfig(R"({
    "version_policy": {"specific": {"versions": [1, "3"]}},
    "version_labels": {"stable": 1, "canary": "3"},
    "max_batch_size": 32,
    "arena_bytes": "1048576",
    "dynamic_batching": {
      "max_queue_delay_microseconds": 500,
      "priority_levels": 3,
      "default_queue_policy": {"max_queue_size": 100, "default_timeout_microseconds": "20000"}},
    "instance_group": [{"count": 2, "kind": "KIND_CPU"}],
    "weight": 2.5,
    "sequence_batching": {"max_sequence_idle_microseconds": 1500, "max_sequences": 10},
    "trust_rows": true, "max_request_bytes": "4096", "keep_idle_milliseconds": 250,
    "name": "m", "backend": "onnxruntime", "platform": "", "input": [], "output": []})",
                                 {});
  ASSERT_OK(config.status());
  EXPECT_EQ(config->versions.kind, VersionPolicy::Kind::Specific);
  EXPECT_EQ(config->versions.versions, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(config->labels, (std::map<std::string, int64_t>{{"canary", 3}, {"stable", 1}}));
  EXPECT_EQ(config->queue.maxBatchRows, 32);
  EXPECT_EQ(config->queue.arenaBytes, 1 << 20);
  EXPECT_EQ(config->queue.maxDelay, 500us);
  EXPECT_EQ(config->queue.priorityLevels, 3);
  EXPECT_EQ(config->queue.maxQueued, 100);
  EXPECT_EQ(config->queue.defaultTimeout, 20ms);
  EXPECT_EQ(config->queue.maxRuns, 2);
  EXPECT_EQ(config->queue.weight, 2.5);
  EXPECT_EQ(config->queue.sequenceIdle, 2ms);
  EXPECT_EQ(config->queue.maxSequences, 10);
  EXPECT_TRUE(config->queue.trustRows);
  EXPECT_EQ(config->queue.maxRequestBytes, 4096);
  EXPECT_EQ(config->queue.keepIdle, 250ms);
}

TEST(ModelConfigTest, WhatIsNotSaidStaysAsItIs) {
  ModelConfig defaults;
  defaults.versions.count = 2;
  defaults.labels = {{"stable", 1}};
  defaults.queue.maxQueued = 7;
  auto config = parseModelConfig(R"({"max_batch_size": 8})", defaults);
  ASSERT_OK(config.status());
  defaults.queue.maxBatchRows = 8;
  EXPECT_EQ(*config, defaults);
}

TEST(ModelConfigTest, WritesWhatItReads) {
  ModelConfig config;
  for (VersionPolicy::Kind kind :
       {VersionPolicy::Kind::Latest, VersionPolicy::Kind::All, VersionPolicy::Kind::Specific}) {
    config.versions = {};
    config.versions.kind = kind;
    config.versions.count = kind == VersionPolicy::Kind::Latest ? 3 : 1;
    if (kind == VersionPolicy::Kind::Specific)
      config.versions.versions = {4, 5};
    config.labels["a\"b"] = 4;
    config.queue.maxDelay = 250us;
    config.queue.weight = 0.125;
    config.queue.sequenceIdle = 5s;
    config.queue.maxSequences = 3;
    config.queue.trustRows = true;
    config.queue.maxRequestBytes = 7;
    config.queue.keepIdle = 6ms;
    ModelConfig other;
    other.queue.maxRuns = 9;
    auto read = parseModelConfig(toJson(config), other);
    ASSERT_OK(read.status());
    EXPECT_EQ(*read, config) << toJson(config);
  }
}

TEST(ModelConfigTest, MistakesNameKeyValueAndWhatIsAllowed) {
  for (const auto &[text, fragment] : std::vector<std::pair<std::string, std::string>>{
           {"", "not JSON"},
           {"{\"weight\": }", "not JSON"},
           {"3", "must be a JSON object, not 3"},
           {R"({"batch": 3})", "unknown key 'batch'; allowed are version_policy, version_labels"},
           {R"({"weight": "much"})",
            R"('weight' must be a number above 0, at most 1000000, not "much")"},
           {R"({"weight": 0})", "not 0"},
           {R"({"weight": -1e999})", "not JSON"},
           {R"({"max_batch_size": -1})", "'max_batch_size' must be an integer from 0 to"},
           {R"({"max_batch_size": 1.5})", "not 1.5"},
           {R"({"max_batch_size": "1x"})", "not \"1x\""},
           {R"({"arena_bytes": 99999999999999999999})", "'arena_bytes'"},
           {R"({"dynamic_batching": {"max_queue_delay": 3}})",
            "unknown key 'dynamic_batching.max_queue_delay'; allowed are "
            "max_queue_delay_microseconds"},
           {R"({"dynamic_batching": 3})", "'dynamic_batching' must be an object, not 3"},
           {R"({"dynamic_batching": {"default_queue_policy": {"max_queue_size": 0}}})",
            "'dynamic_batching.default_queue_policy.max_queue_size' must be an integer from 1"},
           {R"({"instance_group": [{"count": 1}, {"count": 1}]})", "'instance_group'"},
           {R"({"instance_group": [{"kind": "KIND_GPU"}]})", "KIND_CPU"},
           {R"({"dynamic_batching": {"priority_levels": 1001}})", "an integer from 1 to 1000, not"},
           {R"({"trust_rows": 1})", "'trust_rows' must be true or false, not 1"},
           {R"({"version_policy": "latest"})", "'version_policy' must be {\"latest\""},
           {R"({"version_policy": {"latest": {}, "all": {}}})", "'version_policy' must be"},
           {R"({"version_policy": {"latest": {"num_versions": 0}}})",
            "'version_policy.latest.num_versions' must be an integer from 1"},
           {R"({"version_policy": {"all": {"x": 1}}})", "unknown key 'version_policy.all.x'"},
           {R"({"version_policy": {"specific": {}}})", "'version_policy.specific' must be"},
           {R"({"version_policy": {"specific": {"versions": []}}})", "at least one"},
           {R"({"version_labels": {"": 1}})", "without a name"},
           {R"({"version_labels": {"a": true}})", "'version_labels.a'"},
           {std::string(100, '['), "nests more than"}})
    EXPECT_STATUS(parseModelConfig(text, {}).status(), InvalidArgument, fragment);
}

} // namespace
