// Random numbers by counter: the i-th word of a stream follows from the stream's numbers and i
// alone, so that whoever draws, on whichever thread and in whichever order, draws the same.
//
// Algorithm: mix(z) is SplitMix64's finaliser (z ^= z >> 30; z *= 0xBF58476D1CE4E5B9; z ^= z >> 27;
// z *= 0x94D049BB133111EB; z ^= z >> 31). With G = 0x9E3779B97F4A7C15 the key of a stream is
// mix(seed + G), then for each further number n of the stream key = mix(key + n + G); the i-th word
// is mix(key + (i + 1) * G), i = 0, 1, …
// Used for the order of samples (runtime/train, runtime/data) and for augmentation (runtime/data).
#ifndef INGOT_RUNTIME_CORE_RANDOM_H
#define INGOT_RUNTIME_CORE_RANDOM_H

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace ingot {

class CounterRandom {
public:
  CounterRandom(uint64_t seed, std::initializer_list<uint64_t> stream);

  uint64_t next();
  /// From 0 inclusive to 1 exclusive, of 53 bits.
  double uniform();
  double uniform(double low, double high);
  /// Below n > 0, every number as likely: Lemire's multiply-shift, high 64 bits of word * n, where
  /// a word with (word * n) mod 2^64 less than 2^64 mod n is thrown away.
  uint64_t below(uint64_t n);

private:
  uint64_t key;
  uint64_t counter = 0;
};

/// Makes `order` a permutation of 0 … order.size() - 1 from the stream (seed, epoch): Fisher-Yates
/// from the end, for n = count … 2 swap order[n - 1] with order[below(n)].
void shuffleOrder(uint64_t seed, int64_t epoch, std::vector<int64_t> &order);

} // namespace ingot

#endif
