// See ConfigFiles.h.
#include "runtime/serve/grpc/ConfigFiles.h"

#include "runtime/serve/grpc/proto/model_server_config.pb.h"

#include <algorithm>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <limits>
#include <set>

namespace ingot::serve {

namespace {

using tensorflow::serving::BatchingParameters;
using tensorflow::serving::ModelServerConfig;
using Policy = tensorflow::serving::FileSystemStoragePathSourceConfig::ServableVersionPolicy;

class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, int column, const std::string &message) override {
    if (text.empty())
      text = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " +
             message;
  }
  std::string text;
};

Status parseText(const std::string &text, google::protobuf::Message &message) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(text, &message))
    return Status();
  return Status(StatusCode::InvalidArgument,
                "not a " + message.GetDescriptor()->name() + " in text form: " + error.text);
}

Status modelError(const std::string &model, const std::string &what) {
  return Status(StatusCode::InvalidArgument, "model '" + model + "': " + what);
}

Result<VersionPolicy> toPolicy(const std::string &model, const Policy &policy,
                               const VersionPolicy &otherwise) {
  VersionPolicy made;
  switch (policy.policy_choice_case()) {
  case Policy::POLICY_CHOICE_NOT_SET:
    return otherwise;
  case Policy::kLatest: // TF Serving takes 0 as 1
    made.count = std::max<int64_t>(1, policy.latest().num_versions());
    return made;
  case Policy::kAll:
    made.kind = VersionPolicy::Kind::All;
    return made;
  case Policy::kSpecific:
    break;
  }
  made.kind = VersionPolicy::Kind::Specific;
  made.versions.assign(policy.specific().versions().begin(), policy.specific().versions().end());
  if (made.versions.empty())
    return modelError(model, "model_version_policy.specific names no version");
  for (int64_t version : made.versions)
    if (version <= 0)
      return modelError(model, "model_version_policy.specific: " + std::to_string(version) +
                                   " is no version");
  return made;
}

Result<ModelEntry> toEntry(const tensorflow::serving::ModelConfig &config,
                           const ModelConfig &defaults) {
  ModelEntry entry{config.name(), config.base_path(), defaults};
  if (entry.name.empty())
    return Status(StatusCode::InvalidArgument, "a model has no name");
  if (entry.directory.empty())
    return modelError(entry.name, "has no base_path");
  // Files for TF Serving say "tensorflow", whatever the versions are compiled from.
  if (const std::string &platform = config.model_platform();
      !platform.empty() && platform != "tensorflow" && platform != "ingot")
    return modelError(entry.name, "model_platform '" + platform +
                                      "' is not served; leave it out, or write \"ingot\"");
  if (config.model_type() == tensorflow::serving::OTHER)
    return modelError(entry.name, "model_type OTHER is not served; leave it out");
  if (config.has_logging_config())
    return modelError(entry.name, "logging_config is not served; leave it out");
  INGOT_ASSIGN_OR_RETURN(entry.config.versions,
                         toPolicy(entry.name, config.model_version_policy(), defaults.versions));
  for (const auto &[label, version] : config.version_labels()) {
    if (label.empty() || version <= 0)
      return modelError(entry.name, "version_labels: '" + label + "' for version " +
                                        std::to_string(version) + " cannot be");
    entry.config.labels[label] = version;
  }
  return entry;
}

Status wrongValue(const char *field, int64_t value, const char *must) {
  return Status(StatusCode::InvalidArgument,
                std::string(field) + " is " + std::to_string(value) + ", but must be " + must);
}

Status checkAllowedSizes(const BatchingParameters &parameters) {
  int64_t last = 0;
  for (int64_t size : parameters.allowed_batch_sizes()) {
    if (size <= last)
      return Status(StatusCode::InvalidArgument,
                    "allowed_batch_sizes must be in increasing order, and positive");
    last = size;
  }
  if (last != 0 && parameters.has_max_batch_size() && last != parameters.max_batch_size().value())
    return wrongValue("the last of allowed_batch_sizes", last, "max_batch_size");
  return Status();
}

} // namespace

Result<std::vector<ModelEntry>> toModelEntries(const ModelServerConfig &config,
                                               const ModelConfig &defaults) {
  if (config.config_case() == ModelServerConfig::kCustomModelConfig)
    return Status(StatusCode::InvalidArgument,
                  "custom_model_config is not served; use model_config_list");
  std::vector<ModelEntry> entries;
  std::set<std::string> names;
  for (const auto &model : config.model_config_list().config()) {
    INGOT_ASSIGN_OR_RETURN(ModelEntry entry, toEntry(model, defaults));
    if (!names.insert(entry.name).second)
      return modelError(entry.name, "is there twice");
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<ModelEntry>> parseModelConfigFile(const std::string &text,
                                                     const ModelConfig &defaults) {
  ModelServerConfig config;
  INGOT_RETURN_IF_ERROR(parseText(text, config));
  return toModelEntries(config, defaults);
}

Result<QueueOptions> parseBatchingParameters(const std::string &text,
                                             const QueueOptions &defaults) {
  BatchingParameters parameters;
  INGOT_RETURN_IF_ERROR(parseText(text, parameters));
  INGOT_RETURN_IF_ERROR(checkAllowedSizes(parameters));
  QueueOptions options = defaults;
  if (parameters.has_max_batch_size()) {
    options.maxBatchRows = parameters.max_batch_size().value();
    if (options.maxBatchRows < 1)
      return wrongValue("max_batch_size", options.maxBatchRows, "at least 1");
  }
  if (parameters.has_max_execution_batch_size()) { // of a run, where a request may be larger
    options.maxBatchRows = parameters.max_execution_batch_size().value();
    if (options.maxBatchRows < 1)
      return wrongValue("max_execution_batch_size", options.maxBatchRows, "at least 1");
  }
  if (parameters.has_batch_timeout_micros()) {
    options.maxDelay = std::chrono::microseconds(parameters.batch_timeout_micros().value());
    if (options.maxDelay.count() < 0)
      return wrongValue("batch_timeout_micros", options.maxDelay.count(), "0 or more");
  }
  if (parameters.has_num_batch_threads()) {
    const int64_t threads = parameters.num_batch_threads().value();
    if (threads < 1 || threads > std::numeric_limits<int>::max())
      return wrongValue("num_batch_threads", threads, "at least 1");
    options.maxRuns = static_cast<int>(threads);
  }
  if (parameters.has_max_enqueued_batches()) {
    const int64_t batches = parameters.max_enqueued_batches().value();
    if (batches < 1)
      return wrongValue("max_enqueued_batches", batches, "at least 1");
    // A batch may be of requests of one row each.
    const int64_t rows = std::max<int64_t>(1, options.maxBatchRows);
    options.maxQueued = batches > std::numeric_limits<int64_t>::max() / rows
                            ? std::numeric_limits<int64_t>::max()
                            : batches * rows;
  }
  return options;
}

} // namespace ingot::serve
