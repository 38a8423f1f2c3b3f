// Messages as bytes: gRPC's buffers to protobuf messages and back, without a copy of large tensors
// on the way out, and with a limit on what compressed messages may become.
#ifndef INGOT_RUNTIME_SERVE_GRPC_WIRE_H
#define INGOT_RUNTIME_SERVE_GRPC_WIRE_H

#include "ingot/Status.h"

#include <cstddef>
#include <cstdint>
#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

/// What `buffer` is compressed with: the server leaves decompressing to us, since gRPC's own knows
/// no limit.
grpc_compression_algorithm compressionOf(grpc::ByteBuffer &buffer);

/// InvalidArgument: not such a message, or broken compression; ResourceExhausted: more than
/// `limit` bytes once decompressed, or so many fields that in memory they take as much besides.
Status parse(grpc::ByteBuffer &buffer, uint64_t limit, google::protobuf::Message &message);

grpc::ByteBuffer serialize(const google::protobuf::Message &message);

/// Writes a protobuf message field by field into slices. Large blocks are not copied: a slice
/// refers to them and keeps their owner until the bytes are sent.
class WireWriter {
public:
  void text(int field, std::string_view value);
  /// Tag and length of a message or a block of `bytes` bytes, which are written next.
  void open(int field, size_t bytes);
  /// Bytes as they are.
  void raw(std::string_view bytes) { pending_ += bytes; }
  /// A message that another one has written.
  void message(int field, WireWriter content);
  void block(const void *data, size_t bytes, const std::shared_ptr<const void> &owner);
  size_t byteCount() const { return bytes_ + pending_.size(); }
  grpc::ByteBuffer finish();

private:
  void flush();
  std::string pending_; ///< not yet in slices_
  std::vector<grpc::Slice> slices_;
  size_t bytes_ = 0; ///< in slices_
};

/// Bytes that WireWriter::open writes before a block of `bytes` bytes.
size_t openSize(int field, size_t bytes);

} // namespace ingot::serve

#endif
