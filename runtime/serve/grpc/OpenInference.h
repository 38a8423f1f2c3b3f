// ModelInferRequest and ModelInferResponse of the Open Inference protocol, as this server
// understands them: what a request wants, its inputs, and the reply.
#ifndef INGOT_RUNTIME_SERVE_GRPC_OPENINFERENCE_H
#define INGOT_RUNTIME_SERVE_GRPC_OPENINFERENCE_H

#include "runtime/serve/grpc/Parsed.h"
#include "runtime/serve/grpc/Wire.h"
#include "runtime/serve/grpc/proto/open_inference.pb.h"
#include "runtime/serve/inference/InferenceService.h"
#include "runtime/serve/inference/SharedMemory.h"

#include <chrono>
#include <optional>

namespace ingot::serve {

/// "": the latest; digits are a number, anything else is a label. InvalidArgument: no such number.
Result<VersionChoice> parseVersion(const std::string &version);

/// What `parameters` of a request say; others than these are let pass, as Triton does.
struct InferParameters {
  std::string function; ///< "function": ours, where it is not the default one
  int priority = 0;     ///< "priority": Triton's 1 is the most urgent, our 0
  std::optional<std::chrono::microseconds> timeout; ///< "timeout"
  std::string sequence;                             ///< "sequence_id", a number or a text
  bool sequenceStart = false, sequenceEnd = false;  ///< "sequence_start", "sequence_end"
};
/// InvalidArgument names the parameter, and the type it must have.
Result<InferParameters> parseParameters(const inference::ModelInferRequest &request);

/// Names, types and shapes of the inputs. InvalidArgument names the input.
Result<std::vector<NamedInput>> parseHeads(const inference::ModelInferRequest &request);
/// And their values: of raw_input_contents, of their contents, or of shared memory. They are read
/// in place where they can be. InvalidArgument names the input; NotFound: no such region.
Status parseValues(const inference::ModelInferRequest &request, const SharedMemory &memory,
                   InputStorage &storage, std::vector<NamedInput> &inputs);

/// An output that the reply has.
struct WantedOutput {
  int64_t index = 0; ///< of the function's outputs
  std::string name;
  std::shared_ptr<const SharedMemory::Region> region; ///< where it goes; or null: into the reply
  uint64_t offset = 0, bytes = 0;                     ///< of the region
};
/// InvalidArgument: no such output (lists those there are), twice, or parameters that make no
/// sense; Unsupported: "classification". None are named: all.
Result<std::vector<WantedOutput>> parseOutputs(const inference::ModelInferRequest &request,
                                               const ingot_function &function,
                                               const SharedMemory &memory);

/// Whether the reply has the outputs' bytes (raw_output_contents) or typed lists: as the request
/// had its inputs.
bool wantsRaw(const inference::ModelInferRequest &request);

/// A request, ready to be run but for its owner, its call's deadline and cancellation.
struct PreparedInference {
  InferenceRequest request;
  std::vector<WantedOutput> wanted;
};
/// What InferenceService::resolve and the functions above say.
Result<PreparedInference> prepare(const InferenceService &service, const SharedMemory &memory,
                                  Parsed<inference::ModelInferRequest> &parsed,
                                  Clock::time_point received);

/// The reply, a ModelInferResponse; outputs that go to shared memory are written there.
Status writeReply(const inference::ModelInferRequest &request, const InferenceResponse &response,
                  const std::vector<WantedOutput> &wanted, WireWriter &out);

} // namespace ingot::serve

#endif
