// See Random.h for the algorithm.
#include "runtime/core/Random.h"

#include <numeric>
#include <utility>

namespace ingot {

static constexpr uint64_t golden = 0x9E3779B97F4A7C15;

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

CounterRandom::CounterRandom(uint64_t seed, std::initializer_list<uint64_t> stream)
    : key(mix(seed + golden)) {
  for (uint64_t number : stream)
    key = mix(key + number + golden);
}

uint64_t CounterRandom::next() { return mix(key + ++counter * golden); }

double CounterRandom::uniform() { return double(next() >> 11) * 0x1p-53; }

double CounterRandom::uniform(double low, double high) { return low + (high - low) * uniform(); }

uint64_t CounterRandom::below(uint64_t n) {
  const uint64_t least = -n % n; // 2^64 mod n
  unsigned __int128 product;
  do
    product = static_cast<unsigned __int128>(next()) * n;
  while (uint64_t(product) < least);
  return uint64_t(product >> 64);
}

void shuffleOrder(uint64_t seed, int64_t epoch, std::vector<int64_t> &order) {
  std::iota(order.begin(), order.end(), int64_t(0));
  CounterRandom random(seed, {uint64_t(epoch)});
  for (uint64_t n = order.size(); n > 1; --n)
    std::swap(order[n - 1], order[random.below(n)]);
}

} // namespace ingot
