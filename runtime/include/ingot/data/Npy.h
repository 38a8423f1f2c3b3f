// NumPy's files: .npy (one array) and .npz (a zip archive of them), read and written.
//
// Arrays become row-major, little-endian tensors whatever the file's order and endianness.
// Element types: bool, int8-int64, uint8-uint64, float16, float32, float64, and bfloat16 as
// ml_dtypes writes it (`V2`); anything else is Unsupported. ml_dtypes writes its types of a byte or
// less (float8, float4, int4, int2) as a nameless byte each (`V1`): such arrays are read as uint8,
// which `fromBytesEach` turns into what the reader knows they are, and written so. Text (`U`, `S`)
// becomes strings, without the zeros that fill it up, and strings are written as `U`. Files may be
// hostile: every size is checked against the bytes that are there before memory is asked for, and
// every failure is a Status that names the file. Functions share no state and may run on any
// threads.
#ifndef INGOT_DATA_NPY_H
#define INGOT_DATA_NPY_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <string>
#include <utility>
#include <vector>

namespace ingot::data {

/// Reads a .npy file. NotFound, IoError, DataLoss (not such a file, truncated, trailing bytes),
/// Unsupported (element type, version), ResourceExhausted.
Result<Tensor> readNpy(const std::string &path);

/// The same for bytes in memory; `name` stands in messages.
Result<Tensor> parseNpy(const void *data, size_t size, const std::string &name);

/// Writes a .npy file, version 1.0, replacing what is there. IoError; InvalidArgument for strings
/// that are no UTF-8 or end in a zero byte.
Status writeNpy(const std::string &path, const TensorView &tensor);

/// The uint8 or int8 tensor `bytes` as one of `dtype`, whose elements are in its low bits, one a
/// byte. Requires a dtype of at most a byte. ResourceExhausted.
Result<Tensor> fromBytesEach(DType dtype, const TensorView &bytes);

/// The arrays of an archive under their names without `.npy`, in the archive's order.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// NULL when there is none of that name.
const Tensor *findTensor(const NamedTensors &tensors, const std::string &name);

/// Reads the named arrays of a .npz archive, or all of them when `names` is empty. Members may be
/// stored or deflated; their checksums are verified. As readNpy, and NotFound for a name that the
/// archive lacks: the message lists the names it has.
Result<NamedTensors> readNpz(const std::string &path, const std::vector<std::string> &names = {});

/// The names of all arrays, also of those that cannot be read. As readNpz.
Result<std::vector<std::string>> listNpz(const std::string &path);

/// The same for bytes in memory.
Result<NamedTensors> parseNpz(const void *data, size_t size, const std::string &name,
                              const std::vector<std::string> &names = {});

/// Writes a .npz archive, replacing what is there only when all went well. The same tensors give
/// the same bytes. Holds a copy of all tensors while it writes. InvalidArgument for a name that is
/// empty or comes twice, IoError.
Status writeNpz(const std::string &path,
                const std::vector<std::pair<std::string, TensorView>> &tensors,
                bool compress = false);

} // namespace ingot::data

#endif
