// A request of the Open Inference protocol that is one tensor's bytes. See InferJson.h.
#include "runtime/serve/rest/BinaryTensors.h"
#include "runtime/serve/rest/InferJson.h"
#include "runtime/serve/rest/StatusMap.h"

namespace ingot::serve::rest {

namespace {

struct OwnedText {
  ingot_string text{};
  std::shared_ptr<const void> body;
};

} // namespace

Result<InferRequest> decodeRawTensor(std::string_view bytes, std::shared_ptr<const void> body,
                                     const Signature &signature) {
  if (signature.inputs.size() != 1)
    return invalid("a raw tensor can be sent to models with one input; this one takes " +
                   describeAll(signature.inputs));
  const ingot_tensor_info &info = *signature.inputs.front();
  const DType dtype = static_cast<DType>(info.dtype);
  const std::string name = "input '" + std::string(info.name) + "' (" + ingot::describe(info) + ")";
  NamedInput input;
  input.name = info.name;
  input.dtype = dtype;
  int64_t free = 0, fixed = 1;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    input.shape.push_back(info.dims[axis].size < 0 ? -1 : info.dims[axis].size);
    free += input.shape.back() < 0;
  }
  if (free > 1 && input.shape[0] < 0) {
    input.shape[0] = 1;
    --free;
  }
  if (free > 1)
    return invalid(name + " has more than one dimension that a raw tensor does not tell: send its "
                          "shape in JSON, its data as binary");
  for (int64_t extent : input.shape)
    fixed *= extent < 0 ? 1 : extent;
  // A raw text is one element, without its length before it.
  const size_t unit = dtype == DType::String ? bytes.size() : byteSize(dtype, fixed);
  for (int64_t &extent : input.shape) {
    if (extent >= 0)
      continue;
    if (dtype == DType::String)
      extent = 1;
    else if (unit == 0 || bytes.size() % unit != 0)
      return invalid(name + ": " + std::to_string(bytes.size()) + " bytes are no multiple of " +
                     std::to_string(unit));
    else
      extent = static_cast<int64_t>(bytes.size() / unit);
  }
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countElements(dtype, input.shape.data(), info.rank));
  if (dtype == DType::String) {
    if (count != 1)
      return invalid(name + ": a raw text is one element, the input takes " +
                     std::to_string(count));
    auto text = std::make_shared<OwnedText>();
    text->text = {bytes.data(), bytes.size()};
    text->body = std::move(body);
    input.data = &text->text;
    body = std::move(text);
  } else {
    std::vector<ingot_string> none;
    if (Status status = checkBinary(bytes, dtype, count, none); !status.isOk())
      return invalid(name + " " + status.message());
    input.data = bytes.data();
  }
  InferRequest request;
  request.areOutputsBinary = true;
  request.inputs.inputs.push_back(std::move(input));
  request.inputs.owner = std::move(body);
  return request;
}

} // namespace ingot::serve::rest
