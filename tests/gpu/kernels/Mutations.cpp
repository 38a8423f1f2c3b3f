#include "Mutations.h"

namespace ingot::tests {

const std::vector<Mutation> &mutations() {
  static const std::vector<Mutation> all = {
      {"softmax_block", "noBarrierAfterMaxima", "K_BARRIER(); // after the threads' maxima", ""},
      {"softmax_block", "noBarrierInMaximum", "K_BARRIER(); // in the tree of the maximum", ""},
      {"softmax_block", "noBarrierBeforeReuse", "K_BARRIER(); // before red is used again", ""},
      {"softmax_block", "noBarrierAfterSums", "K_BARRIER(); // after the threads' sums", ""},
      {"softmax_block", "noBarrierInSum", "K_BARRIER(); // in the tree of the sum", ""},
      {"softmax_block", "divergentBarrier",
       "red[t] += red[t + s];\n    K_BARRIER(); // in the tree of the sum",
       "{ red[t] += red[t + s];\n    K_BARRIER(); }"},
      {"softmax_block", "halfOfTheTree",
       "s = 64; s > 0; s >>= 1) {\n    if (t < s)\n      red[t] +=",
       "s = 32; s > 0; s >>= 1) {\n    if (t < s)\n      red[t] +="},
      {"softmax_block", "smallArray", "K_SHARED(float, red, 128)", "K_SHARED(float, red, 127)"},
      {"softmax_block", "stepOfTheRow", "most = k_maximum_f32(most, x[i]);\n  red",
       "most = k_maximum_f32(most, x[i - 1]);\n  red"},

      {"softmax_warp", "shortShuffles", "mask = 16; mask > 0; mask >>= 1)\n    sum",
       "mask = 8; mask > 0; mask >>= 1)\n    sum"},
      {"softmax_warp", "partialWarp", "if (row >= rows)", "if (row >= rows || lane == 31)"},
      {"softmax_warp", "rowTooMany", "if (row >= rows)", "if (row > rows)"},

      {"sum_blocks", "noBarrier", "K_BARRIER();\n  if (t < 32)", "if (t < 32)"},
      {"sum_blocks", "twoWriters", "if ((t & 31) == 0)", "if ((t & 31) <= 1)"},
      {"sum_blocks", "elementTooMany", "if (at < n)", "if (at <= n)"},
      {"sum_blocks", "partialWarp", "if (t < 32) {", "if (t < 8) {"},
      {"sum_blocks", "shortShuffles", "mask = 4;", "mask = 2;"},
      {"sum_columns", "noBarrier", "K_BARRIER();\n  if (warp == 0", "if (warp == 0"},
      {"sum_columns", "partTwice", "k_i32 w = 1;", "k_i32 w = 0;"},
      {"sum_columns", "columnTooMany", "warp == 0 && column < columns", "warp == 0"},
      {"transpose_warp", "noWarpBarrier", "K_WARP_BARRIER();", ""},
      {"transpose_warp", "otherPitch", "tile[t * 33 + i]", "tile[t * 32 + i]"},

      {"gemm_simt", "noBarrierBeforeUse", "K_BARRIER(); // tiles are there", ""},
      {"gemm_simt", "noBarrierAfterUse", "K_BARRIER(); // tiles may go", ""},
      {"gemm_simt", "rowsNotBounded", "m0 + row < m && k0", "k0"},
      {"gemm_simt", "depthNotBounded", "k0 + row2 < k && n0", "n0"},
      {"gemm_simt", "storesNotBounded", "row < m && column < n", "column < n"},
      {"gemm_simt", "accumulatorsNotCleared", "acc[i] = 0.f;", "acc[i] = (float)(i / 15);"},

      {"gemm_mma", "waitsForTooLittle", "k_cp_async_wait(1)", "k_cp_async_wait(2)"},
      {"gemm_mma", "noBarrier", "K_BARRIER(); // the tile is there, and", "// and"},
      {"gemm_mma", "wrongStage", "LOAD((tile + 2) % 3,", "LOAD((tile + 1) % 3,"},
      {"gemm_mma", "noCommit", "k_cp_async_commit();\n    K_SHARED", "K_SHARED"},
      {"gemm_mma", "wrongRows", "(wm + i * 16 + (lane & 15))", "(wm + i * 16 + (lane & 7))"},
      {"gemm_mma", "wrongFragment", "&fb[j >> 1][(j & 1) * 2]", "&fb[j & 1][(j >> 1) * 2]"},
      {"gemm_mma", "misaligned", "column = (t & 3) * 8;", "column = (t & 3) * 4;"},
      {"gemm_mma", "partialWarp", "k_mma_f16(acc", "if (lane < 31) k_mma_f16(acc"},
      {"gemm_mma", "rowsNotBounded", "inB = n0 + row < n &&", "inB ="},
      {"gemm_mma", "depthNotBounded", "m0 + row < m && (k0) + column < k;", "m0 + row < m;"},
      {"gemm_mma", "columnsNotBounded", "row < m && column < n)", "row < m)"},

      {"attention", "noWait", "k_cp_async_wait(0);", ""},
      {"attention", "noBarrierBeforeUse", "K_BARRIER(); // the tile is there, and", "// and"},
      {"attention", "notTransposed", "k_ldmatrix_x4_trans(fv", "k_ldmatrix_x4(fv"},
      {"attention", "wrongShuffle", "k_shfl_xor_f32(next, 2)", "k_shfl_xor_f32(next, 4)"},
      {"attention", "sumNotCorrected", "sum[half] *= correction;", ""},
      {"attention", "sameStage", "load_rows(sK + (stage ^ 1)", "load_rows(sK + stage"},
      {"attention", "keysTwice", "k_mma_f16(s[2 * j + 1], fq[kk], fk + 2)",
       "k_mma_f16(s[2 * j + 1], fq[kk], fk)"},

      {"gemm_wgmma", "mbarrierNotSeen", "K_BARRIER(); // mbarriers are there", ""},
      {"gemm_wgmma", "twoArrivals", "k_mbar_init(bar + 1, 1)", "k_mbar_init(bar + 1, 2)"},
      {"gemm_wgmma", "fewerBytes", "k_mbar_expect(bar + (stage), (64 * 64 + 128 * 64) * 2)",
       "k_mbar_expect(bar + (stage), (64 * 64 + 64 * 64) * 2)"},
      {"gemm_wgmma", "moreBytes", "k_mbar_expect(bar + (stage), (64 * 64 + 128 * 64) * 2)",
       "k_mbar_expect(bar + (stage), (64 * 64 + 128 * 64) * 4)"},
      {"gemm_wgmma", "noWaitForBytes", "k_mbar_wait(bar + stage, tile >> 1 & 1);", ""},
      {"gemm_wgmma", "wrongPhase", "k_mbar_wait(bar + stage, tile >> 1 & 1)",
       "k_mbar_wait(bar + stage, tile & 1)"},
      {"gemm_wgmma", "wrongStep",
       "k_wgmma_m64n128k16_f16(c, a + kk * 2, b + kk * 2);\n    k_wgmma_commit();\n    "
       "k_wgmma_wait(0);\n    k_wgmma_hold(c, 64);\n    K_BARRIER",
       "k_wgmma_m64n128k16_f16(c, a + kk * 4, b + kk * 4);\n    k_wgmma_commit();\n    "
       "k_wgmma_wait(0);\n    k_wgmma_hold(c, 64);\n    K_BARRIER"},
      {"gemm_wgmma", "noWaitForProduct",
       "k_wgmma_wait(0);\n    k_wgmma_hold(c, 64);\n    K_BARRIER", "K_BARRIER"},
      {"gemm_wgmma", "noBarrierAfterUse", "K_BARRIER(); // the stage may go", ""},
      {"gemm_wgmma", "noFence",
       "k_wgmma_fence();\n    K_UNROLL for (k_i32 kk = 0; kk < 4; ++kk)\n      "
       "k_wgmma_m64n128k16_f16(c, a + kk * 2, b + kk * 2);\n    k_wgmma_commit();\n    "
       "k_wgmma_wait(0);\n    k_wgmma_hold(c, 64);\n    K_BARRIER",
       "K_UNROLL for (k_i32 kk = 0; kk < 4; ++kk)\n      k_wgmma_m64n128k16_f16(c, a + kk * 2, b + "
       "kk * 2);\n    k_wgmma_commit();\n    k_wgmma_wait(0);\n    k_wgmma_hold(c, 64);\n    "
       "K_BARRIER"},
      {"gemm_wgmma", "twoProducers", "if (t == 0 && tile + 1 < tiles)",
       "if (t <= 1 && tile + 1 < tiles)"},
      {"gemm_wgmma", "sameStage", "LOAD(stage ^ 1,", "LOAD(stage,"},

      {"gemm_producer", "noWaitForRoom", "if (tile >= 2)", "if (tile >= 9)"},
      {"gemm_producer", "wrongPhase", "(tile >> 1 & 1) ^ 1", "tile >> 1 & 1"},
      {"gemm_producer", "arrivesTooEarly",
       "k_wgmma_wait(0);\n      k_wgmma_hold(c, 64);\n      if (lane == 0)\n        "
       "k_mbar_arrive(emptied + stage);",
       "if (lane == 0)\n        k_mbar_arrive(emptied + stage);\n      k_wgmma_wait(0);"},
      {"gemm_producer", "arrivalTooFew", "k_mbar_init(emptied + i, 4)",
       "k_mbar_init(emptied + i, 3)"},
      {"gemm_producer", "allLanesArrive", "if (lane == 0)\n        k_mbar_arrive", "k_mbar_arrive"},
  };
  return all;
}

} // namespace ingot::tests
