// See MappedFile.h. The bytes are walked as protobuf's wire format has them, down to raw_data of
// the main graph's initializers, and all others are written to a shorter message for the parser.
// What is not as exporters write it is left whole: then the parser sees the file itself.
#include "frontends/onnx/MappedFile.h"
#include "mlir/IR/AsmState.h"
#include "llvm/Support/Endian.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

enum WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

// Numbers of fields in onnx.proto.
constexpr uint64_t kGraph = 7, kInitializer = 5, kRawData = 9;

std::optional<uint64_t> takeVarint(llvm::StringRef &rest) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(rest.front());
    rest = rest.drop_front();
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
  return std::nullopt;
}

void putVarint(uint64_t value, std::string &out) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

struct Field {
  uint64_t number;
  bool isBytes;
  llvm::StringRef whole;   // with its tag
  llvm::StringRef content; // of bytes
};

/// The next field of a message; nothing where it is none, or of a kind that is no longer written.
std::optional<Field> takeField(llvm::StringRef &rest) {
  llvm::StringRef begin = rest;
  std::optional<uint64_t> tag = takeVarint(rest);
  if (!tag)
    return std::nullopt;
  Field field{*tag >> 3, (*tag & 7) == Bytes, {}, {}};
  std::optional<uint64_t> size;
  switch (*tag & 7) {
  case Varint:
    size = takeVarint(rest) ? std::optional<uint64_t>(0) : std::nullopt;
    break;
  case Fixed64:
    size = 8;
    break;
  case Bytes:
    size = takeVarint(rest);
    break;
  case Fixed32:
    size = 4;
    break;
  default:
    break;
  }
  if (!size || *size > rest.size())
    return std::nullopt;
  field.content = rest.take_front(*size);
  rest = rest.drop_front(*size);
  field.whole = begin.drop_back(rest.size());
  return field;
}

/// A message without the fields for which `replace` has written others.
bool rewrite(llvm::StringRef message, std::string &out,
             llvm::function_ref<std::optional<bool>(const Field &)> replace) {
  while (!message.empty()) {
    std::optional<Field> field = takeField(message);
    if (!field)
      return false;
    std::optional<bool> isReplaced = replace(*field); // nothing: the field is damaged
    if (!isReplaced)
      return false;
    if (!*isReplaced)
      out += field->whole;
  }
  return true;
}

void putMessage(uint64_t number, const std::string &content, std::string &out) {
  putVarint(number << 3 | Bytes, out);
  putVarint(content.size(), out);
  out += content;
}

/// A TensorProto without its raw_data, if that is large and there once.
bool rewriteTensor(llvm::StringRef tensor, std::string &out, llvm::StringRef &rawData,
                   size_t large) {
  return rewrite(tensor, out, [&](const Field &field) -> std::optional<bool> {
    if (field.number != kRawData || !field.isBytes)
      return false;
    if (rawData.data())
      return std::nullopt; // the last one would count
    if (field.content.size() < large)
      return false;
    rawData = field.content;
    return true;
  });
}

bool rewriteGraph(llvm::StringRef graph, std::string &out, std::vector<llvm::StringRef> &rawData,
                  size_t large) {
  return rewrite(graph, out, [&](const Field &field) -> std::optional<bool> {
    if (field.number != kInitializer || !field.isBytes)
      return false;
    std::string shorter;
    if (!rewriteTensor(field.content, shorter, rawData.emplace_back(), large))
      return std::nullopt;
    putMessage(kInitializer, shorter, out);
    return true;
  });
}

bool rewriteModel(llvm::StringRef model, std::string &out, std::vector<llvm::StringRef> &rawData,
                  size_t large) {
  return rewrite(model, out, [&](const Field &field) -> std::optional<bool> {
    if (field.number != kGraph || !field.isBytes)
      return false;
    std::string shorter;
    if (!rewriteGraph(field.content, shorter, rawData, large))
      return std::nullopt;
    putMessage(kGraph, shorter, out);
    return true;
  });
}

} // namespace

bool parseMapped(::onnx::ModelProto &model, MappedFile &mapped, size_t large) {
  llvm::StringRef file = mapped.file->getBuffer();
  std::string shorter;
  if (rewriteModel(file, shorter, mapped.rawData, large))
    file = shorter;
  else
    mapped.rawData.clear();
  return file.size() <= INT32_MAX &&
         model.ParseFromArray(file.data(), static_cast<int>(file.size()));
}

DenseResourceElementsAttr mappedElements(RankedTensorType type, llvm::StringRef bytes,
                                         const MappedFile &mapped, llvm::StringRef name) {
  auto keep = [file = mapped.file](void *, size_t, size_t) mutable { file.reset(); };
  return DenseResourceElementsAttr::get(
      type, name,
      UnmanagedAsmResourceBlob::allocateWithAlign(llvm::ArrayRef<char>(bytes.data(), bytes.size()),
                                                  /*align=*/1, std::move(keep)));
}

} // namespace ingot::onnx
