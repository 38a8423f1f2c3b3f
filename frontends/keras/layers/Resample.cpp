// See Resample.h. The formulas are those of TensorFlow's kernels (half-pixel centres), in f32 where
// they are.
#include "frontends/keras/layers/Resample.h"
#include "frontends/keras/layers/Arguments.h"
#include "frontends/keras/layers/Ops.h"

#include <algorithm>
#include <cmath>

namespace ingot::keras::detail {

using graph::Expr;
using mlir::Value;

namespace {

/// Up to so many neighbours are summed in a formula, more by a reduction.
constexpr int64_t kMaxUnrolledTaps = 8;
/// Elements of an axis that places and weights are computed for, at most.
constexpr int64_t kMaxImageExtent = 1 << 16;

/// `count` old elements for each new one, row by row.
struct Taps {
  int64_t count = 1;
  std::vector<int64_t> places;
  std::vector<float> weights;

  Taps(int64_t out, int64_t count)
      : count(count), places(out * count, 0), weights(out * count, 0) {}
  void set(int64_t o, int64_t tap, int64_t place, float weight) {
    places[o * count + tap] = place;
    weights[o * count + tap] = weight;
  }
  bool movesOnly() const {
    return count == 1 && llvm::all_of(weights, [](float w) { return w == 1; });
  }
};

float scaleOf(int64_t in, int64_t out) { return static_cast<float>(in) / static_cast<float>(out); }

Taps nearestTaps(int64_t in, int64_t out) {
  Taps taps(out, 1);
  for (int64_t o = 0; o < out; ++o) {
    auto place =
        static_cast<int64_t>(std::floor((static_cast<float>(o) + 0.5f) * scaleOf(in, out)));
    taps.set(o, 0, std::clamp<int64_t>(place, 0, in - 1), 1);
  }
  return taps;
}

Taps linearTaps(int64_t in, int64_t out) {
  Taps taps(out, 2);
  for (int64_t o = 0; o < out; ++o) {
    float at = (static_cast<float>(o) + 0.5f) * scaleOf(in, out) - 0.5f, before = std::floor(at);
    auto low = std::max<int64_t>(static_cast<int64_t>(before), 0);
    auto high = std::min<int64_t>(static_cast<int64_t>(std::ceil(at)), in - 1);
    taps.set(o, 0, low, 1 - (at - before));
    taps.set(o, 1, high, at - before);
  }
  return taps;
}

/// Keys's cubic with -0.5, from a table of 1024 steps; neighbours outside do not count.
Taps cubicTaps(int64_t in, int64_t out) {
  constexpr double a = -0.5;
  auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  Taps taps(out, 4);
  for (int64_t o = 0; o < out; ++o) {
    float at = (static_cast<float>(o) + 0.5f) * scaleOf(in, out) - 0.5f, before = std::floor(at);
    double step = static_cast<double>(std::lrint((at - before) * 1024)) / 1024;
    double weights[] = {far(step + 1), near(step), near(1 - step), far(2 - step)};
    auto first = static_cast<int64_t>(before) - 1;
    double sum = 0;
    for (int64_t tap = 0; tap < 4; ++tap) {
      if (first + tap < 0 || first + tap >= in)
        weights[tap] = 0;
      sum += weights[tap];
    }
    for (int64_t tap = 0; tap < 4; ++tap)
      taps.set(o, tap, std::clamp<int64_t>(first + tap, 0, in - 1),
               static_cast<float>(weights[tap] / sum));
  }
  return taps;
}

struct Kernel {
  double radius;
  double (*at)(double distance);
};

template <int radius> double lanczos(double x) {
  if (x > radius)
    return 0;
  if (x <= 1e-3)
    return 1;
  return radius * std::sin(M_PI * x) * std::sin(M_PI * x / radius) / (M_PI * M_PI * x * x);
}

Kernel kernelOf(llvm::StringRef interpolation) {
  if (interpolation == "lanczos3")
    return {3, lanczos<3>};
  if (interpolation == "lanczos5")
    return {5, lanczos<5>};
  if (interpolation == "bilinear")
    return {1, [](double x) { return std::max(1 - x, 0.0); }};
  return {2, [](double x) {
            if (x >= 2)
              return 0.0;
            return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : ((1.5 * x - 2.5) * x) * x + 1;
          }};
}

/// All kernels as TensorFlow's ScaleAndTranslate has them: wider by the scale with antialiasing.
Taps kernelTaps(const Kernel &kernel, int64_t in, int64_t out, bool antialias) {
  double scale = scaleOf(in, out), wider = antialias ? std::max(scale, 1.0) : 1;
  auto first = [&](double at) { return std::ceil(at - kernel.radius * wider - 0.5); };
  auto last = [&](double at) { return std::floor(at + kernel.radius * wider - 0.5); };
  Taps taps(out, std::min<int64_t>(in, static_cast<int64_t>(2 * kernel.radius * wider) + 2));
  for (int64_t o = 0; o < out; ++o) {
    double at = (static_cast<double>(o) + 0.5) * scale, sum = 0;
    auto begin = std::max<int64_t>(static_cast<int64_t>(first(at)), 0);
    auto end = std::min<int64_t>(static_cast<int64_t>(last(at)), in - 1) + 1;
    auto weight = [&](int64_t i) {
      return kernel.at(std::abs((static_cast<double>(i) + 0.5 - at) / wider));
    };
    for (int64_t i = begin; i < end; ++i)
      sum += weight(i);
    for (int64_t i = begin; i < end; ++i)
      taps.set(o, i - begin, i, static_cast<float>(weight(i) / sum));
  }
  return taps;
}

/// The mean of what the new element covers.
Taps areaTaps(int64_t in, int64_t out) {
  float scale = scaleOf(in, out);
  Taps taps(out, std::min<int64_t>(in, static_cast<int64_t>(std::ceil(scale)) + 1));
  for (int64_t o = 0; o < out; ++o) {
    float from = static_cast<float>(o) * scale, to = static_cast<float>(o + 1) * scale;
    auto begin = static_cast<int64_t>(std::floor(from));
    auto end = std::min<int64_t>(static_cast<int64_t>(std::ceil(to)), in);
    for (int64_t i = begin; i < end && i - begin < taps.count; ++i) {
      float covered =
          std::min(to, static_cast<float>(i + 1)) - std::max(from, static_cast<float>(i));
      taps.set(o, i - begin, i, covered / scale);
    }
  }
  return taps;
}

Taps tapsOf(const std::string &interpolation, int64_t in, int64_t out, bool antialias) {
  if (interpolation == "nearest")
    return nearestTaps(in, out);
  if (interpolation == "area")
    return areaTaps(in, out);
  if (interpolation == "bilinear" && !antialias)
    return linearTaps(in, out);
  if (interpolation == "bicubic" && !antialias)
    return cubicTaps(in, out);
  return kernelTaps(kernelOf(interpolation), in, out, antialias);
}

/// Weights (out) or (out, taps) as they multiply what was gathered along the axis.
Expr spread(Emitter &e, Expr weights, int64_t behind, Value like) {
  Dims dims = weights.dims();
  dims.append(behind, Dim::constant(e.b.getContext(), 1));
  return castLike(e, graph::reshape(e.b, e.loc, weights, dims), like);
}

Expr resampled(Emitter &e, Value x, int64_t axis, const Taps &taps) {
  int64_t out = static_cast<int64_t>(taps.places.size()) / taps.count;
  int64_t behind = graph::rankOf(x) - axis - 1;
  if (taps.movesOnly())
    return gather(e, x, constant(e, taps.places, {out}), axis);
  if (taps.count > kMaxUnrolledTaps) {
    Expr parts = gather(e, x, constant(e, taps.places, {out, taps.count}), axis);
    return sum(parts * spread(e, constant(e, taps.weights, {out, taps.count}), behind, x),
               {axis + 1});
  }
  std::optional<Expr> result;
  for (int64_t tap = 0; tap < taps.count; ++tap) {
    std::vector<int64_t> places;
    std::vector<float> weights;
    for (int64_t o = 0; o < out; ++o) {
      places.push_back(taps.places[o * taps.count + tap]);
      weights.push_back(taps.weights[o * taps.count + tap]);
    }
    Expr part = gather(e, x, constant(e, places, {out}), axis) *
                spread(e, constant(e, weights, {out}), behind, x);
    result = result ? *result + part : part;
  }
  return *result;
}

} // namespace

void checkInterpolation(const LayerImpl &layer, const std::string &interpolation) {
  checkOneOf(layer, "interpolation", interpolation,
             {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area"});
}

namespace {
/// Height and width, which must be known.
std::pair<int64_t, int64_t> sizeOf(const LayerImpl &layer, const std::string &interpolation,
                                   Value x) {
  Dims dims = dimsOf(x);
  if (!dims[1].isStatic() || !dims[2].isStatic())
    layer.fail("interpolation \"" + interpolation + "\" needs a known input size, got " +
               ingot::str(dims) + "; give the Input its height and width");
  return {dims[1].value(), dims[2].value()};
}
/// Throws where an axis of `in` elements cannot become one of `out`.
void checkExtents(const LayerImpl &layer, int64_t in, int64_t out) {
  if (std::max(in, out) > kMaxImageExtent)
    layer.fail("makes " + std::to_string(out) + " elements of " + std::to_string(in) +
               " along an axis; at most " + std::to_string(kMaxImageExtent) +
               " are supported: use smaller images");
}
/// The extent that goes with `other` where the new image has `wanted` and `wantedOther`.
int64_t matching(int64_t other, int64_t wanted, int64_t wantedOther) {
  return static_cast<int64_t>(static_cast<float>(other * wanted) / static_cast<float>(wantedOther));
}
} // namespace

Value resized(Emitter &e, const LayerImpl &layer, Value x, int64_t height, int64_t width,
              const std::string &interpolation, bool antialias) {
  auto [fromHeight, fromWidth] = sizeOf(layer, interpolation, x);
  checkExtents(layer, fromHeight, height);
  checkExtents(layer, fromWidth, width);
  if (fromHeight != height)
    x = resampled(e, x, 1, tapsOf(interpolation, fromHeight, height, antialias));
  if (fromWidth != width)
    x = resampled(e, x, 2, tapsOf(interpolation, fromWidth, width, antialias));
  return x;
}

Value croppedToShape(Emitter &e, const LayerImpl &layer, Value x, int64_t height, int64_t width,
                     const std::string &interpolation, bool antialias) {
  auto [fromHeight, fromWidth] = sizeOf(layer, interpolation, x);
  int64_t cutHeight = std::clamp<int64_t>(matching(fromWidth, height, width), 1, fromHeight);
  int64_t cutWidth = std::clamp<int64_t>(matching(fromHeight, width, height), 1, fromWidth);
  Dims sizes = dimsOf(x), starts(4, Dim::constant(e.b.getContext(), 0));
  starts[1] = Dim::constant(e.b.getContext(), (fromHeight - cutHeight) / 2);
  starts[2] = Dim::constant(e.b.getContext(), (fromWidth - cutWidth) / 2);
  sizes[1] = Dim::constant(e.b.getContext(), cutHeight);
  sizes[2] = Dim::constant(e.b.getContext(), cutWidth);
  x = graph::slice(e.b, e.loc, x, starts, sizes);
  return resized(e, layer, x, height, width, interpolation, antialias);
}

Value paddedToShape(Emitter &e, const LayerImpl &layer, Value x, int64_t height, int64_t width,
                    const std::string &interpolation, bool antialias, double fill) {
  auto [fromHeight, fromWidth] = sizeOf(layer, interpolation, x);
  Dims around(4, Dim::constant(e.b.getContext(), 0));
  int64_t rows = std::max(matching(fromWidth, height, width), fromHeight) - fromHeight;
  int64_t columns = std::max(matching(fromHeight, width, height), fromWidth) - fromWidth;
  around[1] = Dim::constant(e.b.getContext(), rows / 2);
  around[2] = Dim::constant(e.b.getContext(), columns / 2);
  x = graph::pad(e.b, e.loc, x, around, around, {}, fill);
  return resized(e, layer, x, height, width, interpolation, antialias);
}

Value pooledInto(Emitter &e, const LayerImpl &layer, Value x, int64_t axis, int64_t size,
                 bool takesGreatest) {
  Dim extent = dimsOf(x)[axis];
  if (!extent.isStatic())
    layer.fail("needs a known input size, got " + ingot::str(dimsOf(x)) +
               "; give the Input a full shape");
  int64_t in = extent.value();
  checkExtents(layer, in, size);
  auto begin = [&](int64_t o) { return o * in / size; };
  auto end = [&](int64_t o) { return ((o + 1) * in + size - 1) / size; };
  int64_t most = 0;
  for (int64_t o = 0; o < size; ++o)
    most = std::max(most, end(o) - begin(o));
  Taps taps(size, most);
  for (int64_t o = 0; o < size; ++o)
    for (int64_t tap = 0; tap < most; ++tap) {
      int64_t count = end(o) - begin(o);
      taps.set(o, tap, begin(o) + std::min(tap, count - 1),
               tap < count ? 1 / static_cast<float>(count) : 0);
    }
  if (!takesGreatest)
    return resampled(e, x, axis, taps);
  Expr parts = gather(e, x, constant(e, taps.places, {size, most}), axis);
  return graph::reduce(e.b, e.loc, parts, graph::ReduceKind::Max, {axis + 1});
}

void checkImageSize(const LayerImpl &layer, int64_t height, int64_t width) {
  if (std::min(height, width) <= 0 || std::max(height, width) > kMaxImageExtent)
    layer.fail("height and width must be positive and at most " + std::to_string(kMaxImageExtent) +
               ", got " + toString({height, width}));
}

} // namespace ingot::keras::detail
