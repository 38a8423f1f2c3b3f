// VGG16 and VGG19 (Simonyan and Zisserman, 2014).
#include "frontends/keras/applications/Imagenet.h"

namespace ingot::keras::applications {

namespace {

struct Depth {
  std::string name;                  // "vgg16"
  std::vector<int64_t> convolutions; // of each block
  std::string hash, hashWithoutTop;
};

Model vgg(const Options &options, const Depth &depth) {
  checkOptions(options, depth.name);
  Tensor input = Input(inputShapeFor(options, depth.name, 224)), x = input;
  std::vector<int64_t> filters = {64, 128, 256, 512, 512};
  for (size_t i = 0; i < filters.size(); ++i) {
    std::string block = "block" + std::to_string(i + 1);
    for (int64_t conv = 1; conv <= depth.convolutions[i]; ++conv)
      x = layers::Conv2D(filters[i], 3,
                         {.padding = "same",
                          .activation = "relu",
                          .name = block + "_conv" + std::to_string(conv)})(x);
    x = layers::MaxPooling2D(2, {.strides = 2, .name = block + "_pool"})(x);
  }
  if (options.includeTop) {
    x = layers::Flatten({.name = "flatten"})(x);
    for (const char *name : {"fc1", "fc2"})
      x = layers::Dense(4096, {.activation = "relu", .name = name})(x);
    x = layers::Dense(options.classes,
                      {.activation = options.classifierActivation, .name = "predictions"})(x);
  } else {
    x = poolWithoutTop(x, options, {.averagePool = "", .maxPool = ""});
  }
  std::string file = depth.name + "_weights_tf_dim_ordering_tf_kernels" +
                     (options.includeTop ? ".h5" : "_notop.h5");
  return finish(
      input, x, options, depth.name,
      {file,
       "https://storage.googleapis.com/tensorflow/keras-applications/" + depth.name + "/" + file,
       options.includeTop ? depth.hash : depth.hashWithoutTop});
}

} // namespace

Model VGG16(Options options) {
  return vgg(options, {"vgg16",
                       {2, 2, 3, 3, 3},
                       "64373286793e3c8b2b4e3219cbf3544b",
                       "6d6bbae143d832006294945121d1f1fc"});
}

Model VGG19(Options options) {
  return vgg(options, {"vgg19",
                       {2, 2, 4, 4, 4},
                       "cbe5617147190e668d6c5d5026f83318",
                       "253f8cb515780f3b799900260a226db6"});
}

} // namespace ingot::keras::applications
