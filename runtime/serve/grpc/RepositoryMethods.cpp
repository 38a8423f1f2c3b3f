// GRPCInferenceService: the model repository, and shared memory.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/ModelDescriptions.h"
#include "runtime/serve/grpc/ServerMethods.h"

#include <optional>

namespace ingot::serve {

using namespace inference; // NOLINT: the messages of this service, by their names

namespace {

Status repositoryIndex(UnaryCall &call, const RepositoryIndexRequest &request,
                       RepositoryIndexResponse &reply) {
  encode(describeIndex(call.context().repository, request.ready()), reply);
  return Status();
}

Status loadModel(UnaryCall &call, const RepositoryModelLoadRequest &request,
                 RepositoryModelLoadResponse &) {
  call.record().model = request.model_name();
  std::optional<serve::ModelConfig> config;
  for (const auto &[name, value] : request.parameters()) {
    if (name == "config") {
      if (!value.has_string_param())
        return Status(StatusCode::InvalidArgument,
                      "parameter 'config' must be a string: the model's config as JSON");
      INGOT_ASSIGN_OR_RETURN(config,
                             parseModelConfig(value.string_param(), call.context().modelDefaults));
    } else if (name.rfind("file:", 0) == 0) {
      return Status(StatusCode::Unsupported, "files of a model are not taken over the network ('" +
                                                 name.substr(0, 60) +
                                                 "'): put them into the model repository");
    }
  }
  return call.context().repository.load(request.model_name(), config);
}

Status unloadModel(UnaryCall &call, const RepositoryModelUnloadRequest &request,
                   RepositoryModelUnloadResponse &) {
  call.record().model = request.model_name();
  return call.context().repository.unload(request.model_name());
}

Status memoryStatus(UnaryCall &call, const SystemSharedMemoryStatusRequest &request,
                    SystemSharedMemoryStatusResponse &reply) {
  INGOT_ASSIGN_OR_RETURN(const auto regions, call.context().sharedMemory.list(request.name()));
  for (const auto &region : regions) {
    auto &added = (*reply.mutable_regions())[region->name];
    added.set_name(region->name);
    added.set_key(region->key);
    added.set_offset(region->offset);
    added.set_byte_size(region->bytes);
  }
  return Status();
}

Status registerMemory(UnaryCall &call, const SystemSharedMemoryRegisterRequest &request,
                      SystemSharedMemoryRegisterResponse &) {
  if (request.name().empty() || request.key().empty())
    return Status(StatusCode::InvalidArgument,
                  "a shared memory region needs a name and the key of its object");
  return call.context().sharedMemory.add(request.name(), request.key(), request.offset(),
                                         request.byte_size());
}

Status unregisterMemory(UnaryCall &call, const SystemSharedMemoryUnregisterRequest &request,
                        SystemSharedMemoryUnregisterResponse &) {
  call.context().sharedMemory.remove(request.name());
  return Status();
}

// There is none: nothing is registered, and clients clean up before and after.
Status noCudaMemory(UnaryCall &, const CudaSharedMemoryStatusRequest &,
                    CudaSharedMemoryStatusResponse &) {
  return Status();
}
Status refuseCudaMemory(UnaryCall &, const CudaSharedMemoryRegisterRequest &,
                        CudaSharedMemoryRegisterResponse &) {
  return Status(StatusCode::Unsupported, "there is no CUDA memory here: use system shared memory");
}
Status forgetCudaMemory(UnaryCall &, const CudaSharedMemoryUnregisterRequest &,
                        CudaSharedMemoryUnregisterResponse &) {
  return Status();
}

} // namespace

void addRepositoryMethods(Methods &methods, const google::protobuf::ServiceDescriptor &service) {
  constexpr auto quick = Method::Kind::Quick, slow = Method::Kind::Slow;
  constexpr auto repository = ApiGroup::Repository, memory = ApiGroup::SharedMemory;
  methods.addUnary(service, "RepositoryIndex", repository, "index", quick,
                   answer<RepositoryIndexRequest, RepositoryIndexResponse, repositoryIndex>);
  methods.addUnary(service, "RepositoryModelLoad", repository, "load", slow,
                   answer<RepositoryModelLoadRequest, RepositoryModelLoadResponse, loadModel>);
  methods.addUnary(
      service, "RepositoryModelUnload", repository, "unload", slow,
      answer<RepositoryModelUnloadRequest, RepositoryModelUnloadResponse, unloadModel>);
  methods.addUnary(
      service, "SystemSharedMemoryStatus", memory, "shared_memory", quick,
      answer<SystemSharedMemoryStatusRequest, SystemSharedMemoryStatusResponse, memoryStatus>);
  methods.addUnary(service, "SystemSharedMemoryRegister", memory, "shared_memory", quick,
                   answer<SystemSharedMemoryRegisterRequest, SystemSharedMemoryRegisterResponse,
                          registerMemory>);
  methods.addUnary(service, "SystemSharedMemoryUnregister", memory, "shared_memory", quick,
                   answer<SystemSharedMemoryUnregisterRequest, SystemSharedMemoryUnregisterResponse,
                          unregisterMemory>);
  methods.addUnary(
      service, "CudaSharedMemoryStatus", memory, "shared_memory", quick,
      answer<CudaSharedMemoryStatusRequest, CudaSharedMemoryStatusResponse, noCudaMemory>);
  methods.addUnary(
      service, "CudaSharedMemoryRegister", memory, "shared_memory", quick,
      answer<CudaSharedMemoryRegisterRequest, CudaSharedMemoryRegisterResponse, refuseCudaMemory>);
  methods.addUnary(service, "CudaSharedMemoryUnregister", memory, "shared_memory", quick,
                   answer<CudaSharedMemoryUnregisterRequest, CudaSharedMemoryUnregisterResponse,
                          forgetCudaMemory>);
}

} // namespace ingot::serve
