// The ONNX importer on models made here: what it makes of options and files, and
// what it says of what it cannot take.
#include "frontends/onnx/ReadOnnx.h"
#include "onnx.pb.h"
#include "tests/support/OnnxModel.h"
#include "tests/support/RunCompiled.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ingot::tests {
namespace {

using test::OnnxModel;

/// A directory of the test's own, with `model.onnx` and what else is put there.
class OnnxImport : public testing::Test {
protected:
  OnnxImport() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    directory = testing::TempDir() + "onnx-import-" + std::to_string(getpid()) + "-" +
                testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory + "/model");
  }
  ~OnnxImport() override { std::filesystem::remove_all(directory); }

  void write(const std::string &file, const std::string &bytes) {
    std::ofstream(directory + "/" + file, std::ios::binary) << bytes;
  }

  /// The module of the graph; null with what was said in `said`.
  mlir::OwningOpRef<mlir::ModuleOp> import(const ::onnx::GraphProto &graph,
                                           const std::map<std::string, std::string> &shapes = {},
                                           int64_t version = 21) {
    ::onnx::ModelProto model;
    model.set_ir_version(10);
    model.add_opset_import()->set_version(version);
    *model.mutable_graph() = graph;
    write("model/model.onnx", model.SerializeAsString());
    said.clear();
    mlir::ScopedDiagnosticHandler handler(
        context.get(), [&](mlir::Diagnostic &diagnostic) { said += diagnostic.str() + "\n"; });
    return readOnnx(directory + "/model/model.onnx", context.get(), {shapes});
  }

  /// Nothing, reported, where the module does not compile.
  static std::optional<Session> open(const CompiledModule &compiled) {
    EXPECT_TRUE(compiled.ok()) << compiled.error();
    if (!compiled.ok())
      return std::nullopt;
    auto session = Session::create(compiled.artifact, "predict");
    EXPECT_TRUE(session.isOk()) << session.status().message();
    return session.isOk() ? std::optional(std::move(session).value()) : std::nullopt;
  }

  std::unique_ptr<mlir::MLIRContext> context;
  std::string directory, said;
};

/// y = op(inputs…), where x is f32[n, 2].
::onnx::GraphProto graphOf(const char *op, const std::vector<std::string> &inputs) {
  ::onnx::GraphProto graph;
  auto &x = *graph.add_input();
  x.set_name("x");
  auto &type = *x.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("n");
  type.mutable_shape()->add_dim()->set_dim_value(2);
  auto &node = *graph.add_node();
  node.set_name("node");
  node.set_op_type(op);
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output("y");
  graph.add_output()->set_name("y");
  return graph;
}

const ::onnx::GraphProto relu = graphOf("Relu", {"x"});

TEST_F(OnnxImport, ABoundedDimensionTakesSizesWithinItsBoundsAlone) {
  auto module = import(relu, {{"n", "2..3"}});
  ASSERT_TRUE(module) << said;
  CompiledModule compiled(*module);
  auto session = open(compiled);
  ASSERT_TRUE(session);
  for (int64_t n = 0; n < 6; ++n) {
    std::vector<float> data(12, -1);
    int64_t dims[] = {n, 2};
    TensorView view{DType::F32, 2, dims, data.data()};
    Status status = session->run(*compiled.state, &view, 1);
    EXPECT_EQ(status.isOk(), n == 2 || n == 3) << n;
    if (!status.isOk())
      EXPECT_NE(status.message().find("the dimension 'n' (dimension 0 of input 'x') is " +
                                      std::to_string(n) + "; the model was compiled for 2 to 3"),
                std::string::npos)
          << status.message();
    // Callers without our runtime are held to it by `plan`.
    const ingot_function &function = compiled.artifact->table().functions[0];
    std::vector<int64_t> plan(static_cast<size_t>(function.plan_words));
    int32_t code = function.plan(&n, plan.data());
    EXPECT_EQ(code, n == 2 || n == 3 ? INGOT_OK : INGOT_INVALID_ARGUMENT) << n;
    if (code != INGOT_OK)
      EXPECT_EQ(plan[0], -2);
  }
  const ingot_artifact_table &table = compiled.artifact->table();
  ASSERT_EQ(table.bound_count, 1);
  EXPECT_EQ(table.bounds[0].least, 2);
  EXPECT_EQ(table.bounds[0].most, 3);
}

TEST_F(OnnxImport, BoundsOfADimensionThatAShapeOptionNames) {
  auto module = import(relu, {{"x", "rows,2"}, {"rows", "1..9"}});
  ASSERT_TRUE(module) << said;
  CompiledModule compiled(*module);
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  ASSERT_EQ(compiled.artifact->table().bound_count, 1);
  EXPECT_EQ(compiled.artifact->table().bounds[0].most, 9);
}

TEST_F(OnnxImport, SizesAndBoundsThatCannotBeAreRefused) {
  for (const char *bad : {"3..2", "-1..4", "1..", "..", "many", "1...4", ""}) {
    EXPECT_FALSE(import(relu, {{"n", bad}})) << bad;
    EXPECT_NE(said.find("is no size for the dimension `n`; give one, as in n=8, or bounds, as in "
                        "n=1..64"),
              std::string::npos)
        << said;
  }
}

/// A model whose weights, 8 bytes, are at `location`.
::onnx::GraphProto external(const std::string &location) {
  ::onnx::GraphProto graph = graphOf("Add", {"x", "w"});
  auto &weights = *graph.add_initializer();
  weights.set_name("w");
  weights.set_data_type(::onnx::TensorProto::FLOAT);
  weights.add_dims(2);
  weights.set_data_location(::onnx::TensorProto::EXTERNAL);
  auto &entry = *weights.add_external_data();
  entry.set_key("location");
  entry.set_value(location);
  return graph;
}

TEST_F(OnnxImport, ExternalDataStaysInTheModelsDirectory) {
  std::string eight(8, '\0');
  write("model/weights.bin", eight);
  EXPECT_TRUE(import(external("weights.bin"))) << said;
  // A directory whose name begins with the model's is another one.
  std::filesystem::create_directories(directory + "/model-secrets");
  write("model-secrets/keys.bin", eight);
  std::filesystem::create_symlink(directory + "/model-secrets/keys.bin",
                                  directory + "/model/link.bin");
  for (const std::string &location :
       {std::string("../model-secrets/keys.bin"), directory + "/model-secrets/keys.bin",
        std::string("link.bin")}) {
    EXPECT_FALSE(import(external(location)));
    EXPECT_NE(said.find("it must be inside the model's directory"), std::string::npos) << said;
  }
}

TEST_F(OnnxImport, ExternalDataThatIsMissingOrShortIsNamed) {
  EXPECT_FALSE(import(external("weights.bin")));
  EXPECT_NE(said.find("tensor `w`: its external data cannot be read"), std::string::npos) << said;
  write("model/weights.bin", "1234567");
  EXPECT_FALSE(import(external("weights.bin")));
  EXPECT_NE(said.find("has 7 bytes; 8 from 0 on are needed"), std::string::npos) << said;
}

// Found by OnnxFuzzTest: it was read as a crop without a region.
TEST_F(OnnxImport, ResizeBeforeVersion11TakesNoAttributesOfLaterOnes) {
  ::onnx::GraphProto graph = graphOf("Resize", {"x", "scales"});
  auto &attribute = *graph.mutable_node(0)->add_attribute();
  attribute.set_name("coordinate_transformation_mode");
  attribute.set_type(::onnx::AttributeProto::STRING);
  attribute.set_s("tf_crop_and_resize");
  auto &scales = *graph.add_initializer();
  scales.set_name("scales");
  scales.set_data_type(::onnx::TensorProto::FLOAT);
  scales.add_dims(2);
  scales.add_float_data(1);
  scales.add_float_data(2);
  EXPECT_TRUE(import(graph, {}, 10)) << said;
}

/// An initializer: a vector of integers.
void addInts(::onnx::GraphProto &graph, const std::string &name, std::vector<int64_t> values) {
  auto &tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(::onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<int64_t>(values.size()));
  for (int64_t value : values)
    tensor.add_int64_data(value);
}

/// Adds an input. Dimensions are numbers or names.
void addInput(::onnx::GraphProto &graph, const std::string &name,
              const std::vector<std::string> &dims, int type = ::onnx::TensorProto::INT64) {
  OnnxModel::setType(*graph.add_input(), name, dims, type);
}

/// Adds a node with one output.
::onnx::NodeProto &addNode(::onnx::GraphProto &graph, const char *op,
                           const std::vector<std::string> &inputs, const std::string &output) {
  auto &node = *graph.add_node();
  node.set_op_type(op);
  node.set_name(output);
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(output);
  return node;
}

// What sizes are made of was computed when compiling, with 0 for an extent that only runs know.
TEST_F(OnnxImport, SizesComputedFromExtentsFollowThem) {
  ::onnx::GraphProto graph = graphOf("Relu", {"x"});
  addInts(graph, "zero", {0});
  addInts(graph, "two", {2});
  addInts(graph, "three", {3});
  addNode(graph, "Shape", {"x"}, "shape");
  addNode(graph, "Gather", {"shape", "zero"}, "n");
  addNode(graph, "Mod", {"n", "two"}, "rest");
  addNode(graph, "Add", {"n", "rest"}, "even"); // rounded up
  addNode(graph, "Equal", {"n", "three"}, "is_three");
  addNode(graph, "Where", {"is_three", "two", "even"}, "length");
  addNode(graph, "Expand", {"zero", "length"}, "wide");
  graph.mutable_output(0)->set_name("wide");
  auto module = import(graph);
  ASSERT_TRUE(module) << said;
  CompiledModule compiled(*module);
  auto session = open(compiled);
  ASSERT_TRUE(session);
  const std::pair<int64_t, int64_t> lengths[] = {{1, 2}, {2, 2}, {3, 2}, {4, 4}, {5, 6}};
  for (auto [n, length] : lengths) {
    std::vector<float> data(10);
    int64_t dims[] = {n, 2};
    TensorView view{DType::F32, 2, dims, data.data()};
    Status status = session->run(*compiled.state, &view, 1);
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_EQ(session->output(0).shape(), Shape{length}) << n;
  }
}

// Axes of any number, of which wrong ones were taken for others.
TEST_F(OnnxImport, AxesThatAnInputGivesAreCheckedBeforeTheRun) {
  ::onnx::GraphProto graph = graphOf("ReduceSum", {"x", "axes"});
  addInput(graph, "axes", {"count"});
  auto module = import(graph);
  ASSERT_TRUE(module) << said;
  CompiledModule compiled(*module);
  auto session = open(compiled);
  ASSERT_TRUE(session);
  const float data[] = {1, 2, 3, 4, 5, 6};
  int64_t dims[] = {3, 2};
  auto run = [&](std::vector<int64_t> list) -> std::string {
    auto count = static_cast<int64_t>(list.size());
    list.push_back(0); // never NULL
    TensorView views[] = {{DType::F32, 2, dims, data}, {DType::I64, 1, &count, list.data()}};
    Status status = session->run(*compiled.state, views, 2);
    if (!status.isOk())
      return status.message();
    std::string text;
    for (int64_t i = 0; i < session->output(0).elementCount(); ++i)
      text += std::to_string(static_cast<int>(session->output(0).data<float>()[i])) + " ";
    return text;
  };
  EXPECT_EQ(run({0}), "9 12 ");
  EXPECT_EQ(run({-1}), "3 7 11 ");
  EXPECT_EQ(run({1, 0}), "21 ");
  EXPECT_EQ(run({}), "21 ");
  for (int64_t rows : {3, 0}) // where there are no elements, their number tells nothing
    for (const std::vector<int64_t> &wrong :
         {std::vector<int64_t>{2}, {-3}, {0, 0}, {1, -1}, {0, 1, 2}, {0, 1, 1}}) {
      dims[0] = rows;
      EXPECT_NE(run(wrong).find("an axis would not be there"), std::string::npos)
          << testing::PrintToString(wrong) << run(wrong);
    }
}

// Joined, the two would check nothing, and the reduction write past its output.
TEST_F(OnnxImport, AShapeAfterAxesIsCheckedToo) {
  ::onnx::GraphProto graph = graphOf("ReduceSum", {"x", "axes"});
  addInput(graph, "axes", {"1"});
  addInput(graph, "shape", {"1"});
  addNode(graph, "Reshape", {"y", "shape"}, "flat");
  graph.mutable_output(0)->set_name("flat");
  auto module = import(graph);
  ASSERT_TRUE(module) << said;
  CompiledModule compiled(*module);
  auto session = open(compiled);
  ASSERT_TRUE(session);
  const float data[] = {1, 2, 3, 4, 5, 6};
  const int64_t dims[] = {3, 2}, one = 1;
  for (int64_t axis : {0, 1})
    for (int64_t length = 1; length < 8; ++length) { // 0 stands for the size before
      TensorView views[] = {{DType::F32, 2, dims, data},
                            {DType::I64, 1, &one, &axis},
                            {DType::I64, 1, &one, &length}};
      EXPECT_EQ(session->run(*compiled.state, views, 3).isOk(), length == (axis == 0 ? 2 : 3))
          << axis << " " << length;
    }
}

// Of keys, another number of heads or another size is refused, also where their product is right.
TEST_F(OnnxImport, AttentionComparesEachDimension) {
  ::onnx::GraphProto graph;
  addInput(graph, "q", {"batch", "heads", "length", "size"}, ::onnx::TensorProto::FLOAT);
  addInput(graph, "k", {"b", "h", "l", "s"}, ::onnx::TensorProto::FLOAT);
  addInput(graph, "v", {"b2", "h2", "l2", "s2"}, ::onnx::TensorProto::FLOAT);
  addNode(graph, "Attention", {"q", "k", "v"}, "y");
  graph.add_output()->set_name("y");
  auto module = import(graph, {}, 23);
  ASSERT_TRUE(module) << said;
  CompiledModule compiled(*module);
  auto session = open(compiled);
  ASSERT_TRUE(session);
  std::vector<float> data(3 * 2 * 5 * 6);
  const int64_t q[] = {3, 2, 4, 4};
  auto run = [&](std::array<int64_t, 4> k, std::array<int64_t, 4> v) {
    TensorView views[] = {{DType::F32, 4, q, data.data()},
                          {DType::F32, 4, k.data(), data.data()},
                          {DType::F32, 4, v.data(), data.data()}};
    return session->run(*compiled.state, views, 3).isOk();
  };
  EXPECT_TRUE(run({3, 2, 5, 4}, {3, 2, 5, 6}));
  EXPECT_TRUE(run({3, 1, 5, 4}, {3, 1, 5, 2})); // shared by the heads
  EXPECT_FALSE(run({2, 2, 5, 6}, {3, 2, 5, 6}));
  EXPECT_FALSE(run({3, 2, 5, 6}, {3, 2, 5, 6}));
  EXPECT_FALSE(run({3, 2, 5, 4}, {3, 2, 4, 6}));
  EXPECT_FALSE(run({3, 2, 5, 4}, {3, 1, 5, 6}));
  EXPECT_FALSE(run({2, 3, 5, 4}, {3, 2, 5, 6}));
}

TEST_F(OnnxImport, AScalarHasNoAxisToCumulate) {
  ::onnx::GraphProto graph;
  addInput(graph, "x", {}, ::onnx::TensorProto::FLOAT);
  addInput(graph, "axis", {});
  addNode(graph, "CumSum", {"x", "axis"}, "y");
  graph.add_output()->set_name("y");
  EXPECT_FALSE(import(graph));
  EXPECT_NE(said.find("it has 1 axes for a tensor of rank 0"), std::string::npos) << said;
}

} // namespace
} // namespace ingot::tests
