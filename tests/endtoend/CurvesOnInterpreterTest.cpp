// The first steps of the frameworks' recorded training runs on the reference interpreter: gradients
// and optimizers are right before any code is generated. The complete runs are
// TrainingCurvesTest's.
#include "ir/reference/Interpreter.h"
#include "tests/endtoend/ReferenceModels.h"
#include <gtest/gtest.h>

namespace ingot::test {
namespace {

using reference::Interpreter;

template <typename T>
reference::Tensor tensorOf(mlir::Type element, llvm::ArrayRef<int64_t> shape,
                           const std::vector<T> &values) {
  reference::Tensor t(element, shape);
  t.copyFrom(values.data());
  return t;
}

class CurvesOnInterpreter : public ::testing::TestWithParam<CurveId> {};

TEST_P(CurvesOnInterpreter, FirstLossesAreTheFrameworks) {
  const CurveId &curve = GetParam();
  const int64_t steps = 3;
  CurveData data = readCurve(curve, steps);
  if (!data.error.empty())
    GTEST_SKIP() << "no reference runs: " << data.error;
  mlir::MLIRContext context;
  auto module = buildReferenceModel(context, curve);
  ASSERT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", optimizerOf(curve))));
  Interpreter run(*module);
  ASSERT_TRUE(mlir::succeeded(run.run("initialize", {})));
  mlir::Builder b(&context);
  for (auto variable : module->getOps<graph::VariableOp>())
    if (auto it = data.initial.find(variable.getSymName().str()); it != data.initial.end()) {
      auto type = llvm::cast<mlir::RankedTensorType>(variable.getType());
      run.variables[it->first] = tensorOf(b.getF32Type(), type.getShape(), it->second);
    }
  for (int64_t s = 0; s < steps; ++s) {
    auto batch = static_cast<int64_t>(data.labels[s].size());
    auto results =
        run.run("train_step", {tensorOf(b.getF32Type(), {batch, 28, 28, 1}, data.images[s]),
                               tensorOf(b.getIntegerType(64, true), {batch}, data.labels[s])});
    ASSERT_TRUE(mlir::succeeded(results)) << run.error();
    double loss = (*results)[0].real(0);
    EXPECT_NEAR(loss, data.losses[s], 1e-5 * data.losses[s]) << "step " << s + 1;
  }
}

std::vector<CurveId> perceptronCurves() {
  std::vector<CurveId> curves;
  for (const CurveId &curve : allCurves())
    if (curve.model == "mlp")
      curves.push_back(curve);
  return curves;
}
INSTANTIATE_TEST_SUITE_P(Mlp, CurvesOnInterpreter, ::testing::ValuesIn(perceptronCurves()),
                         [](const auto &info) { return info.param.name(); });

} // namespace
} // namespace ingot::test
