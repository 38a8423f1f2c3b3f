// See InputStorage.h.
#include "runtime/serve/grpc/InputStorage.h"

#include <cstring>
#include <new>

namespace ingot::serve {

Result<void *> InputStorage::addBytes(uint64_t count, uint64_t size) {
  if (count > (limit_ - used_) / size)
    return Status(StatusCode::ResourceExhausted, "the inputs take more than the " +
                                                     std::to_string(limit_) +
                                                     " bytes that a request may have");
  const uint64_t bytes = count * size;
  auto *block = new (std::nothrow) std::max_align_t[bytes / sizeof(std::max_align_t) + 1];
  if (!block)
    return Status(StatusCode::ResourceExhausted,
                  "there is no memory for an input of " + std::to_string(bytes) + " bytes");
  used_ += bytes;
  blocks_.emplace_back(block);
  return static_cast<void *>(block);
}

Status inputError(std::string_view input, const std::string &what) {
  return Status(StatusCode::InvalidArgument, "input '" + std::string(input) + "': " + what);
}

Result<int64_t> countInput(std::string_view input, DType dtype, const Shape &shape) {
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] < 0)
      return inputError(input, "dimension " + std::to_string(axis) + " of its shape " +
                                   ingot::toString(shape) + " is negative");
  const Result<int64_t> count =
      countElements(dtype, shape.data(), static_cast<int64_t>(shape.size()));
  if (!count.isOk())
    return inputError(input, count.status().message());
  return count;
}

Status checkBytes(std::string_view input, DType dtype, const Shape &shape, uint64_t bytes) {
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countInput(input, dtype, shape));
  if (const uint64_t wanted = byteSize(dtype, count); bytes != wanted)
    return inputError(input, describe(dtype, shape) + " takes " + std::to_string(wanted) +
                                 " bytes, but there are " + std::to_string(bytes));
  return Status();
}

Result<const ingot_string *> readTexts(std::string_view input, std::string_view bytes,
                                       int64_t count, InputStorage &storage) {
  // Before memory is asked for: each text takes 4 bytes of the message at least.
  if (static_cast<uint64_t>(count) > bytes.size() / 4)
    return inputError(input, std::to_string(count) + " texts need at least " +
                                 std::to_string(4 * static_cast<uint64_t>(count)) +
                                 " bytes, but there are " + std::to_string(bytes.size()));
  INGOT_ASSIGN_OR_RETURN(ingot_string * texts,
                         storage.add<ingot_string>(static_cast<uint64_t>(count)));
  for (int64_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    if (bytes.size() >= sizeof size) {
      std::memcpy(&size, bytes.data(), sizeof size); // little-endian machines only, as all of Ingot
      bytes.remove_prefix(sizeof size);
    } else {
      return inputError(input, "its bytes end before the length of element " + std::to_string(i));
    }
    if (size > bytes.size())
      return inputError(input, "element " + std::to_string(i) + " has " + std::to_string(size) +
                                   " bytes, but only " + std::to_string(bytes.size()) +
                                   " are left");
    texts[i] = {bytes.data(), size};
    bytes.remove_prefix(size);
  }
  if (!bytes.empty())
    return inputError(input, std::to_string(bytes.size()) + " bytes are left after its " +
                                 std::to_string(count) + " texts");
  return static_cast<const ingot_string *>(texts);
}

} // namespace ingot::serve
