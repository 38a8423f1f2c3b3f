// See ModelSpecs.h.
#include "runtime/serve/grpc/ModelSpecs.h"

namespace ingot::serve {

using tensorflow::serving::ModelSpec;

Result<VersionChoice> versionOf(const ModelSpec &spec) {
  if (spec.name().empty())
    return Status(StatusCode::InvalidArgument, "model_spec has no name of a model");
  switch (spec.version_choice_case()) {
  case ModelSpec::kVersion:
    if (spec.version().value() < 0)
      return Status(StatusCode::InvalidArgument, "model_spec.version " +
                                                     std::to_string(spec.version().value()) +
                                                     " is negative");
    return spec.version().value() == 0 ? VersionChoice::latest()
                                       : VersionChoice::of(spec.version().value());
  case ModelSpec::kVersionLabel:
    return VersionChoice::labelled(spec.version_label());
  case ModelSpec::VERSION_CHOICE_NOT_SET:
    break;
  }
  return VersionChoice::latest();
}

Result<InferenceService::Target> resolve(const InferenceService &service, const ModelSpec &spec) {
  INGOT_ASSIGN_OR_RETURN(const VersionChoice choice, versionOf(spec));
  return service.resolve(spec.name(), choice, spec.signature_name());
}

void describe(const ModelVersion &model, const std::string &signature, ModelSpec &spec) {
  spec.set_name(model.model);
  spec.mutable_version()->set_value(model.version);
  spec.set_signature_name(signature.empty() ? "serving_default" : signature);
}

} // namespace ingot::serve
