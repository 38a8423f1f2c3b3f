// What clients are told about a loaded model: signatures (TF Serving), metadata, config and
// statistics (Open Inference, Triton).
#ifndef INGOT_RUNTIME_SERVE_GRPC_MODELDESCRIPTIONS_H
#define INGOT_RUNTIME_SERVE_GRPC_MODELDESCRIPTIONS_H

#include "runtime/serve/grpc/proto/open_inference.pb.h"
#include "runtime/serve/grpc/proto/prediction_service.pb.h"
#include "runtime/serve/repository/Repository.h"

namespace ingot::serve {

/// Every function by its name, the default one also as "serving_default".
void describeSignatures(const ModelVersion &model, tensorflow::serving::SignatureDefMap &map);
/// Of the default function; `versions` are those that serve.
void describeMetadata(const ModelVersion &model, const std::vector<int64_t> &versions,
                      inference::ModelMetadataResponse &reply);
void describeConfig(const ModelVersion &model, inference::ModelConfig &config);
/// Of all functions together, as Triton knows one a model.
void describeStatistics(const ModelVersion &model, inference::ModelStatistics &statistics);
void describeIndex(const std::vector<ModelStatus> &models, bool onlyReady,
                   inference::RepositoryIndexResponse &reply);

} // namespace ingot::serve

#endif
