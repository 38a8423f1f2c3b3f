// What the real Keras computed: the cases of tests/fixtures/keras/layers.{json,npz}, in memory.
//
// make_layers.py beside them says what the files hold. Read by KerasLayerFixturesTest.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ingot::test {

/// Numbers of a tensor; integers and booleans too are exact in f64.
struct FixtureTensor {
  std::string dtype; // Keras's name: "float32", "int32", "bool"
  std::vector<int64_t> shape;
  std::vector<double> values;
  bool isFloat() const { return dtype == "float32"; }
};

struct FixtureWeight {
  std::string name; // below the layer's own: "kernel", "forward_lstm/lstm_cell/kernel"
  bool trainable = true;
  FixtureTensor value;
};

/// One call of a layer.
struct LayerRun {
  bool training = false;
  std::vector<FixtureTensor> outputs;
  std::vector<std::optional<FixtureTensor>> masks;        // of the outputs
  std::vector<std::pair<size_t, FixtureTensor>> assigned; // weights that the call changed
  bool hasGradients = false;
  /// Of sum(output * cotangent): of the float inputs, then of the trainable weights.
  std::vector<FixtureTensor> gradients;
};

struct LayerCase {
  std::string name, className;
  nlohmann::ordered_json config; // as Keras's files have it
  nlohmann::ordered_json call;   // arguments beside the inputs
  bool isRounded = false;        // Keras computed it in f32, not f64
  std::vector<FixtureTensor> inputs;
  std::vector<std::optional<FixtureTensor>> masks; // of the inputs
  std::vector<FixtureWeight> weights;              // in Keras's order
  std::vector<FixtureTensor> cotangents;           // one a float output
  std::vector<LayerRun> runs;
};

/// Reads `directory`/layers.{json,npz}; throws std::runtime_error where they do not fit together.
std::vector<LayerCase> readLayerCases(const std::string &directory);

/// The lines of a text file that are neither empty nor begin with '#'.
std::vector<std::string> readLines(const std::string &path);

} // namespace ingot::test
