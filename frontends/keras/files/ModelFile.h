// Files of Keras's, between the containers (frontends/kerasfile) and models: `.keras`,
// `.weights.h5` and `.h5` of Keras 3, and `.h5` of Keras 2.
//
// Invariant: no code in a file is ever executed; classes come from our own closed tables, and what
// a file says is checked before it is believed. Whatever is wrong is gathered, at its place in the
// file, so that one report tells all of it. docs/KerasFiles.md has what is read and written. Called
// by Model.cpp and the command line.
#pragma once
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/files/KerasFiles.h"
#include "frontends/kerasfile/Hdf5File.h"

namespace ingot::keras::detail {

/// A file, opened: what it is, its texts as JSON, its arrays.
struct ModelFile {
  enum class Kind { Archive, Legacy, Weights }; // .keras; .h5 of layers' groups; .weights.h5
  Kind kind = Kind::Weights;
  std::string path;
  std::string configPlace;  // "config.json", or "model_config" of an .h5
  Json config;              // {"class_name", "config", …}; null in files of weights
  Json training;            // how it was compiled, in Keras's keys; null: it was not
  std::string kerasVersion; // empty: not said
  std::string dateSaved;    // empty: not said
  /// Where the layers' arrays are: "" or "model_weights".
  std::string weightsRoot;

  const kerasfile::Hdf5File &arrays() const { return *hdf5; }

  std::shared_ptr<void> bytes; // what `hdf5` reads
  std::shared_ptr<kerasfile::Hdf5File> hdf5;
};

// OpenFile.cpp
/// Whether a path ends as Keras's files do.
bool isKerasFileName(const std::string &path);
/// Throws Error, naming the file.
ModelFile openModelFile(const std::string &path);
/// A file's model as Keras 3 would have loaded it; not compiled when `withTraining` is false.
/// Throws LoadError with all that is wrong.
std::shared_ptr<ModelImpl> readModelFile(const std::string &path, bool withTraining);

// Objects.cpp: what configs are made of.
/// Where in a file something is, for messages: "config.json › layers[2] ('dense_1', Dense)".
std::string placeOf(const std::string &outer, size_t index, const Json &layer);
/// The config of a layer as layerFromConfig takes it, made of one that Keras 2 or 3 wrote. Throws
/// Error for what is no value of ours: lambdas, a user's own classes and functions.
Json plainConfig(const Json &config);
/// "a user's own class …" when the object is none of Keras's; else empty.
std::string foreignClass(const Json &object);
/// The reverse: objects in a config get the module they are in, as Keras 3 wants it.
Json withModules(const Json &config);
/// The dtype policy's name in a layer's config; "float32" where there is none.
std::string policyName(const Json &config);

// ReadGraph.cpp
/// The model as our model.json has it, {"class_name", "config"}; problems are added.
Json readGraph(const Json &object, const std::string &place, Problems &problems);

// Weights.cpp
/// Where a weight is in the files of Keras 3: "layers/dense_1/vars/0".
struct WeightPlace {
  std::string path;
  WeightRef ref;
};
/// A layer's own place: the group that carries its name, whether or not it has weights.
struct LayerPlace {
  std::string path, name;
};
struct WeightTree {
  std::vector<WeightPlace> weights;
  std::vector<LayerPlace> layers;
};
WeightTree weightTree(const ModelImpl &model);
/// A layer's weights in the order of legacy files: trainable ones first.
std::vector<WeightRef> legacyWeights(const LayerImpl &layer);

/// The same values in f32, whichever type a file has them in.
ingot::Tensor toFloat32(ingot::Tensor tensor);

struct WeightOptions {
  bool byName = false, skipMismatch = false;
};
/// Puts the file's weights into the model's variables; all are checked before one is changed.
/// Throws LoadError.
void readWeights(ModelImpl &model, const ModelFile &file, const WeightOptions &options);

// OptimizerState.cpp
/// A variable of the optimizer as Keras numbers them. Without a name Keras alone has it, and it
/// keeps its first value.
struct OptimizerSlot {
  std::string name; // in a state
  Shape shape;
  bool isInteger;
  double initial;
};
std::vector<OptimizerSlot> optimizerSlots(const ModelImpl &model);
/// Puts the optimizer's state into `model.held`. Nothing when the file has none.
void readOptimizerState(ModelImpl &model, const ModelFile &file);

// Training.cpp: how a model was compiled, between Keras's keys and ours.
CompileOptions trainingFromKeras(const Json &training);
Json trainingToKeras(const CompileOptions &options, bool isLegacy);

// WriteFile.cpp
/// Writes `.keras`, or a legacy `.h5`, whole or not at all.
void writeModelFile(ModelImpl &model, const std::string &path);
/// Writes `.weights.h5`, or legacy weights to an `.h5` of another name.
void writeWeightsFile(ModelImpl &model, const std::string &path);

// WriteGraph.cpp
/// The model as Keras serializes it; legacy files have their own form.
Json modelToKeras(const ModelImpl &model, bool isLegacy);

/// The newest values of weights and, with `withState`, of optimizer and control variables, by name.
std::map<std::string, ingot::Tensor> valuesOf(ModelImpl &model, bool withState);

} // namespace ingot::keras::detail
