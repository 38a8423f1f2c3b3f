// Offsets in the arena: no two tensors that are needed at one time overlap, whatever the sizes'
// symbols are, and the arena is hardly larger than the most that is needed at one time.
#include "compiler/memory/ArrangeArena.h"
#include "ir/Graph.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>
#include <random>

namespace ingot {
namespace {

class ArrangeArenaTest : public testing::Test {
protected:
  ArrangeArenaTest() { context.loadDialect<graph::GraphDialect>(); }

  Dim number(int64_t value) { return Dim::constant(&context, value); }
  Dim symbol(llvm::StringRef name) { return Dim::symbol(&context, name); }

  static int64_t valueOf(Dim d, int64_t batch) {
    return d.evaluate([&](llvm::StringRef name) { return name == "batch" ? batch : batch + 3; });
  }

  /// The most bytes that are needed at one time.
  static int64_t largestLiveSet(llvm::ArrayRef<Stay> stays, int64_t batch) {
    int64_t most = 0;
    for (const Stay &at : stays) {
      int64_t live = 0;
      for (const Stay &other : stays)
        if (other.first <= at.first && at.first <= other.last)
          live += valueOf(other.bytes, batch);
      most = std::max(most, live);
    }
    return most;
  }

  static void expectApart(llvm::ArrayRef<Stay> stays, const Arrangement &arrangement,
                          int64_t batch) {
    int64_t all = valueOf(arrangement.bytes, batch);
    for (size_t i = 0; i < stays.size(); ++i) {
      int64_t begin = valueOf(arrangement.offsets[i], batch),
              end = begin + valueOf(stays[i].bytes, batch);
      EXPECT_LE(end, all);
      EXPECT_EQ(begin % 64, 0);
      for (size_t j = 0; j < i; ++j) {
        if (stays[j].last < stays[i].first || stays[i].last < stays[j].first)
          continue;
        int64_t other = valueOf(arrangement.offsets[j], batch),
                otherEnd = other + valueOf(stays[j].bytes, batch);
        EXPECT_TRUE(end <= other || otherEnd <= begin || begin == end || other == otherEnd)
            << i << " and " << j << " at batch " << batch;
      }
    }
  }

  mlir::MLIRContext context;
};

TEST_F(ArrangeArenaTest, KeepsApartWhatIsNeededAtOneTime) {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    llvm::SmallVector<Stay> stays;
    for (int64_t i = 0; i < 40; ++i) {
      Dim units[] = {number(1), symbol("batch"), symbol("batch") * symbol("length"),
                     symbol("batch") * symbol("length") + symbol("batch") * 2};
      Dim bytes = units[random() % 4] * static_cast<int64_t>(random() % 1000 + 1) * 4;
      stays.push_back({bytes, i, i + static_cast<int64_t>(random() % 10)});
    }
    Arrangement arrangement = arrangeArena(&context, stays);
    for (int64_t batch : {0, 1, 7, 64})
      expectApart(stays, arrangement, batch);
  }
}

// Sizes at random, each tensor needed by the next one and some by one more; real networks, whose
// sizes repeat, take the largest live set itself (docs/Performance.md).
TEST_F(ArrangeArenaTest, TakesHardlyMoreThanTheLargestLiveSet) {
  std::mt19937 random(2);
  for (int round = 0; round < 20; ++round) {
    llvm::SmallVector<Stay> stays;
    for (int64_t i = 0; i < 60; ++i)
      stays.push_back({symbol("batch") * static_cast<int64_t>(random() % 4096 + 16) * 64, i,
                       i + 1 + (random() % 4 == 0 ? 1 : 0)});
    Arrangement arrangement = arrangeArena(&context, stays);
    EXPECT_LE(valueOf(arrangement.bytes, 8), 1.2 * largestLiveSet(stays, 8)) << round;
  }
}

} // namespace
} // namespace ingot
