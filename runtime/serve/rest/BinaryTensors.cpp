// See BinaryTensors.h.
#include "runtime/serve/rest/BinaryTensors.h"

#include "runtime/serve/rest/StatusMap.h"

#include <cstdint>
#include <cstring>

namespace ingot::serve::rest {

namespace {

Status checkTexts(std::string_view bytes, int64_t count, std::vector<ingot_string> &texts) {
  // A text takes 4 bytes at least, so what is reserved is paid by what was sent.
  if (static_cast<uint64_t>(count) > bytes.size() / 4)
    return invalid("has " + std::to_string(bytes.size()) + " bytes, too few for " +
                   std::to_string(count) + " elements of BYTES, each with its length in 4 bytes");
  texts.reserve(static_cast<size_t>(count));
  size_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t length = 0;
    if (bytes.size() - at < sizeof length)
      return invalid("ends before element " + std::to_string(i) + " of " + std::to_string(count));
    std::memcpy(&length, bytes.data() + at, sizeof length);
    at += sizeof length;
    if (bytes.size() - at < length)
      return invalid("ends within element " + std::to_string(i) + ", whose length is given as " +
                     std::to_string(length));
    texts.push_back({bytes.data() + at, length});
    at += length;
  }
  if (at < bytes.size())
    return invalid("has " + std::to_string(bytes.size() - at) + " bytes behind its last element");
  return {};
}

} // namespace

Status checkBinary(std::string_view bytes, DType dtype, int64_t count,
                   std::vector<ingot_string> &texts) {
  if (dtype == DType::String)
    return checkTexts(bytes, count, texts);
  const size_t expected = byteSize(dtype, count);
  if (bytes.size() != expected)
    return invalid("has " + std::to_string(bytes.size()) + " bytes where its shape takes " +
                   std::to_string(expected));
  return {};
}

size_t binarySize(const TensorView &tensor) {
  const int64_t count = elementCount(tensor);
  if (tensor.dtype != DType::String)
    return byteSize(tensor.dtype, count);
  size_t size = 0;
  for (int64_t i = 0; i < count; ++i)
    size += sizeof(uint32_t) + textAt(tensor, i).size();
  return size;
}

void appendBinary(Bytes &out, const TensorView &tensor) {
  if (tensor.dtype != DType::String) {
    out.append({static_cast<const char *>(tensor.data), binarySize(tensor)});
    return;
  }
  for (int64_t i = 0, count = elementCount(tensor); i < count; ++i) {
    const std::string_view text = textAt(tensor, i);
    const auto length = static_cast<uint32_t>(text.size());
    out.append({reinterpret_cast<const char *>(&length), sizeof length});
    out.append(text);
  }
}

} // namespace ingot::serve::rest
