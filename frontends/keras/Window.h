// Sizes of sliding windows as Keras and TensorFlow define them: "valid" and "same".
//
// Used by Conv2D and the pooling layers for their result shapes and their ops' attributes.
#pragma once
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Layers.h"

namespace ingot::keras::detail {

struct Window2D {
  std::array<int64_t, 2> size, strides, dilations;
  bool same = false;

  Window2D(layers::Size2D size, layers::Size2D strides, layers::Size2D dilations, bool same)
      : size{size.height, size.width}, strides{strides.height, strides.width},
        dilations{dilations.height, dilations.width}, same(same) {}

  /// Throws for sizes that can never be right. `what` is "kernelSize" or "poolSize".
  void check(const LayerImpl &layer, const char *what) const;
  /// (batch, h, w, channels) -> (batch, h', w', channels); throws when the window is larger than
  /// the input.
  Shape resultShape(const LayerImpl &layer, const char *what, const Shape &input) const;
  /// strides, dilations, paddingLow and paddingHigh of a window op on x.
  llvm::SmallVector<mlir::NamedAttribute> attributes(Emitter &emitter, const LayerImpl &layer,
                                                     mlir::Value x) const;
};

/// "valid" or "same", in any case; throws otherwise.
bool isSamePadding(const LayerImpl &layer, const std::string &padding);
Json toJson(layers::Size2D size);
layers::Size2D size2DFromJson(const Json &config, const std::string &key);

} // namespace ingot::keras::detail
