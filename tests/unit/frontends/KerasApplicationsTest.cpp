// keras::applications: the layers of Keras's networks by its names, mistakes in options, what goes
// in and comes out, and the outputs of networks whose weights Keras saved (skipped without these
// files, which tests/fixtures/keras/make_applications.py makes).
#include "frontends/keras/Layers.h"
#include "frontends/keras/applications/Imagenet.h"
#include "ingot/data/Npy.h"
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace ingot::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace applications = ingot::keras::applications;
using Json = nlohmann::ordered_json;

struct Recorded {
  const char *key; // in applications.json
  keras::Model (*make)();
};

const Recorded kRecorded[] = {
    {"VGG16", [] { return applications::VGG16({.weights = "none"}); }},
    {"VGG19", [] { return applications::VGG19({.weights = "none"}); }},
    {"ResNet50", [] { return applications::ResNet50({.weights = "none"}); }},
    {"ResNet101", [] { return applications::ResNet101({.weights = "none"}); }},
    {"ResNet50V2", [] { return applications::ResNet50V2({.weights = "none"}); }},
    {"MobileNetV2", [] { return applications::MobileNetV2({.weights = "none"}); }},
    {"EfficientNetB0", [] { return applications::EfficientNetB0({.weights = "none"}); }},
    {"EfficientNetB1", [] { return applications::EfficientNetB1({.weights = "none"}); }},
    {"MobileNetV2Small",
     [] {
       return applications::MobileNetV2({.includeTop = false,
                                         .weights = "none",
                                         .inputShape = {96, 96, 3},
                                         .alpha = 0.35,
                                         .pooling = "avg"});
     }},
    {"VGG16AnySize", [] { return applications::VGG16({.includeTop = false, .weights = "none"}); }}};

class KerasApplications : public ::testing::TestWithParam<Recorded> {
protected:
  KerasApplications() { keras::clearSession(); }
};

/// "class name (shape)" of each layer.
std::vector<std::string> linesOf(const Json &layers) {
  std::vector<std::string> lines;
  for (const Json &layer : layers) {
    keras::Shape shape;
    for (const Json &extent : layer[2])
      shape.push_back(extent.is_null() ? keras::None : extent.get<int64_t>());
    lines.push_back(layer[0].get<std::string>() + " " + layer[1].get<std::string>() + " " +
                    keras::toString(shape));
  }
  return lines;
}

TEST_P(KerasApplications, hasKerasLayersAndNames) {
  std::ifstream file(INGOT_SOURCE_DIR "/tests/fixtures/keras/applications.json");
  Json expected = Json::parse(file).at("networks").at(GetParam().key);
  keras::Model model = GetParam().make();
  EXPECT_EQ(model.name(), expected.at("name").get<std::string>());
  EXPECT_EQ(model.countParams(), expected.at("params").get<int64_t>());
  std::vector<std::string> lines;
  for (const keras::detail::NodePtr &node : model.impl()->nodes)
    lines.push_back(std::string(node->layer->className()) + " " + node->layer->name + " " +
                    keras::toString(node->results[0].shape));
  EXPECT_EQ(lines, linesOf(expected.at("layers")));
}

INSTANTIATE_TEST_SUITE_P(Networks, KerasApplications, ::testing::ValuesIn(kRecorded),
                         [](const auto &info) { return std::string(info.param.key); });

TEST(KerasApplicationOptions, mistakesSayWhatToDo) {
  EXPECT_THAT(errorOf([] { applications::VGG16({.weights = "imagnet"}); }),
              AllOf(StartsWith("vgg16: "), HasSubstr("no file 'imagnet'")));
  EXPECT_THAT(errorOf([] { applications::ResNet50({.classes = 5}); }),
              AllOf(HasSubstr("1000 classes"), HasSubstr(".includeTop = false")));
  EXPECT_THAT(errorOf([] {
                applications::VGG16(
                    {.includeTop = false, .weights = "none", .inputShape = {16, 64, 3}});
              }),
              HasSubstr("at least 32 x 32"));
  EXPECT_THAT(errorOf([] {
                applications::VGG16(
                    {.weights = "none", .inputShape = {keras::None, keras::None, 3}});
              }),
              HasSubstr("no None"));
  EXPECT_THAT(errorOf([] {
                applications::VGG16({.includeTop = false, .weights = "none", .pooling = "mean"});
              }),
              HasSubstr("unknown pooling 'mean'"));
  EXPECT_THAT(errorOf([] { applications::MobileNetV2({.alpha = 0.6}); }),
              AllOf(HasSubstr("0.35, 0.5, 0.75, 1, 1.3 and 1.4"), HasSubstr("got 0.6")));
}

TEST(KerasApplicationOptions, oneExtentMayBeOpen) {
  keras::Model model = applications::MobileNetV2(
      {.includeTop = false, .weights = "none", .inputShape = {64, keras::None, 3}});
  EXPECT_EQ(model.layers().back().callAll({keras::Input({2, 2, 1280})})[0].shape()[3], 1280);
}

TEST(KerasApplicationOptions, preprocessInputIsKeras) {
  std::vector<uint8_t> pixels = {0, 128, 255, 10, 20, 30};
  auto images = *ingot::Tensor::of({1, 1, 2, 3}, pixels);
  auto values = [](const ingot::Tensor &t) {
    return std::vector<float>(t.data<float>(), t.data<float>() + t.elementCount());
  };
  using ::testing::FloatEq;
  EXPECT_THAT(values(applications::vgg16::preprocessInput(images)),
              ::testing::ElementsAre(FloatEq(255 - 103.939F), FloatEq(128 - 116.779F),
                                     FloatEq(-123.68F), FloatEq(30 - 103.939F),
                                     FloatEq(20 - 116.779F), FloatEq(10 - 123.68F)));
  EXPECT_THAT(values(applications::mobilenet_v2::preprocessInput(images)),
              ::testing::ElementsAre(FloatEq(-1), FloatEq(128 / 127.5F - 1), FloatEq(1),
                                     FloatEq(10 / 127.5F - 1), FloatEq(20 / 127.5F - 1),
                                     FloatEq(30 / 127.5F - 1)));
  EXPECT_THAT(values(applications::efficientnet::preprocessInput(images)),
              ::testing::ElementsAre(0, 128, 255, 10, 20, 30));
  auto grey = *ingot::Tensor::of({2, 1, 1}, std::vector<float>{1, 2});
  EXPECT_THAT(errorOf([&] { applications::vgg16::preprocessInput(grey); }),
              HasSubstr("three channels"));
}

/// A cache directory of the test's own, and no network: the proxy is a port where nobody listens.
class KerasApplicationCache : public ::testing::Test {
protected:
  std::string directory = ::testing::TempDir() + "ingot-keras-home-" + std::to_string(getpid());
  void SetUp() override {
    std::filesystem::create_directories(directory + "/models");
    setenv("KERAS_HOME", directory.c_str(), 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
  }
  void TearDown() override {
    unsetenv("KERAS_HOME");
    unsetenv("https_proxy");
    std::filesystem::remove_all(directory);
  }
};

TEST_F(KerasApplicationCache, withoutANetworkItSaysWhichFileGoesWhere) {
  EXPECT_THAT(
      errorOf([] { applications::VGG16({.includeTop = false, .inputShape = {64, 64, 3}}); }),
      AllOf(HasSubstr(directory + "/models/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
            HasSubstr("6d6bbae143d832006294945121d1f1fc")));
  EXPECT_THAT(errorOf([] {
                applications::MobileNetV2(
                    {.includeTop = false, .inputShape = {160, 160, 3}, .alpha = 0.35});
              }),
              HasSubstr("/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_160_no_top.h5"));
  EXPECT_THAT(errorOf([] { applications::EfficientNetB0(); }),
              HasSubstr(directory + "/models/efficientnetb0.h5"));
  EXPECT_THAT(errorOf([] {
                applications::decodePredictions(
                    *ingot::Tensor::of({1, 1000}, std::vector<float>(1000, 0)));
              }),
              HasSubstr(directory + "/models/imagenet_class_index.json"));
}

TEST_F(KerasApplicationCache, decodesTheLikeliestClasses) {
  std::string path = directory + "/models/imagenet_class_index.json";
  {
    std::ofstream file(path);
    file << "{";
    for (int i = 0; i < 1000; ++i)
      file << (i ? ", " : "") << '"' << i << "\": [\"n" << i << "\", \"thing_" << i << "\"]";
    file << "}";
  }
  std::vector<float> scores(2000, 0);
  scores[7] = 0.5F;
  scores[3] = 0.25F;
  scores[1000 + 999] = 0.75F;
  scores[1000 + 500] = NAN;
  auto rows = applications::decode(*ingot::Tensor::of({2, 1000}, scores), 2,
                                   applications::readClassNames(path));
  ASSERT_EQ(rows.size(), 2u);
  ASSERT_EQ(rows[0].size(), 2u);
  EXPECT_EQ(rows[0][0].className, "n7");
  EXPECT_EQ(rows[0][0].description, "thing_7");
  EXPECT_EQ(rows[0][0].score, 0.5F);
  EXPECT_EQ(rows[0][1].className, "n3");
  EXPECT_EQ(rows[1][0].className, "n999");
  auto few = *ingot::Tensor::of({1, 2}, std::vector<float>{1, 2});
  EXPECT_THAT(errorOf([&] { applications::decodePredictions(few); }),
              HasSubstr("f32[samples, 1000], got f32[1, 2]"));
  std::ofstream(path) << "{\"0\": [1, 2]}";
  EXPECT_THAT(errorOf([&] { applications::readClassNames(path); }),
              HasSubstr("no index of ImageNet's classes"));
}

struct SavedNetwork {
  const char *name, *file;
  keras::Model (*make)(const std::string &weights);
};

const SavedNetwork kSaved[] = {
    {"VGG16", "VGG16.legacy.h5",
     [](const std::string &weights) {
       return applications::VGG16({.weights = weights,
                                   .inputShape = {32, 32, 3},
                                   .classes = 10,
                                   .classifierActivation = "linear"});
     }},
    {"VGG19", "VGG19.weights.h5",
     [](const std::string &weights) {
       return applications::VGG19(
           {.includeTop = false, .weights = weights, .inputShape = {40, 40, 3}});
     }},
    {"ResNet50", "ResNet50.weights.h5",
     [](const std::string &weights) {
       return applications::ResNet50({.weights = weights,
                                      .inputShape = {64, 64, 3},
                                      .classes = 10,
                                      .classifierActivation = "linear"});
     }},
    {"ResNet50V2", "ResNet50V2.keras",
     [](const std::string &weights) {
       return applications::ResNet50V2(
           {.includeTop = false, .weights = weights, .inputShape = {64, 64, 3}, .pooling = "avg"});
     }},
    {"MobileNetV2", "MobileNetV2.h5",
     [](const std::string &weights) {
       return applications::MobileNetV2({.includeTop = false,
                                         .weights = weights,
                                         .inputShape = {64, 64, 3},
                                         .alpha = 0.5,
                                         .pooling = "max"});
     }},
    {"EfficientNetB0", "EfficientNetB0.keras", [](const std::string &weights) {
       return applications::EfficientNetB0({.weights = weights,
                                            .inputShape = {64, 64, 3},
                                            .classes = 10,
                                            .classifierActivation = "linear"});
     }}};

class SavedKerasApplications : public ::testing::TestWithParam<SavedNetwork> {
protected:
  SavedKerasApplications() { keras::clearSession(); }
};

TEST_P(SavedKerasApplications, givesKerasOutputs) {
  std::string directory = INGOT_BINARY_DIR "/keras-applications/";
  std::string weights = directory + GetParam().file;
  if (!std::filesystem::exists(weights))
    GTEST_SKIP() << weights << " is not there; tests/fixtures/keras/make_applications.py makes it";
  auto arrays = data::readNpz(directory + GetParam().name + ".npz");
  ASSERT_TRUE(arrays.isOk()) << arrays.status().message();
  const ingot::Tensor &x = *data::findTensor(*arrays, "x"), &y = *data::findTensor(*arrays, "y");
  ingot::Tensor got = GetParam().make(weights).predict(x);
  ASSERT_EQ(got.shape(), y.shape());
  float largest = 0, worst = 0;
  for (int64_t i = 0; i < y.elementCount(); ++i) {
    largest = std::max(largest, std::abs(y.data<float>()[i]));
    worst = std::max(worst, std::abs(got.data<float>()[i] - y.data<float>()[i]));
  }
  EXPECT_LE(worst, 1e-4F * largest);
  EXPECT_GT(largest, 0);
}

INSTANTIATE_TEST_SUITE_P(Networks, SavedKerasApplications, ::testing::ValuesIn(kSaved),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
} // namespace ingot::test
