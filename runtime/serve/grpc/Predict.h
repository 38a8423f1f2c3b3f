// PredictRequest and PredictResponse of TF Serving, as this server understands them.
#ifndef INGOT_RUNTIME_SERVE_GRPC_PREDICT_H
#define INGOT_RUNTIME_SERVE_GRPC_PREDICT_H

#include "runtime/serve/grpc/InputStorage.h"
#include "runtime/serve/grpc/Wire.h"
#include "runtime/serve/grpc/proto/prediction_service.pb.h"
#include "runtime/serve/inference/InferenceService.h"

namespace ingot::serve {

/// InvalidArgument names the input, also one that the function does not take; ResourceExhausted.
Result<std::vector<NamedInput>> parseInputs(const tensorflow::serving::PredictRequest &request,
                                            const InferenceService::Target &target,
                                            InputStorage &storage);
/// The outputs that output_filter names, or all. InvalidArgument lists those there are.
Result<std::vector<int64_t>> parseOutputs(const tensorflow::serving::PredictRequest &request,
                                          const ingot_function &function);
/// Writes a PredictResponse, in the encoding that the request has its tensors in.
void writeReply(const tensorflow::serving::PredictRequest &request,
                const InferenceResponse &response, const std::vector<int64_t> &wanted,
                WireWriter &out);

} // namespace ingot::serve

#endif
