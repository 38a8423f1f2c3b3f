// Large tensors that stay in the model's file: what is parsed around them is what protobuf parses,
// whole or damaged, and weights have their values.
#include "frontends/onnx/MappedFile.h"
#include "compiler/Compile.h"
#include "frontends/onnx/ReadOnnx.h"
#include "ir/reference/Interpreter.h"
#include <fstream>
#include <gtest/gtest.h>
#include <random>

namespace ingot::tests {
namespace {

using ::onnx::ModelProto;
using ::onnx::TensorProto;

/// y = x W, W of `rows` rows.
ModelProto modelOf(int64_t rows) {
  ModelProto model;
  model.set_ir_version(10);
  model.set_producer_name("test");
  model.add_opset_import()->set_version(21);
  ::onnx::GraphProto &graph = *model.mutable_graph();
  graph.set_name("g");
  auto describe = [](::onnx::ValueInfoProto &value, const char *name, int64_t size) {
    value.set_name(name);
    auto &type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_value(1);
    type.mutable_shape()->add_dim()->set_dim_value(size);
  };
  describe(*graph.add_input(), "x", rows);
  describe(*graph.add_output(), "y", 2);
  ::onnx::NodeProto &node = *graph.add_node();
  node.set_op_type("MatMul");
  node.add_input("x");
  node.add_input("w");
  node.add_output("y");
  TensorProto &small = *graph.add_initializer();
  small.set_name("small");
  small.set_data_type(TensorProto::FLOAT);
  small.add_dims(2);
  small.set_raw_data(std::string(8, '\0'));
  TensorProto &w = *graph.add_initializer();
  w.set_name("w");
  w.set_data_type(TensorProto::FLOAT);
  w.add_dims(rows);
  w.add_dims(2);
  std::vector<float> values(static_cast<size_t>(rows * 2));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i % 1000) / 8;
  w.set_raw_data(std::string(reinterpret_cast<char *>(values.data()), values.size() * 4));
  return model;
}

/// What parseMapped makes of the bytes, with what it left out put back; nothing where it fails.
std::optional<std::string> parsedAround(const std::string &bytes, size_t large,
                                        size_t *mappedCount = nullptr) {
  onnx::MappedFile mapped;
  mapped.file = llvm::MemoryBuffer::getMemBuffer(bytes, "", /*RequiresNullTerminator=*/false);
  ModelProto model;
  if (!parseMapped(model, mapped, large))
    return std::nullopt;
  for (int i = 0; i < model.graph().initializer_size(); ++i)
    if (llvm::StringRef raw = mapped.rawDataOf(i); raw.data()) {
      EXPECT_GE(raw.size(), large);
      EXPECT_FALSE(model.graph().initializer(i).has_raw_data());
      model.mutable_graph()->mutable_initializer(i)->set_raw_data(raw.str());
      if (mappedCount)
        ++*mappedCount;
    }
  return model.SerializeAsString();
}

std::optional<std::string> parsedWhole(const std::string &bytes) {
  ModelProto model;
  return model.ParseFromString(bytes) ? std::optional(model.SerializeAsString()) : std::nullopt;
}

TEST(MappedFile, TheMessageIsThatOfTheWholeFile) {
  std::string bytes = modelOf(50).SerializeAsString();
  for (auto [large, count] : {std::pair<size_t, size_t>(1, 2), {9, 1}, {400, 1}, {401, 0}}) {
    size_t mapped = 0;
    EXPECT_EQ(parsedAround(bytes, large, &mapped), bytes);
    EXPECT_EQ(mapped, count) << large;
  }
}

TEST(MappedFile, MessagesInPiecesAreMergedAsProtobufDoes) {
  ModelProto first = modelOf(50), second;
  TensorProto &added = *second.mutable_graph()->add_initializer();
  added.set_name("added");
  added.set_raw_data(std::string(100, 'x'));
  std::string bytes = first.SerializeAsString() + second.SerializeAsString();
  EXPECT_EQ(parsedAround(bytes, 50), parsedWhole(bytes));
  // Twice raw_data in one tensor: the last counts.
  TensorProto again;
  again.set_raw_data(std::string(100, 'y'));
  std::string tensor = added.SerializeAsString() + again.SerializeAsString();
  std::string graph = "\x2a" + std::string(1, static_cast<char>(tensor.size() | 0x80)) +
                      std::string(1, static_cast<char>(tensor.size() >> 7)) + tensor;
  bytes = "\x3a" + std::string(1, static_cast<char>(graph.size() | 0x80)) +
          std::string(1, static_cast<char>(graph.size() >> 7)) + graph;
  ASSERT_TRUE(parsedWhole(bytes));
  EXPECT_EQ(parsedAround(bytes, 50), parsedWhole(bytes));
}

TEST(MappedFile, DamagedFilesAreParsedOrRefusedAlike) {
  const std::string whole = modelOf(50).SerializeAsString();
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = whole;
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0)
      bytes.resize(random() % bytes.size());
    auto expected = parsedWhole(bytes);
    refused += !expected;
    ASSERT_EQ(parsedAround(bytes, 20), expected) << "case " << i;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 19000);
}

TEST(MappedFile, LargeWeightsHaveTheirValues) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string said, path = testing::TempDir() + "mapped-" + std::to_string(getpid()) + ".onnx";
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { said += diagnostic.str() + "\n"; });
  auto import = [&](const ModelProto &model) {
    std::ofstream(path, std::ios::binary) << model.SerializeAsString();
    auto module = readOnnx(path, &context, {});
    unlink(path.c_str());
    return module;
  };
  constexpr int64_t rows = 150000;
  ModelProto model = modelOf(rows);
  auto module = import(model);
  ASSERT_TRUE(module) << said;
  auto variable = module->lookupSymbol<graph::VariableOp>("w");
  ASSERT_TRUE(variable);
  EXPECT_TRUE(llvm::isa<mlir::DenseResourceElementsAttr>(variable.getValueAttr()));
  reference::Interpreter interpreter(*module);
  const reference::Tensor &w = interpreter.variables.at("w");
  for (int64_t i : {int64_t(0), int64_t(1), int64_t(777), 2 * rows - 1})
    EXPECT_EQ(w.real(i), static_cast<double>(i % 1000) / 8);
  // The same checks as of small ones.
  model.mutable_graph()->mutable_initializer(1)->set_dims(0, rows + 1);
  EXPECT_FALSE(import(model));
  EXPECT_NE(said.find("tensor `w`: it has 1200000 bytes of data, its shape needs 1200008"),
            std::string::npos)
      << said;
}

} // namespace
} // namespace ingot::tests
