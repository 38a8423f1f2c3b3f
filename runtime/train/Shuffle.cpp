// See Shuffle.h for the algorithm.
#include "runtime/train/Shuffle.h"

#include <numeric>
#include <utility>

namespace ingot::train {

static constexpr uint64_t golden = 0x9E3779B97F4A7C15;

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

void shuffleOrder(uint64_t seed, int64_t epoch, std::vector<int64_t> &order) {
  std::iota(order.begin(), order.end(), int64_t(0));
  const uint64_t key = mix(mix(seed + golden) + uint64_t(epoch) + golden);
  uint64_t counter = 0;
  for (uint64_t n = order.size(); n > 1; --n) {
    const uint64_t least = -n % n; // 2^64 mod n
    unsigned __int128 product;
    do
      product = static_cast<unsigned __int128>(mix(key + ++counter * golden)) * n;
    while (uint64_t(product) < least);
    std::swap(order[n - 1], order[uint64_t(product >> 64)]);
  }
}

} // namespace ingot::train
