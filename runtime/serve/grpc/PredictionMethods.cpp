// PredictionService: Predict and GetModelMetadata. See Methods.h.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/ExampleMethods.h"
#include "runtime/serve/grpc/ModelDescriptions.h"
#include "runtime/serve/grpc/ModelSpecs.h"
#include "runtime/serve/grpc/Parsed.h"
#include "runtime/serve/grpc/Predict.h"

#include <utility>

namespace ingot::serve {

using tensorflow::serving::GetModelMetadataRequest;
using tensorflow::serving::GetModelMetadataResponse;
using tensorflow::serving::PredictRequest;

namespace {

void predict(UnaryCall &call) {
  auto parsed = std::make_shared<Parsed<PredictRequest>>(call.context().limits.decompressedBytes);
  const PredictRequest &asked = parsed->message;
  if (!call.parse(parsed->message))
    return;
  call.record().model = asked.model_spec().name();
  auto target = resolve(call.context().inference, asked.model_spec());
  if (!target.isOk())
    return call.fail(target.status());
  auto wanted = parseOutputs(asked, *target->function->function);
  if (!wanted.isOk())
    return call.fail(wanted.status());
  auto inputs = parseInputs(asked, *target, parsed->storage);
  if (!inputs.isOk())
    return call.fail(inputs.status());

  InferenceRequest request;
  request.model = std::move(target->model);
  request.function = target->function;
  request.inputs = std::move(inputs).value();
  request.owner = parsed;
  call.infer(std::move(request), [parsed, wanted = std::move(wanted).value()](
                                     const InferenceResponse &response, WireWriter &out) {
    writeReply(parsed->message, response, wanted, out);
    return Status();
  });
}

Status getModelMetadata(UnaryCall &call, const GetModelMetadataRequest &request,
                        GetModelMetadataResponse &reply) {
  call.record().model = request.model_spec().name();
  if (request.metadata_field().empty())
    return Status(StatusCode::InvalidArgument,
                  "metadata_field is empty; ask for \"signature_def\"");
  for (const std::string &field : request.metadata_field())
    if (field != "signature_def")
      return Status(StatusCode::InvalidArgument,
                    "metadata_field '" + field + "' is not served; \"signature_def\" is");
  INGOT_ASSIGN_OR_RETURN(const VersionChoice choice, versionOf(request.model_spec()));
  INGOT_ASSIGN_OR_RETURN(const auto model,
                         call.context().repository.find(request.model_spec().name(), choice));
  call.record().version = model->version;
  tensorflow::serving::SignatureDefMap signatures;
  encodeSignatures(*model, signatures);
  (*reply.mutable_metadata())["signature_def"].PackFrom(signatures);
  reply.mutable_model_spec()->set_name(model->model);
  reply.mutable_model_spec()->mutable_version()->set_value(model->version);
  return Status();
}

} // namespace

void addPredictionService(Methods &methods) {
  const auto &service =
      *PredictRequest::descriptor()->file()->FindServiceByName("PredictionService");
  methods.addUnary(service, "Predict", ApiGroup::Inference, "predict", Method::Kind::Inference,
                   predict);
  methods.addUnary(service, "Classify", ApiGroup::Inference, "classify", Method::Kind::Inference,
                   classify);
  methods.addUnary(service, "Regress", ApiGroup::Inference, "regress", Method::Kind::Inference,
                   regress);
  methods.addUnary(service, "MultiInference", ApiGroup::Inference, "multi_inference",
                   Method::Kind::Inference, multiInference);
  methods.addUnary(service, "GetModelMetadata", ApiGroup::Metadata, "metadata", Method::Kind::Quick,
                   answer<GetModelMetadataRequest, GetModelMetadataResponse, getModelMetadata>);
}

} // namespace ingot::serve
