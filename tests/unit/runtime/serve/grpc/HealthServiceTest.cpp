// grpc.health.v1 and reflection.
#include "tests/unit/runtime/serve/grpc/Services.h"

#include "runtime/serve/grpc/proto/reflection_v1.grpc.pb.h"
#include "runtime/serve/grpc/proto/reflection_v1alpha.grpc.pb.h"

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>

namespace {

using namespace ingot;
using namespace ingot::serve;
using testing::UnorderedElementsAre;

class HealthServiceTest : public ServicesFixture {};

grpc::health::v1::HealthCheckRequest named(const std::string &name) {
  grpc::health::v1::HealthCheckRequest asked;
  asked.set_service(name);
  return asked;
}

TEST_F(HealthServiceTest, HealthIsOfTheServerItsServicesAndModels) {
  using grpc::health::v1::HealthCheckResponse;
  using Stub = grpc::health::v1::Health::Stub;
  HealthCheckResponse reply;
  for (const char *name : {"", "m", "tensorflow.serving.PredictionService"}) {
    ASSERT_CALL_OK(call(&Stub::Check, *health, named(name), reply));
    EXPECT_EQ(reply.status(), HealthCheckResponse::SERVING) << name;
  }
  ASSERT_CALL_OK(call(&Stub::Check, *health, named("broken"), reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_CODE(call(&Stub::Check, *health, named("zz"), reply), NOT_FOUND, "'zz'");
  grpc::health::v1::HealthListResponse list;
  ASSERT_CALL_OK(call(&Stub::List, *health, grpc::health::v1::HealthListRequest(), list));
  EXPECT_EQ(list.statuses().at("m").status(), HealthCheckResponse::SERVING);
  EXPECT_EQ(list.statuses().at("broken").status(), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthServiceTest, WatchTellsChangesAndTheEnd) {
  using grpc::health::v1::HealthCheckResponse;
  repository.ready = false;
  CallContext context;
  auto watch = health->Watch(&context, named(""));
  CallContext otherContext;
  auto other = health->Watch(&otherContext, named("zz"));
  HealthCheckResponse reply;
  ASSERT_TRUE(watch->Read(&reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::NOT_SERVING);
  repository.ready = true;
  ASSERT_TRUE(watch->Read(&reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(other->Read(&reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  otherContext.TryCancel();
  EXPECT_CODE(other->Finish(), CANCELLED, "");
  lifecycle.drain();
  ASSERT_TRUE(watch->Read(&reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::NOT_SERVING);
  server->stopAccepting();
  EXPECT_FALSE(watch->Read(&reply));
  EXPECT_CODE(watch->Finish(), UNAVAILABLE, "stopping");
}

TEST_F(HealthServiceTest, AWatchOfNothingIsAnError) {
  CallContext context;
  grpc::GenericStub generic(channel()); // as the client of a stream, which may say nothing
  grpc::CompletionQueue queue;
  auto call = generic.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  void *tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  call->WritesDone(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_CODE(status, INVALID_ARGUMENT, "what to watch");
}

TEST_F(HealthServiceTest, ModelsAreListedForThoseWhoMaySeeTheirMetadata) {
  AccessControl::Rules rules;
  rules.restricted[static_cast<size_t>(ApiGroup::Metadata)] = true;
  rules.tokens.push_back({"0123456789abcdef", {}});
  rules.tokens.back().groups.fill(true);
  access = AccessControl(rules);
  start();
  connect();
  const auto names = [&](const std::string &token) {
    CallContext context;
    if (!token.empty())
      context.AddMetadata("authorization", "Bearer " + token);
    grpc::health::v1::HealthListResponse list;
    EXPECT_CODE(health->List(&context, grpc::health::v1::HealthListRequest(), &list), OK, "");
    return list.statuses();
  };
  EXPECT_TRUE(names("").count("tensorflow.serving.PredictionService"));
  EXPECT_FALSE(names("").count("m"));
  EXPECT_TRUE(names("0123456789abcdef").count("m"));
}

template <typename Service, typename Request, typename Reply>
void expectReflection(const std::shared_ptr<grpc::Channel> &channel) {
  CallContext context;
  auto stub = Service::NewStub(channel);
  auto stream = stub->ServerReflectionInfo(&context);
  Request asked;
  Reply reply;
  asked.set_list_services("");
  ASSERT_TRUE(stream->Write(asked) && stream->Read(&reply));
  std::vector<std::string> names;
  for (const auto &service : reply.list_services_response().service())
    names.push_back(service.name());
  EXPECT_THAT(names, UnorderedElementsAre("tensorflow.serving.PredictionService",
                                          "tensorflow.serving.ModelService",
                                          "inference.GRPCInferenceService", "grpc.health.v1.Health",
                                          "grpc.reflection.v1.ServerReflection",
                                          "grpc.reflection.v1alpha.ServerReflection"));
  asked.set_file_containing_symbol("tensorflow.serving.PredictionService");
  ASSERT_TRUE(stream->Write(asked) && stream->Read(&reply));
  google::protobuf::DescriptorPool pool;
  const auto &files = reply.file_descriptor_response().file_descriptor_proto();
  ASSERT_GT(files.size(), 2);
  for (auto file = files.rbegin(); file != files.rend(); ++file) { // those needed come later
    google::protobuf::FileDescriptorProto proto;
    ASSERT_TRUE(proto.ParseFromString(*file));
    ASSERT_TRUE(pool.BuildFile(proto)) << proto.name();
  }
  EXPECT_TRUE(pool.FindServiceByName("tensorflow.serving.PredictionService"));
  asked.set_file_containing_symbol("no.such.Symbol");
  ASSERT_TRUE(stream->Write(asked) && stream->Read(&reply));
  EXPECT_EQ(reply.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  asked.set_file_by_filename("runtime/serve/grpc/proto/health.proto");
  ASSERT_TRUE(stream->Write(asked) && stream->Read(&reply));
  EXPECT_EQ(reply.file_descriptor_response().file_descriptor_proto_size(), 1);
  stream->WritesDone();
  ASSERT_CALL_OK(stream->Finish());
}

TEST_F(HealthServiceTest, ReflectionDescribesTheServices) {
  expectReflection<grpc::reflection::v1::ServerReflection,
                   grpc::reflection::v1::ServerReflectionRequest,
                   grpc::reflection::v1::ServerReflectionResponse>(channel());
  expectReflection<grpc::reflection::v1alpha::ServerReflection,
                   grpc::reflection::v1alpha::ServerReflectionRequest,
                   grpc::reflection::v1alpha::ServerReflectionResponse>(channel());
}

} // namespace
