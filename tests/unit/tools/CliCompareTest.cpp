// `ingot compare`: equal and different results, where they part, and what else there is to say.
#include "tests/support/OnnxModel.h"
#include "tests/unit/tools/CliTest.h"
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

using nlohmann::json;

/// y = neg(abs(x) + 1), with the tensors between.
class CliCompareTest : public CliTest {
protected:
  CliCompareTest() {
    OnnxModel model;
    model.input("x", {"batch", "2"}).output("y", {"batch", "2"}).weight("one", {1}, {1});
    model.node("Abs", {"x"}, {"a"}, "magnitude");
    model.node("Add", {"a", "one"}, {"s"}, "sum");
    model.node("Neg", {"s"}, {"y"}, "sign");
    model.save(path("net.onnx"));
  }
  void archive(const std::string &name,
               const std::vector<std::pair<std::string, std::vector<float>>> &arrays,
               Shape shape = {1, 2}) {
    std::vector<Tensor> tensors;
    for (const auto &[key, values] : arrays)
      tensors.push_back(*Tensor::of<float>(shape, values));
    std::vector<std::pair<std::string, TensorView>> views;
    for (size_t i = 0; i < arrays.size(); ++i)
      views.emplace_back(arrays[i].first, tensors[i]);
    ASSERT_TRUE(data::writeNpz(path(name), views).isOk());
  }
};

TEST_F(CliCompareTest, EqualResultsAreExitCodeZero) {
  archive("ref.npz", {{"x", {3, -4}}, {"y", {-4, -5}}});
  Outcome outcome = ingot("compare net.onnx --reference ref.npz");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("sign (Neg)"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("magnitude"))) << "only outputs unless asked";
  EXPECT_THAT(outcome.err, HasSubstr("1 tensors"));
  json parsed = json::parse(ingot("compare net.onnx --reference ref.npz --json").out);
  EXPECT_EQ(parsed["equal"], true);
  EXPECT_EQ(parsed["first_difference"], nullptr);
  EXPECT_EQ(parsed["tensors"][0]["max_abs"]["value"], 0.0);
}

TEST_F(CliCompareTest, ADifferenceIsExitCodeThreeAndNamesNodeAndElement) {
  archive("ref.npz", {{"in/x", {3, -4}}, {"out/y", {-4, -5.5}}});
  Outcome outcome = ingot("compare net.onnx --reference ref.npz");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err,
              HasSubstr("node `sign` (Neg): `y` differs: [0, 1] is -5, expected -5.5"));
  EXPECT_THAT(outcome.err, HasSubstr("--intermediates"));
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz --rtol 0.1").code, 0);
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz --atol 0.5").code, 0);
}

TEST_F(CliCompareTest, TheFirstNodeThatDiffersIsNamed) {
  archive("ref.npz", {{"x", {3, -4}}, {"a", {3, 4}}, {"s", {4, 7}}, {"y", {-4, -7}}});
  Outcome outcome = ingot("compare net.onnx --reference ref.npz --intermediates");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("node `sum` (Add): `s` differs: [0, 1] is 5, expected 7"));
  EXPECT_THAT(outcome.err, HasSubstr("1 more differ"));
  json parsed =
      json::parse(ingot("compare net.onnx --reference ref.npz --intermediates --json").out);
  EXPECT_EQ(parsed["first_difference"]["node"], "sum");
  EXPECT_EQ(parsed["tensors"].size(), 3u);
  EXPECT_EQ(parsed["tensors"][0]["equal"], true);
  EXPECT_EQ(parsed["tensors"][1]["max_abs"]["value"], 2.0);
  EXPECT_EQ(parsed["tensors"][1]["max_abs"]["index"], json({0, 1}));
}

TEST_F(CliCompareTest, ErrorsAreSaidInUnitsOfTheLastPlace) {
  float next = std::nextafter(-5.0f, -6.0f);
  archive("ref.npz", {{"x", {3, -4}}, {"y", {-4, next}}});
  json parsed = json::parse(ingot("compare net.onnx --reference ref.npz --json").out);
  EXPECT_EQ(parsed["equal"], true);
  EXPECT_EQ(parsed["tensors"][0]["max_ulp"]["value"], 1.0);
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz --rtol 0 --atol 0").code, 3);
}

TEST_F(CliCompareTest, NotANumberOnOneSideDiffersWhateverTheTolerance) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  archive("ref.npz", {{"x", {3, -4}}, {"y", {nan, -5}}});
  Outcome outcome = ingot("compare net.onnx --reference ref.npz --atol 100 --json");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(json::parse(outcome.out)["tensors"][0]["nan_mismatches"], 1);
  archive("both.npz", {{"x", {nan, -4}}, {"y", {nan, -5}}});
  EXPECT_EQ(ingot("compare net.onnx --reference both.npz").code, 0);
}

TEST_F(CliCompareTest, ElementwiseToleranceIsOverEachElement) {
  archive("ref.npz", {{"x", {0, 999}}, {"y", {-1.5, -1000}}});
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz").code, 0) << "0.5 of 1000";
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz --elementwise").code, 3);
}

TEST_F(CliCompareTest, ALeadingAxisInAllArraysIsRunByRun) {
  archive("ref.npz", {{"x", {1, 2, 3, 4, 5, 6}}, {"y", {-2, -3, -4, -5, -6, -8}}}, {3, 1, 2});
  Outcome outcome = ingot("compare net.onnx --reference ref.npz");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("run 2 [0, 1] is -7, expected -8"));
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz --rtol 0.2").code, 0);
}

TEST_F(CliCompareTest, AnotherShapeOrTypeDiffers) {
  archive("ref.npz", {{"x", {3, -4}}});
  Outcome nothing = ingot("compare net.onnx --reference ref.npz");
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("its arrays are: x"));
  Tensor x = *Tensor::of<float>({1, 2}, {3, -4});
  Tensor y = *Tensor::of<double>({1, 2}, {-4, -5});
  ASSERT_TRUE(data::writeNpz(path("double.npz"), {{"x", x}, {"y", y}}).isOk());
  Outcome type = ingot("compare net.onnx --reference double.npz");
  EXPECT_EQ(type.code, 3);
  EXPECT_THAT(type.err, HasSubstr("is f32[1, 2], the reference has f64[1, 2]"));
}

TEST_F(CliCompareTest, InputsThatAreMissingAreNamed) {
  archive("ref.npz", {{"y", {-4, -5}}});
  Outcome missing = ingot("compare net.onnx --reference ref.npz");
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("there is nothing for input `x`: f32[batch, 2]"));
  write("x.npy", {1, 2}, {3, -4});
  EXPECT_EQ(ingot("compare net.onnx --reference ref.npz --input x=@x.npy").code, 0);
  Outcome size = ingot("compare net.onnx --against onnxruntime");
  EXPECT_EQ(size.code, 2);
  EXPECT_THAT(size.err, HasSubstr("dimension 0 of input `x` is dynamic, `batch`"));
  EXPECT_THAT(size.err, HasSubstr("--size batch=2"));
  Outcome unknown = ingot("compare net.onnx --against onnxruntime --size bacth=2");
  EXPECT_THAT(unknown.err, HasSubstr("did you mean `batch`?"));
}

TEST_F(CliCompareTest, WrongUsageIsExitCodeOne) {
  EXPECT_EQ(ingot("compare net.onnx").code, 1);
  EXPECT_EQ(ingot("compare net.onnx --reference r.npz --against onnxruntime").code, 1);
  EXPECT_EQ(ingot("compare net.onnx --reference r.npy").code, 1);
  EXPECT_EQ(ingot("compare net.onnx --against tensorflow").code, 1);
  EXPECT_EQ(ingot("compare net.mlir --reference r.npz --intermediates").code, 1);
}

TEST_F(CliCompareTest, OtherModelsAreComparedByTheirOutputs) {
  std::ofstream(path("net.mlir")) << R"(
func.func @predict(%x: tensor<?x2xf32, #graph.dims<[batch, 2]>> {graph.name = "x"})
    -> (tensor<?x2xf32, #graph.dims<[batch, 2]>> {graph.name = "y"}) {
  %y = graph.relu %x : tensor<?x2xf32, #graph.dims<[batch, 2]>>
  return %y : tensor<?x2xf32, #graph.dims<[batch, 2]>>
}
)";
  archive("ref.npz", {{"x", {3, -4}}, {"y", {3, 0}}});
  EXPECT_EQ(ingot("compare net.mlir --reference ref.npz").code, 0);
  archive("wrong.npz", {{"x", {3, -4}}, {"y", {3, 1}}});
  Outcome wrong = ingot("compare net.mlir --reference wrong.npz");
  EXPECT_EQ(wrong.code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("output `y` differs"));
}

TEST_F(CliCompareTest, APythonWithoutOnnxruntimeIsToldHowToGetIt) {
  if (std::system("python3 -c pass") != 0)
    GTEST_SKIP() << "there is no python3";
  std::ofstream(path("bare")) << "#!/bin/sh\nexec python3 -I -S \"$@\"\n";
  fs::permissions(path("bare"), fs::perms::owner_all);
  Outcome outcome = ingot("compare net.onnx --against onnxruntime --size batch=2 --python ./bare");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("./bare -m pip install onnxruntime numpy"));
  Outcome nowhere = ingot("compare net.onnx --against onnxruntime --size batch=2 --python nowhere");
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("cannot start `nowhere`"));
}

/// With onnxruntime, where tests/conformance/onnx/setup has installed it.
class CliOnnxRuntimeTest : public CliCompareTest {
protected:
  void SetUp() override {
    std::string check = INGOT_ONNX_PYTHON " -c 'import onnxruntime, numpy' 2>/dev/null";
    if (std::system(check.c_str()) != 0)
      GTEST_SKIP() << "onnxruntime is not installed in build/onnx-venv";
  }
  const std::string against = "--against onnxruntime --python " INGOT_ONNX_PYTHON;
};

TEST_F(CliOnnxRuntimeTest, EveryTensorAgreesAndCanBeRecorded) {
  Outcome outcome = ingot("compare net.onnx " + against +
                          " --intermediates --size batch=3 --seed 7 --record ref.npz --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json parsed = json::parse(outcome.out);
  EXPECT_EQ(parsed["tensors"].size(), 3u);
  EXPECT_EQ(parsed["tensors"][0]["type"], "f32[3, 2]");
  EXPECT_EQ(parsed["not_compared"].size(), 0u);
  Outcome again = ingot("compare net.onnx --reference ref.npz --intermediates --rtol 0 --atol 0");
  EXPECT_EQ(again.code, 0) << again.err;
  Outcome fixed = ingot("compare net.onnx " + against + " --shape batch=4 --json");
  EXPECT_EQ(json::parse(fixed.out)["tensors"][0]["type"], "f32[4, 2]");
}

TEST_F(CliOnnxRuntimeTest, WhatItRefusesIsSaidInItsWords) {
  OnnxModel model;
  model.input("x", {"2"}).output("y", {"2"});
  model.node("Relu", {"x"}, {"y"});
  model.proto.mutable_opset_import(0)->set_version(5); // Relu of 5 had no legacy form of 17
  model.proto.set_ir_version(99);
  model.save(path("new.onnx"));
  EXPECT_EQ(ingot("compare new.onnx " + against).code, 2);
  OnnxModel wrong;
  wrong.input("x", {"2"}).input("i", {"1"}, ::onnx::TensorProto::INT64).output("y", {"1"});
  wrong.node("Gather", {"x", "i"}, {"y"});
  wrong.save(path("gather.onnx"));
  Tensor index = *Tensor::of<int64_t>({1}, {9});
  ASSERT_TRUE(data::writeNpy(path("i.npy"), index).isOk());
  Outcome outcome = ingot("compare gather.onnx " + against + " --input i=@i.npy");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--input"));
}

} // namespace
} // namespace ingot::test
