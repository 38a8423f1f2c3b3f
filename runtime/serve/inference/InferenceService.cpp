// From named inputs to the scheduler and back, with statistics. See InferenceService.h.
#include "runtime/serve/inference/InferenceService.h"

#include "runtime/serve/inference/DataTypes.h"

#include <algorithm>
#include <utility>

namespace ingot::serve {

namespace {

/// What lives as long as a request: its inputs' shapes, and who waits.
struct Call {
  InferenceRequest request;
  std::function<void(InferenceResponse)> done;
};

std::string typeName(DType dtype) {
  const char *name = openInferenceName(dtype);
  return *name ? name : ingot::toString(dtype);
}

/// "FP32 [batch, 3]".
std::string describeInput(const ingot_tensor_info &info) {
  std::string text = typeName(static_cast<DType>(info.dtype)) + " [";
  for (int32_t axis = 0; axis < info.rank; ++axis)
    text += (axis ? ", " : "") + std::string(info.dims[axis].text);
  return text + "]";
}

std::string signatureOf(const ingot_function &function) {
  std::string text;
  for (int64_t i = 0; i < function.input_count; ++i)
    text += (i ? ", " : "") + std::string("'") + function.inputs[i].name + "' " +
            describeInput(function.inputs[i]);
  return text.empty() ? "none" : text;
}

Status checkAgainst(const ingot_tensor_info &info, const NamedInput &input) {
  auto wrong = [&](const std::string &what) {
    return Status(StatusCode::InvalidArgument,
                  "input '" + input.name + "': expected " + describeInput(info) + ", got " +
                      typeName(input.dtype) + " " + ingot::toString(input.shape) + ": " + what);
  };
  if (static_cast<int32_t>(input.dtype) != info.dtype)
    return wrong("the element types differ");
  if (input.shape.size() != static_cast<size_t>(info.rank))
    return wrong(std::to_string(info.rank) + " dimensions are expected, " +
                 std::to_string(input.shape.size()) + " were given");
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    int64_t seen = input.shape[static_cast<size_t>(axis)], fixed = info.dims[axis].size;
    if (seen < 0)
      return wrong("dimension " + std::to_string(axis) + " is negative");
    if (fixed >= 0 && seen != fixed)
      return wrong("dimension " + std::to_string(axis) + " must be " + std::to_string(fixed) +
                   ", is " + std::to_string(seen));
  }
  return Status::ok();
}

/// The inputs in the order of the function, without those that a stream carries.
Result<std::vector<TensorView>> orderInputs(const ModelVersion &model,
                                            const ingot_function &function,
                                            const std::vector<NamedInput> &inputs) {
  std::vector<ingot_carry> carries = model.artifact->carries(function);
  auto isCarried = [&](int64_t input) {
    return std::any_of(carries.begin(), carries.end(),
                       [&](const ingot_carry &carry) { return carry.input == input; });
  };
  std::vector<TensorView> ordered;
  std::vector<bool> used(inputs.size());
  for (int64_t i = 0; i < function.input_count; ++i) {
    const ingot_tensor_info &info = function.inputs[i];
    if (isCarried(i))
      continue;
    const NamedInput *found = nullptr;
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k].name != info.name)
        continue;
      if (found)
        return Status(StatusCode::InvalidArgument,
                      "input '" + inputs[k].name + "' was given twice");
      found = &inputs[k];
      used[k] = true;
    }
    if (!found)
      return Status(StatusCode::InvalidArgument, std::string("input '") + info.name +
                                                     "' is missing; '" + model.model + "' takes " +
                                                     signatureOf(function));
    INGOT_RETURN_IF_ERROR(checkAgainst(info, *found));
    ordered.push_back({found->dtype, static_cast<int64_t>(found->shape.size()), found->shape.data(),
                       found->data});
  }
  for (size_t k = 0; k < inputs.size(); ++k)
    if (!used[k])
      return Status(StatusCode::InvalidArgument, "there is no input '" + inputs[k].name + "'; '" +
                                                     model.model + "' takes " +
                                                     signatureOf(function));
  return ordered;
}

void count(FunctionStatistics &statistics, const Outcome &outcome, Clock::time_point received) {
  statistics.pending.fetch_sub(1, std::memory_order_relaxed);
  auto now = Clock::now();
  auto whole = now - received;
  if (!outcome.status.isOk()) {
    statistics.fail.add(whole);
    StatusCode code = outcome.status.code();
    (code == StatusCode::ResourceExhausted && outcome.timing.runs == 0 ? statistics.rejected
     : code == StatusCode::Cancelled                                   ? statistics.cancelled
                                                                       : statistics.failedOtherwise)
        .fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const Timing &timing = outcome.timing;
  auto queued = timing.started - timing.submitted;
  statistics.success.add(whole);
  statistics.queue.add(queued);
  statistics.computeInput.add(timing.gather);
  statistics.computeInfer.add(timing.run);
  statistics.computeOutput.add(timing.scatter);
  statistics.inferences.fetch_add(static_cast<uint64_t>(timing.rows), std::memory_order_relaxed);
  statistics.requestSeconds.add(std::chrono::duration<double>(whole).count());
  statistics.queueSeconds.add(std::chrono::duration<double>(queued).count());
  auto wall = std::chrono::system_clock::now().time_since_epoch();
  statistics.lastInferenceMs.store(
      std::chrono::duration_cast<std::chrono::milliseconds>(wall).count(),
      std::memory_order_relaxed);
}

} // namespace

Result<InferenceService::Target> InferenceService::resolve(std::string_view model,
                                                           const VersionChoice &choice,
                                                           std::string_view function) const {
  Target target;
  INGOT_ASSIGN_OR_RETURN(target.model, repository_.find(model, choice));
  target.function = target.model->find(function);
  if (target.function)
    return target;
  std::string known;
  for (const ServedFunction &served : target.model->functions)
    known += (known.empty() ? "'" : ", '") + std::string(served.function->name) + "'";
  return Status(StatusCode::InvalidArgument,
                "model '" + target.model->model + "' has no signature '" + std::string(function) +
                    "'; it has " + known + ", of which the first is also 'serving_default'");
}

void InferenceService::infer(InferenceRequest request,
                             std::function<void(InferenceResponse)> done) const {
  auto call = std::make_shared<Call>(Call{std::move(request), std::move(done)});
  const InferenceRequest &asked = call->request;
  FunctionStatistics &statistics = *asked.function->statistics;
  statistics.pending.fetch_add(1, std::memory_order_relaxed);

  auto finish = [call](Outcome outcome) {
    count(*call->request.function->statistics, outcome, call->request.received);
    InferenceResponse response;
    response.status = std::move(outcome.status);
    response.model = call->request.model;
    response.function = call->request.function;
    response.outputs = std::move(outcome.outputs);
    response.owner = std::move(outcome.owner);
    response.timing = outcome.timing;
    call->done(std::move(response));
  };

  Request scheduled;
  auto inputs = orderInputs(*asked.model, *asked.function->function, asked.inputs);
  if (!inputs.isOk()) {
    Outcome refused;
    refused.status = inputs.status();
    refused.timing.submitted = refused.timing.started = refused.timing.finished = Clock::now();
    finish(std::move(refused));
    return;
  }
  scheduled.inputs = std::move(inputs).value();
  scheduled.owner = call;
  scheduled.priority = asked.priority;
  scheduled.deadline = asked.deadline;
  scheduled.cancellation = asked.cancellation;
  scheduled.mayRunHere = asked.mayRunHere;
  scheduled.sequence = asked.sequence;
  scheduled.sequenceStart = asked.sequenceStart;
  scheduled.sequenceEnd = asked.sequenceEnd;
  scheduled.done = std::move(finish);
  asked.function->queue->submit(std::move(scheduled));
}

} // namespace ingot::serve
