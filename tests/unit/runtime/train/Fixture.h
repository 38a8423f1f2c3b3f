// The hand-written artifact with a state and data to learn from.
#ifndef INGOT_TESTS_RUNTIME_TRAIN_FIXTURE_H
#define INGOT_TESTS_RUNTIME_TRAIN_FIXTURE_H

#include "ingot/train/Trainer.h"

#include <gtest/gtest.h>
#include <sstream>

extern "C" const ingot_artifact_table *train_fixture(void);
extern "C" const ingot_artifact_table *serving_fixture(void);
extern "C" const ingot_artifact_table *weighted_fixture(void);
extern "C" const ingot_artifact_table *other_build_fixture(void);
extern "C" const ingot_artifact_table *other_variant_fixture(void);

namespace ingot::test {

class TrainFixture : public ::testing::Test {
protected:
  std::unique_ptr<State> state;
  std::unique_ptr<train::Trainer> trainer;
  std::ostringstream printed;
  Tensor pair, extra, label;

  void SetUp() override {
    open(train_fixture());
    ASSERT_TRUE(trainer->initialize(1).isOk());
    makeData(50);
  }

  void open(const ingot_artifact_table *table) {
    trainer.reset();
    auto artifact = Artifact::adopt(table);
    ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
    auto created = State::create(*artifact);
    ASSERT_TRUE(created.isOk()) << created.status().message();
    state = std::move(*created);
    auto made = train::Trainer::create(*state);
    ASSERT_TRUE(made.isOk()) << made.status().message();
    trainer = std::make_unique<train::Trainer>(std::move(*made));
  }

  /// Points on a spiral, labelled by which side of a plane they lie on.
  void makeData(int64_t samples) {
    pair = *Tensor::zeros(DType::F32, {samples, 2});
    extra = *Tensor::zeros(DType::F32, {samples});
    label = *Tensor::zeros(DType::I64, {samples});
    for (int64_t i = 0; i < samples; ++i) {
      const float x = float(i * 37 % 101) / 50 - 1, y = float(i * 53 % 97) / 48 - 1;
      const float z = float(i * 71 % 89) / 44 - 1;
      pair.data<float>()[2 * i] = x, pair.data<float>()[2 * i + 1] = y;
      extra.data<float>()[i] = z;
      label.data<int64_t>()[i] = x - 2 * y + z > 0.1f;
    }
  }

  train::FitOptions quiet() {
    train::FitOptions options;
    options.verbose = train::Verbosity::Silent;
    options.output = &printed;
    return options;
  }

  /// fit, expected to succeed.
  train::History fit(const train::FitOptions &options) {
    Result<train::History> history = trainer->fit({pair, extra}, {label}, options);
    EXPECT_TRUE(history.isOk()) << history.status().message();
    return history.isOk() ? std::move(*history) : train::History();
  }

  Result<train::Logs> evaluate(const train::Arrays &inputs, const train::Arrays &targets,
                               std::optional<int64_t> batchSize = {}) {
    train::EvaluateOptions options;
    options.batchSize = batchSize;
    options.verbose = train::Verbosity::Silent;
    return trainer->evaluate(inputs, targets, options);
  }

  Result<std::vector<Tensor>> predict(const train::Arrays &inputs,
                                      std::optional<int64_t> batchSize = {}) {
    train::PredictOptions options;
    options.batchSize = batchSize;
    options.verbose = train::Verbosity::Silent;
    return trainer->predict(inputs, options);
  }

  std::vector<float> weights() {
    Tensor kernel = *state->get("dense/kernel"), bias = *state->get("dense/bias");
    std::vector<float> all(kernel.data<float>(), kernel.data<float>() + 3);
    all.push_back(bias.data<float>()[0]);
    return all;
  }
};

} // namespace ingot::test

#endif
