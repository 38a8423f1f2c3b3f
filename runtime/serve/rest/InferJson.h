// Requests for inference of the Open Inference protocol: a JSON object, behind it the bytes of
// tensors that are not in it (extension binary_tensor_data), or one raw tensor alone.
#ifndef INGOT_RUNTIME_SERVE_REST_INFERJSON_H
#define INGOT_RUNTIME_SERVE_REST_INFERJSON_H

#include "runtime/serve/inference/Limits.h"
#include "runtime/serve/inference/SharedMemory.h"
#include "runtime/serve/rest/Signature.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

/// A part of a registered region.
struct RegionRange {
  std::string region;
  uint64_t offset = 0, bytes = 0;
};

struct RequestedOutput {
  std::string name;
  std::optional<bool> isBinary;
  std::optional<RegionRange> range; ///< where its bytes are to go
};

struct InferRequest {
  std::string id;
  DecodedInputs inputs;
  std::vector<RequestedOutput> outputs; ///< empty: all
  bool areOutputsBinary = false;        ///< where they do not say themselves
  std::string function;                 ///< parameter "function"; empty: the default one
  int priority = 0;
  std::chrono::microseconds timeout{0}; ///< zero: none
  std::string sequence;
  bool sequenceStart = false, sequenceEnd = false;
};

/// `binary`: the bytes behind the JSON; both stay with `body`, which the inputs keep. What is in
/// shared memory is copied. InvalidArgument, NotFound (a region).
Result<InferRequest> decodeInfer(std::string_view json, std::string_view binary,
                                 std::shared_ptr<const void> body, const SharedMemory &sharedMemory,
                                 const Limits &limits);

/// The whole body is the only input. Its shape is the signature's, where one dimension is free; of
/// more, the first is 1. InvalidArgument.
Result<InferRequest> decodeRawTensor(std::string_view bytes, std::shared_ptr<const void> body,
                                     const Signature &signature);

} // namespace ingot::serve::rest

#endif
