// ParseCost: what a message takes in memory beyond its bytes, found before it is parsed. Two bytes
// on the wire can be an empty message of a hundred bytes in memory.
#ifndef INGOT_RUNTIME_SERVE_GRPC_PARSECOST_H
#define INGOT_RUNTIME_SERVE_GRPC_PARSECOST_H

#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>

namespace ingot::serve {

class ParseCost {
public:
  explicit ParseCost(uint64_t limit) : limit_(limit) {}

  /// Reads a message of the type to its end. False: it takes more than the limit, or it is none,
  /// which parsing will tell.
  bool add(google::protobuf::io::CodedInputStream &in, const google::protobuf::Descriptor &type) {
    return addFields(in, &type, 0);
  }
  bool isWithinLimit() const { return cost_ <= limit_; }
  uint64_t bytes() const { return cost_; }

private:
  bool addFields(google::protobuf::io::CodedInputStream &in,
                 const google::protobuf::Descriptor *type, int depth);
  bool addBlock(google::protobuf::io::CodedInputStream &in,
                const google::protobuf::FieldDescriptor *field, int depth);
  bool addPacked(google::protobuf::io::CodedInputStream &in,
                 const google::protobuf::FieldDescriptor &field, int bytes);
  bool count(uint64_t bytes) {
    cost_ += bytes;
    return isWithinLimit();
  }
  uint64_t limit_, cost_ = 0;
};

} // namespace ingot::serve

#endif
