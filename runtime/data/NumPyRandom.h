// numpy.random.RandomState(seed).shuffle, so that data sets are split and ordered as Keras splits
// and orders them for a given seed.
#ifndef INGOT_RUNTIME_DATA_NUMPYRANDOM_H
#define INGOT_RUNTIME_DATA_NUMPYRANDOM_H

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace ingot::data {

class NumPyRandom {
public:
  explicit NumPyRandom(uint32_t seed) : words(seed) {}

  template <typename T> void shuffle(std::vector<T> &values) {
    for (size_t i = values.size(); i-- > 1;)
      std::swap(values[i], values[below(uint32_t(i))]);
  }

private:
  /// 0 … most: words under a mask, until one is small enough.
  uint32_t below(uint32_t most) {
    uint32_t mask = most;
    for (int shift : {1, 2, 4, 8, 16})
      mask |= mask >> shift;
    uint32_t value;
    do
      value = uint32_t(words()) & mask;
    while (value > most);
    return value;
  }

  std::mt19937 words; // seeded as NumPy's
};

} // namespace ingot::data

#endif
