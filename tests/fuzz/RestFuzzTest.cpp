// Damaged requests: whatever the bytes, the decoders of runtime/serve/rest answer with tensors that
// fit what they say of themselves, or with a message, in bounded time and memory. Mutates valid
// requests of both protocols, their binary tensors, packed bodies and HTTP itself.
// INGOT_FUZZ_RUNS sets how many a case, INGOT_FUZZ_FIRST the first seed.
#include "../unit/runtime/data/Helpers.h"
#include "../unit/runtime/serve/rest/Signatures.h"
#include "runtime/serve/rest/BinaryTensors.h"
#include "runtime/serve/rest/Compression.h"
#include "runtime/serve/rest/ExamplesJson.h"
#include "runtime/serve/rest/InferJson.h"
#include "runtime/serve/rest/InferReply.h"
#include "runtime/serve/rest/PredictJson.h"
#include "runtime/serve/rest/RequestParser.h"
#include "runtime/serve/rest/Routes.h"

using namespace ingot;
using namespace ingot::serve;
using namespace ingot::serve::rest;
using namespace ingot::test;

namespace {

uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Gives a key of `json` the name of another, so that objects have keys twice, in any order.
std::string repeatKey(std::string json, std::mt19937_64 &random) {
  std::vector<std::pair<size_t, size_t>> keys; // where the name begins and ends
  for (size_t colon = json.find("\":"); colon != std::string::npos;
       colon = json.find("\":", colon + 1))
    if (const size_t quote = colon > 0 ? json.rfind('"', colon - 1) : std::string::npos;
        quote != std::string::npos)
      keys.emplace_back(quote + 1, colon);
  if (keys.empty())
    return json;
  const auto &[from, fromEnd] = keys[random() % keys.size()];
  const auto &[to, toEnd] = keys[random() % keys.size()];
  return json.replace(to, toEnd - to, json.substr(from, fromEnd - from));
}

/// Calls `decode` with mutations of the seeds. Both outcomes must occur, else the mutations miss
/// their aim.
template <typename Decode> void run(const std::vector<std::string> &seeds, const Decode &decode) {
  const uint64_t runs = fromEnvironment("INGOT_FUZZ_RUNS", 2000);
  const uint64_t first = fromEnvironment("INGOT_FUZZ_FIRST", 0);
  uint64_t good = 0, bad = 0;
  for (uint64_t i = first; i < first + runs; ++i) {
    std::mt19937_64 random(i);
    std::string mutated = seeds[random() % seeds.size()];
    if (random() % 3 == 0)
      mutated = repeatKey(std::move(mutated), random);
    if (random() % 4 != 0)
      mutated = mutate(std::move(mutated), random);
    // A heap block of the exact size lets sanitizers see the first byte beyond it.
    const auto bytes = std::make_shared<std::vector<char>>(mutated.begin(), mutated.end());
    const Status status = decode(bytes, random);
    ++(status.isOk() ? good : bad);
    if (!status.isOk())
      ASSERT_FALSE(status.message().empty()) << "seed " << i;
    ASSERT_NE(status.code(), StatusCode::Internal) << "seed " << i << ": " << status.message();
  }
  EXPECT_GT(bad, 0u);
  if (runs >= 300)
    EXPECT_GT(good, 0u);
}

std::string_view view(const std::shared_ptr<std::vector<char>> &bytes) {
  return {bytes->data(), bytes->size()};
}

/// Reads every byte of every input, as a model would.
void touch(const DecodedInputs &decoded) {
  unsigned sum = 0;
  for (const NamedInput &input : decoded.inputs) {
    const TensorView tensor{input.dtype, static_cast<int64_t>(input.shape.size()),
                            input.shape.data(), input.data};
    const int64_t count =
        countElements(input.dtype, tensor.dims, tensor.rank).value(); // shapes must make sense
    if (input.dtype == DType::String) {
      for (int64_t i = 0; i < count; ++i)
        for (char c : textAt(tensor, i))
          sum += static_cast<unsigned char>(c);
      continue;
    }
    const auto *at = static_cast<const unsigned char *>(input.data);
    for (size_t i = 0; i < byteSize(input.dtype, count); ++i)
      sum += at[i];
  }
  volatile unsigned kept = sum;
  (void)kept;
}

class RestFuzzTest : public testing::Test {
protected:
  Signatures signatures;
  SharedMemory sharedMemory;
  Limits limits;
};

TEST_F(RestFuzzTest, PredictBodies) {
  const std::vector<std::string> seeds = {
      R"({"instances": [[1, 2.5, -3e2], [4, 5, 6]], "signature_name": "predict"})",
      R"({"instances": [{"x": [1, 2, 3]}, {"x": [NaN, -Infinity, 1e-40]}]})",
      R"({"signature_name": "regress", "instances": [{"a": [0.1], "b": -7}, {"b": 8, "a": [2]}]})",
      R"({"signature_name": "join", "instances": [{"a": "x\u00e9\n", "b": {"b64": "eQ=="}}]})",
      R"({"inputs": {"a": [[1, 2], [3, 4]], "b": [[5, 6], [7, 8]]}, "signature_name": "pairs"})",
      R"({"signature_name":"every_type","inputs":{"bool":[[true,false]],"i8":[[1,2]],"i16":[[1,2]],
          "i32":[[1,2]],"i64":[[1,9223372036854775807]],"u8":[[1,2]],"u16":[[1,2]],"u32":[[1,2]],
          "u64":[[1,18446744073709551615]],"f16":[[1,2]],"bf16":[[1,2]],"f32":[[1,2]],
          "f64":[[1,2]],"text":[["a","b"]]}})",
  };
  run(seeds, [&](const auto &bytes, auto &) -> Status {
    INGOT_ASSIGN_OR_RETURN(
        const PredictRequest request,
        decodePredict(view(bytes), signatures.lookup("predict"), limits.jsonDepth));
    touch(request.inputs);
    return {};
  });
}

TEST_F(RestFuzzTest, Examples) {
  const std::vector<std::string> seeds = {
      R"({"signature_name":"classify","context":{"c":1},"examples":[{"x":[1,2.5,3]},{"x":[4]}]})",
      R"({"examples":[{"t":["a",{"b64":"Yg=="}],"i":[1,-2],"f":0.5}]})"};
  run(seeds, [&](const auto &bytes, auto &) -> Status {
    INGOT_ASSIGN_OR_RETURN(ExamplesRequest request, decodeExamples(view(bytes), limits.jsonDepth));
    const Result<ExampleInputs> inputs =
        toInputs(*signatures.of("predict").function, std::move(request.examples),
                 std::move(request.context), limits.decompressedBytes);
    if (inputs.isOk())
      touch({inputs->inputs, inputs->owner});
    return {};
  });
}

TEST_F(RestFuzzTest, InferBodies) {
  std::string nines = "9";
  for (int i = 1; i < 64; ++i)
    nines += ",9";
  const std::vector<std::string> seeds = {
      R"({"id":"1","parameters":{"binary_data_output":true,"priority":1,"timeout":5,"sequence_id":3},
          "inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[[1,2,3],[4,5,6]]}],
          "outputs":[{"name":"y","parameters":{"binary_data":false}}]})",
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"BYTES","data":["x","\ud83d\ude00"]},
                    {"data":[1,0],"datatype":"UINT8","shape":[2],"name":"b"},
                    {"name":"c","shape":[1],"datatype":"BOOL","data":[true]}]})",
      // What follows the data may be another type or shape, by repeatKey: of 64 elements such as
      // these more is read, and elsewhere, than a small block has.
      R"({"inputs":[{"name":"x","shape":[64],"datatype":"INT8","data":[)" + nines +
          R"(],"text":"BYTES","number":"FP64","list":[999]}],
          "outputs":[{"name":"y"}],"more":[{"name":"z"}]})",
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","parameters":{
          "shared_memory_region":"r","shared_memory_byte_size":4,"shared_memory_offset":0}}]})",
      R"({"inputs":[{"name":"x","shape":[],"datatype":"INT64","data":[-9223372036854775808]}]})"};
  run(seeds, [&](const auto &bytes, auto &) -> Status {
    INGOT_ASSIGN_OR_RETURN(const InferRequest request,
                           decodeInfer(view(bytes), {}, bytes, sharedMemory, limits));
    touch(request.inputs);
    // No more outputs than there are, however often they are named.
    const ingot_function &function = *signatures.of("predict").function->function;
    const Status outputs = checkOutputs(function, request);
    if (outputs.isOk() && request.outputs.size() > static_cast<size_t>(function.output_count))
      return Status(StatusCode::Internal, "an output is given twice");
    return outputs;
  });
}

/// The JSON is whole in half of the runs, so that what follows it is reached.
TEST_F(RestFuzzTest, BinaryTensors) {
  const std::string json =
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"UINT16","parameters":{"binary_data_size":4}},
          {"name":"c","shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":17}},
          {"name":"d","shape":[1,2],"datatype":"BOOL","parameters":{"binary_data_size":2}}]})";
  const std::string binary("\1\0\2\0"
                           "\3\0\0\0abc\0\0\0\0\2\0\0\0xy"
                           "\1\0",
                           23);
  run({binary}, [&](const auto &bytes, auto &random) -> Status {
    const std::string whole = random() % 2 ? json : mutate(json, random);
    const std::vector<char> head(whole.begin(), whole.end());
    INGOT_ASSIGN_OR_RETURN(
        const InferRequest request,
        decodeInfer({head.data(), head.size()}, view(bytes), bytes, sharedMemory, limits));
    touch(request.inputs);
    return {};
  });
  run({binary, json}, [&](const auto &bytes, auto &random) -> Status {
    static const char *const functions[] = {"predict", "total", "pairs", "sleep"};
    INGOT_ASSIGN_OR_RETURN(
        const InferRequest request,
        decodeRawTensor(view(bytes), bytes, signatures.of(functions[random() % 4])));
    touch(request.inputs);
    return {};
  });
}

TEST_F(RestFuzzTest, PackedBodies) {
  std::vector<std::string> seeds;
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += std::to_string(i * 7) + (i % 50 ? "," : std::string(200, 'a'));
  for (const Encoding encoding : {Encoding::Gzip, Encoding::Deflate})
    for (const std::string &part : {text, text.substr(0, 20), std::string()}) {
      Bytes packed;
      ASSERT_TRUE(compress({part}, encoding, packed).isOk());
      seeds.emplace_back(packed.view());
    }
  run(seeds, [&](const auto &bytes, auto &random) -> Status {
    Bytes out;
    const uint64_t most = 1 + random() % 4000;
    const Status status =
        decompress(view(bytes), random() % 2 ? Encoding::Gzip : Encoding::Deflate, most, out);
    return out.size() <= most + 1 ? status : Status(StatusCode::Internal, "over the limit");
  });
}

TEST_F(RestFuzzTest, Http) {
  limits.headerBytes = 2000;
  limits.bodyBytes = 100;
  const std::vector<std::string> seeds = {
      "POST /v2/models/m/versions/1/infer?a=%41 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
      "Content-Encoding: gzip\r\nInference-Header-Content-Length: 3\r\n\r\nabcdeGET /",
      "POST /v1/models/m%2Fn/labels/l:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
      "Expect: 100-continue\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
      "GET http://h/v2/health/ready HTTP/1.0\r\nConnection: keep-alive\r\nA: b\r\n c\r\n\r\n"};
  run(seeds, [&](const auto &bytes, auto &random) -> Status {
    HttpRequest request;
    RequestParser parser(limits);
    parser.reset(request);
    std::string waiting;
    using State = RequestParser::State;
    const auto isOpen = [&] {
      return parser.state() == State::Head || parser.state() == State::Body;
    };
    for (size_t at = 0; at < bytes->size() && isOpen();) {
      const size_t size = std::min<size_t>(1 + random() % 40, bytes->size() - at);
      waiting.append(bytes->data() + at, size);
      at += size;
      for (bool goesOn = true; goesOn && isOpen();) {
        const State before = parser.state();
        const std::vector<char> exact(waiting.begin(), waiting.end());
        const size_t used = parser.put({exact.data(), exact.size()});
        if (used > exact.size() || request.body->size() > limits.bodyBytes)
          return Status(StatusCode::Internal, "more than there is");
        waiting.erase(0, used);
        goesOn = used > 0 || parser.state() != before;
      }
    }
    if (parser.state() == State::Failed)
      return Status(StatusCode::InvalidArgument, parser.error());
    const Route route = findRoute(request.method, request.path);
    return route.status ? Status(StatusCode::NotFound, route.error) : Status();
  });
}

} // namespace
