// The .npy layout over a byte source, shared by .npy files and members of .npz archives.
#ifndef INGOT_RUNTIME_DATA_NPYFORMAT_H
#define INGOT_RUNTIME_DATA_NPYFORMAT_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"
#include "runtime/data/ByteSource.h"

#include <string>
#include <vector>

namespace ingot::data {

/// Reads one array, which must end where the source ends. Messages do not name the source.
Result<Tensor> readNpyFrom(ByteSource &source);

/// Reads the elements of an array that `descr` ("<f4"), order and shape describe. As readNpyFrom.
Result<Tensor> readElements(ByteSource &source, const std::string &descr, bool fortranOrder,
                            const Shape &shape);

/// Of a .npy file in memory that holds an array of objects: where its pickle begins. Unsupported
/// for an array of another type.
Result<size_t> findPickle(const void *data, size_t size);

/// The bytes of member `name` of a .npz archive. As readNpz.
Result<std::vector<uint8_t>> readNpzMember(const std::string &path, const std::string &name);

/// Magic, version and header for `tensor`; its bytes follow.
std::string npyHeader(const TensorView &tensor);

/// The product of the extents times the element size, as an already valid view has it: what the
/// file holds, where each element has its own bytes.
size_t byteSizeOf(const TensorView &tensor);

/// The elements of a type below a byte in a byte each, integers extended by their sign or zeros;
/// texts in UCS-4, filled up with zeros to one length; empty for other types.
std::vector<uint8_t> bytesEach(const TensorView &tensor);

/// InvalidArgument for texts that the format cannot hold: what is no UTF-8, or ends in a zero byte.
Status checkWritable(const TensorView &tensor);

/// Allocates a tensor that `bytesThere` bytes can fill. DataLoss when the shape needs more.
Result<Tensor> allocateChecked(DType dtype, const Shape &shape, uint64_t bytesThere);

/// Reverses the bytes of each of `count` elements of `width` bytes.
void swapBytes(void *data, size_t count, size_t width);

} // namespace ingot::data

#endif
