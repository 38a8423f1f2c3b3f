// What the lanes of a warp do together: shuffles, ldmatrix and mma, by the layouts of the PTX
// manual (sections 9.7.15.4 and 9.7.15.5). In its words, lane l has groupID g = l / 4 and threadID
// t = l % 4.
#include "Block.h"
#include "Half.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace ingot::shim {
namespace {

template <typename T> T &operands(const Thread &thread) {
  return *static_cast<T *>(thread.operands);
}

/// Which elements of A (16 x K), B (K x 8) and C (16 x 8) a lane has, for two elements of 16 bits
/// in a register (mma.m16n8k8 and .m16n8k16) or one of 32 (tf32, m16n8k8).
struct Tile {
  float a[16][16], b[16][8], c[16][8];
};

void loadHalves(Tile &tile, const Thread *lanes, int k, float (*convert)(uint16_t)) {
  for (int lane = 0; lane < 32; ++lane) {
    const ShimMma &mma = operands<ShimMma>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < k / 4; ++i) // a registers: rows g and g + 8, then the next 8 columns
      for (int half = 0; half < 2; ++half)
        tile.a[g + i % 2 * 8][i / 2 * 8 + t * 2 + half] =
            convert(static_cast<uint16_t>(mma.a[i] >> (16 * half)));
    for (int i = 0; i < k / 8; ++i)
      for (int half = 0; half < 2; ++half)
        tile.b[i * 8 + t * 2 + half][g] = convert(static_cast<uint16_t>(mma.b[i] >> (16 * half)));
  }
}

// The hardware takes no notice of the 13 bits that tf32 does not have; a kernel that did not round
// would have other results there, and has none here.
bool loadTf32(Tile &tile, const Thread *lanes) {
  uint32_t rest = 0;
  auto convert = [&](uint32_t bits) {
    const float value = std::bit_cast<float>(bits);
    if (!std::isnan(value))
      rest |= bits & 0x1fff;
    return value;
  };
  for (int lane = 0; lane < 32; ++lane) {
    const ShimMma &mma = operands<ShimMma>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i)
      tile.a[g + i % 2 * 8][t + i / 2 * 4] = convert(mma.a[i]);
    for (int i = 0; i < 2; ++i)
      tile.b[t + i * 4][g] = convert(mma.b[i]);
  }
  return rest == 0;
}

void multiply(Tile &tile, const Thread *lanes, int k) {
  auto forEach = [&](auto &&visit) {
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i)
        visit(operands<ShimMma>(lanes[lane]).c[i],
              tile.c[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2]);
  };
  forEach([](float &element, float &c) { c = element; });
  for (int row = 0; row < 16; ++row)
    for (int i = 0; i < k; ++i)
      for (int column = 0; column < 8; ++column)
        tile.c[row][column] += tile.a[row][i] * tile.b[i][column];
  forEach([](float &element, float &c) { element = c; });
}

} // namespace

std::string Block::performByWarp(size_t warp) {
  Thread *lanes = &threads_[warp * 32];
  Tile tile;
  switch (lanes->what) {
  case SHIM_WARP_BARRIER:
    ordering_.orderWarp(static_cast<int>(warp));
    return {};
  case SHIM_SHUFFLE_XOR:
    return shuffle(lanes);
  case SHIM_LDMATRIX:
    return ldmatrix(lanes, false);
  case SHIM_LDMATRIX_TRANS:
    return ldmatrix(lanes, true);
  case SHIM_MMA_F16_K8:
    loadHalves(tile, lanes, 8, f16ToF32);
    multiply(tile, lanes, 8);
    return {};
  case SHIM_MMA_F16:
    loadHalves(tile, lanes, 16, f16ToF32);
    multiply(tile, lanes, 16);
    return {};
  case SHIM_MMA_BF16:
    loadHalves(tile, lanes, 16, bf16ToF32);
    multiply(tile, lanes, 16);
    return {};
  case SHIM_MMA_TF32:
    if (!loadTf32(tile, lanes))
      return "an operand of k_mma_tf32 is not rounded by k_f32_to_tf32";
    multiply(tile, lanes, 8);
    return {};
  }
  return "an unknown collective";
}

std::string Block::shuffle(Thread *lanes) {
  uint64_t values[32];
  for (int i = 0; i < 32; ++i)
    values[i] = operands<ShimShuffle>(lanes[i]).value;
  for (int i = 0; i < 32; ++i) {
    ShimShuffle &mine = operands<ShimShuffle>(lanes[i]);
    if (mine.mask < 0 || mine.mask > 31)
      return "a shuffle by a mask outside of 0 to 31";
    mine.value = values[i ^ mine.mask];
  }
  return {};
}

// Matrix m is given by the rows of lanes 8 m to 8 m + 7. A lane receives two neighbours of row g,
// columns 2 t and 2 t + 1, or transposed of column g, rows 2 t and 2 t + 1.
std::string Block::ldmatrix(Thread *lanes, bool transposed) {
  uint16_t rows[32][8];
  for (int i = 0; i < 32; ++i) {
    const void *row = operands<ShimLdmatrix>(lanes[i]).row;
    if (reinterpret_cast<uintptr_t>(row) % 16 != 0)
      return "lane " + std::to_string(i) + " gives ldmatrix a row that is not aligned to 16 bytes";
    if (!shared_.read(lanes[i].number.thread, row, 16))
      return "ldmatrix, lane " + std::to_string(i) + ": " + shared_.problem();
    std::memcpy(rows[i], row, 16);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int matrix = 0; matrix < 4; ++matrix) {
      const uint16_t (*m)[8] = rows + matrix * 8;
      const uint32_t low = transposed ? m[t * 2][g] : m[g][t * 2];
      const uint32_t high = transposed ? m[t * 2 + 1][g] : m[g][t * 2 + 1];
      operands<ShimLdmatrix>(lanes[lane]).results[matrix] = low | high << 16;
    }
  }
  return {};
}

} // namespace ingot::shim
