// Predict, classify, regress and infer: body to inputs, a run, outputs to a reply. See RestApi.h.
#include "runtime/serve/inference/Examples.h"
#include "runtime/serve/rest/ExamplesJson.h"
#include "runtime/serve/rest/InferReply.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/PredictJson.h"
#include "runtime/serve/rest/RestApi.h"
#include "runtime/serve/rest/StatusMap.h"
#include "runtime/serve/rest/Text.h"
#include "runtime/serve/rest/Utf8.h"

#include <algorithm>

namespace ingot::serve::rest {

namespace {

void setRetryAfter(Exchange &exchange) {
  using std::chrono::seconds;
  seconds wait{1};
  if (exchange.function)
    wait =
        std::max(wait, std::chrono::ceil<seconds>(exchange.function->queue->status().expectedWait));
  exchange.reply.headers += "Retry-After: " + std::to_string(wait.count()) + "\r\n";
}

void refuse(Exchange &exchange, const Status &status) {
  exchange.reply.fail(status);
  if (exchange.reply.status == 429)
    setRetryAfter(exchange);
}

/// False: the run failed, and the reply says so.
bool ran(Exchange &exchange) {
  exchange.record.timing = exchange.response.timing;
  if (exchange.response.status.isOk())
    return true;
  refuse(exchange, exchange.response.status);
  return false;
}

void encodePredictReply(RestApi &, Exchange &exchange) {
  if (!ran(exchange))
    return;
  const Status status = encodePredict(exchange.reply.body, exchange.response, exchange.isRowForm);
  if (!status.isOk())
    refuse(exchange, status);
}

template <typename Convert, typename Encode>
void encodeResults(Exchange &exchange, const Convert &convert, const Encode &encode) {
  if (!ran(exchange))
    return;
  const auto results = convert(exchange.response);
  if (results.isOk())
    encode(exchange.reply.body, *results);
  else
    refuse(exchange, results.status());
}

void encodeExamplesReply(RestApi &, Exchange &exchange) {
  if (exchange.route.api == Api::Classify)
    encodeResults(exchange, toClasses, encodeClasses);
  else
    encodeResults(exchange, toValues, encodeValues);
}

void encodeInferReply(RestApi &api, Exchange &exchange) {
  if (!ran(exchange))
    return;
  InferReply encoded;
  encoded.text = std::move(exchange.reply.body);
  auto response = std::make_shared<InferenceResponse>(std::move(exchange.response));
  const Status status =
      encodeInfer(encoded, std::move(response), exchange.infer, api.context().sharedMemory);
  HttpReply &reply = exchange.reply;
  reply.body = std::move(encoded.text);
  if (!status.isOk()) {
    refuse(exchange, status);
    return;
  }
  reply.segments = std::move(encoded.segments);
  reply.owner = std::move(encoded.owner);
  if (encoded.isBinary) {
    reply.contentType = "application/octet-stream";
    reply.headers +=
        "Inference-Header-Content-Length: " + std::to_string(encoded.jsonBytes) + "\r\n";
  }
}

} // namespace

/// A function of the exchange's model, which is found at the first call and stays.
Result<Signature> RestApi::lookUp(Exchange &exchange, std::string_view name) {
  VersionChoice choice = exchange.route.version;
  if (exchange.model) {
    if (const ServedFunction *function = exchange.model->find(name)) {
      exchange.function = function;
      return Signature::of(*function);
    }
    choice = VersionChoice::of(exchange.model->version);
  }
  INGOT_ASSIGN_OR_RETURN(InferenceService::Target target,
                         context_.inference.resolve(exchange.route.model, choice, name));
  exchange.model = std::move(target.model);
  exchange.function = target.function;
  note(exchange, *exchange.model);
  return Signature::of(*exchange.function);
}

void RestApi::run(Exchange &exchange, DecodedInputs inputs) {
  InferenceRequest request;
  request.model = exchange.model;
  request.function = exchange.function;
  request.inputs = std::move(inputs.inputs);
  request.owner = std::move(inputs.owner);
  request.priority = exchange.infer.priority;
  request.sequence = std::move(exchange.infer.sequence);
  request.sequenceStart = exchange.infer.sequenceStart;
  request.sequenceEnd = exchange.infer.sequenceEnd;
  request.received = exchange.record.received;
  request.mayRunHere = true;
  std::chrono::microseconds timeout = exchange.infer.timeout;
  if (const std::chrono::microseconds header = exchange.timeout; header.count() > 0)
    timeout = timeout.count() > 0 ? std::min(timeout, header) : header;
  if (timeout.count() > 0)
    request.deadline = exchange.record.received + timeout;
  exchange.cancellation = std::make_shared<Cancellation>();
  request.cancellation = exchange.cancellation;
  exchange.watch();
  exchange.record.function = exchange.function->function->name;
  exchange.record.parsed = Clock::now();
  context_.inference.infer(std::move(request),
                           [self = exchange.shared_from_this()](InferenceResponse response) {
                             self->response = std::move(response);
                             self->complete();
                           });
}

void RestApi::predict(Exchange &exchange) {
  Result<PredictRequest> decoded = decodePredict(
      exchange.request.body->view(), [&](std::string_view name) { return lookUp(exchange, name); },
      context_.limits.jsonDepth);
  if (!decoded.isOk()) {
    refuse(exchange, decoded.status());
    exchange.complete();
    return;
  }
  exchange.function = decoded->signature.function;
  exchange.isRowForm = decoded->isRowForm;
  exchange.encode = encodePredictReply;
  run(exchange, std::move(decoded->inputs));
}

void RestApi::classifyOrRegress(Exchange &exchange) {
  const auto prepare = [&]() -> Result<DecodedInputs> {
    // The model first: that it is not there matters more than what is wrong with the body.
    INGOT_RETURN_IF_ERROR(lookUp(exchange, "").status());
    INGOT_ASSIGN_OR_RETURN(ExamplesRequest request, decodeExamples(exchange.request.body->view(),
                                                                   context_.limits.jsonDepth));
    INGOT_RETURN_IF_ERROR(lookUp(exchange, request.signatureName).status());
    INGOT_RETURN_IF_ERROR(exchange.route.api == Api::Classify ? checkClassifies(*exchange.function)
                                                              : checkRegresses(*exchange.function));
    INGOT_ASSIGN_OR_RETURN(ExampleInputs inputs,
                           toInputs(*exchange.function, std::move(request.examples),
                                    std::move(request.context), context_.limits.decompressedBytes));
    return DecodedInputs{std::move(inputs.inputs), std::move(inputs.owner)};
  };
  Result<DecodedInputs> inputs = prepare();
  if (!inputs.isOk()) {
    refuse(exchange, inputs.status());
    exchange.complete();
    return;
  }
  exchange.encode = encodeExamplesReply;
  run(exchange, std::move(*inputs));
}

void RestApi::infer(Exchange &exchange) {
  const auto prepare = [&]() -> Status {
    INGOT_ASSIGN_OR_RETURN(const Signature signature, lookUp(exchange, ""));
    const HttpRequest &request = exchange.request;
    std::string_view body = request.body->view();
    size_t jsonBytes = body.size();
    if (!request.inferenceHeaderLength.empty()) {
      const auto length = parseNumber<uint64_t>(request.inferenceHeaderLength);
      if (!length || *length > body.size())
        return Status(StatusCode::InvalidArgument, "Inference-Header-Content-Length is '" +
                                                       request.inferenceHeaderLength.substr(0, 40) +
                                                       "', the body has " +
                                                       std::to_string(body.size()) + " bytes");
      jsonBytes = *length;
    }
    if (jsonBytes == 0 && !request.inferenceHeaderLength.empty()) {
      INGOT_ASSIGN_OR_RETURN(exchange.infer, decodeRawTensor(body, request.body, signature));
    } else {
      INGOT_ASSIGN_OR_RETURN(exchange.infer,
                             decodeInfer(body.substr(0, jsonBytes), body.substr(jsonBytes),
                                         request.body, context_.sharedMemory, context_.limits));
    }
    if (!exchange.infer.function.empty())
      INGOT_RETURN_IF_ERROR(lookUp(exchange, exchange.infer.function).status());
    return checkOutputs(*exchange.function->function, exchange.infer);
  };
  if (const Status status = prepare(); !status.isOk()) {
    refuse(exchange, status);
    exchange.complete();
    return;
  }
  if (exchange.request.requestId.empty() && !exchange.infer.id.empty())
    exchange.record.id = toUtf8(exchange.infer.id, mostIdBytes);
  exchange.encode = encodeInferReply;
  run(exchange, std::move(exchange.infer.inputs));
}

} // namespace ingot::serve::rest
