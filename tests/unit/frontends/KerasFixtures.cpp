// See KerasFixtures.h.
#include "tests/unit/frontends/KerasFixtures.h"
#include "ingot/data/Npy.h"

#include <fstream>
#include <stdexcept>

namespace ingot::test {
namespace {

using Json = nlohmann::ordered_json;

/// A flat array, from which tensors are taken one after another.
class Pool {
public:
  Pool(const data::NamedTensors &arrays, const std::string &name) : name(name) {
    const Tensor *array = data::findTensor(arrays, name);
    if (!array)
      throw std::runtime_error("no array '" + name + "'");
    values.reserve(array->elementCount());
    for (int64_t i = 0; i < array->elementCount(); ++i)
      values.push_back(array->dtype() == DType::F32
                           ? static_cast<double>(array->data<float>()[i])
                           : static_cast<double>(array->data<int32_t>()[i]));
  }
  std::vector<double> take(int64_t count) {
    if (count > static_cast<int64_t>(values.size()) - at)
      throw std::runtime_error("array '" + name + "' is too short");
    at += count;
    return {values.begin() + (at - count), values.begin() + at};
  }
  void checkEnd() const {
    if (at != static_cast<int64_t>(values.size()))
      throw std::runtime_error("array '" + name + "' is too long");
  }

private:
  std::string name;
  std::vector<double> values;
  int64_t at = 0;
};

class Reader {
public:
  explicit Reader(const data::NamedTensors &arrays)
      : given(arrays, "given"), expected(arrays, "expected"), integers(arrays, "integers") {}

  LayerCase readCase(const Json &line) {
    LayerCase c;
    c.name = line.at("name");
    c.className = line.at("class");
    c.config = line.at("config");
    c.isRounded = line.value("floatx", "float64") == "float32";
    c.call = line.value("call", Json::object());
    for (const Json &input : line.at("inputs"))
      c.inputs.push_back(take(input[0], input[1], given));
    c.masks = masks(line.value("masks", Json::array()));
    c.masks.resize(c.inputs.size());
    for (const Json &weight : line.at("weights"))
      c.weights.push_back({weight[0], weight[2], take("float32", weight[1], given)});
    for (const Json &output : line.at("runs")[0].at("outputs"))
      if (output[0] == "float32")
        c.cotangents.push_back(take("float32", output[1], given));
    for (const Json &run : line.at("runs"))
      c.runs.push_back(readRun(c, run));
    return c;
  }
  void checkEnd() const {
    for (const Pool *pool : {&given, &expected, &integers})
      pool->checkEnd();
  }

private:
  FixtureTensor take(const std::string &dtype, const std::vector<int64_t> &shape, Pool &floats) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    return {dtype, shape, (dtype == "float32" ? floats : integers).take(count)};
  }
  std::vector<std::optional<FixtureTensor>> masks(const Json &shapes) {
    std::vector<std::optional<FixtureTensor>> result;
    for (const Json &shape : shapes)
      result.push_back(shape.is_null() ? std::nullopt
                                       : std::optional(take("bool", shape, expected)));
    return result;
  }
  LayerRun readRun(const LayerCase &c, const Json &line) {
    LayerRun run;
    run.training = line.at("training");
    for (const Json &output : line.at("outputs"))
      run.outputs.push_back(take(output[0], output[1], expected));
    run.masks = masks(line.at("masks"));
    for (size_t weight : line.at("assigned"))
      run.assigned.emplace_back(weight,
                                take("float32", c.weights.at(weight).value.shape, expected));
    run.hasGradients = line.at("gradients");
    if (!run.hasGradients)
      return run;
    for (const FixtureTensor &input : c.inputs)
      if (input.isFloat())
        run.gradients.push_back(take("float32", input.shape, expected));
    bool layerIsTrainable = c.config.value("trainable", true);
    for (const FixtureWeight &weight : c.weights)
      if (weight.trainable && layerIsTrainable)
        run.gradients.push_back(take("float32", weight.value.shape, expected));
    return run;
  }

  Pool given, expected, integers;
};

} // namespace

std::vector<LayerCase> readLayerCases(const std::string &directory) {
  std::ifstream file(directory + "/layers.json");
  Json json = Json::parse(file);
  auto arrays = data::readNpz(directory + "/layers.npz");
  if (!arrays.isOk())
    throw std::runtime_error(arrays.status().message());
  Reader reader(*arrays);
  std::vector<LayerCase> cases;
  for (const Json &line : json.at("cases"))
    cases.push_back(reader.readCase(line));
  reader.checkEnd();
  return cases;
}

std::vector<std::string> readLines(const std::string &path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#')
      lines.push_back(line);
  return lines;
}

} // namespace ingot::test
