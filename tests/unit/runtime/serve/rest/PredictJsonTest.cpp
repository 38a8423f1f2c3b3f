#include "runtime/serve/rest/PredictJson.h"

#include "tests/unit/runtime/serve/rest/Signatures.h"

#include <gtest/gtest.h>

namespace ingot::serve::rest {
namespace {

class PredictJsonTest : public testing::Test {
protected:
  /// The inputs in one line, or the error.
  std::string decode(const std::string &function, const std::string &body) {
    const std::vector<char> bytes(body.begin(), body.end());
    const Result<PredictRequest> request =
        decodePredict({bytes.data(), bytes.size()}, signatures.lookup(function), 64);
    if (!request.isOk()) {
      EXPECT_EQ(request.status().code(), StatusCode::InvalidArgument);
      return request.status().message();
    }
    return (request->isRowForm ? "rows: " : "columns: ") + describeInputs(request->inputs);
  }

  struct Row {
    const char *function, *body, *expected;
  };
  void check(const std::vector<Row> &rows) {
    for (const Row &row : rows)
      EXPECT_EQ(decode(row.function, row.body), row.expected) << row.body;
  }

  Signatures signatures;
};

TEST_F(PredictJsonTest, RowForm) {
  check({
      {"predict", R"({"instances": [[1, 2, 3], [4, 5.5, -6e1]]})",
       "rows: x f32[2, 3] 1 2 3 4 5.5 -60"},
      {"predict", R"({"instances": [{"x": [1, 2, 3]}, {"x": [4, 5, 6]}]})",
       "rows: x f32[2, 3] 1 2 3 4 5 6"},
      {"predict", R"({"instances": []})", "rows: x f32[0, 3]"},
      {"predict", R"({"instances": [[NaN, Infinity, -Infinity]]})",
       "rows: x f32[1, 3] nan inf -inf"},
      {"regress", R"({"instances": [{"a": [1], "b": 2}, {"b": 4, "a": [3]}]})",
       "rows: a f32[2, 1] 1 3; b i64[2] 2 4"},
      {"sleep", R"({"instances": [1, 2, 3]})", "rows: ms i32[3] 1 2 3"},
      {"join", R"({"instances": [{"a": "x", "b": {"b64": "eQ=="}}]})",
       "rows: a string[1] x; b string[1] y"},
      {"pairs", R"({"instances": [{"a": [1, 2], "b": [3, 4]}]})",
       "rows: a f32[1, 2] 1 2; b f32[1, 2] 3 4"},
      {"predict", R"({"ignored": {"x": [1]}, "instances": [[1,2,3]], "more": null} trailing)",
       "rows: x f32[1, 3] 1 2 3"},
  });
}

TEST_F(PredictJsonTest, TheSignatureIsNamedOnce) {
  check({{"predict", R"({"signature_name":"predict","signature_name":"predict","instances":[]})",
          "'signature_name' is there twice"}});
}

/// Before the model runs: a sequence would have gone a step further.
TEST_F(PredictJsonTest, AScalarOutputHasNoRows) {
  ingot_tensor_info scalar = *signatures.of("predict").outputs.front();
  scalar.rank = 0;
  const SignatureLookup lookup = [&](std::string_view name) -> Result<Signature> {
    INGOT_ASSIGN_OR_RETURN(Signature signature, signatures.lookup("predict")(name));
    signature.outputs = {&scalar};
    return signature;
  };
  EXPECT_EQ(decodePredict(R"({"instances":[[1,2,3]]})", lookup, 64).status().message(),
            "output 'y' is f32[], which has no row for each instance: send 'inputs' instead of "
            "'instances'");
  EXPECT_TRUE(decodePredict(R"({"inputs":[[1,2,3]]})", lookup, 64).isOk());
}

TEST_F(PredictJsonTest, ColumnForm) {
  check({
      {"predict", R"({"inputs": [[1, 2, 3]]})", "columns: x f32[1, 3] 1 2 3"},
      {"predict", R"({"inputs": {"x": [[1, 2, 3]]}})", "columns: x f32[1, 3] 1 2 3"},
      {"predict", R"({"inputs": []})", "columns: x f32[0, 3]"},
      {"regress", R"({"inputs": {"b": [7], "a": [[1]]}})", "columns: a f32[1, 1] 1; b i64[1] 7"},
      {"scalars", R"({"inputs": {"real": 1.5, "integer": -3, "text": {"b64": "YWI"}}})",
       "columns: real f32[] 1.5; integer i64[] -3; text string[] ab"},
  });
}

TEST_F(PredictJsonTest, TheSignatureMayComeAfterTheData) {
  check({
      {"predict", R"({"signature_name": "sleep", "instances": [5]})", "rows: ms i32[1] 5"},
      {"predict", R"({"instances": [5], "signature_name": "sleep"})", "rows: ms i32[1] 5"},
      {"predict", R"({"instances": [[1,2,3]], "signature_name": "serving_default"})",
       "rows: x f32[1, 3] 1 2 3"},
      {"predict", R"({"instances": [[1,2,3]], "signature_name": "classify"})",
       "rows: x f32[1, 3] 1 2 3"},
      {"predict", R"({"instances": [[1,2,3]], "signature_name": "none"})", "no signature 'none'"},
      {"predict", R"({"instances": [[1,2,3]], "signature_name": 3})",
       "expected a string, got 3 at byte 43"},
  });
}

TEST_F(PredictJsonTest, EveryElementType) {
  check(
      {{"every_type",
        R"({"instances": [{"bool": [true,false], "i8": [-128,127], "i16": [-1,2], "i32": [-1,2],
              "i64": [-9223372036854775808,9223372036854775807], "u8": [0,255], "u16": [0,65535],
              "u32": [0,4294967295], "u64": [0,18446744073709551615], "f16": [1,-2],
              "bf16": [1,-2], "f32": [0.5,1e-3], "f64": [0.5,1e300], "text": ["a","é"]}]})",
        "rows: bool bool[1, 2] 1 0; i8 i8[1, 2] -128 127; i16 i16[1, 2] -1 2; i32 i32[1, 2] -1 2; "
        "i64 i64[1, 2] -9223372036854775808 9223372036854775807; u8 u8[1, 2] 0 255; "
        "u16 u16[1, 2] 0 65535; u32 u32[1, 2] 0 4294967295; u64 u64[1, 2] 0 "
        "18446744073709551615; f16 f16[1, 2] 15360 49152; bf16 bf16[1, 2] 16256 49152; "
        "f32 f32[1, 2] 0.5 0.001; f64 f64[1, 2] 0.5 1e+300; text string[1, 2] a é"}});
}

TEST_F(PredictJsonTest, MistakesNameTheInputTheElementAndWhatIsExpected) {
  const char *const x = "input 'x' (f32[batch, 3]): ";
  check({
      {"predict", R"({})", "Missing 'inputs' or 'instances' key"},
      {"predict", R"([])", "expected an object, got a list at byte 0"},
      {"predict", "", "malformed JSON: a value is missing at byte 0"},
      {"predict", R"({"instances": [[1,2,3]], "inputs": [[1,2,3]]})",
       "the body has more than one of 'instances' and 'inputs': send rows as 'instances' or whole "
       "tensors as 'inputs'"},
      {"predict", R"({"instances": {"x": 1}})", "expected a list, got an object at byte 14"},
      {"predict", R"({"instances": [[1,2,3], [1,2]]})",
       "input 'x' (f32[batch, 3]): list [1] has 2 elements where 3 are expected"},
      {"predict", R"({"instances": [[1,2,"a"]]})",
       "input 'x' (f32[batch, 3]): element [0][2] is the string 'a', not a number"},
      {"predict", R"({"instances": [[1,null,3]]})",
       "input 'x' (f32[batch, 3]): element [0][1] is null, not a number"},
      {"predict", R"({"instances": [[1,[2],3]]})",
       "input 'x' (f32[batch, 3]): element [0][1] is a list, not a number: the input has 2 "
       "dimensions"},
      {"predict", R"({"instances": [1]})",
       "input 'x' (f32[batch, 3]): list [0] is 1 where a list of 3 is expected"},
      {"predict", R"({"instances": [[1,2,1e39]]})",
       "input 'x' (f32[batch, 3]): element [0][2] is 1e39, out of the range of f32"},
      {"predict", R"({"instances": [[1,2,3],[4,5 6]]})",
       "malformed JSON: ',' or ']' is expected at byte 28"},
      {"predict", R"({"instances": [[1,2,03]]})",
       "malformed JSON: a number begins with 0 at byte 20"},
      {"predict", R"({"instances": [[1,2,3)",
       "malformed JSON: a list has no end, ']' is missing at byte 21"},
      {"predict", R"({"instances": [{"y": [1,2,3]}]})",
       "instance 0 has 'y', which is no input of the model: it takes 'x' f32[batch, 3]"},
      {"predict", R"({"instances": [{"x": [1,2,3]}, [1,2,3]]})",
       "instance 1 is a list, not an object of the inputs by name: the model takes 'x' f32[batch, "
       "3]"},
      {"regress", R"({"instances": [{"a": [1]}]})",
       "instance 0 lacks input 'b': the model takes 'a' f32[batch, 1], 'b' i64[batch]"},
      {"regress", R"({"instances": [{"a": [1], "a": [2], "b": 1}]})",
       "instance 0 has input 'a' twice"},
      {"regress", R"({"inputs": [[1]]})",
       "'inputs' is a list, not an object of the inputs by name: the model takes 'a' f32[batch, "
       "1], 'b' i64[batch]"},
      {"regress", R"({"inputs": {"a": [[1]], "b": [1.0]}})",
       "input 'b' (i64[batch]): element [0] is 1.0, not an integer"},
      {"regress", R"({"inputs": {"a": [[1]], "b": [true]}})",
       "input 'b' (i64[batch]): element [0] is true, not an integer"},
      {"sleep", R"({"instances": [3000000000]})",
       "input 'ms' (i32[batch]): element [0] is 3000000000, out of the range of i32 (-2147483648 "
       "to 2147483647)"},
      {"pairs", R"({"inputs": {"a": [[1, 2], [3]], "b": []}})",
       "input 'a' (f32[batch, length]): list [1] has 1 elements where 2 are expected as in the "
       "lists before it"},
      {"scalars", R"({"instances": [{"real": 1, "integer": 1, "text": "a"}]})",
       "input 'real' (f32[]) is a scalar and has no rows: send 'inputs' instead of 'instances'"},
      {"join", R"({"instances": [{"a": 3, "b": "c"}]})",
       "input 'a' (string[batch]): element [0] is 3, not a string"},
      {"join", R"({"instances": [{"a": {"b64": "*"}, "b": "c"}]})",
       "input 'a' (string[batch]): element [0] is not base64"},
      {"join", R"({"instances": [{"a": {"b65": "YQ=="}, "b": "c"}]})",
       "input 'a' (string[batch]): element [0] is an object without the key 'b64', not a string or "
       "{\"b64\": \"<base64>\"}"},
      {"join", R"({"instances": [{"a": {"b64": "YQ==", "c": 1}, "b": "c"}]})",
       "input 'a' (string[batch]): element [0] is an object with the key 'c' beside 'b64'"},
  });
  EXPECT_EQ(decode("predict", "{\"instances\": [[1,2,\"" + std::string(39, 'a') + "é" + "b\"]]}"),
            x + std::string("element [0][2] is the string '") + std::string(39, 'a') +
                "...', not a number");
  EXPECT_NE(decode("predict", "{\"z\":" + std::string(100, '[')).find("more than 64 levels"),
            std::string::npos);
}

TEST_F(PredictJsonTest, SpaceAnywhereAmongNumbers) {
  check({{"predict", "{\"instances\":[[\n1\t,\r\n2 , 3\n]\n,\n[4,5,6]]\n}",
          "rows: x f32[2, 3] 1 2 3 4 5 6"}});
}

InferenceResponse response(const Signatures &signatures, const std::string &function,
                           std::vector<Tensor> outputs) {
  InferenceResponse made;
  made.function = signatures.of(function).function;
  made.outputs = std::move(outputs);
  return made;
}

std::string encode(const InferenceResponse &made, bool isRowForm) {
  Bytes out;
  const Status status = encodePredict(out, made, isRowForm);
  return status.isOk() ? std::string(out.view()) : status.message();
}

TEST_F(PredictJsonTest, RepliesInBothForms) {
  std::vector<Tensor> one, two, texts;
  one.push_back(Tensor::of<float>({2, 2}, {1, 2.5, -3, 4}).value());
  const InferenceResponse predict = response(signatures, "predict", std::move(one));
  EXPECT_EQ(encode(predict, true), R"({"predictions":[[1.0,2.5],[-3.0,4.0]]})");
  EXPECT_EQ(encode(predict, false), R"({"outputs":[[1.0,2.5],[-3.0,4.0]]})");

  two.push_back(Tensor::of<float>({2, 2}, {1, 2, 3, 4}).value());
  two.push_back(Tensor::of<float>({2}, {5, 6}).value());
  const InferenceResponse pairs = response(signatures, "pairs", std::move(two));
  EXPECT_EQ(encode(pairs, true),
            R"({"predictions":[{"sum":[1.0,2.0],"mean":5.0},{"sum":[3.0,4.0],"mean":6.0}]})");
  EXPECT_EQ(encode(pairs, false), R"({"outputs":{"sum":[[1.0,2.0],[3.0,4.0]],"mean":[5.0,6.0]}})");

  texts.push_back(Tensor::ofTexts({1}, {"a"}).value());
  texts.push_back(Tensor::ofTexts({1}, {"a"}).value());
  EXPECT_EQ(encode(response(signatures, "join", std::move(texts)), true),
            R"({"predictions":[{"joined":"a","joined_bytes":{"b64":"YQ=="}}]})");
}

TEST_F(PredictJsonTest, OutputsWithoutRowsAreRefusedInRowForm) {
  std::vector<Tensor> scalar, none;
  scalar.push_back(Tensor::of<float>({}, {1}).value());
  const InferenceResponse total = response(signatures, "total", std::move(scalar));
  EXPECT_EQ(encode(total, false), R"({"outputs":1.0})");
  EXPECT_EQ(encode(total, true), "output 'sum' is f32[], which has no row for each instance: send "
                                 "'inputs' instead of 'instances'");
  none.push_back(Tensor::zeros(DType::F32, {0, 2}).value());
  EXPECT_EQ(encode(response(signatures, "predict", std::move(none)), true),
            R"({"predictions":[]})");
}

} // namespace
} // namespace ingot::serve::rest
