// Paths, element types and attributes of HDF5 files: see Hdf5File.h.
#include "frontends/kerasfile/Hdf5Values.h"

#include <algorithm>

namespace ingot::kerasfile {

struct Hdf5File::Impl {
  Structure structure;
  explicit Impl(std::string_view bytes) : structure(bytes) {}
  /// The address of the object, or none.
  std::optional<uint64_t> locate(const std::string &path);
  const std::vector<Message> &headerOf(const std::string &path);
};

namespace {

constexpr uint64_t kMostRank = 32;

Hdf5Type readType(std::string_view data, int depth = 0) {
  Cursor at(data, "an HDF5 datatype");
  const uint64_t head = at.number(1), bits = at.number(3);
  Hdf5Type type;
  type.bytes = at.number(4);
  type.isBigEndian = bits & 1;
  switch (head & 15) {
  case 0: {
    const bool isWhole = at.number(2) == 0 && at.number(2) == type.bytes * 8;
    type.kind = isWhole ? TypeClass::Integer : TypeClass::Other;
    type.isSigned = bits & 8;
    type.words = "an integer of odd width";
    break;
  }
  case 1: {
    at.skip(5);
    const uint64_t exponentBits = at.number(1);
    const uint64_t usual = type.bytes == 2 ? 5 : type.bytes == 4 ? 8 : 11;
    type.kind = exponentBits == usual && !(bits & 0x40) ? TypeClass::Float : TypeClass::Other;
    type.words = "a float of another format";
    break;
  }
  case 3:
    type.kind = TypeClass::Text;
    type.words = "text";
    break;
  case 5:
    type.kind = TypeClass::Opaque;
    type.words = "bytes of no known type";
    break;
  case 8:
    if (depth == 0) { // h5py's booleans
      type = readType(at.all(), 1);
      type.isBoolean = type.kind == TypeClass::Integer && type.bytes == 1;
    }
    break;
  case 9:
    type.kind = (bits & 15) == 1 && type.bytes == 16 ? TypeClass::VariableText : TypeClass::Other;
    type.words = type.kind == TypeClass::VariableText ? "text" : "lists";
    break;
  default:
    type.words = "a compound";
  }
  return type;
}

/// None for an empty ("null") dataspace.
std::optional<Shape> readShape(std::string_view data) {
  Cursor at(data, "an HDF5 dataspace");
  const uint64_t version = at.number(1), rank = at.number(1);
  at.skip(1);
  if (version != 1 && version != 2)
    throw FileError("an HDF5 dataspace is damaged");
  if (version == 2 && at.number(1) == 2)
    return std::nullopt;
  at.skip(version == 1 ? 5 : 0);
  if (rank > kMostRank)
    throw FileError("an HDF5 dataspace has " + std::to_string(rank) + " dimensions");
  Shape shape;
  for (uint64_t i = 0; i < rank; ++i) {
    const uint64_t extent = at.number(8);
    if (extent > INT64_MAX)
      throw FileError("an HDF5 dataspace has an extent beyond 64 bits");
    shape.push_back(static_cast<int64_t>(extent));
  }
  return shape;
}

struct Attribute {
  std::string_view name;
  Hdf5Type type;
  std::optional<Shape> shape;
  std::string_view data;
};

Attribute readAttribute(const Message &message) {
  Cursor at(message.data, "an HDF5 attribute");
  const uint64_t version = at.number(1), flags = at.number(1);
  if (version < 1 || version > 3)
    throw FileError("an HDF5 attribute is damaged");
  if (message.isShared || (version > 1 && flags != 0))
    throw FileError("an HDF5 attribute of a committed type is not supported",
                    StatusCode::Unsupported);
  const uint64_t nameBytes = at.number(2), typeBytes = at.number(2), spaceBytes = at.number(2);
  at.skip(version == 3 ? 1 : 0);
  auto part = [&](uint64_t count) {
    std::string_view bytes = at.take(count);
    if (version == 1)
      at.align();
    return bytes;
  };
  Attribute attribute;
  attribute.name = part(nameBytes);
  attribute.name = attribute.name.substr(0, attribute.name.find('\0'));
  attribute.type = readType(part(typeBytes));
  attribute.shape = readShape(part(spaceBytes));
  attribute.data = at.all();
  return attribute;
}

std::string trimmed(std::string_view text) { return std::string(text.substr(0, text.find('\0'))); }

std::vector<std::string> readTexts(Structure &structure, const Attribute &attribute) {
  if (!attribute.shape || countOf(*attribute.shape) == 0)
    return {}; // an empty list is one of numbers, as NumPy sees it
  const bool isVariable = attribute.type.kind == TypeClass::VariableText;
  if (!isVariable && attribute.type.kind != TypeClass::Text)
    throw FileError("attribute '" + std::string(attribute.name) + "' holds " +
                    (attribute.type.words.empty() ? "numbers" : attribute.type.words) +
                    " where text is expected");
  const uint64_t count = countOf(*attribute.shape), each = attribute.type.bytes;
  if (each == 0 || count > attribute.data.size() / each)
    throw FileError("attribute '" + std::string(attribute.name) + "' is cut off");
  std::vector<std::string> texts;
  Cursor at(attribute.data, "an HDF5 attribute");
  for (uint64_t i = 0; i < count; ++i) {
    if (!isVariable) {
      texts.push_back(trimmed(at.take(each)));
      continue;
    }
    const uint64_t length = at.number(4), heap = at.number(8);
    const auto index = static_cast<uint32_t>(at.number(4));
    if (length == 0) {
      texts.emplace_back();
      continue;
    }
    const std::string_view text = structure.heapObject(heap, index);
    structure.charge(length);
    texts.push_back(trimmed(text.substr(0, length)));
  }
  return texts;
}

DType elementType(const Hdf5Type &type, const std::string &path, const std::string &named) {
  switch (type.kind) {
  case TypeClass::Integer: {
    const uint64_t bytes = type.bytes;
    if (type.isBoolean)
      return DType::Bool;
    if (bytes == 1)
      return type.isSigned ? DType::I8 : DType::U8;
    if (bytes == 2)
      return type.isSigned ? DType::I16 : DType::U16;
    if (bytes == 4)
      return type.isSigned ? DType::I32 : DType::U32;
    if (bytes == 8)
      return type.isSigned ? DType::I64 : DType::U64;
    break;
  }
  case TypeClass::Float:
    if (type.bytes == 2)
      return DType::F16;
    if (type.bytes == 4)
      return DType::F32;
    if (type.bytes == 8)
      return DType::F64;
    break;
  case TypeClass::Opaque: // Keras's way of storing what NumPy has no type for
    if (type.bytes == 2 && named == "bfloat16")
      return DType::BF16;
    break;
  default:
    break;
  }
  throw FileError("dataset '" + path + "' holds " + (type.words.empty() ? "numbers" : type.words) +
                      " of " + std::to_string(type.bytes) + " bytes, which no weight is made of",
                  StatusCode::Unsupported);
}

} // namespace

uint64_t countOf(const Shape &shape) {
  uint64_t count = 1;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(extent), &count))
      throw FileError("an HDF5 dataspace has more elements than 64 bits count");
  return count;
}

std::optional<uint64_t> Hdf5File::Impl::locate(const std::string &path) {
  uint64_t at = structure.root();
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (name.empty())
      continue;
    const auto *links = structure.links(at);
    if (!links)
      return std::nullopt;
    auto link = std::find_if(links->begin(), links->end(),
                             [&](const auto &entry) { return entry.first == name; });
    if (link == links->end())
      return std::nullopt;
    at = link->second;
  }
  return at;
}

const std::vector<Message> &Hdf5File::Impl::headerOf(const std::string &path) {
  std::optional<uint64_t> address = locate(path);
  if (!address)
    throw FileError("there is no '" + path + "' in the HDF5 file", StatusCode::NotFound);
  return structure.header(*address);
}

Hdf5File::Hdf5File(std::string_view bytes) : impl(std::make_unique<Impl>(bytes)) {
  if (!isGroup(""))
    throw FileError("the HDF5 file has no root group");
}
Hdf5File::~Hdf5File() = default;
Hdf5File::Hdf5File(Hdf5File &&) noexcept = default;

Hdf5File::Kind Hdf5File::kindOf(const std::string &path) const {
  std::optional<uint64_t> address = impl->locate(path);
  if (!address)
    return Kind::None;
  if (impl->structure.links(*address))
    return Kind::Group;
  const auto &messages = impl->structure.header(*address);
  return find(messages, MessageType::Layout) ? Kind::Dataset : Kind::None;
}

std::vector<std::string> Hdf5File::children(const std::string &path) const {
  std::optional<uint64_t> address = impl->locate(path);
  const auto *links = address ? impl->structure.links(*address) : nullptr;
  if (!links)
    throw FileError("there is no group '" + path + "' in the HDF5 file", StatusCode::NotFound);
  std::vector<std::string> names;
  for (const auto &[name, object] : *links)
    names.push_back(name);
  return names;
}

std::optional<std::vector<std::string>> Hdf5File::texts(const std::string &path,
                                                        const std::string &name) const {
  const std::vector<Message> &messages = impl->headerOf(path);
  for (const Message &message : messages) {
    if (message.type != MessageType::Attribute)
      continue;
    const Attribute attribute = readAttribute(message);
    if (attribute.name == name)
      return readTexts(impl->structure, attribute);
  }
  if (const Message *info = find(messages, MessageType::AttributeInfo)) {
    Cursor at(info->data, "an HDF5 attribute list");
    at.skip(1);
    at.skip(at.number(1) & 1 ? 2 : 0);
    if (at.number(8) != kUndefinedAddress)
      throw FileError("attributes with an index of the newer kind (libver='latest') are not "
                      "supported; h5repack writes them in the usual form",
                      StatusCode::Unsupported);
  }
  return std::nullopt;
}

std::optional<std::string> Hdf5File::text(const std::string &path, const std::string &name) const {
  std::optional<std::vector<std::string>> all = texts(path, name);
  return all && !all->empty() ? std::optional(all->front()) : std::nullopt;
}

std::vector<std::string> Hdf5File::longTexts(const std::string &path,
                                             const std::string &name) const {
  if (auto whole = texts(path, name))
    return *whole;
  std::vector<std::string> result;
  for (int i = 0;; ++i) {
    auto part = texts(path, name + std::to_string(i));
    if (!part)
      return result;
    result.insert(result.end(), part->begin(), part->end());
  }
}

Hdf5File::Dataset Hdf5File::describe(const std::string &path) const {
  const std::vector<Message> &messages = impl->headerOf(path);
  const Hdf5Type type = readType(contentOf(messages, MessageType::Datatype, "datatype"));
  const auto shape = readShape(contentOf(messages, MessageType::Dataspace, "dataspace"));
  std::string named;
  if (type.kind == TypeClass::Opaque)
    named = text(path, "dtype").value_or("");
  return {elementType(type, path, named), shape.value_or(Shape{0})};
}

Tensor Hdf5File::read(const std::string &path) const {
  try {
    const Dataset dataset = describe(path);
    const std::vector<Message> &messages = impl->headerOf(path);
    const Hdf5Type type = readType(contentOf(messages, MessageType::Datatype, "datatype"));
    return readElements(impl->structure, messages, type, dataset);
  } catch (const FileError &error) {
    throw FileError("dataset '" + path + "': " + error.what(), error.code());
  }
}

} // namespace ingot::kerasfile
