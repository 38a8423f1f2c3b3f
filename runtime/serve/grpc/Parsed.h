// Parsed: a message, on an arena of its own, and the memory of inputs that are not read in place.
// Shared by whoever reads the inputs.
#ifndef INGOT_RUNTIME_SERVE_GRPC_PARSED_H
#define INGOT_RUNTIME_SERVE_GRPC_PARSED_H

#include "runtime/serve/grpc/InputStorage.h"

#include <google/protobuf/arena.h>

namespace ingot::serve {

template <typename Message> class Parsed {
  alignas(8) char first_[1024]; // most requests need no other block
  google::protobuf::Arena arena_;

public:
  explicit Parsed(uint64_t limit)
      : arena_(first_, sizeof first_), storage(limit),
        message(*google::protobuf::Arena::CreateMessage<Message>(&arena_)) {}
  Parsed(const Parsed &) = delete;
  Parsed &operator=(const Parsed &) = delete;

  InputStorage storage;
  Message &message;
};

} // namespace ingot::serve

#endif
