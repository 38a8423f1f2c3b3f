// Damaged models of Keras: whatever the texts and arrays in a whole container say, loading gives a
// model or a keras::Error that names the file, soon; and a model that was read can be built,
// written and read again. Seeds are the fixtures that Keras wrote, a model of every layer class,
// and one compiled with every optimizer, loss and metric there is. What is mutated: the config and
// how the model was compiled (values, keys, whole subtrees, then bytes), and the arrays (shapes,
// types, names, which there are). INGOT_FUZZ_RUNS sets how many a seed, INGOT_FUZZ_FIRST the first
// one.
#include "compiler/Compile.h"
#include "frontends/keras/files/ModelFile.h"
#include "frontends/kerasfile/Hdf5Writer.h"
#include "frontends/kerasfile/ZipFile.h"
#include "tests/support/Environment.h"
#include "tests/unit/frontends/KerasFixtures.h"
#include "tests/unit/frontends/KerasTest.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

namespace ingot::test {
namespace {

namespace fs = std::filesystem;
namespace kd = keras::detail;
using kd::Json;
using kerasfile::Hdf5File;
using kerasfile::Hdf5Writer;
using Random = std::mt19937_64;

size_t below(Random &random, size_t n) { return n == 0 ? 0 : random() % n; }

/// What an HDF5 file has that models are read from.
struct Arrays {
  struct Text {
    std::string path, name;
    std::vector<std::string> values;
    bool isList;
  };
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, ingot::Tensor>> datasets;
  std::vector<Text> texts;

  static Arrays of(const Hdf5File &file) {
    Arrays arrays;
    arrays.collect(file, "");
    return arrays;
  }
  Arrays copy() const {
    Arrays other;
    other.groups = groups;
    other.texts = texts;
    for (const auto &[path, value] : datasets)
      other.datasets.emplace_back(path, kd::copyOf(value));
    return other;
  }

private:
  void collect(const Hdf5File &file, const std::string &group) {
    groups.push_back(group);
    for (const char *name : {"layer_names", "weight_names"})
      if (auto values = file.texts(group, name))
        texts.push_back({group, name, *values, true});
    for (const char *name : {"name", "keras_version", "backend"})
      if (auto value = file.text(group, name))
        texts.push_back({group, name, {*value}, false});
    for (const std::string &child : file.children(group)) {
      const std::string path = group.empty() ? child : group + "/" + child;
      if (file.isGroup(path))
        collect(file, path);
      else
        datasets.emplace_back(path, file.read(path));
    }
  }
};

/// A file in its parts.
struct Parts {
  std::string name;
  bool isLegacy = false;
  Json config, training; // the latter of legacy files alone
  Arrays arrays;
  std::string weights; // the arrays as bytes, where they are as they were
};

std::string hdf5Of(const Parts &parts, const std::string &config, const std::string &training) {
  Hdf5Writer writer;
  for (const std::string &group : parts.arrays.groups)
    writer.group(group);
  for (const auto &[path, value] : parts.arrays.datasets)
    writer.dataset(path, value);
  for (const Arrays::Text &text : parts.arrays.texts)
    text.isList ? writer.texts(text.path, text.name, text.values)
                : writer.text(text.path, text.name, text.values[0]);
  if (parts.isLegacy) {
    writer.text("", "model_config", config);
    writer.text("", "training_config", training);
  }
  return writer.finish();
}

/// A file's bytes; none where libhdf5 cannot write such a one.
std::optional<std::string> bytesOf(const Parts &parts, const std::string &config,
                                   const std::string &training) {
  try {
    const std::string arrays =
        parts.weights.empty() ? hdf5Of(parts, config, training) : parts.weights;
    return parts.isLegacy
               ? arrays
               : kerasfile::writeZip({{"config.json", config}, {"model.weights.h5", arrays}});
  } catch (const kerasfile::FileError &) {
    return std::nullopt;
  }
}

//===----------------------------------------------------------------------===//
// Mutations

void collectNodes(Json &json, std::vector<Json *> &nodes) {
  nodes.push_back(&json);
  if (json.is_structured())
    for (Json &each : json)
      collectNodes(each, nodes);
}

Json oddValue(Random &random) {
  static const std::vector<Json> values = {
      nullptr,
      true,
      false,
      0,
      1,
      -1,
      2,
      3,
      255,
      65536,
      INT32_MAX,
      1e-9,
      0.5,
      -0.5,
      1e300,
      -1e300,
      INT64_MAX,
      INT64_MIN,
      UINT64_MAX,
      "",
      "relu",
      "same",
      "valid",
      "channels_first",
      "float16",
      "mixed_float16",
      "int32",
      "../x",
      "a/b",
      "🦊",
      "Dense",
      Json::array(),
      Json::object(),
      Json::array({nullptr, nullptr}),
      Json::array({1, 2, 3, 4, 5, 6, 7}),
      Json::array({-1, 0}),
      Json::array({1e18, 1e18}),
      {{"class_name", "__tuple__"}, {"items", {1, 1}}},
      {{"class_name", "L2"}, {"config", {{"l2", -1}}}},
      {{"class_name", "Orthogonal"}, {"config", {{"gain", 1}, {"seed", nullptr}}}},
      {{"module", "os"},
       {"class_name", "system"},
       {"config", "true"},
       {"registered_name", "system"}}};
  if (below(random, 40) == 0)
    return std::string(20000, 'x');
  if (below(random, 40) == 0) {
    Json deep = 1;
    for (int i = 0; i < 70; ++i)
      deep = Json::array({deep});
    return deep;
  }
  return values[below(random, values.size())];
}

void mutateNode(Json &node, const std::vector<Json *> &nodes, Random &random) {
  switch (below(random, 8)) {
  case 0:
  case 1:
    node = oddValue(random);
    break;
  case 2: // what stands elsewhere
    node = Json(*nodes[below(random, nodes.size())]);
    break;
  case 3:
    if (node.is_number_integer())
      node = static_cast<int64_t>(node.get<uint64_t>() + below(random, 5) - 2); // around the ends
    else if (node.is_number_float())
      node = -node.get<double>();
    break;
  case 4:
    if (node.is_structured() && !node.empty())
      node.erase(std::next(node.begin(), static_cast<int64_t>(below(random, node.size()))));
    break;
  case 5:
    if (node.is_array() && node.size() < 64)
      node.push_back(node.empty() ? oddValue(random) : Json(node[below(random, node.size())]));
    else if (node.is_object())
      node["surprise"] = oddValue(random);
    break;
  case 6:
    if (node.is_array() && node.size() > 1)
      std::swap(node[below(random, node.size())], node[below(random, node.size())]);
    break;
  default: // another class, with these arguments
    if (node.is_object() && node.contains("class_name"))
      for (int i = 0; i < 20; ++i)
        if (const Json *other = nodes[below(random, nodes.size())];
            other->is_object() && other->contains("class_name")) {
          node["class_name"] = Json((*other)["class_name"]);
          break;
        }
  }
}

std::string mutatedText(Json json, Random &random) {
  for (size_t i = below(random, 4); i > 0; --i) {
    std::vector<Json *> nodes;
    collectNodes(json, nodes);
    mutateNode(*nodes[below(random, nodes.size())], nodes, random);
  }
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (below(random, 8) == 0)
    for (size_t i = 1 + below(random, 3); i > 0; --i) {
      const size_t at = below(random, text.size());
      if (below(random, 2))
        text[at] = "0123456789-\"[]{},:e\\\xff"[below(random, 21)];
      else
        text.erase(at, below(random, 30));
    }
  return text;
}

ingot::Tensor oddTensor(Random &random) {
  static const std::vector<Shape> shapes = {{}, {0}, {1}, {3}, {2, 3}, {4, 0}, {3, 3, 2, 4}};
  static const std::vector<DType> types = {DType::F32, DType::F64, DType::F16, DType::BF16,
                                           DType::I32, DType::I64, DType::U8,  DType::Bool};
  return ingot::Tensor::zeros(types[below(random, types.size())],
                              shapes[below(random, shapes.size())])
      .value();
}

void mutateArrays(Arrays &arrays, Random &random) {
  const size_t which = below(random, arrays.datasets.size());
  switch (below(random, 5)) {
  case 0:
    if (!arrays.datasets.empty())
      arrays.datasets.erase(arrays.datasets.begin() + static_cast<int64_t>(which));
    break;
  case 1:
    if (!arrays.datasets.empty())
      arrays.datasets[which].second = oddTensor(random);
    break;
  case 2: // there may be two of that name, or one where a group is
    if (!arrays.datasets.empty())
      arrays.datasets[which].first = arrays.groups[below(random, arrays.groups.size())] + "/" +
                                     std::to_string(below(random, 4));
    break;
  case 3: // the elements of another type
    if (!arrays.datasets.empty()) {
      ingot::Tensor &value = arrays.datasets[which].second;
      const Shape shape = value.shape();
      value = ingot::Tensor::zeros(below(random, 2) ? DType::F64 : DType::I16, shape).value();
    }
    break;
  default:
    if (!arrays.texts.empty()) {
      std::vector<std::string> &values = arrays.texts[below(random, arrays.texts.size())].values;
      static const std::string odd[] = {
          "", "/", "../x", "dense", "layers", "2.4.0", std::string(300, 'n')};
      if (values.empty() || below(random, 3) == 0)
        values.push_back(odd[below(random, std::size(odd))]);
      else if (values.size() > 1 && below(random, 2))
        values.erase(values.begin() + static_cast<int64_t>(below(random, values.size())));
      else
        values[below(random, values.size())] = odd[below(random, std::size(odd))];
    }
  }
}

//===----------------------------------------------------------------------===//
// Seeds and runs

class KerasModelFuzz : public KerasTest {
protected:
  const std::string directory =
      ::testing::TempDir() + "keras-model-fuzz-" + std::to_string(getpid());
  std::vector<Parts> seeds;
  int64_t read = 0, refused = 0, unwritable = 0;

  KerasModelFuzz() {
    fs::create_directories(directory);
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  ~KerasModelFuzz() override { fs::remove_all(directory); }
  std::string in(const std::string &name) const { return directory + "/" + name; }

  void addSeed(const std::string &path) {
    const kd::ModelFile file = kd::openModelFile(path);
    Parts parts;
    parts.name = fs::path(path).filename();
    parts.isLegacy = file.kind == kd::ModelFile::Kind::Legacy;
    parts.config = file.config;
    parts.training = file.training;
    parts.arrays = Arrays::of(file.arrays());
    seeds.push_back(std::move(parts));
  }
  /// As a file of either kind, with zeros for weights.
  void addSeed(const keras::Model &model, const std::string &name) {
    for (const kd::WeightRef &ref : kd::weightsOf(*model.impl()))
      kd::setValue(*ref.weight->variable,
                   ingot::Tensor::zeros(DType::F32, ref.weight->shape).value());
    for (const char *ending : {".keras", ".h5"}) {
      keras::Model(model.impl()).save(in(name + ending));
      addSeed(in(name + ending));
    }
  }

  void addLayers();
  void addCompiled(const std::string &name, keras::CompileOptions options);
  void addCompiled();
  void runOne(const Parts &seed, uint64_t number);
  void use(const std::string &path, uint64_t number);
};

/// The first case of each class in which Keras gave it float inputs alone, or one of integers.
void KerasModelFuzz::addLayers() {
  std::set<std::string> classes;
  for (const LayerCase &c : readLayerCases(INGOT_KERAS_FIXTURES)) {
    if (classes.count(c.className))
      continue;
    try {
      keras::clearSession();
      std::vector<keras::Tensor> inputs;
      std::vector<kd::TensorRef> refs;
      for (const FixtureTensor &input : c.inputs) {
        const Shape shape(input.shape.begin() + 1, input.shape.end());
        inputs.push_back(keras::Input(shape, {.dtype = input.dtype, .name = {}}));
      }
      keras::Layer layer(kd::layerFromConfig(c.className, kd::plainConfig(c.config)));
      addSeed(keras::Model(inputs, layer.callAll(inputs), "m"), c.className);
      classes.insert(c.className);
    } catch (const keras::Error &) { // a class that we lack
    }
  }
  EXPECT_GT(classes.size(), 80u);
}

void KerasModelFuzz::addCompiled(const std::string &name, keras::CompileOptions options) {
  keras::clearSession();
  keras::Sequential model({layers::Dense(3, {.activation = "relu", .inputShape = {4}}),
                           layers::Dense(2, {.activation = "softmax"})});
  model.compile(std::move(options));
  for (const kd::OptimizerSlot &slot : kd::optimizerSlots(*model.impl()))
    if (!slot.name.empty())
      model.impl()->held.emplace(
          slot.name,
          ingot::Tensor::zeros(slot.isInteger ? DType::I64 : DType::F32, slot.shape).value());
  addSeed(model, name);
}

void KerasModelFuzz::addCompiled() {
  for (const kd::ArgumentClass &optimizer : kd::optimizerClasses())
    addCompiled("optimizer-" + optimizer.name,
                {.optimizer = optimizer.name == "LossScaleOptimizer"
                                  ? keras::optimizers::LossScaleOptimizer("adam")
                                  : keras::Optimizer(optimizer.name, {}),
                 .loss = "mse"});
  namespace schedules = keras::optimizers::schedules;
  addCompiled("schedules",
              {.optimizer = keras::optimizers::SGD(
                   {.learningRate = schedules::PiecewiseConstantDecay({4, 9}, {.1, .05, .01}),
                    .momentum = 0.9}),
               .loss = keras::losses::CategoricalCrossentropy({.labelSmoothing = 0.1}),
               .metrics = {"accuracy", keras::metrics::AUC({.curve = "PR"}),
                           keras::metrics::Precision(), "mse"},
               .weightedMetrics = {"categorical_crossentropy"}});
}

/// What a program does with a file that it was given.
void KerasModelFuzz::use(const std::string &path, uint64_t number) {
  if (number % 8 == 0)
    (void)keras::describeKerasFile(path);
  keras::Model model = keras::loadModel(path, {.compile = number % 4 != 1});
  ++read;
  if (number % 4 == 0) {
    const std::string again = in(number % 8 == 0 ? "again.keras" : "again.h5");
    model.save(again);
    EXPECT_EQ(keras::loadModel(again).countParams(), model.countParams());
  }
  if (number % 8 == 3)
    try { // ops may refuse what no layer's rule does
      (void)kd::buildModule(*model.impl(), &context, model.impl()->training.has_value());
    } catch (const keras::Error &) {
    }
  if (number % 8 == 5)
    model.loadWeights(path, {.byName = number % 16 == 5, .skipMismatch = true});
}

void KerasModelFuzz::runOne(const Parts &seed, uint64_t number) {
  Random random(number * 2654435761u);
  Parts parts = {seed.name, seed.isLegacy, seed.config, seed.training, {}, seed.weights};
  if (seed.isLegacy || below(random, 3) == 0) {
    parts.arrays = seed.arrays.copy();
    parts.weights.clear();
    for (size_t i = below(random, 3); i > 0; --i)
      mutateArrays(parts.arrays, random);
  }
  const std::string config = mutatedText(seed.config, random),
                    training = mutatedText(seed.training, random);
  const std::optional<std::string> bytes = bytesOf(parts, config, training);
  if (!bytes) {
    ++unwritable;
    return;
  }
  const std::string path = in("damaged.file");
  std::ofstream(path, std::ios::binary) << *bytes;
  keras::clearSession();
  try {
    use(path, number);
  } catch (const keras::Error &error) {
    ++refused;
    EXPECT_THAT(error.what(), ::testing::HasSubstr(in(""))) << "names the file";
  }
}

TEST_F(KerasModelFuzz, DamagedModelsAreReadOrRefused) {
  for (const auto &entry : fs::directory_iterator(INGOT_KERAS_FIXTURES "/files"))
    if (const std::string path = entry.path();
        path.find(".weights.") == path.npos &&
        (entry.path().extension() == ".keras" || entry.path().extension() == ".h5"))
      addSeed(path);
  addLayers();
  addCompiled();
  const int64_t runs = tests::environmentNumber("INGOT_FUZZ_RUNS", 6);
  const int64_t first = tests::environmentNumber("INGOT_FUZZ_FIRST", 0);
  double slowest = 0;
  for (Parts &seed : seeds) {
    if (!seed.isLegacy)
      seed.weights = hdf5Of(seed, "", "");
    for (int64_t number = first; number < first + runs; ++number) {
      SCOPED_TRACE(seed.name + " " + std::to_string(number));
      const std::clock_t begin = std::clock(); // processor time: the machine may be busy
      runOne(seed, static_cast<uint64_t>(number));
      const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      slowest = std::max(slowest, took);
      EXPECT_LT(took, 10);
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
  std::cout << seeds.size() << " seeds, " << read + refused << " damaged files: " << read
            << " read, " << refused << " refused; the slowest in " << slowest << " s\n";
}

} // namespace
} // namespace ingot::test
