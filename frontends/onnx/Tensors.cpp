// Decoding TensorProto: raw bytes, typed fields, external files. See Tensors.h.
#include "frontends/onnx/Tensors.h"
#include "frontends/onnx/ExternalData.h"
#include "ir/Text.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using ::onnx::TensorProto;

namespace ingot::onnx {

Type elementType(MLIRContext *context, int32_t dataType) {
  Builder b(context);
  auto integer = [&](unsigned width, bool isSigned) -> Type {
    return b.getIntegerType(width, isSigned);
  };
  switch (dataType) {
  case TensorProto::FLOAT:
    return b.getF32Type();
  case TensorProto::DOUBLE:
    return b.getF64Type();
  case TensorProto::FLOAT16:
    return b.getF16Type();
  case TensorProto::BFLOAT16:
    return b.getBF16Type();
  case TensorProto::FLOAT8E4M3FN:
    return Float8E4M3FNType::get(context);
  case TensorProto::FLOAT8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case TensorProto::FLOAT8E5M2:
    return Float8E5M2Type::get(context);
  case TensorProto::FLOAT8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case TensorProto::FLOAT8E8M0:
    return Float8E8M0FNUType::get(context);
  case TensorProto::FLOAT4E2M1:
    return Float4E2M1FNType::get(context);
  case TensorProto::BOOL:
    return b.getI1Type();
  case TensorProto::STRING:
    return text::StringType::get(context);
  case TensorProto::INT8:
    return integer(8, true);
  case TensorProto::INT16:
    return integer(16, true);
  case TensorProto::INT32:
    return integer(32, true);
  case TensorProto::INT64:
    return integer(64, true);
  case TensorProto::UINT8:
    return integer(8, false);
  case TensorProto::UINT16:
    return integer(16, false);
  case TensorProto::UINT32:
    return integer(32, false);
  case TensorProto::UINT64:
    return integer(64, false);
  case TensorProto::INT4:
    return integer(4, true);
  case TensorProto::UINT4:
    return integer(4, false);
  case TensorProto::INT2:
    return integer(2, true);
  case TensorProto::UINT2:
    return integer(2, false);
  default:
    return {};
  }
}

std::string typeName(int32_t dataType) {
  return ::onnx::TensorProto_DataType_IsValid(dataType)
             ? ::onnx::TensorProto_DataType_Name(
                   static_cast<::onnx::TensorProto_DataType>(dataType))
             : "type " + std::to_string(dataType);
}

namespace {

/// Elements narrower than a byte lie in it from the low bits up; MLIR wants a byte each.
std::vector<char> unpack(llvm::ArrayRef<char> packed, unsigned width, int64_t count) {
  std::vector<char> bytes(count);
  unsigned perByte = 8 / width;
  for (int64_t i = 0; i < count; ++i)
    bytes[i] = static_cast<char>(
        (static_cast<unsigned char>(packed[i / perByte]) >> (i % perByte * width)) &
        ((1u << width) - 1));
  return bytes;
}

class Reader {
public:
  /// `rawData` stands for the tensor's own, unless it is null.
  Reader(const TensorProto &tensor, llvm::StringRef directory, Location loc,
         llvm::StringRef rawData = {})
      : tensor(tensor), directory(directory), loc(loc), rawData(rawData) {}
  FailureOr<DenseElementsAttr> read();
  /// Leaves floats of 32 bits in the file.
  FailureOr<ElementsAttr> readFrom(const MappedFile &mapped);
  /// Of a tensor in another file.
  FailureOr<std::string> readFile();

private:
  InFlightDiagnostic error() { return emitError(loc) << "tensor `" << tensor.name() << "`: "; }
  LogicalResult readType();
  FailureOr<llvm::ArrayRef<char>> checkedBytes();
  FailureOr<DenseElementsAttr> texts();
  /// The bytes as raw_data has them, packed where elements are narrower than a byte.
  FailureOr<llvm::ArrayRef<char>> bytes();
  FailureOr<llvm::ArrayRef<char>> externalBytes();
  FailureOr<llvm::ArrayRef<char>> fieldBytes();
  template <typename To, typename Field> llvm::ArrayRef<char> convert(const Field &field);

  const TensorProto &tensor;
  llvm::StringRef directory;
  Location loc;
  llvm::StringRef rawData;
  RankedTensorType type;
  unsigned width = 0; // bits of an element in the file
  int64_t count = 0, byteCount = 0;
  std::vector<char> converted;
  std::unique_ptr<llvm::MemoryBuffer> file;
};

LogicalResult Reader::readType() {
  Type element = elementType(loc.getContext(), tensor.data_type());
  if (!element)
    return error() << "constants of " << typeName(tensor.data_type()) << " are not supported";
  llvm::SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  bool isText = llvm::isa<text::StringType>(element);
  width = element.isInteger(1) || isText ? 8 : element.getIntOrFloatBitWidth();
  count = 1;
  for (int64_t size : shape)
    if (size < 0 || llvm::MulOverflow(count, size, count))
      return error() << "its dimensions are impossible (one is " << size << ")";
  if (count > (int64_t(1) << 56))
    return error() << "it has more bytes than any machine";
  byteCount = (count * width + 7) / 8;
  type = RankedTensorType::get(shape, element);
  return success();
}

template <typename To, typename Field> llvm::ArrayRef<char> Reader::convert(const Field &field) {
  converted.resize(field.size() * sizeof(To));
  auto *to = reinterpret_cast<To *>(converted.data());
  for (auto [i, value] : llvm::enumerate(field))
    to[i] = static_cast<To>(value);
  return converted;
}

FailureOr<llvm::ArrayRef<char>> Reader::fieldBytes() {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return convert<float>(tensor.float_data());
  case TensorProto::DOUBLE:
    return convert<double>(tensor.double_data());
  case TensorProto::INT64:
    return convert<int64_t>(tensor.int64_data());
  case TensorProto::UINT64:
    return convert<uint64_t>(tensor.uint64_data());
  case TensorProto::UINT32:
    return convert<uint32_t>(tensor.uint64_data());
  case TensorProto::INT32:
    return convert<int32_t>(tensor.int32_data());
  default:
    return width == 16 ? convert<uint16_t>(tensor.int32_data())
                       : convert<uint8_t>(tensor.int32_data());
  }
}

FailureOr<llvm::ArrayRef<char>> Reader::externalBytes() {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const auto &entry : tensor.external_data()) {
    uint64_t number = 0;
    bool isNumber = !llvm::StringRef(entry.value()).getAsInteger(10, number);
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset" && isNumber)
      offset = number;
    else if (entry.key() == "length" && isNumber)
      length = number;
    else if (entry.key() == "offset" || entry.key() == "length")
      return error() << "its external data has the " << entry.key() << " `" << entry.value() << "`";
  }
  bool leaves = location.empty() || llvm::sys::path::is_absolute(location);
  for (llvm::StringRef part :
       llvm::make_range(llvm::sys::path::begin(location), llvm::sys::path::end(location)))
    leaves |= part == "..";
  llvm::SmallString<256> path(directory), real, realDirectory;
  llvm::sys::path::append(path, location);
  if (!leaves && !llvm::sys::fs::real_path(path, real) &&
      !llvm::sys::fs::real_path(directory.empty() ? "." : directory, realDirectory)) {
    if (!llvm::sys::path::is_separator(realDirectory.back()))
      realDirectory += '/';
    leaves = !real.starts_with(realDirectory);
  }
  if (leaves)
    return error() << "its external data is at `" << location
                   << "`; it must be inside the model's directory";
  uint64_t size = 0;
  if (std::error_code failed = llvm::sys::fs::file_size(path, size))
    return error() << "its external data cannot be read: `" << path << "`: " << failed.message()
                   << "; the model needs the files that were exported with it beside it";
  if (length && *length != static_cast<uint64_t>(byteCount))
    return error() << "its external data has " << *length << " bytes, its shape needs "
                   << byteCount;
  if (offset > size || size - offset < static_cast<uint64_t>(byteCount))
    return error() << "`" << path << "` has " << size << " bytes; " << byteCount << " from "
                   << offset << " on are needed: it is cut short, or of another model";
  auto buffer = llvm::MemoryBuffer::getFileSlice(path, byteCount, offset);
  if (!buffer)
    return error() << "its external data cannot be read: `" << path
                   << "`: " << buffer.getError().message();
  file = std::move(*buffer);
  return llvm::ArrayRef<char>(file->getBufferStart(), file->getBufferSize());
}

FailureOr<llvm::ArrayRef<char>> Reader::bytes() {
  if (tensor.data_location() == TensorProto::EXTERNAL)
    return externalBytes();
  if (rawData.data())
    return llvm::ArrayRef<char>(rawData.data(), rawData.size());
  if (tensor.has_raw_data())
    return llvm::ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size());
  return fieldBytes();
}

FailureOr<DenseElementsAttr> Reader::texts() {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.has_raw_data() || rawData.data() ||
      tensor.string_data_size() != count)
    return error() << "its shape needs " << count << " strings in string_data, which has "
                   << tensor.string_data_size();
  llvm::SmallVector<llvm::StringRef> texts(tensor.string_data().begin(),
                                           tensor.string_data().end());
  return DenseElementsAttr::get(type, texts);
}

FailureOr<llvm::ArrayRef<char>> Reader::checkedBytes() {
  FailureOr<llvm::ArrayRef<char>> raw = bytes();
  if (succeeded(raw) && static_cast<int64_t>(raw->size()) != byteCount)
    return error() << "it has " << raw->size() << " bytes of data, its shape needs " << byteCount;
  return raw;
}

FailureOr<DenseElementsAttr> Reader::read() {
  if (tensor.has_segment())
    return error() << "it is stored in segments, which no exporter writes; store it whole";
  if (failed(readType()))
    return failure();
  if (llvm::isa<text::StringType>(type.getElementType()))
    return texts();
  FailureOr<llvm::ArrayRef<char>> raw = checkedBytes();
  if (failed(raw))
    return failure();
  if (type.getElementType().isInteger(1)) {
    llvm::SmallVector<bool> bools(llvm::map_range(*raw, [](char c) { return c != 0; }));
    return DenseElementsAttr::get(type, bools);
  }
  std::vector<char> unpacked;
  if (width < 8) {
    unpacked = unpack(*raw, width, count);
    raw = llvm::ArrayRef<char>(unpacked);
  }
  return DenseElementsAttr::getFromRawBuffer(type, *raw);
}

FailureOr<ElementsAttr> Reader::readFrom(const MappedFile &mapped) {
  if (!rawData.data() || tensor.data_type() != TensorProto::FLOAT || tensor.has_segment() ||
      tensor.data_location() == TensorProto::EXTERNAL) {
    auto value = read();
    return failed(value) ? FailureOr<ElementsAttr>(failure()) : ElementsAttr(*value);
  }
  if (failed(readType()) || failed(checkedBytes()))
    return failure();
  return ElementsAttr(mappedElements(type, rawData, mapped, tensor.name()));
}

FailureOr<std::string> Reader::readFile() {
  if (failed(readType()))
    return failure();
  FailureOr<llvm::ArrayRef<char>> raw = externalBytes();
  if (failed(raw))
    return failure();
  return std::string(raw->begin(), raw->end());
}

} // namespace

FailureOr<DenseElementsAttr> readTensor(const TensorProto &tensor, llvm::StringRef directory,
                                        Location loc) {
  return Reader(tensor, directory, loc).read();
}

FailureOr<ElementsAttr> readInitializer(const TensorProto &tensor, int number,
                                        const MappedFile &mapped, llvm::StringRef directory,
                                        Location loc) {
  return Reader(tensor, directory, loc, mapped.rawDataOf(number)).readFrom(mapped);
}

} // namespace ingot::onnx

namespace ingot {

LogicalResult inlineExternalData(::onnx::ModelProto &model, const std::string &directory,
                                 MLIRContext *context) {
  Location loc = UnknownLoc::get(context);
  int64_t bytes = 0;
  for (TensorProto &tensor : *model.mutable_graph()->mutable_initializer()) {
    if (tensor.data_location() != TensorProto::EXTERNAL)
      continue;
    FailureOr<std::string> data = onnx::Reader(tensor, directory, loc).readFile();
    if (failed(data))
      return failure();
    bytes += static_cast<int64_t>(data->size());
    if (bytes > INT32_MAX)
      return emitError(loc) << "the model with its external data has more than 2 GiB, and cannot "
                               "be written as one file";
    tensor.clear_external_data();
    tensor.clear_data_location();
    tensor.set_raw_data(std::move(*data));
  }
  return success();
}

} // namespace ingot
