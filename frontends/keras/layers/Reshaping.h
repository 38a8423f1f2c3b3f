// Layers that change shapes: flatten, permute, pad, crop, repeat. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

/// (batch, …) -> (batch, product). With "channels_first" the channels go last first.
struct Flatten : Layer {
  explicit Flatten(FormatOptions options = {});
};
/// `targetShape` is without the batch; one -1 takes what is left.
struct Reshape : Layer {
  explicit Reshape(Shape targetShape, PlainOptions options = {});
};
/// Dimension d of the result, counted from 1 as the batch stays first, is dimension dims[d - 1].
struct Permute : Layer {
  explicit Permute(std::vector<int64_t> dims, PlainOptions options = {});
};
/// (batch, features) -> (batch, n, features).
struct RepeatVector : Layer {
  explicit RepeatVector(int64_t n, PlainOptions options = {});
};

/// Zeros around the spatial dimensions.
template <int N> struct ZeroPadding : Layer {
  explicit ZeroPadding(Margins<N> padding = 1, FormatOptions options = {});
};
using ZeroPadding1D = ZeroPadding<1>;
using ZeroPadding2D = ZeroPadding<2>;
using ZeroPadding3D = ZeroPadding<3>;

/// Cuts the ends of spatial dimensions off.
struct Cropping1D : Layer {
  explicit Cropping1D(Margins<1> cropping = 1, PlainOptions options = {});
};
struct Cropping2D : Layer {
  explicit Cropping2D(Margins<2> cropping = 0, FormatOptions options = {});
};
struct Cropping3D : Layer {
  explicit Cropping3D(Margins<3> cropping = 1, FormatOptions options = {});
};

/// Each step `size` times.
struct UpSampling1D : Layer {
  explicit UpSampling1D(int64_t size = 2, PlainOptions options = {});
};
struct UpSampling2DOptions {
  std::string dataFormat = "channels_last";
  /// "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5" or "area"
  std::string interpolation = "nearest";
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
struct UpSampling2D : Layer {
  explicit UpSampling2D(Size<2> size = 2, UpSampling2DOptions options = {});
};
struct UpSampling3D : Layer {
  explicit UpSampling3D(Size<3> size = 2, FormatOptions options = {});
};

} // namespace ingot::keras::layers
