// Products that a library computes in compiled programs, by the fake driver: which kernels have
// one, and that results are those of the CPU, plain and recorded.
#include "mlir/Parser/Parser.h"
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/runtime/FakeDriver.h"
#include "tests/support/RunCompiled.h"
#include <cmath>

namespace ingot::tests {
namespace {

constexpr const char *kTypes = R"(
!x = tensor<?x32xf32, #graph.dims<[batch, 32]>>
!y = tensor<?x16xf32, #graph.dims<[batch, 16]>>
!xh = tensor<?x32xf16, #graph.dims<[batch, 32]>>
!yh = tensor<?x16xf16, #graph.dims<[batch, 16]>>
)";

/// A product, and what is around it.
struct Program {
  const char *name, *text;
  int products; // that the library computes in a run
  double tolerance = 1e-5;
};

const Program programs[] = {{"plain", R"(
func.func @predict(%x: !x, %w: tensor<32x16xf32>) -> !y {
  %y = graph.matmul %x, %w : (!x, tensor<32x16xf32>) -> !y
  return %y : !y
})",
                             1},
                            {"withBiasAndRelu", R"(
func.func @predict(%x: !x, %w: tensor<32x16xf32>, %b: tensor<16xf32>) -> !y {
  %y = graph.matmul %x, %w : (!x, tensor<32x16xf32>) -> !y
  %bb = graph.broadcast %b {axes = array<i64: 1>} : tensor<16xf32> to !y
  %z = graph.add %y, %bb : !y
  %r = graph.relu %z : !y
  return %r : !y
})",
                             1},
                            {"ofTransposedFactors", R"(
func.func @predict(%x: tensor<32x48xf32>, %w: tensor<16x32xf32>) -> tensor<48x16xf32> {
  %y = graph.matmul %x, %w {transposeLhs = true, transposeRhs = true}
    : (tensor<32x48xf32>, tensor<16x32xf32>) -> tensor<48x16xf32>
  return %y : tensor<48x16xf32>
})",
                             1},
                            {"ofManyMatrices", R"(
func.func @predict(%x: tensor<2x3x12x32xf32>, %w: tensor<2x3x32x20xf32>) -> tensor<2x3x12x20xf32> {
  %y = graph.matmul %x, %w : (tensor<2x3x12x32xf32>, tensor<2x3x32x20xf32>) -> tensor<2x3x12x20xf32>
  return %y : tensor<2x3x12x20xf32>
})",
                             1},
                            {"ofHalves", R"(
func.func @predict(%x: !xh, %w: tensor<32x16xf16>) -> !yh {
  %y = graph.matmul %x, %w : (!xh, tensor<32x16xf16>) -> !yh
  return %y : !yh
})",
                             1, 2e-3},
                            {"ofHalvesWithBias", R"(
func.func @predict(%x: !xh, %w: tensor<32x16xf16>, %b: tensor<16xf16>) -> !yh {
  %y = graph.matmul %x, %w : (!xh, tensor<32x16xf16>) -> !yh
  %bb = graph.broadcast %b {axes = array<i64: 1>} : tensor<16xf16> to !yh
  %z = graph.add %y, %bb : !yh
  return %z : !yh
})",
                             1, 2e-3},
                            {"behindAnother", R"(
func.func @predict(%x: !x, %w: tensor<32x32xf32>, %v: tensor<32x16xf32>) -> !y {
  %h = graph.matmul %x, %w : (!x, tensor<32x32xf32>) -> !x
  %r = graph.relu %h : !x
  %y = graph.matmul %r, %v : (!x, tensor<32x16xf32>) -> !y
  return %y : !y
})",
                             2},
                            // What a library has no word for is a kernel's.
                            {"ofASum", R"(
func.func @predict(%x: !x, %w: tensor<32x16xf32>) -> !y {
  %y = graph.matmul %x, %w : (!x, tensor<32x16xf32>) -> !y
  %z = graph.add %y, %y : !y
  return %z : !y
})",
                             0},
                            {"beforeAnotherMap", R"(
func.func @predict(%x: !x, %w: tensor<32x16xf32>) -> !y {
  %y = graph.matmul %x, %w : (!x, tensor<32x16xf32>) -> !y
  %e = graph.tanh %y : !y
  return %e : !y
})",
                             0},
                            {"withABiasOfRows", R"(
func.func @predict(%x: tensor<24x32xf32>, %w: tensor<32x16xf32>, %b: tensor<24xf32>) -> tensor<24x16xf32> {
  %y = graph.matmul %x, %w : (tensor<24x32xf32>, tensor<32x16xf32>) -> tensor<24x16xf32>
  %bb = graph.broadcast %b {axes = array<i64: 0>} : tensor<24xf32> to tensor<24x16xf32>
  %z = graph.add %y, %bb : tensor<24x16xf32>
  return %z : tensor<24x16xf32>
})",
                             0}};

Tensor inputFor(const ingot_tensor_info &info) {
  Shape shape;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    shape.push_back(info.dims[axis].size < 0 ? 24 : info.dims[axis].size);
  auto tensor = Tensor::zeros(static_cast<DType>(info.dtype), shape);
  for (int64_t i = 0; i < tensor->elementCount(); ++i) {
    const float value = static_cast<float>(i * 7 % 11 - 5) / 8;
    if (tensor->dtype() == DType::F32)
      static_cast<float *>(tensor->rawData())[i] = value;
    else if (tensor->dtype() == DType::F16)
      static_cast<_Float16 *>(tensor->rawData())[i] = static_cast<_Float16>(value);
    else
      static_cast<int64_t *>(tensor->rawData())[i] = i % 8;
  }
  return std::move(*tensor);
}

std::vector<float> valuesOf(const Tensor &tensor) {
  std::vector<float> values;
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    values.push_back(tensor.dtype() == DType::F32
                         ? static_cast<const float *>(tensor.rawData())[i]
                         : static_cast<float>(static_cast<const _Float16 *>(tensor.rawData())[i]));
  return values;
}

void expectNear(const std::vector<float> &expected, const std::vector<float> &actual,
                double tolerance = 1e-5) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(expected[i], actual[i], tolerance * std::fmax(1, std::fabs(expected[i]))) << i;
}

/// `runs` runs of predict.
std::vector<std::vector<float>> outputsOf(const CompiledModule &model, int runs = 1) {
  auto session = Session::create(model.artifact, "predict");
  EXPECT_TRUE(session.isOk()) << session.status().message();
  std::vector<Tensor> inputs;
  for (int64_t i = 0; i < session->function().input_count; ++i)
    inputs.push_back(inputFor(session->function().inputs[i]));
  std::vector<std::vector<float>> outputs;
  for (int run = 0; run < runs; ++run) {
    Status done = session->run(*model.state, std::vector<TensorView>(inputs.begin(), inputs.end()));
    EXPECT_TRUE(done.isOk()) << done.message();
    outputs.push_back(done.isOk() ? valuesOf(session->output(0)) : std::vector<float>());
  }
  return outputs;
}

class LibraryOnDevices : public gputest::DeviceTest {
protected:
  LibraryOnDevices() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  void SetUp() override {
    DeviceTest::SetUp();
    driver.set("capability", "8.0");
  }
  CompiledModule compile(const char *text, const GpuLibrary &library) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(std::string(kTypes) + text, &context);
    EXPECT_TRUE(module);
    CompileOptions options;
    options.targetCpu = "x86-64";
    options.gpu = "host";
    options.hostImage = [](const std::string &source) { return makeHostImage(source, false); };
    options.gpuLibrary = library;
    return CompiledModule(*module, options);
  }
  CompiledModule onDevice(const CompiledModule &model) {
    auto device = Device::open("cuda");
    EXPECT_TRUE(device.isOk()) << device.status().message();
    return model.onDevice(*device);
  }
  int64_t products() { return driver.count("cublasLtMatmul"); }
  const Program &named(const char *name) {
    return *std::find_if(std::begin(programs), std::end(programs),
                         [&](const Program &p) { return std::string(p.name) == name; });
  }
  static const GpuLibrary asked;

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
};

const GpuLibrary LibraryOnDevices::asked = {"cublaslt", {}};

class LibraryPrograms : public LibraryOnDevices, public testing::WithParamInterface<Program> {};

TEST_P(LibraryPrograms, GiveWhatTheCpuGives) {
  CompiledModule model = compile(GetParam().text, asked);
  ASSERT_TRUE(model.ok()) << model.error();
  CompiledModule there = onDevice(model);
  ASSERT_TRUE(there.ok()) << there.error();
  const std::vector<float> expected = outputsOf(model).front();
  for (const std::vector<float> &actual : outputsOf(there, 3)) // the second is recorded
    expectNear(expected, actual, GetParam().tolerance);
  EXPECT_EQ(products(), GetParam().products * 2);
}

INSTANTIATE_TEST_SUITE_P(All, LibraryPrograms, testing::ValuesIn(programs),
                         [](const auto &info) { return std::string(info.param.name); });

TEST_F(LibraryOnDevices, IsNotAskedWhereNobodyAskedForIt) {
  CompiledModule model = compile(named("plain").text, {});
  ASSERT_TRUE(model.ok()) << model.error();
  CompiledModule there = onDevice(model);
  expectNear(outputsOf(model).front(), outputsOf(there).front());
  EXPECT_EQ(driver.count("cublasLtCreate"), 0);
}

TEST_F(LibraryOnDevices, WithoutItKernelsRun) {
  CompiledModule model = compile(named("withBiasAndRelu").text, asked);
  ASSERT_TRUE(model.ok()) << model.error();
  driver.set("cublaslt", "nothing");
  CompiledModule there = onDevice(model);
  expectNear(outputsOf(model).front(), outputsOf(there).front());
  EXPECT_EQ(products(), 0);
}

TEST_F(LibraryOnDevices, ItsFailureNamesTheNode) {
  CompiledModule model = compile(R"(
func.func @predict(%x: !x, %w: tensor<32x16xf32>) -> !y {
  %y = graph.matmul %x, %w : (!x, tensor<32x16xf32>) -> !y loc("encoder/dense")
  return %y : !y
})",
                                 asked);
  ASSERT_TRUE(model.ok()) << model.error();
  driver.set("cublaslt", "failing");
  CompiledModule there = onDevice(model);
  auto session = Session::create(there.artifact, "predict");
  std::vector<Tensor> inputs;
  for (int64_t i = 0; i < session->function().input_count; ++i)
    inputs.push_back(inputFor(session->function().inputs[i]));
  EXPECT_STATUS(session->run(*there.state, std::vector<TensorView>(inputs.begin(), inputs.end())),
                Internal, "function 'predict': encoder/dense");
}

TEST_F(LibraryOnDevices, ComputesTheProductsThatWereChosen) {
  ingot_product p = {};
  p.type = p.result_type = INGOT_F32;
  p.batch = 1;
  p.rows = 24;
  p.columns = 16;
  p.depth = 32;
  p.a_row = 32;
  p.a_depth = 1;
  p.b_depth = 16;
  p.b_column = 1;
  p.d_row = 16;
  ingot_product other = p;
  other.rows = 25;
  ingot_product none = p;
  none.depth = 33; // of no program here
  const std::pair<GpuLibrary, int> cases[] = {{{"cublaslt", {{"Fake GPU", p}}}, 1},
                                              {{"cublaslt", {{"Fake GPU", other}}}, 0},
                                              {{"cublaslt", {{"another GPU", p}}}, 0},
                                              {{"cublaslt", {{"Fake GPU", none}}}, 0}};
  for (const auto &[library, count] : cases) {
    CompiledModule model = compile(named("plain").text, library);
    ASSERT_TRUE(model.ok()) << model.error();
    CompiledModule there = onDevice(model);
    const int64_t before = products();
    expectNear(outputsOf(model).front(), outputsOf(there).front());
    EXPECT_EQ(products() - before, count);
  }
}

/// A run that fails changes nothing but the arena: behind what may fail, products that go to
/// outputs are kernels'.
TEST_F(LibraryOnDevices, BehindWhatMayFailItWritesToTheArenaAlone) {
  const char *text = R"(
func.func @predict(%table: tensor<10x32xf32>, %i: tensor<?xsi64, #graph.dims<[batch]>>, %w: tensor<32x32xf32>, %v: tensor<32x16xf32>) -> !y {
  %x = graph.gather %table, %i {axis = 0 : i64} : (tensor<10x32xf32>, tensor<?xsi64, #graph.dims<[batch]>>) -> !x
  %h = graph.matmul %x, %w : (!x, tensor<32x32xf32>) -> !x
  %y = graph.matmul %h, %v : (!x, tensor<32x16xf32>) -> !y
  return %y : !y
})";
  CompiledModule model = compile(text, asked);
  ASSERT_TRUE(model.ok()) << model.error();
  CompiledModule there = onDevice(model);
  expectNear(outputsOf(model).front(), outputsOf(there).front());
  EXPECT_EQ(products(), 1);
  auto session = Session::create(there.artifact, "predict");
  std::vector<Tensor> inputs;
  for (int64_t i = 0; i < session->function().input_count; ++i)
    inputs.push_back(inputFor(session->function().inputs[i]));
  inputs[1].data<int64_t>()[5] = 10;
  EXPECT_STATUS(session->run(*there.state, std::vector<TensorView>(inputs.begin(), inputs.end())),
                OutOfRange, "function 'predict'");
}

TEST_F(LibraryOnDevices, OfAnUnknownNameIsAnError) {
  CompiledModule model = compile(named("plain").text, {"cudnn", {}});
  EXPECT_FALSE(model.ok());
  EXPECT_NE(model.error().find("unknown library `cudnn`"), std::string::npos) << model.error();
}

} // namespace
} // namespace ingot::tests
