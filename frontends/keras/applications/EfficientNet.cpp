// EfficientNet B0 to B7 (Tan and Le, 2019).
#include "frontends/keras/applications/Imagenet.h"

#include <cmath>

namespace ingot::keras::applications {

namespace {

struct Scale {
  double width, depth;
  int64_t size;
  double dropout;
  std::string hash, hashWithoutTop;
};

/// A row of B0's table; B1 to B7 stretch it.
struct Stage {
  int64_t kernel, repeats, filtersIn, filtersOut, expand, stride;
};
constexpr Stage kStages[] = {{3, 1, 32, 16, 1, 1},  {3, 2, 16, 24, 6, 2},  {5, 2, 24, 40, 6, 2},
                             {3, 3, 40, 80, 6, 2},  {5, 3, 80, 112, 6, 1}, {5, 4, 112, 192, 6, 2},
                             {3, 1, 192, 320, 6, 1}};
constexpr double kSqueeze = 0.25, kDropConnect = 0.2;

Initializer convInitializer() {
  return initializers::VarianceScaling(
      {.scale = 2, .mode = "fan_out", .distribution = "truncated_normal"});
}

int64_t roundFilters(int64_t filters, double width) {
  double wanted = static_cast<double>(filters) * width;
  int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}
int64_t roundRepeats(int64_t repeats, double depth) {
  return static_cast<int64_t>(std::ceil(depth * static_cast<double>(repeats)));
}

Tensor normalized(const Tensor &x, const std::string &name) {
  return layers::BatchNormalization({.axis = 3, .name = name})(x);
}
Tensor swish(const Tensor &x, const std::string &name) {
  return layers::Activation("swish", {.name = name})(x);
}
/// A convolution of 1 x 1 without bias.
Tensor pointwise(const Tensor &x, int64_t filters, const std::string &name) {
  return layers::Conv2D(
      filters, 1,
      {.padding = "same", .useBias = false, .kernelInitializer = convInitializer(), .name = name})(
      x);
}

/// Squeeze and excitation: each channel times a number made of all channels' means.
Tensor excited(const Tensor &x, int64_t squeezed, const std::string &name) {
  int64_t filters = x.shape().back();
  Tensor se = layers::GlobalAveragePooling2D({.name = name + "se_squeeze"})(x);
  se = layers::Reshape({1, 1, filters}, {.name = name + "se_reshape"})(se);
  se = layers::Conv2D(squeezed, 1,
                      {.padding = "same",
                       .activation = "swish",
                       .kernelInitializer = convInitializer(),
                       .name = name + "se_reduce"})(se);
  se = layers::Conv2D(filters, 1,
                      {.padding = "same",
                       .activation = "sigmoid",
                       .kernelInitializer = convInitializer(),
                       .name = name + "se_expand"})(se);
  return layers::multiply({x, se}, {.name = name + "se_excite"});
}

struct Block {
  Stage stage;
  double drop;
  std::string name; // "block2a_"
};

Tensor invertedResidual(const Tensor &input, const Block &block) {
  const Stage &stage = block.stage;
  const std::string &name = block.name;
  Tensor x = input;
  if (stage.expand != 1) {
    x = pointwise(x, stage.filtersIn * stage.expand, name + "expand_conv");
    x = swish(normalized(x, name + "expand_bn"), name + "expand_activation");
  }
  if (stage.stride == 2)
    x = layers::ZeroPadding2D(correctPad(x, stage.kernel), {.name = name + "dwconv_pad"})(x);
  x = layers::DepthwiseConv2D(stage.kernel, {.strides = stage.stride,
                                             .padding = stage.stride == 2 ? "valid" : "same",
                                             .useBias = false,
                                             .depthwiseInitializer = convInitializer(),
                                             .name = name + "dwconv"})(x);
  x = swish(normalized(x, name + "bn"), name + "activation");
  auto squeezed = static_cast<int64_t>(static_cast<double>(stage.filtersIn) * kSqueeze);
  x = excited(x, std::max<int64_t>(1, squeezed), name);
  x = normalized(pointwise(x, stage.filtersOut, name + "project_conv"), name + "project_bn");
  if (stage.stride != 1 || stage.filtersIn != stage.filtersOut)
    return x;
  if (block.drop > 0)
    x = layers::Dropout(block.drop, {.noiseShape = Shape{None, 1, 1, 1}, .name = name + "drop"})(x);
  return layers::add({x, input}, {.name = name + "add"});
}

Tensor blocks(Tensor x, const Scale &scale) {
  int64_t all = 0, done = 0, number = 0;
  for (const Stage &stage : kStages)
    all += roundRepeats(stage.repeats, scale.depth);
  for (Stage stage : kStages) {
    ++number;
    stage.filtersIn = roundFilters(stage.filtersIn, scale.width);
    stage.filtersOut = roundFilters(stage.filtersOut, scale.width);
    int64_t repeats = roundRepeats(stage.repeats, scale.depth);
    for (int64_t j = 0; j < repeats; ++j, ++done) {
      if (j > 0) {
        stage.stride = 1;
        stage.filtersIn = stage.filtersOut;
      }
      x = invertedResidual(
          x, {stage, kDropConnect * static_cast<double>(done) / static_cast<double>(all),
              "block" + std::to_string(number) + static_cast<char>('a' + j) + "_"});
    }
  }
  return x;
}

Model efficientNet(const Options &options, char letter, const Scale &scale) {
  std::string name = std::string("efficientnetb") + letter;
  checkOptions(options, name);
  Tensor input = Input(inputShapeFor(options, name, scale.size));
  Tensor x = layers::Rescaling(1 / 255.0)(input);
  x = layers::Normalization({.axis = 3})(x);
  if (options.weights == "imagenet") // the pretrained weights were trained with this mistake
    x = layers::Rescaling({1 / std::sqrt(0.229), 1 / std::sqrt(0.224), 1 / std::sqrt(0.225)})(x);
  x = layers::ZeroPadding2D(correctPad(x, 3), {.name = "stem_conv_pad"})(x);
  x = layers::Conv2D(roundFilters(32, scale.width), 3,
                     {.strides = 2,
                      .useBias = false,
                      .kernelInitializer = convInitializer(),
                      .name = "stem_conv"})(x);
  x = swish(normalized(x, "stem_bn"), "stem_activation");
  x = blocks(x, scale);
  x = pointwise(x, roundFilters(1280, scale.width), "top_conv");
  x = swish(normalized(x, "top_bn"), "top_activation");
  if (options.includeTop) {
    x = layers::GlobalAveragePooling2D({.name = "avg_pool"})(x);
    x = layers::Dropout(scale.dropout, {.name = "top_dropout"})(x);
    x = layers::Dense(options.classes,
                      {.activation = options.classifierActivation,
                       .kernelInitializer = initializers::VarianceScaling(
                           {.scale = 1 / 3.0, .mode = "fan_out", .distribution = "uniform"}),
                       .name = "predictions"})(x);
  } else {
    x = poolWithoutTop(x, options);
  }
  std::string file = name + (options.includeTop ? ".h5" : "_notop.h5");
  return finish(input, x, options, name,
                {file, "https://storage.googleapis.com/keras-applications/" + file,
                 options.includeTop ? scale.hash : scale.hashWithoutTop});
}

} // namespace

Model EfficientNetB0(Options options) {
  return efficientNet(
      options, '0',
      {1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"});
}
Model EfficientNetB1(Options options) {
  return efficientNet(
      options, '1',
      {1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"});
}
Model EfficientNetB2(Options options) {
  return efficientNet(
      options, '2',
      {1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"});
}
Model EfficientNetB3(Options options) {
  return efficientNet(
      options, '3',
      {1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"});
}
Model EfficientNetB4(Options options) {
  return efficientNet(
      options, '4',
      {1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"});
}
Model EfficientNetB5(Options options) {
  return efficientNet(
      options, '5',
      {1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"});
}
Model EfficientNetB6(Options options) {
  return efficientNet(
      options, '6',
      {1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"});
}
Model EfficientNetB7(Options options) {
  return efficientNet(
      options, '7',
      {2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"});
}

} // namespace ingot::keras::applications
