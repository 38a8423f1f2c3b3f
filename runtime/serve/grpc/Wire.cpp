// See Wire.h.
#include "runtime/serve/grpc/Wire.h"

#include "runtime/core/ProtoWriter.h"

#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>
#include <limits>
#include <utility>

namespace ingot::serve {

namespace {
/// Smaller blocks cost less to copy than to refer to.
constexpr size_t leastReferred = 2048;

class Reader : public grpc::ProtoBufferReader {
public:
  using grpc::ProtoBufferReader::ProtoBufferReader;
  grpc_compression_algorithm compression() {
    return reader()->buffer_in->data.raw.compression; // set since decompression is off
  }
};

void letGo(void *owner) { delete static_cast<std::shared_ptr<const void> *>(owner); }

Status tooLarge(uint64_t limit) {
  return Status(StatusCode::ResourceExhausted,
                "the message is larger than " + std::to_string(limit) + " bytes");
}

Status parseCompressed(Reader &reader, uint64_t limit, google::protobuf::MessageLite &message) {
  // One byte more than allowed tells a message at the limit from a longer one.
  const auto most =
      static_cast<int64_t>(std::min<uint64_t>(limit, std::numeric_limits<int64_t>::max() / 2) + 1);
  google::protobuf::io::GzipInputStream unpacked(&reader); // detects zlib's format as well
  google::protobuf::io::LimitingInputStream limited(&unpacked, most);
  const bool isParsed = message.ParseFromZeroCopyStream(&limited);
  if (limited.ByteCount() >= most)
    return tooLarge(limit);
  if (unpacked.ZlibErrorCode() != Z_STREAM_END)
    return Status(StatusCode::InvalidArgument,
                  "the message is not compressed as its header says, or cut short");
  return isParsed ? Status() : Status(StatusCode::InvalidArgument, "");
}
} // namespace

grpc_compression_algorithm compressionOf(grpc::ByteBuffer &buffer) {
  return buffer.Valid() ? Reader(&buffer).compression() : GRPC_COMPRESS_NONE;
}

Status parse(grpc::ByteBuffer &buffer, uint64_t limit, google::protobuf::MessageLite &message) {
  Status status;
  if (!buffer.Valid()) {
    status = Status(StatusCode::InvalidArgument, "there is no message");
  } else if (Reader reader(&buffer); !reader.status().ok()) {
    status = Status(StatusCode::Internal, reader.status().error_message());
  } else if (reader.compression() != GRPC_COMPRESS_NONE) {
    status = parseCompressed(reader, limit, message);
  } else if (buffer.Length() > limit) {
    status = tooLarge(limit);
  } else if (!message.ParseFromZeroCopyStream(&reader)) {
    status = Status(StatusCode::InvalidArgument, "");
  }
  if (status.code() == StatusCode::InvalidArgument && status.message().empty())
    return Status(StatusCode::InvalidArgument, "the message is not a " +
                                                   std::string(message.GetTypeName()) +
                                                   ": its bytes cannot be parsed");
  return status;
}

grpc::ByteBuffer serialize(const google::protobuf::MessageLite &message) {
  grpc::ByteBuffer buffer;
  const size_t bytes = message.ByteSizeLong();
  grpc::Slice slice(bytes);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t *>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

void WireWriter::number(int field, int64_t value) { proto::putNumber(pending_, field, value); }

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
  // Only read: gRPC asks for a pointer that could be written.
  slices_.emplace_back(const_cast<void *>(data), bytes, letGo,
                       new std::shared_ptr<const void>(owner));
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
