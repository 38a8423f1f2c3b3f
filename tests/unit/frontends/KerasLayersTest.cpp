// Layers beyond the first few: their shapes, their configs both ways, what they do in training, and
// values that are quickly computed by hand. Their numbers against Keras's: KerasLayerFixturesTest.
#include "tests/unit/frontends/KerasTest.h"

#include <cmath>
#include <fstream>

namespace ingot::test {
namespace {

using keras::None;
using keras::Shape;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = keras::detail::Json;

/// The shape of the layer's result for an input of this shape, without the batch in both.
Shape shapeOf(const keras::Layer &layer, const Shape &input) {
  Shape shape = layer(keras::Input(input)).shape();
  return {shape.begin() + 1, shape.end()};
}

class KerasLayers : public KerasTest {
protected:
  /// The layer's result in inference; weights are as initialised.
  std::vector<double> apply(const keras::Layer &layer, llvm::ArrayRef<int64_t> shape,
                            llvm::ArrayRef<double> values) {
    auto input = keras::Input(Shape(shape.begin() + 1, shape.end()));
    load(keras::Model(input, layer(input)));
    auto results = run("predict", {floats(shape, values)});
    return results.empty() ? std::vector<double>{} : valuesOf(results[0]);
  }
  /// The same, called as in training.
  std::vector<double> train(const keras::Layer &layer, llvm::ArrayRef<int64_t> shape,
                            llvm::ArrayRef<double> values) {
    auto input = keras::Input(Shape(shape.begin() + 1, shape.end()));
    load(keras::Model(input, layer(input, {.training = true})));
    auto results = run("predict", {floats(shape, values)});
    return results.empty() ? std::vector<double>{} : valuesOf(results[0]);
  }
};

TEST_F(KerasLayers, convolutionsHaveKerasShapes) {
  using namespace layers;
  EXPECT_EQ(shapeOf(Conv1D(4, 3), {10, 2}), (Shape{8, 4}));
  EXPECT_EQ(shapeOf(Conv1D(4, 3, {.strides = 2, .padding = "causal"}), {9, 2}), (Shape{5, 4}));
  EXPECT_EQ(shapeOf(Conv3D(4, {1, 2, 3}, {.padding = "same"}), {4, 5, 6, 2}), (Shape{4, 5, 6, 4}));
  EXPECT_EQ(shapeOf(Conv2D(4, 3, {.activation = "glu"}), {5, 5, 2}), (Shape{3, 3, 2}));
  EXPECT_EQ(shapeOf(Conv2D(4, 3, {.dataFormat = "channels_first"}), {2, 6, 5}), (Shape{4, 4, 3}));
  EXPECT_EQ(shapeOf(Conv2D(4, 3, {.strides = 2, .padding = "same"}), {None, 5, 2}),
            (Shape{None, 3, 4}));
  EXPECT_EQ(shapeOf(Conv1DTranspose(3, 3, {.strides = 2}), {4, 2}), (Shape{9, 3}));
  EXPECT_EQ(shapeOf(Conv2DTranspose(3, 2, {.strides = 3}), {4, 4, 2}), (Shape{12, 12, 3}));
  EXPECT_EQ(shapeOf(Conv2DTranspose(3, 3, {.strides = 2, .padding = "same"}), {4, None, 2}),
            (Shape{8, None, 3}));
  EXPECT_EQ(shapeOf(Conv3DTranspose(3, 3, {.strides = 2, .padding = "same", .outputPadding = 0}),
                    {4, 4, 4, 2}),
            (Shape{7, 7, 7, 3}));
  EXPECT_EQ(shapeOf(DepthwiseConv2D(3, {.depthMultiplier = 2}), {5, 5, 3}), (Shape{3, 3, 6}));
  EXPECT_EQ(shapeOf(SeparableConv1D(5, 2, {.depthMultiplier = 3}), {5, 2}), (Shape{4, 5}));
}

TEST_F(KerasLayers, kernelsHaveKerasShapes) {
  auto weights = [](const keras::Layer &layer, const Shape &input) {
    shapeOf(layer, input);
    std::vector<Shape> shapes;
    for (const keras::detail::Weight &weight : layer.impl()->weights)
      shapes.push_back(weight.shape);
    return shapes;
  };
  using namespace layers;
  EXPECT_THAT(weights(Conv1D(6, 3, {.groups = 2}), {9, 4}), ElementsAre(Shape{3, 2, 6}, Shape{6}));
  EXPECT_THAT(weights(Conv2DTranspose(6, {3, 2}), {9, 9, 4}),
              ElementsAre(Shape{3, 2, 6, 4}, Shape{6}));
  EXPECT_THAT(weights(DepthwiseConv1D(3, {.depthMultiplier = 2}), {9, 4}),
              ElementsAre(Shape{3, 4, 2}, Shape{8}));
  EXPECT_THAT(weights(SeparableConv2D(5, 3, {.depthMultiplier = 2, .useBias = false}), {9, 9, 4}),
              ElementsAre(Shape{3, 3, 4, 2}, Shape{1, 1, 8, 5}));
  EXPECT_THAT(weights(PReLU({.sharedAxes = layers::Axes({1, 2})}), {9, 8, 4}),
              ElementsAre(Shape{1, 1, 4}));
  EXPECT_THAT(weights(LayerNormalization({.axis = {1, -1}}), {9, 8, 4}),
              ElementsAre(Shape{9, 4}, Shape{9, 4}));
}

TEST_F(KerasLayers, reshapingLayersHaveKerasShapes) {
  using namespace layers;
  EXPECT_EQ(shapeOf(MaxPooling1D(2), {7, 2}), (Shape{3, 2}));
  EXPECT_EQ(shapeOf(AveragePooling3D(2, {.padding = "same"}), {5, 4, 3, 2}), (Shape{3, 2, 2, 2}));
  EXPECT_EQ(shapeOf(GlobalMaxPooling3D({.keepdims = true}), {5, 4, 3, 2}), (Shape{1, 1, 1, 2}));
  EXPECT_EQ(shapeOf(GlobalAveragePooling1D({.dataFormat = "channels_first"}), {5, 4}), (Shape{5}));
  EXPECT_EQ(shapeOf(ZeroPadding1D({1, 2}), {5, 4}), (Shape{8, 4}));
  EXPECT_EQ(shapeOf(ZeroPadding2D({{1, 2}, {0, 3}}), {5, 4, 1}), (Shape{8, 7, 1}));
  EXPECT_EQ(shapeOf(ZeroPadding3D({1, 2, 3}), {1, 1, 1, 1}), (Shape{3, 5, 7, 1}));
  EXPECT_EQ(shapeOf(Cropping2D({{1, 2}, 0}), {5, 4, 1}), (Shape{2, 4, 1}));
  EXPECT_EQ(shapeOf(UpSampling3D({1, 2, 3}), {5, 4, 1, 1}), (Shape{5, 8, 3, 1}));
  EXPECT_EQ(shapeOf(Permute({3, 1, 2}), {5, 4, 1}), (Shape{1, 5, 4}));
  EXPECT_EQ(shapeOf(RepeatVector(3), {5}), (Shape{3, 5}));
  EXPECT_EQ(shapeOf(Resizing(3, 9), {5, 4, 1}), (Shape{3, 9, 1}));
  EXPECT_EQ(shapeOf(CategoryEncoding(7), {5}), (Shape{7}));
}

TEST_F(KerasLayers, mergingLayersBroadcastAsKeras) {
  auto image = keras::Input({8, 8, 3}), channels = keras::Input({3}), row = keras::Input({1, 8, 3});
  EXPECT_EQ(layers::multiply({image, channels}).shape(), (Shape{None, 8, 8, 3}));
  EXPECT_EQ(layers::subtract({row, image}).shape(), (Shape{None, 8, 8, 3}));
  auto x = keras::Input({4, 5}), y = keras::Input({5, 6}), vector = keras::Input({5});
  EXPECT_EQ(layers::dot({x, y}, {2, 1}).shape(), (Shape{None, 4, 6}));
  EXPECT_EQ(layers::dot({vector, vector}, 1, {.normalize = true}).shape(), (Shape{None, 1}));
  EXPECT_EQ(layers::dot({x, vector}, -1).shape(), (Shape{None, 4}));
}

TEST_F(KerasLayers, configsAreReadAndWrittenByKerasKeys) {
  const std::vector<std::pair<std::string, std::string>> configs = {
      {"Conv1D", R"({"filters": 4, "kernel_size": [3], "strides": [2], "padding": "causal",
        "data_format": "channels_last", "dilation_rate": [1], "groups": 2, "activation": "relu",
        "use_bias": false})"},
      {"Conv3DTranspose", R"({"filters": 4, "kernel_size": [3, 2, 1], "strides": [2, 2, 2],
        "output_padding": [1, 0, 1], "data_format": "channels_first"})"},
      {"Conv2DTranspose", R"({"filters": 4, "kernel_size": [3, 2], "output_padding": null})"},
      {"SeparableConv2D", R"({"filters": 4, "kernel_size": [3, 2], "depth_multiplier": 2})"},
      {"AveragePooling1D", R"({"pool_size": [3], "strides": [1], "padding": "same"})"},
      {"GlobalMaxPooling2D", R"({"data_format": "channels_first", "keepdims": true})"},
      {"ZeroPadding1D", R"({"padding": [1, 2]})"},
      {"Cropping3D", R"({"cropping": [[1, 2], [0, 0], [3, 1]], "data_format": "channels_last"})"},
      {"UpSampling1D", R"({"size": 3})"},
      {"UpSampling2D", R"({"size": [2, 3], "interpolation": "bilinear"})"},
      {"Permute", R"({"dims": [2, 1]})"},
      {"RepeatVector", R"({"n": 3})"},
      {"Dot", R"({"axes": [1, 2], "normalize": true})"},
      {"Dot", R"({"axes": -1, "normalize": false})"},
      {"LayerNormalization", R"({"axis": [-1], "epsilon": 0.1, "rms_scaling": true})"},
      {"GroupNormalization", R"({"groups": 2, "axis": 1, "center": false})"},
      {"UnitNormalization", R"({"axis": -1})"},
      {"LeakyReLU", R"({"negative_slope": 0.1})"},
      {"PReLU", R"({"shared_axes": [1, 2]})"},
      {"Softmax", R"({"axis": [1, 2]})"},
      {"SpatialDropout2D", R"({"rate": 0.5, "seed": 3, "data_format": "channels_first"})"},
      {"Dropout", R"({"rate": 0.5, "seed": null, "noise_shape": [null, 1, 4]})"},
      {"Rescaling", R"({"scale": [0.5, 2.0], "offset": 1.0})"},
      {"Normalization", R"({"axis": [-1], "invert": true, "mean": [1.0, 2.0],
        "variance": [1.0, 4.0]})"},
      {"RandomRotation", R"({"factor": [-0.1, 0.2], "fill_mode": "wrap", "fill_value": 2.0,
        "interpolation": "nearest", "seed": 3})"},
      {"RandomZoom", R"({"height_factor": 0.2, "width_factor": null})"},
      {"RandomContrast", R"({"factor": [0.1, 0.2], "value_range": [0.0, 1.0]})"}};
  for (const auto &[className, text] : configs) {
    SCOPED_TRACE(className);
    Json config = Json::parse(text);
    config["name"] = "l";
    auto layer = keras::detail::layerFromConfig(className, config);
    EXPECT_EQ(layer->className(), className);
    Json written = keras::detail::layerConfig(*layer);
    for (const auto &[key, value] : config.items())
      EXPECT_EQ(written[key], value) << key;
    // What was written is read again.
    auto again = keras::detail::layerFromConfig(className, written);
    EXPECT_EQ(keras::detail::layerConfig(*again), written);
  }
}

TEST_F(KerasLayers, argumentsThatAreNotSupportedAreRefused) {
  auto make = [](const char *className, const char *config) {
    return errorOf([&] { keras::detail::layerFromConfig(className, Json::parse(config)); });
  };
  EXPECT_EQ(make("BatchNormalization", R"({"name": "b", "synchronized": true})"),
            "layer 'b' (BatchNormalization): synchronized true is not supported; a model runs on "
            "one machine; leave it false");
  EXPECT_EQ(make("Conv2D", R"({"name": "c", "filters": 2, "kernel_size": [1, 2, 3]})"),
            "kernel_size: expected a number or a list of 2, got a list of 3");
  EXPECT_EQ(make("Conv2D", R"({"name": "c", "filters": 2})"),
            "layer 'c' (Conv2D): its config has no 'kernel_size'");
}

TEST_F(KerasLayers, transposedConvolutionIsTheGradientOfAConvolution) {
  // With a kernel of ones each output is the sum of the inputs whose windows cover it.
  layers::Conv1DTranspose layer(1, 3, {.strides = 2, .kernelInitializer = "ones"});
  EXPECT_THAT(apply(layer, {1, 3, 1}, {1, 2, 4}), ElementsAre(1, 1, 3, 2, 6, 4, 4));
}

TEST_F(KerasLayers, causalConvolutionSeesNothingLater) {
  layers::Conv1D layer(1, 2, {.padding = "causal", .dilationRate = 2, .kernelInitializer = "ones"});
  EXPECT_THAT(apply(layer, {1, 5, 1}, {1, 2, 4, 8, 16}), ElementsAre(1, 2, 5, 10, 20));
}

TEST_F(KerasLayers, paddingOfStridedWindowsFollowsUnknownSizes) {
  // Of one model for all sizes: as if each had been built for it.
  for (int64_t size : {3, 4, 5}) {
    std::vector<double> x = {3, 1, 4, 1, 5};
    auto input = keras::Input({None, 1});
    auto pool = layers::AveragePooling1D(3, {.strides = 2, .padding = "same"});
    load(keras::Model(input, pool(input)));
    auto results = run("predict", {floats({1, size, 1}, x)});
    auto fixed =
        apply(layers::AveragePooling1D(3, {.strides = 2, .padding = "same"}), {1, size, 1}, x);
    ASSERT_FALSE(results.empty());
    EXPECT_THAT(valuesOf(results[0]), ::testing::Pointwise(::testing::DoubleNear(1e-6), fixed));
  }
}

TEST_F(KerasLayers, randomLayersActInTrainingAlone) {
  std::vector<double> x = {1};
  for (const keras::Layer &layer : std::vector<keras::Layer>{
           layers::GaussianNoise(0.5), layers::GaussianDropout(0.5), layers::AlphaDropout(0.5),
           layers::SpatialDropout2D(0.5), layers::RandomBrightness(0.2),
           layers::Dropout(0.5, {.noiseShape = Shape{None, 1, 1, 4}})}) {
    SCOPED_TRACE(layer.className());
    EXPECT_THAT(apply(layer, {2, 4, 4, 4}, x), Each(1));
    EXPECT_THAT(train(layer, {2, 4, 4, 4}, x), ::testing::Contains(::testing::Ne(1)));
  }
}

TEST_F(KerasLayers, spatialDropoutDropsWholeChannels) {
  std::vector<double> y = train(layers::SpatialDropout2D(0.5), {4, 3, 2, 5}, {1});
  ASSERT_EQ(y.size(), 120u);
  for (int64_t sample = 0; sample < 4; ++sample)
    for (int64_t place = 0; place < 6; ++place)
      for (int64_t channel = 0; channel < 5; ++channel)
        EXPECT_EQ(y[(sample * 6 + place) * 5 + channel], y[sample * 30 + channel]);
  EXPECT_THAT(y, ::testing::Contains(0));
  EXPECT_THAT(y, ::testing::Contains(2));
}

TEST_F(KerasLayers, anOwnSeedTakesThePlaceOfTheModels) {
  auto output = [&](std::optional<int64_t> layerSeed, int64_t modelSeed) {
    keras::clearSession();
    auto input = keras::Input({64});
    keras::Model model(input, layers::Dropout(0.5, {.seed = layerSeed})(input, {.training = true}));
    load(model, modelSeed);
    return valuesOf(run("predict", {floats({1, 64}, {1})})[0]);
  };
  EXPECT_EQ(output(7, 1), output(7, 2));
  EXPECT_NE(output(7, 1), output(8, 1));
  EXPECT_NE(output({}, 1), output({}, 2));
}

TEST_F(KerasLayers, normalizationAdaptsToData) {
  layers::Normalization layer;
  auto data = std::move(ingot::Tensor::of<float>({4, 2}, {1, 10, 3, 10, 5, 30, 7, 30})).value();
  layer.adapt(data);
  auto input = keras::Input({2});
  keras::Model model(input, layer(input));
  EXPECT_THAT(layer.weightNames(),
              ElementsAre("normalization/mean", "normalization/variance", "normalization/count"));
  ingot::Tensor y = model.predict(data);
  EXPECT_NEAR(y.data<float>()[0], (1 - 4) / std::sqrt(5), 1e-6);
  EXPECT_NEAR(y.data<float>()[1], -1, 1e-6);
}

TEST_F(KerasLayers, untiedReversibleEmbeddingsHaveAWeightEachWay) {
  layers::ReversibleEmbedding layer(
      3, 2, {.tieWeights = false, .embeddingsInitializer = "ones", .name = "e"});
  auto input = keras::Input({1}, {.dtype = "int32", .name = {}});
  keras::Model model(input, layer(layer(input), {.reverse = true}));
  EXPECT_THAT(model.weightNames(), ElementsAre("e/embeddings", "e/reverse_embeddings"));
  EXPECT_EQ(layer.impl()->weights[1].shape, (Shape{2, 3}));
  model.setWeight("e/reverse_embeddings",
                  std::move(ingot::Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})).value());
  ingot::Tensor y = model.predict(std::move(ingot::Tensor::of<int32_t>({1, 1}, {2})).value());
  EXPECT_EQ(y.shape(), (ingot::Shape{1, 1, 3}));
  EXPECT_THAT(std::vector<float>(y.data<float>(), y.data<float>() + 3), ElementsAre(5, 7, 9));
  EXPECT_THAT(errorOf([&] { layer(keras::Input({4}), {.reverse = true}); }),
              HasSubstr("expected an input (…, 2)"));
}

TEST_F(KerasLayers, convLSTMsWithChannelsFirstAreTheSameTurned) {
  std::vector<double> last(2 * 3 * 4 * 2), first(last.size());
  for (int64_t step = 0; step < 2; ++step)
    for (int64_t pixel = 0; pixel < 12; ++pixel)
      for (int64_t channel = 0; channel < 2; ++channel)
        last[step * 24 + pixel * 2 + channel] = first[step * 24 + channel * 12 + pixel] =
            static_cast<double>((step * 3 + pixel * 7 + channel * 5) % 11) / 4 - 1;
  auto layer = [](const char *format) {
    return layers::ConvLSTM2D(3, 2, {.dataFormat = format, .name = "c"});
  };
  std::vector<double> y = apply(layer("channels_last"), {1, 2, 3, 4, 2}, last);
  std::vector<double> turned = apply(layer("channels_first"), {1, 2, 2, 3, 4}, first);
  ASSERT_EQ(y.size(), 18u);
  ASSERT_EQ(turned.size(), 18u);
  for (int64_t pixel = 0; pixel < 6; ++pixel)
    for (int64_t channel = 0; channel < 3; ++channel)
      EXPECT_NEAR(turned[channel * 6 + pixel], y[pixel * 3 + channel], 1e-6);
}

TEST_F(KerasLayers, discretizationAdaptsAsKeras) {
  std::ifstream file(INGOT_SOURCE_DIR "/tests/fixtures/keras/adapt.json");
  auto value = [](int64_t i) { // make_adapt.py's
    double x = static_cast<double>(i * 7919 % 1009) / 8 - 40;
    return static_cast<float>(x * std::abs(x) / 16);
  };
  const auto cases = nlohmann::json::parse(file).at("cases");
  EXPECT_EQ(cases.size(), 7u);
  for (const auto &expected : cases) {
    std::vector<float> data;
    for (int64_t i = 0; i < expected.at("count").get<int64_t>(); ++i)
      data.push_back(value(i));
    const int64_t bins = expected.at("num_bins");
    layers::Discretization layer({}, {.numBins = bins, .epsilon = expected.at("epsilon")});
    const auto count = static_cast<int64_t>(data.size());
    layer.adapt(std::move(ingot::Tensor::of(Shape{count}, data)).value());
    EXPECT_EQ(keras::detail::layerConfig(*layer.impl()).at("bin_boundaries"),
              keras::detail::Json(expected.at("boundaries")))
        << expected;
  }
}

TEST_F(KerasLayers, discretizationIsAdaptedBeforeItRuns) {
  auto data = std::move(ingot::Tensor::of<float>({4, 1}, {1, 2, 3, 4})).value();
  layers::Discretization layer({}, {.outputMode = "one_hot", .numBins = 4, .name = "bins"});
  auto input = keras::Input({1});
  keras::Model model(input, layer(input));
  EXPECT_THAT(errorOf([&] { model.predict(data); }), HasSubstr("'bins'"));
  EXPECT_THAT(errorOf([&] { model.predict(data); }), HasSubstr("call adapt with data"));
  layer.adapt(data);
  ingot::Tensor bins = model.predict(data);
  EXPECT_THAT(std::vector<float>(bins.data<float>(), bins.data<float>() + 16),
              ElementsAre(0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1));
  EXPECT_THAT(errorOf([&] { layer.adapt(data); }), HasSubstr("adapt it before the model runs"));
  layers::Discretization few({}, {.outputMode = "one_hot", .numBins = 9});
  few(keras::Input({1}));
  EXPECT_THAT(errorOf([&] { few.adapt(data); }), HasSubstr("adapt it before it is called"));
  EXPECT_THAT(errorOf([&] { layers::Discretization({1}).adapt(data); }), HasSubstr("numBins"));
  EXPECT_THAT(errorOf([&] { layers::Discretization({1}, {.numBins = 2}); }), HasSubstr("not both"));
  EXPECT_THAT(errorOf([&] { layers::Discretization({}, {}); }), HasSubstr("or numBins"));
  EXPECT_THAT(errorOf([&] {
                layers::Discretization({}, {.numBins = 2})
                    .adapt(std::move(ingot::Tensor::of<float>({1}, {7})).value());
              }),
              HasSubstr("found no boundary in 1 values"));
}

TEST_F(KerasLayers, channelsFirstIsTheSameTurned) {
  std::vector<double> last(6 * 5 * 2), first(last.size());
  for (int64_t pixel = 0; pixel < 30; ++pixel)
    for (int64_t channel = 0; channel < 2; ++channel)
      last[pixel * 2 + channel] = first[channel * 30 + pixel] =
          static_cast<double>((pixel * 7 + channel * 5) % 11);
  auto convolution = [](const char *format) {
    return layers::Conv2D(3, {3, 2}, {.strides = 2, .dataFormat = format, .name = "c"});
  };
  std::vector<double> y = apply(convolution("channels_last"), {1, 6, 5, 2}, last);
  std::vector<double> turned = apply(convolution("channels_first"), {1, 2, 6, 5}, first);
  ASSERT_EQ(y.size(), 12u);
  for (int64_t pixel = 0; pixel < 4; ++pixel)
    for (int64_t channel = 0; channel < 3; ++channel)
      EXPECT_NEAR(y[pixel * 3 + channel], turned[channel * 4 + pixel], 1e-5);
}

TEST_F(KerasLayers, aCompiledStepAugmentsAndTrains) {
  auto fit = [] {
    keras::clearSession();
    keras::Sequential model(
        {layers::Rescaling(1 / 255., {.inputShape = {8, 8, 3}}), layers::RandomFlip("horizontal"),
         layers::RandomRotation(0.1), layers::RandomTranslation(0.1, 0.1, {.fillMode = "nearest"}),
         layers::RandomZoom(0.1, {.fillMode = "wrap"}),
         layers::SeparableConv2D(4, 3, {.activation = "mish"}),
         layers::GroupNormalization({.groups = 2}), layers::SpatialDropout2D(0.2),
         layers::Conv2DTranspose(4, 2, {.strides = 2}), layers::LeakyReLU(),
         layers::GlobalMaxPooling2D(), layers::GaussianNoise(0.1),
         layers::Dense(2, {.activation = "softmax"})});
    model.compile({.optimizer = keras::optimizers::Adam({.learningRate = 0.02}),
                   .loss = "sparse_categorical_crossentropy"});
    std::vector<float> pixels(16 * 8 * 8 * 3);
    std::vector<int64_t> classes(16);
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<float>(i / 192 % 2 ? 40 + i % 7 : 200 + i % 11);
    for (size_t i = 0; i < classes.size(); ++i)
      classes[i] = static_cast<int64_t>(i % 2);
    auto x = std::move(ingot::Tensor::of<float>({16, 8, 8, 3}, pixels)).value();
    auto y = std::move(ingot::Tensor::of<int64_t>({16}, classes)).value();
    return model.fit(x, y, {.batchSize = 8, .epochs = 20, .verbose = keras::Verbosity::Silent})
        .history.at("loss");
  };
  std::vector<double> losses = fit();
  EXPECT_LT(losses.back(), losses.front());
  EXPECT_EQ(losses, fit()); // the same seed, the same numbers
}

TEST_F(KerasLayers, aFrozenBatchNormalizationStaysInInference) {
  layers::BatchNormalization layer({.epsilon = 1e-12});
  layer.setTrainable(false);
  // By the initial statistics, 0 and 1, and not the batch's.
  EXPECT_THAT(train(layer, {2, 3}, {1, 2, 3}),
              ::testing::Pointwise(::testing::DoubleNear(1e-6), {1., 2., 3., 1., 2., 3.}));
}

} // namespace
} // namespace ingot::test
