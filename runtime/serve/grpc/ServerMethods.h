// The methods of GRPCInferenceService that run no model.
#ifndef INGOT_RUNTIME_SERVE_GRPC_SERVERMETHODS_H
#define INGOT_RUNTIME_SERVE_GRPC_SERVERMETHODS_H

#include "runtime/serve/grpc/Methods.h"

namespace ingot::serve {

/// Health, metadata, config, statistics, settings.
void addServerMethods(Methods &methods, const google::protobuf::ServiceDescriptor &service);
/// Index, load, unload; shared memory.
void addRepositoryMethods(Methods &methods, const google::protobuf::ServiceDescriptor &service);
/// ModelStreamInfer.
void addStreamInfer(Methods &methods, const google::protobuf::ServiceDescriptor &service);

} // namespace ingot::serve

#endif
