// Replies of the Open Inference protocol: JSON, and behind it the bytes of outputs that were asked
// for so, which stay where the model left them.
#ifndef INGOT_RUNTIME_SERVE_REST_INFERREPLY_H
#define INGOT_RUNTIME_SERVE_REST_INFERREPLY_H

#include "runtime/serve/inference/SharedMemory.h"
#include "runtime/serve/rest/Bytes.h"
#include "runtime/serve/rest/InferJson.h"

#include <memory>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

struct InferReply {
  Bytes text;
  size_t jsonBytes = 0; ///< of `text`; what follows there and in `segments` is binary
  bool isBinary = false;
  std::vector<std::string_view> segments;
  std::shared_ptr<const void> owner; ///< of the segments
};

/// InvalidArgument (see checkOutputs; a text that is not UTF-8), NotFound (a region). `request`
/// says which outputs are wanted, and how; the outputs keep theirs in `response`, which the reply
/// shares.
Status encodeInfer(InferReply &reply, std::shared_ptr<const InferenceResponse> response,
                   const InferRequest &request, const SharedMemory &sharedMemory);

/// Whether the outputs that are asked for can be given at all; before the model runs.
Status checkOutputs(const ingot_function &function, const InferRequest &request);

} // namespace ingot::serve::rest

#endif
