// See ParseCost.h.
#include "runtime/serve/grpc/ParseCost.h"

#include <algorithm>
#include <google/protobuf/message.h>
#include <google/protobuf/wire_format_lite.h>
#include <unordered_map>

namespace ingot::serve {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

/// As protobuf 3.21 has them in memory: a text, a number in a list that grows by doubling, an
/// unknown field, a pointer in such a list, a node of a map with its key.
constexpr uint64_t textBytes = 48, numberBytes = 16, unknownBytes = 32, pointerBytes = 16,
                   nodeBytes = 64;
constexpr int deepest = 100; // protobuf's own limit

/// Of a message without content.
uint64_t emptyBytes(const Descriptor &type) {
  static thread_local std::unordered_map<const Descriptor *, uint64_t> known;
  if (const auto found = known.find(&type); found != known.end())
    return found->second;
  uint64_t bytes = pointerBytes;
  if (const FieldDescriptor *value =
          type.map_value()) // of an entry of a map; it is there in any case
    bytes += nodeBytes + (value->message_type() ? emptyBytes(*value->message_type()) : textBytes);
  else
    bytes +=
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->SpaceUsedLong();
  return known[&type] = bytes;
}

/// Of an element in memory where a packed list has it as a varint; 0: its bytes are the same.
uint64_t unpackedBytes(const FieldDescriptor &field) {
  switch (field.type()) {
  case FieldDescriptor::TYPE_INT32:
  case FieldDescriptor::TYPE_SINT32:
  case FieldDescriptor::TYPE_UINT32:
  case FieldDescriptor::TYPE_ENUM:
    return 4;
  case FieldDescriptor::TYPE_INT64:
  case FieldDescriptor::TYPE_SINT64:
  case FieldDescriptor::TYPE_UINT64:
    return 8;
  default:
    return 0;
  }
}

} // namespace

bool ParseCost::addFields(CodedInputStream &in, const Descriptor *type, int depth) {
  if (depth > deepest || !count(type ? emptyBytes(*type) : unknownBytes))
    return false;
  while (const uint32_t tag = in.ReadTag()) {
    const FieldDescriptor *field =
        type ? type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag)) : nullptr;
    bool isRead = false;
    uint64_t varint = 0;
    uint32_t fixed32 = 0;
    uint64_t fixed64 = 0;
    switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT:
      isRead = in.ReadVarint64(&varint) && count(field ? numberBytes : unknownBytes);
      break;
    case WireFormatLite::WIRETYPE_FIXED32:
      isRead = in.ReadLittleEndian32(&fixed32) && count(field ? numberBytes : unknownBytes);
      break;
    case WireFormatLite::WIRETYPE_FIXED64:
      isRead = in.ReadLittleEndian64(&fixed64) && count(field ? numberBytes : unknownBytes);
      break;
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
      isRead = addBlock(in, field, depth);
      break;
    case WireFormatLite::WIRETYPE_START_GROUP: // of an unknown field: no message here has groups
      isRead = addFields(in, nullptr, depth + 1);
      break;
    case WireFormatLite::WIRETYPE_END_GROUP:
      return !type;
    }
    if (!isRead)
      return false;
  }
  return true;
}

bool ParseCost::addBlock(CodedInputStream &in, const FieldDescriptor *field, int depth) {
  int bytes = 0;
  if (!in.ReadVarintSizeAsInt(&bytes))
    return false;
  if (!field)
    return count(unknownBytes + textBytes) && in.Skip(bytes);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const CodedInputStream::Limit outer = in.PushLimit(bytes);
    const bool isRead = addFields(in, field->message_type(), depth + 1);
    in.PopLimit(outer);
    return isRead;
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
    return count(textBytes) && in.Skip(bytes);
  return addPacked(in, *field, bytes);
}

bool ParseCost::addPacked(CodedInputStream &in, const FieldDescriptor &field, int bytes) {
  const uint64_t each = unpackedBytes(field);
  if (each == 0)
    return in.Skip(bytes);
  while (bytes > 0) {
    const void *data = nullptr;
    int size = 0;
    if (!in.GetDirectBufferPointer(&data, &size))
      return false;
    size = std::min(size, bytes);
    const auto *first = static_cast<const uint8_t *>(data);
    // Each element ends with a byte whose highest bit is not set.
    const auto elements =
        std::count_if(first, first + size, [](uint8_t byte) { return byte < 0x80; });
    if (!count(each * static_cast<uint64_t>(elements)) || !in.Skip(size))
      return false;
    bytes -= size;
  }
  return true;
}

} // namespace ingot::serve
