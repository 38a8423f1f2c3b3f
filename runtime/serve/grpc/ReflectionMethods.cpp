// grpc.reflection, v1 and v1alpha: which services there are, and the files that describe them.
// gRPC's own plugin would bring threads of the synchronous kind, which poll beside ours, and knows
// no access control. See Methods.h.
#include "runtime/serve/grpc/Calls.h"
#include "runtime/serve/grpc/proto/reflection_v1.pb.h"
#include "runtime/serve/grpc/proto/reflection_v1alpha.pb.h"

#include <google/protobuf/descriptor.pb.h>
#include <set>

namespace ingot::serve {

namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

/// The file and those that it needs, each after those that need it.
void addFiles(const FileDescriptor &file, std::set<const FileDescriptor *> &added,
              google::protobuf::RepeatedPtrField<std::string> &files) {
  if (!added.insert(&file).second)
    return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  files.Add(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i)
    addFiles(*file.dependency(i), added, files);
}

template <typename Request, typename Reply> class Reflection final : public StreamCall {
public:
  using StreamCall::StreamCall;

private:
  void onMessage(grpc::ByteBuffer message) override {
    taken();
    Request request;
    const Status status = parse(message, context().limits.decompressedBytes, request);
    if (!status.isOk())
      return finish(toGrpc(status));
    Reply reply;
    reply.set_valid_host(request.host());
    *reply.mutable_original_request() = request;
    answer(request, reply);
    write(serialize(reply));
    read();
  }

  void onLastMessage() override { finish(grpc::Status::OK); }

  void answer(const Request &request, Reply &reply) {
    const DescriptorPool &pool = *DescriptorPool::generated_pool();
    switch (request.message_request_case()) {
    case Request::kListServices:
      for (const std::string &name : calls().methods().serviceNames())
        reply.mutable_list_services_response()->add_service()->set_name(name);
      return;
    case Request::kFileByFilename:
      return describe(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(),
                      reply);
    case Request::kFileContainingSymbol:
      return describe(pool.FindFileContainingSymbol(request.file_containing_symbol()),
                      request.file_containing_symbol(), reply);
    case Request::kAllExtensionNumbersOfType:
      if (!pool.FindMessageTypeByName(request.all_extension_numbers_of_type()))
        return fail(grpc::StatusCode::NOT_FOUND,
                    "there is no '" + request.all_extension_numbers_of_type() + "'", reply);
      reply.mutable_all_extension_numbers_response()->set_base_type_name(
          request.all_extension_numbers_of_type()); // which has none
      return;
    case Request::kFileContainingExtension:
      return fail(grpc::StatusCode::NOT_FOUND, "there are no extensions", reply);
    case Request::MESSAGE_REQUEST_NOT_SET:
      break;
    }
    fail(grpc::StatusCode::INVALID_ARGUMENT, "the request asks for nothing", reply);
  }

  static void describe(const FileDescriptor *file, const std::string &name, Reply &reply) {
    if (!file)
      return fail(grpc::StatusCode::NOT_FOUND, "there is no '" + name + "'", reply);
    std::set<const FileDescriptor *> added;
    addFiles(*file, added,
             *reply.mutable_file_descriptor_response()->mutable_file_descriptor_proto());
  }

  static void fail(grpc::StatusCode code, const std::string &message, Reply &reply) {
    reply.mutable_error_response()->set_error_code(code);
    reply.mutable_error_response()->set_error_message(message);
  }
};

template <typename Request, typename Reply> void add(Methods &methods) {
  const auto &service = *Request::descriptor()->file()->FindServiceByName("ServerReflection");
  methods.addStream(
      service, "ServerReflectionInfo", ApiGroup::Metadata, "reflection",
      [](Calls &calls, const Method &method, grpc::ServerCompletionQueue &queue) -> StreamCall * {
        return new Reflection<Request, Reply>(calls, method, queue);
      });
}

} // namespace

void addReflectionService(Methods &methods) {
  add<grpc::reflection::v1::ServerReflectionRequest,
      grpc::reflection::v1::ServerReflectionResponse>(methods);
  add<grpc::reflection::v1alpha::ServerReflectionRequest,
      grpc::reflection::v1alpha::ServerReflectionResponse>(methods);
}

} // namespace ingot::serve
