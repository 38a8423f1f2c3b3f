// Requests. See OpenInference.h.
#include "runtime/serve/grpc/OpenInference.h"

#include "runtime/serve/grpc/ValueLists.h"
#include "runtime/serve/inference/DataTypes.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace ingot::serve {

namespace {

using inference::InferParameter;
using inference::InferTensorContents;
using inference::ModelInferRequest;
using Parameters = google::protobuf::Map<std::string, InferParameter>;
using Contents = InferTensorContents;

Status wrongParameter(const std::string &name, const std::string &what) {
  return Status(StatusCode::InvalidArgument, "parameter '" + name + "': " + what);
}

const InferParameter *find(const Parameters &parameters, const char *name) {
  if (parameters.empty())
    return nullptr;
  const auto it = parameters.find(name);
  return it == parameters.end() ? nullptr : &it->second;
}

/// Clients give the same number as int64 or uint64. `otherwise` where it is absent.
Result<uint64_t> unsignedParameter(const Parameters &parameters, const char *name,
                                   uint64_t otherwise) {
  const InferParameter *found = find(parameters, name);
  if (!found)
    return otherwise;
  if (found->parameter_choice_case() == InferParameter::kUint64Param)
    return found->uint64_param();
  if (found->parameter_choice_case() == InferParameter::kInt64Param && found->int64_param() >= 0)
    return static_cast<uint64_t>(found->int64_param());
  return wrongParameter(name, "must be a number, not negative");
}

Result<bool> boolParameter(const Parameters &parameters, const char *name) {
  const InferParameter *found = find(parameters, name);
  if (!found)
    return false;
  if (found->parameter_choice_case() != InferParameter::kBoolParam)
    return wrongParameter(name, "must be a bool");
  return found->bool_param();
}

Result<std::string> textParameter(const Parameters &parameters, const char *name) {
  const InferParameter *found = find(parameters, name);
  if (!found)
    return std::string();
  if (found->parameter_choice_case() != InferParameter::kStringParam)
    return wrongParameter(name, "must be a string");
  return found->string_param();
}

Result<std::string> sequenceOf(const Parameters &parameters) {
  const InferParameter *found = find(parameters, "sequence_id");
  if (!found)
    return std::string();
  if (found->parameter_choice_case() == InferParameter::kStringParam)
    return found->string_param();
  INGOT_ASSIGN_OR_RETURN(const uint64_t number, unsignedParameter(parameters, "sequence_id", 0));
  return number == 0 ? std::string() : std::to_string(number); // 0 is Triton's "no sequence"
}

/// Where in shared memory a tensor is, or goes to.
struct MemoryPlace {
  std::shared_ptr<const SharedMemory::Region> region; ///< null: it is not there
  uint64_t offset = 0, bytes = 0;
};

Result<MemoryPlace> placeOf(const Parameters &parameters, const SharedMemory &memory) {
  MemoryPlace place;
  INGOT_ASSIGN_OR_RETURN(const std::string region,
                         textParameter(parameters, "shared_memory_region"));
  if (region.empty())
    return place;
  INGOT_ASSIGN_OR_RETURN(place.region, memory.find(region));
  if (!find(parameters, "shared_memory_byte_size"))
    return wrongParameter("shared_memory_byte_size", "is missing beside shared_memory_region");
  INGOT_ASSIGN_OR_RETURN(place.bytes, unsignedParameter(parameters, "shared_memory_byte_size", 0));
  INGOT_ASSIGN_OR_RETURN(place.offset, unsignedParameter(parameters, "shared_memory_offset", 0));
  return place;
}

/// Bytes that hold the input as raw_input_contents does.
Status takeRaw(std::string_view bytes, InputStorage &storage, NamedInput &input) {
  if (input.dtype != DType::String) {
    INGOT_RETURN_IF_ERROR(checkBytes(input.name, input.dtype, input.shape, bytes.size()));
    input.data = bytes.data();
    return Status();
  }
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countInput(input.name, input.dtype, input.shape));
  INGOT_ASSIGN_OR_RETURN(input.data, readTexts(input.name, bytes, count, storage));
  return Status();
}

Status takeMemory(const MemoryPlace &place, InputStorage &storage, NamedInput &input) {
  // Refused before memory is asked for.
  if (input.dtype != DType::String) {
    INGOT_ASSIGN_OR_RETURN(const int64_t count, countInput(input.name, input.dtype, input.shape));
    if (byteSize(input.dtype, count) != place.bytes)
      return inputError(input.name, describe(input.dtype, input.shape) + " takes " +
                                        std::to_string(byteSize(input.dtype, count)) +
                                        " bytes, but shared_memory_byte_size is " +
                                        std::to_string(place.bytes));
  }
  INGOT_ASSIGN_OR_RETURN(char *block, storage.add<char>(place.bytes));
  INGOT_RETURN_IF_ERROR(place.region->read(place.offset, block, place.bytes)
                            .withContext("input '" + input.name + "'"));
  return takeRaw({block, place.bytes}, storage, input);
}

/// As many values as elements: this protocol repeats none.
template <typename Values> Result<int64_t> countFor(const NamedInput &input, const Values &values) {
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countInput(input.name, input.dtype, input.shape));
  if (values.size() == count)
    return count;
  return inputError(input.name, describe(input.dtype, input.shape) + " has " +
                                    std::to_string(count) + " elements, but there are " +
                                    std::to_string(values.size()));
}

template <typename Values>
Status takeAll(const Values &values, InputStorage &storage, NamedInput &input) {
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countFor(input, values));
  return takeValues(values, count, storage, input);
}

template <typename T, typename Values>
Status narrowAll(const Values &values, InputStorage &storage, NamedInput &input) {
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countFor(input, values));
  return narrowValues<T>(values, count, storage, input);
}

Status takeContents(const Contents &contents, InputStorage &storage, NamedInput &input) {
  switch (input.dtype) {
  case DType::Bool:
    return takeAll(contents.bool_contents(), storage, input);
  case DType::I8:
    return narrowAll<int8_t>(contents.int_contents(), storage, input);
  case DType::I16:
    return narrowAll<int16_t>(contents.int_contents(), storage, input);
  case DType::I32:
    return takeAll(contents.int_contents(), storage, input);
  case DType::I64:
    return takeAll(contents.int64_contents(), storage, input);
  case DType::U8:
    return narrowAll<uint8_t>(contents.uint_contents(), storage, input);
  case DType::U16:
    return narrowAll<uint16_t>(contents.uint_contents(), storage, input);
  case DType::U32:
    return takeAll(contents.uint_contents(), storage, input);
  case DType::U64:
    return takeAll(contents.uint64_contents(), storage, input);
  case DType::F32:
    return takeAll(contents.fp32_contents(), storage, input);
  case DType::F64:
    return takeAll(contents.fp64_contents(), storage, input);
  case DType::String: {
    INGOT_ASSIGN_OR_RETURN(const int64_t count, countFor(input, contents.bytes_contents()));
    return takeTexts(contents.bytes_contents(), count, storage, input);
  }
  default:
    return inputError(input.name, std::string(openInferenceName(input.dtype)) +
                                      " has no typed contents; use raw_input_contents");
  }
}

} // namespace

Result<VersionChoice> parseVersion(const std::string &version) {
  if (version.empty())
    return VersionChoice::latest();
  if (!std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return VersionChoice::labelled(version);
  int64_t number = 0;
  if (std::from_chars(version.data(), version.data() + version.size(), number).ec != std::errc())
    return Status(StatusCode::InvalidArgument, "model version " + version +
                                                   " is too large a number; leave it out for the "
                                                   "latest");
  return number == 0 ? VersionChoice::latest() : VersionChoice::of(number);
}

Result<InferParameters> parseParameters(const ModelInferRequest &request) {
  const Parameters &all = request.parameters();
  InferParameters parsed;
  if (all.empty())
    return parsed;
  INGOT_ASSIGN_OR_RETURN(parsed.function, textParameter(all, "function"));
  INGOT_ASSIGN_OR_RETURN(const uint64_t priority, unsignedParameter(all, "priority", 0));
  if (priority > 0)
    parsed.priority =
        static_cast<int>(std::min<uint64_t>(priority - 1, std::numeric_limits<int>::max()));
  INGOT_ASSIGN_OR_RETURN(const uint64_t timeout, unsignedParameter(all, "timeout", 0));
  if (timeout > 0) // more than a century is none
    parsed.timeout = std::chrono::microseconds(std::min<uint64_t>(timeout, uint64_t{1} << 51));
  INGOT_ASSIGN_OR_RETURN(parsed.sequence, sequenceOf(all));
  INGOT_ASSIGN_OR_RETURN(parsed.sequenceStart, boolParameter(all, "sequence_start"));
  INGOT_ASSIGN_OR_RETURN(parsed.sequenceEnd, boolParameter(all, "sequence_end"));
  return parsed;
}

Result<std::vector<NamedInput>> parseHeads(const ModelInferRequest &request) {
  std::vector<NamedInput> inputs;
  for (const auto &given : request.inputs()) {
    NamedInput input;
    input.name = given.name();
    const std::optional<DType> dtype = fromOpenInferenceName(given.datatype());
    if (!dtype)
      return inputError(input.name, "there is no datatype '" + given.datatype() +
                                        "'; FP32, INT64, BYTES, … are");
    input.dtype = *dtype;
    input.shape.assign(given.shape().begin(), given.shape().end());
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Status parseValues(const ModelInferRequest &request, const SharedMemory &memory,
                   InputStorage &storage, std::vector<NamedInput> &inputs) {
  int raw = 0; // of raw_input_contents: those that are not in shared memory have one each
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto &given = request.inputs(static_cast<int>(i));
    NamedInput &input = inputs[i];
    INGOT_ASSIGN_OR_RETURN(const MemoryPlace place, placeOf(given.parameters(), memory));
    if (place.region) {
      INGOT_RETURN_IF_ERROR(takeMemory(place, storage, input));
    } else if (request.raw_input_contents_size() == 0) {
      INGOT_RETURN_IF_ERROR(takeContents(given.contents(), storage, input));
    } else if (given.has_contents()) {
      return inputError(input.name,
                        "has contents, but the request has raw_input_contents: use one of them");
    } else if (raw == request.raw_input_contents_size()) {
      return inputError(input.name, "raw_input_contents has " + std::to_string(raw) +
                                        " entries, and none for this input");
    } else {
      INGOT_RETURN_IF_ERROR(takeRaw(request.raw_input_contents(raw++), storage, input));
    }
  }
  if (raw != request.raw_input_contents_size())
    return Status(StatusCode::InvalidArgument,
                  "raw_input_contents has " + std::to_string(request.raw_input_contents_size()) +
                      " entries for " + std::to_string(raw) + " inputs");
  return Status();
}

Result<std::vector<WantedOutput>> parseOutputs(const ModelInferRequest &request,
                                               const ingot_function &function,
                                               const SharedMemory &memory) {
  std::vector<WantedOutput> wanted;
  if (request.outputs_size() == 0) {
    for (int64_t i = 0; i < function.output_count; ++i)
      wanted.push_back({i, function.outputs[i].name, nullptr, 0, 0});
    return wanted;
  }
  for (const auto &asked : request.outputs()) {
    WantedOutput output;
    output.name = asked.name();
    INGOT_ASSIGN_OR_RETURN(output.index, findOutput(function, output.name));
    for (const WantedOutput &earlier : wanted)
      if (earlier.index == output.index)
        return Status(StatusCode::InvalidArgument,
                      "output '" + output.name + "' was asked for twice");
    INGOT_ASSIGN_OR_RETURN(const uint64_t classes,
                           unsignedParameter(asked.parameters(), "classification", 0));
    if (classes != 0)
      return Status(StatusCode::Unsupported,
                    "output '" + output.name +
                        "': parameter 'classification' is not served; ask for the scores");
    INGOT_ASSIGN_OR_RETURN(const MemoryPlace place, placeOf(asked.parameters(), memory));
    output.region = place.region;
    output.offset = place.offset;
    output.bytes = place.bytes;
    wanted.push_back(std::move(output));
  }
  return wanted;
}

Result<PreparedInference> prepare(const InferenceService &service, const SharedMemory &memory,
                                  Parsed<ModelInferRequest> &parsed, Clock::time_point received) {
  const ModelInferRequest &asked = parsed.message;
  PreparedInference prepared;
  INGOT_ASSIGN_OR_RETURN(const VersionChoice version, parseVersion(asked.model_version()));
  INGOT_ASSIGN_OR_RETURN(InferParameters parameters, parseParameters(asked));
  INGOT_ASSIGN_OR_RETURN(InferenceService::Target target,
                         service.resolve(asked.model_name(), version, parameters.function));
  INGOT_ASSIGN_OR_RETURN(prepared.wanted, parseOutputs(asked, *target.function->function, memory));
  InferenceRequest &request = prepared.request;
  // What the function does not take is refused before memory is asked for.
  const size_t most = target.function->inputs.size();
  if (static_cast<size_t>(asked.inputs_size()) > most)
    return Status(StatusCode::InvalidArgument, "there are " + std::to_string(asked.inputs_size()) +
                                                   " inputs, but '" + target.model->model +
                                                   "' takes " + std::to_string(most));
  INGOT_ASSIGN_OR_RETURN(request.inputs, parseHeads(asked));
  for (const NamedInput &input : request.inputs)
    INGOT_RETURN_IF_ERROR(checkInput(*target.model, *target.function, input));
  INGOT_RETURN_IF_ERROR(parseValues(asked, memory, parsed.storage, request.inputs));
  request.model = std::move(target.model);
  request.function = target.function;
  request.priority = parameters.priority;
  if (parameters.timeout)
    request.deadline = received + *parameters.timeout;
  request.sequence = std::move(parameters.sequence);
  request.sequenceStart = parameters.sequenceStart;
  request.sequenceEnd = parameters.sequenceEnd;
  request.received = received;
  return prepared;
}

} // namespace ingot::serve
