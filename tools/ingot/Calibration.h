// What values a tensor has over samples, and between which of them 8 bits are spread. Used by
// quantize.
#pragma once
#include "ingot/Tensor.h"
#include "tools/ingot/Cli.h"
#include <vector>

namespace ingot::cli {

struct Range {
  double low = 0, high = 0;
};

enum class RangeMethod { MinMax, Percentile, Entropy };

/// Observes a tensor's values twice: their extremes, then, for methods that ask how often, a
/// histogram between them. NaN and infinities are left out.
class RangeFinder {
public:
  void observe(const TensorView &values);
  void count(const TensorView &values);
  /// With zero in it. `percentile`, in percent, says where Percentile cuts either end.
  Range range(RangeMethod method, double percentile) const;
  Range extremes() const { return seen; }

private:
  Range percentileRange(double percentile) const;
  Range entropyRange() const;
  static constexpr size_t bins = 2048;
  double largest() const { return std::max(-seen.low, seen.high); }

  Range seen;                                 // with zero
  std::vector<int64_t> histogram, magnitudes; // of values, and of their magnitudes
};

/// Signal to quantisation noise, in dB: how much stronger the values are than what changed in them.
class NoiseMeter {
public:
  void add(const TensorView &exact, const TensorView &quantized);
  double decibels() const; ///< infinite where nothing changed

private:
  double signal = 0, noise = 0;
};

} // namespace ingot::cli
