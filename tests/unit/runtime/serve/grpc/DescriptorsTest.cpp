// Our messages are those of TF Serving, Triton and gRPC: names, numbers, types. descriptors.txt has
// theirs, from their own packages (extract_descriptors.py).
#include "runtime/serve/grpc/proto/health.pb.h"
#include "runtime/serve/grpc/proto/model_service.pb.h"
#include "runtime/serve/grpc/proto/open_inference.pb.h"
#include "runtime/serve/grpc/proto/prediction_service.pb.h"
#include "runtime/serve/grpc/proto/reflection_v1.pb.h"
#include "runtime/serve/grpc/proto/reflection_v1alpha.pb.h"
#include "runtime/serve/grpc/proto/tensorflow_error.pb.h"

#include <fstream>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <set>

namespace {

using namespace google::protobuf;
using Lines = std::set<std::string>;

void addEnum(const EnumDescriptor &type, Lines &lines) {
  for (int i = 0; i < type.value_count(); ++i)
    lines.insert(type.full_name() + " " + type.value(i)->name() + " = " +
                 std::to_string(type.value(i)->number()));
}

std::string typeOf(const FieldDescriptor &field) {
  if (field.message_type())
    return field.message_type()->full_name();
  return field.enum_type() ? field.enum_type()->full_name() : field.type_name();
}

void addMessage(const Descriptor &type, Lines &lines) {
  lines.insert(type.full_name());
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor &field = *type.field(i);
    lines.insert(type.full_name() + (field.is_repeated() ? " repeated " : " ") + typeOf(field) +
                 " " + field.name() + " = " + std::to_string(field.number()));
  }
  for (int i = 0; i < type.nested_type_count(); ++i)
    addMessage(*type.nested_type(i), lines);
  for (int i = 0; i < type.enum_type_count(); ++i)
    addEnum(*type.enum_type(i), lines);
}

Lines linesOf(const FileDescriptor &file) {
  Lines lines;
  for (int i = 0; i < file.message_type_count(); ++i)
    addMessage(*file.message_type(i), lines);
  for (int i = 0; i < file.enum_type_count(); ++i)
    addEnum(*file.enum_type(i), lines);
  for (int i = 0; i < file.service_count(); ++i)
    for (int k = 0; k < file.service(i)->method_count(); ++k) {
      const MethodDescriptor &method = *file.service(i)->method(k);
      lines.insert(file.service(i)->full_name() + " " + method.name() + "(" +
                   (method.client_streaming() ? "stream " : "") + method.input_type()->full_name() +
                   ") " + (method.server_streaming() ? "stream " : "") +
                   method.output_type()->full_name());
    }
  return lines;
}

Lines theirs() {
  std::ifstream file(INGOT_DESCRIPTORS);
  Lines lines;
  for (std::string line; std::getline(file, line);)
    lines.insert(line);
  EXPECT_GT(lines.size(), 500u);
  return lines;
}

TEST(DescriptorsTest, OurMessagesAreTheirs) {
  const Lines known = theirs();
  for (const FileDescriptor *file :
       {tensorflow::TensorProto::descriptor()->file(),
        tensorflow::serving::PredictRequest::descriptor()->file(),
        tensorflow::serving::GetModelStatusRequest::descriptor()->file(),
        tensorflow::serving::ModelServerConfig::descriptor()->file(),
        tensorflow::error::Code_descriptor()->file(),
        inference::ModelInferRequest::descriptor()->file(),
        inference::ModelConfig::descriptor()->file(),
        grpc::health::v1::HealthCheckRequest::descriptor()->file(),
        grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file()})
    for (const std::string &line : linesOf(*file)) {
      // Of a file that clients never send; TF Serving's package lacks it
      // (session_bundle_config.proto).
      if (line.rfind("tensorflow.serving.BatchingParameters", 0) != 0)
        EXPECT_TRUE(known.count(line)) << file->name() << " has: " << line;
    }
}

TEST(DescriptorsTest, EveryCallOfTheProtocolsIsThere) {
  Lines ours;
  for (const FileDescriptor *file :
       {tensorflow::serving::PredictRequest::descriptor()->file(),
        tensorflow::serving::GetModelStatusRequest::descriptor()->file(),
        inference::ModelInferRequest::descriptor()->file(),
        grpc::health::v1::HealthCheckRequest::descriptor()->file()})
    ours.merge(linesOf(*file));
  for (const std::string &line : theirs()) {
    const bool isCall = line.find('(') != std::string::npos;
    if (isCall && line.rfind("grpc.reflection", 0) != 0)
      EXPECT_TRUE(ours.count(line)) << line;
  }
}

TEST(DescriptorsTest, BothVersionsOfReflectionAreAlike) {
  std::string text;
  for (const std::string &line :
       linesOf(*grpc::reflection::v1::ServerReflectionRequest::descriptor()->file()))
    text += line + "\n";
  for (size_t at = 0; (at = text.find(".v1.", at)) != std::string::npos;)
    text.replace(at, 4, ".v1alpha.");
  std::string other;
  for (const std::string &line :
       linesOf(*grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file()))
    other += line + "\n";
  EXPECT_EQ(text, other);
}

} // namespace
