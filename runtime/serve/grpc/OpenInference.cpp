// See OpenInference.h.
#include "runtime/serve/grpc/OpenInference.h"

#include "runtime/core/ProtoWriter.h"
#include "runtime/serve/grpc/ValueLists.h"
#include "runtime/serve/inference/DataTypes.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace ingot::serve {

namespace {

using inference::InferParameter;
using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using Output = ModelInferResponse::InferOutputTensor;
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

// ---- Inputs ----

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

// ---- The reply ----

/// A field of InferTensorContents: complete, or one that is the tensor's own bytes.
struct TypedContents {
  std::string text;
  int blockField = 0; ///< 0: none
};

TypedContents typedContents(const Tensor &tensor) {
  TypedContents made;
  int field = 0;
  switch (tensor.dtype()) {
  case DType::Bool: // a packed list of these three is their bytes
    made.blockField = Contents::kBoolContentsFieldNumber;
    return made;
  case DType::F32:
    made.blockField = Contents::kFp32ContentsFieldNumber;
    return made;
  case DType::F64:
    made.blockField = Contents::kFp64ContentsFieldNumber;
    return made;
  case DType::String:
    for (int64_t i = 0; i < tensor.elementCount(); ++i)
      proto::putBytes(made.text, Contents::kBytesContentsFieldNumber, textAt(tensor, i));
    return made;
  case DType::I64:
    field = Contents::kInt64ContentsFieldNumber;
    break;
  case DType::U8:
  case DType::U16:
  case DType::U32:
    field = Contents::kUintContentsFieldNumber;
    break;
  case DType::U64:
    field = Contents::kUint64ContentsFieldNumber;
    break;
  default:
    field = Contents::kIntContentsFieldNumber;
  }
  if (tensor.elementCount() != 0)
    proto::putBytes(made.text, field, packVarints(tensor));
  return made;
}

std::string rawTexts(const Tensor &tensor) {
  std::string bytes;
  for (int64_t i = 0; i < tensor.elementCount(); ++i) {
    const std::string_view text = textAt(tensor, i);
    proto::putFixed(bytes, static_cast<uint32_t>(text.size()));
    bytes += text;
  }
  return bytes;
}

std::string outputHead(const Tensor &tensor, const WantedOutput &wanted) {
  std::string head, shape;
  proto::putBytes(head, Output::kNameFieldNumber, wanted.name);
  proto::putBytes(head, Output::kDatatypeFieldNumber, openInferenceName(tensor.dtype()));
  for (int64_t extent : tensor.shape())
    proto::putVarint(shape, static_cast<uint64_t>(extent));
  if (!shape.empty())
    proto::putBytes(head, Output::kShapeFieldNumber, shape);
  if (!wanted.region)
    return head;
  const auto entry = [&head](const char *key, int field, const auto &value) {
    std::string parameter, pair;
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, uint64_t>)
      proto::putNumber(parameter, field, static_cast<int64_t>(value));
    else
      proto::putBytes(parameter, field, value);
    proto::putBytes(pair, 1, key);
    proto::putBytes(pair, 2, parameter);
    proto::putBytes(head, Output::kParametersFieldNumber, pair);
  };
  entry("shared_memory_region", InferParameter::kStringParamFieldNumber, wanted.region->name);
  entry("shared_memory_byte_size", InferParameter::kInt64ParamFieldNumber, wanted.bytes);
  if (wanted.offset != 0)
    entry("shared_memory_offset", InferParameter::kInt64ParamFieldNumber, wanted.offset);
  return head;
}

/// Puts an output into shared memory. The client's byte size is the room; what is used is told.
Status putIntoMemory(const Tensor &tensor, WantedOutput &wanted) {
  std::string texts;
  std::string_view bytes{static_cast<const char *>(tensor.rawData()), tensor.byteSize()};
  if (tensor.dtype() == DType::String)
    bytes = texts = rawTexts(tensor);
  if (bytes.size() > wanted.bytes)
    return Status(StatusCode::InvalidArgument,
                  "output '" + wanted.name + "' takes " + std::to_string(bytes.size()) +
                      " bytes, but shared_memory_byte_size is " + std::to_string(wanted.bytes));
  wanted.bytes = bytes.size();
  return wanted.region->write(wanted.offset, bytes.data(), bytes.size())
      .withContext("output '" + wanted.name + "'");
}

/// Types without a typed list make the whole reply raw: clients look at one or the other.
bool hasLists(const std::vector<WantedOutput> &wanted, const InferenceResponse &response) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const WantedOutput &output) {
    const DType dtype = response.outputs[static_cast<size_t>(output.index)].dtype();
    return output.region || (dtype != DType::F16 && dtype != DType::BF16);
  });
}

void writeTypedOutput(WireWriter &out, const std::string &head, const Tensor &tensor,
                      const std::shared_ptr<const void> &owner) {
  const TypedContents contents = typedContents(tensor);
  const size_t block = contents.blockField == 0 ? 0 : tensor.byteSize();
  const size_t bytes =
      contents.text.size() + (block == 0 ? 0 : openSize(contents.blockField, block) + block);
  out.open(ModelInferResponse::kOutputsFieldNumber,
           head.size() + openSize(Output::kContentsFieldNumber, bytes) + bytes);
  out.raw(head);
  out.open(Output::kContentsFieldNumber, bytes);
  out.raw(contents.text);
  if (block != 0) {
    out.open(contents.blockField, block);
    out.block(tensor.rawData(), block, owner);
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

bool wantsRaw(const ModelInferRequest &request) {
  if (request.raw_input_contents_size() != 0)
    return true;
  return std::none_of(request.inputs().begin(), request.inputs().end(),
                      [](const auto &input) { return input.has_contents(); });
}

Status writeReply(const ModelInferRequest &request, const InferenceResponse &response,
                  const std::vector<WantedOutput> &wanted, WireWriter &out) {
  const bool raw = wantsRaw(request) || !hasLists(wanted, response);
  out.text(ModelInferResponse::kModelNameFieldNumber, response.model->model);
  out.text(ModelInferResponse::kModelVersionFieldNumber, std::to_string(response.model->version));
  if (!request.id().empty())
    out.text(ModelInferResponse::kIdFieldNumber, request.id());
  for (WantedOutput output : wanted) {
    const Tensor &tensor = response.outputs[static_cast<size_t>(output.index)];
    if (output.region)
      INGOT_RETURN_IF_ERROR(putIntoMemory(tensor, output));
    const std::string head = outputHead(tensor, output);
    if (raw || output.region) {
      out.open(ModelInferResponse::kOutputsFieldNumber, head.size());
      out.raw(head);
    } else {
      writeTypedOutput(out, head, tensor, response.owner);
    }
  }
  if (!raw)
    return Status();
  for (const WantedOutput &output : wanted) {
    const Tensor &tensor = response.outputs[static_cast<size_t>(output.index)];
    if (output.region) {
      out.text(ModelInferResponse::kRawOutputContentsFieldNumber,
               ""); // clients match outputs with these by position
    } else if (tensor.dtype() == DType::String) {
      out.text(ModelInferResponse::kRawOutputContentsFieldNumber, rawTexts(tensor));
    } else {
      out.open(ModelInferResponse::kRawOutputContentsFieldNumber, tensor.byteSize());
      out.block(tensor.rawData(), tensor.byteSize(), response.owner);
    }
  }
  return Status();
}

} // namespace ingot::serve
