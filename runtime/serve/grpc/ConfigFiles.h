// TF Serving's files of settings, protobuf in text form: what --model_config_file and
// --batching_parameters_file name; and the same as a message, in a request to reload.
#ifndef INGOT_RUNTIME_SERVE_GRPC_CONFIGFILES_H
#define INGOT_RUNTIME_SERVE_GRPC_CONFIGFILES_H

#include "runtime/serve/repository/Repository.h"

#include <string>
#include <vector>

namespace tensorflow::serving {
class ModelServerConfig;
}

namespace ingot::serve {

/// The models of a ModelServerConfig, in its order. `defaults` is what it does not say.
/// InvalidArgument: bad syntax (with line and column), a model without a name or directory or named
/// twice, and what is not served: another model_platform, logging_config, custom_model_config.
Result<std::vector<ModelEntry>> parseModelConfigFile(const std::string &text,
                                                     const ModelConfig &defaults = {});
Result<std::vector<ModelEntry>> toModelEntries(const tensorflow::serving::ModelServerConfig &config,
                                               const ModelConfig &defaults);

/// BatchingParameters as options of a queue. What needs no setting here is checked and has no
/// effect: allowed_batch_sizes (any number of rows runs without padding), the pool's name, padding,
/// splitting (which is always done). InvalidArgument: bad syntax, a value that cannot be.
Result<QueueOptions> parseBatchingParameters(const std::string &text,
                                             const QueueOptions &defaults = {});

} // namespace ingot::serve

#endif
