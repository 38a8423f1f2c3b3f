// ModelSpec: how TF Serving's calls name a model, a version and a signature.
#ifndef INGOT_RUNTIME_SERVE_GRPC_MODELSPECS_H
#define INGOT_RUNTIME_SERVE_GRPC_MODELSPECS_H

#include "runtime/serve/grpc/proto/prediction_service.pb.h"
#include "runtime/serve/inference/InferenceService.h"

namespace ingot::serve {

/// InvalidArgument: no name, a negative version. Version 0 is the latest: some clients say so.
Result<VersionChoice> versionOf(const tensorflow::serving::ModelSpec &spec);
Result<InferenceService::Target> resolve(const InferenceService &service,
                                         const tensorflow::serving::ModelSpec &spec);
/// What a reply says: the model, the version that answered, the signature that was asked for.
void describe(const ModelVersion &model, const std::string &signature,
              tensorflow::serving::ModelSpec &spec);

} // namespace ingot::serve

#endif
