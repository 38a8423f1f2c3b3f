// What keeps weights small: terms of the loss, and bounds that each update obeys. Part of Keras.h.
#pragma once
#include "frontends/keras/Arguments.h"

#include <cstdint>
#include <string>

namespace ingot::keras {

/// A term of the loss, of a weight or of a layer's result: Keras's names ("l2"), or one of the
/// functions in `regularizers`. What a layer's result gives is divided by the number of samples.
/// Terms of weights that are not trainable do not count.
struct Regularizer {
  std::string className; ///< Keras's class: "L1L2"; empty: none
  Arguments config;      ///< its arguments by Keras's names
  Regularizer() = default;
  Regularizer(const char *name);
  Regularizer(const std::string &name);
  /// Arguments that `config` leaves out have Keras's defaults. Throws for a class or an argument
  /// that does not exist, and for a value that it cannot have.
  Regularizer(const std::string &className, const Arguments &config);
  explicit operator bool() const { return !className.empty(); }
};

namespace regularizers {
/// l1 times the sum of magnitudes.
Regularizer L1(double l1 = 0.01);
/// l2 times the sum of squares.
Regularizer L2(double l2 = 0.01);
struct L1L2Options {
  double l1 = 0, l2 = 0;
};
Regularizer L1L2(const L1L2Options &options = {});
struct OrthogonalOptions {
  double factor = 0.01;
  std::string mode = "rows"; ///< or "columns"
};
/// factor times the mean of the magnitudes of the cosines between the rows of a matrix.
Regularizer OrthogonalRegularizer(const OrthogonalOptions &options = {});
} // namespace regularizers

/// What a weight is held to after each update: Keras's names ("non_neg"), or one of the functions
/// in `constraints`. Norms are Euclidean, along `axis`: one, or several.
struct Constraint {
  std::string className; ///< Keras's class: "MaxNorm"; empty: nothing
  Arguments config;      ///< its arguments by Keras's names
  Constraint() = default;
  Constraint(const char *name);
  Constraint(const std::string &name);
  /// See Regularizer.
  Constraint(const std::string &className, const Arguments &config);
  explicit operator bool() const { return !className.empty(); }
};

namespace constraints {
struct NormOptions {
  std::vector<int64_t> axis = {0};
};
Constraint MaxNorm(double maxValue = 2, const NormOptions &options = {});
Constraint NonNeg();
Constraint UnitNorm(const NormOptions &options = {});
struct MinMaxNormOptions {
  double minValue = 0, maxValue = 1;
  double rate = 1; ///< below 1: that part of the way to the bounds in each update
  std::vector<int64_t> axis = {0};
};
Constraint MinMaxNorm(const MinMaxNormOptions &options = {});
} // namespace constraints

} // namespace ingot::keras
