// model.json may be damaged or hostile: whatever it says, loading gives a model or an error, soon
// and in little memory; never a crash.
#include "tests/unit/frontends/KerasTest.h"

#include <random>

namespace ingot::test {
namespace {

using keras::detail::Json;
using ::testing::HasSubstr;

constexpr int64_t kHuge = int64_t(1) << 62;

class KerasHostile : public KerasTest {
protected:
  /// A model of every kind of layer, as JSON.
  Json everyLayer() {
    auto image = keras::Input({8, 8, 2}, {.name = "image"});
    auto x = layers::Conv2D(4, {3, 2}, {.strides = 2, .padding = "same", .name = "conv"})(image);
    x = layers::BatchNormalization({.name = "norm"})(x);
    auto a = layers::GlobalAveragePooling2D()(layers::MaxPooling2D(2, {.name = "max"})(x));
    auto b = layers::Flatten()(layers::AveragePooling2D(2, {.strides = 1})(x));
    b = layers::Activation("tanh")(layers::Reshape({-1, 4}, {.name = "view"})(b));
    b = layers::ReLU({.maxValue = 6})(layers::Flatten()(b));
    auto both = layers::Dropout(0.1)(layers::concatenate({a, b, augmented(image)}));
    auto sum = layers::add({layers::Dense(3, {.name = "one"})(both), layers::Dense(3)(both)});
    keras::Model model({image}, {layers::Softmax({.name = "scores"})(sum)}, "everything");
    model.compile({.optimizer = "adam", .loss = "categorical_crossentropy"});
    return keras::detail::modelToJson(*model.impl());
  }
  /// Layers that prepare, resize and normalise images, down to a vector.
  keras::Tensor augmented(const keras::Tensor &image) {
    std::vector<keras::Layer> stack = {
        layers::Rescaling(0.5),
        layers::Normalization({.mean = 0.5, .variance = 2.0}),
        layers::RandomFlip(),
        layers::RandomRotation(0.1),
        layers::RandomContrast(0.1),
        layers::Resizing(6, 7, {.name = "resize"}),
        layers::ZeroPadding2D({{1, 0}, 2}, {.name = "zeros"}),
        layers::SeparableConv2D(4, 2, {.depthMultiplier = 2, .name = "separable"}),
        layers::LayerNormalization(),
        layers::GroupNormalization({.groups = 2}),
        layers::PReLU({.sharedAxes = layers::Axes({1, 2})}),
        layers::SpatialDropout2D(0.1),
        layers::Conv2DTranspose(2, 2, {.strides = 2, .name = "transposed"}),
        layers::Cropping2D(1, {.name = "cropped"}),
        layers::UpSampling2D(2, {.interpolation = "bilinear", .name = "larger"}),
        layers::AdaptiveAveragePooling2D(2, {.name = "parts"}),
        layers::GlobalMaxPooling2D()};
    auto x = image;
    for (const keras::Layer &layer : stack)
      x = layer(x);
    return layers::dot({x, x}, 1);
  }
  /// The problems that reading finds, "" for none; a model that is read is built as well.
  std::string problemsOf(const std::string &text) {
    keras::detail::Problems problems;
    try {
      auto model = keras::detail::modelFromJson(keras::detail::parseJson(text), problems);
      EXPECT_EQ(model == nullptr, problems.count > 0);
      if (model)
        (void)keras::detail::buildModule(*model, &context, model->training.has_value());
    } catch (const nlohmann::json::exception &error) {
      return error.what();
    } catch (const keras::Error &error) {
      return error.what();
    }
    return problems.count ? problems.text() : "";
  }
  /// A chain of `count` nodes of one layer behind an input.
  Json chain(int64_t count) {
    Json layers = {
        {{"class_name", "InputLayer"}, {"config", {{"name", "x"}, {"batch_shape", {nullptr, 2}}}}}};
    Json nodes = {{{"layer", "x"}, {"inputs", Json::array()}}};
    for (int64_t i = 0; i < count; ++i) {
      std::string name = "a" + std::to_string(i);
      layers.push_back(
          {{"class_name", "Activation"}, {"config", {{"name", name}, {"activation", "relu"}}}});
      nodes.push_back({{"layer", name}, {"inputs", {i}}});
    }
    return {{"format", "ingot-model"},
            {"format_version", 1},
            {"class_name", "Functional"},
            {"config",
             {{"name", "chain"},
              {"layers", layers},
              {"nodes", nodes},
              {"inputs", {0}},
              {"outputs", {count}}}},
            {"compile_config", nullptr}};
  }
};

TEST_F(KerasHostile, chainsOf200000LayersAreReadAndLetGo) {
  keras::detail::Problems problems;
  std::string text = chain(200'000).dump();
  auto model = keras::detail::modelFromJson(keras::detail::parseJson(text), problems);
  ASSERT_TRUE(model) << problems.text();
  EXPECT_EQ(model->nodes.size(), 200'001u);
  EXPECT_EQ(model->layers().size(), 200'001u);
  EXPECT_EQ(keras::Model(model).countParams(), 0);
  EXPECT_THAT(keras::detail::summaryText(*model), HasSubstr("a199999 (Activation)"));
  EXPECT_THAT(errorOf([&] { keras::detail::buildModule(*model, &context, false); }),
              HasSubstr("calls layers 200001 times; at most 10000 can be compiled"));
}

TEST_F(KerasHostile, chainsOf200000CallsAreBuiltAndLetGo) {
  auto input = keras::Input({2});
  layers::Activation shared("relu");
  keras::Tensor x = input;
  for (int i = 0; i < 200'000; ++i)
    x = shared(x);
  keras::Model model(input, x);
  EXPECT_EQ(model.layers().size(), 2u);
  auto dropped = layers::Flatten()(x); // a chain that no model holds
}

TEST_F(KerasHostile, thousandsOfOutputsOfOneLayer) {
  Json json = chain(1);
  for (int i = 0; i < 100'000; ++i)
    json["config"]["outputs"].push_back(1);
  keras::detail::Problems problems;
  auto model = keras::detail::modelFromJson(json, problems);
  ASSERT_TRUE(model) << problems.text();
  EXPECT_EQ(model->outputNames().back(), "a0_100000");
}

TEST_F(KerasHostile, nestingIsBounded) {
  std::string deep(1'000'000, '[');
  EXPECT_THAT(problemsOf(deep), HasSubstr("nested too deeply"));
  EXPECT_THAT(problemsOf(R"({"format": )" + deep), HasSubstr("nested too deeply"));
  EXPECT_THAT(problemsOf(R"({"\"[[": ")" + std::string(100, '{') + R"("})"), // inside of strings
              HasSubstr("expected \"format\""));
}

TEST_F(KerasHostile, sizesBeyondAnyMachineAreRefusedByLayer) {
  struct Case {
    const char *layer, *key;
    Json value;
    const char *message;
  } cases[] = {
      {"one", "units", kHuge, "layer 'one' (Dense): its result of shape"},
      {"one", "units", 2147483648, "has an extent of more than 2147483647"},
      {"one", "units", 2147483647, "its weight 'kernel' of shape"},
      {"one", "units", 1e300, "units: expected an integer, got 1e+300"},
      {"one", "units", 2.5, "units: expected an integer, got 2.5"},
      {"one", "units", UINT64_MAX, "units: expected an integer, got 18446744073709551615"},
      {"one", "units", Json::array({3}), "units: expected an integer, got array"},
      {"conv", "filters", kHuge, "layer 'conv' (Conv2D)"},
      {"conv", "strides", {kHuge, 1}, "strides must be at most 2147483647"},
      {"conv", "kernel_size", {kHuge, kHuge}, "kernelSize must be at most"},
      {"conv", "kernel_size", {65536, 65536}, "has more than 16777216 elements"},
      {"conv", "kernel_size", {1, 2, 3}, "kernel_size: expected a number or a list of 2"},
      {"conv", "dilation_rate", {kHuge, 1}, "dilationRate must be at most"},
      {"conv", "groups", kHuge, "must be a multiple of groups"},
      {"max", "pool_size", {kHuge, 2}, "poolSize must be at most"},
      {"max", "strides", {INT64_MIN, 2}, "strides must be positive"},
      {"image", "batch_shape", {nullptr, kHuge, kHuge}, "layer 'image' (InputLayer): the input"},
      {"image", "batch_shape", {nullptr, 65536, 65536, 2}, "has more than 4294967296 elements"},
      {"image", "batch_shape", Json::array(), "batch_shape is no list of extents"},
      {"image", "batch_shape", Json(std::vector<int>(100, 1)), "has 100 dimensions, at most 32"},
      {"view", "target_shape", {kHuge, 4}, "layer 'view' (Reshape): the target"},
      {"view", "target_shape", {-1, 2147483647, 2147483647}, "has more than 4294967296 elements"},
      {"norm", "axis", INT64_MIN, "is not a feature axis"},
      {"resize", "height", 2147483647, "height and width must be positive and at most 65536"},
      {"zeros", "padding", kHuge, "may not be negative or more than 2147483647"},
      {"separable", "depth_multiplier", kHuge, "depthMultiplier must be at most 2147483647"},
      {"transposed", "strides", 2147483647, "layer 'transposed' (Conv2DTranspose): its result"},
      {"cropped", "cropping", {{2147483647, 0}, 0}, "leaves nothing of the"},
      {"larger", "size", {30000, 1}, "makes"},
      {"parts", "output_size", {1, 70000}, "at most 65536 are supported"},
      {"scores", "axis", INT64_MAX, "does not exist in input shape"},
      {"scores", "name", std::string(1000, 'n'), "at most 255 are supported"},
      {"scores", "name", "a\nb", "control characters"},
  };
  const Json saved = everyLayer();
  ASSERT_EQ(problemsOf(saved.dump()), "");
  for (const Case &c : cases) {
    Json json = saved;
    bool found = false;
    for (Json &layer : json["config"]["layers"])
      if (layer["config"]["name"] == c.layer) {
        layer["config"][c.key] = c.value;
        found = true;
      }
    EXPECT_TRUE(found) << c.layer;
    EXPECT_THAT(problemsOf(json.dump()), HasSubstr(c.message)) << c.layer << " " << c.key;
  }
}

TEST_F(KerasHostile, extentsThatGrowLayerByLayerAreRefused) {
  auto x = keras::Input({2});
  EXPECT_THAT(errorOf([&] {
                for (int i = 0; i < 100; ++i)
                  x = layers::concatenate({x, x});
              }),
              HasSubstr("(Concatenate): its result of shape (None, 2147483648)"));
}

/// Every place in a document, depth first.
void collect(Json &json, std::vector<Json *> &places) {
  places.push_back(&json);
  if (json.is_structured())
    for (Json &child : json)
      collect(child, places);
}

TEST_F(KerasHostile, mutatedModelsGiveAModelOrAnError) {
  const Json saved = everyLayer();
  const std::string text = saved.dump();
  const Json values[] = {nullptr,
                         true,
                         0,
                         -1,
                         1,
                         7,
                         kHuge,
                         INT64_MIN,
                         UINT64_MAX,
                         1e300,
                         0.5,
                         "",
                         "relu",
                         "Dense",
                         "image",
                         std::string(100'000, 'x'),
                         Json::array(),
                         Json::object(),
                         Json::array({nullptr, 3}),
                         Json::array({kHuge, kHuge})};
  std::mt19937 random(20261123);
  auto below = [&](size_t n) { return random() % n; };
  size_t refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string mutated;
    if (i % 2) { // the document: one value for another, taken away, or doubled
      Json json = saved;
      std::vector<Json *> places;
      collect(json, places);
      Json &place = *places[below(places.size())];
      size_t kind = below(4);
      if (kind == 0 && place.is_structured() && !place.empty())
        place.erase(std::next(place.begin(), below(place.size())));
      else if (kind == 1 && place.is_array() && !place.empty())
        place.push_back(Json(place[below(place.size())]));
      else
        place = values[below(std::size(values))];
      mutated = json.dump();
    } else { // the bytes
      mutated = text;
      for (size_t n = 1 + below(3); n > 0; --n)
        mutated[below(mutated.size())] = static_cast<char>(below(256));
      if (i % 8 == 0)
        mutated.resize(below(mutated.size()));
    }
    std::string problems = problemsOf(mutated);
    refused += !problems.empty();
    EXPECT_LT(problems.size(), 25'000u) << problems.substr(0, 200);
    EXPECT_THAT(problems, ::testing::Not(HasSubstr("internal error"))) << mutated;
  }
  EXPECT_GT(refused, 200u); // most mutations hurt
  EXPECT_LT(refused, 400u); // some do not
}

} // namespace
} // namespace ingot::test
