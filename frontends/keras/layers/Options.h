// Small types that options of several layers share. Part of Layers.h.
#pragma once
#include "frontends/keras/Layer.h"

#include <array>

namespace ingot::keras::layers {

/// A number for each of N spatial dimensions: one for all, or N of them.
template <int N> struct Size {
  std::array<int64_t, N> values;
  Size(int64_t all) { values.fill(all); }
  template <typename... Rest>
    requires(N > 1 && sizeof...(Rest) == N - 1)
  Size(int64_t first, Rest... rest) : values{first, static_cast<int64_t>(rest)...} {}
};

/// What is put or cut before and behind one dimension.
struct Ends {
  int64_t before = 0, after = 0;
  Ends() = default;
  Ends(int64_t both) : before(both), after(both) {}
  Ends(int64_t before, int64_t after) : before(before), after(after) {}
};
/// Ends of N spatial dimensions: one number for all, or N of them, each a number or {before,
/// after}; for one dimension {before, after}.
template <int N> struct Margins {
  std::array<Ends, N> values;
  Margins(int64_t all) { values.fill(Ends(all)); }
  Margins(int64_t before, int64_t after)
    requires(N == 1)
      : values{Ends(before, after)} {}
  Margins(Ends first, Ends second)
    requires(N == 2)
      : values{first, second} {}
  Margins(Ends first, Ends second, Ends third)
    requires(N == 3)
      : values{first, second, third} {}
};

/// One axis, or several; negative ones count from the end.
struct Axes {
  std::vector<int64_t> values;
  bool isList = true; ///< written as a list, as it was given
  Axes(int64_t axis) : values{axis}, isList(false) {}
  Axes(std::initializer_list<int64_t> axes) : values(axes) {}
  Axes(std::vector<int64_t> axes) : values(std::move(axes)) {}
};

/// A number, or an array of them: Numbers(0.5), Numbers({0.5, 2}).
struct Numbers {
  std::vector<double> values;
  Shape shape = {}; ///< of the array; empty: one number
  Numbers(double value) : values{value} {}
  Numbers(std::initializer_list<double> list) : Numbers(std::vector<double>(list)) {}
  Numbers(std::vector<double> list)
      : values(std::move(list)), shape{static_cast<int64_t>(values.size())} {}
};
/// What random numbers lie between: f stands for -f to f, or as the layer says.
struct Factor {
  double lower, upper;
  bool isRange = true; ///< given as two numbers
  Factor(double factor = 0) : lower(-factor), upper(factor), isRange(false) {}
  Factor(double lower, double upper) : lower(lower), upper(upper) {}
};
using ValueRange = std::array<double, 2>;

/// Options of layers that have no others.
struct PlainOptions {
  Shape inputShape = {}; ///< without the batch; for the first layer of a Sequential
  std::string name = {}; ///< empty: dense, dense_1, …
  bool trainable = true;
  std::string dtype = {}; ///< policy, see config::setDtypePolicy; empty: that
};
/// Options of layers that only need to know where channels are: "channels_last", (batch, spatial…,
/// channels), or "channels_first".
struct FormatOptions {
  std::string dataFormat = "channels_last";
  Shape inputShape = {};
  std::string name = {};
  bool trainable = true;
  std::string dtype = {}; ///< policy, see config::setDtypePolicy; empty: that
};

} // namespace ingot::keras::layers
