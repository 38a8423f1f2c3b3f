// Initializers, regularizers and constraints: values, terms of the loss, names and mistakes.
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>

namespace ingot::test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace init = keras::initializers;
namespace regularizers = keras::regularizers;
namespace constraints = keras::constraints;

class KerasWeights : public KerasTest {
protected:
  /// The kernel that the initializer gives a Dense of these sizes.
  std::vector<double> kernelOf(const keras::Initializer &initializer, int64_t inputs, int64_t units,
                               int64_t seed = 0) {
    keras::Sequential model({layers::Dense(
        units, {.kernelInitializer = initializer, .inputShape = {inputs}, .name = "d"})});
    load(model, seed);
    return variable("d/kernel");
  }
  /// Products of the rows, or of the columns where there are fewer.
  std::vector<double> products(const std::vector<double> &matrix, int64_t rows, int64_t columns) {
    bool byRows = rows < columns;
    int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    auto at = [&](int64_t i, int64_t k) {
      return matrix[byRows ? i * columns + k : k * columns + i];
    };
    std::vector<double> result;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < count; ++j) {
        double sum = i == j ? -1 : 0;
        for (int64_t k = 0; k < length; ++k)
          sum += at(i, k) * at(j, k);
        result.push_back(sum);
      }
    return result;
  }
};

TEST_F(KerasWeights, orthogonalMatricesAreOrthogonal) {
  for (auto [rows, columns] : {std::pair<int64_t, int64_t>{7, 7}, {5, 9}, {12, 4}}) {
    std::vector<double> kernel = kernelOf("orthogonal", rows, columns);
    EXPECT_THAT(products(kernel, rows, columns), Each(::testing::DoubleNear(0, 1e-5)));
  }
  EXPECT_NE(kernelOf("orthogonal", 3, 3, 1), kernelOf("orthogonal", 3, 3, 2));
  std::vector<double> once = kernelOf("orthogonal", 3, 3, 1),
                      twice = kernelOf(init::Orthogonal({.gain = 2}), 3, 3, 1);
  for (size_t i = 0; i < once.size(); ++i)
    EXPECT_NEAR(twice[i], 2 * once[i], 1e-6);
}

TEST_F(KerasWeights, initializersScaleAndSeed) {
  EXPECT_THAT(kernelOf(init::Identity(3), 2, 3), ElementsAre(3, 0, 0, 0, 3, 0));
  std::vector<double> uniform = kernelOf(
      init::VarianceScaling({.scale = 3, .mode = "fan_out", .distribution = "uniform"}), 20, 50);
  double limit = std::sqrt(3.0 * 3 / 50);
  EXPECT_LE(*std::max_element(uniform.begin(), uniform.end()), limit);
  EXPECT_GE(*std::max_element(uniform.begin(), uniform.end()), 0.95 * limit);
  EXPECT_EQ(kernelOf(init::HeNormal({.seed = 5}), 4, 3, 1),
            kernelOf(init::HeNormal({.seed = 5}), 4, 3, 2));
  EXPECT_NE(kernelOf(init::HeNormal({.seed = 5}), 4, 3), kernelOf(init::HeNormal(), 4, 3));
}

TEST_F(KerasWeights, namesAreKerasAndMistakesAreAnswered) {
  EXPECT_EQ(keras::Initializer("uniform").className, "RandomUniform");
  EXPECT_EQ(keras::Initializer("OrthogonalInitializer").className, "Orthogonal");
  EXPECT_EQ(keras::Regularizer("l1_l2").className, "L1L2");
  EXPECT_EQ(keras::Constraint("unit_norm").className, "UnitNorm");
  EXPECT_THAT(errorOf([] { keras::Regularizer("l3"); }),
              HasSubstr("unknown regularizer 'l3': did you mean"));
  EXPECT_THAT(errorOf([] { keras::Constraint("non_negative"); }),
              HasSubstr("unknown constraint 'non_negative'"));
  EXPECT_THAT(errorOf([] { regularizers::L2(-1); }),
              HasSubstr("regularizer L2: l2 must be a number at least 0"));
  EXPECT_THAT(errorOf([] { init::VarianceScaling({.mode = "fan"}); }),
              HasSubstr("initializer VarianceScaling: mode must be one of 'fan_in'"));
  EXPECT_THAT(errorOf([] {
                layers::Embedding(4, 2,
                                  {.embeddingsConstraint = constraints::MaxNorm(1, {{2}}),
                                   .name = "e"})(keras::Input({3}));
              }),
              AllOf(HasSubstr("layer 'e' (Embedding): constraint MaxNorm is along axis 2"),
                    HasSubstr("'embeddings' of shape (4, 2)")));
  EXPECT_THAT(errorOf([] {
                layers::Dense(3, {.biasInitializer = "orthogonal", .name = "d"})(keras::Input({3}));
              }),
              HasSubstr("layer 'd' (Dense): initializer Orthogonal is for weights of two "
                        "dimensions or more; its weight 'bias' has shape (3,)"));
}

TEST_F(KerasWeights, termsOfRegularizersAreOfTheLoss) {
  layers::Dense dense(2, {.kernelInitializer = "ones",
                          .kernelRegularizer = regularizers::L1L2({0.1, 0.01}),
                          .biasRegularizer = "l2",
                          .activityRegularizer = regularizers::L1(0.5),
                          .inputShape = {3},
                          .name = "d"});
  keras::Sequential model({dense, layers::Dense(2, {.kernelInitializer = init::Identity()})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  load(model);
  reference::Tensor x = floats({2, 3}, {1, 0, 0, 0, 2, 0}), y = floats({2, 2}, {0});
  // Outputs 1, 1, 2, 2: their mean square 2.5, half of their mean sum a sample 1.5; the kernel has
  // 6 * (0.1 + 0.01).
  EXPECT_NEAR(valuesOf(run("evaluate", {x, y})[0])[0], 2.5 + 1.5 + 0.66, 1e-5);
  // Of layers that are not trained only what they give counts.
  dense.setTrainable(false);
  model.compile({.optimizer = "sgd", .loss = "mse"});
  load(model);
  EXPECT_NEAR(valuesOf(run("evaluate", {x, y})[0])[0], 2.5 + 1.5, 1e-5);
}

TEST_F(KerasWeights, resultsAreHeldToBeOrthogonal) {
  keras::Regularizer columns =
      regularizers::OrthogonalRegularizer({.factor = 3, .mode = "columns"});
  keras::Sequential model({layers::Dense(
      2,
      {.kernelInitializer = init::Identity(), .activityRegularizer = columns, .inputShape = {2}})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  load(model);
  // The columns (3, 4) and (4, 3) have the cosine 24 / 25; half of it, a sample.
  reference::Tensor x = floats({2, 2}, {3, 4, 4, 3});
  EXPECT_NEAR(valuesOf(run("evaluate", {x, x})[0])[0], 3 * 0.96 / 2, 1e-5);
}

TEST_F(KerasWeights, constraintsHoldAfterEachUpdate) {
  auto trained = [&](const keras::Constraint &constraint, llvm::ArrayRef<double> kernel) {
    keras::Sequential model({layers::Dense(
        2, {.useBias = false, .kernelConstraint = constraint, .inputShape = {2}, .name = "d"})});
    model.compile({.optimizer = keras::optimizers::SGD({.learningRate = 1e-9}), .loss = "mse"});
    load(model);
    interpreter->variables["d/kernel"] = floats({2, 2}, kernel);
    run("train_step", {floats({1, 2}, {0}), floats({1, 2}, {0})});
    return variable("d/kernel");
  };
  auto near = [](std::vector<double> values) {
    return ::testing::Pointwise(::testing::DoubleNear(1e-5), values);
  };
  std::vector<double> kernel = {3, -0.3, 4, 0.4}; // columns of length 5 and 0.5
  EXPECT_THAT(trained(constraints::MaxNorm(2), kernel), near({1.2, -0.3, 1.6, 0.4}));
  EXPECT_THAT(trained("non_neg", kernel), near({3, 0, 4, 0.4}));
  EXPECT_THAT(trained(constraints::UnitNorm(), kernel), near({0.6, -0.6, 0.8, 0.8}));
  EXPECT_THAT(trained(constraints::MinMaxNorm({.minValue = 1, .maxValue = 4, .rate = 0.5}), kernel),
              near({2.7, -0.45, 3.6, 0.6}));
  EXPECT_THAT(trained(constraints::MaxNorm(1, {.axis = {0, 1}}), {3, 0, 4, 0}),
              near({0.6, 0, 0.8, 0}));
}

TEST_F(KerasWeights, orthogonalRegularizerIsKeras) {
  keras::Sequential model(
      {layers::Dense(2, {.kernelRegularizer = regularizers::OrthogonalRegularizer({.factor = 1}),
                         .inputShape = {3},
                         .name = "d"})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  load(model);
  interpreter->variables["d/kernel"] = floats({3, 2}, {3, 4, 1, 0, 0, 2});
  reference::Tensor x = floats({1, 3}, {0}), y = floats({1, 2}, {0});
  // Rows (0.6, 0.8), (1, 0), (0, 1): products 0.6, 0.8, 0 of three pairs.
  EXPECT_NEAR(valuesOf(run("evaluate", {x, y})[0])[0], 1.4 / 3, 1e-6);
}

} // namespace
} // namespace ingot::test
