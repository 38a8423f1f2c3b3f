// Batches: rows of the caller's arrays gathered into reusable buffers of the types and shapes that
// a function of the artifact takes.
// Invariant: after create, the arrays fit the function and each other; only values can still fail
// (an integer that its target type cannot hold).
#ifndef INGOT_RUNTIME_TRAIN_BATCHES_H
#define INGOT_RUNTIME_TRAIN_BATCHES_H

#include "ingot/Model.h"

#include <cstdint>
#include <vector>

namespace ingot::train {

/// A range of samples.
struct Range {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

class Batches {
public:
  /// `arrays` are the values of the function's first `count` inputs; `modelInputs` of them are the
  /// model's, the others targets. InvalidArgument names the array and what it should be.
  static Result<Batches> create(const ingot_function &function, size_t modelInputs,
                                const std::vector<TensorView> &arrays);

  int64_t sampleCount() const { return samples; }

  /// Gathers the samples rows[0 … count). The views are valid until the next gather.
  Result<const std::vector<TensorView> *> gather(const int64_t *rows, int64_t count);

private:
  /// Converts `count` elements; false when one cannot be represented.
  using Convert = bool (*)(const void *from, void *to, int64_t count);

  struct Column {
    const ingot_tensor_info *info;
    const char *from;
    DType fromType;
    int64_t elements; // per sample
    Convert convert;  // NULL: the types are the same
    Shape shape;      // of the buffer, batch first
    Tensor buffer;
  };

  static Result<Column> column(const ingot_tensor_info &info, const char *role,
                               const TensorView &array);
  static Convert converter(DType from, DType to);

  int64_t samples = 0;
  std::vector<Column> columns;
  std::vector<TensorView> views;
};

} // namespace ingot::train

#endif
