// Streams of batches: order, workers, errors, where sources are left and begun again.
#include "runtime/train/BatchStream.h"
#include "Fixture.h"
#include "ingot/train/Sources.h"

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace {

/// Batches of one sample that say which they are; slow in a way that differs from batch to batch.
class Counting : public DataSource {
public:
  std::optional<int64_t> count = 40;
  int64_t last = 1000000; ///< where an unknown number ends
  int64_t failsAt = -1, throwsAt = -1;
  bool sequential = false;
  std::atomic<int> inside{0}, most{0}, fills{0};
  std::atomic<int64_t> expected{0};
  int begins = 0, ends = 0;

  std::optional<int64_t> batchCount() const override { return count; }
  bool isSequential() const override { return sequential; }
  void onEpochBegin() override {
    ++begins;
    EXPECT_EQ(inside, 0);
  }
  void onEpochEnd() override {
    ++ends;
    EXPECT_EQ(inside, 0);
  }
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override {
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    ++fills;
    if (sequential) {
      EXPECT_TRUE(batch == 0 || batch == expected) << batch;
      expected = batch + 1;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(batch * 7919 % 13 * 20));
    --inside;
    if (batch == throwsAt)
      throw std::runtime_error("out of paper");
    if (batch == failsAt)
      return Status(StatusCode::IoError, "a picture is missing");
    if (batch >= last)
      return false;
    out.inputs.resize(2);
    out.targets.resize(1);
    INGOT_RETURN_IF_ERROR(out.inputs[0].resize(DType::F32, {1, 2}));
    INGOT_RETURN_IF_ERROR(out.inputs[1].resize(DType::U8, {1}));
    INGOT_RETURN_IF_ERROR(out.targets[0].resize(DType::I64, {1}));
    out.inputs[0].data<float>()[0] = float(epoch);
    out.inputs[0].data<float>()[1] = float(batch);
    out.inputs[1].data<uint8_t>()[0] = uint8_t(batch);
    out.targets[0].data<int64_t>()[0] = batch % 2;
    return true;
  }
};

class BatchStreamTest : public TrainFixture {
protected:
  Feed feed() {
    const Artifact &artifact = *state->artifact();
    return Feed(*artifact.findFunction("train_step"), artifact.findFunction("predict"), 2);
  }

  /// The numbers of the batches that come, at most `most`.
  std::vector<int64_t> take(BatchStream &stream, int64_t most = 1000) {
    std::vector<int64_t> numbers;
    while (int64_t(numbers.size()) < most) {
      Result<const FedBatch *> batch = stream.next();
      EXPECT_TRUE(batch.isOk()) << batch.status().message();
      if (!batch.isOk() || !*batch)
        break;
      const FedBatch &fed = **batch;
      EXPECT_EQ(fed.rows, 1);
      const auto number = int64_t(static_cast<const float *>(fed.views[0].data)[1]);
      EXPECT_EQ(fed.views[1].dtype, DType::F32) << "converted";
      EXPECT_EQ(static_cast<const float *>(fed.views[1].data)[0], float(number));
      numbers.push_back(number);
    }
    return numbers;
  }

  static std::vector<int64_t> range(int64_t begin, int64_t end) {
    std::vector<int64_t> numbers;
    for (int64_t i = begin; i < end; ++i)
      numbers.push_back(i);
    return numbers;
  }
};

TEST_F(BatchStreamTest, BatchesComeInOrderForAnyNumberOfWorkers) {
  for (const int workers : {0, 1, 2, 5})
    for (const int64_t queue : {1, 3, 100}) {
      Counting source;
      BatchStream stream(source, feed(), workers, queue);
      for (int64_t pass = 0; pass < 2; ++pass) {
        stream.seek(pass, 0);
        EXPECT_EQ(take(stream), range(0, 40)) << workers << " workers, queue of " << queue;
        stream.endPass();
      }
      EXPECT_EQ(source.fills, 80);
      EXPECT_LE(source.most, std::max(workers, 1));
      EXPECT_EQ(source.begins, 2);
      EXPECT_EQ(source.ends, 2);
    }
}

TEST_F(BatchStreamTest, NoMoreIsMadeAheadThanTheQueueHolds) {
  Counting source;
  BatchStream stream(source, feed(), 2, 3);
  stream.seek(0, 0);
  take(stream, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(source.fills, 1 + 3);
}

TEST_F(BatchStreamTest, AfterLeavingItGoesOnWithWhatWasMade) {
  Counting source;
  BatchStream stream(source, feed(), 3, 8);
  stream.seek(0, 0);
  EXPECT_EQ(take(stream, 10), range(0, 10));
  stream.leave();
  EXPECT_EQ(source.inside, 0);
  const int before = source.fills;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(source.fills, before);
  stream.seek(0, 10);
  EXPECT_EQ(take(stream), range(10, 40));
  EXPECT_EQ(source.fills, 40) << "nothing is made twice";
}

TEST_F(BatchStreamTest, SeeksToAnyBatch) {
  Counting source;
  BatchStream stream(source, feed(), 2, 4);
  stream.seek(3, 17);
  EXPECT_EQ(take(stream, 3), range(17, 20));
  stream.seek(0, 38);
  EXPECT_EQ(take(stream), range(38, 40));
}

TEST_F(BatchStreamTest, ASequentialSourceIsAskedInOrderByOne) {
  Counting source;
  source.sequential = true;
  source.count.reset();
  source.last = 25;
  BatchStream stream(source, feed(), 4, 6);
  stream.seek(0, 0);
  EXPECT_EQ(take(stream, 10), range(0, 10));
  stream.leave();
  stream.seek(0, 10);
  EXPECT_EQ(take(stream), range(10, 25));
  EXPECT_EQ(stream.batchCount(), 25);
  stream.endPass();
  stream.seek(1, 20); // run through to there
  EXPECT_EQ(take(stream), range(20, 25));
  EXPECT_EQ(source.most, 1);
}

TEST_F(BatchStreamTest, AnErrorComesWithItsBatchAndInItsTurn) {
  for (const int workers : {0, 1, 4}) {
    Counting source;
    source.failsAt = 5;
    BatchStream stream(source, feed(), workers, 10);
    stream.seek(2, 0);
    EXPECT_EQ(take(stream, 5), range(0, 5));
    const Result<const FedBatch *> failed = stream.next();
    EXPECT_EQ(failed.status().code(), StatusCode::IoError);
    EXPECT_EQ(failed.status().message(), "data of epoch 3, batch 5: a picture is missing");
  }
}

TEST_F(BatchStreamTest, AnExceptionOfTheSourceIsAnError) {
  Counting source;
  source.throwsAt = 2;
  BatchStream stream(source, feed(), 2, 10);
  stream.seek(0, 0);
  take(stream, 2);
  const Status status = stream.next().status();
  EXPECT_EQ(status.message(), "data of epoch 1, batch 2: the source threw: out of paper");
}

TEST_F(BatchStreamTest, EndsWhileWorkersAreBusy) {
  Counting source;
  source.count.reset();
  for (int i = 0; i < 20; ++i) {
    BatchStream stream(source, feed(), 3, 5);
    stream.seek(0, 0);
    take(stream, i % 4);
  }
  EXPECT_EQ(source.inside, 0);
}

TEST_F(BatchStreamTest, WhatIsMadeAheadIsNotWaitedFor) {
  Counting source;
  BatchStream stream(source, feed(), 1, 10);
  for (int64_t first = 0; first < 40; first += 10) {
    stream.seek(0, first);
    while (source.fills < first + 10)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stream.leave(); // what was begun is made
    EXPECT_EQ(take(stream, 10), range(first, first + 10));
  }
  EXPECT_EQ(stream.profile().batches, 40);
  EXPECT_EQ(stream.profile().waited, 0);
  EXPECT_EQ(stream.profile().seconds, 0);
}

TEST_F(BatchStreamTest, EachBatchOfASourceThatIsBehindIsWaitedFor) {
  /// Makes no batch before it is waited for.
  struct Behind : Counting {
    BatchStream *stream = nullptr;
    Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override {
      while (stream->profile().waited <= batch)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return Counting::fill(epoch, batch, out);
    }
  };
  Behind source;
  source.count = 12;
  BatchStream stream(source, feed(), 1, 4);
  source.stream = &stream;
  stream.seek(0, 0);
  EXPECT_EQ(take(stream), range(0, 12));
  EXPECT_EQ(stream.profile().batches, 12);
  EXPECT_EQ(stream.profile().waited, 12);
  EXPECT_GT(stream.profile().seconds, 0);
}

TEST_F(BatchStreamTest, TheTrainerTellsHowManyBatchesFitWaitedFor) {
  FitOptions options = quiet();
  options.epochs = 3;
  options.batchSize = 10;
  options.validationSplit = 0.2;
  options.workers = 0; // each is made when it is asked for
  fit(options);
  EXPECT_EQ(trainer->dataProfile().batches, 3 * 4);
  EXPECT_EQ(trainer->dataProfile().waited, 3 * 4);
  options.workers = 1;
  options.epochs = 1;
  fit(options);
  EXPECT_EQ(trainer->dataProfile().batches, 4) << "of the last fit";
}

TEST_F(BatchStreamTest, FitGivesTheSameBitsForAnyNumberOfWorkers) {
  std::set<std::vector<float>> results;
  for (const int workers : {0, 1, 3}) {
    ASSERT_TRUE(trainer->initialize(1).isOk());
    FitOptions options = quiet();
    options.epochs = 3;
    options.batchSize = 4;
    options.workers = workers;
    options.maxQueueSize = 2;
    fit(options);
    results.insert(weights());
  }
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(BatchStreamTest, ShuffledArraysGiveEachSampleOnceAnEpoch) {
  ArraySource source({pair, extra}, {label}, {}, 10, 50, 7);
  source.setOrder(true, 3);
  ASSERT_EQ(source.batchCount(), 6);
  std::vector<std::multiset<float>> epochs(2);
  std::vector<float> first;
  for (int64_t epoch = 0; epoch < 2; ++epoch)
    for (int64_t number = 0; number < 6; ++number) {
      Batch batch;
      ASSERT_TRUE(source.fill(epoch, number, batch).isOk());
      const Tensor &values = batch.inputs[1];
      ASSERT_EQ(values.dim(0), number < 5 ? 7 : 5);
      for (int64_t i = 0; i < values.dim(0); ++i)
        epochs[size_t(epoch)].insert(values.data<float>()[i]);
      first.push_back(values.data<float>()[0]);
    }
  EXPECT_EQ(epochs[0], epochs[1]);
  EXPECT_EQ(epochs[0], std::multiset<float>(extra.data<float>() + 10, extra.data<float>() + 50));
  EXPECT_NE(std::vector<float>(first.begin(), first.begin() + 6),
            std::vector<float>(first.begin() + 6, first.end()));
}

TEST_F(BatchStreamTest, ClassWeightsNeedOneClassASample) {
  open(weighted_fixture());
  const Artifact &artifact = *state->artifact();
  Feed weighing(*artifact.findFunction("train_step"), artifact.findFunction("predict"), 2);
  ASSERT_TRUE(weighing.setClassWeights({{1, 2.5}}).isOk());
  FedBatch batch;
  batch.batch.inputs.push_back(*Tensor::zeros(DType::F32, {3, 2}));
  batch.batch.inputs.push_back(*Tensor::zeros(DType::F32, {3}));
  batch.batch.targets.push_back(*Tensor::of<int64_t>({3}, {1, 0, 7}));
  ASSERT_TRUE(weighing.arrange(batch).isOk());
  const auto *weights = static_cast<const float *>(batch.views[3].data);
  EXPECT_EQ(std::vector<float>(weights, weights + 3), (std::vector<float>{2.5, 1, 1}));
  batch.batch.sampleWeights.push_back(*Tensor::zeros(DType::F32, {3}));
  EXPECT_NE(weighing.arrange(batch).message().find("at the same time"), std::string::npos);
  Feed without = feed();
  open(train_fixture());
  EXPECT_NE(Feed(*state->artifact()->findFunction("train_step"),
                 state->artifact()->findFunction("predict"), 2)
                .setClassWeights({{0, 1}})
                .message()
                .find("takes no sample weights"),
            std::string::npos);
}

} // namespace
