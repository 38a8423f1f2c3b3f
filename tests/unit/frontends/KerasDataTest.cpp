// Data by Keras's names: what the wrappers add to runtime/data, and pictures trained on from a
// flow.
#include "frontends/keras/Keras.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;
namespace utils = ingot::keras::utils;
namespace image = ingot::keras::preprocessing::image;
using ingot::DType;

namespace {

class Directory {
public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ingot-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  std::string path(const std::string &name) const { return root + "/" + name; }

private:
  std::string root;
};

/// Pictures of 8 x 8, bright on the left (0) or on the right (1).
struct Sides {
  ingot::Tensor x = ingot::Tensor::zeros(DType::F32, {64, 8, 8, 1}).value();
  ingot::Tensor y = ingot::Tensor::zeros(DType::I64, {64}).value();
  Sides() {
    for (int64_t i = 0; i < 64; ++i) {
      y.data<int64_t>()[i] = i % 2;
      for (int64_t k = 0; k < 64; ++k)
        x.data<float>()[i * 64 + k] =
            (k % 8 < 4) == (i % 2 == 0) ? 200.0f + float(i % 50) : float(i % 30);
    }
  }
};

keras::Sequential classifier() {
  keras::Sequential model(
      {layers::Flatten({.inputShape = {8, 8, 1}}), layers::Dense(2, {.activation = "softmax"})});
  model.compile(
      {.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  return model;
}

TEST(KerasDataTest, FitTakesAFlowOfAugmentedPictures) {
  const Sides sides;
  const image::ImageDataGenerator generator(
      {.rotationRange = 5, .widthShiftRange = 0.1, .zoomRange = 0.1, .rescale = 1 / 255.0});
  auto flow = generator.flow(sides.x, sides.y, {.batchSize = 16, .seed = 1});
  keras::Sequential model = classifier();
  const keras::History history =
      model.fit(flow, {.epochs = 30, .verbose = keras::Verbosity::Silent});
  EXPECT_EQ(history.history.at("loss").size(), 30u);
  EXPECT_LT(history.history.at("loss").back(), history.history.at("loss").front());
  EXPECT_GT(history.history.at("accuracy").back(), 0.9);
}

TEST(KerasDataTest, PicturesOfADirectoryAreSaidAndTrainedOn) {
  const Sides sides;
  const Directory directory;
  for (int64_t i = 0; i < 12; ++i) {
    const std::string name = i % 2 ? "right" : "left";
    std::filesystem::create_directories(directory.path(name));
    utils::saveImg(directory.path(name + "/" + std::to_string(i) + ".png"),
                   {DType::F32, 3, sides.x.shape().data() + 1, sides.x.data<float>() + i * 64});
  }
  testing::internal::CaptureStdout();
  auto flow = image::ImageDataGenerator({.rescale = 1 / 255.0})
                  .flowFromDirectory(directory.path(""), {.targetSize = {8, 8},
                                                          .colorMode = "grayscale",
                                                          .classMode = "sparse",
                                                          .batchSize = 4});
  auto set = utils::imageDatasetFromDirectory(
      directory.path(""),
      {.imageSize = {8, 8}, .seed = 1, .validationSplit = 0.25, .subset = "validation"});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "Found 12 images belonging to 2 classes.\n"
                                                    "Found 12 files belonging to 2 classes.\n"
                                                    "Using 3 files for validation.\n");
  keras::Sequential model = classifier();
  const keras::History history =
      model.fit(flow, {.epochs = 2, .verbose = keras::Verbosity::Silent});
  EXPECT_TRUE(std::isfinite(history.history.at("loss").back()));
}

TEST(KerasDataTest, UtilsHaveKerasNames) {
  const Sides sides;
  EXPECT_EQ(describe(utils::toCategorical(sides.y)), "f32[64, 2]");
  EXPECT_EQ(describe(utils::padSequences({{1, 2}, {3}}, {.maxlen = 4})), "i32[2, 4]");
  const auto [left, right] = utils::splitDataset({sides.x, sides.y}, {.leftSize = 0.75});
  EXPECT_EQ(describe(left[0]), "f32[48, 8, 8, 1]");
  EXPECT_EQ(describe(right[1]), "i64[16]");
  const Directory directory;
  const ingot::TensorView first = {DType::F32, 3, sides.x.shape().data() + 1,
                                   sides.x.data<float>()};
  utils::saveImg(directory.path("a.png"), first);
  const ingot::Tensor img =
      utils::loadImg(directory.path("a.png"), {.colorMode = "grayscale", .targetSize = {{4, 4}}});
  EXPECT_EQ(describe(img), "f32[4, 4, 1]");
  std::ofstream(directory.path("words.json")) << R"({"the": 1, "film": 19})";
  EXPECT_EQ(keras::datasets::imdb::getWordIndex(directory.path("words.json")).at("film"), 19);
  EXPECT_EQ(keras::datasets::reuters::getLabelNames().size(), 46u);
}

TEST(KerasDataTest, FailuresAreErrors) {
  EXPECT_THROW(image::ImageDataGenerator({.fillMode = "mirror"}), keras::Error);
  EXPECT_THROW(utils::loadImg("/does/not/exist.png"), keras::Error);
  const ingot::Tensor one = *ingot::Tensor::of<float>({1}, {1});
  EXPECT_THROW(utils::toFloat32(one, {int64_t(1) << 40, int64_t(1) << 40, keras::None}),
               keras::Error);
  EXPECT_THROW(utils::plotHistory({}, "curves.pdf"), keras::Error);
  EXPECT_THROW(keras::datasets::mnist::loadData("/does/not/exist.npz"), keras::Error);
  EXPECT_THROW(keras::datasets::imdb::getWordIndex("/does/not/exist.json"), keras::Error);
  EXPECT_THROW(utils::imageDatasetFromDirectory("/does/not/exist"), keras::Error);
}

} // namespace
