// `ingot reduce`: large failing models become small ones that fail in the same way.
#include "tests/support/OnnxModel.h"
#include "tests/unit/tools/CliTest.h"
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

using nlohmann::json;

class CliReduceTest : public CliTest {
protected:
  /// 50 nodes of exact operators, of which number `at` is another one.
  static OnnxModel chainWith(const std::string &op, size_t at) {
    std::vector<std::string> ops(50);
    for (size_t i = 0; i < ops.size(); ++i)
      ops[i] = i % 2 ? "Abs" : "Neg";
    ops[at] = op;
    OnnxModel model;
    model.input("x", {"8", "64"}).output("y", {"8", "64"}).chain(ops);
    return model;
  }
  json reduce(const std::string &arguments) {
    Outcome outcome = ingot("reduce net.onnx -o small.onnx --json " + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }
};

TEST_F(CliReduceTest, OneUnsupportedNodeOfFiftyIsLeft) {
  chainWith("Foo", 27).save(path("net.onnx"));
  std::string before = contentsOf(path("net.onnx"));
  json parsed = reduce("");
  EXPECT_EQ(parsed["nodes"], json({{{"name", "n28"}, {"op", "Foo"}}}));
  EXPECT_EQ(parsed["nodes_before"], 50);
  EXPECT_EQ(contentsOf(path("net.onnx")), before) << "the model stays as it is";
  ::onnx::ModelProto small = OnnxModel::load(path("small.onnx"));
  ASSERT_EQ(small.graph().node_size(), 1);
  ASSERT_EQ(small.graph().input_size(), 1);
  EXPECT_EQ(small.graph().input(0).name(), "t27");
  EXPECT_EQ(small.graph().input(0).type().tensor_type().shape().dim(1).dim_value(), 1)
      << "sizes shrink too";
  Outcome outcome = ingot("compile small.onnx");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("`Foo`"));
}

TEST_F(CliReduceTest, ANodeThatReadsWhatNothingMakesIsLeft) {
  OnnxModel model = chainWith("Neg", 0);
  model.graph().mutable_node(33)->set_op_type("Add");
  model.graph().mutable_node(33)->add_input("nowhere");
  model.save(path("net.onnx"));
  json parsed = reduce("");
  EXPECT_EQ(parsed["nodes"], json({{{"name", "n34"}, {"op", "Add"}}}));
  EXPECT_THAT(ingot("compile small.onnx").err, HasSubstr("it reads `nowhere`"));
}

TEST_F(CliReduceTest, TheFailureStaysOfItsKind) {
  // The first message is about Bar: a model that fails for Foo alone will not do.
  OnnxModel model = chainWith("Foo", 10);
  model.graph().mutable_node(40)->set_op_type("Bar");
  model.save(path("net.onnx"));
  json parsed = reduce("");
  EXPECT_EQ(parsed["nodes"], json({{{"name", "n41"}, {"op", "Bar"}}}));
}

TEST_F(CliReduceTest, ACommandDecides) {
  chainWith("Tanh", 20).save(path("net.onnx"));
  std::ofstream(path("check.sh")) << "grep -q Tanh \"$1\" && { echo it has a Tanh >&2; exit 7; }\n"
                                     "echo all is well; exit 0\n";
  json parsed = reduce("--while-fails 'sh check.sh {}'");
  EXPECT_EQ(parsed["nodes"], json({{{"name", "n21"}, {"op", "Tanh"}}}));
  EXPECT_EQ(parsed["failure"], "exit code 7, it has a Tanh");
}

TEST_F(CliReduceTest, ACrashIsAFailureOfItsOwn) {
  chainWith("Tanh", 20).save(path("net.onnx"));
  std::ofstream(path("check.sh")) << "grep -q Tanh \"$1\" && kill -SEGV $$\nexit 1\n";
  json parsed = reduce("--while-fails 'exec sh check.sh {}'");
  EXPECT_EQ(parsed["nodes"].size(), 1u);
  EXPECT_EQ(parsed["failure"], "ends with signal 11");
}

TEST_F(CliReduceTest, TwoNodesThatFailTogetherAreBothLeft) {
  OnnxModel model = chainWith("Tanh", 11);
  model.graph().mutable_node(38)->set_op_type("Exp");
  model.save(path("net.onnx"));
  std::ofstream(path("check.sh"))
      << "grep -q Tanh \"$1\" && grep -q Exp \"$1\" && exit 9\nexit 0\n";
  json parsed = reduce("--while-fails 'sh check.sh {}'");
  EXPECT_EQ(parsed["nodes"],
            json({{{"name", "n12"}, {"op", "Tanh"}}, {{"name", "n39"}, {"op", "Exp"}}}));
}

TEST_F(CliReduceTest, TimeIsBounded) {
  chainWith("Tanh", 20).save(path("net.onnx"));
  json parsed = reduce("--while-fails 'sleep 0.2; grep -vq Tanh {}; exit 5' --time-limit 1");
  EXPECT_EQ(parsed["time_is_up"], true);
  EXPECT_LT(parsed["runs"], 10);
  Outcome hangs = ingot("reduce net.onnx --while-fails 'sleep 60; echo {}' --run-limit 0.2 "
                        "--time-limit 1 -o small.onnx --json");
  EXPECT_EQ(hangs.code, 0) << hangs.err;
  EXPECT_EQ(json::parse(hangs.out)["failure"], "takes longer than 0.2 s");
}

TEST_F(CliReduceTest, ThereMustBeAFailure) {
  chainWith("Neg", 0).save(path("net.onnx"));
  Outcome works = ingot("reduce net.onnx -o small.onnx");
  EXPECT_EQ(works.code, 2);
  EXPECT_THAT(works.err, HasSubstr("does not fail"));
  EXPECT_FALSE(fs::exists(path("small.onnx")));
  EXPECT_EQ(ingot("reduce net.onnx --while-fails 'false'").code, 1) << "no {}";
  EXPECT_EQ(ingot("reduce net.onnx --while-fails 'false {}' --against onnxruntime").code, 1);
  EXPECT_EQ(ingot("reduce net.onnx -o net.onnx").code, 1);
}

TEST_F(CliReduceTest, ResultsThatDifferAreReducedWithTheirInputs) {
  if (std::system(INGOT_ONNX_PYTHON " -c 'import onnxruntime, numpy' 2>/dev/null") != 0)
    GTEST_SKIP() << "onnxruntime is not installed in build/onnx-venv";
  // Of all operators here only Tanh rounds, and not as onnxruntime does.
  chainWith("Tanh", 20).save(path("net.onnx"));
  json parsed = reduce("--against onnxruntime --rtol 0 --atol 0 --python " INGOT_ONNX_PYTHON);
  EXPECT_EQ(parsed["nodes"], json({{{"name", "n21"}, {"op", "Tanh"}}}));
  Outcome shown = ingot("compare small.onnx --against onnxruntime --input @small.npz --rtol 0 "
                        "--atol 0 --python " INGOT_ONNX_PYTHON);
  EXPECT_EQ(shown.code, 3) << shown.err;
}

} // namespace
} // namespace ingot::test
