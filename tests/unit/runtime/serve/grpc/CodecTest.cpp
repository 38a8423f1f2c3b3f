// Tensors of both protocols to inputs and back: every element type, both encodings, and what cannot
// be.
#include "runtime/serve/grpc/OpenInference.h"
#include "runtime/serve/grpc/ParseCost.h"
#include "runtime/serve/grpc/Predict.h"
#include "runtime/serve/grpc/TensorProtos.h"
#include "runtime/serve/inference/DataTypes.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <limits>

namespace {

using namespace ingot;
using namespace ingot::serve;
using inference::ModelInferRequest;
using tensorflow::TensorProto;
using tensorflow::serving::PredictResponse;
using testing::ElementsAre;

constexpr uint64_t megabyte = 1 << 20;

TensorProto proto(tensorflow::DataType dtype, const Shape &shape) {
  TensorProto made;
  made.set_dtype(dtype);
  for (int64_t extent : shape)
    made.mutable_tensor_shape()->add_dim()->set_size(extent);
  return made;
}

template <typename T> std::vector<T> valuesOf(const NamedInput &input, int64_t count) {
  std::vector<T> values(static_cast<size_t>(count)); // inputs have any alignment
  if (count != 0)
    std::memcpy(values.data(), input.data, values.size() * sizeof(T));
  return values;
}

Result<NamedInput> fromTensorProto(const std::string &name, const TensorProto &tensor,
                                   InputStorage &storage) {
  INGOT_ASSIGN_OR_RETURN(NamedInput input, parseHead(name, tensor));
  INGOT_RETURN_IF_ERROR(parseValues(tensor, storage, input));
  return input;
}

Status statusOf(const TensorProto &tensor, uint64_t limit = megabyte) {
  InputStorage storage(limit);
  return fromTensorProto("x", tensor, storage).status();
}

/// What is written, read again with the generated classes.
TensorProto written(const Tensor &tensor, bool asBytes) {
  WireWriter out;
  writeTensorEntry(out, PredictResponse::kOutputsFieldNumber, "y", tensor, asBytes, nullptr);
  grpc::ByteBuffer buffer = out.finish();
  PredictResponse holder;
  EXPECT_TRUE(parse(buffer, megabyte, holder).isOk());
  return holder.outputs().at("y");
}

/// A tensor of two elements of each type that there is.
std::vector<Tensor> everyType() {
  std::vector<Tensor> made;
  const auto add = [&](Result<Tensor> tensor) { made.push_back(std::move(tensor).value()); };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  add(Tensor::of<float>({2}, {-0.0f, nan}));
  add(Tensor::of<double>({2}, {1e300, -std::numeric_limits<double>::infinity()}));
  add(Tensor::of<int8_t>({2}, {-128, 127}));
  add(Tensor::of<int16_t>({2}, {-32768, 32767}));
  add(Tensor::of<int32_t>({2}, {std::numeric_limits<int32_t>::min(), 7}));
  add(Tensor::of<int64_t>({2}, {std::numeric_limits<int64_t>::min(), 7}));
  add(Tensor::of<uint8_t>({2}, {0, 255}));
  add(Tensor::of<uint16_t>({2}, {0, 65535}));
  add(Tensor::of<uint32_t>({2}, {0, 4294967295u}));
  add(Tensor::of<uint64_t>({2}, {0, std::numeric_limits<uint64_t>::max()}));
  add(Tensor::ofTexts({2}, {std::string_view("a\0b", 3), ""}));
  for (DType dtype : {DType::Bool, DType::F16, DType::BF16}) {
    add(Tensor::zeros(dtype, {2}));
    static_cast<uint8_t *>(made.back().rawData())[0] = 1;
  }
  return made;
}

void expectSame(const Tensor &tensor, const NamedInput &input) {
  EXPECT_EQ(input.dtype, tensor.dtype());
  EXPECT_EQ(input.shape, tensor.shape());
  if (tensor.dtype() != DType::String) {
    EXPECT_EQ(std::memcmp(input.data, tensor.rawData(), tensor.byteSize()), 0)
        << toString(tensor.dtype());
    return;
  }
  const TensorView view{input.dtype, static_cast<int64_t>(input.shape.size()), input.shape.data(),
                        input.data};
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    EXPECT_EQ(textAt(view, i), textAt(tensor, i));
}

TEST(CodecTest, TensorProtosOfEveryTypeComeBackAsTheyWere) {
  for (const Tensor &tensor : everyType())
    for (bool asBytes : {true, false}) {
      const TensorProto made = written(tensor, asBytes);
      EXPECT_EQ(made.dtype(), tensorFlowNumber(tensor.dtype()));
      EXPECT_EQ(made.tensor_content().empty(), !asBytes || tensor.dtype() == DType::String);
      InputStorage storage(megabyte);
      auto input = fromTensorProto("x", made, storage);
      ASSERT_OK(input.status());
      expectSame(tensor, *input);
    }
}

TEST(CodecTest, ScalarsAndEmptyTensorsHaveTensorProtos) {
  const Tensor scalar = Tensor::of<float>({}, {2.5f}).value();
  EXPECT_EQ(written(scalar, false).tensor_shape().dim_size(), 0);
  EXPECT_EQ(written(scalar, false).float_val(0), 2.5f);
  const TensorProto empty = written(Tensor::zeros(DType::I64, {0, 3}).value(), true);
  EXPECT_EQ(empty.tensor_shape().dim(0).size(), 0);
  EXPECT_EQ(empty.tensor_shape().dim(1).size(), 3);
  InputStorage storage(megabyte);
  auto input = fromTensorProto("x", empty, storage);
  ASSERT_OK(input.status());
  EXPECT_EQ(input->shape, (Shape{0, 3}));
}

TEST(CodecTest, LargeTensorsAreNotCopiedIntoTheReply) {
  auto tensor = std::make_shared<Tensor>(Tensor::zeros(DType::F32, {10000}).value());
  const void *data = tensor->rawData();
  WireWriter out;
  writeTensorEntry(out, 1, "y", *tensor, true, tensor);
  grpc::ByteBuffer buffer = out.finish();
  EXPECT_EQ(tensor.use_count(), 2); // the buffer keeps it
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(buffer.Dump(&slices).ok());
  EXPECT_EQ(slices.back().begin(), data);
  EXPECT_EQ(slices.back().size(), 40000u);
  slices.clear();
  buffer.Clear();
  EXPECT_EQ(tensor.use_count(), 1);
}

TEST(CodecTest, ShortListsRepeatTheirLastValue) {
  TensorProto tensor = proto(tensorflow::DT_FLOAT, {4});
  tensor.add_float_val(1);
  tensor.add_float_val(2);
  InputStorage storage(megabyte);
  EXPECT_THAT(valuesOf<float>(fromTensorProto("x", tensor, storage).value(), 4),
              ElementsAre(1, 2, 2, 2));
  TensorProto zeros = proto(tensorflow::DT_INT16, {2});
  EXPECT_THAT(valuesOf<int16_t>(fromTensorProto("x", zeros, storage).value(), 2),
              ElementsAre(0, 0));
  zeros.add_int_val(-3);
  EXPECT_THAT(valuesOf<int16_t>(fromTensorProto("x", zeros, storage).value(), 2),
              ElementsAre(-3, -3));
  TensorProto texts = proto(tensorflow::DT_STRING, {2});
  texts.add_string_val("ab");
  const NamedInput input = fromTensorProto("x", texts, storage).value();
  EXPECT_EQ(static_cast<const ingot_string *>(input.data)[1].size, 2u);
}

TEST(CodecTest, ListsThatFillTheTensorAreReadInPlace) {
  TensorProto tensor = proto(tensorflow::DT_FLOAT, {2});
  tensor.add_float_val(1);
  tensor.add_float_val(2);
  InputStorage none(0);
  EXPECT_EQ(fromTensorProto("x", tensor, none).value().data, tensor.float_val().data());
}

TEST(CodecTest, TextsInTensorContentAreLengthsThenBytes) {
  TensorProto tensor = proto(tensorflow::DT_STRING, {2});
  tensor.set_tensor_content(std::string("\x02\x00", 2) + "ab");
  InputStorage storage(megabyte);
  auto input = fromTensorProto("x", tensor, storage);
  ASSERT_OK(input.status());
  EXPECT_EQ(static_cast<const ingot_string *>(input->data)[0].size, 2u);
  tensor.set_tensor_content(std::string("\x02\x01", 2) + "ab");
  EXPECT_STATUS(statusOf(tensor), InvalidArgument, "no list of 2 texts");
}

TEST(CodecTest, TensorProtosThatCannotBeNameTheInput) {
  TensorProto wrongSize = proto(tensorflow::DT_FLOAT, {2});
  wrongSize.set_tensor_content("12345");
  EXPECT_STATUS(statusOf(wrongSize), InvalidArgument,
                "input 'x': f32[2] takes 8 bytes, but there are 5");
  TensorProto tooMany = proto(tensorflow::DT_INT32, {1});
  tooMany.add_int_val(1);
  tooMany.add_int_val(2);
  EXPECT_STATUS(statusOf(tooMany), InvalidArgument, "fewer elements than the 2 values");
  TensorProto outside = proto(tensorflow::DT_UINT8, {2});
  outside.add_int_val(7);
  outside.add_int_val(256);
  EXPECT_STATUS(statusOf(outside), InvalidArgument, "element 1 is 256, which is no u8");
  EXPECT_STATUS(statusOf(proto(tensorflow::DT_COMPLEX64, {})), InvalidArgument,
                "DT_COMPLEX64 is not served");
  EXPECT_STATUS(statusOf(proto(static_cast<tensorflow::DataType>(99), {})), InvalidArgument, "99");
  EXPECT_STATUS(statusOf(proto(tensorflow::DT_FLOAT, {2, -1})), InvalidArgument,
                "dimension 1 of its shape [2, -1] is negative");
  TensorProto unknown = proto(tensorflow::DT_FLOAT, {});
  unknown.mutable_tensor_shape()->set_unknown_rank(true);
  EXPECT_STATUS(statusOf(unknown), InvalidArgument, "no rank");
}

TEST(CodecTest, ATensorOfFewBytesCannotClaimAllMemory) {
  TensorProto huge = proto(tensorflow::DT_FLOAT, {int64_t{1} << 40});
  huge.add_float_val(1);
  EXPECT_STATUS(statusOf(huge), ResourceExhausted, "1048576 bytes");
  EXPECT_STATUS(statusOf(proto(tensorflow::DT_FLOAT, {int64_t{1} << 40, int64_t{1} << 40})),
                InvalidArgument, "input 'x'");
  EXPECT_STATUS(statusOf(proto(tensorflow::DT_STRING, {int64_t{1} << 50})), ResourceExhausted, "");
}

// ---- Open Inference ----

struct OpenInferenceTest : testing::Test {
  ModelInferRequest request;
  SharedMemory memory;
  InputStorage storage{megabyte};

  ModelInferRequest::InferInputTensor &add(const std::string &datatype, const Shape &shape) {
    auto &input = *request.add_inputs();
    input.set_name("x");
    input.set_datatype(datatype);
    for (int64_t extent : shape)
      input.add_shape(extent);
    return input;
  }
  Result<std::vector<NamedInput>> parseInputs() {
    INGOT_ASSIGN_OR_RETURN(std::vector<NamedInput> inputs, parseHeads(request));
    INGOT_RETURN_IF_ERROR(parseValues(request, memory, storage, inputs));
    return inputs;
  }
  Status status() { return parseInputs().status(); }
};

TEST_F(OpenInferenceTest, RawInputsAreReadInPlace) {
  add("FP32", {1, 2});
  request.add_raw_input_contents("12345678");
  auto inputs = parseInputs();
  ASSERT_OK(inputs.status());
  EXPECT_EQ(inputs->front().data, request.raw_input_contents(0).data());
  EXPECT_EQ(inputs->front().shape, (Shape{1, 2}));
}

TEST_F(OpenInferenceTest, RawTextsHaveLengths) {
  add("BYTES", {2});
  request.add_raw_input_contents(std::string("\2\0\0\0ab\0\0\0\0", 10));
  auto inputs = parseInputs();
  ASSERT_OK(inputs.status());
  const auto *texts = static_cast<const ingot_string *>(inputs->front().data);
  EXPECT_EQ(std::string(texts[0].data, texts[0].size), "ab");
  EXPECT_EQ(texts[1].size, 0u);
  request.set_raw_input_contents(0, std::string("\3\0\0\0ab\0\0\0\0", 10));
  EXPECT_STATUS(status(), InvalidArgument, "its bytes end before the length of element 1");
  request.set_raw_input_contents(0, std::string("\7\0\0\0ab\0\0\0\0", 10));
  EXPECT_STATUS(status(), InvalidArgument, "element 0 has 7 bytes, but only 6 are left");
  request.set_raw_input_contents(0, std::string("\2\0\0\0ab\0\0\0\0z", 11));
  EXPECT_STATUS(status(), InvalidArgument, "1 bytes are left after its 2 texts");
  request.mutable_inputs(0)->set_shape(0, int64_t{1} << 50);
  EXPECT_STATUS(status(), InvalidArgument, "texts need at least");
}

TEST_F(OpenInferenceTest, MistakesNameTheInput) {
  add("FP32", {3});
  EXPECT_STATUS(status(), InvalidArgument, "input 'x': f32[3] has 3 elements, but there are 0");
  request.add_raw_input_contents("1234");
  EXPECT_STATUS(status(), InvalidArgument, "f32[3] takes 12 bytes, but there are 4");
  request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_STATUS(status(), InvalidArgument, "use one of them");
  request.mutable_inputs(0)->clear_contents();
  request.add_raw_input_contents("1234");
  request.mutable_inputs(0)->set_shape(0, 1);
  EXPECT_STATUS(status(), InvalidArgument, "raw_input_contents has 2 entries for 1 inputs");
  add("INT64", {});
  add("INT64", {});
  request.set_raw_input_contents(1, "12345678");
  EXPECT_STATUS(status(), InvalidArgument, "has 2 entries, and none for this input");
  request.mutable_inputs(0)->set_datatype("fp32");
  EXPECT_STATUS(status(), InvalidArgument, "there is no datatype 'fp32'");
  request.clear_raw_input_contents();
  request.mutable_inputs(0)->set_datatype("FP16");
  EXPECT_STATUS(status(), InvalidArgument, "FP16 has no typed contents");
  request.mutable_inputs(0)->set_datatype("INT8");
  request.mutable_inputs(0)->mutable_contents()->add_int_contents(200);
  EXPECT_STATUS(status(), InvalidArgument, "element 0 is 200, which is no i8");
}

TEST_F(OpenInferenceTest, ParametersHaveTypes) {
  auto &parameters = *request.mutable_parameters();
  parameters["priority"].set_uint64_param(2);
  parameters["timeout"].set_int64_param(1500);
  parameters["sequence_id"].set_int64_param(9);
  parameters["sequence_start"].set_bool_param(true);
  parameters["function"].set_string_param("classify");
  parameters["whatever"].set_double_param(1);
  auto parsed = parseParameters(request);
  ASSERT_OK(parsed.status());
  EXPECT_EQ(parsed->priority, 1);
  EXPECT_EQ(parsed->timeout, std::chrono::microseconds(1500));
  EXPECT_EQ(parsed->sequence, "9");
  EXPECT_TRUE(parsed->sequenceStart);
  EXPECT_FALSE(parsed->sequenceEnd);
  EXPECT_EQ(parsed->function, "classify");
  parameters["timeout"].set_string_param("soon");
  EXPECT_STATUS(parseParameters(request).status(), InvalidArgument, "parameter 'timeout'");
  parameters["timeout"].set_int64_param(-1);
  EXPECT_STATUS(parseParameters(request).status(), InvalidArgument, "not negative");
}

TEST(OpenInferenceVersionTest, VersionsAreNumbersElseLabels) {
  EXPECT_EQ(parseVersion("")->kind, VersionChoice::Kind::Latest);
  EXPECT_EQ(parseVersion("0")->kind, VersionChoice::Kind::Latest);
  EXPECT_EQ(parseVersion("12")->number, 12);
  for (const char *label : {"stable", "-1", "1.0", "12 "}) {
    EXPECT_EQ(parseVersion(label)->kind, VersionChoice::Kind::Label);
    EXPECT_EQ(parseVersion(label)->label, label);
  }
  EXPECT_STATUS(parseVersion("99999999999999999999").status(), InvalidArgument, "99999999");
}

grpc::ByteBuffer bufferOf(const std::string &bytes) {
  grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

TEST(WireTest, MessagesOfFewBytesThatTakeMuchMemoryAreRefused) {
  ModelInferRequest request;
  std::string inputs;
  for (int i = 0; i < 20000; ++i)
    inputs += std::string("\x2a\0", 2); // an empty input each
  grpc::ByteBuffer empty = bufferOf(inputs);
  EXPECT_STATUS(parse(empty, megabyte, request), ResourceExhausted, "so many fields");
  tensorflow::serving::PredictRequest predict;
  for (int i = 0; i < 200000; ++i) // a byte each as they are sent, and 8 in memory
    (*predict.mutable_inputs())["x"].add_int64_val(1);
  grpc::ByteBuffer packed = bufferOf(predict.SerializeAsString());
  EXPECT_STATUS(parse(packed, megabyte, predict), ResourceExhausted, "so many fields");
  tensorflow::serving::ClassificationRequest examples;
  for (int i = 0; i < 50000; ++i)
    examples.mutable_input()->mutable_example_list()->add_examples();
  grpc::ByteBuffer many = bufferOf(examples.SerializeAsString());
  EXPECT_STATUS(parse(many, megabyte, examples), ResourceExhausted, "so many fields");
  grpc::ByteBuffer unknown; // of a field that the message has not
  std::string groups;
  for (int i = 0; i < 50000; ++i)
    groups += std::string("\xf8\x07\0", 3);
  unknown = bufferOf(groups);
  EXPECT_STATUS(parse(unknown, megabyte, request), ResourceExhausted, "so many fields");

  // Large blocks are no fields.
  request.add_raw_input_contents(std::string(megabyte - 100, 'x'));
  grpc::ByteBuffer large = bufferOf(request.SerializeAsString());
  ASSERT_OK(parse(large, megabyte, request));
}

/// Against what protobuf says that the message takes once it is parsed.
void expectCost(const google::protobuf::Message &message) {
  const std::string bytes = message.SerializeAsString();
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream in(&stream);
  ParseCost cost(uint64_t{1} << 40);
  EXPECT_TRUE(cost.add(in, *message.GetDescriptor()));
  const std::unique_ptr<google::protobuf::Message> parsed(message.New());
  ASSERT_TRUE(parsed->ParseFromString(bytes));
  const uint64_t taken = parsed->SpaceUsedLong();
  EXPECT_GE(cost.bytes() + bytes.size(), taken) << message.GetTypeName();
  EXPECT_LE(cost.bytes(), 3 * taken) << message.GetTypeName();
}

TEST(WireTest, WhatAMessageTakesInMemoryIsKnownBefore) {
  ModelInferRequest request;
  tensorflow::serving::ClassificationRequest examples;
  tensorflow::serving::PredictRequest predict;
  for (int i = 0; i < 5000; ++i) {
    auto &input = *request.add_inputs();
    input.add_shape(3);
    (*input.mutable_parameters())["p"].set_int64_param(1);
    request.add_outputs()->set_name("a name that is not so short at all");
    auto &features = *examples.mutable_input()->mutable_example_list()->add_examples();
    (*features.mutable_features()->mutable_feature())["x"].mutable_float_list()->add_value(1);
    (*predict.mutable_inputs())[std::to_string(i)].set_dtype(tensorflow::DT_FLOAT);
    (*predict.mutable_inputs())["ints"].add_int64_val(1);
    (*predict.mutable_inputs())["texts"].add_string_val("text");
  }
  expectCost(request);
  expectCost(examples);
  expectCost(predict);
}

TEST(WireTest, BytesThatAreNoMessageAreRefused) {
  grpc::Slice slice("\x0a\xff\xff");
  grpc::ByteBuffer buffer(&slice, 1);
  ModelInferRequest request;
  EXPECT_STATUS(parse(buffer, 100, request), InvalidArgument, "not a inference.ModelInferRequest");
  grpc::ByteBuffer none;
  EXPECT_STATUS(parse(none, 100, request), InvalidArgument, "no message");
  grpc::Slice large(std::string(101, 'x'));
  grpc::ByteBuffer largeBuffer(&large, 1);
  EXPECT_STATUS(parse(largeBuffer, 100, request), ResourceExhausted, "100 bytes");
}

} // namespace
