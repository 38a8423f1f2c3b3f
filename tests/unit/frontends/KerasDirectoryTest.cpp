// Model directories: what is saved comes back, damaged ones are refused with a reason, and the
// compiler's entry gives a module with the weights.
#include "frontends/keras/ModelDirectory.h"
#include "tests/unit/frontends/KerasTest.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

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
                  ("directory-" + std::to_string(getpid()) + "-" +
                   ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
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
  EXPECT_EQ(keras::loadModel(path(), {.version = 2}).countParams(), 6);
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

TEST_F(KerasDirectory, leftoversOfKilledSavesArePassedBy) {
  keras::Sequential model({layers::Dense(2, {.inputShape = {2}, .name = "d"})});
  setAll(model);
  model.save(path(), 3);
  fs::create_directories(directory / ".tmp-7-1234-0");
  std::ofstream(directory / ".tmp-7-1234-0" / "model.json") << "half a fi";
  fs::create_directories(directory / "9"); // no model.json yet
  EXPECT_EQ(keras::loadModel(path()).countParams(), 6);
  // Killed between two renames, where names cannot be exchanged: the old version lies aside.
  fs::rename(directory / "3", directory / ".previous-3");
  EXPECT_EQ(keras::loadModel(path()).countParams(), 6);
  EXPECT_EQ(keras::loadModel(path(), {.version = 3}).countParams(), 6);
  model.save(path(), 3);
  EXPECT_FALSE(fs::exists(directory / ".previous-3"));
}

TEST_F(KerasDirectory, aSaveThatFailsKeepsTheOldVersion) {
  keras::Sequential model({layers::Dense(100, {.inputShape = {100}, .name = "d"})});
  setAll(model);
  model.save(path());
  model.setWeight("d/bias", *ingot::Tensor::of({100}, std::vector<float>(100, -1)));
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{1000, before.rlim_max}; // as a disk that is full
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT(errorOf([&] { model.save(path()); }), HasSubstr("variables.safetensors"));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  keras::Model loaded = keras::loadModel(path());
  EXPECT_GT(loaded.getWeight("d/bias").data<float>()[0], 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
}

TEST_F(KerasDirectory, allErrorsAreInOneReport) {
  keras::Sequential model({layers::Dense(4, {.inputShape = {2}, .name = "first"}),
                           layers::Dropout(0.5, {.name = "drop"}),
                           layers::Dense(2, {.name = "last"})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  setAll(model);
  model.save(path());
  fs::path file = directory / "1" / "model.json";
  keras::detail::Json json = keras::detail::Json::parse(std::ifstream(file));
  auto &all = json["config"]["layers"];
  all[1]["config"]["units"] = -4;
  all[2]["config"]["rate"] = "half";
  all[3]["config"]["activation"] = "rleu";
  json["compile_config"]["loss"][0] = "msq";
  std::ofstream(file) << json.dump();
  EXPECT_THAT(
      errorOf([&] { keras::loadModel(path()); }),
      AllOf(HasSubstr("model.json' has 4 errors:\n"), HasSubstr("units must be positive, got -4"),
            HasSubstr("rate: expected a number, got string"), HasSubstr("did you mean 'relu'?"),
            HasSubstr("unknown loss 'msq': did you mean 'mse'?")));
  size_t messages = 0;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &) { ++messages; });
  EXPECT_FALSE(keras::loadModelDirectory(path(), &context));
  EXPECT_EQ(messages, 4u);

  // A long list ends with how many more there are.
  for (int i = 0; i < 100; ++i)
    all.push_back({{"class_name", "Nothing"}, {"config", {{"name", "n" + std::to_string(i)}}}});
  std::ofstream(file) << json.dump();
  EXPECT_THAT(errorOf([&] { keras::loadModel(path()); }),
              AllOf(HasSubstr("has 104 errors"), HasSubstr("and 84 errors more")));
}

TEST_F(KerasDirectory, allWeightsThatDoNotFitAreInOneReport) {
  keras::Sequential model(
      {layers::Dense(4, {.inputShape = {2}, .name = "a"}), layers::Dense(2, {.name = "b"})});
  setAll(model);
  model.save(path());
  fs::path file = directory / "1" / "model.json";
  keras::detail::Json json = keras::detail::Json::parse(std::ifstream(file));
  json["config"]["layers"][1]["config"]["units"] = 5;
  json["config"]["layers"][2]["config"]["name"] = "c";
  json["config"]["nodes"][2]["layer"] = "c";
  std::ofstream(file) << json.dump();
  EXPECT_THAT(errorOf([&] { keras::loadModel(path()); }),
              AllOf(HasSubstr("variables.safetensors' has 4 errors"),
                    HasSubstr("weight 'a/kernel' is f32[2, 4], the model's is f32 (2, 5)"),
                    HasSubstr("there is no weight 'c/bias'")));
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
  expectRefusal("\"units\": 2", "\"units\": \"two\"", "units: expected an integer, got string");
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
