// Keras's applications: known networks with pretrained weights, for prediction and transfer
// learning.
//
//   keras::Model base = keras::applications::VGG16({.includeTop = false, .inputShape = {224, 224,
//   3}}); base.setTrainable(false);
//
// Layers have Keras's names, so that its weights files fit. Part of Keras.h; throws keras::Error.
#pragma once
#include "frontends/keras/Model.h"

namespace ingot::keras::applications {

struct Options {
  bool includeTop = true; ///< the classifier at the end
  /// "imagenet": Keras's pretrained weights, from ~/.keras/models (KERAS_HOME) or downloaded to
  /// there; "none": as initialised; or the path of a Keras file (.weights.h5, .h5, .keras) saved
  /// from the same network.
  std::string weights = "imagenet";
  /// Without the batch, {height, width, channels}; empty: the network's own, or any size without
  /// the top.
  Shape inputShape = {};
  /// Without the top: "" gives the last images, "avg" and "max" their means or maxima.
  std::string pooling = {};
  int64_t classes = 1000;
  std::string classifierActivation = "softmax"; ///< "linear": logits
  std::string name = {};
};
struct MobileNetV2Options {
  bool includeTop = true;
  std::string weights = "imagenet";
  Shape inputShape = {};
  double alpha = 1; ///< how wide layers are
  std::string pooling = {};
  int64_t classes = 1000;
  std::string classifierActivation = "softmax";
  std::string name = {};
};

Model VGG16(Options options = {});
Model VGG19(Options options = {});
Model ResNet50(Options options = {});
Model ResNet101(Options options = {});
Model ResNet152(Options options = {});
Model ResNet50V2(Options options = {});
Model ResNet101V2(Options options = {});
Model ResNet152V2(Options options = {});
Model MobileNetV2(MobileNetV2Options options = {});
/// Images have values from 0 to 255: the network scales them itself.
Model EfficientNetB0(Options options = {});
Model EfficientNetB1(Options options = {});
Model EfficientNetB2(Options options = {});
Model EfficientNetB3(Options options = {});
Model EfficientNetB4(Options options = {});
Model EfficientNetB5(Options options = {});
Model EfficientNetB6(Options options = {});
Model EfficientNetB7(Options options = {});

/// A class and how likely it is.
struct Prediction {
  std::string className;   ///< WordNet's: "n02099712"
  std::string description; ///< "Labrador_retriever"
  float score = 0;
};
/// For each row of predictions, of shape (samples, 1000), the `top` likeliest classes, the first
/// first. The names come from imagenet_class_index.json, found or downloaded as weights are.
std::vector<std::vector<Prediction>> decodePredictions(const TensorView &predictions,
                                                       int64_t top = 5);

// Keras's modules. preprocessInput makes of images, values 0 to 255 and channels RGB last, what the
// network was trained on: f32.
namespace vgg16 {
using applications::decodePredictions;
using applications::VGG16;
ingot::Tensor preprocessInput(const TensorView &images);
} // namespace vgg16
namespace vgg19 {
using applications::decodePredictions;
using applications::VGG19;
using vgg16::preprocessInput;
} // namespace vgg19
namespace resnet {
using applications::decodePredictions;
using applications::ResNet101;
using applications::ResNet152;
using applications::ResNet50;
using vgg16::preprocessInput;
} // namespace resnet
namespace resnet50 = resnet;
namespace mobilenet_v2 {
using applications::decodePredictions;
using applications::MobileNetV2;
ingot::Tensor preprocessInput(const TensorView &images);
} // namespace mobilenet_v2
namespace resnet_v2 {
using applications::decodePredictions;
using applications::ResNet101V2;
using applications::ResNet152V2;
using applications::ResNet50V2;
using mobilenet_v2::preprocessInput;
} // namespace resnet_v2
namespace efficientnet {
using applications::decodePredictions;
using applications::EfficientNetB0;
using applications::EfficientNetB1;
using applications::EfficientNetB2;
using applications::EfficientNetB3;
using applications::EfficientNetB4;
using applications::EfficientNetB5;
using applications::EfficientNetB6;
using applications::EfficientNetB7;
/// The images as they are, as f32.
ingot::Tensor preprocessInput(const TensorView &images);
} // namespace efficientnet

} // namespace ingot::keras::applications
