// GRPCInferenceService: what the server and its models are, and whether they are ready.
#include "runtime/serve/grpc/ServerMethods.h"

#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/ModelDescriptions.h"
#include "runtime/serve/grpc/OpenInference.h"

namespace ingot::serve {

using namespace inference; // NOLINT: the messages of this service, by their names

namespace {

using Model = std::shared_ptr<const serve::ModelVersion>;

/// The model that a request of `name` and `version` is about.
template <typename Request> Result<Model> findModel(UnaryCall &call, const Request &request) {
  call.record().model = request.name();
  INGOT_ASSIGN_OR_RETURN(const VersionChoice choice, parseVersion(request.version()));
  INGOT_ASSIGN_OR_RETURN(Model model, call.context().repository.find(request.name(), choice));
  call.record().version = model->version;
  return model;
}

Status serverLive(UnaryCall &, const ServerLiveRequest &, ServerLiveResponse &reply) {
  reply.set_live(true);
  return Status();
}

Status serverReady(UnaryCall &call, const ServerReadyRequest &, ServerReadyResponse &reply) {
  reply.set_ready(call.context().isReady());
  return Status();
}

/// Not to be ready is an answer, no error; nor is it to be unknown, as in Triton.
Status modelReady(UnaryCall &call, const ModelReadyRequest &request, ModelReadyResponse &reply) {
  const Result<Model> model = findModel(call, request);
  if (model.status().code() == StatusCode::InvalidArgument)
    return model.status();
  reply.set_ready(model.isOk() && !call.context().lifecycle.isDraining());
  return Status();
}

Status serverMetadata(UnaryCall &call, const ServerMetadataRequest &,
                      ServerMetadataResponse &reply) {
  reply.set_name(call.context().name);
  reply.set_version(call.context().version);
  for (const char *extension : openInferenceExtensions)
    reply.add_extensions(extension);
  return Status();
}

Status modelMetadata(UnaryCall &call, const ModelMetadataRequest &request,
                     ModelMetadataResponse &reply) {
  INGOT_ASSIGN_OR_RETURN(const Model model, findModel(call, request));
  encode(describeMetadata(call.context().repository, *model), reply);
  return Status();
}

Status modelConfig(UnaryCall &call, const ModelConfigRequest &request, ModelConfigResponse &reply) {
  INGOT_ASSIGN_OR_RETURN(const Model model, findModel(call, request));
  encode(describeConfig(*model), *reply.mutable_config());
  return Status();
}

/// Of one version, of those of one model, or of all.
Status modelStatistics(UnaryCall &call, const ModelStatisticsRequest &request,
                       ModelStatisticsResponse &reply) {
  call.record().model = request.name();
  INGOT_ASSIGN_OR_RETURN(const VersionChoice choice, parseVersion(request.version()));
  INGOT_ASSIGN_OR_RETURN(const auto versions,
                         chooseForStatistics(call.context().repository, request.name(), choice));
  for (const Model &model : versions)
    encode(describeStatistics(*model), *reply.add_model_stats());
  return Status();
}

/// Triton's clients ask what can be set; here it is set when the server starts.
template <typename Request, typename Reply>
Status settings(UnaryCall &, const Request &request, Reply &) {
  if (request.settings().empty())
    return Status();
  return Status(StatusCode::Unsupported, "'" + request.settings().begin()->first +
                                             "' cannot be set by clients: traces and logs are set "
                                             "by options of the server");
}

} // namespace

void addServerMethods(Methods &methods, const google::protobuf::ServiceDescriptor &service) {
  constexpr auto quick = Method::Kind::Quick;
  methods.addUnary(service, "ServerLive", ApiGroup::Health, "health", quick,
                   answer<ServerLiveRequest, ServerLiveResponse, serverLive>);
  methods.addUnary(service, "ServerReady", ApiGroup::Health, "health", quick,
                   answer<ServerReadyRequest, ServerReadyResponse, serverReady>);
  methods.addUnary(service, "ModelReady", ApiGroup::Health, "health", quick,
                   answer<ModelReadyRequest, ModelReadyResponse, modelReady>);
  methods.addUnary(service, "ServerMetadata", ApiGroup::Metadata, "metadata", quick,
                   answer<ServerMetadataRequest, ServerMetadataResponse, serverMetadata>);
  methods.addUnary(service, "ModelMetadata", ApiGroup::Metadata, "metadata", quick,
                   answer<ModelMetadataRequest, ModelMetadataResponse, modelMetadata>);
  methods.addUnary(service, "ModelConfig", ApiGroup::Metadata, "config", quick,
                   answer<ModelConfigRequest, ModelConfigResponse, modelConfig>);
  methods.addUnary(service, "ModelStatistics", ApiGroup::Statistics, "statistics", quick,
                   answer<ModelStatisticsRequest, ModelStatisticsResponse, modelStatistics>);
  methods.addUnary(service, "TraceSetting", ApiGroup::Statistics, "settings", quick,
                   answer<TraceSettingRequest, TraceSettingResponse,
                          settings<TraceSettingRequest, TraceSettingResponse>>);
  methods.addUnary(service, "LogSettings", ApiGroup::Statistics, "settings", quick,
                   answer<LogSettingsRequest, LogSettingsResponse,
                          settings<LogSettingsRequest, LogSettingsResponse>>);
}

} // namespace ingot::serve
