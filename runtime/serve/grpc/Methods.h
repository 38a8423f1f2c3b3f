// Methods: which calls the server takes, and what it does with each. Services are registered by
// their descriptors and take messages as bytes, so that one kind of call serves all methods.
#ifndef INGOT_RUNTIME_SERVE_GRPC_METHODS_H
#define INGOT_RUNTIME_SERVE_GRPC_METHODS_H

#include "runtime/serve/inference/AccessControl.h"

#include <deque>
#include <functional>
#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_builder.h>
#include <memory>
#include <string>
#include <vector>

namespace ingot::serve {

class Calls;
class UnaryCall;
class StreamCall;
struct Method;

/// A service whose messages stay bytes.
class RawService : public grpc::Service {
public:
  /// `path` lives as long as this. Returns the method's index.
  int add(const char *path, bool isStream);
  template <typename Message, typename Stream>
  void requestUnary(int index, grpc::ServerContext *context, Message *message, Stream *stream,
                    grpc::ServerCompletionQueue *queue, void *tag) {
    RequestAsyncUnary(index, context, message, stream, queue, queue, tag);
  }
  template <typename Stream>
  void requestStream(int index, grpc::ServerContext *context, Stream *stream,
                     grpc::ServerCompletionQueue *queue, void *tag) {
    RequestAsyncBidiStreaming(index, context, stream, queue, queue, tag);
  }

private:
  int count_ = 0;
};

struct Method {
  enum class Kind {
    Quick,     ///< answered at once
    Inference, ///< runs a model: may be cancelled, and many of them wait at the same time
    Slow       ///< may take long: on a thread of its own
  };
  std::string path; ///< "/inference.GRPCInferenceService/ModelInfer"
  ApiGroup group = ApiGroup::Inference;
  const char *api = ""; ///< RequestRecord::api
  Kind kind = Kind::Quick;
  void (*run)(UnaryCall &call) = nullptr; ///< of a unary method
  /// Of one with streams: a call that waits for a client. New by new, deletes itself.
  StreamCall *(*makeStream)(Calls &calls, const Method &method,
                            grpc::ServerCompletionQueue &queue) = nullptr;
  RawService *service = nullptr;
  int index = 0; ///< of the service
};

/// All methods; complete before the server starts, and then constant.
class Methods {
public:
  /// `name` is a method of the service.
  void addUnary(const google::protobuf::ServiceDescriptor &service, const char *name,
                ApiGroup group, const char *api, Method::Kind kind, void (*run)(UnaryCall &));
  void addStream(const google::protobuf::ServiceDescriptor &service, const char *name,
                 ApiGroup group, const char *api, decltype(Method::makeStream) make);
  void registerAt(grpc::ServerBuilder &builder);
  const std::deque<Method> &all() const { return methods_; }
  /// Full names.
  const std::vector<std::string> &serviceNames() const { return names_; }

private:
  Method &add(const google::protobuf::ServiceDescriptor &service, const char *name);
  struct Entry {
    const google::protobuf::ServiceDescriptor *descriptor;
    RawService service;
  };
  std::deque<Entry> services_;
  std::vector<std::string> names_; ///< of these
  std::deque<Method> methods_;     // a deque: paths stay where they are
};

// Each file of methods adds its own.
void addPredictionService(Methods &methods);
void addModelService(Methods &methods);
void addInferenceService(Methods &methods);
void addHealthService(Methods &methods);
void addReflectionService(Methods &methods);

} // namespace ingot::serve

#endif
