// The order of samples: golden values computed by another implementation of the documented
// algorithm (Python integers), so that it can never change unnoticed.
#include "runtime/core/Random.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace ingot;

namespace {

std::vector<int64_t> order(uint64_t seed, int64_t epoch, size_t count) {
  std::vector<int64_t> result(count);
  shuffleOrder(seed, epoch, result);
  return result;
}

TEST(ShuffleTest, FollowsTheDocumentedAlgorithm) {
  EXPECT_EQ(order(0, 0, 10), (std::vector<int64_t>{4, 7, 0, 5, 9, 3, 6, 2, 8, 1}));
  EXPECT_EQ(order(0, 1, 10), (std::vector<int64_t>{4, 3, 6, 2, 8, 0, 9, 7, 1, 5}));
  EXPECT_EQ(order(7, 0, 10), (std::vector<int64_t>{4, 1, 9, 2, 5, 8, 0, 7, 3, 6}));
}

TEST(ShuffleTest, IsAPermutationThatDependsOnSeedAndEpochOnly) {
  std::vector<int64_t> shuffled = order(3, 4, 1000);
  EXPECT_EQ(shuffled, order(3, 4, 1000));
  EXPECT_NE(shuffled, order(3, 5, 1000));
  EXPECT_NE(shuffled, order(4, 4, 1000));
  std::sort(shuffled.begin(), shuffled.end());
  for (int64_t i = 0; i < 1000; ++i)
    EXPECT_EQ(shuffled[size_t(i)], i);
  EXPECT_TRUE(order(1, 1, 0).empty());
  EXPECT_EQ(order(1, 1, 1), (std::vector<int64_t>{0}));
}

TEST(ShuffleTest, EverySampleIsEquallyLikelyAnywhere) {
  // 20000 shuffles of 5: each of the 25 cells has mean 4000 and standard deviation 57.
  int counts[5][5] = {};
  for (int64_t epoch = 0; epoch < 20000; ++epoch) {
    const std::vector<int64_t> shuffled = order(11, epoch, 5);
    for (size_t i = 0; i < 5; ++i)
      ++counts[i][shuffled[i]];
  }
  for (auto &row : counts)
    for (int count : row)
      EXPECT_NEAR(count, 4000, 250);
}

} // namespace
