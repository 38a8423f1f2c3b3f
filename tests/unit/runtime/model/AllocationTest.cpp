// A run allocates nothing once shapes were seen: every allocation of the process is counted.
#include "ingot/Model.h"
#include "ingot/ingot.h"
#include "tests/support/CountAllocations.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

using namespace ingot;
using tests::allocationCount;

namespace {

class AllocationTest : public testing::Test {
protected:
  AllocationTest() : pool(2) {
    options.pool = &pool;
    // A thread allocates when it starts, under a sanitizer: both have, when both are in a task.
    std::atomic<int> arrived{0};
    auto meet = [](void *arg, int64_t) {
      auto &count = *static_cast<std::atomic<int> *>(arg);
      for (++count; count < 2;)
        std::this_thread::yield();
    };
    ThreadPool::run(&pool, meet, &arrived, 2);
  }

  std::shared_ptr<const Artifact> artifact = std::move(Artifact::open(FIXTUREWEIGHTS)).value();
  std::unique_ptr<State> state = std::move(State::create(artifact)).value();
  ThreadPool pool;
  SessionOptions options;
};

TEST_F(AllocationTest, TheCounterCounts) {
  int64_t before = allocationCount();
  Tensor tensor = std::move(Tensor::zeros(DType::F32, {100})).value();
  EXPECT_GE(allocationCount() - before, 2); // its memory and its shape
}

TEST_F(AllocationTest, NoneWhenShapesRepeatOrShrink) {
  Session predict = std::move(Session::create(artifact, "predict", options)).value();
  Tensor x = std::move(Tensor::zeros(DType::F32, {64, 3})).value();
  Tensor fewer = std::move(Tensor::zeros(DType::F32, {20, 3})).value();
  ASSERT_TRUE(predict.run(*state, {x}).isOk());
  int64_t before = allocationCount();
  int failures = 0;
  for (int i = 0; i < 100; ++i)
    failures += !predict.run(*state, {i % 3 ? x : fewer}).isOk();
  EXPECT_EQ(allocationCount() - before, 0);
  EXPECT_EQ(failures, 0);
}

TEST_F(AllocationTest, NoneWhenTrainingAndPredictingInTurn) {
  Session predict = std::move(Session::create(artifact, "predict", options)).value();
  Session train = std::move(Session::create(artifact, "train_step", options)).value();
  Tensor x = std::move(Tensor::zeros(DType::F32, {64, 3})).value();
  Tensor target = std::move(Tensor::zeros(DType::F32, {64, 2})).value();
  Tensor kernel = std::move(state->get("dense/kernel")).value();
  ASSERT_TRUE(train.run(*state, {x, target}).isOk());
  ASSERT_TRUE(predict.run(*state, {x}).isOk());
  int64_t before = allocationCount();
  int failures = 0;
  for (int i = 0; i < 100; ++i) { // each predict derives anew
    failures += !train.run(*state, {x, target}).isOk();
    failures += !predict.run(*state, {x}).isOk();
    failures += !state->get("dense/kernel", kernel).isOk();
    failures += !state->setScalar("optimizer/learning_rate", 0.5f).isOk();
  }
  EXPECT_EQ(allocationCount() - before, 0);
  EXPECT_EQ(failures, 0);
}

TEST_F(AllocationTest, NoneThroughTheCInterface) {
  ingot_model *model;
  ingot_state *ownState;
  ingot_session *session;
  ingot_error error;
  ASSERT_EQ(ingot_model_adopt(&artifact->table(), &model, &error), INGOT_CODE_OK);
  ASSERT_EQ(ingot_state_create(model, &ownState, &error), INGOT_CODE_OK);
  ASSERT_EQ(ingot_session_create(model, "predict", nullptr, &session, &error), INGOT_CODE_OK);
  float values[9] = {};
  int64_t dims[] = {3, 3};
  ingot_tensor x = {INGOT_F32, 2, dims, values}, y;
  ASSERT_EQ(ingot_session_run(session, ownState, &x, 1, &error), INGOT_CODE_OK);
  int64_t before = allocationCount();
  int failures = 0;
  for (int i = 0; i < 100; ++i)
    failures += ingot_session_run(session, ownState, &x, 1, &error) != INGOT_CODE_OK ||
                ingot_session_output(session, 0, &y, &error) != INGOT_CODE_OK;
  EXPECT_EQ(allocationCount() - before, 0);
  EXPECT_EQ(failures, 0);
  ingot_session_destroy(session);
  ingot_state_destroy(ownState);
  ingot_model_close(model);
}

} // namespace
