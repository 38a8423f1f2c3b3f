// Both halves work on rows, which are contiguous.
#include "runtime/data/SymmetricEigen.h"

#include <cmath>

namespace ingot::data {

namespace {

/// T = Q^T A Q with diagonal `diagonal` and `beside[i]` between i and i + 1; rows of `vectors`
/// become those of Q^T.
class Tridiagonal {
public:
  Tridiagonal(std::vector<double> &matrix, size_t size)
      : matrix(matrix), size(size), diagonal(size), beside(size, 0.0) {
    for (size_t k = 0; k + 2 < size; ++k)
      reflect(k);
    for (size_t i = 0; i < size; ++i)
      diagonal[i] = matrix[i * size + i];
    if (size > 1)
      beside[size - 2] = matrix[(size - 1) * size + size - 2];
    accumulate();
  }

  bool solve() {
    for (size_t low = 0; low < size; ++low)
      for (int steps = 0;; ++steps) {
        const size_t high = split(low);
        if (high == low)
          break;
        if (steps == 60)
          return false;
        step(low, high);
      }
    return true;
  }
  std::vector<double> values() && { return std::move(diagonal); }

private:
  /// Makes the elements of column k below k + 1 zero by a reflection of what is left.
  void reflect(size_t k) {
    std::vector<double> v(size, 0.0), w(size, 0.0);
    double norm = 0;
    for (size_t i = k + 1; i < size; ++i)
      v[i] = matrix[i * size + k], norm += v[i] * v[i];
    norm = std::sqrt(norm);
    const double alpha = v[k + 1] > 0 ? -norm : norm;
    beside[k] = alpha;
    v[k + 1] -= alpha;
    double length = 0;
    for (size_t i = k + 1; i < size; ++i)
      length += v[i] * v[i];
    length = std::sqrt(length);
    if (length > 0)
      for (size_t i = k + 1; i < size; ++i)
        v[i] /= length;
    double inner = 0;
    for (size_t i = k + 1; i < size; ++i) {
      double sum = 0;
      for (size_t j = k + 1; j < size; ++j)
        sum += matrix[i * size + j] * v[j];
      w[i] = sum, inner += sum * v[i];
    }
    for (size_t i = k + 1; i < size; ++i)
      w[i] = 2 * (w[i] - inner * v[i]);
    for (size_t i = k + 1; i < size; ++i)
      for (size_t j = k + 1; j < size; ++j)
        matrix[i * size + j] -= v[i] * w[j] + w[i] * v[j];
    // The column is not needed any more: it keeps the reflection, in row k.
    for (size_t j = k + 1; j < size; ++j)
      matrix[k * size + j] = v[j];
  }

  /// Rows of Q^T = … H1 H0 from the reflections in the upper triangle.
  void accumulate() {
    std::vector<double> rows(size * size, 0.0);
    for (size_t i = 0; i < size; ++i)
      rows[i * size + i] = 1;
    for (size_t k = size < 2 ? 0 : size - 2; k-- > 0;) {
      const double *v = &matrix[k * size];
      for (size_t i = k + 1; i < size; ++i) {
        double sum = 0;
        for (size_t j = k + 1; j < size; ++j)
          sum += rows[i * size + j] * v[j];
        for (size_t j = k + 1; j < size; ++j)
          rows[i * size + j] -= 2 * sum * v[j];
      }
    }
    matrix = std::move(rows);
  }

  /// The end of the block from `low` on that is not yet split.
  size_t split(size_t low) const {
    size_t high = low;
    while (high + 1 < size) {
      const double scale = std::abs(diagonal[high]) + std::abs(diagonal[high + 1]);
      if (std::abs(beside[high]) <= 1e-16 * scale || beside[high] == 0)
        break;
      ++high;
    }
    return high;
  }

  /// One QL step on the block [low, high], with the rotations applied to the vectors.
  void step(size_t low, size_t high) {
    double g = (diagonal[low + 1] - diagonal[low]) / (2 * beside[low]);
    const double root = std::hypot(g, 1.0);
    g = diagonal[high] - diagonal[low] + beside[low] / (g + std::copysign(root, g));
    double sine = 1, cosine = 1, shift = 0;
    for (size_t i = high; i-- > low;) {
      const double f = sine * beside[i], b = cosine * beside[i];
      const double r = std::hypot(f, g);
      beside[i + 1] = r;
      if (r == 0) {
        diagonal[i + 1] -= shift;
        beside[high] = 0;
        return;
      }
      sine = f / r, cosine = g / r;
      g = diagonal[i + 1] - shift;
      const double t = (diagonal[i] - g) * sine + 2 * cosine * b;
      shift = sine * t;
      diagonal[i + 1] = g + shift;
      g = cosine * t - b;
      double *lower = &matrix[i * size], *upper = lower + size;
      for (size_t k = 0; k < size; ++k) {
        const double x = upper[k];
        upper[k] = sine * lower[k] + cosine * x;
        lower[k] = cosine * lower[k] - sine * x;
      }
    }
    diagonal[low] -= shift;
    beside[low] = g;
    beside[high] = 0;
  }

  std::vector<double> &matrix;
  size_t size;
  std::vector<double> diagonal, beside;
};

} // namespace

std::vector<double> symmetricEigen(std::vector<double> &matrix, size_t size) {
  Tridiagonal form(matrix, size);
  return form.solve() ? std::move(form).values() : std::vector<double>();
}

} // namespace ingot::data
