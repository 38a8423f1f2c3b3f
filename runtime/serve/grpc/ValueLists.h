// Lists of values as messages have them, next to a tensor's own bytes: to elements and back. A list
// shorter than the tensor repeats its last value and an empty one is zeros, as in TensorFlow; where
// the protocol wants as many values as elements, the caller has checked that.
#ifndef INGOT_RUNTIME_SERVE_GRPC_VALUELISTS_H
#define INGOT_RUNTIME_SERVE_GRPC_VALUELISTS_H

#include "runtime/serve/grpc/InputStorage.h"
#include "runtime/serve/inference/InferenceService.h"

#include <algorithm>
#include <google/protobuf/repeated_field.h>
#include <utility>

namespace ingot::serve {

/// InvalidArgument: more values than elements.
Status checkNotMore(const NamedInput &input, int values, int64_t count);

/// Values of the same type as the elements: in place where there are as many.
template <typename T>
Status takeValues(const google::protobuf::RepeatedField<T> &values, int64_t count,
                  InputStorage &storage, NamedInput &input) {
  INGOT_RETURN_IF_ERROR(checkNotMore(input, values.size(), count));
  if (values.size() == count) {
    input.data = values.data();
    return Status();
  }
  INGOT_ASSIGN_OR_RETURN(T * block, storage.add<T>(static_cast<uint64_t>(count)));
  std::copy(values.begin(), values.end(), block);
  std::fill(block + values.size(), block + count,
            values.empty() ? T() : values.Get(values.size() - 1));
  input.data = block;
  return Status();
}

/// Values that the message has wider than the elements are. InvalidArgument names one that is no
/// value of the element type.
template <typename T, typename Wide>
Status narrowValues(const google::protobuf::RepeatedField<Wide> &values, int64_t count,
                    InputStorage &storage, NamedInput &input) {
  INGOT_RETURN_IF_ERROR(checkNotMore(input, values.size(), count));
  INGOT_ASSIGN_OR_RETURN(T * block, storage.add<T>(static_cast<uint64_t>(count)));
  for (int i = 0; i < values.size(); ++i) {
    if (!std::in_range<T>(values.Get(i)))
      return inputError(input.name, "element " + std::to_string(i) + " is " +
                                        std::to_string(values.Get(i)) + ", which is no " +
                                        ingot::toString(input.dtype));
    block[i] = static_cast<T>(values.Get(i));
  }
  std::fill(block + values.size(), block + count,
            values.empty() ? T() : static_cast<T>(values.Get(values.size() - 1)));
  input.data = block;
  return Status();
}

Status takeTexts(const google::protobuf::RepeatedPtrField<std::string> &values, int64_t count,
                 InputStorage &storage, NamedInput &input);

/// Elements of integers, or the bits of F16 and BF16, as a packed list of varints.
std::string packVarints(const Tensor &tensor);

} // namespace ingot::serve

#endif
