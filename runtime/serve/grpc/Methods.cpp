// See Methods.h.
#include "runtime/serve/grpc/Methods.h"

namespace ingot::serve {

int RawService::add(const char *path, bool isStream) {
  using grpc::internal::RpcMethod;
  AddMethod(new grpc::internal::RpcServiceMethod(
      path, isStream ? RpcMethod::BIDI_STREAMING : RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodRaw(count_);
  return count_++;
}

Method &Methods::add(const google::protobuf::ServiceDescriptor &service, const char *name) {
  if (services_.empty() || services_.back().descriptor != &service) {
    services_.emplace_back();
    services_.back().descriptor = &service;
    names_.push_back(service.full_name());
  }
  Method &method = methods_.emplace_back();
  method.path = "/" + service.full_name() + "/" + name;
  method.service = &services_.back().service;
  return method;
}

void Methods::addUnary(const google::protobuf::ServiceDescriptor &service, const char *name,
                       ApiGroup group, const char *api, Method::Kind kind,
                       void (*run)(UnaryCall &)) {
  Method &method = add(service, name);
  method.group = group;
  method.api = api;
  method.kind = kind;
  method.run = run;
  method.index = method.service->add(method.path.c_str(), false);
}

void Methods::addStream(const google::protobuf::ServiceDescriptor &service, const char *name,
                        ApiGroup group, const char *api, decltype(Method::makeStream) make) {
  Method &method = add(service, name);
  method.group = group;
  method.api = api;
  method.kind = Method::Kind::Inference;
  method.makeStream = make;
  method.index = method.service->add(method.path.c_str(), true);
}

void Methods::registerAt(grpc::ServerBuilder &builder) {
  for (Entry &entry : services_)
    builder.RegisterService(&entry.service);
}

} // namespace ingot::serve
