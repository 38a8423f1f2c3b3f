// See MetricTotals.h.
#include "runtime/train/MetricTotals.h"

#include <algorithm>
#include <limits>
#include <string_view>

namespace ingot::train {

static Status unsupported(const std::string &what) { return Status(StatusCode::Unsupported, what); }

static bool isScalar(const ingot_tensor_info &info) {
  return info.rank == 0 && info.dtype == INGOT_F32;
}

/// Elements of an f32 tensor of fixed extents; none for another.
static std::optional<size_t> fixedElements(const ingot_tensor_info &info) {
  if (info.dtype != INGOT_F32)
    return std::nullopt;
  size_t count = 1;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    if (info.dims[axis].size < 0)
      return std::nullopt;
    count *= size_t(info.dims[axis].size);
  }
  return count;
}

Result<MetricTotals> MetricTotals::create(const ingot_function &function,
                                          const ingot_function *metrics) {
  MetricTotals totals;
  const std::string name = "'" + std::string(function.name) + "'";
  const auto taken = [&](std::string_view output) {
    for (int64_t i = 0; metrics && i < metrics->input_count; ++i)
      if (metrics->inputs[i].name == output)
        return true;
    return false;
  };
  bool hasLoss = false;
  size_t size = 0;
  for (int64_t i = 0; i < function.output_count; ++i) {
    const ingot_tensor_info &info = function.outputs[i];
    const bool isMean = !taken(info.name);
    const std::optional<size_t> count = fixedElements(info);
    if (isMean ? !isScalar(info) : !count)
      return unsupported("output '" + std::string(info.name) + "' of " + name + " is " +
                         describe(info) + ", expected " +
                         (isMean ? "f32[] (a mean over the batch)"
                                 : "f32 of fixed extents (a sum over the batch)"));
    if (isMean && std::string_view(info.name) == "loss") {
      hasLoss = true;
      totals.lossIndex = size;
    }
    totals.outputs.push_back({&info, size_t(i), size, *count, isMean});
    size += *count;
  }
  if (!hasLoss)
    return unsupported("function " + name + " has no output 'loss'");
  for (int64_t i = 0; metrics && i < metrics->input_count; ++i) {
    const ingot_tensor_info &input = metrics->inputs[i];
    const auto found = std::find_if(totals.outputs.begin(), totals.outputs.end(), [&](auto &out) {
      return std::string_view(out.info->name) == input.name;
    });
    if (found == totals.outputs.end() || fixedElements(input) != found->count)
      return unsupported("'metrics' takes '" + std::string(input.name) + "', " + describe(input) +
                         ", which is no output of " + name);
    totals.arguments.push_back(size_t(found - totals.outputs.begin()));
  }
  for (int64_t i = 0; metrics && i < metrics->output_count; ++i)
    if (!isScalar(metrics->outputs[i]))
      return unsupported("output '" + std::string(metrics->outputs[i].name) + "' of 'metrics' is " +
                         describe(metrics->outputs[i]) + ", expected f32[]");
  totals.sums.assign(size, 0);
  return totals;
}

void MetricTotals::reset() {
  std::fill(sums.begin(), sums.end(), 0);
  samples = 0;
}

void MetricTotals::add(const Session &session, int64_t rows) {
  for (const Output &output : outputs) {
    const float *values = session.output(output.index).data<float>();
    const double weight = output.isMean ? double(rows) : 1;
    for (size_t i = 0; i < output.count; ++i)
      sums[output.begin + i] += double(values[i]) * weight;
  }
  samples += rows;
}

double MetricTotals::loss() const {
  return samples > 0 ? sums[lossIndex] / double(samples) : std::numeric_limits<double>::quiet_NaN();
}

Result<Logs> MetricTotals::logs(State &state, Session *metrics) {
  Logs logs;
  if (samples == 0) // stopped before the first batch: there is nothing to tell
    return logs;
  for (const Output &output : outputs)
    if (output.isMean)
      logs[output.info->name] = sums[output.begin] / double(samples);
  if (metrics) {
    std::vector<TensorView> views;
    buffers.resize(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
      const Output &output = outputs[arguments[i]];
      Shape shape;
      for (int32_t axis = 0; axis < output.info->rank; ++axis)
        shape.push_back(output.info->dims[axis].size);
      INGOT_RETURN_IF_ERROR(buffers[i].resize(DType::F32, shape));
      for (size_t element = 0; element < output.count; ++element)
        buffers[i].data<float>()[element] = float(sums[output.begin + element]);
      views.push_back(buffers[i]);
    }
    INGOT_RETURN_IF_ERROR(metrics->run(state, views).withContext("'metrics'"));
    for (size_t i = 0; i < metrics->outputCount(); ++i)
      logs[metrics->function().outputs[i].name] = double(*metrics->output(i).data<float>());
  }
  logs.sort();
  return logs;
}

bool MetricTotals::restore(const std::vector<double> &values, int64_t sampleCount) {
  if (values.size() != sums.size() || sampleCount < 0)
    return false;
  sums = values;
  samples = sampleCount;
  return true;
}

} // namespace ingot::train
