// The IDX format of the MNIST family of data sets: big-endian arrays, plain or gzip-compressed,
// told apart by content. Files may be hostile: see Npy.h. Functions may run on any threads.
#ifndef INGOT_DATA_IDX_H
#define INGOT_DATA_IDX_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <string>

namespace ingot::data {

/// Reads an IDX file: u8, i8, i16, i32, f32 or f64. NotFound, IoError, DataLoss (not such a file,
/// truncated, trailing bytes, corrupt gzip), ResourceExhausted.
Result<Tensor> readIdx(const std::string &path);

/// The same for bytes in memory; `name` stands in messages.
Result<Tensor> parseIdx(const void *data, size_t size, const std::string &name);

} // namespace ingot::data

#endif
