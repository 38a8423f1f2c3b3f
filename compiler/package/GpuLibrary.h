// What computes products of matrices on GPUs besides kernels of ours.
#pragma once
#include "ingot/artifact.h"
#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace ingot {

/// The fields of an ingot_product, in order.
using ProductWords = std::array<int64_t, sizeof(ingot_product) / sizeof(int64_t)>;
inline ProductWords wordsOf(const ingot_product &product) {
  ProductWords words;
  std::memcpy(words.data(), &product, sizeof words);
  return words;
}

struct GpuLibrary {
  /// A product that measurements chose the library for, on devices of that name.
  struct Choice {
    std::string device;
    ingot_product product;
  };
  std::string name; ///< "cublaslt"; empty: kernels alone
  /// Where there are any, these alone; else all that it can compute.
  std::vector<Choice> choices;
};

} // namespace ingot
