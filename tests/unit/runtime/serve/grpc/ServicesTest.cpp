// The calls beside inference, through a socket: examples, metadata, repository, shared memory,
// health, reflection; and inference as a stream.
#include "runtime/serve/grpc/proto/health.grpc.pb.h"
#include "runtime/serve/grpc/proto/model_service.grpc.pb.h"
#include "runtime/serve/grpc/proto/open_inference.grpc.pb.h"
#include "runtime/serve/grpc/proto/prediction_service.grpc.pb.h"
#include "runtime/serve/grpc/proto/reflection_v1.grpc.pb.h"
#include "runtime/serve/grpc/proto/reflection_v1alpha.grpc.pb.h"
#include "tests/unit/runtime/serve/grpc/TestServer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <map>
#include <sys/mman.h>
#include <thread>

namespace {

using namespace ingot;
using namespace ingot::serve;
using namespace tensorflow::serving;
using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

template <typename T>
ModelInferRequest request(const std::string &function, const char *input, const char *datatype,
                          const Shape &shape, const std::vector<T> &values) {
  ModelInferRequest made;
  made.set_model_name("m");
  (*made.mutable_parameters())["function"].set_string_param(function);
  auto &tensor = *made.add_inputs();
  tensor.set_name(input);
  tensor.set_datatype(datatype);
  for (int64_t extent : shape)
    tensor.add_shape(extent);
  made.add_raw_input_contents(values.data(), values.size() * sizeof(T));
  return made;
}
ModelInferRequest predictRequest() {
  return request<float>("predict", "x", "FP32", {1, 3}, {1, 0, 0});
}
ModelInferRequest sleepRequest(int32_t milliseconds) {
  return request<int32_t>("sleep", "ms", "INT32", {1}, {milliseconds});
}

class ServicesTest : public GrpcServerFixture {
protected:
  void SetUp() override {
    GrpcServerFixture::SetUp();
    connect();
  }
  void connect() {
    const auto connection = channel();
    prediction = PredictionService::NewStub(connection);
    model = ModelService::NewStub(connection);
    service = GRPCInferenceService::NewStub(connection);
    health = grpc::health::v1::Health::NewStub(connection);
  }
  /// Calls one method: call(&Stub::Method, stub, request, reply).
  template <typename Stub, typename Request, typename Reply>
  grpc::Status call(grpc::Status (Stub::*method)(grpc::ClientContext *, const Request &, Reply *),
                    Stub &stub, const Request &request, Reply &reply) {
    CallContext context;
    reply.Clear();
    return (stub.*method)(&context, request, &reply);
  }

  std::unique_ptr<PredictionService::Stub> prediction;
  std::unique_ptr<ModelService::Stub> model;
  std::unique_ptr<GRPCInferenceService::Stub> service;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

void addFloats(tensorflow::Example &example, const std::string &name,
               const std::vector<float> &values) {
  (*example.mutable_features()->mutable_feature())[name].mutable_float_list()->mutable_value()->Add(
      values.begin(), values.end());
}

TEST_F(ServicesTest, ExamplesAreClassified) {
  ClassificationRequest asked;
  asked.mutable_model_spec()->set_name("m");
  asked.mutable_model_spec()->set_signature_name("classify");
  addFloats(*asked.mutable_input()->mutable_example_list()->add_examples(), "x", {1, 0, 0});
  addFloats(*asked.mutable_input()->mutable_example_list()->add_examples(), "x", {0, 1, 1});
  ClassificationResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::Classify, *prediction, asked, reply));
  ASSERT_EQ(reply.result().classifications_size(), 2);
  EXPECT_EQ(reply.result().classifications(1).classes(1).label(), "dog");
  EXPECT_EQ(reply.result().classifications(1).classes(1).score(), 9.5f);
  EXPECT_EQ(reply.model_spec().version().value(), 2);
  EXPECT_EQ(reply.model_spec().signature_name(), "classify");

  asked.mutable_input()->mutable_example_list()->mutable_examples(1)->clear_features();
  EXPECT_CODE(call(&PredictionService::Stub::Classify, *prediction, asked, reply), INVALID_ARGUMENT,
              "example 1, feature 'x'");
  asked.clear_input();
  EXPECT_CODE(call(&PredictionService::Stub::Classify, *prediction, asked, reply), INVALID_ARGUMENT,
              "neither example_list nor example_list_with_context");
  asked.mutable_model_spec()->set_signature_name("total");
  EXPECT_CODE(call(&PredictionService::Stub::Classify, *prediction, asked, reply), INVALID_ARGUMENT,
              "cannot classify");
}

TEST_F(ServicesTest, ExamplesAreRegressedWithTheirContext) {
  RegressionRequest asked;
  asked.mutable_model_spec()->set_name("m");
  asked.mutable_model_spec()->set_signature_name("regress");
  auto &given = *asked.mutable_input()->mutable_example_list_with_context();
  addFloats(*given.add_examples(), "a", {1.5f});
  (*given.mutable_context()->mutable_features()->mutable_feature())["b"]
      .mutable_int64_list()
      ->add_value(2);
  RegressionResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::Regress, *prediction, asked, reply));
  ASSERT_EQ(reply.result().regressions_size(), 1);
  EXPECT_EQ(reply.result().regressions(0).value(), 3.5f);
}

TEST_F(ServicesTest, MultiInferenceRunsSignaturesForTheSameExamples) {
  MultiInferenceRequest asked;
  for (const char *signature : {"classify", "predict"}) {
    auto &task = *asked.add_tasks();
    task.mutable_model_spec()->set_name("m");
    task.mutable_model_spec()->set_signature_name(signature);
    task.set_method_name("tensorflow/serving/classify");
  }
  addFloats(*asked.mutable_input()->mutable_example_list()->add_examples(), "x", {1, 0, 0});
  MultiInferenceResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply));
  ASSERT_EQ(reply.results_size(), 2);
  EXPECT_EQ(reply.results(0).classification_result().classifications(0).classes(0).label(), "cat");
  EXPECT_EQ(reply.results(1).classification_result().classifications(0).classes(0).score(), 1.5f);
  EXPECT_EQ(reply.results(1).model_spec().signature_name(), "predict");
  EXPECT_EQ(records.next().status, grpc::StatusCode::OK);

  asked.mutable_tasks(1)->mutable_model_spec()->set_signature_name("classify");
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "'classify' is there twice");
  asked.mutable_tasks(1)->set_method_name("guess");
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "'guess' is neither");
  asked.mutable_tasks(1)->mutable_model_spec()->set_name("other");
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "'m' and 'other'");
  asked.clear_tasks();
  EXPECT_CODE(call(&PredictionService::Stub::MultiInference, *prediction, asked, reply),
              INVALID_ARGUMENT, "no tasks");
}

TEST_F(ServicesTest, MetadataHasTheSignatures) {
  GetModelMetadataRequest asked;
  asked.mutable_model_spec()->set_name("m");
  asked.add_metadata_field("signature_def");
  GetModelMetadataResponse reply;
  ASSERT_CALL_OK(call(&PredictionService::Stub::GetModelMetadata, *prediction, asked, reply));
  EXPECT_EQ(reply.model_spec().version().value(), 2);
  SignatureDefMap map;
  ASSERT_TRUE(reply.metadata().at("signature_def").UnpackTo(&map));
  const tensorflow::SignatureDef &signature = map.signature_def().at("serving_default");
  EXPECT_EQ(signature.method_name(), "tensorflow/serving/predict");
  const tensorflow::TensorInfo &x = signature.inputs().at("x");
  EXPECT_EQ(x.dtype(), tensorflow::DT_FLOAT);
  EXPECT_EQ(x.name(), "x:0");
  ASSERT_EQ(x.tensor_shape().dim_size(), 2);
  EXPECT_EQ(x.tensor_shape().dim(0).size(), -1);
  EXPECT_EQ(x.tensor_shape().dim(1).size(), 3);
  EXPECT_EQ(map.signature_def().at("scalars").inputs().at("real").tensor_shape().dim_size(), 0);
  EXPECT_TRUE(map.signature_def().count("classify"));
  asked.set_metadata_field(0, "weights");
  EXPECT_CODE(call(&PredictionService::Stub::GetModelMetadata, *prediction, asked, reply),
              INVALID_ARGUMENT, "'weights' is not served");
  asked.clear_metadata_field();
  EXPECT_CODE(call(&PredictionService::Stub::GetModelMetadata, *prediction, asked, reply),
              INVALID_ARGUMENT, "signature_def");
}

TEST_F(ServicesTest, ReloadReplacesTheModels) {
  ReloadConfigRequest asked;
  ReloadConfigResponse reply;
  EXPECT_CODE(call(&ModelService::Stub::HandleReloadConfigRequest, *model, asked, reply),
              INVALID_ARGUMENT, "model_config_list");
  auto &config = *asked.mutable_config()->mutable_model_config_list()->add_config();
  config.set_name("m");
  config.set_base_path("/models/m");
  ASSERT_CALL_OK(call(&ModelService::Stub::HandleReloadConfigRequest, *model, asked, reply));
  EXPECT_EQ(reply.status().error_code(), tensorflow::error::OK);
  EXPECT_THAT(repository.said(), ElementsAre("replace m=/models/m"));
  repository.answer = Status(StatusCode::FailedPrecondition, "label 'stable'");
  EXPECT_CODE(call(&ModelService::Stub::HandleReloadConfigRequest, *model, asked, reply),
              FAILED_PRECONDITION, "label 'stable'");
}

TEST_F(ServicesTest, LoadAndUnloadReachTheRepository) {
  inference::RepositoryModelLoadRequest load;
  inference::RepositoryModelLoadResponse loaded;
  load.set_model_name("m");
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded));
  (*load.mutable_parameters())["config"].set_string_param("{}");
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded));
  EXPECT_EQ(repository.said().front(), "load m");
  EXPECT_EQ(repository.said().back().rfind("load m {", 0), 0u);
  (*load.mutable_parameters())["config"].set_string_param("{");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded),
              INVALID_ARGUMENT, "");
  load.clear_parameters();
  (*load.mutable_parameters())["file:1/model.so"].set_bytes_param("x");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::RepositoryModelLoad, *service, load, loaded),
              UNIMPLEMENTED, "file:1/model.so");
  inference::RepositoryModelUnloadRequest unload;
  inference::RepositoryModelUnloadResponse unloaded;
  unload.set_model_name("m");
  repository.answer = Status(StatusCode::NotFound, "no model");
  EXPECT_CODE(call(&GRPCInferenceService::Stub::RepositoryModelUnload, *service, unload, unloaded),
              NOT_FOUND, "no model");
  EXPECT_EQ(repository.said().back(), "unload m");
}

TEST_F(ServicesTest, TheIndexHasEveryVersionAndItsReason) {
  inference::RepositoryIndexRequest asked;
  inference::RepositoryIndexResponse reply;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryIndex, *service, asked, reply));
  ASSERT_EQ(reply.models_size(), 3);
  EXPECT_EQ(reply.models(0).name(), "broken");
  EXPECT_EQ(reply.models(0).state(), "UNAVAILABLE");
  EXPECT_EQ(reply.models(0).reason(), "truncated");
  EXPECT_EQ(reply.models(2).version(), "2");
  EXPECT_EQ(reply.models(2).state(), "READY");
  asked.set_ready(true);
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::RepositoryIndex, *service, asked, reply));
  EXPECT_EQ(reply.models_size(), 2);
}

TEST_F(ServicesTest, TheServerAndItsModelsAreDescribed) {
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

TEST_F(ServicesTest, StatisticsCountWhatWasRun) {
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

TEST_F(ServicesTest, ReadinessIsAnAnswer) {
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

TEST_F(ServicesTest, SettingsAreTheServersOwn) {
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

// ---- Shared memory ----

class SharedObject {
public:
  explicit SharedObject(size_t bytes) : name_("/ingot-test-grpc-" + std::to_string(getpid())) {
    const int file = ::shm_open(name_.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(::ftruncate(file, static_cast<off_t>(bytes)), 0);
    data_ =
        static_cast<char *>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    bytes_ = bytes;
    ::close(file);
  }
  ~SharedObject() {
    ::munmap(data_, bytes_);
    ::shm_unlink(name_.c_str());
  }
  const std::string &name() const { return name_; }
  float *floats(size_t offset) { return reinterpret_cast<float *>(data_ + offset); }

private:
  std::string name_;
  char *data_ = nullptr;
  size_t bytes_ = 0;
};

template <typename Parameters> void place(Parameters &parameters, int64_t offset, int64_t bytes) {
  parameters["shared_memory_region"].set_string_param("r");
  parameters["shared_memory_offset"].set_int64_param(offset);
  parameters["shared_memory_byte_size"].set_int64_param(bytes);
}

TEST_F(ServicesTest, TensorsTravelThroughSharedMemory) {
  SharedObject object(4096);
  inference::SystemSharedMemoryRegisterRequest add;
  add.set_name("r");
  add.set_key(object.name());
  add.set_byte_size(4096);
  inference::SystemSharedMemoryRegisterResponse added;
  ASSERT_CALL_OK(
      call(&GRPCInferenceService::Stub::SystemSharedMemoryRegister, *service, add, added));
  object.floats(64)[0] = 1;

  ModelInferRequest asked = predictRequest();
  asked.clear_raw_input_contents();
  place(*asked.mutable_inputs(0)->mutable_parameters(), 64, 12);
  auto &output = *asked.add_outputs();
  output.set_name("y");
  place(*output.mutable_parameters(), 128, 100);
  ModelInferResponse reply;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply));
  EXPECT_EQ(object.floats(128)[0], 1.5f);
  EXPECT_EQ(reply.raw_output_contents(0), "");
  EXPECT_EQ(reply.outputs(0).parameters().at("shared_memory_byte_size").int64_param(), 8);
  EXPECT_EQ(reply.outputs(0).parameters().at("shared_memory_region").string_param(), "r");

  place(*asked.mutable_inputs(0)->mutable_parameters(), 4090, 12);
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
              INVALID_ARGUMENT, "beyond its 4096 bytes");
  place(*asked.mutable_inputs(0)->mutable_parameters(), 64, 16);
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
              INVALID_ARGUMENT, "takes 12 bytes, but shared_memory_byte_size is 16");
  place(*asked.mutable_inputs(0)->mutable_parameters(), 64, 12);
  place(*asked.mutable_outputs(0)->mutable_parameters(), 128, 4);
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply),
              INVALID_ARGUMENT, "output 'y' takes 8 bytes");

  inference::SystemSharedMemoryStatusResponse status;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::SystemSharedMemoryStatus, *service,
                      inference::SystemSharedMemoryStatusRequest(), status));
  EXPECT_EQ(status.regions().at("r").byte_size(), 4096u);
  inference::SystemSharedMemoryUnregisterResponse removed;
  ASSERT_CALL_OK(call(&GRPCInferenceService::Stub::SystemSharedMemoryUnregister, *service,
                      inference::SystemSharedMemoryUnregisterRequest(), removed));
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply), NOT_FOUND,
              "'r'");
}

TEST_F(ServicesTest, ThereIsNoCudaMemory) {
  inference::CudaSharedMemoryStatusResponse status;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::CudaSharedMemoryStatus, *service,
                   inference::CudaSharedMemoryStatusRequest(), status),
              OK, "");
  inference::CudaSharedMemoryRegisterResponse added;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::CudaSharedMemoryRegister, *service,
                   inference::CudaSharedMemoryRegisterRequest(), added),
              UNIMPLEMENTED, "no CUDA memory");
  inference::CudaSharedMemoryUnregisterResponse removed;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::CudaSharedMemoryUnregister, *service,
                   inference::CudaSharedMemoryUnregisterRequest(), removed),
              OK, "");
}

TEST_F(ServicesTest, ClassificationOfOutputsIsRefused) {
  ModelInferRequest asked = predictRequest();
  auto &output = *asked.add_outputs();
  output.set_name("y");
  (*output.mutable_parameters())["classification"].set_int64_param(2);
  ModelInferResponse reply;
  EXPECT_CODE(call(&GRPCInferenceService::Stub::ModelInfer, *service, asked, reply), UNIMPLEMENTED,
              "'classification' is not served");
}

// ---- Streams ----

TEST_F(ServicesTest, AStreamAnswersEachMessageAndErrorsDoNotEndIt) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelInferRequest wrong = predictRequest();
  wrong.set_id("wrong");
  wrong.set_model_name("zz");
  ModelInferRequest right = predictRequest();
  right.set_id("right");
  ASSERT_TRUE(stream->Write(wrong));
  ASSERT_TRUE(stream->Write(right));
  ASSERT_TRUE(stream->WritesDone());
  std::map<std::string, ModelStreamInferResponse> replies;
  for (ModelStreamInferResponse reply; stream->Read(&reply);)
    replies[reply.infer_response().id()] = reply;
  ASSERT_CALL_OK(stream->Finish());
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_NE(replies["wrong"].error_message().find("'zz'"), std::string::npos);
  EXPECT_EQ(replies["right"].error_message(), "");
  EXPECT_EQ(replies["right"].infer_response().raw_output_contents(0).size(), 8u);
  EXPECT_TRUE(
      replies["right"].infer_response().parameters().at("triton_final_response").bool_param());
  // A record of each message, none of the stream.
  std::vector<std::string> ids = {records.next().id, records.next().id};
  EXPECT_THAT(ids, UnorderedElementsAre("wrong", "right"));
}

TEST_F(ServicesTest, ASequenceIsAnsweredInOrder) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  for (int i = 0; i < 300; ++i) { // more than the server takes at once
    ModelInferRequest asked = i % 10 == 0 ? sleepRequest(2) : predictRequest();
    asked.set_id(std::to_string(i));
    (*asked.mutable_parameters())["sequence_id"].set_int64_param(7);
    ASSERT_TRUE(stream->Write(asked));
  }
  ASSERT_TRUE(stream->WritesDone());
  int next = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++next)
    ASSERT_EQ(reply.infer_response().id(), std::to_string(next)) << reply.error_message();
  EXPECT_EQ(next, 300);
  ASSERT_CALL_OK(stream->Finish());
}

TEST_F(ServicesTest, SequencesCarryWhatTheirRequestsLeave) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  for (int i = 1; i <= 3; ++i)
    for (int64_t sequence : {1, 2}) {
      ModelInferRequest asked =
          request<float>("running", "x", "FP32", {1}, {static_cast<float>(i * sequence)});
      asked.set_id(std::to_string(sequence));
      (*asked.mutable_parameters())["sequence_id"].set_int64_param(sequence);
      (*asked.mutable_parameters())["sequence_start"].set_bool_param(i == 1);
      (*asked.mutable_parameters())["sequence_end"].set_bool_param(i == 3);
      ASSERT_TRUE(stream->Write(asked));
    }
  ASSERT_TRUE(stream->WritesDone());
  std::map<std::string, std::vector<float>> sums;
  for (ModelStreamInferResponse reply; stream->Read(&reply);) {
    ASSERT_EQ(reply.error_message(), "");
    float sum = 0;
    std::memcpy(&sum, reply.infer_response().raw_output_contents(0).data(), sizeof sum);
    sums[reply.infer_response().id()].push_back(sum);
  }
  EXPECT_THAT(sums["1"], ElementsAre(1, 3, 6));
  EXPECT_THAT(sums["2"], ElementsAre(2, 6, 12));
}

TEST_F(ServicesTest, WithoutASequenceRepliesComeAsTheyAreReady) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelInferRequest slow = sleepRequest(60000), fast = predictRequest();
  slow.set_id("slow");
  fast.set_id("fast");
  ASSERT_TRUE(stream->Write(slow));
  ASSERT_TRUE(stream->Write(fast));
  ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.infer_response().id(), "fast");
  context.TryCancel();
  EXPECT_CODE(stream->Finish(), CANCELLED, "");
  EXPECT_EQ(records.next().id, "fast");
  EXPECT_EQ(records.next().status, grpc::StatusCode::CANCELLED); // stopped, not slept to its end
}

TEST_F(ServicesTest, AClientThatDoesNotReadIsNotReadEither) {
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  const std::vector<float> x(3 * 5000, 1);
  const auto large = request<float>("predict", "x", "FP32", {5000, 3}, x);
  // Replies of 40 kB: 64 are kept, 128 requests run, and the transport holds a few MB more.
  constexpr size_t messages = 1000;
  std::thread writer([&] {
    for (size_t i = 0; i < messages; ++i)
      EXPECT_TRUE(stream->Write(large));
    EXPECT_TRUE(stream->WritesDone());
  });
  // Until the server takes no more; were it to take all, it would not come to that before the end.
  for (size_t seen = 0, before = 0, same = 0; same < 50000 && seen < messages;
       same = seen == before && seen >= 64 ? same + 1 : 0) {
    std::this_thread::yield();
    before = seen;
    seen = records.count();
  }
  EXPECT_LT(records.count(), 600u);
  size_t replies = 0;
  for (ModelStreamInferResponse reply; stream->Read(&reply); ++replies)
    EXPECT_EQ(reply.error_message(), "");
  EXPECT_EQ(replies, messages);
  writer.join();
  ASSERT_CALL_OK(stream->Finish());
}

// ---- Health, reflection ----

grpc::health::v1::HealthCheckRequest named(const std::string &name) {
  grpc::health::v1::HealthCheckRequest asked;
  asked.set_service(name);
  return asked;
}

TEST_F(ServicesTest, HealthIsOfTheServerItsServicesAndModels) {
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

TEST_F(ServicesTest, WatchTellsChangesAndTheEnd) {
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

TEST_F(ServicesTest, ReflectionDescribesTheServices) {
  expectReflection<grpc::reflection::v1::ServerReflection,
                   grpc::reflection::v1::ServerReflectionRequest,
                   grpc::reflection::v1::ServerReflectionResponse>(channel());
  expectReflection<grpc::reflection::v1alpha::ServerReflection,
                   grpc::reflection::v1alpha::ServerReflectionRequest,
                   grpc::reflection::v1alpha::ServerReflectionResponse>(channel());
}

TEST_F(ServicesTest, StreamsAreForThoseWhoMayCall) {
  AccessControl::Rules rules;
  rules.restricted[static_cast<size_t>(ApiGroup::Inference)] = true;
  access = AccessControl(rules);
  start();
  connect();
  CallContext context;
  auto stream = service->ModelStreamInfer(&context);
  ModelStreamInferResponse reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_CODE(stream->Finish(), PERMISSION_DENIED, "not allowed");
  EXPECT_EQ(records.next().status, grpc::StatusCode::PERMISSION_DENIED);
}

} // namespace
