// Gradients through custom ops: made of a custom op that computes them, compared with central
// differences of compiled code; and what is said where there is none.
#include "frontends/custom/CustomOps.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

namespace ingot {
namespace {

using ::testing::HasSubstr;

// y[i] = power (ids[i] + 1) sum_j x[i, j]^2 w[j], and ids as they are.
const char *const kSource = R"(
#include <ingot/custom_op.h>
int32_t weigh(const ingot_custom_call *call) {
  int64_t n = call->inputs[0].dims[0], m = call->inputs[0].dims[1];
  const double *x = call->inputs[0].data, *w = call->inputs[1].data;
  const int32_t *ids = call->inputs[2].data;
  double *y = call->outputs[0].data;
  int32_t *same = call->outputs[1].data;
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < m; ++j)
      sum += x[i * m + j] * x[i * m + j] * w[j];
    y[i] = call->parameters[0].value.ints[0] * (ids[i] + 1) * sum;
    same[i] = ids[i];
  }
  return 0;
}
/* x, w, ids, y, same, dy -> dx, dw */
int32_t weigh_back(const ingot_custom_call *call) {
  int64_t n = call->inputs[0].dims[0], m = call->inputs[0].dims[1];
  const double *x = call->inputs[0].data, *w = call->inputs[1].data, *dy = call->inputs[5].data;
  const int32_t *ids = call->inputs[2].data;
  double *dx = call->outputs[0].data, *dw = call->outputs[1].data;
  for (int64_t j = 0; j < m; ++j)
    dw[j] = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) {
      double d = call->parameters[0].value.ints[0] * (ids[i] + 1) * dy[i];
      dx[i * m + j] = 2 * x[i * m + j] * w[j] * d;
      dw[j] += x[i * m + j] * x[i * m + j] * d;
    }
  return 0;
}
)";

const char *const kDescription = R"([
  {"domain": "test", "operator": "Weigh", "source": "op.c", "function": "weigh",
   "inputs": [{"name": "x", "types": "f64", "shape": ["n", "m"]},
              {"name": "w", "types": "f64", "shape": ["m"]},
              {"name": "ids", "types": "i32", "shape": ["n"]}],
   "outputs": [{"name": "y", "type": "f64", "shape": ["n"]},
               {"name": "same", "type": "i32", "shape": ["n"]}],
   "attributes": [{"name": "power", "type": "int"}],
   "thread_safe": true, GRADIENT},
  {"domain": "test", "operator": "WeighBack", "source": "op.c", "function": "weigh_back",
   "inputs": [{"name": "x", "types": "f64", "shape": ["n", "m"]},
              {"name": "w", "types": "f64", "shape": ["m"]},
              {"name": "ids", "types": "i32", "shape": ["n"]},
              {"name": "y", "types": "f64", "shape": ["n"]},
              {"name": "same", "types": "i32", "shape": ["n"]},
              {"name": "dy", "types": "f64", "shape": ["n"]}],
   "outputs": [{"name": "dx", "type": "f64", "shape": ["n", "m"]},
               {"name": "dw", "type": "f64", "shape": ["m"]}],
   "attributes": [{"name": "power", "type": "int"}],
   "thread_safe": true}])";

// The loss is the sum of y squared.
const char *const kFunction = R"mlir(
  func.func @NAME(%x: tensor<?x3xf64, #graph.dims<[n, 3]>>, %w: tensor<3xf64>,
                  %ids: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<f64> {
    %y, %same = graph.custom_call @"test::Weigh"(%x, %w, %ids) with {power = 3 : i64}
        : (tensor<?x3xf64, #graph.dims<[n, 3]>>, tensor<3xf64>, tensor<?xsi32, #graph.dims<[n]>>)
        -> (tensor<?xf64, #graph.dims<[n]>>, tensor<?xsi32, #graph.dims<[n]>>) loc("weigh")
    %z = graph.mul %y, %y : tensor<?xf64, #graph.dims<[n]>>
    %s = graph.reduce %z {kind = 0 : i32, axes = array<i64: 0>}
        : (tensor<?xf64, #graph.dims<[n]>>) -> tensor<f64>
    return %s : tensor<f64>
  }
)mlir";

class CustomGradient : public test::GraphTest {
protected:
  CustomGradient() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    char name[] = "/tmp/ingot-custom-gradient-XXXXXX";
    directory = mkdtemp(name);
    std::ofstream(directory / "op.c") << kSource;
  }
  ~CustomGradient() override { std::filesystem::remove_all(directory); }

  /// Reads the descriptions, and the functions `f` and `g` that are the loss.
  void load(const std::string &gradient) {
    std::string description = kDescription;
    description.replace(description.find("GRADIENT"), 8, gradient);
    std::string file = (directory / "op.json").string();
    std::ofstream(file) << description;
    auto read = CustomOps::read({file}, &context);
    ASSERT_TRUE(mlir::succeeded(read)) << (messages.empty() ? "" : messages.front());
    ops.emplace(std::move(*read));
    std::string functions;
    for (const char *name : {"f", "g"}) {
      std::string text = kFunction;
      functions += text.replace(text.find("NAME"), 4, name);
    }
    module = mlir::parseSourceString<mlir::ModuleOp>(
        functions, mlir::ParserConfig(&context, /*verifyAfterParse=*/false));
    ASSERT_TRUE(module);
    ASSERT_TRUE(mlir::succeeded(ops->declareIn(*module)));
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module))) << messages.front();
  }
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> differentiateG() {
    mlir::func::FuncOp g = function("g");
    mlir::Value loss = g.getBody().front().getTerminator()->getOperand(0);
    return differentiate(g, loss, {g.getArgument(0), g.getArgument(1)});
  }

  std::filesystem::path directory;
  std::optional<CustomOps> ops;
};

TEST_F(CustomGradient, IsThatOfCentralDifferences) {
  load(R"("gradient": "WeighBack")");
  auto gradients = differentiateG();
  ASSERT_TRUE(mlir::succeeded(gradients)) << messages.front();
  mlir::func::FuncOp g = function("g");
  mlir::Operation *end = g.getBody().front().getTerminator();
  end->setOperands(*gradients);
  g.setFunctionType(
      mlir::FunctionType::get(&context, g.getArgumentTypes(), end->getOperandTypes()));
  CompileOptions options;
  auto code = ops->code("cc");
  ASSERT_TRUE(mlir::succeeded(code)) << messages.front();
  options.customCode = std::move(*code);
  tests::CompiledModule compiled(*module, options);
  ASSERT_TRUE(compiled.ok()) << compiled.error();

  mlir::Type f64 = mlir::Float64Type::get(&context);
  std::vector<reference::Tensor> inputs = {
      tensor({4, 3}, {0.5, -1.25, 2, 0.75, -0.5, 1.5, -2, 1, 0.25, 1.75, -0.75, 0.3}, f64),
      tensor({3}, {1.5, -0.5, 0.8}, f64),
      tensor({4}, {0, 2, 1, 3}, mlir::IntegerType::get(&context, 32, mlir::IntegerType::Signed))};
  auto loss = [&] {
    return compiled.run("f", inputs, function("f").getResultTypes()).at(0).real(0);
  };
  auto actual = compiled.run("g", inputs, g.getResultTypes());
  ASSERT_EQ(actual.size(), 2u) << compiled.error();
  const double h = 1e-5;
  for (size_t argument : {0u, 1u})
    for (int64_t i = 0; i < inputs[argument].numElements(); ++i) {
      double at = inputs[argument].real(i);
      inputs[argument].set(i, reference::Number::real(at + h));
      double above = loss();
      inputs[argument].set(i, reference::Number::real(at - h));
      double numeric = (above - loss()) / (2 * h);
      inputs[argument].set(i, reference::Number::real(at));
      EXPECT_NEAR(actual[argument].real(i), numeric, 1e-6 * (1 + std::fabs(numeric)))
          << "argument " << argument << ", element " << i;
    }
}

TEST_F(CustomGradient, IsMissedByNameWhereThereIsNone) {
  load(R"("deterministic": true)");
  ASSERT_TRUE(mlir::failed(differentiateG()));
  EXPECT_THAT(messages.back(),
              HasSubstr("the custom op `test::Weigh` has no gradient, and the loss "
                        "depends on a value to be trained through it; name a custom "
                        "op that computes it as `gradient` in its description"));
  EXPECT_EQ(layers.back(), "weigh");
}

TEST_F(CustomGradient, TheInterpreterRefusesNativeCodeByName) {
  load(R"("gradient": "WeighBack")");
  test::Interpreter interpreter(*module);
  auto ran = interpreter.run("f", inputsFor(function("f")));
  ASSERT_TRUE(mlir::failed(ran));
  EXPECT_EQ(interpreter.error(), "weigh: the custom op `test::Weigh` is native code, which the "
                                 "interpreter does not run");
}

} // namespace
} // namespace ingot
