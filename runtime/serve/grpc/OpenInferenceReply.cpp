// Replies. See OpenInference.h.
#include "runtime/core/ProtoWriter.h"
#include "runtime/serve/grpc/OpenInference.h"
#include "runtime/serve/grpc/ValueLists.h"
#include "runtime/serve/inference/DataTypes.h"

#include <algorithm>
#include <type_traits>

namespace ingot::serve {

namespace {

using inference::InferParameter;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using Output = ModelInferResponse::InferOutputTensor;
using Contents = inference::InferTensorContents;

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
