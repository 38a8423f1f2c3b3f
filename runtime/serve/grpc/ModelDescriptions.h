// What clients are told about models (inference/ModelDescription.h), as messages.
#ifndef INGOT_RUNTIME_SERVE_GRPC_MODELDESCRIPTIONS_H
#define INGOT_RUNTIME_SERVE_GRPC_MODELDESCRIPTIONS_H

#include "runtime/serve/grpc/proto/open_inference.pb.h"
#include "runtime/serve/grpc/proto/prediction_service.pb.h"
#include "runtime/serve/inference/ModelDescription.h"

namespace ingot::serve {

void encodeSignatures(const ModelVersion &model, tensorflow::serving::SignatureDefMap &map);
void encode(const ModelMetadata &metadata, inference::ModelMetadataResponse &reply);
void encode(const ConfigDescription &from, inference::ModelConfig &config);
void encode(const StatisticsDescription &from, inference::ModelStatistics &statistics);
void encode(const std::vector<IndexEntry> &entries, inference::RepositoryIndexResponse &reply);

} // namespace ingot::serve

#endif
