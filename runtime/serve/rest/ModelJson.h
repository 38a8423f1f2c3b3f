// What both protocols say about models, as JSON: status, metadata, configuration, statistics.
#ifndef INGOT_RUNTIME_SERVE_REST_MODELJSON_H
#define INGOT_RUNTIME_SERVE_REST_MODELJSON_H

#include "runtime/serve/inference/ModelDescription.h"
#include "runtime/serve/rest/Bytes.h"

#include <memory>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

/// TF Serving's GetModelStatusResponse; of one version where `only` is not 0.
void appendModelStatus(Bytes &out, const ModelStatus &status, int64_t only);
/// TF Serving's GetModelMetadataResponse: a signature a function, the default one under
/// "serving_default" as well.
void appendSignatures(Bytes &out, const ModelVersion &model);

/// Open Inference: {"name", "versions", "platform", "inputs", "outputs"} of the default function.
void appendMetadata(Bytes &out, const ModelMetadata &metadata);
/// Triton's ModelConfig, as far as clients look at it.
void appendConfig(Bytes &out, const ConfigDescription &config);
/// Triton's {"model_stats": […]}.
void appendStatistics(Bytes &out, const std::vector<std::shared_ptr<const ModelVersion>> &versions);
/// Triton's repository index.
void appendIndex(Bytes &out, const std::vector<IndexEntry> &entries);

} // namespace ingot::serve::rest

#endif
