// Dtype policies: what is computed in 16 bits, what stays in f32, and what training makes of it.
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>

namespace ingot::test {
namespace {

using ::testing::HasSubstr;

class KerasMixedPrecision : public KerasTest {
protected:
  ~KerasMixedPrecision() override { keras::config::setDtypePolicy("float32"); }

  keras::Sequential classifier(const std::string &policy) {
    keras::clearSession();
    keras::config::setDtypePolicy(policy);
    keras::Sequential model(
        {keras::Input({6}), layers::Dense(16, {.activation = "relu", .name = "hidden"}),
         layers::BatchNormalization({.name = "norm"}),
         layers::Dense(3, {.activation = "softmax", .name = "scores", .dtype = "float32"})});
    model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.01}),
                   .loss = "sparse_categorical_crossentropy"});
    keras::config::setDtypePolicy("float32");
    return model;
  }
  ingot::Tensor samples() {
    std::vector<float> x;
    for (int64_t i = 0; i < 60 * 6; ++i)
      x.push_back(static_cast<float>(i * 37 % 23 - 11) / 11);
    return *ingot::Tensor::of({60, 6}, x);
  }
  ingot::Tensor classes(const ingot::Tensor &x) {
    std::vector<int64_t> y;
    for (int64_t i = 0; i < x.dim(0); ++i)
      y.push_back(x.data<float>()[i * 6] > 0.3 ? 2 : x.data<float>()[i * 6 + 1] > 0);
    return *ingot::Tensor::of({x.dim(0)}, y);
  }
};

TEST_F(KerasMixedPrecision, computesInSixteenBitsAndKeepsWeightsInThirtyTwo) {
  keras::Sequential model = classifier("mixed_bfloat16");
  EXPECT_EQ(model.impl()->nodes[1]->results[0].dtype, "bfloat16");
  EXPECT_EQ(model.impl()->nodes[2]->results[0].dtype, "bfloat16"); // of statistics in f32
  EXPECT_EQ(model.impl()->outputs[0]->dtype, "float32");
  module = keras::detail::buildModule(*model.impl(), &context, true);
  std::vector<std::string> products;
  module->lookupSymbol("predict")->walk([&](graph::MatMulOp op) {
    products.push_back(graph::elementType(op.getResult()).isBF16() ? "bfloat16" : "float32");
  });
  EXPECT_THAT(products, ::testing::ElementsAre("bfloat16", "float32"));
  EXPECT_EQ(model.getWeight("hidden/kernel").dtype(), DType::F32);
}

TEST_F(KerasMixedPrecision, resultsAreNearThoseOfFloats) {
  ingot::Tensor x = samples();
  keras::Sequential full = classifier("float32");
  ingot::Tensor expected = full.predict(x);
  for (const char *policy : {"mixed_bfloat16", "mixed_float16"}) {
    keras::Sequential mixed = classifier(policy);
    mixed.setWeights(full.getWeights());
    ingot::Tensor got = mixed.predict(x);
    ASSERT_EQ(got.dtype(), DType::F32);
    double most = 0;
    for (int64_t i = 0; i < got.elementCount(); ++i)
      most = std::max<double>(most, std::abs(got.data<float>()[i] - expected.data<float>()[i]));
    EXPECT_LT(most, 0.02) << policy;
    EXPECT_GT(most, 0) << policy; // something was rounded
  }
}

TEST_F(KerasMixedPrecision, learnsAsFloatsDo) {
  ingot::Tensor x = samples(), y = classes(x);
  std::map<std::string, double> last;
  for (const char *policy : {"float32", "mixed_bfloat16", "mixed_float16"}) {
    keras::Sequential model = classifier(policy);
    model.fit(x, y, {.batchSize = 20, .epochs = 40, .verbose = keras::Verbosity::Silent});
    last[policy] = model.evaluate(x, y).at("loss");
  }
  EXPECT_LT(last["float32"], 0.4);
  EXPECT_NEAR(last["mixed_bfloat16"], last["float32"], 0.1);
  EXPECT_NEAR(last["mixed_float16"], last["float32"], 0.1);
}

TEST_F(KerasMixedPrecision, float16TrainsWithAScaledLoss) {
  EXPECT_EQ(classifier("mixed_float16").impl()->training->optimizer.className,
            "LossScaleOptimizer");
  EXPECT_EQ(classifier("mixed_bfloat16").impl()->training->optimizer.className, "Adam");
}

TEST_F(KerasMixedPrecision, policiesAreSavedAndMistakesAreNamed) {
  keras::Sequential model = classifier("mixed_bfloat16");
  keras::detail::Problems problems;
  auto loaded = keras::detail::modelFromJson(keras::detail::modelToJson(*model.impl()), problems);
  ASSERT_TRUE(loaded) << problems.text();
  EXPECT_EQ(loaded->stack[1]->dtypePolicy, "mixed_bfloat16");
  EXPECT_EQ(loaded->stack[3]->dtypePolicy, "float32");
  EXPECT_THAT(errorOf([] { keras::config::setDtypePolicy("mixed_float17"); }),
              HasSubstr("did you mean 'mixed_float16'"));
}

} // namespace
} // namespace ingot::test
