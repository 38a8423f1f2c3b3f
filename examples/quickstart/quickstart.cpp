// The quickstart: defines a convolutional network in C++, trains it on real images, draws what
// happened and saves the model. `tools/quickstart` goes on to compile it and to call it from C.
//
//   quickstart [--data DIR|FILE.npz] [--epochs N] [--limit N] [--seed N] [--threads N] [--out DIR]
#include "frontends/keras/Keras.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Npy.h"
#include "ingot/data/Plot.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>

namespace data = ingot::data;
namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;
using ingot::Tensor;
using ingot::TensorView;

namespace {

struct Arguments {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string out = "quickstart-out";
  int64_t epochs = 5;
  int64_t limit = 0; // images of each set; 0: all
  uint64_t seed = 1; // of the first weights, dropout and the order of images
  int threads = 0;   // 0: all CPUs
};

constexpr const char *kUsage =
    "usage: quickstart [--data DIR|FILE.npz] [--epochs N] [--limit N] [--seed N] [--threads N] "
    "[--out DIR]\n"
    "  --data     Fashion-MNIST's or MNIST's files, or mnist.npz "
    "(/usr/share/datasets/fashion-mnist)\n"
    "  --epochs   passes over the training images (5)\n"
    "  --limit    use only this many images of each set\n"
    "  --seed     seed of the first weights, dropout and the order of images (1)\n"
    "  --threads  threads to train with (all CPUs)\n"
    "  --out      where pictures, test images and the model go (quickstart-out)\n";

[[noreturn]] void failUsage(const std::string &text) {
  std::cerr << "quickstart: " << text << "\n" << kUsage;
  std::exit(1);
}

template <typename T> T number(const std::string &name, const std::string &text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < T{})
    failUsage(name + " takes a number, got '" + text + "'");
  return value;
}

Arguments parse(int argc, char **argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      std::cout << kUsage;
      std::exit(0);
    }
    if (i + 1 >= argc)
      failUsage("unknown option or missing value: '" + name + "'");
    std::string value = argv[++i];
    if (name == "--data")
      arguments.data = value;
    else if (name == "--out")
      arguments.out = value;
    else if (name == "--epochs")
      arguments.epochs = number<int64_t>(name, value);
    else if (name == "--limit")
      arguments.limit = number<int64_t>(name, value);
    else if (name == "--seed")
      arguments.seed = number<uint64_t>(name, value);
    else if (name == "--threads")
      arguments.threads = number<int>(name, value);
    else
      failUsage("unknown option '" + name + "'");
  }
  return arguments;
}

void check(const ingot::Status &status) {
  if (!status.isOk())
    throw keras::Error(status);
}

template <typename T> T valueOf(ingot::Result<T> result) {
  check(result.status());
  return std::move(result).value();
}

/// The first `limit` samples, or all; borrows.
Tensor firstSamples(Tensor &all, int64_t limit) {
  ingot::Shape shape = all.shape();
  if (limit > 0)
    shape[0] = std::min(limit, shape[0]);
  return valueOf(Tensor::borrow(all.dtype(), shape, all.rawData()));
}

/// x.reshape(-1, 28, 28, 1).astype('float32') / 255.0
Tensor prepare(const Tensor &images) {
  ingot::Shape shape = images.shape();
  shape.push_back(1);
  return valueOf(data::toFloat(images, 1 / 255.0, shape));
}

keras::Sequential buildModel(int64_t height, int64_t width, int64_t classes) {
  return keras::Sequential(
      {layers::Conv2D(32, {3, 3}, {.activation = "relu", .inputShape = {height, width, 1}}),
       layers::MaxPooling2D({2, 2}), layers::Conv2D(64, {3, 3}, {.activation = "relu"}),
       layers::MaxPooling2D({2, 2}), layers::Flatten(), layers::Dense(64, {.activation = "relu"}),
       layers::Dropout(0.2), layers::Dense(classes, {.activation = "softmax"})});
}

/// The most probable class of each row.
std::vector<int64_t> classesOf(const Tensor &probabilities) {
  int64_t classes = probabilities.dim(1);
  std::vector<int64_t> result;
  for (int64_t i = 0; i < probabilities.dim(0); ++i) {
    const float *row = probabilities.data<float>() + i * classes;
    result.push_back(std::max_element(row, row + classes) - row);
  }
  return result;
}

void drawPredictions(keras::Model &model, const Tensor &pixels, const Tensor &images,
                     const Tensor &labels, const data::ImageDataset &set, const std::string &path) {
  int64_t count = std::min<int64_t>(32, pixels.dim(0));
  ingot::Shape shape = images.shape();
  shape[0] = count;
  data::LabelledImages picture;
  picture.count = count;
  picture.height = pixels.dim(1);
  picture.width = pixels.dim(2);
  picture.pixels = pixels.data<uint8_t>();
  picture.predicted = classesOf(
      model.predict(TensorView{images.dtype(), images.rank(), shape.data(), images.rawData()}));
  picture.truth.assign(labels.data<int64_t>(), labels.data<int64_t>() + count);
  picture.classNames = set.classNames;
  picture.title = "Test images: predicted (true)";
  check(data::plotImages(path, picture));
}

void run(const Arguments &arguments) {
  std::cout << "Loading " << arguments.data << "\n";
  data::ImageDataset set = valueOf(data::loadImageDataset(arguments.data));
  Tensor trainPixels = firstSamples(set.trainImages, arguments.limit);
  Tensor trainLabels = firstSamples(set.trainLabels, arguments.limit);
  Tensor testPixels = firstSamples(set.testImages, arguments.limit);
  Tensor testLabels = firstSamples(set.testLabels, arguments.limit);
  Tensor trainImages = prepare(trainPixels), testImages = prepare(testPixels);

  keras::Sequential model = buildModel(trainPixels.dim(1), trainPixels.dim(2),
                                       static_cast<int64_t>(set.classNames.size()));
  model.setThreads(arguments.threads);
  model.setSeed(arguments.seed);
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  model.summary();
  keras::History history =
      model.fit(trainImages, trainLabels,
                {.batchSize = 128, .epochs = arguments.epochs, .validationSplit = 0.2});
  keras::Logs test = model.evaluate(testImages, testLabels);
  std::printf("Test loss: %.4f\nTest accuracy: %.4f\n", test["loss"], test["accuracy"]);

  std::filesystem::create_directories(arguments.out);
  const std::string out = arguments.out + "/";
  check(data::plotHistory(out + "curves.png", {history.history.begin(), history.history.end()}));
  drawPredictions(model, testPixels, testImages, testLabels, set, out + "predictions.png");
  check(data::writeNpy(out + "test_images.npy", testImages));
  check(data::writeNpy(out + "test_labels.npy", testLabels));
  model.save(out + "model");
  std::cout << "Wrote " << out << "curves.png, " << out << "predictions.png, " << out
            << "test_images.npy, " << out << "test_labels.npy and the model directory " << out
            << "model\n\n"
            << "Next, make a self-contained library of it and call that from plain C:\n"
            << "  build/bin/ingot compile " << out << "model -o " << out << "model.so\n"
            << "  cc -O2 -Iruntime/include examples/embed_c/*.c -o " << out
            << "classify -lpthread -ldl\n"
            << "  " << out << "classify " << out << "model.so " << out
            << "test_images.npy --labels " << out << "test_labels.npy\n";
}

} // namespace

int main(int argc, char **argv) {
  Arguments arguments = parse(argc, argv);
  try {
    run(arguments);
  } catch (const std::exception &error) {
    std::cerr << "quickstart: " << error.what() << "\n";
    return 2;
  }
}
