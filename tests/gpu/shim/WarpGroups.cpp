// wgmma: four warps multiply 64 x 16 by 16 x N from shared memory, while they go on. The model does
// it when they wait, with what is in shared memory then, and accumulators are NaN until then.
#include "Block.h"
#include "Half.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace ingot::shim {
namespace {

const ShimWgmma &operandsOf(const Thread &thread) {
  return *static_cast<const ShimWgmma *>(thread.operands);
}

} // namespace

std::string Block::performByGroup(size_t number) {
  WarpGroup &group = groups_[number];
  Thread *threads = &threads_[number * 128];
  switch (threads->what) {
  case SHIM_WGMMA:
    return beginMultiplication(group, threads);
  case SHIM_WGMMA_FENCE:
    group.fenced = true;
    return {};
  case SHIM_WGMMA_COMMIT:
    group.committed.push_back(std::move(group.open));
    group.open.clear();
    return {};
  }
  const auto left = static_cast<size_t>(*static_cast<const k_i32 *>(threads->operands));
  while (group.committed.size() > left) {
    for (const WarpGroup::Multiplication &multiplication : group.committed.front())
      if (std::string problem = finishMultiplication(group, threads, multiplication);
          !problem.empty())
        return problem;
    group.committed.erase(group.committed.begin());
  }
  return {};
}

std::string Block::beginMultiplication(WarpGroup &group, Thread *threads) {
  const ShimWgmma &first = operandsOf(threads[0]);
  for (int i = 1; i < 128; ++i) {
    const ShimWgmma &other = operandsOf(threads[i]);
    if (other.left != first.left || other.right != first.right || other.n != first.n ||
        other.acrossLeft != first.acrossLeft || other.acrossRight != first.acrossRight)
      return "wgmma with different descriptors in thread " + std::to_string(i) + " of the group";
  }
  if (!group.fenced)
    return "wgmma without k_wgmma_fence since the accumulators were the threads' own";
  // The operands must be there already, though they are read later.
  float values[256][16];
  std::string problem = loadLeft(threads, first, values);
  if (problem.empty())
    problem = loadRight(threads, first, values);
  if (!problem.empty())
    return problem;

  const size_t each = static_cast<size_t>(first.n) / 2;
  WarpGroup::Accumulators &accumulators = group.accumulators[first.c];
  if (accumulators.c.empty()) {
    for (int i = 0; i < 128; ++i) {
      float *c = operandsOf(threads[i]).c;
      accumulators.c.push_back(c);
      accumulators.values.insert(accumulators.values.end(), c, c + each);
      std::fill_n(c, each, std::numeric_limits<float>::quiet_NaN());
    }
    accumulators.uses = 0;
  }
  if (accumulators.values.size() != 128 * each)
    return "wgmma of another size on the accumulators of one that is under way";
  ++accumulators.uses;
  group.open.push_back({first});
  return {};
}

// Thread t of the group has, of rows 16 w + t / 4 % 8 and 8 more (w = t / 32), columns 8 j + 2 (t %
// 4) and one more.
std::string Block::finishMultiplication(WarpGroup &group, Thread *threads,
                                        const WarpGroup::Multiplication &multiplication) {
  const ShimWgmma &operands = multiplication.operands;
  float left[64][16], right[256][16];
  std::string problem = loadLeft(threads, operands, left);
  if (problem.empty())
    problem = loadRight(threads, operands, right);
  if (!problem.empty())
    return problem;
  auto found = group.accumulators.find(operands.c);
  WarpGroup::Accumulators &accumulators = found->second;
  const int each = operands.n / 2;
  for (int t = 0; t < 128; ++t)
    for (int i = 0; i < each; ++i) {
      const int row = t / 32 * 16 + t / 4 % 8 + i / 2 % 2 * 8;
      const int column = i / 4 * 8 + t % 4 * 2 + i % 2;
      float &sum =
          accumulators
              .values[static_cast<size_t>(t) * static_cast<size_t>(each) + static_cast<size_t>(i)];
      for (int k = 0; k < 16; ++k)
        sum += left[row][k] * right[column][k];
    }
  if (--accumulators.uses > 0)
    return {};
  for (size_t t = 0; t < 128; ++t)
    std::copy_n(accumulators.values.begin() + static_cast<long>(t) * each, each, accumulators.c[t]);
  group.accumulators.erase(found);
  group.fenced = false;
  return {};
}

std::string Block::loadLeft(const Thread *threads, const ShimWgmma &operands, float (*values)[16]) {
  return (this->*(operands.acrossLeft ? &Block::loadAcross : &Block::loadRows))(
      threads, operands.left, 64, true, operands.type, values);
}

std::string Block::loadRight(const Thread *threads, const ShimWgmma &operands,
                             float (*values)[16]) {
  return (this->*(operands.acrossRight ? &Block::loadAcross : &Block::loadRows))(
      threads, operands.right, operands.n, false, operands.type, values);
}

// Rows of 16 elements as the descriptor gives them: groups of 8 rows of 128 bytes, in which 16
// bytes each change places. A warp reads its 16 rows of the left operand, and all of the right one.
std::string Block::loadRows(const Thread *threads, uint64_t descriptor, int rows, bool byRow,
                            int type, float (*values)[16]) {
  if (descriptor >> 62 != 1)
    return "a descriptor whose swizzle is not modelled";
  const uint64_t start = (descriptor & 0x3fff) << 4, stride = (descriptor >> 32 & 0x3fff) << 4;
  const char *base = static_cast<const char *>(shared_.dynamic());
  for (int row = 0; row < rows; ++row)
    for (int half = 0; half < 2; ++half) {
      const uint64_t offset = start + static_cast<uint64_t>(row / 8) * stride +
                              static_cast<uint64_t>(row % 8) * 128 +
                              static_cast<uint64_t>(half) * 16;
      const char *address = base + (offset ^ (offset >> 7 & 7) << 4);
      for (int warp = 0; warp < 4; ++warp)
        if ((!byRow || warp == row / 16) &&
            !shared_.readByUnit(threads[warp * 32].number.thread, address, 16))
          return "wgmma: " + shared_.problem();
      uint16_t bits[8];
      std::memcpy(bits, address, sizeof(bits));
      for (int i = 0; i < 8; ++i)
        values[row][half * 8 + i] = type == SHIM_WGMMA_F16 ? f16ToF32(bits[i]) : bf16ToF32(bits[i]);
    }
  return {};
}

// The same of an operand across the depth: lines of 64 rows of one k, in groups of 8 lines.
std::string Block::loadAcross(const Thread *threads, uint64_t descriptor, int rows, bool byRow,
                              int type, float (*values)[16]) {
  if (descriptor >> 62 != 1)
    return "a descriptor whose swizzle is not modelled";
  const uint64_t start = (descriptor & 0x3fff) << 4, group = (descriptor >> 16 & 0x3fff) << 4,
                 stride = (descriptor >> 32 & 0x3fff) << 4;
  const char *base = static_cast<const char *>(shared_.dynamic());
  for (int k = 0; k < 16; ++k)
    for (int eight = 0; eight < rows / 8; ++eight) {
      const uint64_t offset =
          start + static_cast<uint64_t>(eight / 8) * group + static_cast<uint64_t>(k / 8) * stride +
          static_cast<uint64_t>(k % 8) * 128 + static_cast<uint64_t>(eight % 8) * 16;
      const char *address = base + (offset ^ (offset >> 7 & 7) << 4);
      for (int warp = 0; warp < 4; ++warp)
        if ((!byRow || warp == eight / 2) &&
            !shared_.readByUnit(threads[warp * 32].number.thread, address, 16))
          return "wgmma: " + shared_.problem();
      uint16_t bits[8];
      std::memcpy(bits, address, sizeof(bits));
      for (int i = 0; i < 8; ++i)
        values[eight * 8 + i][k] = type == SHIM_WGMMA_F16 ? f16ToF32(bits[i]) : bf16ToF32(bits[i]);
    }
  return {};
}

} // namespace ingot::shim
