// From named inputs to the scheduler and back, with statistics. See InferenceService.h.
#include "runtime/serve/inference/InferenceService.h"

#include <utility>

namespace ingot::serve {

namespace {

/// What lives as long as a request: its inputs' shapes, and who waits.
struct Call {
  InferenceRequest request;
  std::function<void(InferenceResponse)> done;
};

std::string signatureOf(const ServedFunction &function) {
  std::string text;
  for (const ingot_tensor_info *info : function.inputs)
    text += (text.empty() ? "'" : ", '") + std::string(info->name) + "' " + ingot::describe(*info);
  return text.empty() ? "none" : text;
}

Status checkAgainst(const ingot_tensor_info &info, const NamedInput &input) {
  auto wrong = [&](const std::string &what) {
    return Status(StatusCode::InvalidArgument,
                  "input '" + input.name + "': expected " + ingot::describe(info) + ", got " +
                      describe(input.dtype, input.shape) + ": " + what);
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

/// Compiled code takes a byte of a bool for 0 or 1.
Status checkBools(const NamedInput &input) {
  if (input.dtype != DType::Bool)
    return Status::ok();
  INGOT_ASSIGN_OR_RETURN(
      const int64_t count,
      countElements(input.dtype, input.shape.data(), static_cast<int64_t>(input.shape.size())));
  for (int64_t i = 0; i < count; ++i)
    if (const auto byte = static_cast<const uint8_t *>(input.data)[i]; byte > 1)
      return Status(StatusCode::InvalidArgument,
                    "input '" + input.name + "': element " + std::to_string(i) + " is " +
                        std::to_string(byte) + ", but a bool is 0 or 1");
  return Status::ok();
}

Status unknownInput(const ModelVersion &model, const ServedFunction &function,
                    const std::string &name) {
  return Status(StatusCode::InvalidArgument, "there is no input '" + name + "'; '" + model.model +
                                                 "' takes " + signatureOf(function));
}

/// The inputs in the order of the function, without those that a stream carries.
Result<std::vector<TensorView>> orderInputs(const ModelVersion &model,
                                            const ServedFunction &function,
                                            const std::vector<NamedInput> &inputs) {
  std::vector<TensorView> ordered;
  std::vector<bool> used(inputs.size());
  for (const ingot_tensor_info *info : function.inputs) {
    const NamedInput *found = nullptr;
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k].name != info->name)
        continue;
      if (found)
        return Status(StatusCode::InvalidArgument,
                      "input '" + inputs[k].name + "' was given twice");
      found = &inputs[k];
      used[k] = true;
    }
    if (!found)
      return Status(StatusCode::InvalidArgument, std::string("input '") + info->name +
                                                     "' is missing; '" + model.model + "' takes " +
                                                     signatureOf(function));
    INGOT_RETURN_IF_ERROR(checkAgainst(*info, *found));
    INGOT_RETURN_IF_ERROR(checkBools(*found));
    ordered.push_back({found->dtype, static_cast<int64_t>(found->shape.size()), found->shape.data(),
                       found->data});
  }
  for (size_t k = 0; k < inputs.size(); ++k)
    if (!used[k])
      return unknownInput(model, function, inputs[k].name);
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
  statistics.requestRows.add(static_cast<double>(timing.rows));
  statistics.requestSeconds.add(std::chrono::duration<double>(whole).count());
  statistics.queueSeconds.add(std::chrono::duration<double>(queued).count());
  auto wall = std::chrono::system_clock::now().time_since_epoch();
  statistics.lastInferenceMs.store(
      std::chrono::duration_cast<std::chrono::milliseconds>(wall).count(),
      std::memory_order_relaxed);
}

} // namespace

std::string describe(DType dtype, const Shape &shape) {
  return ingot::toString(dtype) + ingot::toString(shape);
}

Status checkInput(const ModelVersion &model, const ServedFunction &function,
                  const NamedInput &input) {
  for (const ingot_tensor_info *info : function.inputs)
    if (input.name == info->name)
      return checkAgainst(*info, input);
  return unknownInput(model, function, input.name);
}

Result<int64_t> findOutput(const ingot_function &function, std::string_view name) {
  std::string known;
  for (int64_t i = 0; i < function.output_count; ++i) {
    if (name == function.outputs[i].name)
      return i;
    known += (i ? ", '" : "'") + std::string(function.outputs[i].name) + "'";
  }
  return Status(StatusCode::InvalidArgument,
                "there is no output '" + std::string(name) + "'; there are " + known);
}

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
  auto inputs = orderInputs(*asked.model, *asked.function, asked.inputs);
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
