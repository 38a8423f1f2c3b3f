// ResNet50, 101 and 152 (He et al., 2015), and their second version, whose blocks normalise first
// (He et al., 2016).
#include "frontends/keras/applications/Imagenet.h"

namespace ingot::keras::applications {

namespace {

Tensor normalized(const Tensor &x, const std::string &name) {
  return layers::BatchNormalization({.axis = 3, .epsilon = 1.001e-5, .name = name})(x);
}
Tensor relu(const Tensor &x, const std::string &name) {
  return layers::Activation("relu", {.name = name})(x);
}

struct Block {
  int64_t filters;
  int64_t stride = 1;
  bool convShortcut = false;
  std::string name; // "conv2_block1"
};

Tensor blockV1(const Tensor &input, const Block &block) {
  auto conv = [&](const Tensor &x, int64_t filters, const std::string &name) {
    return layers::Conv2D(filters, 1, {.name = block.name + name})(x);
  };
  Tensor shortcut = input, x = input;
  if (block.convShortcut) {
    shortcut = layers::Conv2D(4 * block.filters, 1,
                              {.strides = block.stride, .name = block.name + "_0_conv"})(input);
    shortcut = normalized(shortcut, block.name + "_0_bn");
  }
  x = layers::Conv2D(block.filters, 1,
                     {.strides = block.stride, .name = block.name + "_1_conv"})(x);
  x = relu(normalized(x, block.name + "_1_bn"), block.name + "_1_relu");
  x = layers::Conv2D(block.filters, 3, {.padding = "same", .name = block.name + "_2_conv"})(x);
  x = relu(normalized(x, block.name + "_2_bn"), block.name + "_2_relu");
  x = normalized(conv(x, 4 * block.filters, "_3_conv"), block.name + "_3_bn");
  x = layers::Add({.name = block.name + "_add"})({shortcut, x});
  return relu(x, block.name + "_out");
}

Tensor blockV2(const Tensor &input, const Block &block) {
  Tensor first = relu(normalized(input, block.name + "_preact_bn"), block.name + "_preact_relu");
  Tensor shortcut = input;
  if (block.convShortcut)
    shortcut = layers::Conv2D(4 * block.filters, 1,
                              {.strides = block.stride, .name = block.name + "_0_conv"})(first);
  else if (block.stride > 1)
    shortcut = layers::MaxPooling2D(1, {.strides = block.stride})(input);
  Tensor x =
      layers::Conv2D(block.filters, 1, {.useBias = false, .name = block.name + "_1_conv"})(first);
  x = relu(normalized(x, block.name + "_1_bn"), block.name + "_1_relu");
  x = layers::ZeroPadding2D(1, {.name = block.name + "_2_pad"})(x);
  x = layers::Conv2D(block.filters, 3,
                     {.strides = block.stride, .useBias = false, .name = block.name + "_2_conv"})(
      x);
  x = relu(normalized(x, block.name + "_2_bn"), block.name + "_2_relu");
  x = layers::Conv2D(4 * block.filters, 1, {.name = block.name + "_3_conv"})(x);
  return layers::Add({.name = block.name + "_out"})({shortcut, x});
}

struct ResNetKind {
  std::string name; // "resnet50"
  int version;
  std::vector<int64_t> blocks; // of each stack
  std::string hash, hashWithoutTop;
};

/// The first version halves images at the beginning of its stacks but the first, the second at the
/// end of its stacks but the last.
Tensor stacks(Tensor x, const ResNetKind &kind) {
  for (size_t i = 0; i < kind.blocks.size(); ++i)
    for (int64_t j = 1; j <= kind.blocks[i]; ++j) {
      Block block = {.filters = int64_t(64) << i,
                     .convShortcut = j == 1,
                     .name = "conv" + std::to_string(i + 2) + "_block" + std::to_string(j)};
      bool halves =
          kind.version == 1 ? j == 1 && i > 0 : j == kind.blocks[i] && i + 1 < kind.blocks.size();
      block.stride = halves ? 2 : 1;
      x = kind.version == 1 ? blockV1(x, block) : blockV2(x, block);
    }
  return x;
}

Model resNet(const Options &options, const ResNetKind &kind) {
  checkOptions(options, kind.name);
  Tensor input = Input(inputShapeFor(options, kind.name, 224));
  Tensor x = layers::ZeroPadding2D(3, {.name = "conv1_pad"})(input);
  x = layers::Conv2D(64, 7, {.strides = 2, .name = "conv1_conv"})(x);
  if (kind.version == 1)
    x = relu(normalized(x, "conv1_bn"), "conv1_relu");
  x = layers::ZeroPadding2D(1, {.name = "pool1_pad"})(x);
  x = layers::MaxPooling2D(3, {.strides = 2, .name = "pool1_pool"})(x);
  x = stacks(x, kind);
  if (kind.version == 2)
    x = relu(normalized(x, "post_bn"), "post_relu");
  if (options.includeTop) {
    x = layers::GlobalAveragePooling2D({.name = "avg_pool"})(x);
    x = layers::Dense(options.classes,
                      {.activation = options.classifierActivation, .name = "predictions"})(x);
  } else {
    x = poolWithoutTop(x, options);
  }
  std::string file = kind.name + "_weights_tf_dim_ordering_tf_kernels" +
                     (options.includeTop ? ".h5" : "_notop.h5");
  return finish(input, x, options, kind.name,
                {file,
                 "https://storage.googleapis.com/tensorflow/keras-applications/resnet/" + file,
                 options.includeTop ? kind.hash : kind.hashWithoutTop});
}

} // namespace

Model ResNet50(Options options) {
  return resNet(options, {"resnet50",
                          1,
                          {3, 4, 6, 3},
                          "2cb95161c43110f7111970584f804107",
                          "4d473c1dd8becc155b73f8504c6f6626"});
}
Model ResNet101(Options options) {
  return resNet(options, {"resnet101",
                          1,
                          {3, 4, 23, 3},
                          "f1aeb4b969a6efcfb50fad2f0c20cfc5",
                          "88cf7a10940856eca736dc7b7e228a21"});
}
Model ResNet152(Options options) {
  return resNet(options, {"resnet152",
                          1,
                          {3, 8, 36, 3},
                          "100835be76be38e30d865e96f2aaae62",
                          "ee4c566cf9a93f14d82f913c2dc6dd0c"});
}
Model ResNet50V2(Options options) {
  return resNet(options, {"resnet50v2",
                          2,
                          {3, 4, 6, 3},
                          "3ef43a0b657b3be2300d5770ece849e0",
                          "fac2f116257151a9d068a22e544a4917"});
}
Model ResNet101V2(Options options) {
  return resNet(options, {"resnet101v2",
                          2,
                          {3, 4, 23, 3},
                          "6343647c601c52e1368623803854d971",
                          "c0ed64b8031c3730f411d2eb4eea35b5"});
}
Model ResNet152V2(Options options) {
  return resNet(options, {"resnet152v2",
                          2,
                          {3, 8, 36, 3},
                          "a49b44d1979771252814e80f8ec446f9",
                          "ed17cf2e0169df9d443503ef94b23b33"});
}

} // namespace ingot::keras::applications
