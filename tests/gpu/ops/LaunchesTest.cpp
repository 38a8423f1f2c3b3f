// Small kernels that need nothing of each other run in one launch, of one text or of several, with
// shared memory and without: equal to the CPU's results, on the fake driver under several orders of
// threads and by OpenCL.
#include "mlir/Parser/Parser.h"
#include "tests/gpu/ops/EveryOrder.h"
#include "tests/gpu/ops/HostImage.h"
#include <cmath>
#include <gtest/gtest.h>

namespace ingot::tests {
namespace {

/// A step that updates variables of several sizes, in place, and sums rows of two tensors, whose
/// sums are added. `w` is updated by what is read of `a`, and `a` by what `b` was.
constexpr const char *step = R"(
graph.variable @a {role = "trainable"} : tensor<300xf32>
graph.variable @b {role = "trainable"} : tensor<70xf32>
graph.variable @c {role = "trainable"} : tensor<4096xf32>
graph.variable @d {role = "trainable"} : tensor<600xf32>
graph.variable @w {role = "trainable"} : tensor<300xf32>
func.func @step(%x: tensor<300xf32>, %y: tensor<70xf32>, %z: tensor<4096xf32>, %u: tensor<600xf32>,
                %m: tensor<24x160xf32>, %n: tensor<40x160xf32>) -> (tensor<f32>, tensor<24xf32>) {
  %a = graph.read @a : tensor<300xf32>
  %b = graph.read @b : tensor<70xf32>
  %c = graph.read @c : tensor<4096xf32>
  %d = graph.read @d : tensor<600xf32>
  %w = graph.read @w : tensor<300xf32>
  %an = graph.sub %a, %x : tensor<300xf32>
  %bn = graph.sub %b, %y : tensor<70xf32>
  %cn = graph.sub %c, %z : tensor<4096xf32>
  %dn = graph.sub %d, %u : tensor<600xf32>
  %aw = graph.exp %a : tensor<300xf32>
  %wn = graph.add %w, %aw : tensor<300xf32>
  %me = graph.exp %m : tensor<24x160xf32>
  %ne = graph.exp %n : tensor<40x160xf32>
  %ms = graph.reduce %me {axes = array<i64: 1>, kind = 0 : i32} : (tensor<24x160xf32>) -> tensor<24xf32>
  %ns = graph.reduce %ne {axes = array<i64: 1>, kind = 0 : i32} : (tensor<40x160xf32>) -> tensor<40xf32>
  %mt = graph.reduce %ms {axes = array<i64: 0>, kind = 2 : i32} : (tensor<24xf32>) -> tensor<f32>
  %nt = graph.reduce %ns {axes = array<i64: 0>, kind = 2 : i32} : (tensor<40xf32>) -> tensor<f32>
  %t = graph.add %mt, %nt : tensor<f32>
  graph.assign @a, %an : tensor<300xf32>
  graph.assign @b, %bn : tensor<70xf32>
  graph.assign @c, %cn : tensor<4096xf32>
  graph.assign @d, %dn : tensor<600xf32>
  graph.assign @w, %wn : tensor<300xf32>
  return %t, %ms : tensor<f32>, tensor<24xf32>
}
)";

/// Updates of so many variables, all of one text, in pieces of 16 bytes.
std::string manyUpdates(int variables) {
  std::string text, arguments, updates;
  for (int i = 0; i < variables; ++i) {
    const std::string n = std::to_string(i),
                      type = "tensor<" + std::to_string(64 * (i + 1)) + "xf32>";
    text += "graph.variable @v" + n + " {role = \"trainable\"} : " + type + "\n";
    arguments += (i ? ", %g" : "%g") + n + ": " + type;
    updates += "  %v" + n + " = graph.read @v" + n + " : " + type + "\n  %n" + n +
               " = graph.sub %v" + n + ", %g" + n + " : " + type + "\n  graph.assign @v" + n +
               ", %n" + n + " : " + type + "\n";
  }
  return text + "func.func @step(" + arguments + ") {\n" + updates + "  return\n}\n";
}

class Launches : public gputest::DeviceTest {
protected:
  Launches() { context.loadAllAvailableDialects(); }

  void parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    function = module->lookupSymbol<mlir::func::FuncOp>("step");
    for (mlir::Type type : function.getArgumentTypes())
      inputs.push_back(waves(type, 0.7));
  }

  static reference::Tensor waves(mlir::Type type, double frequency) {
    auto tensor = llvm::cast<mlir::RankedTensorType>(type);
    reference::Tensor made(tensor.getElementType(), tensor.getShape());
    for (int64_t i = 0; i < made.numElements(); ++i)
      made.set(i, reference::Number::real(std::sin(frequency * static_cast<double>(i))));
    made.round();
    return made;
  }

  /// Results of two runs, and the variables afterwards.
  std::vector<reference::Tensor> run(CompiledModule &compiled) {
    auto variables = module->getOps<graph::VariableOp>();
    for (auto variable : variables)
      compiled.setVariable(variable.getSymName().str(), waves(variable.getType(), 0.3));
    std::vector<reference::Tensor> all;
    for (int i = 0; i < 2; ++i)
      for (reference::Tensor &result : compiled.run("step", inputs, function.getResultTypes()))
        all.push_back(std::move(result));
    EXPECT_EQ(compiled.error(), "");
    for (auto variable : variables)
      all.push_back(compiled.variable(
          variable.getSymName().str(),
          llvm::cast<mlir::RankedTensorType>(variable.getType()).getElementType()));
    return all;
  }
  void expectSame(CompiledModule &here, CompiledModule &there) {
    std::vector<reference::Tensor> expected = run(here), actual = run(there);
    ASSERT_EQ(expected.size(), actual.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_EQ(difference(expected[i], actual[i], 1e-6, 1e-6), "") << i;
  }

  static mlir::DialectRegistry allDialects() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }
  mlir::MLIRContext context{allDialects()};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::vector<reference::Tensor> inputs;
};

TEST_F(Launches, ThoseOfSmallKernelsAreShared) {
  parse(step);
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "host";
  options.hostImage = [](const std::string &source) { return makeHostImage(source); };
  CompiledModule here(*module, options);
  ASSERT_TRUE(here.ok()) << here.error();
  // Sums of rows, their largest with the updates, the sum; `w` before `a`.
  const ingot_artifact_table &table = here.artifact->table();
  ASSERT_EQ(table.device_count, 2);
  for (int64_t i = 0; i < table.device_count; ++i) {
    const ingot_function &there = table.devices[i].table->functions[0];
    EXPECT_LE(there.kernel_count, 5) << table.devices[i].family;
    EXPECT_LT(there.kernel_count, table.functions[0].kernel_count);
  }
  inEveryOrder(driver, here, [&](CompiledModule &there) { expectSame(here, there); });
}

TEST_F(Launches, OfManyKernelsHaveFewParametersEach) {
  parse(manyUpdates(70));
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "host";
  options.hostImage = [](const std::string &source) { return makeHostImage(source); };
  CompiledModule here(*module, options);
  ASSERT_TRUE(here.ok()) << here.error();
  const ingot_device_code &code = here.artifact->table().devices[0];
  EXPECT_LE(code.table->functions[0].kernel_count, 4);
  for (int64_t k = 0; k < code.kernel_count; ++k)
    EXPECT_LE(code.kernels[k].parameters, 120);
  inEveryOrder(driver, here, [&](CompiledModule &there) { expectSame(here, there); });
}

TEST_F(Launches, ByOpenCl) {
  parse(step);
  auto device = Device::open("opencl");
  if (!device.isOk())
    GTEST_SKIP() << device.status().message();
  CompileOptions options;
  options.targetCpu = "x86-64";
  options.gpu = "opencl";
  CompiledModule here(*module, options);
  ASSERT_TRUE(here.ok()) << here.error();
  CompiledModule there = here.onDevice(*device);
  ASSERT_TRUE(there.ok()) << there.error();
  expectSame(here, there);
}

} // namespace
} // namespace ingot::tests
