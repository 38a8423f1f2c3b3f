// fit, evaluate and predict over the hand-written artifact.
#include "ingot/train/Trainer.h"
#include "Fixture.h"

#include <cmath>
#include <limits>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace {

class TrainerTest : public TrainFixture {
protected:
  void expectRefused(const Status &status, StatusCode code, std::vector<std::string> words) {
    EXPECT_EQ(status.code(), code) << status.message();
    for (const std::string &word : words)
      EXPECT_NE(status.message().find(word), std::string::npos)
          << "'" << word << "' is not in: " << status.message();
  }
};

TEST_F(TrainerTest, FitLearns) {
  FitOptions options = quiet();
  options.epochs = 60;
  options.batchSize = 8;
  const History history = fit(options);
  const std::vector<double> &loss = history.history.at("loss");
  ASSERT_EQ(loss.size(), 60u);
  EXPECT_EQ(history.epoch.back(), 59);
  EXPECT_LT(loss.back(), 0.3 * loss.front());
  EXPECT_GT(history.history.at("accuracy").back(), 0.95);
  EXPECT_EQ(*state->getScalar<int64_t>("step"), 60 * 7);
}

TEST_F(TrainerTest, InitializeFollowsTheSeed) {
  const std::vector<float> one = weights();
  ASSERT_TRUE(trainer->initialize(2).isOk());
  EXPECT_NE(weights(), one);
  ASSERT_TRUE(trainer->initialize(1).isOk());
  EXPECT_EQ(weights(), one);
}

TEST_F(TrainerTest, MetricsAreMeansOverSamplesWhateverTheBatch) {
  const Logs whole = *evaluate({pair, extra}, {label}, 50);
  const Logs parts = *evaluate({pair, extra}, {label}, 7); // 7 batches of 7 and one of 1
  EXPECT_NEAR(parts.at("loss"), whole.at("loss"), 1e-6);
  EXPECT_NEAR(parts.at("accuracy"), whole.at("accuracy"), 1e-6);
  // Without learning, an epoch's means are those of evaluate.
  ASSERT_TRUE(trainer->setLearningRate(0).isOk());
  FitOptions options = quiet();
  options.batchSize = 7;
  EXPECT_NEAR(fit(options).history.at("loss")[0], whole.at("loss"), 1e-6);
}

TEST_F(TrainerTest, ValidationSplitTakesTheLastSamplesBeforeShuffling) {
  const auto rows = [](const Tensor &tensor, int64_t begin, int64_t end) {
    Shape shape = tensor.shape();
    const size_t row = tensor.byteSize() / size_t(shape[0]);
    shape[0] = end - begin;
    return *Tensor::borrow(tensor.dtype(), shape,
                           static_cast<char *>(const_cast<void *>(tensor.rawData())) +
                               size_t(begin) * row);
  };
  ASSERT_TRUE(trainer->setLearningRate(0).isOk());
  FitOptions options = quiet();
  options.validationSplit = 0.3; // floor(50 * 0.7) = 35 train
  const History split = fit(options);
  const Tensor p0 = rows(pair, 0, 35), e0 = rows(extra, 0, 35), l0 = rows(label, 0, 35);
  const Tensor p1 = rows(pair, 35, 50), e1 = rows(extra, 35, 50), l1 = rows(label, 35, 50);
  EXPECT_NEAR(split.history.at("loss")[0], evaluate({p0, e0}, {l0})->at("loss"), 1e-6);
  EXPECT_NEAR(split.history.at("val_loss")[0], evaluate({p1, e1}, {l1})->at("loss"), 1e-6);
  options.validationData = {{p0, e0}, {l0}}; // takes precedence over the split
  const History given = fit(options);
  EXPECT_NEAR(given.history.at("val_loss")[0], split.history.at("loss")[0], 1e-6);
}

TEST_F(TrainerTest, ValidationDoesNotChangeTheState) {
  FitOptions options = quiet();
  options.epochs = 3;
  fit(options);
  const std::vector<float> without = weights();
  ASSERT_TRUE(trainer->initialize(1).isOk());
  options.validationData = {{pair, extra}, {label}};
  fit(options);
  EXPECT_EQ(weights(), without);
}

TEST_F(TrainerTest, TheSameSeedGivesTheSameBits) {
  FitOptions options = quiet();
  options.epochs = 3;
  options.batchSize = 4;
  const History first = fit(options);
  const std::vector<float> trained = weights();
  ASSERT_TRUE(trainer->initialize(1).isOk());
  EXPECT_EQ(fit(options).history, first.history);
  EXPECT_EQ(weights(), trained);
  ASSERT_TRUE(trainer->initialize(1).isOk());
  options.seed = 9;
  fit(options);
  EXPECT_NE(weights(), trained);
  ASSERT_TRUE(trainer->initialize(1).isOk());
  options.shuffle = false;
  fit(options);
  EXPECT_NE(weights(), trained);
}

TEST_F(TrainerTest, TheStatesSeedOrdersTheSamplesUnlessFitIsGivenOne) {
  FitOptions options = quiet();
  options.batchSize = 4;
  auto train = [&](int64_t stateSeed, std::optional<uint64_t> seed) {
    EXPECT_TRUE(trainer->initialize(1).isOk()); // the same weights
    EXPECT_TRUE(state->setScalar("seed", stateSeed).isOk());
    options.seed = seed;
    fit(options);
    return weights();
  };
  const std::vector<float> three = train(3, std::nullopt);
  EXPECT_EQ(train(5, 3), three);
  EXPECT_EQ(train(3, std::nullopt), three);
  EXPECT_NE(train(5, std::nullopt), three);
}

TEST_F(TrainerTest, ResumingAtAnEpochIsAsIfNeverInterrupted) {
  FitOptions options = quiet();
  options.epochs = 4;
  options.batchSize = 4;
  fit(options);
  const std::vector<float> straight = weights();
  ASSERT_TRUE(trainer->initialize(1).isOk());
  options.epochs = 2;
  fit(options);
  options.initialEpoch = 2;
  options.epochs = 4;
  EXPECT_EQ(fit(options).epoch, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(weights(), straight);
}

TEST_F(TrainerTest, ElementTypesAndTrailingOnesAreAdapted) {
  Tensor bytes = *Tensor::of<uint8_t>({3, 2}, {0, 1, 2, 3, 4, 5});
  Tensor same = *Tensor::of<float>({3, 2}, {0, 1, 2, 3, 4, 5});
  Tensor column = *Tensor::of<double>({3, 1}, {0.5, 1, 2}),
         flat = *Tensor::of<float>({3}, {0.5, 1, 2});
  Tensor small = *Tensor::of<uint8_t>({3, 1}, {0, 1, 1}),
         wide = *Tensor::of<int64_t>({3}, {0, 1, 1});
  const Result<Logs> adapted = evaluate({bytes, column}, {small});
  ASSERT_TRUE(adapted.isOk()) << adapted.status().message();
  EXPECT_EQ(*adapted, *evaluate({same, flat}, {wide}));
  Tensor real = *Tensor::of<float>({3}, {0, 1, 1});
  expectRefused(evaluate({same, flat}, {real}).status(), StatusCode::InvalidArgument,
                {"target 'label'", "i64[batch]", "f32[3]", "convert"});
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  Tensor huge = *Tensor::of<uint64_t>({3}, {0, most, 1});
  expectRefused(evaluate({same, flat}, {huge}).status(), StatusCode::InvalidArgument,
                {"'label'", "sample 1 of the batch", "i64 cannot hold"});
}

TEST_F(TrainerTest, PredictGivesARowASample) {
  const std::vector<Tensor> all = *predict({pair, extra}, 50);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].shape(), (Shape{50, 1}));
  for (int64_t batchSize : {1, 7, 100}) {
    const std::vector<Tensor> parts = *predict({pair, extra}, batchSize);
    ASSERT_EQ(parts[0].shape(), all[0].shape());
    for (int64_t i = 0; i < 50; ++i)
      EXPECT_EQ(parts[0].data<float>()[i], all[0].data<float>()[i]);
  }
  Tensor noPairs = *Tensor::zeros(DType::F32, {0, 2}), none = *Tensor::zeros(DType::F32, {0});
  const Result<std::vector<Tensor>> empty = predict({noPairs, none});
  ASSERT_TRUE(empty.isOk()) << empty.status().message();
  EXPECT_EQ((*empty)[0].shape(), (Shape{0, 1}));
}

TEST_F(TrainerTest, ArraysThatDoNotFitAreNamedWithBothSides) {
  Tensor fewer = *Tensor::zeros(DType::I64, {49});
  expectRefused(trainer->fit({pair, extra}, {fewer}, quiet()).status(), StatusCode::InvalidArgument,
                {"input 'pair' has 50 samples", "target 'label' has 49", "same number"});
  Tensor wide = *Tensor::zeros(DType::F32, {50, 3});
  expectRefused(trainer->fit({wide, extra}, {label}, quiet()).status(), StatusCode::InvalidArgument,
                {"input 'pair'", "f32[batch, 2]", "f32[50, 3]"});
  expectRefused(trainer->fit({pair}, {label}, quiet()).status(), StatusCode::InvalidArgument,
                {"2 inputs ('pair', 'extra')", "got 1"});
  expectRefused(trainer->fit({pair, extra}, {}, quiet()).status(), StatusCode::InvalidArgument,
                {"1 targets ('label')", "got 0"});
  FitOptions options = quiet();
  options.validationData = {{pair, extra}, {fewer}};
  expectRefused(trainer->fit({pair, extra}, {label}, options).status(), StatusCode::InvalidArgument,
                {"validation data", "49"});
}

TEST_F(TrainerTest, OptionsOutOfRangeAreRefused) {
  const auto refused = [&](void (*change)(FitOptions &), const std::string &words) {
    FitOptions options = quiet();
    change(options);
    expectRefused(trainer->fit({pair, extra}, {label}, options).status(),
                  StatusCode::InvalidArgument, {words});
  };
  refused([](FitOptions &o) { o.batchSize = 0; }, "batch size");
  refused([](FitOptions &o) { o.epochs = -1; }, "epochs = -1");
  refused([](FitOptions &o) { o.validationSplit = 1; }, "validationSplit");
  refused([](FitOptions &o) { o.validationSplit = NAN; }, "validationSplit");
  refused([](FitOptions &o) { o.validationSplit = 0.999; },
          "contains 50 samples, which is not sufficient");
  refused([](FitOptions &o) { o.callbacks = {nullptr}; }, "callback");
  expectRefused(evaluate({pair, extra}, {label}, 0).status(), StatusCode::InvalidArgument,
                {"batch size"});
  Tensor noPairs = *Tensor::zeros(DType::F32, {0, 2}), none = *Tensor::zeros(DType::F32, {0});
  expectRefused(trainer->fit({noPairs, none}, {none}, quiet()).status(),
                StatusCode::InvalidArgument, {});
}

TEST_F(TrainerTest, ALabelOutOfRangeNamesTheBatch) {
  label.data<int64_t>()[20] = 5;
  FitOptions options = quiet();
  options.shuffle = false;
  options.batchSize = 8;
  expectRefused(trainer->fit({pair, extra}, {label}, options).status(), StatusCode::OutOfRange,
                {"'train_step', batch 2", "loss"});
}

TEST_F(TrainerTest, ANaNLossIsReportedOnceAndTrainingGoesOn) {
  extra.data<float>()[3] = NAN;
  FitOptions options = quiet();
  options.epochs = 2;
  testing::internal::CaptureStderr();
  const History history = fit(options);
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(std::isnan(history.history.at("loss")[1]));
  EXPECT_EQ(warning.find("warning: the loss is nan from epoch 1, batch "), 0u) << warning;
  EXPECT_EQ(warning.find("warning", 1), std::string::npos) << warning;
}

TEST_F(TrainerTest, AnArtifactWithoutTrainingSaysSo) {
  open(serving_fixture());
  expectRefused(trainer->fit({pair, extra}, {label}, quiet()).status(), StatusCode::NotFound,
                {"'serving'", "'train_step'", "loss and an optimizer"});
  EXPECT_TRUE(predict({pair, extra}).isOk());
}

} // namespace
