// InputStorage: memory for inputs that cannot be read where they stand in a message, and the rule
// how large it may get: a message of a few bytes can claim a tensor of terabytes.
#ifndef INGOT_RUNTIME_SERVE_GRPC_INPUTSTORAGE_H
#define INGOT_RUNTIME_SERVE_GRPC_INPUTSTORAGE_H

#include "runtime/serve/inference/InferenceService.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

class InputStorage {
public:
  explicit InputStorage(uint64_t limit) : limit_(limit) {}

  /// Room for `count` elements, for as long as this lives. ResourceExhausted: beyond the limit.
  template <typename T> Result<T *> add(uint64_t count) {
    INGOT_ASSIGN_OR_RETURN(void *block, addBytes(count, sizeof(T)));
    return static_cast<T *>(block);
  }

private:
  Result<void *> addBytes(uint64_t count, uint64_t size);
  uint64_t limit_, used_ = 0;
  std::vector<std::unique_ptr<std::max_align_t[]>> blocks_;
};

/// "input 'x': …", InvalidArgument.
Status inputError(std::string_view input, const std::string &what);

/// The number of elements of an input: InvalidArgument for extents that cannot be.
Result<int64_t> countInput(std::string_view input, DType dtype, const Shape &shape);

/// Whether a client gave as many bytes as a tensor of the shape has. InvalidArgument.
Status checkBytes(std::string_view input, DType dtype, const Shape &shape, uint64_t bytes);

/// Texts from their form on the wire: each a length of 4 bytes, the lowest first, and its bytes,
/// which stay where they are. InvalidArgument: too few or too many.
Result<const ingot_string *> readTexts(std::string_view input, std::string_view bytes,
                                       int64_t count, InputStorage &storage);

} // namespace ingot::serve

#endif
