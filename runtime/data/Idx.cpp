// IDX: two zero bytes, an element code, the rank, the extents as big-endian 32-bit numbers, then
// the elements, row-major and big-endian. Specification: yann.lecun.com/exdb/mnist.
#include "ingot/data/Idx.h"
#include "runtime/data/NpyFormat.h"

namespace ingot::data {

namespace {

struct ElementCode {
  uint8_t code;
  DType dtype;
};
constexpr ElementCode elementCodes[] = {{0x08, DType::U8},  {0x09, DType::I8},  {0x0B, DType::I16},
                                        {0x0C, DType::I32}, {0x0D, DType::F32}, {0x0E, DType::F64}};

Result<Tensor> readIdxFrom(ByteSource &source) {
  uint8_t magic[4];
  INGOT_RETURN_IF_ERROR(source.read(magic, sizeof magic, "the magic number"));
  const ElementCode *element = nullptr;
  for (const ElementCode &candidate : elementCodes)
    if (candidate.code == magic[2])
      element = &candidate;
  if (magic[0] != 0 || magic[1] != 0 || !element)
    return Status(StatusCode::DataLoss, "not an IDX file: it does not begin with two zero bytes "
                                        "and an element code from 8 to 14");
  Shape shape;
  for (int axis = 0; axis < magic[3]; ++axis) {
    uint8_t extent[4];
    INGOT_RETURN_IF_ERROR(source.read(extent, sizeof extent, "the shape"));
    shape.push_back(int64_t(extent[0]) << 24 | extent[1] << 16 | extent[2] << 8 | extent[3]);
  }
  INGOT_ASSIGN_OR_RETURN(Tensor tensor, allocateChecked(element->dtype, shape, source.bound()));
  INGOT_RETURN_IF_ERROR(source.read(tensor.rawData(), tensor.byteSize(), "the array"));
  INGOT_RETURN_IF_ERROR(source.expectEnd());
  swapBytes(tensor.rawData(), size_t(tensor.elementCount()), byteSize(element->dtype));
  return tensor;
}

Result<Tensor> readPlainOrGzip(const void *data, size_t size) {
  if (!looksLikeGzip(data, size)) {
    MemorySource source(data, size);
    return readIdxFrom(source);
  }
  INGOT_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, openGzip(data, size));
  return readIdxFrom(*source);
}

} // namespace

Result<Tensor> parseIdx(const void *data, size_t size, const std::string &name) {
  Result<Tensor> tensor = readPlainOrGzip(data, size);
  if (!tensor.isOk())
    return tensor.status().withContext("'" + name + "'");
  return tensor;
}

Result<Tensor> readIdx(const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, readWholeFile(path));
  return parseIdx(bytes.data(), bytes.size(), path);
}

} // namespace ingot::data
