// MobileNetV2 (Sandler et al., 2018).
#include "frontends/keras/applications/Imagenet.h"

#include <cmath>

namespace ingot::keras::applications {

namespace {

constexpr int64_t kSizes[] = {96, 128, 160, 192, 224};
constexpr double kAlphas[] = {0.35, 0.5, 0.75, 1.0, 1.3, 1.4};

/// The multiple of 8 next to v, at least 8 and not below 0.9 v.
int64_t makeDivisible(double v) {
  int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(v + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * v ? rounded + 8 : rounded;
}

Tensor normalized(const Tensor &x, const std::string &name) {
  return layers::BatchNormalization({.axis = -1, .momentum = 0.999, .epsilon = 1e-3, .name = name})(
      x);
}
Tensor relu6(const Tensor &x, const std::string &name) {
  return layers::ReLU({.maxValue = 6, .name = name})(x);
}

struct Block {
  int64_t filters, stride, expansion;
  int64_t id;
};

Tensor invertedResidual(const Tensor &input, const Block &block, double alpha) {
  int64_t channels = input.shape().back();
  int64_t filters = makeDivisible(
      static_cast<double>(static_cast<int64_t>(static_cast<double>(block.filters) * alpha)));
  Tensor x = input;
  std::string prefix = "expanded_conv_";
  if (block.id > 0) {
    prefix = "block_" + std::to_string(block.id) + "_";
    x = layers::Conv2D(block.expansion * channels, 1,
                       {.padding = "same", .useBias = false, .name = prefix + "expand"})(x);
    x = relu6(normalized(x, prefix + "expand_BN"), prefix + "expand_relu");
  }
  if (block.stride == 2)
    x = layers::ZeroPadding2D(correctPad(x, 3), {.name = prefix + "pad"})(x);
  x = layers::DepthwiseConv2D(3, {.strides = block.stride,
                                  .padding = block.stride == 1 ? "same" : "valid",
                                  .useBias = false,
                                  .name = prefix + "depthwise"})(x);
  x = relu6(normalized(x, prefix + "depthwise_BN"), prefix + "depthwise_relu");
  x = layers::Conv2D(filters, 1,
                     {.padding = "same", .useBias = false, .name = prefix + "project"})(x);
  x = normalized(x, prefix + "project_BN");
  if (channels == filters && block.stride == 1)
    return layers::Add({.name = prefix + "add"})({input, x});
  return x;
}

Tensor features(Tensor x, double alpha) {
  x = layers::Conv2D(makeDivisible(32 * alpha), 3,
                     {.strides = 2, .padding = "same", .useBias = false, .name = "Conv1"})(x);
  x = relu6(normalized(x, "bn_Conv1"), "Conv1_relu");
  struct Stage {
    int64_t filters, blocks, stride;
  };
  int64_t id = 0;
  for (Stage stage : {Stage{16, 1, 1}, Stage{24, 2, 2}, Stage{32, 3, 2}, Stage{64, 4, 2},
                      Stage{96, 3, 1}, Stage{160, 3, 2}, Stage{320, 1, 1}})
    for (int64_t i = 0; i < stage.blocks; ++i, ++id)
      x = invertedResidual(
          x, {stage.filters, i == 0 ? stage.stride : 1, /*expansion=*/id == 0 ? 1 : 6, id}, alpha);
  int64_t last = alpha > 1 ? makeDivisible(1280 * alpha) : 1280;
  x = layers::Conv2D(last, 1, {.useBias = false, .name = "Conv_1"})(x);
  return relu6(normalized(x, "Conv_1_bn"), "out_relu");
}

bool isListed(const Shape &shape) {
  return shape.size() == 3 && shape[0] == shape[1] &&
         std::find(std::begin(kSizes), std::end(kSizes), shape[0]) != std::end(kSizes);
}

std::string format(const char *form, double value) {
  char text[32];
  snprintf(text, sizeof text, form, value);
  return text;
}

/// Python's str(float(alpha)).
std::string decimal(double alpha) {
  return alpha == std::floor(alpha) ? format("%.1f", alpha) : format("%g", alpha);
}

} // namespace

Model MobileNetV2(MobileNetV2Options given) {
  Options options = {given.includeTop, given.weights, given.inputShape,
                     given.pooling,    given.classes, given.classifierActivation,
                     given.name};
  checkOptions(options, "mobilenet_v2");
  double alpha = given.alpha;
  if (!(alpha > 0 && alpha <= 100))
    throw Error("mobilenet_v2: alpha must be above 0 and at most 100, got " +
                std::to_string(alpha));
  if (options.weights == "imagenet" &&
      std::find(std::begin(kAlphas), std::end(kAlphas), alpha) == std::end(kAlphas))
    throw Error("mobilenet_v2: there are pretrained weights for alpha 0.35, 0.5, 0.75, 1, 1.3 and "
                "1.4, got " +
                decimal(alpha) + "; choose one of these, or .weights = \"none\"");
  int64_t defaultSize = isListed(options.inputShape) ? options.inputShape[0] : 224;
  Shape shape = inputShapeFor(options, "mobilenet_v2", defaultSize);
  Tensor input = Input(shape);
  Tensor x = features(input, alpha);
  if (options.includeTop) {
    x = layers::GlobalAveragePooling2D()(x);
    x = layers::Dense(options.classes,
                      {.activation = options.classifierActivation, .name = "predictions"})(x);
  } else {
    x = poolWithoutTop(x, options, {.averagePool = "", .maxPool = ""});
  }
  // Weights of the size 224 serve images of other sizes.
  int64_t rows = options.weights == "imagenet" && !isListed(shape) ? 224 : shape[0];
  std::string file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_" + decimal(alpha) + "_" +
                     std::to_string(rows) + (options.includeTop ? ".h5" : "_no_top.h5");
  std::string name =
      "mobilenetv2_" + format("%.2f", alpha) + "_" + (rows == None ? "None" : std::to_string(rows));
  return finish(
      input, x, options, name,
      {file, "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/" + file,
       ""});
}

} // namespace ingot::keras::applications
