// Coordinates are computed once a pixel, for all its channels.
#include "runtime/data/AffineTransform.h"

#include <algorithm>
#include <cmath>

namespace ingot::data {

namespace {

/// Row-major 3 x 3.
struct Matrix3 {
  double at[3][3];
};

Matrix3 operator*(const Matrix3 &a, const Matrix3 &b) {
  Matrix3 result;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      result.at[i][j] = a.at[i][0] * b.at[0][j] + a.at[i][1] * b.at[1][j] + a.at[i][2] * b.at[2][j];
  return result;
}

/// One extent of the picture, with scipy's rule for places outside.
struct Axis {
  int64_t extent;
  FillMode mode;

  /// Where a place is read, from -1 up to, but not, the extent; below -1 for none (the constant).
  double placed(double at) const {
    if (at >= 0 && at <= double(extent - 1))
      return at;
    if (std::isnan(at))
      return 0;
    // So far off, and where rounding leads astray, any place inside is right.
    const double found = outside(std::clamp(at, -1e12, 1e12));
    return found == none ? none : std::clamp(found, -1.0, std::nextafter(double(extent), 0.0));
  }

  static constexpr double none = -2;

  double outside(double at) const {
    const double last = double(extent - 1);
    switch (mode) {
    case FillMode::Nearest:
      return at < 0 ? 0 : last;
    case FillMode::Constant:
      return none;
    case FillMode::Wrap: // the period is extent - 1
      if (extent <= 1)
        return 0;
      return at < 0 ? at + last * (std::trunc(-at / last) + 1) : at - last * std::trunc(at / last);
    case FillMode::Reflect:
      return extent <= 1 ? 0 : reflected(at);
    }
    return at;
  }

  /// The index that an index at most one outside stands for.
  int64_t index(int64_t at) const {
    if (at >= 0 && at < extent)
      return at;
    if (extent == 1)
      return 0;
    if (mode == FillMode::Nearest || mode == FillMode::Reflect)
      return at < 0 ? 0 : extent - 1;
    return at < 0 ? -at : 2 * (extent - 1) - at; // mirrored, as where scipy has no rule
  }

private:
  double reflected(double at) const {
    const double period = 2 * double(extent);
    if (at < 0) {
      if (at < -period)
        at += period * std::trunc(-at / period);
      return at < double(-extent) ? at + period : (at > -1e-15 ? 1e-15 : -at) - 1;
    }
    at -= period * std::trunc(at / period);
    return at >= double(extent) ? period - at - 1 : at;
  }
};

/// Two neighbours along an axis and what they weigh.
struct Neighbours {
  int64_t low, high;
  double lowWeight, highWeight;
};

Neighbours neighbours(const Axis &axis, double at, int order) {
  if (order == 0) {
    const int64_t nearest = axis.index(int64_t(std::floor(at + 0.5)));
    return {nearest, nearest, 1, 0};
  }
  const double below = std::floor(at);
  const auto index = int64_t(below);
  return {axis.index(index), axis.index(index + 1), 1 - (at - below), at - below};
}

} // namespace

bool isAffine(const TransformParameters &how) {
  return how.theta != 0 || how.tx != 0 || how.ty != 0 || how.shear != 0 || how.zx != 1 ||
         how.zy != 1;
}

AffineMap affineMapOf(const TransformParameters &how, int64_t height, int64_t width) {
  const double radians = M_PI / 180;
  const double theta = how.theta * radians, shear = how.shear * radians;
  const double row = double(height) / 2 - 0.5, column = double(width) / 2 - 0.5;
  const Matrix3 offset = {{{1, 0, row}, {0, 1, column}, {0, 0, 1}}};
  const Matrix3 reset = {{{1, 0, -row}, {0, 1, -column}, {0, 0, 1}}};
  Matrix3 matrix = {
      {{std::cos(theta), -std::sin(theta), 0}, {std::sin(theta), std::cos(theta), 0}, {0, 0, 1}}};
  matrix = matrix * Matrix3{{{1, 0, how.tx}, {0, 1, how.ty}, {0, 0, 1}}};
  matrix = matrix * Matrix3{{{1, -std::sin(shear), 0}, {0, std::cos(shear), 0}, {0, 0, 1}}};
  matrix = matrix * Matrix3{{{how.zx, 0, 0}, {0, how.zy, 0}, {0, 0, 1}}};
  matrix = offset * matrix * reset;
  // Keras swaps rows and columns of the matrix: it is built for (x, y), and read as (row, column).
  AffineMap map;
  map.matrix[0] = matrix.at[1][1], map.matrix[1] = matrix.at[1][0];
  map.matrix[2] = matrix.at[0][1], map.matrix[3] = matrix.at[0][0];
  map.offset[0] = matrix.at[1][2], map.offset[1] = matrix.at[0][2];
  return map;
}

void affineTransform(const float *from, float *to, int64_t height, int64_t width, int64_t channels,
                     const AffineMap &map, FillMode mode, double cval, int order) {
  const Axis rows{height, mode}, columns{width, mode};
  const double *m = map.matrix;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x, to += channels) {
      const double row = rows.placed(map.offset[0] + double(y) * m[0] + double(x) * m[1]);
      const double column = columns.placed(map.offset[1] + double(y) * m[2] + double(x) * m[3]);
      if (row < -1 || column < -1) {
        std::fill(to, to + channels, float(cval));
        continue;
      }
      const Neighbours v = neighbours(rows, row, order), h = neighbours(columns, column, order);
      const float *upper = from + v.low * width * channels,
                  *lower = from + v.high * width * channels;
      for (int64_t c = 0; c < channels; ++c)
        to[c] = float(v.lowWeight * h.lowWeight * upper[h.low * channels + c] +
                      v.lowWeight * h.highWeight * upper[h.high * channels + c] +
                      v.highWeight * h.lowWeight * lower[h.low * channels + c] +
                      v.highWeight * h.highWeight * lower[h.high * channels + c]);
    }
}

} // namespace ingot::data
