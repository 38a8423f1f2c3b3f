// The order of samples in an epoch: a permutation from (seed, epoch), the same on every machine.
//
// Algorithm: mix(z) is SplitMix64's finaliser (z ^= z >> 30; z *= 0xBF58476D1CE4E5B9; z ^= z >> 27;
// z *= 0x94D049BB133111EB; z ^= z >> 31). key = mix(mix(seed + G) + epoch + G) with
// G = 0x9E3779B97F4A7C15; the i-th random word is mix(key + (i + 1) * G), i = 0, 1, … Fisher-Yates
// from the end: for n = count … 2, swap order[n - 1] with order[j], j < n from the next word by
// Lemire's multiply-shift: j = high 64 bits of word * n, where a word with (word * n) mod 2^64 less
// than 2^64 mod n is thrown away.
#ifndef INGOT_RUNTIME_TRAIN_SHUFFLE_H
#define INGOT_RUNTIME_TRAIN_SHUFFLE_H

#include <cstdint>
#include <vector>

namespace ingot::train {

/// Makes `order` a permutation of 0 … order.size() - 1.
void shuffleOrder(uint64_t seed, int64_t epoch, std::vector<int64_t> &order);

} // namespace ingot::train

#endif
