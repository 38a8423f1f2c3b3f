// GRPCInferenceService: ModelInfer. See Methods.h.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/OpenInference.h"
#include "runtime/serve/grpc/Parsed.h"
#include "runtime/serve/grpc/ServerMethods.h"

#include <utility>

namespace ingot::serve {

using inference::ModelInferRequest;

namespace {

void modelInfer(UnaryCall &call) {
  auto parsed =
      std::make_shared<Parsed<ModelInferRequest>>(call.context().limits.decompressedBytes);
  const ModelInferRequest &asked = parsed->message;
  if (!call.parse(parsed->message))
    return;
  call.record().model = asked.model_name();
  call.record().id = asked.id();
  auto prepared = prepare(call.context().inference, call.context().sharedMemory, *parsed,
                          call.record().received);
  if (!prepared.isOk())
    return call.fail(prepared.status());
  prepared->request.owner = parsed;
  call.infer(std::move(prepared->request), [parsed, wanted = std::move(prepared->wanted)](
                                               const InferenceResponse &response, WireWriter &out) {
    return writeReply(parsed->message, response, wanted, out);
  });
}

} // namespace

void addInferenceService(Methods &methods) {
  const auto &service =
      *ModelInferRequest::descriptor()->file()->FindServiceByName("GRPCInferenceService");
  methods.addUnary(service, "ModelInfer", ApiGroup::Inference, "infer", Method::Kind::Inference,
                   modelInfer);
  addStreamInfer(methods, service);
  addServerMethods(methods, service);
  addRepositoryMethods(methods, service);
}

} // namespace ingot::serve
