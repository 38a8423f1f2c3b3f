// PredictionService: Classify, Regress and MultiInference, which take tf.Examples. See Methods.h.
#include "runtime/serve/grpc/ExampleMethods.h"

#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/ModelSpecs.h"
#include "runtime/serve/inference/Examples.h"

#include <set>
#include <utility>

namespace ingot::serve {

using tensorflow::serving::ClassificationRequest;
using tensorflow::serving::ClassificationResponse;
using tensorflow::serving::ClassificationResult;
using tensorflow::serving::Input;
using tensorflow::serving::ModelSpec;
using tensorflow::serving::MultiInferenceRequest;
using tensorflow::serving::MultiInferenceResponse;
using tensorflow::serving::RegressionRequest;
using tensorflow::serving::RegressionResponse;
using tensorflow::serving::RegressionResult;

namespace {

constexpr const char *classifyMethod = "tensorflow/serving/classify";
constexpr const char *regressMethod = "tensorflow/serving/regress";

Example toExample(const tensorflow::Example &from) {
  Example example;
  for (const auto &[name, feature] : from.features().feature()) {
    switch (feature.kind_case()) {
    case tensorflow::Feature::kBytesList:
      example[name] = std::vector<std::string>(feature.bytes_list().value().begin(),
                                               feature.bytes_list().value().end());
      break;
    case tensorflow::Feature::kFloatList:
      example[name] = std::vector<float>(feature.float_list().value().begin(),
                                         feature.float_list().value().end());
      break;
    case tensorflow::Feature::kInt64List:
      example[name] = std::vector<int64_t>(feature.int64_list().value().begin(),
                                           feature.int64_list().value().end());
      break;
    case tensorflow::Feature::KIND_NOT_SET: // as if it were not there
      break;
    }
  }
  return example;
}

struct GivenExamples {
  std::vector<Example> examples;
  Example context;
};

Result<GivenExamples> toExamples(const Input &input) {
  GivenExamples given;
  const auto *list = &input.example_list().examples();
  if (input.kind_case() == Input::kExampleListWithContext) {
    list = &input.example_list_with_context().examples();
    given.context = toExample(input.example_list_with_context().context());
  } else if (input.kind_case() != Input::kExampleList) {
    return Status(StatusCode::InvalidArgument,
                  "input has neither example_list nor example_list_with_context");
  }
  INGOT_RETURN_IF_ERROR(checkExampleCount(static_cast<size_t>(list->size())));
  for (const tensorflow::Example &example : *list)
    given.examples.push_back(toExample(example));
  return given;
}

Result<InferenceRequest> prepare(UnaryCall &call, const ModelSpec &spec, const Input &input,
                                 Status (*check)(const ServedFunction &)) {
  INGOT_ASSIGN_OR_RETURN(auto target, resolve(call.context().inference, spec));
  INGOT_RETURN_IF_ERROR(check(*target.function));
  INGOT_ASSIGN_OR_RETURN(GivenExamples given, toExamples(input));
  INGOT_ASSIGN_OR_RETURN(ExampleInputs made, toInputs(*target.function, std::move(given.examples),
                                                      std::move(given.context),
                                                      call.context().limits.decompressedBytes));
  InferenceRequest request;
  request.model = std::move(target.model);
  request.function = target.function;
  request.inputs = std::move(made.inputs);
  request.owner = std::move(made.owner);
  return request;
}

Status fill(const InferenceResponse &response, ClassificationResult &result) {
  INGOT_ASSIGN_OR_RETURN(const auto rows, toClasses(response));
  for (const auto &row : rows) {
    auto &classes = *result.add_classifications();
    for (const ScoredClass &scored : row) {
      auto &added = *classes.add_classes();
      added.set_label(scored.label);
      added.set_score(scored.score);
    }
  }
  return Status();
}

Status fill(const InferenceResponse &response, RegressionResult &result) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<float> values, toValues(response));
  for (float value : values)
    result.add_regressions()->set_value(value);
  return Status();
}

template <typename Request, typename Reply, Status (*Check)(const ServedFunction &)>
void run(UnaryCall &call) {
  Request asked;
  if (!call.parse(asked))
    return;
  call.record().model = asked.model_spec().name();
  auto request = prepare(call, asked.model_spec(), asked.input(), Check);
  if (!request.isOk())
    return call.fail(request.status());
  call.infer(std::move(request).value(), [signature = asked.model_spec().signature_name()](
                                             const InferenceResponse &response, WireWriter &out) {
    Reply reply;
    INGOT_RETURN_IF_ERROR(fill(response, *reply.mutable_result()));
    describe(*response.model, signature, *reply.mutable_model_spec());
    out.raw(reply.SerializeAsString());
    return Status();
  });
}

/// Several signatures of a model for the same examples, one after the other.
class MultiRun : public std::enable_shared_from_this<MultiRun> {
public:
  explicit MultiRun(UnaryCall &call) : call_(call) {}

  void start() {
    if (!call_.parse(asked_))
      return;
    if (const Status status = check(); !status.isOk())
      return call_.fail(status);
    next();
  }

private:
  Status check() {
    if (asked_.tasks().empty())
      return Status(StatusCode::InvalidArgument, "there are no tasks");
    call_.record().model = asked_.tasks(0).model_spec().name();
    std::set<std::string> signatures;
    for (const auto &task : asked_.tasks()) {
      if (task.model_spec().name() != asked_.tasks(0).model_spec().name())
        return Status(StatusCode::InvalidArgument, "all tasks must be of one model; there are '" +
                                                       asked_.tasks(0).model_spec().name() +
                                                       "' and '" + task.model_spec().name() + "'");
      if (task.method_name() != classifyMethod && task.method_name() != regressMethod)
        return Status(StatusCode::InvalidArgument, "method_name '" + task.method_name() +
                                                       "' is neither '" + classifyMethod +
                                                       "' nor '" + regressMethod + "'");
      if (!signatures.insert(task.model_spec().signature_name()).second)
        return Status(StatusCode::InvalidArgument,
                      "signature '" + task.model_spec().signature_name() + "' is there twice");
    }
    return Status();
  }

  void next() {
    if (reply_.results_size() == asked_.tasks_size())
      return call_.reply(serialize(reply_));
    const auto &task = asked_.tasks(reply_.results_size());
    const bool classifies = task.method_name() == classifyMethod;
    auto request = prepare(call_, task.model_spec(), asked_.input(),
                           classifies ? checkClassifies : checkRegresses);
    if (!request.isOk())
      return call_.fail(request.status());
    call_.complete(*request);
    call_.context().inference.infer(
        std::move(request).value(),
        [self = shared_from_this(), &task, classifies](InferenceResponse response) {
          UnaryCall &call = self->call_;
          call.record().timing = response.timing;
          call.guard([&] { self->go(response, task.model_spec().signature_name(), classifies); });
        });
  }

  void go(const InferenceResponse &response, const std::string &signature, bool classifies) {
    if (!response.status.isOk())
      return call_.fail(response);
    auto &result = *reply_.add_results();
    describe(*response.model, signature, *result.mutable_model_spec());
    const Status status = classifies ? fill(response, *result.mutable_classification_result())
                                     : fill(response, *result.mutable_regression_result());
    if (!status.isOk())
      return call_.fail(status);
    next();
  }

  UnaryCall &call_;
  MultiInferenceRequest asked_;
  MultiInferenceResponse reply_;
};

} // namespace

void classify(UnaryCall &call) {
  run<ClassificationRequest, ClassificationResponse, checkClassifies>(call);
}
void regress(UnaryCall &call) { run<RegressionRequest, RegressionResponse, checkRegresses>(call); }
void multiInference(UnaryCall &call) { std::make_shared<MultiRun>(call)->start(); }

} // namespace ingot::serve
