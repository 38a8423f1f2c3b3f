// See Imagenet.h; and what goes into the networks and comes out of them.
#include "frontends/keras/applications/Imagenet.h"
#include "frontends/keras/Names.h"
#include "ingot/data/GetFile.h"
#include "ingot/data/ImageDataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace ingot::keras::applications {

namespace {

[[noreturn]] void fail(const std::string &network, const std::string &text) {
  throw Error(network + ": " + text);
}

constexpr int64_t kSmallest = 32;  // images
constexpr int64_t kClasses = 1000; // of ImageNet

/// The file in Keras's cache, downloaded where it is not there.
std::string cached(const std::string &network, const PretrainedFile &file) {
  Result<std::string> path = data::getFile(
      {.fname = file.name, .origin = file.origin, .fileHash = file.hash, .cacheSubdir = "models"});
  if (!path.isOk())
    throw Error(path.status().withContext(network));
  return *path;
}

} // namespace

void checkOptions(const Options &options, const std::string &network) {
  if (!options.pooling.empty() && options.pooling != "avg" && options.pooling != "max")
    fail(network, detail::unknownName("pooling", options.pooling, {"avg", "max"}) +
                      "; leave it out for the last images");
  if (options.classes <= 0)
    fail(network, "classes must be positive, got " + std::to_string(options.classes));
  if (options.weights == "none")
    return;
  bool isImagenet = options.weights == "imagenet";
  if (!isImagenet && !std::filesystem::exists(options.weights))
    fail(network,
         "weights are \"none\", \"imagenet\" or the path of a file, and there is no file '" +
             options.weights + "'");
  if (isImagenet && options.includeTop && options.classes != 1000)
    fail(network, "the pretrained classifier has 1000 classes, got .classes = " +
                      std::to_string(options.classes) +
                      "; leave it out (.includeTop = false) and put your own behind it, or set "
                      ".weights = \"none\"");
  if (options.includeTop && options.classifierActivation != "softmax" &&
      options.classifierActivation != "linear")
    fail(network,
         "with pretrained weights .classifierActivation is \"softmax\" or \"linear\", got '" +
             options.classifierActivation + "'");
}

Shape inputShapeFor(const Options &options, const std::string &network, int64_t defaultSize) {
  bool isImagenet = options.weights == "imagenet";
  Shape shape = options.inputShape;
  if (shape.empty())
    return options.includeTop ? Shape{defaultSize, defaultSize, 3} : Shape{None, None, 3};
  if (shape.size() != 3)
    fail(network, ".inputShape is {height, width, channels}, got " + toString(shape));
  if (isImagenet && shape[2] != 3)
    fail(network, "the pretrained weights are for 3 channels, got .inputShape " + toString(shape));
  Shape usual = {defaultSize, defaultSize, 3};
  if (isImagenet && options.includeTop && shape != usual)
    fail(network, "with its pretrained classifier .inputShape is " + toString(usual) + ", got " +
                      toString(shape) + "; other sizes need .includeTop = false");
  for (int64_t extent : {shape[0], shape[1]}) {
    if (extent != None && extent < kSmallest)
      fail(network, "images are at least " + std::to_string(kSmallest) + " x " +
                        std::to_string(kSmallest) + ", got .inputShape " + toString(shape));
    if (extent == None && options.includeTop)
      fail(network, "with its classifier .inputShape has no None, got " + toString(shape));
  }
  return shape;
}

Tensor poolWithoutTop(const Tensor &x, const Options &options, const TopNames &names) {
  if (options.pooling == "avg")
    return layers::GlobalAveragePooling2D({.name = names.averagePool})(x);
  if (options.pooling == "max")
    return layers::GlobalMaxPooling2D({.name = names.maxPool})(x);
  return x;
}

Model finish(const Tensor &input, const Tensor &output, const Options &options,
             const std::string &name, const PretrainedFile &pretrained) {
  Model model(input, output, options.name.empty() ? name : options.name);
  if (options.weights == "imagenet")
    model.loadWeights(cached(name, pretrained));
  else if (options.weights != "none")
    model.loadWeights(options.weights);
  return model;
}

layers::Margins<2> correctPad(const Tensor &x, int64_t kernel) {
  int64_t height = x.shape()[1], width = x.shape()[2], half = kernel / 2;
  auto before = [&](int64_t extent) {
    return half - (height == None || extent == None ? 1 : 1 - extent % 2);
  };
  return {layers::Ends(before(height), half), layers::Ends(before(width), half)};
}

namespace {

/// The images as f32 of their own; channels last, three of them.
ingot::Tensor toFloats(const TensorView &images, const char *function) {
  Shape shape(images.dims, images.dims + images.rank);
  if (images.rank != 3 && images.rank != 4)
    fail(function, "expected images (height, width, 3) or (samples, height, width, 3), got " +
                       describe(images));
  Result<ingot::Tensor> floats = data::toFloat(images, 1, shape);
  if (!floats.isOk())
    throw Error(floats.status().withContext(function));
  return std::move(*floats);
}

} // namespace

ingot::Tensor vgg16::preprocessInput(const TensorView &images) {
  ingot::Tensor x = toFloats(images, "preprocessInput");
  if (x.shape().back() != 3)
    fail("preprocessInput", "expected three channels, RGB, last, got " + describe(images));
  constexpr float means[] = {103.939F, 116.779F, 123.68F}; // of ImageNet's blue, green and red
  auto *pixel = x.data<float>();
  for (int64_t i = 0; i < x.elementCount(); i += 3, pixel += 3) {
    std::swap(pixel[0], pixel[2]);
    for (int c = 0; c < 3; ++c)
      pixel[c] -= means[c];
  }
  return x;
}

ingot::Tensor mobilenet_v2::preprocessInput(const TensorView &images) {
  ingot::Tensor x = toFloats(images, "preprocessInput");
  auto *values = x.data<float>();
  for (int64_t i = 0; i < x.elementCount(); ++i)
    values[i] = values[i] / 127.5F - 1;
  return x;
}

ingot::Tensor efficientnet::preprocessInput(const TensorView &images) {
  return toFloats(images, "preprocessInput");
}

ClassNames readClassNames(const std::string &path) {
  std::ifstream file(path);
  nlohmann::json json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  ClassNames names;
  for (int64_t i = 0; i < kClasses; ++i) {
    auto entry = json.is_object() ? json.find(std::to_string(i)) : json.end();
    if (entry == json.end() || !entry->is_array() || entry->size() != 2 ||
        !entry->at(0).is_string() || !entry->at(1).is_string())
      throw Error("decodePredictions: '" + path +
                      "' is no index of ImageNet's classes; remove it, and it is fetched again",
                  StatusCode::DataLoss);
    names.emplace_back(entry->at(0), entry->at(1));
  }
  return names;
}

std::vector<std::vector<Prediction>> decode(const TensorView &predictions, int64_t top,
                                            const ClassNames &names) {
  std::vector<std::vector<Prediction>> all;
  const auto *row = static_cast<const float *>(predictions.data);
  for (int64_t sample = 0; sample < predictions.dims[0]; ++sample, row += kClasses) {
    auto score = [&](int64_t i) { return std::isnan(row[i]) ? -INFINITY : row[i]; };
    std::vector<int64_t> order(kClasses);
    for (int64_t i = 0; i < kClasses; ++i)
      order[i] = i;
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return score(a) != score(b) ? score(a) > score(b) : a < b;
    });
    std::vector<Prediction> best;
    for (int64_t i = 0; i < top; ++i) {
      const auto &[className, description] = names[order[i]];
      best.push_back({className, description, row[order[i]]});
    }
    all.push_back(std::move(best));
  }
  return all;
}

std::vector<std::vector<Prediction>> decodePredictions(const TensorView &predictions, int64_t top) {
  if (predictions.dtype != DType::F32 || predictions.rank != 2 || predictions.dims[1] != kClasses)
    fail("decodePredictions",
         "expected predictions f32[samples, 1000], got " + describe(predictions));
  if (top < 0 || top > kClasses)
    fail("decodePredictions", "top is from 0 to 1000, got " + std::to_string(top));
  static const ClassNames names = readClassNames(
      cached("decodePredictions", {"imagenet_class_index.json",
                                   "https://storage.googleapis.com/download.tensorflow.org/data/"
                                   "imagenet_class_index.json",
                                   "c2c37ea517e94d9795004a39431a14cb"}));
  return decode(predictions, top, names);
}

} // namespace ingot::keras::applications
