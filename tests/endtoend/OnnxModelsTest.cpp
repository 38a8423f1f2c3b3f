// Real trained ONNX models (../shared/models) against the outputs of ONNX Runtime in its refs/.
#include "compiler/Compile.h"
#include "frontends/onnx/ReadOnnx.h"
#include "ingot/Model.h"
#include "ingot/data/Npy.h"
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ingot::test {
namespace {

const std::string shared = INGOT_SHARED_DIR;

/// A model compiled for this CPU, with a session of its `predict`.
struct Compiled {
  std::unique_ptr<State> state;
  std::unique_ptr<Session> session;
};

/// `carries`: outputs of `predict` and the inputs that take their values at the next run.
Compiled compile(const std::string &path, const OnnxOptions &options = {},
                 const std::vector<std::pair<std::string, std::string>> &carries = {}) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string message;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { message += diagnostic.str() + "\n"; });
  Compiled made;
  auto module = readOnnx(path, &context, options);
  EXPECT_TRUE(module) << message;
  if (!module)
    return made;
  mlir::Builder b(&context);
  llvm::SmallVector<mlir::Attribute> list;
  for (const auto &[output, input] : carries)
    list.push_back(b.getStrArrayAttr({output, input}));
  if (!list.empty())
    module->lookupSymbol<mlir::func::FuncOp>("predict")->setAttr("graph.carries",
                                                                 b.getArrayAttr(list));
  CompileOptions compileOptions;
  compileOptions.embedWeights = true;
  std::string file = testing::TempDir() + "onnx-model-" + std::to_string(getpid()) + ".so";
  EXPECT_TRUE(succeeded(compileToFile(*module, compileOptions, file))) << message;
  auto artifact = Artifact::open(file);
  std::filesystem::remove(file);
  EXPECT_TRUE(artifact.isOk()) << artifact.status().message();
  if (!artifact.isOk())
    return made;
  auto state = State::create(*artifact);
  auto session = Session::create(*artifact, "predict");
  EXPECT_TRUE(state.isOk() && session.isOk());
  made.state = std::move(*state);
  made.session = std::make_unique<Session>(std::move(*session));
  return made;
}

class OnnxModels : public testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared + "/models"))
      GTEST_SKIP() << "../shared/models is not there";
  }
};

/// The arrays "in/<input>" and "out/<output>" of the function.
data::NamedTensors references(const std::string &name, const ingot_function &function) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < function.input_count; ++i)
    names.push_back("in/" + std::string(function.inputs[i].name));
  for (int64_t i = 0; i < function.output_count; ++i)
    names.push_back("out/" + std::string(function.outputs[i].name));
  auto arrays = data::readNpz(shared + "/models/refs/" + name + ".npz", names);
  EXPECT_TRUE(arrays.isOk()) << arrays.status().message();
  return arrays.isOk() ? std::move(*arrays) : data::NamedTensors();
}

/// Entry `step` of the leading axis.
TensorView stepOf(const Tensor &stacked, int64_t step, int64_t steps) {
  TensorView view = stacked;
  if (steps < 0)
    return view;
  size_t bytes = stacked.byteSize() / static_cast<size_t>(steps);
  return {view.dtype, view.rank - 1, view.dims + 1,
          static_cast<const char *>(view.data) + static_cast<size_t>(step) * bytes};
}

/// rtol 1e-3, atol 1e-5 on every element.
void expectClose(const TensorView &expected, const Tensor &actual, const std::string &what) {
  ASSERT_EQ(actual.rank(), expected.rank) << what;
  int64_t count = 1;
  for (int32_t axis = 0; axis < expected.rank; ++axis) {
    ASSERT_EQ(actual.dim(axis), expected.dims[axis]) << what;
    count *= expected.dims[axis];
  }
  const auto *want = static_cast<const float *>(expected.data);
  const float *got = actual.data<float>();
  for (int64_t i = 0; i < count; ++i)
    ASSERT_LE(std::fabs(got[i] - want[i]), 1e-5 + 1e-3 * std::fabs(want[i]))
        << what << " element " << i << ": " << got[i] << ", expected " << want[i];
}

/// Every step of the reference (or its one run), inputs and outputs by their names.
void expectReference(const std::string &model, const std::string &reference, int64_t steps) {
  Compiled compiled = compile(shared + "/models/" + model + ".onnx");
  ASSERT_TRUE(compiled.session);
  const ingot_function &function = compiled.session->function();
  data::NamedTensors arrays = references(reference, function);
  ASSERT_FALSE(arrays.empty());
  for (int64_t step = 0; step < std::max<int64_t>(steps, 1); ++step) {
    std::vector<TensorView> inputs;
    for (int64_t i = 0; i < function.input_count; ++i)
      inputs.push_back(stepOf(
          *data::findTensor(arrays, "in/" + std::string(function.inputs[i].name)), step, steps));
    Status ran = compiled.session->run(*compiled.state, inputs);
    ASSERT_TRUE(ran.isOk()) << ran.message();
    for (int64_t i = 0; i < function.output_count; ++i) {
      std::string name = function.outputs[i].name;
      expectClose(stepOf(*data::findTensor(arrays, "out/" + name), step, steps),
                  compiled.session->output(static_cast<size_t>(i)),
                  name + " of step " + std::to_string(step));
    }
  }
}

TEST_F(OnnxModels, MnistCntk) { expectReference("mnist_cntk", "mnist_cntk", 64); }
TEST_F(OnnxModels, Ultraface) {
  expectReference("ultraface_version-RFB-320", "ultraface_version-RFB-320", -1);
}
TEST_F(OnnxModels, DtlnFirstStage) { expectReference("dtln_model_1", "dtln_model_1", 80); }
TEST_F(OnnxModels, DtlnSecondStage) { expectReference("dtln_model_2", "dtln_model_2", 80); }
TEST_F(OnnxModels, Magika) { expectReference("magika_standard_v3_3", "magika_standard_v3_3", -1); }

/// State is fed back, as a service that denoises a stream does.
TEST_F(OnnxModels, DtlnCarriesItsStateThroughAStream) {
  Compiled compiled = compile(shared + "/models/dtln_model_1.onnx");
  ASSERT_TRUE(compiled.session);
  data::NamedTensors arrays = references("dtln_model_1", compiled.session->function());
  auto at = [&](const char *name, int64_t step) {
    return stepOf(*data::findTensor(arrays, name), step, 80);
  };
  Tensor carried;
  for (int64_t step = 0; step < 80; ++step) {
    TensorView state = step == 0 ? at("in/input_3", 0) : TensorView(carried);
    Status ran = compiled.session->run(*compiled.state, {at("in/input_2", step), state});
    ASSERT_TRUE(ran.isOk()) << ran.message();
    expectClose(at("out/activation_2", step), compiled.session->output(0),
                "mask of step " + std::to_string(step));
    carried = *compiled.session->output(1).clone();
  }
}

/// The same carried by the session, as `ingot compile --carry` asks.
void expectStream(const std::string &model, const std::string &input, const std::string &mask,
                  const std::string &stateIn, const std::string &stateOut) {
  Compiled compiled = compile(shared + "/models/" + model + ".onnx", {}, {{stateOut, stateIn}});
  ASSERT_TRUE(compiled.session);
  data::NamedTensors arrays = references(model, compiled.session->function());
  for (int stream = 0; stream < 2; ++stream) {
    for (int64_t step = 0; step < 80; ++step) {
      Status ran = compiled.session->run(
          *compiled.state, {stepOf(*data::findTensor(arrays, "in/" + input), step, 80)});
      ASSERT_TRUE(ran.isOk()) << ran.message();
      expectClose(stepOf(*data::findTensor(arrays, "out/" + mask), step, 80),
                  *compiled.session->findOutput(mask), mask + " of step " + std::to_string(step));
    }
    compiled.session->reset();
  }
}

TEST_F(OnnxModels, ASessionCarriesTheStreamOfDtln) {
  expectStream("dtln_model_1", "input_2", "activation_2", "input_3", "tf_op_layer_stack_2");
  expectStream("dtln_model_2", "input_4", "conv1d_3", "input_5", "tf_op_layer_stack_5");
}

TEST_F(OnnxModels, MnistCntkIsRightOn9891DigitsOf10000) {
  auto digits = data::readNpz(shared + "/data/mnist.npz", {"x_test", "y_test"});
  if (!digits.isOk())
    GTEST_SKIP() << "../shared/data is not there";
  Compiled compiled = compile(shared + "/models/mnist_cntk.onnx");
  ASSERT_TRUE(compiled.session);
  const Tensor *images = data::findTensor(*digits, "x_test"),
               *labels = data::findTensor(*digits, "y_test");
  ASSERT_TRUE(images && labels);
  int64_t right = 0, pixels = 28 * 28, dims[] = {1, 1, 28, 28};
  std::vector<float> image(static_cast<size_t>(pixels));
  for (int64_t i = 0; i < images->dim(0); ++i) {
    for (int64_t p = 0; p < pixels; ++p)
      image[static_cast<size_t>(p)] = images->data<uint8_t>()[i * pixels + p];
    Status ran =
        compiled.session->run(*compiled.state, {TensorView{DType::F32, 4, dims, image.data()}});
    ASSERT_TRUE(ran.isOk()) << ran.message();
    const float *scores = compiled.session->output(0).data<float>();
    right += std::max_element(scores, scores + 10) - scores == labels->data<uint8_t>()[i];
  }
  EXPECT_EQ(right, 9891);
}

} // namespace
} // namespace ingot::test
