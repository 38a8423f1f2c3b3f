// Model directories: what is saved comes back, damaged ones are refused with a reason, and the
// compiler's entry gives a module with the weights.
#include "frontends/keras/ModelDirectory.h"
#include "tests/unit/frontends/KerasTest.h"

#include <filesystem>
#include <fstream>

namespace ingot::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class KerasDirectory : public KerasTest {
protected:
  fs::path directory;

  KerasDirectory()
      : directory(fs::path(::testing::TempDir()) /
                  ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(directory);
  }
  ~KerasDirectory() override { fs::remove_all(directory); }

  std::string path() const { return directory.string(); }
  void setAll(keras::Model &model) {
    float at = 0;
    for (const keras::detail::WeightRef &ref : keras::detail::weightsOf(*model.impl())) {
      std::vector<float> values(keras::detail::elementCount(ref.weight->shape));
      for (float &value : values)
        value = at += 0.25f;
      model.setWeight(ref.name(), *ingot::Tensor::of(ref.weight->shape, values));
    }
  }
  keras::Model everyLayer() {
    auto image = keras::Input({8, 8, 2}, {.name = "image"});
    auto x =
        layers::Conv2D(4, {3, 2}, {.strides = 2, .padding = "same", .activation = "relu"})(image);
    x = layers::BatchNormalization({.momentum = 0.5, .scale = false})(x);
    layers::Conv2D shared(4, 3, {.padding = "same", .name = "shared", .trainable = false});
    auto sum = layers::add({shared(x), shared(layers::ReLU({.maxValue = 6})(x))});
    auto a = layers::GlobalAveragePooling2D()(layers::MaxPooling2D(2)(sum));
    auto b = layers::Flatten()(layers::AveragePooling2D(2, {.strides = 1})(sum));
    b = layers::Reshape({-1, 4})(b);
    b = layers::Activation("tanh")(layers::Flatten()(b));
    auto both = layers::Dropout(0.1)(layers::concatenate({a, b}));
    auto y = layers::Softmax()(layers::Dense(3, {.kernelInitializer = "he_normal"})(both));
    return keras::Model({image}, {y}, "everything");
  }
};

TEST_F(KerasDirectory, everyLayerComesBack) {
  keras::Model model = everyLayer();
  model.compile({.optimizer = keras::optimizers::AdamW({.learningRate = 0.01}),
                 .loss = "categorical_crossentropy",
                 .metrics = {"accuracy"}});
  setAll(model);
  model.save(path());
  EXPECT_TRUE(fs::exists(directory / "1" / "model.json"));
  EXPECT_TRUE(fs::exists(directory / "1" / "variables.safetensors"));

  keras::Model loaded = keras::loadModel(path());
  EXPECT_EQ(keras::detail::modelToJson(*loaded.impl()), keras::detail::modelToJson(*model.impl()));
  EXPECT_EQ(loaded.weightNames(), model.weightNames());
  std::string text[2];
  for (int i : {0, 1}) {
    auto built =
        keras::detail::buildModule(i ? *loaded.impl() : *model.impl(), &context, true, true);
    llvm::raw_string_ostream out(text[i]);
    built->print(out);
  }
  EXPECT_EQ(text[0], text[1]);
  EXPECT_EQ(loaded.impl()->training->optimizer.get("learning_rate"), 0.01);
}

TEST_F(KerasDirectory, theHighestVersionIsLoadedAndAVersionIsReplacedWhole) {
  for (int version : {1, 2, 10}) {
    keras::Sequential model({layers::Dense(version, {.inputShape = {2}, .name = "d"})});
    setAll(model);
    model.save(path(), version);
    model.save(path(), version);
  }
  EXPECT_EQ(keras::loadModel(path()).countParams(), 30);
  EXPECT_EQ(keras::loadModel(path(), 2).countParams(), 6);
  EXPECT_EQ(keras::loadModel(path() + "/1").countParams(), 3);
  size_t entries = std::distance(fs::directory_iterator(directory), fs::directory_iterator());
  EXPECT_EQ(entries, 3u);
}

TEST_F(KerasDirectory, theCompilerGetsPredictWithTheWeights) {
  keras::Sequential model({layers::Dense(2, {.inputShape = {2}, .name = "d"})});
  setAll(model); // bias 0.25 0.5 comes after the kernel: 0.25 0.5 / 0.75 1, then 1.25 1.5
  model.save(path());
  module = keras::loadModelDirectory(path(), &context);
  ASSERT_TRUE(module);
  interpreter = std::make_unique<Interpreter>(*module);
  auto y = run("predict", {floats({1, 2}, {1, 2})});
  EXPECT_THAT(valuesOf(y[0]), ::testing::ElementsAre(0.25 + 1.5 + 1.25, 0.5 + 2 + 1.5));
  EXPECT_FALSE(module->lookupSymbol("train_step"));

  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) { message = d.str(); });
  EXPECT_FALSE(keras::loadModelDirectory(path() + "/nothing", &context));
  EXPECT_THAT(message, HasSubstr("is not a model directory"));
}

TEST_F(KerasDirectory, damagedDirectoriesAreRefused) {
  keras::Sequential model({layers::Dense(2, {.inputShape = {2}, .name = "d"})});
  setAll(model);
  auto expectRefusal = [&](const std::string &from, const std::string &to, const char *reason) {
    model.save(path());
    fs::path file = directory / "1" / "model.json";
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    std::string json = text.str();
    size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    std::ofstream(file) << json;
    EXPECT_THAT(errorOf([&] { keras::loadModel(path()); }),
                AllOf(HasSubstr("model.json"), HasSubstr(reason)));
  };
  expectRefusal("\"format\": \"ingot-model\"", "\"format\": \"other\"", "expected \"format\"");
  expectRefusal("\"format_version\": 1", "\"format_version\": 99", "use a newer Ingot");
  expectRefusal("\"Dense\"", "\"Dens\"", "did you mean 'Dense'?");
  expectRefusal("\"units\": 2", "\"units\": -2", "units must be positive, got -2");
  expectRefusal("\"units\": 2", "\"units\": \"two\"", "type must be number");
  expectRefusal("\"outputs\": [\n      1", "\"outputs\": [\n      7", "used before it is made");
  expectRefusal("}", "", "parse error");
  model.save(path());
  fs::resize_file(directory / "1" / "variables.safetensors", 40);
  EXPECT_THAT(errorOf([&] { keras::loadModel(path()); }), HasSubstr("variables.safetensors"));
  EXPECT_THAT(errorOf([&] { keras::loadModel(path() + "/none"); }),
              HasSubstr("is not a model directory"));
}

} // namespace
} // namespace ingot::test
