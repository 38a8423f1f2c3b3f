// What both protocols say about models, as JSON: status, metadata, configuration, statistics.
#ifndef INGOT_RUNTIME_SERVE_REST_MODELJSON_H
#define INGOT_RUNTIME_SERVE_REST_MODELJSON_H

#include "runtime/serve/repository/Repository.h"
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
void appendMetadata(Bytes &out, const ModelVersion &model, const std::vector<int64_t> &versions);
/// Triton's ModelConfig, as far as clients look at it: batch size, inputs, outputs.
void appendConfig(Bytes &out, const ModelVersion &model);
/// Triton's {"model_stats": […]}; the functions of a version are added up.
void appendStatistics(Bytes &out, const std::vector<std::shared_ptr<const ModelVersion>> &versions);
/// Triton's repository index.
void appendIndex(Bytes &out, const std::vector<ModelStatus> &models, bool onlyReady);

} // namespace ingot::serve::rest

#endif
