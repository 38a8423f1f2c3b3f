// ModelService: the state of models' versions, and which models there are. See Methods.h.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/ConfigFiles.h"
#include "runtime/serve/grpc/ModelSpecs.h"
#include "runtime/serve/grpc/proto/model_service.pb.h"

#include <algorithm>
#include <filesystem>

namespace ingot::serve {

using tensorflow::serving::GetModelStatusRequest;
using tensorflow::serving::GetModelStatusResponse;
using tensorflow::serving::ModelVersionStatus;
using tensorflow::serving::ReloadConfigRequest;
using tensorflow::serving::ReloadConfigResponse;
using tensorflow::serving::StatusProto;

namespace {

void fill(const Status &status, StatusProto &proto) {
  proto.set_error_code(static_cast<tensorflow::error::Code>(toGrpc(status.code())));
  proto.set_error_message(status.message());
}

bool isChosen(const VersionStatus &version, const VersionChoice &choice) {
  switch (choice.kind) {
  case VersionChoice::Kind::Latest:
    return true; // all
  case VersionChoice::Kind::Number:
    return version.version == choice.number;
  case VersionChoice::Kind::Label:
    return std::find(version.labels.begin(), version.labels.end(), choice.label) !=
           version.labels.end();
  }
  return false;
}

Status getModelStatus(UnaryCall &call, const GetModelStatusRequest &request,
                      GetModelStatusResponse &reply) {
  call.record().model = request.model_spec().name();
  INGOT_ASSIGN_OR_RETURN(const VersionChoice choice, versionOf(request.model_spec()));
  INGOT_ASSIGN_OR_RETURN(const ModelStatus status,
                         call.context().repository.status(request.model_spec().name()));
  // The newest first, as TF Serving has them.
  for (auto version = status.versions.rbegin(); version != status.versions.rend(); ++version) {
    if (!isChosen(*version, choice))
      continue;
    ModelVersionStatus &added = *reply.add_model_version_status();
    added.set_version(version->version);
    added.set_state(static_cast<ModelVersionStatus::State>(version->state));
    fill(version->error, *added.mutable_status());
  }
  if (reply.model_version_status().empty() && choice.kind != VersionChoice::Kind::Latest)
    return call.context().repository.find(request.model_spec().name(), choice).status();
  return Status();
}

/// A model's files are run: on an open port no stranger says where they lie.
Status checkDirectory(const ServerContext &context, const ModelEntry &entry) {
  if (context.takesAnyDirectory)
    return Status();
  // Links are followed, and ".." does not lead out.
  std::error_code error;
  const auto wanted = std::filesystem::weakly_canonical(entry.directory, error);
  for (const std::string &directory : context.modelDirectories) {
    const auto allowed = std::filesystem::canonical(directory, error);
    if (error)
      continue;
    if (std::mismatch(allowed.begin(), allowed.end(), wanted.begin(), wanted.end()).first ==
        allowed.end())
      return Status();
  }
  return Status(StatusCode::InvalidArgument,
                "model '" + entry.name + "': base_path '" + entry.directory +
                    "' is in none of the server's model repositories; others are taken where the "
                    "server has a --model-config-file, or tokens for the group 'repository'");
}

Status handleReloadConfig(UnaryCall &call, const ReloadConfigRequest &request,
                          ReloadConfigResponse &reply) {
  if (!request.config().has_model_config_list())
    return Status(StatusCode::InvalidArgument, "config has no model_config_list");
  INGOT_ASSIGN_OR_RETURN(const std::vector<ModelEntry> entries,
                         toModelEntries(request.config(), call.context().modelDefaults));
  if (entries.empty())
    return Status(StatusCode::InvalidArgument,
                  "model_config_list names no model, which would unload all: name those that stay");
  for (const ModelEntry &entry : entries)
    INGOT_RETURN_IF_ERROR(checkDirectory(call.context(), entry));
  INGOT_RETURN_IF_ERROR(call.context().repository.replaceModels(entries));
  fill(Status(), *reply.mutable_status());
  return Status();
}

} // namespace

void addModelService(Methods &methods) {
  const auto &service =
      *GetModelStatusRequest::descriptor()->file()->FindServiceByName("ModelService");
  methods.addUnary(service, "GetModelStatus", ApiGroup::Metadata, "status", Method::Kind::Quick,
                   answer<GetModelStatusRequest, GetModelStatusResponse, getModelStatus>);
  methods.addUnary(service, "HandleReloadConfigRequest", ApiGroup::Repository, "reload",
                   Method::Kind::Slow,
                   answer<ReloadConfigRequest, ReloadConfigResponse, handleReloadConfig>);
}

} // namespace ingot::serve
