// The frameworks' recorded training runs on compiled code: from the same initial weights and
// batches the same 30 losses, and under sgd the same final weights.
// ../shared/refs_training/README.md says which differences are rounding.
#include "compiler/Compile.h"
#include "ingot/Model.h"
#include "tests/endtoend/ExpectLosses.h"
#include "tests/support/RunCompiled.h"
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ingot::test {
namespace {

constexpr int64_t kSteps = 30;

class TrainingCurves : public ::testing::TestWithParam<CurveId> {
protected:
  mlir::MLIRContext context;

  void SetUp() override {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The compiled training step of the curve's model.
  std::shared_ptr<const Artifact> compile(const CurveId &curve) {
    auto module = buildReferenceModel(context, curve);
    EXPECT_TRUE(mlir::succeeded(buildTrainStep(*module, "loss", optimizerOf(curve))));
    CompileOptions options;
    options.name = curve.name();
    options.functions = {"initialize", "train_step"};
    std::string path = ::testing::TempDir() + curve.name() + "-" + std::to_string(getpid()) + ".so";
    if (mlir::failed(compileToFile(*module, tests::instrumented(options), path))) {
      ADD_FAILURE() << "does not compile";
      return nullptr;
    }
    auto artifact = Artifact::open(path);
    std::filesystem::remove(path);
    EXPECT_TRUE(artifact.isOk()) << artifact.status().message();
    return artifact.isOk() ? *artifact : nullptr;
  }

  /// 99.9 % within 1e-3: of the weights, and of the weights and running statistics together.
  static void expectFinalVariables(const Artifact &artifact, State &state,
                                   const std::map<std::string, std::vector<float>> &final) {
    int64_t weights = 0, weightsOff = 0, total = 0, off = 0;
    for (auto &[name, expected] : final) {
      auto actual = state.get(name);
      ASSERT_TRUE(actual.isOk()) << actual.status().message();
      bool weight = artifact.findVariable(name)->flags & INGOT_VARIABLE_TRAINABLE;
      for (size_t i = 0; i < expected.size(); ++i) {
        bool differs = !(std::fabs(actual->data<float>()[i] - expected[i]) <= 1e-3);
        ++total;
        off += differs;
        weights += weight;
        weightsOff += weight && differs;
      }
    }
    EXPECT_GT(weights, 0);
    EXPECT_LE(weightsOff, weights / 1000) << "of " << weights << " final weights";
    EXPECT_LE(off, total / 1000) << "of " << total << " final values";
  }

  static double tolerance(const CurveId &curve, int64_t step) {
    if (step <= 10)
      return curve.model == "cnn_bn" ? 1e-4 : 1e-5;
    return step <= 20 ? 1e-3 : 2e-2;
  }
};

TEST_P(TrainingCurves, LossesAndFinalWeightsAreTheFrameworks) {
  const CurveId &curve = GetParam();
  CurveData data = readCurve(curve, kSteps);
  if (!data.error.empty())
    GTEST_SKIP() << "no reference runs: " << data.error;
  auto artifact = compile(curve);
  ASSERT_TRUE(artifact);
  auto created = State::create(artifact);
  ASSERT_TRUE(created.isOk()) << created.status().message();
  State &state = **created;
  ASSERT_NO_FATAL_FAILURE(expectLosses(artifact, state, data, kSteps,
                                       [&](int64_t step) { return tolerance(curve, step); }));
  if (curve.optimizer != "sgd")
    return;
  expectFinalVariables(*artifact, state, data.final);
}

INSTANTIATE_TEST_SUITE_P(All, TrainingCurves, ::testing::ValuesIn(allCurves()),
                         [](const auto &info) { return info.param.name(); });

} // namespace
} // namespace ingot::test
