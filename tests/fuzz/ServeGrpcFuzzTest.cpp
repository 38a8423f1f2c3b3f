// Damaged requests of both gRPC protocols, through parsing and conversion and without a network:
// whatever the bytes, the answer is inputs that may be read to their last byte, or a message.
// Messages are changed field by field, which keeps them parseable, and then as bytes.
// INGOT_FUZZ_RUNS sets how many a case, INGOT_FUZZ_FIRST the first seed.
#include "../unit/runtime/data/Helpers.h"
#include "runtime/serve/grpc/ConfigFiles.h"
#include "runtime/serve/grpc/OpenInference.h"
#include "runtime/serve/grpc/Predict.h"
#include "runtime/serve/grpc/TensorProtos.h"

#include <cstdlib>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <random>

namespace {

using namespace ingot;
using namespace ingot::serve;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using inference::ModelInferRequest;
using ingot::test::mutate;
using tensorflow::serving::PredictRequest;
using Random = std::mt19937_64;

constexpr uint64_t limit = 1 << 20;

uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

int64_t interesting(Random &random) {
  static constexpr int64_t values[] = {
      0, 1, 2, 3, -1, 7, 255, 65536, 1LL << 31, 1LL << 40, 1LL << 61, INT64_MIN, INT64_MAX, 19, 14};
  return values[random() % std::size(values)];
}

void setField(Message &message, const FieldDescriptor &field, Random &random);

/// Changes one field somewhere in the message.
void change(Message &message, Random &random, int depth = 0) {
  const auto &type = *message.GetDescriptor();
  if (type.field_count() == 0)
    return;
  const Reflection &reflection = *message.GetReflection();
  const FieldDescriptor &field = *type.field(static_cast<int>(random() % type.field_count()));
  const bool isMessage = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (field.is_repeated()) {
    const int size = reflection.FieldSize(message, &field);
    switch (random() % 4) {
    case 0:
      if (size > 0)
        return reflection.RemoveLast(&message, &field);
      break;
    case 1:
      return reflection.ClearField(&message, &field);
    default:
      break;
    }
    if (!isMessage)
      return setField(message, field, random);
    Message *part =
        size > 0 && random() % 4 != 0
            ? reflection.MutableRepeatedMessage(&message, &field, static_cast<int>(random() % size))
            : reflection.AddMessage(&message, &field);
    return change(*part, random, depth + 1);
  }
  if (random() % 8 == 0)
    return reflection.ClearField(&message, &field);
  if (isMessage)
    return depth < 8 ? change(*reflection.MutableMessage(&message, &field), random, depth + 1)
                     : void();
  setField(message, field, random);
}

void setField(Message &message, const FieldDescriptor &field, Random &random) {
  const Reflection &reflection = *message.GetReflection();
  const int64_t number = interesting(random);
  const auto set = [&](auto setter, auto adder, auto value) {
    if (field.is_repeated())
      (reflection.*adder)(&message, &field, value);
    else
      (reflection.*setter)(&message, &field, value);
  };
  switch (field.cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32:
    return set(&Reflection::SetInt32, &Reflection::AddInt32, static_cast<int32_t>(number));
  case FieldDescriptor::CPPTYPE_INT64:
    return set(&Reflection::SetInt64, &Reflection::AddInt64, number);
  case FieldDescriptor::CPPTYPE_UINT32:
    return set(&Reflection::SetUInt32, &Reflection::AddUInt32, static_cast<uint32_t>(number));
  case FieldDescriptor::CPPTYPE_UINT64:
    return set(&Reflection::SetUInt64, &Reflection::AddUInt64, static_cast<uint64_t>(number));
  case FieldDescriptor::CPPTYPE_FLOAT:
    return set(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(number));
  case FieldDescriptor::CPPTYPE_DOUBLE:
    return set(&Reflection::SetDouble, &Reflection::AddDouble, static_cast<double>(number));
  case FieldDescriptor::CPPTYPE_BOOL:
    return set(&Reflection::SetBool, &Reflection::AddBool, number % 2 != 0);
  case FieldDescriptor::CPPTYPE_ENUM:
    return set(&Reflection::SetEnumValue, &Reflection::AddEnumValue,
               static_cast<int>(random() % 40));
  default:
    break;
  }
  static const char *const words[] = {"FP32", "BYTES", "BOOL", "INT64", "FP16",
                                      "x",    "y",     "",     "1",     "label"};
  const std::string text = random() % 2 ? std::string(words[random() % std::size(words)])
                                        : std::string(random() % 40, char(random()));
  if (field.is_repeated())
    reflection.AddString(&message, &field, text);
  else
    reflection.SetString(&message, &field, text);
}

/// Reads all that an input says it has.
unsigned touch(const std::vector<NamedInput> &inputs) {
  unsigned sum = 0;
  for (const NamedInput &input : inputs) {
    const TensorView view{input.dtype, static_cast<int64_t>(input.shape.size()), input.shape.data(),
                          input.data};
    const int64_t count = elementCount(view);
    if (input.dtype != DType::String) {
      const auto *bytes = static_cast<const uint8_t *>(input.data);
      for (size_t i = 0; i < byteSize(input.dtype, count); ++i)
        sum = sum * 31 + bytes[i];
      continue;
    }
    for (int64_t i = 0; i < count; ++i)
      for (const char character : textAt(view, i))
        sum = sum * 31 + static_cast<uint8_t>(character);
  }
  return sum;
}

grpc::ByteBuffer buffer(const std::string &bytes, Random &random) {
  std::vector<grpc::Slice> slices; // as a socket gives them: in pieces
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min<size_t>(bytes.size() - at, 1 + random() % 200);
    slices.emplace_back(bytes.data() + at, size);
    at += size;
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

/// Both outcomes must occur, else the mutations miss their aim.
template <typename Request, typename Convert>
void fuzz(const std::vector<Request> &seeds, const Convert &convert) {
  const uint64_t runs = fromEnvironment("INGOT_FUZZ_RUNS", 2000);
  const uint64_t first = fromEnvironment("INGOT_FUZZ_FIRST", 0);
  google::protobuf::SetLogHandler(nullptr); // as the server does
  uint64_t good = 0, bad = 0;
  for (uint64_t i = first; i < first + runs; ++i) {
    Random random(i);
    Request request = seeds[random() % seeds.size()];
    for (uint64_t edits = random() % 4; edits > 0; --edits)
      change(request, random);
    std::string bytes = request.SerializeAsString();
    if (random() % 2)
      bytes = mutate(bytes, random);
    grpc::ByteBuffer message = buffer(bytes, random);
    Parsed<Request> parsed(limit);
    Status status = bytes.empty() ? Status() : parse(message, limit, parsed.message);
    if (status.isOk())
      status = convert(parsed);
    ++(status.isOk() ? good : bad);
    ASSERT_NE(status.code(), StatusCode::Internal) << "seed " << i << ": " << status.message();
    ASSERT_EQ(status.isOk(), status.message().empty()) << "seed " << i;
  }
  EXPECT_GT(bad, 0u);
  EXPECT_GT(good, 0u);
}

tensorflow::TensorProto tensorProto(tensorflow::DataType dtype) {
  tensorflow::TensorProto tensor;
  tensor.set_dtype(dtype);
  tensor.mutable_tensor_shape()->add_dim()->set_size(2);
  return tensor;
}

TEST(ServeGrpcFuzzTest, PredictRequests) {
  std::vector<PredictRequest> seeds(3);
  auto &inputs = *seeds[0].mutable_inputs();
  seeds[0].mutable_model_spec()->set_name("m");
  (inputs["f"] = tensorProto(tensorflow::DT_FLOAT)).add_float_val(1);
  inputs["f"].add_float_val(1);
  (inputs["i"] = tensorProto(tensorflow::DT_INT8)).add_int_val(3);
  (inputs["h"] = tensorProto(tensorflow::DT_HALF)).add_half_val(3);
  (inputs["u"] = tensorProto(tensorflow::DT_UINT64)).add_uint64_val(3);
  (inputs["s"] = tensorProto(tensorflow::DT_STRING)).add_string_val("text");
  (*seeds[1].mutable_inputs())["x"] = tensorProto(tensorflow::DT_INT32);
  (*seeds[1].mutable_inputs())["x"].set_tensor_content("12345678");
  (*seeds[1].mutable_inputs())["b"] = tensorProto(tensorflow::DT_BOOL);
  (*seeds[1].mutable_inputs())["b"].set_tensor_content(std::string("\1\0", 2));
  (*seeds[2].mutable_inputs())["t"] = tensorProto(tensorflow::DT_STRING);
  (*seeds[2].mutable_inputs())["t"].set_tensor_content("\3\2abcde");
  unsigned sum = 0;
  fuzz(seeds, [&sum](Parsed<PredictRequest> &parsed) {
    std::vector<NamedInput> made;
    for (const auto &[name, tensor] : parsed.message.inputs()) {
      INGOT_ASSIGN_OR_RETURN(NamedInput input, parseHead(name, tensor));
      INGOT_RETURN_IF_ERROR(parseValues(tensor, parsed.storage, input));
      made.push_back(std::move(input));
    }
    sum += touch(made);
    return Status();
  });
  volatile unsigned kept = sum;
  (void)kept;
}

TEST(ServeGrpcFuzzTest, ModelInferRequests) {
  std::vector<ModelInferRequest> seeds(2);
  const auto add = [](ModelInferRequest &request, const char *datatype) -> auto & {
    auto &input = *request.add_inputs();
    input.set_name("x");
    input.set_datatype(datatype);
    input.add_shape(2);
    return input;
  };
  add(seeds[0], "FP32");
  seeds[0].add_raw_input_contents("12345678");
  add(seeds[0], "BYTES");
  seeds[0].add_raw_input_contents(std::string("\2\0\0\0ab\1\0\0\0c", 11));
  add(seeds[0], "BOOL");
  seeds[0].add_raw_input_contents(std::string("\1\0", 2));
  seeds[0].set_model_version("1");
  (*seeds[0].mutable_parameters())["timeout"].set_int64_param(10);
  for (int value : {1, 2}) {
    seeds[1].Clear();
    add(seeds[1], "INT8").mutable_contents()->add_int_contents(value);
    seeds[1].mutable_inputs(0)->mutable_contents()->add_int_contents(value);
  }
  add(seeds[1], "BYTES").mutable_contents()->add_bytes_contents("text");
  seeds[1].mutable_inputs(1)->mutable_contents()->add_bytes_contents("");
  (*seeds[1].mutable_parameters())["sequence_id"].set_uint64_param(10);
  const SharedMemory memory;
  const ingot_tensor_info outputs[] = {{"y", INGOT_F32, 0, nullptr}};
  ingot_function function{};
  function.output_count = 1;
  function.outputs = outputs;
  unsigned sum = 0;
  fuzz(seeds, [&](Parsed<ModelInferRequest> &parsed) {
    INGOT_RETURN_IF_ERROR(parseVersion(parsed.message.model_version()).status());
    INGOT_RETURN_IF_ERROR(parseParameters(parsed.message).status());
    INGOT_RETURN_IF_ERROR(parseOutputs(parsed.message, function, memory).status());
    INGOT_ASSIGN_OR_RETURN(auto made, parseHeads(parsed.message));
    INGOT_RETURN_IF_ERROR(parseValues(parsed.message, memory, parsed.storage, made));
    sum += touch(made) + wantsRaw(parsed.message);
    return Status();
  });
  volatile unsigned kept = sum;
  (void)kept;
}

TEST(ServeGrpcFuzzTest, ConfigFiles) {
  const uint64_t runs = fromEnvironment("INGOT_FUZZ_RUNS", 2000);
  const uint64_t first = fromEnvironment("INGOT_FUZZ_FIRST", 0);
  const std::string models =
      "model_config_list { config { name: \"m\" base_path: '/m' model_platform: \"tensorflow\"\n"
      "  model_version_policy { specific { versions: 3 } }\n"
      "  version_labels { key: 'stable' value: 3 } } }";
  const std::string batching = "max_batch_size { value: 128 } batch_timeout_micros { value: 5 }\n"
                               "max_enqueued_batches { value: 9 } num_batch_threads { value: 2 }";
  uint64_t good = 0, bad = 0;
  for (uint64_t i = first; i < first + runs; ++i) {
    Random random(i);
    const Status status = i % 2 ? parseModelConfigFile(mutate(models, random)).status()
                                : parseBatchingParameters(mutate(batching, random)).status();
    ++(status.isOk() ? good : bad);
    ASSERT_TRUE(status.isOk() || status.code() == StatusCode::InvalidArgument)
        << "seed " << i << ": " << status.message();
  }
  EXPECT_GT(bad, 0u);
  EXPECT_GT(good, 0u);
}

} // namespace
