// How weights get their first values, Keras's initializers. Part of Keras.h.
#pragma once
#include "frontends/keras/Arguments.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ingot::keras {

/// How a weight gets its first value: Keras's names ("glorot_uniform", "zeros", …) or one of the
/// functions in `initializers`. The numbers come from Philox, keyed by the model's seed and the
/// weight's name, so that a model starts with the same weights wherever it is built; with a `seed`
/// of its own by that alone.
struct Initializer {
  std::string className; ///< Keras's class: "GlorotUniform"
  Arguments config;      ///< its arguments by Keras's names
  Initializer(const char *name);
  Initializer(const std::string &name);
  /// Arguments that `config` leaves out have Keras's defaults. Throws for a class or an argument
  /// that does not exist, and for a value that it cannot have.
  Initializer(const std::string &className, const Arguments &config);
};

namespace initializers {
struct SeedOptions {
  std::optional<int64_t> seed = {};
};
Initializer Zeros();
Initializer Ones();
Initializer Constant(double value = 0);
/// Of a matrix: `gain` on the diagonal, 0 elsewhere.
Initializer Identity(double gain = 1);
struct UniformOptions {
  double minval = -0.05, maxval = 0.05;
  std::optional<int64_t> seed = {};
};
Initializer RandomUniform(const UniformOptions &options = {});
struct NormalOptions {
  double mean = 0, stddev = 0.05;
  std::optional<int64_t> seed = {};
};
Initializer RandomNormal(const NormalOptions &options = {});
/// Values beyond two standard deviations are not drawn.
Initializer TruncatedNormal(const NormalOptions &options = {});
struct VarianceScalingOptions {
  double scale = 1;
  std::string mode = "fan_in";                   ///< or "fan_out", "fan_avg"
  std::string distribution = "truncated_normal"; ///< or "untruncated_normal", "uniform"
  std::optional<int64_t> seed = {};
};
/// A variance of scale / fan, where a kernel (…, in, out) has the fans in and out, each times the
/// size of its window.
Initializer VarianceScaling(const VarianceScalingOptions &options = {});
Initializer GlorotUniform(const SeedOptions &options = {});
Initializer GlorotNormal(const SeedOptions &options = {});
Initializer HeUniform(const SeedOptions &options = {});
Initializer HeNormal(const SeedOptions &options = {});
Initializer LecunUniform(const SeedOptions &options = {});
Initializer LecunNormal(const SeedOptions &options = {});
struct OrthogonalOptions {
  double gain = 1;
  std::optional<int64_t> seed = {};
};
/// Columns, or rows where there are fewer, that are orthogonal and have length `gain`; all such
/// matrices are equally likely. Kernels of more than two dimensions are matrices (…, last).
Initializer Orthogonal(const OrthogonalOptions &options = {});
struct STFTOptions {
  std::string side = "real";       ///< or "imag"
  std::string window = "hann";     ///< or "hamming"; empty: none
  std::string scaling = "density"; ///< or "spectrum"; empty: none
  bool periodic = false;
};
/// A kernel (window, 1, frequencies) that makes a convolution one side of a Fourier transform.
Initializer STFT(const STFTOptions &options = {});
} // namespace initializers

} // namespace ingot::keras
