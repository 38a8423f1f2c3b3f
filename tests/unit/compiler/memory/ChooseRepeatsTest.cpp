// What is computed twice for less memory: targets are met, cheap steps go first, needless ones are
// taken back, and where a target cannot be met that is said.
#include "compiler/memory/ChooseRepeats.h"
#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>

namespace ingot {
namespace {

constexpr int kNever = INT32_MAX;

/// Step i < n makes value i of value i - 1; step n + j makes gradients back from the last, reading
/// value n - 1 - j as well.
StepProgram chain(int n, int64_t bytes = 1) {
  StepProgram program;
  for (int s = 0; s < 2 * n; ++s) {
    StepProgram::Step step;
    if (s > 0)
      step.reads.push_back(s - 1);
    if (s >= n && s != n)
      step.reads.push_back(2 * n - 1 - s);
    step.results = {s};
    step.mayRepeat = true;
    step.cost = 10;
    program.steps.push_back(step);
    program.values.push_back({s, bytes, false});
  }
  return program;
}

int64_t plainPeak(const StepProgram &program) { return chooseRepeats(program, INT64_MAX)->peak; }

int repeated(const Repeats &repeats) {
  return static_cast<int>(
      std::count_if(repeats.from.begin(), repeats.from.end(), [](int f) { return f != kNever; }));
}

TEST(ChooseRepeats, NothingIsRepeatedWhereAllFits) {
  StepProgram program = chain(8);
  auto all = chooseRepeats(program, 100);
  ASSERT_TRUE(all);
  EXPECT_EQ(repeated(*all), 0);
  EXPECT_EQ(all->cost, 0);
  EXPECT_EQ(all->peak, 9) << "all values of the forward pass, and one gradient";
  EXPECT_EQ(runsOf(program, all->from).size(), 16u);
}

TEST(ChooseRepeats, TargetsAreMetAndCostGrowsAsTheyFall) {
  StepProgram program = chain(64);
  int64_t peak = plainPeak(program);
  double cost = 0;
  for (int64_t target : {peak - 1, peak * 3 / 4, peak / 2, peak / 3}) {
    auto repeats = chooseRepeats(program, target);
    ASSERT_TRUE(repeats) << target;
    EXPECT_LE(repeats->peak, target);
    EXPECT_GE(repeats->cost, cost);
    cost = repeats->cost;
    EXPECT_LE(cost, 64 * 10) << "each step of the forward pass at most once again";
  }
  EXPECT_EQ(chooseRepeats(program, peak - 1)->cost, 10) << "one value less";
}

TEST(ChooseRepeats, SegmentsReachAboutTheSquareRoot) {
  StepProgram program = chain(100);
  std::vector<Repeats> way = repeatsTowardsLeast(program);
  ASSERT_FALSE(way.empty());
  EXPECT_LE(way.back().peak, 30) << "segments of 10 values would take 10 + 10";
  for (size_t i = 1; i < way.size(); ++i)
    EXPECT_LT(way[i].peak, way[i - 1].peak);
}

TEST(ChooseRepeats, CheapStepsGoFirst) {
  StepProgram program = chain(12);
  for (int s = 0; s < 12; s += 2)
    program.steps[s].cost = 1000;
  auto repeats = chooseRepeats(program, plainPeak(program) - 3);
  ASSERT_TRUE(repeats);
  EXPECT_EQ(repeats->cost, 30);
}

TEST(ChooseRepeats, WhatMayNotBeRepeatedIsKept) {
  StepProgram program = chain(12);
  for (StepProgram::Step &step : program.steps)
    step.mayRepeat = false;
  EXPECT_FALSE(chooseRepeats(program, plainPeak(program) - 1));
  EXPECT_TRUE(repeatsTowardsLeast(program).empty());
  // The same where the repetition would stand behind an update of what it reads.
  program = chain(12);
  for (StepProgram::Step &step : program.steps)
    step.repeatBefore = 11;
  EXPECT_FALSE(chooseRepeats(program, plainPeak(program) - 1));
}

TEST(ChooseRepeats, AValueThatIsReadLateAloneIsMadeLate) {
  // 0: large; 1, 2: others, small; 3 reads all.
  StepProgram program;
  for (int s = 0; s < 4; ++s) {
    program.steps.push_back({{}, {}, {s}, true, kNever, 1});
    program.values.push_back({s, s == 0 ? 100 : s == 1 ? 50 : 1, false});
  }
  program.steps[2].reads = {1};
  program.steps[3].reads = {0, 2};
  auto repeats = chooseRepeats(program, 102);
  ASSERT_TRUE(repeats);
  EXPECT_EQ(repeats->cost, 0);
  std::vector<StepRun> runs = runsOf(program, repeats->from);
  ASSERT_EQ(runs.size(), 4u) << "step 0 runs once";
  EXPECT_EQ(runs[0].step, 1);
  EXPECT_EQ(runs[2].step, 0);
  EXPECT_TRUE(runs[2].isRepetition);
  EXPECT_EQ(runs[2].before, 3);
}

TEST(ChooseRepeats, ThoseAtThePeakAreNamedByTheirSize) {
  StepProgram program = chain(4);
  program.values[1].bytes = 7;
  std::vector<int> values = valuesAtPeak(program, *chooseRepeats(program, 100));
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(program.values[values[1]].bytes, 1);
}

} // namespace
} // namespace ingot
