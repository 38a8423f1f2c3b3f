// Layers over spatial dimensions: sizes of sliding windows as Keras and TensorFlow define them, and
// tensors whose channels come first.
//
// Invariant: a layer sees channels last, (batch, spatial…, channels), whatever its data_format;
// SpatialLayer turns tensors on their way in and out. Used by convolutions, pooling and reshaping.
#pragma once
#include "frontends/keras/layers/Arguments.h"

namespace ingot::keras::detail {

/// "(batch, height, width, channels)", as the layer's data_format has it.
std::string dimensionNames(int64_t rank, bool channelsFirst);
/// One dimension in messages: "rows".
const char *dimensionName(int64_t rank, int64_t dimension);
/// The second dimension becomes the last, or the last the second.
Shape channelsToEnd(const Shape &shape);
Shape channelsToFront(const Shape &shape);
/// Throws unless it is "channels_last" or "channels_first".
void checkDataFormat(const LayerImpl &layer, const std::string &dataFormat);
void checkSpatialRank(const LayerImpl &layer, int64_t rank, bool channelsFirst, const Shape &input);

/// A layer of one input with N spatial dimensions, whose `options` may have a `dataFormat`. Impl
/// has `Shape resultOf(const Shape &x) const` and `Value emitLast(Emitter &e, Value x) const`.
template <typename Impl, int N> struct SpatialLayer : LayerWith<Impl> {
  const Impl &impl() const { return static_cast<const Impl &>(*this); }
  bool channelsFirst() const {
    if constexpr (requires(const Impl &i) { i.options.dataFormat; })
      return impl().options.dataFormat == "channels_first";
    return false;
  }
  /// As the user sees it.
  std::string shown(const Shape &x) const {
    return toString(channelsFirst() ? channelsToFront(x) : x);
  }
  Shape lastOf(const Shape &x) const { return channelsFirst() ? channelsToEnd(x) : x; }

  Shape resultShape(const std::vector<Shape> &inputs) const override {
    checkSpatialRank(*this, N, channelsFirst(), inputs[0]);
    Shape result = impl().resultOf(lastOf(inputs[0]));
    return channelsFirst() ? channelsToFront(result) : result;
  }
  mlir::Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!channelsFirst())
      return impl().emitLast(e, inputs[0]);
    llvm::SmallVector<int64_t> toEnd = {0}, toFront = {0, N + 1};
    for (int64_t d = 1; d <= N; ++d) {
      toEnd.push_back(d + 1);
      toFront.push_back(d);
    }
    toEnd.push_back(1);
    mlir::Value y = impl().emitLast(e, graph::transpose(e.b, e.loc, inputs[0], toEnd));
    return graph::rankOf(y) == N + 2 ? graph::transpose(e.b, e.loc, y, toFront) : y;
  }
  void check() const {
    if constexpr (requires(const Impl &i) { i.options.dataFormat; })
      checkDataFormat(*this, impl().options.dataFormat);
  }
};

enum class Padding { Valid, Same, Causal };
/// From "valid", "same" or, where there is one spatial dimension, "causal", in any case.
Padding paddingOf(const LayerImpl &layer, const std::string &padding, bool allowsCausal = false);

struct Window {
  llvm::SmallVector<int64_t> size, strides, dilations;
  Padding padding = Padding::Valid;

  template <int N>
  Window(const layers::Size<N> &size, const layers::Size<N> &strides,
         const layers::Size<N> &dilations, Padding padding)
      : size(size.values.begin(), size.values.end()),
        strides(strides.values.begin(), strides.values.end()),
        dilations(dilations.values.begin(), dilations.values.end()), padding(padding) {}

  int64_t rank() const { return size.size(); }
  /// Elements that the window covers along a dimension.
  int64_t span(int64_t d) const { return (size[d] - 1) * dilations[d] + 1; }
  /// Throws for sizes that can never be right. `what` is "kernelSize" or "poolSize".
  void check(const LayerImpl &layer, const char *what) const;
  /// Throws when strides and dilations are both larger than 1.
  void checkStrideOrDilation(const LayerImpl &layer) const;
  /// (batch, spatial…, channels) -> (batch, out…, channels); throws when the window is larger than
  /// the input. `shown` is the input as the user sees it.
  Shape resultShape(const LayerImpl &layer, const char *what, const Shape &input,
                    const std::string &shown) const;

  /// What a window op is called with.
  struct Call {
    mlir::Value x;
    llvm::SmallVector<mlir::NamedAttribute> attributes; ///< strides, dilations and padding
  };
  /// Where the padding depends on sizes that are not known yet, x is padded with `fill`.
  Call over(Emitter &emitter, mlir::Value x, double fill) const;
  /// Whether `over` pads x itself.
  bool padsBySize(mlir::Value x) const;
};

} // namespace ingot::keras::detail
