// Keras's files: those that Keras itself wrote give its outputs and go on training as it does, ours
// come back, and what is wrong or hostile is said at its place. Fixtures:
// tests/fixtures/keras/files.
#include "frontends/keras/ModelDirectory.h"
#include "frontends/keras/files/ModelFile.h"
#include "frontends/kerasfile/Hdf5Writer.h"
#include "frontends/kerasfile/ZipFile.h"
#include "ingot/data/Npy.h"
#include "tests/support/SmallDisk.h"
#include "tests/unit/frontends/KerasTest.h"
#include "tests/unit/runtime/train/EventFile.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

namespace ingot::test {
namespace {

namespace fs = std::filesystem;
using keras::detail::Json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string fixture(const std::string &name) { return INGOT_KERAS_FIXTURES "/" + name; }

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The arrays of NAME.npz by the letter they begin with: inputs `x`, targets `y`, `out`, `after`.
struct Recorded {
  explicit Recorded(const std::string &name) : all(data::readNpz(fixture(name + ".npz")).value()) {}
  std::vector<TensorView> arrays(const std::string &prefix) const {
    std::vector<TensorView> found;
    for (size_t i = 0;
         const ingot::Tensor *tensor = data::findTensor(all, prefix + std::to_string(i)); ++i)
      found.push_back(*tensor);
    return found;
  }
  std::vector<float> losses() const {
    const ingot::Tensor &tensor = *data::findTensor(all, "losses");
    return {tensor.data<float>(), tensor.data<float>() + tensor.elementCount()};
  }
  data::NamedTensors all;
};

void expectNear(const ingot::Tensor &got, const TensorView &want, double tolerance) {
  ASSERT_EQ(got.elementCount(), elementCount(want));
  const auto *values = static_cast<const float *>(want.data);
  float largest = 0;
  for (int64_t i = 0; i < got.elementCount(); ++i)
    largest = std::max(largest, std::abs(values[i]));
  for (int64_t i = 0; i < got.elementCount(); ++i)
    ASSERT_NEAR(got.data<float>()[i], values[i], tolerance * (1 + largest)) << "element " << i;
}

void expectOutputs(keras::Model &model, const Recorded &recorded, const std::string &prefix,
                   double tolerance) {
  std::vector<ingot::Tensor> outputs = model.predictAll(recorded.arrays("x"));
  const std::vector<TensorView> wanted = recorded.arrays(prefix);
  ASSERT_EQ(outputs.size(), wanted.size());
  for (size_t i = 0; i < outputs.size(); ++i)
    expectNear(outputs[i], wanted[i], tolerance);
}

class KerasFiles : public KerasTest {
protected:
  fs::path directory;

  KerasFiles()
      : directory(fs::path(::testing::TempDir()) /
                  ("files-" + std::to_string(getpid()) + "-" +
                   ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(directory);
    fs::create_directories(directory);
  }
  ~KerasFiles() override { fs::remove_all(directory); }
  std::string in(const std::string &name) const { return (directory / name).string(); }

  /// A .keras file of this config, with the weights of no model.
  std::string archive(const Json &config) {
    kerasfile::Hdf5Writer writer;
    writer.group("layers");
    const std::string weights = writer.finish(), text = config.dump();
    std::ofstream(in("made.keras"), std::ios::binary)
        << kerasfile::writeZip({{"config.json", text}, {"model.weights.h5", weights}});
    return in("made.keras");
  }
  static Json layer(const std::string &className, Json config, Json rest = Json::object()) {
    Json json = {{"module", "keras.layers"}, {"class_name", className}, {"config", config}};
    json.update(rest);
    return json;
  }
  static Json sequential(const Json &layers) {
    return {{"module", "keras"},
            {"class_name", "Sequential"},
            {"config", {{"name", "m"}, {"layers", layers}}}};
  }
  static Json input(int64_t extent) {
    return layer("InputLayer", {{"name", "x"}, {"batch_shape", {nullptr, extent}}});
  }
};

/// Every fixture.
class KerasFixtures : public ::testing::TestWithParam<const char *> {};

TEST_P(KerasFixtures, WhatKerasWroteGivesItsOutputsAndGoesOnTraining) {
  const Recorded recorded(GetParam());
  for (const char *ending : {".keras", ".h5"}) {
    SCOPED_TRACE(ending);
    keras::Model model = keras::loadModel(fixture(std::string(GetParam()) + ending));
    expectOutputs(model, recorded, "out", 2e-6);
    std::vector<float> losses;
    for (size_t i = 0; i < recorded.losses().size(); ++i) {
      const std::vector<TensorView> x = recorded.arrays("x"), y = recorded.arrays("y");
      auto history = model.fit(
          x, y, {.batchSize = x[0].dims[0], .verbose = keras::Verbosity::Silent, .shuffle = false});
      losses.push_back(static_cast<float>(history.history.find("loss")->second.at(0)));
    }
    for (size_t i = 0; i < losses.size(); ++i)
      EXPECT_NEAR(losses[i], recorded.losses()[i], 2e-5 * std::max(1.0f, losses[i])) << i;
    expectOutputs(model, recorded, "after", 2e-5);
  }
}

TEST_P(KerasFixtures, WhatIsWrittenComesBackAndGoesOnTraining) {
  const Recorded recorded(GetParam());
  for (const char *ending : {".keras", ".h5"}) {
    SCOPED_TRACE(ending);
    const std::string path =
        (fs::path(::testing::TempDir()) /
         ("again-" + std::to_string(getpid()) + "-" + std::string(GetParam()) + ending))
            .string();
    keras::loadModel(fixture(std::string(GetParam()) + ".keras")).save(path);
    keras::Model model = keras::loadModel(path);
    fs::remove(path);
    expectOutputs(model, recorded, "out", 2e-6);
    const std::vector<TensorView> x = recorded.arrays("x"), y = recorded.arrays("y");
    for (size_t i = 0; i < recorded.losses().size(); ++i)
      model.fit(x, y,
                {.batchSize = x[0].dims[0], .verbose = keras::Verbosity::Silent, .shuffle = false});
    expectOutputs(model, recorded, "after", 2e-5);
  }
}

TEST_P(KerasFixtures, LayersHaveKerasOrder) {
  const auto file = keras::detail::openModelFile(fixture(std::string(GetParam()) + ".keras"));
  keras::Model model = keras::loadModel(fixture(std::string(GetParam()) + ".keras"));
  std::vector<std::string> wanted, got;
  for (const Json &layer : file.config["config"]["layers"])
    wanted.push_back(layer["config"]["name"]);
  for (const auto &layer : model.impl()->layers())
    got.push_back(layer->name);
  EXPECT_EQ(got, wanted);
}

INSTANTIATE_TEST_SUITE_P(Keras, KerasFixtures,
                         ::testing::Values("mlp", "cnn", "shared", "frozen", "nested",
                                           "sequences"));

TEST_F(KerasFiles, ContentDecidesNotTheName) {
  fs::copy_file(fixture("mlp.keras"), in("a.h5"));
  fs::copy_file(fixture("mlp.h5"), in("b.keras"));
  fs::copy_file(fixture("mlp.h5"), in("c"));
  for (const char *name : {"a.h5", "b.keras", "c"})
    EXPECT_EQ(keras::loadModel(in(name)).countParams(), 83) << name;
}

TEST_F(KerasFiles, CompileIsLeftOutOnRequest) {
  EXPECT_TRUE(keras::loadModel(fixture("mlp.keras")).impl()->training.has_value());
  EXPECT_FALSE(keras::loadModel(fixture("mlp.keras"), {.compile = false}).impl()->training);
  EXPECT_FALSE(keras::loadModel(fixture("mlp.h5"), {.compile = false}).impl()->training);
}

TEST_F(KerasFiles, WeightsOfEveryKindOfFileAreLoaded) {
  const Recorded recorded("mlp");
  for (const char *name : {"mlp.weights.h5", "mlp.h5", "mlp.keras"}) {
    keras::Sequential model({layers::Dense(8, {.activation = "relu", .inputShape = {6}}),
                             layers::Dropout(0.5), layers::Dense(3, {.activation = "softmax"})});
    model.loadWeights(fixture(name));
    expectOutputs(model, recorded, "out", 2e-6);
    model.saveWeights(in("saved.weights.h5"));
    model.saveWeights(in("saved.h5"));
    for (const char *saved : {"saved.weights.h5", "saved.h5"}) {
      keras::Sequential again({layers::Dense(8, {.activation = "relu", .inputShape = {6}}),
                               layers::Dense(3, {.activation = "softmax"})});
      again.loadWeights(in(saved));
      expectOutputs(again, recorded, "out", 2e-6);
    }
  }
}

TEST_F(KerasFiles, WeightsByNameAndWithMismatches) {
  keras::Sequential other({layers::Dense(8, {.inputShape = {6}, .name = "hidden"}),
                           layers::Dense(5, {.name = "classes"}),
                           layers::Dense(2, {.name = "more"})});
  EXPECT_THAT(errorOf([&] { other.loadWeights(fixture("mlp.h5")); }),
              AllOf(HasSubstr("mlp.h5"), HasSubstr("weights of 2 layers, the model has 3"),
                    HasSubstr(".byName = true")));
  EXPECT_THAT(errorOf([&] { other.loadWeights(fixture("mlp.h5"), {.byName = true}); }),
              AllOf(HasSubstr("has 2 errors"), HasSubstr("has shape (8, 3)"),
                    HasSubstr("'classes/kernel' of the model has (8, 5)")));
  other.loadWeights(fixture("mlp.h5"), {.byName = true, .skipMismatch = true});
  keras::Model mlp = keras::loadModel(fixture("mlp.keras"));
  const ingot::Tensor got = other.getWeight("hidden/kernel"), want = mlp.getWeight("hidden/kernel");
  EXPECT_EQ(std::memcmp(got.rawData(), want.rawData(), want.byteSize()), 0);
  EXPECT_THAT(errorOf([&] { other.loadWeights(fixture("mlp.keras"), {.byName = true}); }),
              HasSubstr("byName is for legacy"));
  EXPECT_THAT(errorOf([&] { other.loadWeights(fixture("mlp.weights.h5")); }),
              HasSubstr("there is no 'layers/dense_2/vars/0'"));
}

TEST_F(KerasFiles, AllErrorsOfAFileAreSaidAtTheirPlaces) {
  const Json config =
      sequential({input(4), layer("Dense", {{"name", "a"}, {"units", -1}}),
                  layer("Lambda", {{"name", "b"}, {"function", {{"class_name", "__lambda__"}}}}),
                  layer("Dense", {{"name", "c"}, {"units", 2}, {"activation", "rleu"}}),
                  layer("MyLayer", {{"name", "d"}},
                        {{"module", nullptr}, {"registered_name", "mine>MyLayer"}}),
                  layer("Desne", {{"name", "e"}}),
                  layer("Dense", {{"name", "f"}, {"units", 2}, {"surprise", 7}}),
                  layer("Dense", {{"name", "g"}, {"units", 2}, {"dtype", "float64"}})});
  EXPECT_THAT(
      errorOf([&] { keras::loadModel(archive(config)); }),
      AllOf(HasSubstr("made.keras' has 7 errors:"),
            HasSubstr("config.json › layers[1] ('a', Dense): layer 'a' (Dense): units must be "
                      "positive, got -1"),
            HasSubstr("config.json › layers[2] ('b', Lambda): a Lambda holds Python code, and no "
                      "code of a file is ever run"),
            HasSubstr("('c', Dense): layer 'c' (Dense): unknown activation 'rleu': did you mean "
                      "'relu'?"),
            HasSubstr("('d', MyLayer): 'MyLayer' is a class or function of a user's, registered as "
                      "'mine>MyLayer'"),
            HasSubstr("('e', Desne): unknown layer class 'Desne': did you mean 'Dense'?"),
            HasSubstr("('f', Dense): argument 'surprise' with value 7 is not supported"),
            HasSubstr("('g', Dense): dtype policy 'float64' is not supported")));
}

TEST_F(KerasFiles, WhatIsNoFileOfKerasIsRefused) {
  EXPECT_THAT(errorOf([&] { keras::loadModel(in("none.keras")); }), HasSubstr("none.keras"));
  std::ofstream(in("text.keras")) << "hello, this is text";
  EXPECT_THAT(errorOf([&] { keras::loadModel(in("text.keras")); }), HasSubstr("text.keras"));
  std::ofstream(in("other.keras"), std::ios::binary) << kerasfile::writeZip({{"a.npy", "x"}});
  EXPECT_THAT(errorOf([&] { keras::loadModel(in("other.keras")); }),
              HasSubstr("without config.json and model.weights.h5"));
  EXPECT_THAT(errorOf([&] { keras::loadModel(fixture("mlp.weights.h5")); }),
              HasSubstr("has weights alone, no model: build the model, then call loadWeights"));
  std::ofstream(in("cut.h5"), std::ios::binary) << readFile(fixture("mlp.h5")).substr(0, 9000);
  EXPECT_THAT(errorOf([&] { keras::loadModel(in("cut.h5")); }),
              HasSubstr("the file is truncated: it has 9000 bytes of"));
}

TEST_F(KerasFiles, Keras2ConfigsAreRead) {
  const Json old = {
      {"class_name", "Model"},
      {"config",
       {{"name", "old"},
        {"layers",
         {{{"class_name", "InputLayer"},
           {"config",
            {{"batch_input_shape", {nullptr, 4}},
             {"dtype", "float32"},
             {"sparse", false},
             {"ragged", false},
             {"name", "input_1"}}},
           {"name", "input_1"},
           {"inbound_nodes", Json::array()}},
          {{"class_name", "Dense"},
           {"config",
            {{"name", "d"},
             {"trainable", true},
             {"dtype", "float32"},
             {"units", 4},
             {"activation", "relu"},
             {"use_bias", true},
             {"kernel_initializer",
              {{"class_name", "GlorotUniform"}, {"config", {{"seed", nullptr}}}}},
             {"bias_initializer", {{"class_name", "Zeros"}, {"config", Json::object()}}},
             {"kernel_regularizer", nullptr},
             {"activity_regularizer", nullptr}}},
           {"name", "d"},
           {"inbound_nodes",
            {Json::array({Json::array({"input_1", 0, 0, Json::object()})}),
             Json::array({Json::array({"d", 0, 0, Json::object()})})}}},
          {{"class_name", "BatchNormalization"},
           {"config", {{"name", "bn"}, {"axis", {1}}, {"momentum", 0.9}, {"fused", nullptr}}},
           {"name", "bn"},
           {"inbound_nodes", {Json::array({Json::array({"d", 1, 0, {{"training", false}}})})}}},
          {{"class_name", "Add"},
           {"config", {{"name", "sum"}}},
           {"name", "sum"},
           {"inbound_nodes",
            {Json::array({Json::array({"d", 0, 0, Json::object()}),
                          Json::array({"bn", 0, 0, Json::object()})})}}}}},
        {"input_layers", {Json::array({"input_1", 0, 0})}},
        {"output_layers", {Json::array({"sum", 0, 0})}}}}};
  keras::detail::Problems problems;
  const Json graph = keras::detail::readGraph(old, "model_config", problems);
  ASSERT_EQ(problems.count, 0u) << problems.text();
  auto model = keras::detail::modelFromConfig(graph["class_name"], graph["config"]);
  EXPECT_EQ(model->nodes.size(), 5u);
  EXPECT_EQ(model->layers().size(), 4u);
  EXPECT_EQ(graph["config"]["nodes"][3]["training"], false);
}

TEST_F(KerasFiles, GraphsThatCannotBeAreRefused) {
  Json dense = layer("Dense", {{"name", "d"}, {"units", 2}});
  auto tensor = [](const std::string &name, int64_t call) {
    return Json{{"class_name", "__keras_tensor__"},
                {"config", {{"keras_history", Json::array({name, call, 0})}}}};
  };
  auto functional = [&](const Json &inbound) {
    Json one = dense, x = input(4);
    x.update({{"name", "x"}, {"inbound_nodes", Json::array()}});
    one.update({{"name", "d"}, {"inbound_nodes", inbound}});
    return Json{{"module", "keras"},
                {"class_name", "Functional"},
                {"config",
                 {{"name", "m"},
                  {"layers", {x, one}},
                  {"input_layers", Json::array({"x", 0, 0})},
                  {"output_layers", Json::array({"d", 0, 0})}}}};
  };
  auto call = [](const Json &args, Json kwargs = Json::object()) {
    return Json::array({{{"args", args}, {"kwargs", kwargs}}});
  };
  EXPECT_THAT(
      errorOf([&] { keras::loadModel(archive(functional(call(Json::array({tensor("d", 0)}))))); }),
      HasSubstr("take each other's results in a circle"));
  EXPECT_THAT(
      errorOf([&] { keras::loadModel(archive(functional(call(Json::array({tensor("x", 3)}))))); }),
      HasSubstr("layers[1] ('d', Dense): takes call 3 of layer 'x', which is called 1"));
  EXPECT_THAT(
      errorOf([&] { keras::loadModel(archive(functional(call(Json::array({tensor("y", 0)}))))); }),
      HasSubstr("takes a result of layer 'y', which there is not"));
  EXPECT_THAT(errorOf([&] {
                keras::loadModel(archive(
                    functional(call(Json::array({tensor("x", 0)}), {{"mask", tensor("x", 0)}}))));
              }),
              HasSubstr("is given a mask"));
}

/// ResNet-8 of MLPerf Tiny, saved by Keras 2.4 with its compile configuration.
TEST_F(KerasFiles, AKeras2ModelGivesItsReference) {
  const std::string path = INGOT_SHARED "/models/mlc_resnet8_cifar10.h5";
  if (!fs::exists(path))
    GTEST_SKIP() << path << " is not there";
  auto recorded =
      data::readNpz(INGOT_SHARED "/models/refs/mlc_resnet8_cifar10.npz", {"in/0", "out/0"});
  ASSERT_TRUE(recorded.isOk()) << recorded.status().message();
  keras::Model model = keras::loadModel(path);
  EXPECT_EQ(model.impl()->training->optimizer.className, "Adam");
  expectNear(model.predict(*data::findTensor(*recorded, "in/0")),
             *data::findTensor(*recorded, "out/0"), 2e-6);
}

/// A denoiser of two networks, whose weights alone a Keras 2 file has: in models built here they
/// give what the ONNX files of the same networks give, 80 frames in a row.
TEST_F(KerasFiles, WeightsOfKeras2GiveTheOnnxModelsReference) {
  const std::string path = INGOT_SHARED "/models/dtln_model.h5";
  if (!fs::exists(path))
    GTEST_SKIP() << path << " is not there";
  auto lstm = [](const std::string &name) {
    return layers::LSTM(128, {.returnSequences = true, .name = name});
  };
  auto magnitudes = keras::Input({keras::None, 257});
  auto mask = layers::Dense(257, {.activation = "sigmoid", .name = "dense"})(
      lstm("lstm_1")(lstm("lstm")(magnitudes)));
  auto frames = keras::Input({keras::None, 512});
  auto encoded = layers::Conv1D(256, 1, {.useBias = false, .name = "conv1d"})(frames);
  auto normal =
      layers::LayerNormalization({.epsilon = 1e-7, .name = "layer_normalization"})(encoded);
  auto estimate = layers::Dense(256, {.activation = "sigmoid", .name = "dense_1"})(
      lstm("lstm_3")(lstm("lstm_2")(normal)));
  auto denoised = layers::Conv1D(512, 1, {.useBias = false, .name = "conv1d_1"})(
      layers::multiply({encoded, estimate}));
  const std::vector<std::pair<keras::Model, std::vector<std::string>>> networks = {
      {keras::Model(magnitudes, mask), {"1", "in/input_2", "out/activation_2", "257"}},
      {keras::Model(frames, denoised), {"2", "in/input_4", "out/conv1d_3", "512"}}};
  for (auto [model, about] : networks) {
    SCOPED_TRACE("dtln_model_" + about[0]);
    model.loadWeights(path, {.byName = true});
    auto recorded = data::readNpz(INGOT_SHARED "/models/refs/dtln_model_" + about[0] + ".npz",
                                  {about[1], about[2]});
    ASSERT_TRUE(recorded.isOk()) << recorded.status().message();
    TensorView input = *data::findTensor(*recorded, about[1]);
    const int64_t dims[] = {1, 80, std::stoll(about[3])};
    input.rank = 3;
    input.dims = dims;
    expectNear(model.predict(input), *data::findTensor(*recorded, about[2]), 2e-5);
  }
}

TEST_F(KerasFiles, TensorBoardIsToldTheModelAsItsFileHasIt) {
  const Recorded recorded("shared");
  keras::Model model = keras::loadModel(fixture("shared.keras"));
  keras::callbacks::TensorBoard board({.logDir = in("logs")});
  model.fit(recorded.arrays("x"), recorded.arrays("y"),
            {.verbose = keras::Verbosity::Silent, .callbacks = {&board}});
  std::string told;
  for (const Message &event : readDirectory(in("logs/train")))
    if (const Message value = event.message(5).message(1); value.text(1) == "keras")
      told = value.message(8).text(8);
  EXPECT_EQ(Json::parse(told), keras::detail::modelToKeras(*model.impl(), /*isLegacy=*/false));
}

TEST_F(KerasFiles, CheckpointsOfFitAreFilesOfKeras) {
  const Recorded recorded("mlp");
  for (const char *name : {"best_model.h5", "best_model.keras"}) {
    keras::Model model = keras::loadModel(fixture("mlp.keras"));
    keras::callbacks::ModelCheckpoint::Options options;
    options.monitor = "loss";
    options.saveBestOnly = true;
    keras::callbacks::ModelCheckpoint checkpoint(in(name), options);
    model.fit(recorded.arrays("x"), recorded.arrays("y"),
              {.epochs = 3, .verbose = keras::Verbosity::Silent, .callbacks = {&checkpoint}});
    keras::Model best = keras::loadModel(in(name));
    const ingot::Tensor got = best.predict(recorded.arrays("x")),
                        want = model.predict(recorded.arrays("x"));
    expectNear(got, want, 1e-6);
    EXPECT_TRUE(best.impl()->training.has_value());
  }
}

/// Hostile configs in a whole archive: whatever they say, there is a model or an error, soon.
TEST_F(KerasFiles, DamagedConfigsAreRefusedOrRead) {
  for (const char *name : {"cnn.keras", "nested.keras"}) {
    const std::string bytes = readFile(fixture(name));
    const kerasfile::ZipFile whole(bytes);
    const std::string config = whole.read("config.json"), weights = whole.read("model.weights.h5");
    std::mt19937 random(1);
    for (int run = 0; run < 120; ++run) {
      std::string text = config;
      for (int i = 0; i < 4; ++i) {
        const size_t at = random() % text.size();
        switch (random() % 4) {
        case 0:
          text[at] = "0123456789-\"[]{},:e"[random() % 19];
          break;
        case 1:
          text.erase(at, random() % 40);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 60));
          break;
        default:
          if (const size_t digit = text.find_first_of("123456789", at); digit != text.npos)
            text.replace(digit, 1, run % 2 ? "-7" : "99999999999");
        }
      }
      std::ofstream(in("damaged.keras"), std::ios::binary)
          << kerasfile::writeZip({{"config.json", text}, {"model.weights.h5", weights}});
      try {
        keras::loadModel(in("damaged.keras"));
      } catch (const keras::Error &error) {
        EXPECT_THAT(error.what(), HasSubstr("damaged.keras"));
      }
    }
  }
}

TEST_F(KerasFiles, StatesOfOtherOptimizersAreRefused) {
  Json config = keras::detail::openModelFile(fixture("mlp.keras")).config;
  config["compile_config"]["optimizer"]["class_name"] = "SGD";
  config["compile_config"]["optimizer"]["config"] = {{"momentum", 0.5}};
  const std::string bytes = readFile(fixture("mlp.keras")), text = config.dump(),
                    weights = kerasfile::ZipFile(bytes).read("model.weights.h5");
  std::ofstream(in("sgd.keras"), std::ios::binary)
      << kerasfile::writeZip({{"config.json", text}, {"model.weights.h5", weights}});
  EXPECT_THAT(errorOf([&] { keras::loadModel(in("sgd.keras")); }),
              HasSubstr("the optimizer's state has 10 arrays, SGD of this model keeps 6; load it "
                        "with .compile = false"));
  EXPECT_EQ(keras::loadModel(in("sgd.keras"), {.compile = false}).countParams(), 83);
}

TEST_F(KerasFiles, TheCompilersEntryReadsThem) {
  for (const char *name : {"cnn.keras", "cnn.h5"}) {
    auto read = keras::loadModelDirectory(fixture(name), &context, /*withTraining=*/true);
    ASSERT_TRUE(read) << name;
    EXPECT_TRUE(read->lookupSymbol("train_step"));
  }
}

TEST_F(KerasFiles, ADiskThatIsFullKeepsTheFileBefore) {
  keras::Model model = keras::loadModel(fixture("mlp.keras"));
  const tests::SmallDisk disk(directory, 256);
  if (!disk.isMounted())
    GTEST_SKIP() << disk.whyNot();
  for (const char *name : {"best_model.h5", "m.keras", "m.weights.h5"}) {
    const bool isWeights = std::string(name) == "m.weights.h5";
    auto save = [&] { isWeights ? model.saveWeights(in(name)) : model.save(in(name)); };
    save();
    const std::string before = readFile(in(name));
    disk.fill();
    EXPECT_THAT(errorOf(save),
                AllOf(HasSubstr(in(name) + "': No space left on device"), HasSubstr("make room")));
    disk.clear();
    EXPECT_EQ(readFile(in(name)), before);
    save();
    fs::remove(in(name));
    EXPECT_TRUE(fs::is_empty(directory)) << name;
  }
}

TEST_F(KerasFiles, FilesAppearWholeOrNotAtAll) {
  keras::Model model = keras::loadModel(fixture("mlp.keras"));
  model.save(in("m.keras"));
  const std::string before = readFile(in("m.keras"));
  EXPECT_THAT(errorOf([&] { model.save(in("none/m.keras")); }), HasSubstr("none/m.keras"));
  model.save(in("m.keras"));
  EXPECT_EQ(readFile(in("m.keras")).size(), before.size());
  size_t files = 0;
  for ([[maybe_unused]] const auto &entry : fs::directory_iterator(directory))
    ++files;
  EXPECT_EQ(files, 1u);
}

} // namespace
} // namespace ingot::test
