// GRPCInferenceService: what the server and its models are.
#include "tests/unit/runtime/serve/grpc/Services.h"

namespace {

using namespace ingot;
using namespace ingot::serve;
using inference::GRPCInferenceService;
using inference::ModelInferResponse;
using testing::ElementsAre;

class ServerMethodsTest : public ServicesFixture {};

TEST_F(ServerMethodsTest, TheServerAndItsModelsAreDescribed) {
  inference::ServerMetadataResponse server;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ServerMetadata, *service,
                      inference::ServerMetadataRequest(), server));
  EXPECT_EQ(server.name(), "ingot");
  EXPECT_THAT(server.extensions(), testing::Contains("statistics"));
  inference::ModelMetadataRequest asked;
  asked.set_name("m");
  inference::ModelMetadataResponse metadata;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelMetadata, *service, asked, metadata));
  EXPECT_THAT(metadata.versions(), ElementsAre("1", "2"));
  EXPECT_EQ(metadata.inputs(0).datatype(), "FP32");
  EXPECT_THAT(metadata.inputs(0).shape(), ElementsAre(-1, 3));
  inference::ModelConfigRequest config;
  config.set_name("m");
  inference::ModelConfigResponse configured;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelConfig, *service, config, configured));
  EXPECT_GT(configured.config().max_batch_size(), 0);
  EXPECT_THAT(configured.config().input(0).dims(), ElementsAre(3));
  EXPECT_EQ(configured.config().input(0).data_type(), inference::TYPE_FP32);
  EXPECT_TRUE(configured.config().has_dynamic_batching());
  config.set_name("zz");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelConfig, *service, config, configured),
              NOT_FOUND, "'zz'");
}

TEST_F(ServerMethodsTest, StatisticsCountWhatWasRun) {
  ModelInferResponse reply;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelInfer, *service, predictRequest(), reply));
  inference::ModelStatisticsRequest asked;
  inference::ModelStatisticsResponse statistics;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelStatistics, *service, asked, statistics));
  EXPECT_EQ(statistics.model_stats_size(), 2);
  asked.set_name("m");
  asked.set_version("2");
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelStatistics, *service, asked, statistics));
  ASSERT_EQ(statistics.model_stats_size(), 1);
  EXPECT_EQ(statistics.model_stats(0).inference_count(), 1u);
  EXPECT_EQ(statistics.model_stats(0).inference_stats().success().count(), 1u);
  EXPECT_GT(statistics.model_stats(0).inference_stats().success().ns(), 0u);
  asked.set_name("zz");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelStatistics, *service, asked, statistics),
              NOT_FOUND, "'zz'");
}

TEST_F(ServerMethodsTest, ReadinessIsAnAnswer) {
  const auto isReady = [&](const std::string &name) {
    inference::ModelReadyRequest asked;
    asked.set_name(name);
    inference::ModelReadyResponse reply;
    EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelReady, *service, asked, reply), OK, "");
    return reply.ready();
  };
  const auto isServerReady = [&] {
    inference::ServerReadyResponse reply;
    EXPECT_CODE(call(&GRPCInferenceService::Stub::ServerReady, *service,
                     inference::ServerReadyRequest(), reply),
                OK, "");
    return reply.ready();
  };
  EXPECT_TRUE(isReady("m"));
  EXPECT_FALSE(isReady("broken"));
  EXPECT_FALSE(isReady("zz"));
  EXPECT_TRUE(isServerReady());
  lifecycle.drain();
  EXPECT_FALSE(isReady("m"));
  EXPECT_FALSE(isServerReady());
  inference::ServerLiveResponse live;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ServerLive, *service,
                      inference::ServerLiveRequest(), live));
  EXPECT_TRUE(live.live());
}

TEST_F(ServerMethodsTest, SettingsAreTheServersOwn) {
  inference::TraceSettingRequest trace;
  inference::TraceSettingResponse traced;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::TraceSetting, *service, trace, traced));
  (*trace.mutable_settings())["trace_rate"].add_value("5");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::TraceSetting, *service, trace, traced),
              UNIMPLEMENTED, "trace_rate");
  inference::LogSettingsRequest log;
  inference::LogSettingsResponse logged;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::LogSettings, *service, log, logged));
}

TEST_F(ServerMethodsTest, ClassificationOfOutputsIsRefused) {
  inference::ModelInferRequest asked = predictRequest();
  auto &output = *asked.add_outputs();
  output.set_name("y");
  (*output.mutable_parameters())["classification"].set_int64_param(2);
  ModelInferResponse reply;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply), UNIMPLEMENTED,
              "'classification' is not served");
}

} // namespace
