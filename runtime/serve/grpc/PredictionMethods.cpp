// PredictionService: Predict. See Methods.h.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/ModelSpecs.h"
#include "runtime/serve/grpc/Parsed.h"
#include "runtime/serve/grpc/Predict.h"

#include <utility>

namespace ingot::serve {

using tensorflow::serving::ModelSpec;
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
  auto inputs = parseInputs(asked, parsed->storage);
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

} // namespace

void addPredictionService(Methods &methods) {
  const auto &service =
      *PredictRequest::descriptor()->file()->FindServiceByName("PredictionService");
  methods.addUnary(service, "Predict", ApiGroup::Inference, "predict", Method::Kind::Inference,
                   predict);
}

} // namespace ingot::serve
