// Small Keras models as compiled artifacts, with a state, data and byte-wise snapshots: what the
// tests of determinism, concurrency and failed runs work on.
#pragma once
#include "compiler/Compile.h"
#include "frontends/keras/Keras.h"
#include "frontends/keras/ModelImpl.h"
#include "ingot/Model.h"
#include "tests/support/RunCompiled.h"
#include <gtest/gtest.h>
#include <random>

namespace ingot::test {

/// "mlp", "cnn" (the quickstart's network, dropout included), "cnn_bn" (convolutions with batch
/// normalisation) or "small" (8 -> 16 -> 4).
inline keras::Sequential buildKerasModel(const std::string &name) {
  namespace layers = keras::layers;
  keras::clearSession();
  auto model = [&]() -> keras::Sequential {
    if (name == "mlp")
      return keras::Sequential({layers::Flatten({.inputShape = {28, 28, 1}}),
                                layers::Dense(128, {.activation = "relu"}), layers::Dropout(0.2),
                                layers::Dense(10, {.activation = "softmax"})});
    if (name == "small")
      return keras::Sequential(
          {layers::Dense(16, {.activation = "tanh", .inputShape = {8}}), layers::Dense(4)});
    if (name == "cnn_bn")
      return keras::Sequential(
          {layers::Conv2D(16, {3, 3}, {.useBias = false, .inputShape = {28, 28, 1}}),
           layers::BatchNormalization(), layers::Activation("relu"), layers::MaxPooling2D({2, 2}),
           layers::Conv2D(32, {3, 3}, {.useBias = false}), layers::BatchNormalization(),
           layers::Activation("relu"), layers::GlobalAveragePooling2D(),
           layers::Dense(10, {.activation = "softmax"})});
    return keras::Sequential(
        {layers::Conv2D(32, {3, 3}, {.activation = "relu", .inputShape = {28, 28, 1}}),
         layers::MaxPooling2D({2, 2}), layers::Conv2D(64, {3, 3}, {.activation = "relu"}),
         layers::MaxPooling2D({2, 2}), layers::Flatten(), layers::Dense(64, {.activation = "relu"}),
         layers::Dropout(0.2), layers::Dense(10, {.activation = "softmax"})});
  }();
  keras::Loss loss = keras::losses::SparseCategoricalCrossentropy({.fromLogits = name == "small"});
  model.compile({.optimizer = "adam", .loss = loss, .metrics = {"accuracy"}});
  return model;
}

inline mlir::DialectRegistry allDialects() {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  return registry;
}

/// Compiles the model to `path`; what went wrong, or nothing.
inline std::string compileKerasModel(const std::string &name, const std::string &path,
                                     bool debugArena = false) {
  mlir::MLIRContext context(allDialects());
  context.loadAllAvailableDialects();
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { messages += diagnostic.str() + "\n"; });
  auto module = keras::detail::buildModule(*buildKerasModel(name).impl(), &context, true);
  CompileOptions options;
  options.name = name;
  options.debugArena = debugArena;
  if (mlir::failed(compileToFile(*module, tests::instrumented(options), path)))
    return "does not compile: " + messages;
  return {};
}

/// A batch with random inputs in [0, 1) and labels; the same for the same seed.
struct LabelledBatch {
  Shape inputShape;
  std::vector<float> inputs;
  std::vector<int64_t> labels;

  LabelledBatch(const std::string &model, int64_t size, uint32_t seed) {
    inputShape = model == "small" ? Shape{size, 8} : Shape{size, 28, 28, 1};
    std::mt19937 random(seed);
    inputs.resize(size * rowElements());
    for (float &v : inputs)
      v = static_cast<float>(random() >> 8) / (1 << 24);
    for (int64_t i = 0; i < size; ++i)
      labels.push_back(random() % (model == "small" ? 4 : 10));
  }
  int64_t size() const { return inputShape[0]; }
  int64_t rowElements() const {
    int64_t count = 1;
    for (size_t d = 1; d < inputShape.size(); ++d)
      count *= inputShape[d];
    return count;
  }
  TensorView x() const {
    return {DType::F32, static_cast<int64_t>(inputShape.size()), inputShape.data(), inputs.data()};
  }
  TensorView y() const { return {DType::I64, 1, inputShape.data(), labels.data()}; }
  /// The i-th row as a batch of its own.
  LabelledBatch row(int64_t i) const {
    LabelledBatch one = *this;
    one.inputShape[0] = 1;
    one.inputs.assign(inputs.begin() + i * rowElements(), inputs.begin() + (i + 1) * rowElements());
    one.labels = {labels[i]};
    return one;
  }
};

inline std::string bytesOf(const Tensor &tensor) {
  return {static_cast<const char *>(tensor.rawData()), tensor.byteSize()};
}

/// Bytes by name.
using Snapshot = std::map<std::string, std::string>;

inline void addOutputs(Snapshot &snapshot, const Session &session, const std::string &prefix) {
  for (size_t i = 0; i < session.outputCount(); ++i)
    snapshot[prefix + session.function().outputs[i].name] = bytesOf(session.output(i));
}
inline Snapshot variablesOf(const State &state) {
  Snapshot snapshot;
  const ingot_artifact_table &table = state.artifact()->table();
  for (int64_t i = 0; i < table.variable_count; ++i)
    snapshot[table.variables[i].name] = bytesOf(*state.get(table.variables[i].name));
  return snapshot;
}
/// Names of what differs.
inline std::vector<std::string> differences(const Snapshot &a, const Snapshot &b) {
  std::vector<std::string> names;
  for (const auto &[name, bytes] : a)
    if (auto it = b.find(name); it == b.end() || it->second != bytes)
      names.push_back(name);
  for (const auto &[name, bytes] : b)
    if (!a.count(name))
      names.push_back(name);
  return names;
}

/// A state with the weights that `initialize` makes of a fixed seed.
inline std::unique_ptr<State> initializedState(const std::shared_ptr<const Artifact> &artifact) {
  auto state = State::create(artifact);
  EXPECT_TRUE(state.isOk()) << state.status().message();
  EXPECT_TRUE((*state)->setScalar("seed", int64_t(7)).isOk());
  auto session = Session::create(artifact, "initialize");
  EXPECT_TRUE(session.isOk()) << session.status().message();
  Status ran = session->run(**state, std::initializer_list<TensorView>{});
  EXPECT_TRUE(ran.isOk()) << ran.message();
  return std::move(*state);
}

} // namespace ingot::test
