// ModelService: the state of models, and which there are.
#include "tests/unit/runtime/serve/grpc/Services.h"

#include <filesystem>

namespace {

using namespace ingot;
using namespace ingot::serve;
using namespace tensorflow::serving;
using testing::ElementsAre;

class ModelServiceTest : public ServicesFixture {};

TEST_F(ModelServiceTest, ModelStatusHasVersionsTheNewestFirst) {
  const auto status = [&](const GetModelStatusRequest &request, GetModelStatusResponse &reply) {
    CallContext call;
    return ModelService::NewStub(channel())->GetModelStatus(&call, request, &reply);
  };
  GetModelStatusRequest request;
  GetModelStatusResponse reply;
  request.mutable_model_spec()->set_name("m");
  ASSERT_CALL_OK(status(request, reply));
  ASSERT_EQ(reply.model_version_status_size(), 2);
  EXPECT_EQ(reply.model_version_status(0).version(), 2);
  EXPECT_EQ(reply.model_version_status(0).state(), ModelVersionStatus::AVAILABLE);
  EXPECT_EQ(reply.model_version_status(1).version(), 1);
  request.mutable_model_spec()->set_version_label("stable");
  ASSERT_CALL_OK(status(request, reply));
  ASSERT_EQ(reply.model_version_status_size(), 1);
  EXPECT_EQ(reply.model_version_status(0).version(), 1);
  request.mutable_model_spec()->mutable_version()->set_value(8);
  EXPECT_CODE(status(request, reply), NOT_FOUND, "version");
  request.mutable_model_spec()->clear_version();
  request.mutable_model_spec()->set_name("broken");
  ASSERT_CALL_OK(status(request, reply));
  EXPECT_EQ(reply.model_version_status(0).state(), ModelVersionStatus::END);
  EXPECT_EQ(reply.model_version_status(0).status().error_code(), tensorflow::error::DATA_LOSS);
  EXPECT_EQ(reply.model_version_status(0).status().error_message(), "truncated");
  request.mutable_model_spec()->set_name("zz");
  EXPECT_CODE(status(request, reply), NOT_FOUND, "'zz'");
}

TEST_F(ModelServiceTest, ReloadReplacesTheModels) {
  context.modelDirectories = {path("models")};
  start();
  std::filesystem::create_directories(path("models/m"));
  ReloadConfigRequest asked;
  const auto reload = [&] {
    ReloadConfigResponse reply;
    const grpc::Status status =
        call(&ModelService::Stub::HandleReloadConfigRequest, *model, asked, reply);
    EXPECT_EQ(reply.status().error_code(), tensorflow::error::OK);
    return status;
  };
  EXPECT_CODE(reload(), INVALID_ARGUMENT, "model_config_list");
  auto &config = *asked.mutable_config()->mutable_model_config_list()->add_config();
  config.set_name("m");
  config.set_base_path(path("models/m"));
  EXPECT_CODE(reload(), OK, "");
  EXPECT_THAT(repository.said(), ElementsAre("replace m=" + path("models/m")));
  repository.answer(Status(StatusCode::FailedPrecondition, "label 'stable'"));
  EXPECT_CODE(reload(), FAILED_PRECONDITION, "label 'stable'");
}

TEST_F(ModelServiceTest, AnEmptyListUnloadsNothing) {
  ReloadConfigRequest asked;
  asked.mutable_config()->mutable_model_config_list();
  ReloadConfigResponse reply;
  EXPECT_CODE(call(&ModelService::Stub::HandleReloadConfigRequest, *model, asked, reply),
              INVALID_ARGUMENT, "names no model");
  EXPECT_TRUE(repository.said().empty());
}

TEST_F(ModelServiceTest, OnAnOpenPortModelsLieInTheServersDirectories) {
  context.modelDirectories = {path("missing"), path("models")};
  start();
  std::filesystem::create_directories(path("models"));
  std::filesystem::create_directories(path("elsewhere/m"));
  std::filesystem::create_directory_symlink(path("elsewhere/m"), path("models/link"));
  const auto reload = [&](const std::string &directory) {
    ReloadConfigRequest asked;
    auto &config = *asked.mutable_config()->mutable_model_config_list()->add_config();
    config.set_name("m");
    config.set_base_path(directory);
    ReloadConfigResponse reply;
    return call(&ModelService::Stub::HandleReloadConfigRequest, *model, asked, reply);
  };
  for (const char *wrong : {"elsewhere/m", "models/../elsewhere/m", "models/link", "models2/m"})
    EXPECT_CODE(reload(path(wrong)), INVALID_ARGUMENT, "none of the server's model repositories");
  EXPECT_TRUE(repository.said().empty());
  EXPECT_CODE(reload(path("models/m")), OK, "");
  EXPECT_CODE(reload(path("models/new/../m")), OK, "");
  server.reset();
  context.takesAnyDirectory = true;
  start();
  EXPECT_CODE(reload(path("elsewhere/m")), OK, "");
}

} // namespace
