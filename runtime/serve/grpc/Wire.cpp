// See Wire.h.
#include "runtime/serve/grpc/Wire.h"

#include "runtime/core/ProtoWriter.h"
#include "runtime/serve/grpc/ParseCost.h"
#include "runtime/serve/grpc/ThreadOrder.h"

#include <algorithm>
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>
#include <limits>
#include <utility>

namespace ingot::serve {

namespace {
/// What every message may take beside its bytes, however small the limit of those.
constexpr uint64_t leastCost = 1 << 20;

/// Smaller blocks cost less to copy than to refer to.
constexpr size_t leastReferred = 2048;

class Reader : public grpc::ProtoBufferReader {
public:
  using grpc::ProtoBufferReader::ProtoBufferReader;
  grpc_compression_algorithm compression() {
    return reader()->buffer_in->data.raw.compression; // set since decompression is off
  }
};

void letGo(void *owner) {
  takeOver(owner);
  delete static_cast<std::shared_ptr<const void> *>(owner);
}

Status tooLarge(uint64_t limit) {
  return Status(StatusCode::ResourceExhausted,
                "the message is larger than " + std::to_string(limit) + " bytes");
}

/// The bytes of a compressed message.
Result<std::string> decompress(Reader &reader, uint64_t limit) {
  google::protobuf::io::GzipInputStream unpacked(&reader); // detects zlib's format as well
  std::string bytes;
  const void *data = nullptr;
  for (int size = 0; unpacked.Next(&data, &size);) {
    if (static_cast<uint64_t>(size) > limit - bytes.size())
      return tooLarge(limit);
    bytes.append(static_cast<const char *>(data), static_cast<size_t>(size));
  }
  if (unpacked.ZlibErrorCode() != Z_STREAM_END)
    return Status(StatusCode::InvalidArgument,
                  "the message is not compressed as its header says, or cut short");
  return bytes;
}

/// Before it is parsed: what it becomes in memory.
Status checkCost(google::protobuf::io::ZeroCopyInputStream &stream, uint64_t limit,
                 const google::protobuf::Message &message) {
  ParseCost cost(std::max(limit, leastCost));
  google::protobuf::io::CodedInputStream in(&stream);
  in.SetTotalBytesLimit(std::numeric_limits<int>::max());
  if (cost.add(in, *message.GetDescriptor()) || cost.isWithinLimit())
    return Status();
  return Status(StatusCode::ResourceExhausted,
                "the message has so many fields that in memory they take more than " +
                    std::to_string(limit) + " bytes beside their own");
}

Status malformed(const google::protobuf::Message &message) {
  return Status(StatusCode::InvalidArgument,
                "the message is not a " + message.GetTypeName() + ": its bytes cannot be parsed");
}

Status parseCompressed(Reader &reader, uint64_t limit, google::protobuf::Message &message) {
  INGOT_ASSIGN_OR_RETURN(const std::string bytes, decompress(reader, limit));
  const auto size = static_cast<int>(bytes.size());
  google::protobuf::io::ArrayInputStream stream(bytes.data(), size);
  INGOT_RETURN_IF_ERROR(checkCost(stream, limit, message));
  return message.ParseFromArray(bytes.data(), size) ? Status() : malformed(message);
}
} // namespace

grpc_compression_algorithm compressionOf(grpc::ByteBuffer &buffer) {
  return buffer.Valid() ? Reader(&buffer).compression() : GRPC_COMPRESS_NONE;
}

Status parse(grpc::ByteBuffer &buffer, uint64_t limit, google::protobuf::Message &message) {
  limit = std::min<uint64_t>(limit, std::numeric_limits<int>::max()); // protobuf's own
  if (!buffer.Valid())
    return Status(StatusCode::InvalidArgument, "there is no message");
  Reader reader(&buffer);
  if (!reader.status().ok())
    return Status(StatusCode::Internal, reader.status().error_message());
  if (reader.compression() != GRPC_COMPRESS_NONE)
    return parseCompressed(reader, limit, message);
  if (buffer.Length() > limit)
    return tooLarge(limit);
  Reader ahead(&buffer);
  INGOT_RETURN_IF_ERROR(checkCost(ahead, limit, message));
  return message.ParseFromZeroCopyStream(&reader) ? Status() : malformed(message);
}

grpc::ByteBuffer serialize(const google::protobuf::Message &message) {
  grpc::ByteBuffer buffer;
  const size_t bytes = message.ByteSizeLong();
  grpc::Slice slice(bytes);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t *>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

void WireWriter::text(int field, std::string_view value) {
  proto::putBytes(pending_, field, value);
}

void WireWriter::open(int field, size_t bytes) {
  proto::putTag(pending_, field, proto::Length);
  proto::putVarint(pending_, bytes);
}

size_t openSize(int field, size_t bytes) {
  size_t size = 1;
  for (uint64_t tag = uint64_t(field) << 3; tag >= 0x80; tag >>= 7)
    ++size;
  for (++size; bytes >= 0x80; bytes >>= 7)
    ++size;
  return size;
}

void WireWriter::block(const void *data, size_t bytes, const std::shared_ptr<const void> &owner) {
  if (bytes < leastReferred) {
    pending_.append(static_cast<const char *>(data), bytes);
    return;
  }
  flush();
  auto *held = new std::shared_ptr<const void>(owner);
  handOver(held);
  // Only read: gRPC asks for a pointer that could be written.
  slices_.emplace_back(const_cast<void *>(data), bytes, letGo, held);
  bytes_ += bytes;
}

void WireWriter::message(int field, WireWriter content) {
  open(field, content.byteCount());
  if (content.slices_.empty()) {
    pending_ += content.pending_;
    return;
  }
  content.flush();
  flush();
  bytes_ += content.bytes_;
  for (grpc::Slice &slice : content.slices_)
    slices_.push_back(std::move(slice));
}

void WireWriter::flush() {
  if (pending_.empty())
    return;
  slices_.emplace_back(pending_.data(), pending_.size());
  bytes_ += pending_.size();
  pending_.clear();
}

grpc::ByteBuffer WireWriter::finish() {
  flush();
  grpc::ByteBuffer buffer(slices_.data(), slices_.size());
  slices_.clear(); // the buffer alone keeps the blocks
  return buffer;
}

} // namespace ingot::serve
