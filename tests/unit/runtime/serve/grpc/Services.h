// Stubs of all services over a server in the test, and what requests are made of.
#ifndef INGOT_TESTS_UNIT_RUNTIME_SERVE_GRPC_SERVICES_H
#define INGOT_TESTS_UNIT_RUNTIME_SERVE_GRPC_SERVICES_H

#include "runtime/serve/grpc/proto/health.grpc.pb.h"
#include "runtime/serve/grpc/proto/model_service.grpc.pb.h"
#include "runtime/serve/grpc/proto/open_inference.grpc.pb.h"
#include "runtime/serve/grpc/proto/prediction_service.grpc.pb.h"
#include "tests/unit/runtime/serve/grpc/TestServer.h"

#include <gmock/gmock.h>

namespace ingot::serve {

template <typename T>
inference::ModelInferRequest request(const std::string &function, const char *input,
                                     const char *datatype, const Shape &shape,
                                     const std::vector<T> &values) {
  inference::ModelInferRequest made;
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
inline inference::ModelInferRequest predictRequest() {
  return request<float>("predict", "x", "FP32", {1, 3}, {1, 0, 0});
}
inline inference::ModelInferRequest sleepRequest(int32_t milliseconds) {
  return request<int32_t>("sleep", "ms", "INT32", {1}, {milliseconds});
}

class ServicesFixture : public GrpcServerFixture {
protected:
  void SetUp() override {
    GrpcServerFixture::SetUp();
    connect();
  }
  void connect() {
    const auto connection = channel();
    prediction = tensorflow::serving::PredictionService::NewStub(connection);
    model = tensorflow::serving::ModelService::NewStub(connection);
    service = inference::GRPCInferenceService::NewStub(connection);
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

  std::unique_ptr<tensorflow::serving::PredictionService::Stub> prediction;
  std::unique_ptr<tensorflow::serving::ModelService::Stub> model;
  std::unique_ptr<inference::GRPCInferenceService::Stub> service;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

} // namespace ingot::serve

#endif
