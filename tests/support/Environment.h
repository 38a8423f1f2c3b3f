// How tests are made larger by the environment: the gate runs a part, the tests with the label
// `long` the rest (ingot_long_run in tests/CMakeLists.txt).
#pragma once
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace ingot::tests {

inline int64_t environmentNumber(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoll(text) : otherwise;
}

/// The first seeds of modules of `perModule` random graphs each. INGOT_RANDOM_GRAPHS sets how many
/// graphs all together, `graphs` without it; INGOT_RANDOM_FIRST the first seed.
inline std::vector<uint64_t> randomGraphSeeds(int64_t graphs, int64_t perModule) {
  std::vector<uint64_t> seeds;
  int64_t first = environmentNumber("INGOT_RANDOM_FIRST", 0);
  for (int64_t i = 0; i < environmentNumber("INGOT_RANDOM_GRAPHS", graphs); i += perModule)
    seeds.push_back(first + i);
  return seeds;
}

} // namespace ingot::tests
