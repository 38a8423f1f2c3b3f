// Calls through a socket: inference in both protocols, who may call, limits, deadlines, stopping.
#include "runtime/serve/grpc/proto/open_inference.grpc.pb.h"
#include "runtime/serve/grpc/proto/prediction_service.grpc.pb.h"
#include "tests/unit/runtime/serve/grpc/TestServer.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <thread>

namespace {

using namespace ingot;
using namespace ingot::serve;
using namespace tensorflow::serving;
using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using testing::ElementsAre;

PredictRequest predictRequest(const std::vector<float> &x) {
  PredictRequest request;
  request.mutable_model_spec()->set_name("m");
  tensorflow::TensorProto &tensor = (*request.mutable_inputs())["x"];
  tensor.set_dtype(tensorflow::DT_FLOAT);
  tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<int64_t>(x.size() / 3));
  tensor.mutable_tensor_shape()->add_dim()->set_size(3);
  tensor.mutable_float_val()->Add(x.begin(), x.end());
  return request;
}

ModelInferRequest inferRequest(const std::vector<float> &x) {
  ModelInferRequest request;
  request.set_model_name("m");
  auto &input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(static_cast<int64_t>(x.size() / 3));
  input.add_shape(3);
  request.add_raw_input_contents(x.data(), x.size() * sizeof(float));
  return request;
}

std::vector<float> floatsOf(const std::string &bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

/// `sleep` for as many milliseconds.
PredictRequest sleepRequest(int32_t milliseconds) {
  PredictRequest request;
  request.mutable_model_spec()->set_name("m");
  request.mutable_model_spec()->set_signature_name("sleep");
  tensorflow::TensorProto &tensor = (*request.mutable_inputs())["ms"];
  tensor.set_dtype(tensorflow::DT_INT32);
  tensor.mutable_tensor_shape()->add_dim()->set_size(1);
  tensor.add_int_val(milliseconds);
  return request;
}

class GrpcServerTest : public GrpcServerFixture {
protected:
  grpc::Status predict(const PredictRequest &request, PredictResponse &reply) {
    CallContext call;
    return PredictionService::NewStub(channel())->Predict(&call, request, &reply);
  }
  grpc::Status predict(const PredictRequest &request) {
    PredictResponse reply;
    return predict(request, reply);
  }
  grpc::Status infer(const ModelInferRequest &request, ModelInferResponse &reply) {
    CallContext call;
    return GRPCInferenceService::NewStub(channel())->ModelInfer(&call, request, &reply);
  }
  grpc::Status infer(const ModelInferRequest &request) {
    ModelInferResponse reply;
    return infer(request, reply);
  }
};

TEST_F(GrpcServerTest, PredictAnswersInTheEncodingOfTheRequest) {
  PredictRequest request = predictRequest({1, 0, 0, 0, 1, 1});
  PredictResponse reply;
  ASSERT_CALL_OK(predict(request, reply));
  EXPECT_THAT(reply.outputs().at("y").float_val(), ElementsAre(1.5f, 1.5f, 8.5f, 9.5f));
  EXPECT_EQ(reply.outputs().at("y").tensor_shape().dim(0).size(), 2);
  EXPECT_EQ(reply.model_spec().name(), "m");
  EXPECT_EQ(reply.model_spec().version().value(), 2);
  EXPECT_EQ(reply.model_spec().signature_name(), "serving_default");

  tensorflow::TensorProto &x = request.mutable_inputs()->at("x");
  x.set_tensor_content(std::string(reinterpret_cast<const char *>(x.float_val().data()), 24));
  x.clear_float_val();
  ASSERT_CALL_OK(predict(request, reply));
  EXPECT_THAT(floatsOf(reply.outputs().at("y").tensor_content()),
              ElementsAre(1.5f, 1.5f, 8.5f, 9.5f));
}

TEST_F(GrpcServerTest, PredictFindsVersionsLabelsSignaturesAndOutputs) {
  PredictRequest request = predictRequest({1, 0, 0});
  request.mutable_model_spec()->mutable_version()->set_value(1);
  request.mutable_model_spec()->set_signature_name("classify");
  request.add_output_filter("labels");
  PredictResponse reply;
  ASSERT_CALL_OK(predict(request, reply));
  EXPECT_EQ(reply.model_spec().version().value(), 1);
  EXPECT_EQ(reply.model_spec().signature_name(), "classify");
  EXPECT_EQ(reply.outputs().size(), 1u);
  EXPECT_THAT(reply.outputs().at("labels").string_val(), ElementsAre("cat", "dog"));
  request.mutable_model_spec()->set_version_label("stable");
  ASSERT_CALL_OK(predict(request, reply));
  EXPECT_EQ(reply.model_spec().version().value(), 1);
  request.mutable_model_spec()->mutable_version()->set_value(0); // as ovmsclient says "latest"
  ASSERT_CALL_OK(predict(request, reply));
  EXPECT_EQ(reply.model_spec().version().value(), 2);
}

TEST_F(GrpcServerTest, PredictRefusesWithWhatThereIs) {
  PredictRequest request = predictRequest({1, 0, 0});
  request.add_output_filter("z");
  EXPECT_CODE(predict(request), INVALID_ARGUMENT, "there is no output 'z'; there are 'y'");
  request = predictRequest({1, 0, 0});
  (*request.mutable_inputs())["z"] = request.inputs().at("x");
  EXPECT_CODE(predict(request), INVALID_ARGUMENT, "there is no input 'z'; 'm' takes 'x'");
  request.mutable_model_spec()->set_signature_name("zz");
  EXPECT_CODE(predict(request), INVALID_ARGUMENT, "no signature 'zz'; it has 'predict'");
  request.mutable_model_spec()->set_name("zz");
  EXPECT_CODE(predict(request), NOT_FOUND, "'zz'");
  request.mutable_model_spec()->clear_name();
  EXPECT_CODE(predict(request), INVALID_ARGUMENT, "no name of a model");
  request.mutable_model_spec()->set_name("broken");
  EXPECT_CODE(predict(request), UNAVAILABLE, "could not be loaded");
}

TEST_F(GrpcServerTest, ModelInferAnswersRawWithRawAndTypedWithTyped) {
  ModelInferRequest request = inferRequest({1, 0, 0, 0, 1, 1});
  request.set_id("abc");
  ModelInferResponse reply;
  ASSERT_CALL_OK(infer(request, reply));
  EXPECT_EQ(reply.id(), "abc");
  EXPECT_EQ(reply.model_name(), "m");
  EXPECT_EQ(reply.model_version(), "2");
  ASSERT_EQ(reply.outputs_size(), 1);
  EXPECT_EQ(reply.outputs(0).name(), "y");
  EXPECT_EQ(reply.outputs(0).datatype(), "FP32");
  EXPECT_THAT(reply.outputs(0).shape(), ElementsAre(2, 2));
  EXPECT_THAT(floatsOf(reply.raw_output_contents(0)), ElementsAre(1.5f, 1.5f, 8.5f, 9.5f));

  request.clear_raw_input_contents();
  for (float x : {1, 0, 0, 0, 1, 1})
    request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(x);
  ASSERT_CALL_OK(infer(request, reply));
  EXPECT_EQ(reply.raw_output_contents_size(), 0);
  EXPECT_THAT(reply.outputs(0).contents().fp32_contents(), ElementsAre(1.5f, 1.5f, 8.5f, 9.5f));
}

TEST_F(GrpcServerTest, ModelInferTakesTheFunctionAndTheOutputsThatAreAskedFor) {
  ModelInferRequest request = inferRequest({1, 0, 0});
  (*request.mutable_parameters())["function"].set_string_param("classify");
  request.set_model_version("1");
  request.add_outputs()->set_name("labels");
  ModelInferResponse reply;
  ASSERT_CALL_OK(infer(request, reply));
  EXPECT_EQ(reply.model_version(), "1");
  EXPECT_EQ(reply.outputs_size(), 1);
  EXPECT_EQ(reply.raw_output_contents(0), std::string("\3\0\0\0cat\3\0\0\0dog", 14));
  request.mutable_outputs(0)->set_name("z");
  EXPECT_CODE(infer(request), INVALID_ARGUMENT,
              "there is no output 'z'; there are 'scores', 'labels'");
  request.set_model_version("99999999999999999999");
  EXPECT_CODE(infer(request), INVALID_ARGUMENT, "too large a number");
  request.set_model_version("9");
  EXPECT_CODE(infer(request), NOT_FOUND, "version");
}

TEST_F(GrpcServerTest, LargeTensorsGoBothWays) {
  const std::vector<float> x(3 * 200000, 1.0f);
  ModelInferResponse reply;
  ASSERT_CALL_OK(infer(inferRequest(x), reply));
  const std::vector<float> y = floatsOf(reply.raw_output_contents(0));
  ASSERT_EQ(y.size(), 400000u);
  EXPECT_THAT(std::vector<float>(y.end() - 2, y.end()), ElementsAre(9.5f, 11.5f));
}

TEST_F(GrpcServerTest, CompressedRequestsAreAnsweredCompressed) {
  const std::vector<float> x(3 * 20000, 1.0f);
  for (grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    CallContext call;
    call.set_compression_algorithm(algorithm);
    ModelInferResponse reply;
    ASSERT_CALL_OK(
        GRPCInferenceService::NewStub(channel())->ModelInfer(&call, inferRequest(x), &reply));
    EXPECT_EQ(floatsOf(reply.raw_output_contents(0)).size(), 40000u);
    EXPECT_LT(records.next().bytesIn, 10000u);
  }
}

TEST_F(GrpcServerTest, WhatDecompressesToMoreThanTheLimitIsRefused) {
  limits.bodyBytes = 100000;
  limits.decompressedBytes = 100000;
  start();
  CallContext call;
  call.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  ModelInferResponse reply;
  const std::vector<float> x(3 * 1000000, 1.0f);
  EXPECT_CODE(GRPCInferenceService::NewStub(channel())->ModelInfer(&call, inferRequest(x), &reply),
              RESOURCE_EXHAUSTED, "larger than 100000 bytes");
  EXPECT_CODE(infer(inferRequest(x)), RESOURCE_EXHAUSTED, "larger than max");
  EXPECT_CODE(infer(inferRequest({1, 2, 3})), OK, ""); // and the server goes on
}

TEST_F(GrpcServerTest, WhatIsCompressedButNoMessageIsNotBrokenCompression) {
  limits.decompressedBytes = 1 << 20;
  start();
  grpc::GenericStub generic(channel());
  CallContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  grpc::CompletionQueue queue;
  grpc::Slice slice("\x2a\xff\xff" + std::string(1000, 'x'));
  grpc::ByteBuffer reply;
  grpc::Status status;
  auto call = generic.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/ModelInfer",
                                       grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void *tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_CODE(status, INVALID_ARGUMENT, "not a inference.ModelInferRequest");
}

TEST_F(GrpcServerTest, ModelInferFindsVersionsByTheirLabels) {
  ModelInferRequest request = inferRequest({1, 0, 0});
  request.set_model_version("stable");
  ModelInferResponse reply;
  ASSERT_CALL_OK(infer(request, reply));
  EXPECT_EQ(reply.model_version(), "1");
  request.set_model_version("canary");
  EXPECT_CODE(infer(request), NOT_FOUND, "version");
}

TEST_F(GrpcServerTest, InputsThatTheFunctionDoesNotTakeAreRefusedBeforeTheyAreMade) {
  limits.decompressedBytes = 1000;
  start();
  ModelInferRequest request = inferRequest({1, 0, 0});
  for (int i = 0; i < 3; ++i)
    *request.add_inputs() = request.inputs(0);
  EXPECT_CODE(infer(request), INVALID_ARGUMENT, "there are 4 inputs, but 'm' takes 1");
  PredictRequest predicted = predictRequest({1, 0, 0});
  tensorflow::TensorProto &x = predicted.mutable_inputs()->at("x");
  x.mutable_tensor_shape()->mutable_dim(1)->set_size(1 << 30); // more than may be asked for
  EXPECT_CODE(predict(predicted), INVALID_ARGUMENT, "dimension 1 must be 3, is 1073741824");
}

TEST_F(GrpcServerTest, ANameOfAnyLengthIsToldInShort) {
  ModelInferRequest request = inferRequest({1, 0, 0});
  request.set_model_name(std::string(100000, 'x'));
  request.set_id(std::string(100000, 'y'));
  EXPECT_CODE(infer(request), NOT_FOUND, "…");
  const RequestRecord record = records.next();
  EXPECT_LE(record.model.size(), 200u);
  EXPECT_LE(record.id.size(), 200u);
  EXPECT_LE(record.error.size(), 4096u);
}

TEST_F(GrpcServerTest, AFullQueueSaysWhenToTryAgain) {
  QueueOptions options;
  options.maxQueued = 0;
  options.maxRuns = 1;
  repository.setQueue("sleep", options);
  CallContext busy;
  std::thread client([&] {
    PredictResponse reply;
    (void)PredictionService::NewStub(channel())->Predict(&busy, sleepRequest(600000), &reply);
  });
  const auto &queue = repository.loaded().back()->find("sleep")->queue;
  while (queue->status().runningRequests == 0)
    std::this_thread::yield();
  CallContext refused;
  PredictResponse reply;
  EXPECT_CODE(PredictionService::NewStub(channel())->Predict(&refused, sleepRequest(1), &reply),
              RESOURCE_EXHAUSTED, "");
  const auto &trailers = refused.GetServerTrailingMetadata();
  const auto found = trailers.find("grpc-retry-pushback-ms");
  ASSERT_NE(found, trailers.end());
  EXPECT_GE(std::stoll(std::string(found->second.data(), found->second.size())), 1);
  busy.TryCancel();
  client.join();
}

TEST_F(GrpcServerTest, MemoryThatThereIsNotEndsARequestAlone) {
  ModelInferRequest request = inferRequest({1, 0, 0});
  request.set_model_name("huge");
  EXPECT_CODE(infer(request), RESOURCE_EXHAUSTED, "no memory");
  inference::RepositoryModelLoadRequest load; // on a thread of its own
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("huge");
  CallContext loading;
  EXPECT_CODE(
      GRPCInferenceService::NewStub(channel())->RepositoryModelLoad(&loading, load, &loaded),
      RESOURCE_EXHAUSTED, "no memory");
  CallContext context;
  auto stub = GRPCInferenceService::NewStub(channel());
  auto stream = stub->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Write(request) && stream->Read(&reply));
  EXPECT_NE(reply.error_message().find("no memory"), std::string::npos) << reply.error_message();
  ASSERT_TRUE(stream->Write(inferRequest({1, 0, 0})) && stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
  stream->WritesDone();
  ASSERT_CALL_OK(stream->Finish());
  EXPECT_CODE(infer(inferRequest({1, 0, 0})), OK, "");
}

TEST_F(GrpcServerTest, RecordsSayWhatEachCallWas) {
  CallContext call;
  call.AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  ModelInferRequest request = inferRequest({1, 0, 0});
  request.set_id("abc");
  ModelInferResponse reply;
  ASSERT_CALL_OK(GRPCInferenceService::NewStub(channel())->ModelInfer(&call, request, &reply));
  const RequestRecord record = records.next();
  EXPECT_STREQ(record.protocol, "grpc");
  EXPECT_EQ(record.method, "inference.GRPCInferenceService/ModelInfer");
  EXPECT_STREQ(record.api, "infer");
  EXPECT_EQ(record.model, "m");
  EXPECT_EQ(record.version, 2);
  EXPECT_EQ(record.function, "predict");
  EXPECT_EQ(record.status, grpc::StatusCode::OK);
  EXPECT_EQ(record.id, "abc");
  EXPECT_EQ(record.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(record.bytesIn, request.ByteSizeLong());
  EXPECT_EQ(record.bytesOut, reply.ByteSizeLong());
  EXPECT_TRUE(record.isInference);
  EXPECT_EQ(record.timing.rows, 1);
  EXPECT_LE(record.received, record.parsed);
  EXPECT_LE(record.parsed, record.written);
  while (lifecycle.inFlight() > 0) // ends right after its record
    std::this_thread::yield();

  EXPECT_CODE(predict(sleepRequest(-1)), OK, "");
  records.next();
  EXPECT_CODE(infer(ModelInferRequest()), NOT_FOUND, "");
  const RequestRecord failed = records.next();
  EXPECT_EQ(failed.status, grpc::StatusCode::NOT_FOUND);
  EXPECT_FALSE(failed.error.empty());
}

TEST_F(GrpcServerTest, AnIndexOutsideItsAxisIsTheClientsMistake) {
  PredictRequest request;
  request.mutable_model_spec()->set_name("m");
  request.mutable_model_spec()->set_signature_name("pick");
  tensorflow::TensorProto &tensor = (*request.mutable_inputs())["index"];
  tensor.set_dtype(tensorflow::DT_INT64);
  tensor.mutable_tensor_shape()->add_dim()->set_size(1);
  tensor.add_int64_val(3);
  EXPECT_CODE(predict(request), OUT_OF_RANGE, "embedding");
}

TEST_F(GrpcServerTest, DeadlinesOfTheCallAndOfTritonEndARequest) {
  const auto stub = PredictionService::NewStub(channel());
  PredictResponse reply;
  CallContext first; // connects: of a call that is over before that, the server hears nothing
  ASSERT_CALL_OK(stub->Predict(&first, sleepRequest(0), &reply));
  records.next();
  CallContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  EXPECT_CODE(stub->Predict(&call, sleepRequest(60000), &reply), DEADLINE_EXCEEDED, "");
  // What the client no longer waits for is stopped: the record comes long before a minute.
  const RequestRecord record = records.next();
  EXPECT_NE(record.status, grpc::StatusCode::OK);

  // Triton's: all workers are busy, and what waits longer than it says is not begun.
  const auto &queue = repository.loaded().back()->find("sleep")->queue;
  while (queue->status().runningRequests > 0) // the one above is over right after its record
    std::this_thread::yield();
  std::vector<std::unique_ptr<CallContext>> calls;
  std::vector<std::thread> busy;
  for (int i = 0; i < scheduler.workerCount(); ++i) {
    calls.push_back(std::make_unique<CallContext>());
    busy.emplace_back([this, context = calls.back().get()] {
      PredictResponse ignored;
      (void)PredictionService::NewStub(channel())->Predict(context, sleepRequest(60000), &ignored);
    });
    while (queue->status().runningRequests <= i) // one alone in each run
      std::this_thread::yield();
  }
  ModelInferRequest request;
  request.set_model_name("m");
  (*request.mutable_parameters())["function"].set_string_param("sleep");
  (*request.mutable_parameters())["timeout"].set_int64_param(1000);
  auto &input = *request.add_inputs();
  input.set_name("ms");
  input.set_datatype("INT32");
  input.add_shape(1);
  input.mutable_contents()->add_int_contents(1);
  EXPECT_CODE(infer(request), DEADLINE_EXCEEDED, "");
  for (auto &context : calls)
    context->TryCancel();
  for (std::thread &thread : busy)
    thread.join();
}

TEST_F(GrpcServerTest, ACancelledCallIsNotRunToItsEnd) {
  CallContext call;
  std::thread client([&] {
    PredictResponse reply;
    EXPECT_CODE(PredictionService::NewStub(channel())->Predict(&call, sleepRequest(600000), &reply),
                CANCELLED, "");
  });
  const auto &queue = repository.loaded().back()->find("sleep")->queue;
  while (queue->status().runningRequests == 0)
    std::this_thread::yield();
  call.TryCancel();
  client.join();
  EXPECT_EQ(records.next().status, grpc::StatusCode::CANCELLED);
}

TEST_F(GrpcServerTest, AccessIsByGroupAndToken) {
  AccessControl::Rules rules;
  rules.restricted[static_cast<size_t>(ApiGroup::Inference)] = true;
  rules.tokens.push_back({"0123456789abcdef", {}});
  rules.tokens.back().groups[static_cast<size_t>(ApiGroup::Inference)] = true;
  rules.tokens.push_back({"only-for-health-checks", {}});
  access = AccessControl(rules);
  start();
  const auto with = [&](const std::string &authorization) {
    CallContext call;
    if (!authorization.empty())
      call.AddMetadata("authorization", authorization);
    ModelInferResponse reply;
    return GRPCInferenceService::NewStub(channel())->ModelInfer(&call, inferRequest({1, 0, 0}),
                                                                &reply);
  };
  EXPECT_CODE(with(""), UNAUTHENTICATED, "need a token");
  EXPECT_CODE(with("Bearer wrong"), UNAUTHENTICATED, "need a token");
  EXPECT_CODE(with("Bearer only-for-health-checks"), PERMISSION_DENIED, "not allowed");
  EXPECT_CODE(with("Bearer 0123456789abcdef"), OK, "");
}

TEST_F(GrpcServerTest, MoreRequestsThanTheLimitAreRefused) {
  limits.requests = 1;
  start();
  CallContext call;
  std::thread client([&] {
    PredictResponse reply;
    (void)PredictionService::NewStub(channel())->Predict(&call, sleepRequest(600000), &reply);
  });
  while (lifecycle.inFlight() == 0)
    std::this_thread::yield();
  EXPECT_CODE(infer(inferRequest({1, 0, 0})), RESOURCE_EXHAUSTED, "1 requests in flight");
  call.TryCancel();
  client.join();
}

TEST_F(GrpcServerTest, StoppingLetsCallsInFlightFinish) {
  CallContext call;
  PredictResponse reply;
  grpc::Status status(grpc::StatusCode::UNKNOWN, "");
  std::thread client([&] {
    status = PredictionService::NewStub(channel())->Predict(&call, sleepRequest(100), &reply);
  });
  while (lifecycle.inFlight() == 0)
    std::this_thread::yield();
  server->stopAccepting();
  client.join();
  EXPECT_CODE(status, OK, "");
  EXPECT_EQ(reply.outputs().at("waited").int_val(0), 100);
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path("grpc.sock")));
}

TEST_F(GrpcServerTest, WhatDoesNotEndIsCancelledWhenTheServerGoes) {
  std::thread client([&] {
    CallContext call;
    PredictResponse reply;
    const grpc::Status status =
        PredictionService::NewStub(channel())->Predict(&call, sleepRequest(600000), &reply);
    EXPECT_FALSE(status.ok());
  });
  while (lifecycle.inFlight() == 0)
    std::this_thread::yield();
  server.reset();
  client.join();
}

TEST_F(GrpcServerTest, PlacesWhereItCannotListenAreNamed) {
  GrpcOptions options;
  EXPECT_STATUS(GrpcServer::start(context, options).status(), InvalidArgument, "neither a port");
  options.address = "127.0.0.1";
  options.port = 0;
  auto first = GrpcServer::start(context, options);
  ASSERT_OK(first.status());
  options.port = (*first)->port();
  EXPECT_GT(options.port, 0);
  EXPECT_STATUS(GrpcServer::start(context, options).status(), IoError,
                "127.0.0.1:" + std::to_string(options.port) + ": Address already in use");
  options.address = "192.0.2.1"; // of no machine
  EXPECT_STATUS(GrpcServer::start(context, options).status(), IoError, "assign");
  options.port = -1;
  options.unixSocket = path("no/such/directory/socket");
  EXPECT_STATUS(GrpcServer::start(context, options).status(), IoError, "no/such/directory");
  options.unixSocket = std::string(200, 'x');
  EXPECT_STATUS(GrpcServer::start(context, options).status(), IoError, "107 bytes");
  options.unixSocket = path("grpc.sock");
  EXPECT_STATUS(GrpcServer::start(context, options).status(), IoError, "another server listens");
  options.unixSocket = write("file", "");
  EXPECT_STATUS(GrpcServer::start(context, options).status(), IoError, "no socket");
}

} // namespace
