// `ingot inspect model.onnx`: what a file says of itself, and one report of all that is not
// supported.
#include "tests/support/OnnxModel.h"
#include "tests/unit/tools/CliTest.h"
#include <nlohmann/json.hpp>

namespace ingot::test {
namespace {

using nlohmann::json;
class CliInspectOnnxTest : public CliTest {};

OnnxModel denseModel() {
  OnnxModel model;
  model.input("x", {"batch", "3"}).output("y", {"batch", "2"});
  model.weight("w", {3, 2}, {1, 2, 3, 4, 5, 6}).weight("b", {2}, {0, 1});
  model.node("Gemm", {"x", "w", "b"}, {"t"}, "dense");
  model.node("Relu", {"t"}, {"y"}, "activation");
  return model;
}

TEST_F(CliInspectOnnxTest, ModelIsDescribedWithoutCompiling) {
  denseModel().save(path("net.onnx"));
  Outcome text = ingot("inspect net.onnx");
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char *expected :
       {"IR version 8", "tests", "ai.onnx 17", "8 in 2 initializers", "x  f32[batch, 3]",
        "y  f32[batch, 2]", "1 Gemm", "1 Relu", "all of it is supported"})
    EXPECT_THAT(text.out, HasSubstr(expected));
  Outcome outcome = ingot("inspect net.onnx --json --tensors");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json parsed = json::parse(outcome.out);
  EXPECT_EQ(parsed["kind"], "onnx");
  EXPECT_EQ(parsed["ir_version"], 8);
  EXPECT_EQ(parsed["opsets"]["ai.onnx"], 17);
  EXPECT_EQ(parsed["nodes"], 2);
  EXPECT_EQ(parsed["parameters"], 8);
  EXPECT_EQ(parsed["inputs"][0], json({{"name", "x"}, {"dtype", "f32"}, {"shape", {"batch", 3}}}));
  EXPECT_EQ(parsed["operators"][0]["op"], "Gemm");
  EXPECT_EQ(parsed["tensors"][0], json({{"name", "t"}, {"dtype", "f32"}, {"shape", {"batch", 2}}}));
  EXPECT_EQ(parsed["supported"], true);
  EXPECT_EQ(parsed["unsupported"], json::array());
}

TEST_F(CliInspectOnnxTest, FunctionsAreListedAndTheirNodesCounted) {
  OnnxModel model;
  model.input("x", {"4"}).output("y", {"4"});
  model.node("Twice", {"x"}, {"y"}).set_domain("local");
  auto &set = *model.proto.add_opset_import();
  set.set_domain("local");
  set.set_version(1);
  auto &function = *model.proto.add_functions();
  function.set_name("Twice");
  function.set_domain("local");
  function.add_opset_import()->set_version(17);
  function.add_input("a");
  function.add_output("c");
  auto &node = *function.add_node();
  node.set_op_type("Add");
  node.add_input("a");
  node.add_input("a");
  node.add_output("c");
  model.save(path("net.onnx"));
  Outcome outcome = ingot("inspect net.onnx --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json parsed = json::parse(outcome.out);
  EXPECT_EQ(parsed["functions"][0]["name"], "Twice");
  EXPECT_EQ(parsed["functions"][0]["nodes"], 1);
  EXPECT_EQ(parsed["nodes"], 2);
  EXPECT_THAT(ingot("inspect net.onnx").out, HasSubstr("Twice (local): 1 inputs, 1 outputs"));
}

/// Unknown operators at the start, behind what they make, in a branch, and in a function's call.
OnnxModel unsupportedModel() {
  OnnxModel model;
  model.input("x", {"4"}).input("c", {}, ::onnx::TensorProto::BOOL).output("y", {"4"});
  model.node("Foo", {"x"}, {"a"}, "first");
  model.node("Relu", {"a"}, {"b"}, "behind");
  auto &choice = model.node("If", {"c"}, {"d"}, "choice");
  for (const char *branch : {"then_branch", "else_branch"}) {
    auto &attribute = *choice.add_attribute();
    attribute.set_name(branch);
    attribute.set_type(::onnx::AttributeProto::GRAPH);
    auto &node = *attribute.mutable_g()->add_node();
    node.set_op_type("Bar");
    node.set_name(std::string("in_") + branch);
    node.add_input("b");
    node.add_output("r");
    attribute.mutable_g()->add_output()->set_name("r");
  }
  model.node("Foo", {"d"}, {"y"}, "last");
  return model;
}

TEST_F(CliInspectOnnxTest, AllThatIsNotSupportedIsInOneReport) {
  unsupportedModel().save(path("net.onnx"));
  Outcome outcome = ingot("inspect net.onnx --json");
  EXPECT_EQ(outcome.code, 2);
  json parsed = json::parse(outcome.out);
  EXPECT_EQ(parsed["supported"], false);
  ASSERT_EQ(parsed["unsupported"].size(), 2u) << outcome.out;
  const json &bar = parsed["unsupported"][0], &foo = parsed["unsupported"][1];
  EXPECT_EQ(bar["op"], "Bar");
  EXPECT_EQ(bar["nodes"], json({"in_then_branch", "in_else_branch"}));
  EXPECT_EQ(foo["op"], "Foo");
  EXPECT_EQ(foo["opset"], 17);
  EXPECT_EQ(foo["count"], 2);
  EXPECT_EQ(foo["nodes"], json({"first", "last"}));
  EXPECT_NE(foo["reason"], "");
  Outcome text = ingot("inspect net.onnx");
  EXPECT_EQ(text.code, 2);
  EXPECT_THAT(text.err, HasSubstr("4 of 6 nodes are not supported"));
  Outcome compiled = ingot("compile net.onnx");
  EXPECT_EQ(compiled.code, 2);
  for (const json &entry : parsed["unsupported"]) {
    EXPECT_THAT(text.out, HasSubstr(entry["text"].get<std::string>()));
    EXPECT_THAT(compiled.err, HasSubstr(entry["text"].get<std::string>())) << "the same report";
  }
}

TEST_F(CliInspectOnnxTest, AnInputThatIsNotKnownEnoughHidesNothing) {
  OnnxModel model;
  model.input("x", {"4"}).output("y", {"4"});
  model.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  model.node("Relu", {"x"}, {"t"}, "first");
  model.node("Foo", {"t"}, {"y"}, "second");
  model.save(path("net.onnx"));
  Outcome outcome = ingot("inspect net.onnx");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.out, HasSubstr("x  f32 of any shape"));
  EXPECT_THAT(outcome.out, HasSubstr("`second`"));
  EXPECT_THAT(outcome.err, HasSubstr("--shape x="));
  model.graph().mutable_node()->RemoveLast();
  model.graph().mutable_output(0)->set_name("t");
  model.save(path("net.onnx"));
  EXPECT_EQ(ingot("inspect net.onnx").code, 2);
  EXPECT_EQ(ingot("inspect net.onnx --shape x=4,5").code, 0);
}

TEST_F(CliInspectOnnxTest, SequencesAndStringsAreShown) {
  OnnxModel model;
  model.input("words", {"n"}, ::onnx::TensorProto::STRING);
  auto &input = *model.graph().add_input();
  input.set_name("parts");
  auto &element = *input.mutable_type()->mutable_sequence_type()->mutable_elem_type();
  element.mutable_tensor_type()->set_elem_type(::onnx::TensorProto::FLOAT);
  element.mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(3);
  model.input("x", {"3"}).output("y", {"3"});
  model.node("Relu", {"x"}, {"y"});
  model.save(path("net.onnx"));
  Outcome outcome = ingot("inspect net.onnx --json");
  json parsed = json::parse(outcome.out);
  EXPECT_EQ(parsed["inputs"][0]["dtype"], "string");
  EXPECT_EQ(parsed["inputs"][1]["kind"], "sequence");
  EXPECT_EQ(parsed["inputs"][1]["shape"], json({3}));
}

TEST_F(CliInspectOnnxTest, DamagedFilesAreRefusedWithTheImportersWords) {
  denseModel().save(path("net.onnx"));
  std::string whole = contentsOf(path("net.onnx"));
  std::ofstream(path("cut.onnx"), std::ios::binary) << whole.substr(0, whole.size() / 2);
  std::ofstream(path("empty.onnx"), std::ios::binary) << "";
  for (const char *name : {"cut.onnx", "empty.onnx", "nowhere.onnx"}) {
    Outcome inspected = ingot(std::string("inspect ") + name);
    Outcome compiled = ingot(std::string("compile ") + name);
    EXPECT_EQ(inspected.code, 2) << name;
    EXPECT_EQ(inspected.out, "") << name;
    EXPECT_EQ(inspected.err, compiled.err) << name;
  }
}

} // namespace
} // namespace ingot::test
