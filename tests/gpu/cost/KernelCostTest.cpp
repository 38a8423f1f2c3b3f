// The model of what kernels take, against cases that were computed by hand from the published
// figures of an A100 (108 multiprocessors at 1.41 GHz, 64 lanes, 1555 GB/s) and an H100 (132 at
// 1.83 GHz, 128 lanes, 3350 GB/s).
#include "backends/gpu/cost/KernelCost.h"
#include <gtest/gtest.h>

namespace ingot::gpu {
namespace {

constexpr Architecture a100{80, false}, h100{90, true};
constexpr double kLaunch = 0.5e-6;

KernelResources straight(const InstructionCounts &instructions) {
  KernelResources kernel;
  kernel.registers = 32;
  kernel.instructions = instructions;
  return kernel;
}

/// All of it one loop.
KernelResources looping(const InstructionCounts &instructions, int64_t groupsUnderWay = 0) {
  KernelResources kernel = straight(instructions);
  int64_t count = 0;
  for (const auto &[name, number] : instructions)
    count += name.find('.') == std::string::npos ? number : 0;
  kernel.loops.push_back({0, count - 1, instructions, groupsUnderWay});
  return kernel;
}

/// 256 threads a block, and the operations of so many trips of each warp.
KernelLaunch trips(int64_t blocks, double trips, double flopsOfWarp) {
  double flops = trips * flopsOfWarp * 8 * static_cast<double>(blocks);
  return {blocks, 256, 0, flops, 0, flops};
}

TEST(KernelCostTest, AMapOfManyElementsIsBoundByMemory) {
  // 2^26 elements of f32 read, increased and written.
  KernelResources map = straight({{"LDG", 1}, {"FADD", 1}, {"STG", 1}, {"IMAD", 7}});
  double count = 1 << 26;
  KernelCost cost = kernelCost(map, {1 << 18, 256, 0, count, 8 * count, count}, a100);
  EXPECT_STREQ(cost.bound, "memory");
  EXPECT_NEAR(cost.seconds, 8 * count / 1555e9 + kLaunch, 1e-12);
  EXPECT_NEAR(cost.roofline, 8 * count / 1555e9, 1e-12);
  EXPECT_EQ(cost.occupancy.warps, 64);
  EXPECT_EQ(cost.loopInstructions, 0);
}

TEST(KernelCostTest, ALoopReachesTheShareOfThePeakThatItsMultiplyAddsAre) {
  // 64 of 100 instructions. An H100 issues four a cycle and has lanes for as many multiply-adds; an
  // A100 has lanes for two.
  KernelResources loop = looping({{"FFMA", 64}, {"LDS", 8}, {"BAR", 2}, {"IADD3", 26}});
  constexpr double ofWarp = 32 * 2 * 64;
  KernelCost onH100 = kernelCost(loop, trips(132 * 8, 1e5, ofWarp), h100);
  EXPECT_STREQ(onH100.bound, "issue");
  EXPECT_NEAR(onH100.share(), 0.64, 1e-3);
  EXPECT_EQ(onH100.loopInstructions, 100);
  EXPECT_EQ(onH100.loopArithmetic, 64);
  EXPECT_NEAR(onH100.loopTrips, 1e5, 1e-3);
  KernelCost onA100 = kernelCost(loop, trips(108 * 8, 1e5, ofWarp), a100);
  EXPECT_STREQ(onA100.bound, "FP32");
  EXPECT_NEAR(onA100.share(), 1, 1e-3);
}

TEST(KernelCostTest, ArithmeticOfIndicesTakesTheLanesOfIntegers) {
  // 90 of 100 instructions, for 64 lanes: 45 cycles of a warp on a multiprocessor.
  KernelResources loop = looping({{"FFMA", 10}, {"IADD3", 60}, {"LOP3", 20}, {"ISETP", 10}});
  KernelCost cost = kernelCost(loop, trips(132 * 8, 1e5, 32 * 2 * 10), h100);
  EXPECT_STREQ(cost.bound, "integers");
  EXPECT_NEAR(cost.seconds, 1e5 * 64 * 45 / 1.83e9 + kLaunch, 1e-9);
}

TEST(KernelCostTest, OneMoreBlockThanMultiprocessorsTakesTwiceAsLong) {
  KernelResources loop = looping({{"FFMA", 64}, {"IADD3", 4}});
  constexpr double ofWarp = 32 * 2 * 64;
  KernelCost full = kernelCost(loop, trips(108, 1e4, ofWarp), a100);
  KernelCost more = kernelCost(loop, trips(109, 1e4, ofWarp), a100);
  EXPECT_NEAR((more.seconds - kLaunch) / (full.seconds - kLaunch), 2, 1e-9);
}

TEST(KernelCostTest, AFewBlocksWaitForTheirLoads) {
  // One block, 49 trips with a load of 500 cycles each; and the same with copies of which two more
  // groups are under way.
  constexpr double ofWarp = 32 * 2 * 64;
  KernelCost cost =
      kernelCost(looping({{"FFMA", 64}, {"LDG", 2}, {"IADD3", 34}}), trips(1, 49, ofWarp), h100);
  EXPECT_STREQ(cost.bound, "latency");
  // Nothing is outside the loop.
  EXPECT_NEAR(cost.seconds, 49 * 500 / 1.83e9 + kLaunch, 1e-12);
  KernelCost ahead = kernelCost(looping({{"FFMA", 64}, {"LDGSTS", 2}, {"IADD3", 34}}, 3),
                                trips(1, 49, ofWarp), h100);
  // Eight warps of 100 instructions are issued in 200 cycles, the copies take 125.
  EXPECT_STREQ(ahead.bound, "issue");
  EXPECT_NEAR(ahead.seconds, 49 * 200 / 1.83e9 + kLaunch, 1e-12);
}

TEST(KernelCostTest, TilesThatStickOutTakeTheTimeOfWholeOnes) {
  KernelResources loop = looping({{"FFMA", 64}, {"IADD3", 4}});
  KernelLaunch whole = trips(108, 1e4, 32 * 2 * 64), aQuarter = whole;
  aQuarter.flops /= 4;
  KernelCost cost = kernelCost(loop, aQuarter, a100);
  EXPECT_EQ(cost.seconds, kernelCost(loop, whole, a100).seconds);
  EXPECT_NEAR(cost.share(), 0.25, 1e-2);
}

TEST(KernelCostTest, RegistersThatLeaveRoomForFewBlocksMakeMoreWaves) {
  KernelResources map = straight({{"LDG", 1}, {"STG", 1}});
  KernelLaunch launch{108 * 8, 256, 0, 0, 0, 0};
  KernelCost eight = kernelCost(map, launch, a100);
  map.registers = 128; // of which two blocks have enough
  KernelCost two = kernelCost(map, launch, a100);
  EXPECT_EQ(eight.occupancy.blocks, 8);
  EXPECT_EQ(two.occupancy.blocks, 2);
  EXPECT_STREQ(two.bound, "latency");
  // A load out of the loop, and two instructions; one wave, and four.
  EXPECT_NEAR(eight.seconds, 502 / 1.41e9 + kLaunch, 1e-12);
  EXPECT_NEAR(two.seconds, 4 * 502 / 1.41e9 + kLaunch, 1e-12);
}

TEST(KernelCostTest, TensorCoresHaveAPeakOfTheirOwn) {
  // 16 x 8 x 16: 4096 operations, of which a multiprocessor of an A100 does 2048 a cycle.
  KernelResources loop = looping({{"HMMA", 32}, {"HMMA.16816", 32}, {"LDSM", 8}, {"LDSM.4", 8}});
  KernelCost onA100 = kernelCost(loop, trips(108 * 8, 1e5, 32 * 4096), a100);
  EXPECT_STREQ(onA100.bound, "tensor cores");
  EXPECT_NEAR(onA100.share(), 1, 1e-3);
  // An H100 does 4096 for warp groups, and fewer for warps.
  KernelCost onH100 = kernelCost(loop, trips(132 * 8, 1e5, 32 * 4096), h100);
  EXPECT_STREQ(onH100.bound, "tensor cores");
  EXPECT_NEAR(onH100.share(), 0.62, 1e-3);
  KernelCost groups = kernelCost(looping({{"HGMMA", 4}, {"HGMMA.64x128x16", 4}}),
                                 trips(132 * 8, 1e5, 4 * 65536), h100);
  EXPECT_STREQ(groups.bound, "tensor cores");
  EXPECT_NEAR(groups.share(), 1, 1e-3);
}

TEST(KernelCostTest, ProductsOfTf32HaveHalfThePeak) {
  KernelResources loop = looping({{"HMMA", 32}, {"HMMA.1688", 32}, {"HMMA.TF32", 32}});
  KernelLaunch launch = trips(108 * 8, 1e5, 32 * 2048);
  KernelCost cost = kernelCost(loop, launch, a100);
  EXPECT_NEAR(cost.roofline, launch.flops / 156e12, cost.roofline * 1e-2);
  EXPECT_NEAR(cost.share(), 1, 1e-3);
}

TEST(KernelCostTest, DoublesHaveAPeakOfTheirOwn) {
  KernelLaunch launch = trips(108 * 8, 1e5, 32 * 2 * 64);
  KernelCost cost = kernelCost(looping({{"DFMA", 64}, {"IADD3", 4}}), launch, a100);
  EXPECT_STREQ(cost.bound, "FP64");
  EXPECT_NEAR(cost.roofline, launch.flops / 9.7e12, cost.roofline * 1e-2);
}

TEST(KernelCostTest, NothingIsFasterThanTheRoofline) {
  // Operations that the code does not show: those of a loop that was not found.
  KernelCost cost = kernelCost(straight({{"FFMA", 64}}), {108, 256, 0, 1e12, 0, 1e12}, a100);
  EXPECT_STREQ(cost.bound, "FP32");
  EXPECT_NEAR(cost.seconds, cost.roofline + kLaunch, 1e-12);
}

TEST(KernelCostTest, SmallKernelsAreTheirLaunch) {
  KernelCost cost = kernelCost(straight({{"STG", 1}}), {1, 32, 0, 0, 128, 0}, a100);
  EXPECT_STREQ(cost.bound, "launch");
  EXPECT_LT(cost.share(), 1e-3);
}

TEST(KernelCostTest, ACopyReadsAndWrites) {
  KernelCost cost = copyCost(1555e6, a100);
  EXPECT_STREQ(cost.bound, "memory");
  EXPECT_NEAR(cost.seconds, 2e-3 + kLaunch, 1e-12);
}

TEST(KernelCostTest, EveryArchitectureHasAMachineOfItsOwn) {
  for (Architecture architecture : knownArchitectures()) {
    const GpuMachine &machine = gpuMachine(architecture);
    EXPECT_EQ(machine.architecture, architecture.number);
    EXPECT_GE(machine.tensorFlops, machine.warpTensorFlops) << machine.name;
  }
}

} // namespace
} // namespace ingot::gpu
