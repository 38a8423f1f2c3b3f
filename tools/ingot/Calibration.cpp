// See Calibration.h. Percentiles as in Wu et al., Integer Quantization for Deep Learning Inference
// (arXiv 2004.09602); the entropy method is Migacz's, 8-bit Inference with TensorRT (GTC 2017).
#include "tools/ingot/Calibration.h"
#include "tools/ingot/TensorFile.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace ingot::cli {
namespace {

/// Kullback-Leibler divergence of the first `end` bins, what lies above being in the last of them,
/// from the same cut to `levels` values.
double divergence(const std::vector<int64_t> &bins, size_t end, size_t levels) {
  std::vector<double> p(bins.begin(), bins.begin() + static_cast<int64_t>(end));
  double above = 0, total = 0;
  for (size_t i = end; i < bins.size(); ++i)
    above += static_cast<double>(bins[i]);
  std::vector<double> q(end, 0);
  for (size_t level = 0; level < levels; ++level) {
    size_t from = level * end / levels, to = (level + 1) * end / levels;
    double sum = 0, filled = 0;
    for (size_t i = from; i < to; ++i) {
      sum += p[i];
      filled += p[i] > 0 || (i + 1 == end && above > 0);
    }
    for (size_t i = from; i < to; ++i)
      if (p[i] > 0 || (i + 1 == end && above > 0))
        q[i] = sum / filled;
  }
  p[end - 1] += above;
  double totalQ = 0;
  for (size_t i = 0; i < end; ++i) {
    total += p[i];
    totalQ += q[i];
  }
  if (total == 0 || totalQ == 0)
    return std::numeric_limits<double>::infinity();
  constexpr double kSmall = 1e-9; // of a bin that the coarse distribution has nothing in
  double sum = 0;
  for (size_t i = 0; i < end; ++i)
    if (p[i] > 0)
      sum += p[i] / total * std::log(p[i] / total / std::max(q[i] / totalQ, kSmall));
  return sum;
}

/// visit(value) for every finite value.
template <typename F> void forEachValue(const TensorView &values, F visit) {
  int64_t count = elementCount(values);
  const auto *floats =
      values.dtype == DType::F32 ? static_cast<const float *>(values.data) : nullptr;
  for (int64_t i = 0; i < count; ++i) {
    double value = floats ? floats[i] : elementAt(values, i);
    if (std::isfinite(value))
      visit(value);
  }
}

size_t binOf(double value, double low, double high, size_t bins) {
  double place = high > low ? (value - low) / (high - low) * static_cast<double>(bins) : 0;
  return static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
}

} // namespace

void RangeFinder::observe(const TensorView &values) {
  forEachValue(values, [&](double value) {
    seen.low = std::min(seen.low, value);
    seen.high = std::max(seen.high, value);
  });
}

void RangeFinder::count(const TensorView &values) {
  histogram.resize(bins);
  magnitudes.resize(bins);
  forEachValue(values, [&](double value) {
    ++histogram[binOf(value, seen.low, seen.high, bins)];
    ++magnitudes[binOf(std::abs(value), 0, largest(), bins)];
  });
}

Range RangeFinder::range(RangeMethod method, double percentile) const {
  if (method == RangeMethod::MinMax || histogram.empty() || seen.low == seen.high)
    return seen;
  return method == RangeMethod::Percentile ? percentileRange(percentile) : entropyRange();
}

Range RangeFinder::percentileRange(double percentile) const {
  double total = 0, width = (seen.high - seen.low) / static_cast<double>(bins);
  for (int64_t count : histogram)
    total += static_cast<double>(count);
  double outside = total * (1 - percentile / 100);
  /// How many bins from one end hold no more than what may be outside.
  auto cut = [&](auto begin, auto end) {
    double sum = 0;
    int64_t bin = 0;
    for (auto it = begin; it != end && sum + static_cast<double>(*it) <= outside; ++it, ++bin)
      sum += static_cast<double>(*it);
    return static_cast<double>(bin) * width;
  };
  return {std::min(0.0, seen.low + cut(histogram.begin(), histogram.end())),
          std::max(0.0, seen.high - cut(histogram.rbegin(), histogram.rend()))};
}

Range RangeFinder::entropyRange() const {
  // One sign has all levels, two share them.
  size_t levels = seen.low == 0 || seen.high == 0 ? 256 : 128, best = bins;
  double least = std::numeric_limits<double>::infinity();
  for (size_t end = levels; end <= bins; end += 8)
    if (double d = divergence(magnitudes, end, levels); d < least) {
      least = d;
      best = end;
    }
  double limit = largest() * static_cast<double>(best) / static_cast<double>(bins);
  return {std::max(seen.low, -limit), std::min(seen.high, limit)};
}

void NoiseMeter::add(const TensorView &exact, const TensorView &quantized) {
  for (int64_t i = 0, count = elementCount(exact); i < count; ++i) {
    double value = elementAt(exact, i), error = elementAt(quantized, i) - value;
    signal += value * value;
    noise += error * error;
  }
}

double NoiseMeter::decibels() const {
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

} // namespace ingot::cli
