// See InferReply.h.
#include "runtime/serve/rest/InferReply.h"

#include "runtime/serve/inference/DataTypes.h"
#include "runtime/serve/rest/BinaryTensors.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/StatusMap.h"

namespace ingot::serve::rest {

namespace {

/// What is copied behind the JSON rather than given to the socket on its own.
constexpr size_t copiedBytes = 16 << 10;

/// One output as it is written.
struct Output {
  size_t index = 0; ///< into the function's outputs
  const RequestedOutput *asked = nullptr;
  bool isBinary = false;
  size_t bytes = 0; ///< binary, or for shared memory
};

Result<std::vector<Output>> chooseOutputs(const ingot_function &function,
                                          const InferRequest &request) {
  std::vector<Output> outputs;
  if (request.outputs.empty())
    for (int64_t i = 0; i < function.output_count; ++i)
      outputs.push_back({static_cast<size_t>(i), nullptr, request.areOutputsBinary, 0});
  for (const RequestedOutput &asked : request.outputs) {
    INGOT_ASSIGN_OR_RETURN(const int64_t index, findOutput(function, asked.name));
    outputs.push_back(
        {static_cast<size_t>(index), &asked, asked.isBinary.value_or(request.areOutputsBinary), 0});
  }
  return outputs;
}

Status writeRegion(const Tensor &tensor, Output &output, const SharedMemory &sharedMemory) {
  const RegionRange &range = *output.asked->range;
  output.bytes = binarySize(tensor);
  if (output.bytes > range.bytes)
    return invalid("output '" + output.asked->name + "' has " + std::to_string(output.bytes) +
                   " bytes, more than 'shared_memory_byte_size' " + std::to_string(range.bytes));
  INGOT_ASSIGN_OR_RETURN(const auto region, sharedMemory.find(range.region));
  Bytes bytes;
  appendBinary(bytes, tensor);
  return region->write(range.offset, bytes.data(), bytes.size())
      .withContext("output '" + output.asked->name + "'");
}

Status notForJson(const ingot_tensor_info &info, const std::string &what) {
  return invalid(std::string("output '") + info.name + "' " + what +
                 " cannot be sent as JSON: ask for its bytes, \"parameters\": "
                 "{\"binary_data\": true}");
}

/// What only the values tell.
Status checkTexts(const ingot_tensor_info &info, const Tensor &tensor) {
  if (tensor.dtype() == DType::String)
    for (int64_t i = 0; i < tensor.elementCount(); ++i)
      if (!isUtf8(textAt(tensor, i)))
        return notForJson(info, "has element " + std::to_string(i) + ", which is not UTF-8 and");
  return {};
}

} // namespace

Status checkOutputs(const ingot_function &function, const InferRequest &request) {
  // Each once: a reply is not to be as many times larger as a request can name its outputs.
  std::vector<bool> isAsked(static_cast<size_t>(function.output_count), false);
  for (const RequestedOutput &asked : request.outputs) {
    INGOT_ASSIGN_OR_RETURN(const int64_t found, findOutput(function, asked.name));
    const auto index = static_cast<size_t>(found);
    if (isAsked[index])
      return invalid("output '" + asked.name + "' is asked for twice");
    isAsked[index] = true;
  }
  INGOT_ASSIGN_OR_RETURN(const std::vector<Output> outputs, chooseOutputs(function, request));
  for (const Output &output : outputs) {
    const ingot_tensor_info &info = function.outputs[output.index];
    const DType dtype = static_cast<DType>(info.dtype);
    if (!*openInferenceName(dtype))
      return invalid(std::string("output '") + info.name + "' is " + ingot::describe(info) +
                     ", a type that the protocol has not: call a function that casts it");
    const bool isJson = !output.isBinary && !(output.asked && output.asked->range);
    if (isJson && (dtype == DType::F16 || dtype == DType::BF16))
      return notForJson(info, std::string("of ") + openInferenceName(dtype));
  }
  return {};
}

Status encodeInfer(InferReply &reply, std::shared_ptr<const InferenceResponse> response,
                   const InferRequest &request, const SharedMemory &sharedMemory) {
  const ingot_function &function = *response->function->function;
  INGOT_RETURN_IF_ERROR(checkOutputs(function, request));
  INGOT_ASSIGN_OR_RETURN(std::vector<Output> outputs, chooseOutputs(function, request));
  Bytes &out = reply.text;
  out += "{\"model_name\":";
  appendQuoted(out, response->model->model);
  out += ",\"model_version\":\"";
  appendNumber(out, response->model->version);
  out += '"';
  if (!request.id.empty()) {
    out += ",\"id\":";
    appendQuoted(out, request.id);
  }
  out += ",\"outputs\":[";
  size_t binaryBytes = 0;
  bool isFirst = true;
  for (Output &output : outputs) {
    const Tensor &tensor = response->outputs[output.index];
    const ingot_tensor_info &info = function.outputs[output.index];
    out += isFirst ? "{\"name\":" : ",{\"name\":";
    isFirst = false;
    appendQuoted(out, info.name);
    out += ",\"datatype\":\"";
    out += openInferenceName(tensor.dtype());
    out += "\",\"shape\":";
    appendShape(out, tensor.shape().data(), tensor.rank());
    if (output.asked && output.asked->range) {
      INGOT_RETURN_IF_ERROR(writeRegion(tensor, output, sharedMemory));
      output.isBinary = false;
      out += ",\"parameters\":{\"shared_memory_region\":";
      appendQuoted(out, output.asked->range->region);
      out += ",\"shared_memory_byte_size\":";
      appendNumber(out, static_cast<uint64_t>(output.bytes));
      if (output.asked->range->offset > 0) {
        out += ",\"shared_memory_offset\":";
        appendNumber(out, output.asked->range->offset);
      }
      out += "}}";
    } else if (output.isBinary) {
      reply.isBinary = true;
      output.bytes = binarySize(tensor);
      binaryBytes += output.bytes;
      out += ",\"parameters\":{\"binary_data_size\":";
      appendNumber(out, static_cast<uint64_t>(output.bytes));
      out += "}}";
    } else {
      INGOT_RETURN_IF_ERROR(checkTexts(info, tensor));
      out += ",\"data\":[";
      appendElements(out, tensor, 0, tensor.elementCount(), TextStyle::Quoted);
      out += "]}";
    }
  }
  out += "]}";
  reply.jsonBytes = out.size();
  reply.owner = response;
  for (const Output &output : outputs) {
    if (!output.isBinary)
      continue;
    const Tensor &tensor = response->outputs[output.index];
    if (binaryBytes <= copiedBytes || tensor.dtype() == DType::String) {
      // Behind a segment nothing may be copied: the order counts.
      if (reply.segments.empty()) {
        appendBinary(out, tensor);
        continue;
      }
      auto bytes = std::make_shared<std::pair<Bytes, std::shared_ptr<const void>>>();
      appendBinary(bytes->first, tensor);
      reply.segments.push_back(bytes->first.view());
      bytes->second = std::move(reply.owner);
      reply.owner = std::move(bytes);
    } else if (output.bytes > 0) {
      reply.segments.emplace_back(static_cast<const char *>(tensor.rawData()), output.bytes);
    }
  }
  return {};
}

} // namespace ingot::serve::rest
