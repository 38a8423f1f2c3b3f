// Architectures as users name them, and how many blocks of a kernel there is room for.
#include "backends/gpu/nvrtc/Occupancy.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::gpu {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string parsed(llvm::StringRef list) {
  auto architectures = parseArchitectures(list);
  return architectures ? architectureNames(*architectures)
                       : "error: " + llvm::toString(architectures.takeError());
}

TEST(ArchitectureTest, ListsAreReadInAscendingOrderAndWithoutRepetition) {
  EXPECT_EQ(parsed("sm_80"), "sm_80");
  EXPECT_EQ(parsed("sm_120,sm_90a,sm_75,sm_90a"), "sm_75 sm_90a sm_120");
  EXPECT_EQ(parsed("all"), "sm_75 sm_80 sm_86 sm_89 sm_90a sm_100 sm_120");
}

TEST(ArchitectureTest, WhatIsNotKnownIsNamedWithWhatIs) {
  for (const char *list : {"sm_90", "sm_80,sm_90", "sm_90,nonesuch"})
    EXPECT_THAT(parsed(list), AllOf(HasSubstr("error: no GPU architecture is called 'sm_90'"),
                                    HasSubstr("sm_75 sm_80 sm_86 sm_89 sm_90a sm_100 sm_120"),
                                    HasSubstr("'all'")));
  for (const char *list : {"", "sm_80,", "80", "SM_80", "all,sm_80"})
    EXPECT_THAT(parsed(list), HasSubstr("error: no GPU architecture is called '"));
}

std::string fallbackOf(llvm::StringRef list) {
  auto fallback = ptxFallback(llvm::cantFail(parseArchitectures(list)));
  return fallback ? fallback->ptxTarget() : "none";
}

TEST(ArchitectureTest, PtxIsForTheLowestWhosePtxLaterGpusTake) {
  EXPECT_EQ(fallbackOf("all"), "compute_75");
  EXPECT_EQ(fallbackOf("sm_86,sm_80"), "compute_80");
  EXPECT_EQ(fallbackOf("sm_90a,sm_120"), "compute_120");
  EXPECT_EQ(fallbackOf("sm_90a"), "none");
}

/// "12 blocks, 48 of 64 warps, limit".
std::string room(const BlockNeeds &needs, const char *name) {
  Occupancy has = occupancy(needs, llvm::cantFail(parseArchitectures(name)).front());
  return std::to_string(has.blocks) + " blocks, " + std::to_string(has.warps) + " of " +
         std::to_string(has.mostWarps) + " warps, " + has.limit;
}

// Expected values are those of NVIDIA's cuda_occupancy.h.
TEST(OccupancyTest, TheScarcestThingDecides) {
  EXPECT_EQ(room({256, 32, 0}, "sm_80"), "8 blocks, 64 of 64 warps, threads");
  EXPECT_EQ(room({256, 32, 0}, "sm_75"), "4 blocks, 32 of 32 warps, threads");
  EXPECT_EQ(room({256, 128, 0}, "sm_80"), "2 blocks, 16 of 64 warps, registers");
  EXPECT_EQ(room({256, 33, 0}, "sm_80"), "6 blocks, 48 of 64 warps, registers");
  EXPECT_EQ(room({32, 16, 0}, "sm_86"), "16 blocks, 16 of 48 warps, blocks");
  EXPECT_EQ(room({128, 32, 48 << 10}, "sm_80"), "3 blocks, 12 of 64 warps, shared memory");
  EXPECT_EQ(room({128, 32, 48 << 10}, "sm_120"), "2 blocks, 8 of 48 warps, shared memory");
  EXPECT_EQ(room({128, 168, 200 << 10}, "sm_90a"), "1 blocks, 4 of 64 warps, shared memory");
}

TEST(OccupancyTest, WhatCannotBeLaunchedHasNoRoom) {
  EXPECT_EQ(room({1024, 65, 0}, "sm_80"), "0 blocks, 0 of 64 warps, registers");
  EXPECT_EQ(room({1025, 16, 0}, "sm_80"), "0 blocks, 0 of 64 warps, threads");
  EXPECT_EQ(room({128, 32, (163 << 10) + 1}, "sm_80"), "0 blocks, 0 of 64 warps, shared memory");
  EXPECT_EQ(room({128, 32, 163 << 10}, "sm_80"), "1 blocks, 4 of 64 warps, shared memory");
  EXPECT_EQ(room({128, 32, 100 << 10}, "sm_86"), "0 blocks, 0 of 48 warps, shared memory");
}

} // namespace
} // namespace ingot::gpu
