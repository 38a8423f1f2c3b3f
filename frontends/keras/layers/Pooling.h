// Pooling over one, two and three spatial dimensions. Part of Layers.h.
#pragma once
#include "frontends/keras/layers/Options.h"

namespace ingot::keras::layers {

template <int N> struct PoolingOptions {
  std::optional<Size<N>> strides = {}; ///< none: the pool's size
  std::string padding = "valid";       ///< or "same"
  std::string dataFormat = "channels_last";
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
template <int N> struct MaxPooling : Layer {
  explicit MaxPooling(Size<N> poolSize = 2, PoolingOptions<N> options = {});
};
using MaxPooling1D = MaxPooling<1>;
using MaxPooling2D = MaxPooling<2>;
using MaxPooling3D = MaxPooling<3>;
using MaxPool1D = MaxPooling1D; // Keras's short names
using MaxPool2D = MaxPooling2D;
using MaxPool3D = MaxPooling3D;
/// Elements of the padding do not count.
template <int N> struct AveragePooling : Layer {
  explicit AveragePooling(Size<N> poolSize = 2, PoolingOptions<N> options = {});
};
using AveragePooling1D = AveragePooling<1>;
using AveragePooling2D = AveragePooling<2>;
using AveragePooling3D = AveragePooling<3>;
using AvgPool1D = AveragePooling1D;
using AvgPool2D = AveragePooling2D;
using AvgPool3D = AveragePooling3D;

struct GlobalPoolingOptions {
  std::string dataFormat = "channels_last";
  bool keepdims = false;
  Shape inputShape = {};
  std::string name = {};
  std::string dtype = {};
};
/// (batch, spatial…, channels) -> (batch, channels), or (batch, 1…, channels) with keepdims.
template <int N> struct GlobalMaxPooling : Layer {
  explicit GlobalMaxPooling(GlobalPoolingOptions options = {});
};
using GlobalMaxPooling1D = GlobalMaxPooling<1>;
using GlobalMaxPooling2D = GlobalMaxPooling<2>;
using GlobalMaxPooling3D = GlobalMaxPooling<3>;
using GlobalMaxPool1D = GlobalMaxPooling1D;
using GlobalMaxPool2D = GlobalMaxPooling2D;
using GlobalMaxPool3D = GlobalMaxPooling3D;
template <int N> struct GlobalAveragePooling : Layer {
  explicit GlobalAveragePooling(GlobalPoolingOptions options = {});
};
using GlobalAveragePooling1D = GlobalAveragePooling<1>;
using GlobalAveragePooling2D = GlobalAveragePooling<2>;
using GlobalAveragePooling3D = GlobalAveragePooling<3>;
using GlobalAvgPool1D = GlobalAveragePooling1D;
using GlobalAvgPool2D = GlobalAveragePooling2D;
using GlobalAvgPool3D = GlobalAveragePooling3D;

/// The spatial dimensions cut into as many parts as `outputSize` says, each pooled.
template <int N> struct AdaptiveMaxPooling : Layer {
  explicit AdaptiveMaxPooling(Size<N> outputSize, FormatOptions options = {});
};
using AdaptiveMaxPooling1D = AdaptiveMaxPooling<1>;
using AdaptiveMaxPooling2D = AdaptiveMaxPooling<2>;
using AdaptiveMaxPooling3D = AdaptiveMaxPooling<3>;
template <int N> struct AdaptiveAveragePooling : Layer {
  explicit AdaptiveAveragePooling(Size<N> outputSize, FormatOptions options = {});
};
using AdaptiveAveragePooling1D = AdaptiveAveragePooling<1>;
using AdaptiveAveragePooling2D = AdaptiveAveragePooling<2>;
using AdaptiveAveragePooling3D = AdaptiveAveragePooling<3>;

} // namespace ingot::keras::layers
