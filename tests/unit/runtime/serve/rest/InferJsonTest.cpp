#include "runtime/serve/rest/InferJson.h"

#include "runtime/serve/rest/InferReply.h"
#include "tests/unit/runtime/serve/rest/Signatures.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ingot::serve::rest {
namespace {

class InferJsonTest : public testing::Test {
protected:
  Result<InferRequest> decodeRequest(const std::string &json, const std::string &binary = "") {
    const auto bytes = std::make_shared<std::vector<char>>(json.begin(), json.end());
    const size_t size = json.size();
    bytes->insert(bytes->end(), binary.begin(), binary.end());
    bytes->shrink_to_fit();
    return decodeInfer({bytes->data(), size}, {bytes->data() + size, binary.size()}, bytes,
                       sharedMemory, limits);
  }
  /// The inputs in one line, or the error.
  std::string decode(const std::string &json, const std::string &binary = "") {
    const Result<InferRequest> request = decodeRequest(json, binary);
    return request.isOk() ? describeInputs(request->inputs) : request.status().message();
  }
  struct Row {
    const char *json, *expected;
  };
  void check(const std::vector<Row> &rows) {
    for (const Row &row : rows)
      EXPECT_EQ(decode(row.json), row.expected) << row.json;
  }

  SharedMemory sharedMemory;
  Limits limits;
  Signatures signatures;
};

TEST_F(InferJsonTest, DataIsFlatOrNested) {
  check({
      {R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]})",
       "x f32[2, 2] 1 2 3 4"},
      {R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]}]})",
       "x f32[2, 2] 1 2 3 4"},
      {R"({"inputs":[{"name":"x","shape":[],"datatype":"INT64","data":[7]}]})", "x i64[] 7"},
      {R"({"inputs":[{"name":"x","shape":[],"datatype":"INT64","data":7}]})", "x i64[] 7"},
      {R"({"inputs":[{"name":"x","shape":[0,3],"datatype":"FP32","data":[]}]})", "x f32[0, 3]"},
      {R"({"inputs":[{"name":"x","shape":[3],"datatype":"FP64","data":[NaN,Infinity,-Infinity]}]})",
       "x f64[3] nan inf -inf"},
      {R"({"inputs":[{"name":"x","shape":[2],"datatype":"BOOL","data":[true,false]}]})",
       "x bool[2] 1 0"},
      {R"({"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","data":["a","\u00e9"]}]})",
       "x string[2] a é"},
      {R"({"inputs":[]})", ""},
      {R"({"inputs":[{"name":"a","shape":[1],"datatype":"UINT8","data":[1]},
                     {"name":"b","shape":[1],"datatype":"INT16","data":[-2]}], "later": {}})",
       "a u8[1] 1; b i16[1] -2"},
  });
}

TEST_F(InferJsonTest, KeysMayComeInAnyOrder) {
  check({
      {R"({"inputs":[{"data":[1,2],"datatype":"FP32","shape":[2],"name":"x"}],"id":"i"})",
       "x f32[2] 1 2"},
      {R"({"inputs":[{"name":"x","data":[[1],[2]],"shape":[2],"datatype":"INT8"}]})",
       "x i8[2] 1 2"},
      {R"({"inputs":[{"data":[1,"a"],"datatype":"FP32","shape":[2],"name":"x"}]})",
       "input 'x' (FP32 [2]) element 1 is the string 'a', not a number"},
  });
}

TEST_F(InferJsonTest, BinaryTensorsFollowTheJson) {
  const std::string json =
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"UINT16","parameters":{"binary_data_size":4}},
          {"name":"b","shape":[1],"datatype":"FP32","data":[5]},
          {"name":"c","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}},
          {"name":"d","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}},
          {"name":"e","shape":[1],"datatype":"BF16","parameters":{"binary_data_size":2}}]})";
  const std::string binary("\1\0\2\0"
                           "\3\0\0\0abc\0\0\0\0"
                           "\1"
                           "\x80\x3f",
                           18);
  EXPECT_EQ(decode(json, binary),
            "a u16[2] 1 2; b f32[1] 5; c string[2] abc ; d bool[1] 1; e bf16[1] 16256");
  EXPECT_EQ(decode(json, binary + "x").find("1 bytes are left behind the binary data"), 0u);
  EXPECT_EQ(decode(json, binary.substr(0, 17)),
            "input 'e' (BF16 [1]) has 'binary_data_size' 2, but 1 bytes follow the JSON, whose "
            "length the header Inference-Header-Content-Length must give");
  std::string wrong = binary;
  wrong[4] = 4;
  EXPECT_EQ(decode(json, wrong), "input 'c' (BYTES [2]) ends before element 1 of 2");
  wrong[7] = '\x7f';
  EXPECT_EQ(decode(json, wrong),
            "input 'c' (BYTES [2]) ends within element 0, whose length is given as 2130706436");
}

TEST_F(InferJsonTest, ParametersOfTheRequest) {
  const Result<InferRequest> request = decodeRequest(
      R"({"id":"abc","parameters":{"binary_data_output":true,"priority":3,"timeout":1500,
          "sequence_id":42,"sequence_start":true,"sequence_end":false,"function":"classify",
          "unknown":[1]},"inputs":[],
          "outputs":[{"name":"y","parameters":{"binary_data":false}},{"name":"z"}]})");
  ASSERT_TRUE(request.isOk()) << request.status().message();
  EXPECT_EQ(request->id, "abc");
  EXPECT_TRUE(request->areOutputsBinary);
  EXPECT_EQ(request->priority, 2);
  EXPECT_EQ(request->timeout, std::chrono::microseconds(1500));
  EXPECT_EQ(request->sequence, "42");
  EXPECT_TRUE(request->sequenceStart);
  EXPECT_FALSE(request->sequenceEnd);
  EXPECT_EQ(request->function, "classify");
  ASSERT_EQ(request->outputs.size(), 2u);
  EXPECT_EQ(request->outputs[0].isBinary, false);
  EXPECT_EQ(request->outputs[1].isBinary, std::nullopt);
  EXPECT_EQ(decodeRequest(R"({"inputs":[],"parameters":{"sequence_id":"s"}})")->sequence, "s");
  EXPECT_EQ(decodeRequest(R"({"inputs":[],"parameters":{"sequence_id":0}})")->sequence, "");
  EXPECT_EQ(decodeRequest(R"({"inputs":[],"parameters":{"priority":0}})")->priority, 0);
}

TEST_F(InferJsonTest, MistakesNameTheInputAndTheElement) {
  check({
      {R"({})", "the body lacks 'inputs', a list of tensors"},
      {R"({"inputs":{}})", "expected a list, got an object at byte 10"},
      {R"({"inputs":[{"shape":[1],"datatype":"FP32","data":[1]}]})", "input 0 lacks 'name'"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","data":[1]}]})", "input 'x' lacks 'shape'"},
      {R"({"inputs":[{"name":"x","shape":[1],"data":[1]}]})", "input 'x' lacks 'datatype'"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32"}]})",
       "input 'x' (FP32 [1]) has neither 'data' nor 'binary_data_size' nor 'shared_memory_region'"},
      {R"({"inputs":[{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}]})",
       "input 'x' has the negative dimension -1"},
      {R"({"inputs":[{"name":"x","shape":[1.5],"datatype":"FP32","data":[1]}]})",
       "expected a whole number in 'shape', got 1.5 at byte 32"},
      {R"({"inputs":[{"name":"x","shape":[4294967296,4294967296],"datatype":"FP32","data":[1]}]})",
       "input 'x' (FP32 [4294967296, 4294967296]) is too large: "
       "f32[4294967296, 4294967296] is over 2^63 bytes"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FLOAT","data":[1]}]})",
       "input 'x' has the unknown datatype 'FLOAT': known are BOOL, INT8, INT16, INT32, INT64, "
       "UINT8, UINT16, UINT32, UINT64, FP16, BF16, FP32, FP64 and BYTES"},
      {R"({"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[1,2]}]})",
       "input 'x' (FP32 [3]) takes 3 elements, 'data' has 2"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1,2]}]})",
       "input 'x' (FP32 [1]) takes 1 elements, 'data' has more"},
      {R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,"b"]}]})",
       "input 'x' (FP32 [2]) element 1 is the string 'b', not a number"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1.0]}]})",
       "input 'x' (INT32 [1]) element 0 is 1.0, not an integer"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[256]}]})",
       "input 'x' (UINT8 [1]) element 0 is 256, out of the range of u8 (0 to 255)"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":[{"b64":"YQ=="}]}]})",
       "input 'x' (BYTES [1]) element 0 is an object, not a string"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP16","data":[1]}]})",
       "input 'x' (FP16 [1]) cannot be sent as JSON: send its bytes ('binary_data_size')"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"data":[1]}]})",
       "input 'x' (FP32 [1]) has 'data' twice"},
      {R"({"inputs":[{"name":"x","shape":[1],"shape":[2],"datatype":"FP32","data":[1]}]})",
       "input 'x' has 'shape' twice"},
      {R"({"inputs":[],"inputs":[]})", "'inputs' is there twice"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],
           "parameters":{"binary_data_size":4}}]})",
       "input 'x' (FP32 [1]) has both 'data' and parameters that say its bytes are elsewhere"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32",
           "parameters":{"shared_memory_byte_size":4}}]})",
       "parameters of shared memory lack 'shared_memory_region'"},
      {R"({"inputs":[],"outputs":[{"parameters":{}}]})", "output 0 lacks 'name'"},
      {R"({"inputs":[],"outputs":[{"name":"y","parameters":{"classification":3}}]})",
       "the parameter 'classification' is not supported: ask for the scores, or call :classify of "
       "the TF Serving API"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1})",
       "malformed JSON: ',' or ']' is expected at byte 62"},
  });
}

/// Of two values one would be checked and the other used: a type after the data that it is of, say.
TEST_F(InferJsonTest, AKeyThatMattersComesOnce) {
  check({
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"datatype":"BYTES"}]})",
       "input 'x' (FP32 [1]) has 'datatype' twice"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1],"datatype":"FP64"}]})",
       "input 'x' (INT8 [1]) has 'datatype' twice"},
      {R"({"inputs":[{"name":"x","name":"y","shape":[1],"datatype":"INT8","data":[1]}]})",
       "input 'x' has 'name' twice"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"INT8","parameters":{},"parameters":{}}]})",
       "input 'x' (INT8 [1]) has 'parameters' twice"},
      {R"({"inputs":[{"name":"x","parameters":{"binary_data_size":1,"binary_data_size":2}}]})",
       "the parameter 'binary_data_size' is there twice"},
      {R"({"inputs":[],"outputs":[{"name":"y"}],"outputs":[{"name":"y"}]})",
       "'outputs' is there twice"},
      {R"({"inputs":[],"outputs":[{"name":"y","name":"z"}]})", "output 0 has 'name' twice"},
      {R"({"parameters":{"function":"a"},"inputs":[],"parameters":{"function":"b"}})",
       "'parameters' is there twice"},
      {R"({"parameters":{"function":"a","function":"b"},"inputs":[]})",
       "the parameter 'function' is there twice"},
      {R"({"inputs":[],"unknown":1,"unknown":2})", ""},
  });
}

/// A POSIX shared memory object of the test's own.
struct Object {
  explicit Object(size_t size) : name("/ingot-rest-test-" + std::to_string(getpid())) {
    const int file = ::shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
    EXPECT_EQ(::ftruncate(file, static_cast<off_t>(size)), 0);
    data = static_cast<char *>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    ::close(file);
    bytes = size;
  }
  ~Object() {
    ::munmap(data, bytes);
    ::shm_unlink(name.c_str());
  }
  std::string name;
  char *data;
  size_t bytes;
};

TEST_F(InferJsonTest, TensorsInSharedMemory) {
  const Object object(64);
  const float values[] = {1, 2};
  std::memcpy(object.data + 8, values, sizeof values);
  ASSERT_TRUE(sharedMemory.add("r", object.name, 0, 64).isOk());
  const auto input = [](const std::string &parameters) {
    return R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{)" + parameters +
           "}}]}";
  };
  const std::string good =
      input(R"("shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":8)");
  EXPECT_EQ(decode(good), "x f32[2] 1 2");
  EXPECT_EQ(decode(input(R"("shared_memory_region":"r","shared_memory_byte_size":12)")),
            "input 'x' (FP32 [2]) has 12 bytes where its shape takes 8");
  const std::string beyond = decode(
      input(R"("shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":60)"));
  EXPECT_EQ(beyond.find("input 'x': "), 0u) << beyond;
  const std::string wrapped = decode(input(
      R"("shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":18446744073709551612)"));
  EXPECT_EQ(wrapped.find("input 'x': "), 0u) << wrapped;
  const std::string unknown =
      decode(input(R"("shared_memory_region":"s","shared_memory_byte_size":8)"));
  EXPECT_NE(unknown.find("'s'"), std::string::npos) << unknown;
  limits.decompressedBytes = 12;
  const std::string twice = good.substr(0, good.size() - 2) + "," + good.substr(11);
  EXPECT_NE(decode(twice).find("more bytes of shared memory than a body may have"),
            std::string::npos)
      << decode(twice);
}

std::string raw(const Signature &signature, const std::string &bytes) {
  const Result<InferRequest> request = decodeRawTensor(bytes, nullptr, signature);
  if (!request.isOk())
    return request.status().message();
  EXPECT_TRUE(request->areOutputsBinary);
  return describeInputs(request->inputs);
}

TEST_F(InferJsonTest, ARawTensorGetsItsShapeFromTheSignature) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const std::string bytes(reinterpret_cast<const char *>(values), sizeof values);
  EXPECT_EQ(raw(signatures.of("predict"), bytes), "x f32[2, 3] 1 2 3 4 5 6");
  EXPECT_EQ(raw(signatures.of("predict"), ""), "x f32[0, 3]");
  EXPECT_EQ(raw(signatures.of("total"), bytes), "x f32[6] 1 2 3 4 5 6");
  EXPECT_EQ(raw(signatures.of("predict"), bytes.substr(4)),
            "input 'x' (f32[batch, 3]): 20 bytes are no multiple of 12");
  EXPECT_EQ(raw(signatures.of("regress"), bytes),
            "a raw tensor can be sent to models with one input; this one takes 'a' f32[batch, 1], "
            "'b' i64[batch]");
}

class InferReplyTest : public InferJsonTest {
protected:
  std::shared_ptr<InferenceResponse> response(const std::string &function,
                                              std::vector<Tensor> outputs) {
    auto model = std::make_shared<ModelVersion>();
    model->model = "m";
    model->version = 3;
    auto made = std::make_shared<InferenceResponse>();
    made->model = model;
    made->function = signatures.of(function).function;
    made->outputs = std::move(outputs);
    return made;
  }
  /// The JSON, then "|" and the bytes behind it.
  std::string encode(std::shared_ptr<InferenceResponse> made, const std::string &request) {
    const Result<InferRequest> asked = decodeRequest(request);
    EXPECT_TRUE(asked.isOk()) << asked.status().message();
    InferReply reply;
    const Status status = encodeInfer(reply, std::move(made), *asked, sharedMemory);
    if (!status.isOk())
      return status.message();
    std::string text(reply.text.view());
    for (std::string_view segment : reply.segments)
      text += segment;
    if (reply.isBinary)
      text.insert(reply.jsonBytes, "|");
    return text;
  }
  std::shared_ptr<InferenceResponse> pairs(int64_t length = 2) {
    std::vector<Tensor> outputs;
    outputs.push_back(Tensor::zeros(DType::F32, {1, length}).value());
    outputs.push_back(Tensor::of<float>({1}, {5}).value());
    return response("pairs", std::move(outputs));
  }
};

TEST_F(InferReplyTest, OutputsAsJsonAndAsBytes) {
  EXPECT_EQ(encode(pairs(), R"({"id":"i","inputs":[]})"),
            R"({"model_name":"m","model_version":"3","id":"i","outputs":[)"
            R"({"name":"sum","datatype":"FP32","shape":[1,2],"data":[0.0,0.0]},)"
            R"({"name":"mean","datatype":"FP32","shape":[1],"data":[5.0]}]})");
  EXPECT_EQ(encode(pairs(), R"({"inputs":[],"outputs":[{"name":"mean"}]})"),
            R"({"model_name":"m","model_version":"3","outputs":[)"
            R"({"name":"mean","datatype":"FP32","shape":[1],"data":[5.0]}]})");
  EXPECT_EQ(
      encode(pairs(), R"({"inputs":[],"parameters":{"binary_data_output":true},
                      "outputs":[{"name":"mean"},{"name":"sum","parameters":{"binary_data":false}}]})"),
      std::string(
          R"({"model_name":"m","model_version":"3","outputs":[)"
          R"({"name":"mean","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}},)"
          R"({"name":"sum","datatype":"FP32","shape":[1,2],"data":[0.0,0.0]}]}|)") +
          std::string("\0\0\xa0\x40", 4));
}

TEST_F(InferReplyTest, LargeOutputsAreNotCopied) {
  const auto made = pairs(100000);
  const void *data = made->outputs[0].rawData();
  const Result<InferRequest> asked =
      decodeRequest(R"({"inputs":[],"parameters":{"binary_data_output":true}})");
  InferReply reply;
  ASSERT_TRUE(encodeInfer(reply, made, *asked, sharedMemory).isOk());
  ASSERT_EQ(reply.segments.size(), 2u);
  EXPECT_EQ(static_cast<const void *>(reply.segments[0].data()), data);
  EXPECT_EQ(reply.segments[0].size(), 400000u);
  EXPECT_EQ(reply.segments[1].size(), 4u);
}

TEST_F(InferReplyTest, TextBehindLargeOutputsKeepsItsPlace) {
  std::vector<Tensor> outputs;
  outputs.push_back(Tensor::ofTexts({1, 2}, {"ab", ""}).value());
  outputs.push_back(Tensor::ofTexts({1, 2}, {"ab", std::string(20000, 'c')}).value());
  auto made = response("join", std::move(outputs));
  const std::string reply = encode(made, R"({"inputs":[],"parameters":{"binary_data_output":true},
                   "outputs":[{"name":"joined_bytes"},{"name":"joined"}]})");
  EXPECT_EQ(reply.substr(reply.find('|') + 1), std::string("\2\0\0\0ab\x20\x4e\0\0", 10) +
                                                   std::string(20000, 'c') +
                                                   std::string("\2\0\0\0ab\0\0\0\0", 10));
}

TEST_F(InferReplyTest, WhatCannotBeGivenIsRefused) {
  EXPECT_EQ(encode(pairs(), R"({"inputs":[],"outputs":[{"name":"summ"}]})"),
            "there is no output 'summ'; there are 'sum', 'mean'");
  std::vector<Tensor> texts;
  texts.push_back(Tensor::ofTexts({1}, {"\xff"}).value());
  texts.push_back(Tensor::ofTexts({1}, {"a"}).value());
  EXPECT_EQ(encode(response("join", std::move(texts)), R"({"inputs":[]})"),
            "output 'joined' has element 0, which is not UTF-8 and cannot be sent as JSON: ask for "
            "its bytes, \"parameters\": {\"binary_data\": true}");
}

/// Else a short request would make a reply thousands of times as large as the outputs.
TEST_F(InferReplyTest, AnOutputIsAskedForOnce) {
  const Result<InferRequest> asked =
      decodeRequest(R"({"inputs":[],"outputs":[{"name":"mean"},{"name":"sum"},{"name":"mean"}]})");
  const Status status = checkOutputs(*signatures.of("pairs").function->function, *asked);
  EXPECT_EQ(status.message(), "output 'mean' is asked for twice");
}

TEST_F(InferReplyTest, WhatTheSignatureForbidsIsRefusedBeforeTheRun) {
  const ingot_function &function = *signatures.of("every_type").function->function;
  const auto check = [&](const std::string &request) {
    return std::string(checkOutputs(function, *decodeRequest(request)).message());
  };
  EXPECT_EQ(check(R"({"inputs":[]})"),
            "output 'f16' of FP16 cannot be sent as JSON: ask for its bytes, \"parameters\": "
            "{\"binary_data\": true}");
  EXPECT_EQ(check(R"({"inputs":[],"outputs":[{"name":"f32"},{"name":"bf16"}]})")
                .find("output 'bf16' of BF16 cannot"),
            0u);
  EXPECT_EQ(check(R"({"inputs":[],"parameters":{"binary_data_output":true}})"), "");
  EXPECT_EQ(check(R"({"inputs":[],"outputs":[{"name":"f16","parameters":{"binary_data":true}}]})"),
            "");
}

TEST_F(InferReplyTest, OutputsGoToSharedMemory) {
  const Object object(64);
  ASSERT_TRUE(sharedMemory.add("r", object.name, 16, 48).isOk());
  EXPECT_EQ(encode(pairs(), R"({"inputs":[],"outputs":[{"name":"mean","parameters":{
                "shared_memory_region":"r","shared_memory_byte_size":32,"shared_memory_offset":8}}]})"),
            R"({"model_name":"m","model_version":"3","outputs":[{"name":"mean","datatype":"FP32",)"
            R"("shape":[1],"parameters":{"shared_memory_region":"r","shared_memory_byte_size":4,)"
            R"("shared_memory_offset":8}}]})");
  float written = 0;
  std::memcpy(&written, object.data + 24, sizeof written);
  EXPECT_EQ(written, 5.f);
  EXPECT_EQ(encode(pairs(), R"({"inputs":[],"outputs":[{"name":"sum","parameters":{
                "shared_memory_region":"r","shared_memory_byte_size":4}}]})"),
            "output 'sum' has 8 bytes, more than 'shared_memory_byte_size' 4");
}

} // namespace
} // namespace ingot::serve::rest
