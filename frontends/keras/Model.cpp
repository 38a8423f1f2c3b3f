// Models as users handle them: see Model.h. Everything that takes more than a few lines is in
// ModelGraph, GraphModule, Engine, Summary and ModelDirectory.
#include "frontends/keras/Model.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/TensorBoardGraph.h"
#include "frontends/keras/Throwing.h"
#include "frontends/keras/files/ModelFile.h"
#include "llvm/Support/FileSystem.h"

namespace ingot::keras {

using namespace detail;

namespace {

void requireBuilt(const ModelImpl &model, const char *what) {
  if (!model.hasGraph())
    throw Error("model '" + model.name + "' cannot " + what +
                    " yet: the shape of its input is not known; give its first layer an "
                    "inputShape, begin with keras::Input, or call build",
                StatusCode::FailedPrecondition);
}

/// What an array of samples says of a model's input. Integers stay integers where the model may
/// look up with them.
TensorSpec specOf(const TensorView &array, bool takesIntegers) {
  const bool wide =
      array.dtype == DType::I64 || array.dtype == DType::U32 || array.dtype == DType::U64;
  const bool whole = wide || array.dtype == DType::I32;
  return {Shape(array.dims + 1, array.dims + array.rank),
          takesIntegers && whole ? (wide ? "int64" : "int32") : "float32"};
}

void requireCompiled(const ModelImpl &model, const char *what) {
  if (!model.training)
    throw Error("model '" + model.name +
                    "' was not compiled: call compile with an optimizer and a "
                    "loss before " +
                    what,
                StatusCode::FailedPrecondition);
}

/// The model's shapes are checked here, where the message can speak of layers; element types and
/// the number of arrays by the trainer.
void checkInputs(const ModelImpl &model, const Data &x) {
  for (size_t i = 0; i < x.arrays.size() && i < model.inputs.size(); ++i) {
    const TensorView &array = x.arrays[i];
    const Node &input = *model.inputs[i];
    Shape has(array.dims, array.dims + array.rank), wants = input.results[0].shape;
    // As the trainer: what is open is the array's, and trailing dimensions of 1 may be left out or
    // added.
    auto strip = [](Shape shape) {
      while (shape.size() > 1 && shape.back() == 1)
        shape.pop_back();
      return shape;
    };
    Shape filled = wants;
    for (size_t d = 0; d < filled.size(); ++d)
      if (filled[d] == None)
        filled[d] = d < has.size() ? has[d] : 1;
    if (has.empty() || strip(filled) != strip(has))
      throw Error("model '" + model.name + "', input '" + input.layer->name + "': expected shape " +
                  toString(wants) + ", got " + toString(has) +
                  "; reshape the array (the first dimension counts samples)");
  }
}

/// All arrays have the same number of samples.
void checkSamples(const ModelImpl &model, const Data &x, const Data &y) {
  if (x.arrays.empty())
    throw Error("model '" + model.name + "': there is no array x");
  auto countOf = [](const TensorView &array) { return array.rank > 0 ? array.dims[0] : 0; };
  for (const Data *data : {&x, &y})
    for (const TensorView &array : data->arrays)
      if (countOf(array) != countOf(x.arrays[0]))
        throw Error("model '" + model.name + "': x has " + std::to_string(countOf(x.arrays[0])) +
                    " samples, " + (data == &x ? "another input " : "y ") + "has " +
                    std::to_string(countOf(array)) +
                    "; both need one entry a sample (their first dimension)");
}

/// The weight of this name; throws with a suggestion.
WeightRef findWeight(const ModelImpl &model, const std::string &name) {
  std::vector<std::string> names;
  for (const WeightRef &ref : weightsOf(model)) {
    names.push_back(ref.name());
    if (names.back() == name)
      return ref;
  }
  throw Error("model '" + model.name + "': " + unknownName("weight", name, names),
              StatusCode::NotFound);
}

/// Runs what the runtime answers with a Status, and turns that into an Error naming the model.
template <typename T> T run(const ModelImpl &model, Result<T> result) {
  if (!result.isOk())
    throw Error(result.status().withContext("model '" + model.name + "'"));
  return std::move(result).value();
}

} // namespace

Model::Model(std::shared_ptr<detail::ModelImpl> model) : Layer(model), model(std::move(model)) {}

Model::Model(const Tensor &input, const Tensor &output, std::string name)
    : Model(makeFunctional({input}, {output}, std::move(name))) {}

Model::Model(const std::vector<Tensor> &inputs, const std::vector<Tensor> &outputs,
             std::string name)
    : Model(makeFunctional(inputs, outputs, std::move(name))) {}

Model::Model(std::string name) : Model(std::make_shared<ModelImpl>()) {
  checkName("model", name);
  model->name = name.empty() ? automaticName("Model") : std::move(name);
  model->isSubclassed = true;
}

std::vector<Layer> Model::layers() const {
  std::vector<Layer> result;
  for (const auto &layer : model->layers())
    if (!model->isSequential || !dynamic_cast<InputLayerImpl *>(layer.get()))
      result.emplace_back(layer);
  return result;
}

Layer Model::getLayer(const std::string &name) const {
  std::vector<std::string> names;
  for (const auto &layer : model->layers()) {
    if (layer->name == name)
      return Layer(layer);
    names.push_back(layer->name);
  }
  throw Error("model '" + model->name + "': " + unknownName("layer", name, names),
              StatusCode::NotFound);
}

void Model::build(const Shape &inputShape) {
  if (inputShape.empty())
    throw Error("model '" + model->name + "': build takes the shape with the batch: {None, 784}");
  requireIdle(*model, "build");
  TensorSpec input = {Shape(inputShape.begin() + 1, inputShape.end())};
  if (model->isSubclassed)
    trace({input});
  else if (model->isSequential)
    buildStack(*model, input);
  // A functional model is built.
}

void Model::buildFrom(const Data &x) {
  if (model->hasGraph() || x.arrays.empty())
    return;
  std::vector<TensorSpec> inputs;
  for (const TensorView &array : x.arrays) {
    if (array.rank < 1)
      return;
    bool takesIntegers =
        model->isSubclassed || (!model->stack.empty() && model->stack[0]->takesIntegers());
    inputs.push_back(specOf(array, takesIntegers));
  }
  if (model->isSubclassed)
    trace(inputs);
  else if (model->isSequential && inputs.size() == 1)
    buildStack(*model, inputs[0]);
  if (model->training && model->hasGraph())
    checkTraining(*model, *model->training);
}

void Model::compile(CompileOptions options) {
  requireIdle(*model, "compile");
  if (model->hasGraph())
    checkTraining(*model, options);
  else if (options.loss.empty())
    throw Error("model '" + model->name + "': compile needs a loss, for example .loss = \"mse\"");
  if (!options.device.empty())
    to(options.device);
  releaseEngine(*model);
  model->held.clear(); // as in Keras a new optimizer starts afresh
  if (options.autoScaleLoss && model->dtypePolicy == "mixed_float16" &&
      options.optimizer.className != "LossScaleOptimizer")
    options.optimizer = optimizers::LossScaleOptimizer(options.optimizer);
  model->training = std::move(options);
}

/// What every call with data and a loss asks of the model.
void Model::prepareTraining(const Data *x, const Data *y, const char *what) {
  requireCompiled(*model, what);
  if (x)
    buildFrom(*x);
  requireBuilt(*model, what);
  checkTraining(*model, *model->training); // layers may have come after compile
  if (!x)
    return;
  checkInputs(*model, *x);
  checkSamples(*model, *x, *y);
}

/// ModelCheckpoint saves through the trainer as Model::save does, and TensorBoard shows the model's
/// graph.
static void letSave(const std::shared_ptr<ModelImpl> &model, train::Trainer &trainer) {
  trainer.setModelSaver([weak = std::weak_ptr(model)](const std::string &path, bool weightsOnly) {
    std::shared_ptr<ModelImpl> kept = weak.lock();
    if (!kept)
      return Status(StatusCode::FailedPrecondition, "the model is gone");
    try {
      SaveOptions options;
      options.weightsOnly = true;
      if (weightsOnly && isKerasFileName(path))
        Model(kept).saveWeights(path);
      else if (weightsOnly)
        return stateOf(ensureEngine(*kept)).save(path, options);
      else
        Model(kept).save(path);
    } catch (const Error &error) {
      return Status(error.code(), error.what());
    }
    return Status();
  });
  trainer.setModelGraph([weak = std::weak_ptr(model)] {
    std::shared_ptr<ModelImpl> kept = weak.lock();
    return kept ? train::Trainer::ModelGraph{graphDefOf(*kept), kerasJsonOf(*kept)}
                : train::Trainer::ModelGraph();
  });
}

/// Runs `call` on the trainer of an engine that stays while it runs.
template <typename Call>
static auto runWriting(const std::shared_ptr<ModelImpl> &model, Call call) {
  WritingRun writing(*model);
  letSave(model, writing.trainer());
  auto result = call(writing.trainer());
  writing.finish();
  return run(*model, std::move(result));
}

History Model::fit(const Data &x, const Data &y, const FitOptions &options) {
  prepareTraining(&x, &y, "fit");
  takeSampleWeights(*model, nullptr, options);
  return runWriting(
      model, [&](train::Trainer &trainer) { return trainer.fit(x.arrays, y.arrays, options); });
}

History Model::fit(DataSource &data, const FitOptions &options) {
  prepareTraining(nullptr, nullptr, "fit");
  takeSampleWeights(*model, &data, options);
  return runWriting(model, [&](train::Trainer &trainer) { return trainer.fit(data, options); });
}

Logs Model::evaluate(const Data &x, const Data &y, const EvaluateOptions &options) {
  prepareTraining(&x, &y, "evaluate");
  takeSampleWeights(*model, !options.sampleWeight.empty());
  return run(*model, trainerOf(ensureEngine(*model)).evaluate(x.arrays, y.arrays, options));
}

Logs Model::evaluate(DataSource &data, const EvaluateOptions &options) {
  prepareTraining(nullptr, nullptr, "evaluate");
  takeSampleWeights(*model, &data, {});
  return run(*model, trainerOf(ensureEngine(*model)).evaluate(data, options));
}

std::vector<ingot::Tensor> Model::predictAll(const Data &x, const PredictOptions &options) {
  buildFrom(x);
  requireBuilt(*model, "predict");
  checkInputs(*model, x);
  return run(*model, trainerOf(ensureEngine(*model)).predict(x.arrays, options));
}

std::vector<ingot::Tensor> Model::predictAll(DataSource &data, const PredictOptions &options) {
  requireBuilt(*model, "predict");
  return run(*model, trainerOf(ensureEngine(*model)).predict(data, options));
}

static void requireOneOutput(const ModelImpl &model) {
  if (model.outputs.size() > 1)
    throw Error("model '" + model.name + "' has " + std::to_string(model.outputs.size()) +
                " outputs; use predictAll");
}

ingot::Tensor Model::predict(const Data &x, const PredictOptions &options) {
  buildFrom(x);
  requireOneOutput(*model);
  return std::move(predictAll(x, options)[0]);
}

ingot::Tensor Model::predict(DataSource &data, const PredictOptions &options) {
  requireOneOutput(*model);
  return std::move(predictAll(data, options)[0]);
}

Logs Model::trainOnBatch(const Data &x, const Data &y, const TrainOnBatchOptions &options) {
  prepareTraining(&x, &y, "trainOnBatch");
  takeSampleWeights(*model, !options.sampleWeight.empty() || !options.classWeight.empty());
  return runWriting(model, [&](train::Trainer &trainer) {
    return trainer.trainOnBatch(x.arrays, y.arrays, options);
  });
}

Logs Model::testOnBatch(const Data &x, const Data &y, const Data &sampleWeight) {
  prepareTraining(&x, &y, "testOnBatch");
  takeSampleWeights(*model, !sampleWeight.arrays.empty());
  return run(*model,
             trainerOf(ensureEngine(*model)).testOnBatch(x.arrays, y.arrays, sampleWeight.arrays));
}

ingot::Tensor Model::predictOnBatch(const Data &x) {
  buildFrom(x);
  requireBuilt(*model, "predictOnBatch");
  requireOneOutput(*model);
  checkInputs(*model, x);
  return std::move(run(*model, trainerOf(ensureEngine(*model)).predictOnBatch(x.arrays))[0]);
}

int64_t Model::countParams() const {
  requireBuilt(*model, "count parameters");
  int64_t count = 0;
  for (const WeightRef &ref : weightsOf(*model))
    count += elementCount(ref.weight->shape);
  return count;
}

std::vector<std::string> Model::weightNames() const {
  std::vector<std::string> names;
  for (const WeightRef &ref : weightsOf(*model))
    names.push_back(ref.name());
  return names;
}

/// The newest value; the first one where it has none yet.
static ingot::Tensor valueOf(ModelImpl &model, const WeightRef &ref) {
  const Variable &variable = *ref.weight->variable;
  if (variable.version == 0)
    ensureEngine(model); // initializes
  return std::move(*newestValue(variable));
}

ingot::Tensor Model::getWeight(const std::string &name) {
  requireBuilt(*model, "give weights");
  return valueOf(*model, findWeight(*model, name));
}

void Model::setWeight(const std::string &name, const TensorView &value) {
  requireBuilt(*model, "take weights");
  WeightRef ref = findWeight(*model, name);
  checkValue(ref, value);
  setValue(*ref.weight->variable, copyOf(value));
}

std::vector<ingot::Tensor> Model::getWeights() {
  requireBuilt(*model, "give weights");
  std::vector<ingot::Tensor> values;
  for (const WeightRef &ref : weightsOf(*model))
    values.push_back(valueOf(*model, ref));
  return values;
}

void Model::setWeights(const std::vector<TensorView> &values) {
  requireBuilt(*model, "take weights");
  std::vector<WeightRef> refs = weightsOf(*model);
  if (refs.size() != values.size())
    throw Error("model '" + model->name + "' has " + std::to_string(refs.size()) +
                " weights, got " + std::to_string(values.size()) + "; see weightNames()");
  for (size_t i = 0; i < refs.size(); ++i)
    checkValue(refs[i], values[i]);
  for (size_t i = 0; i < refs.size(); ++i)
    setValue(*refs[i].weight->variable, copyOf(values[i]));
}

void Model::setWeights(const std::vector<ingot::Tensor> &values) {
  setWeights(std::vector<TensorView>(values.begin(), values.end()));
}

void Model::save(const std::string &path, int version) {
  requireBuilt(*model, "be saved");
  if (isKerasFileName(path))
    return writeModelFile(*model, path);
  writeModelDirectory(*model, path, version);
}

void Model::saveWeights(const std::string &path) {
  requireBuilt(*model, "be saved");
  if (!isKerasFileName(path) || llvm::StringRef(path).ends_with(".keras"))
    throw Error("saveWeights: '" + path +
                "' ends in neither .weights.h5 nor, for the legacy format, .h5 or .hdf5");
  writeWeightsFile(*model, path);
}

void Model::loadWeights(const std::string &path, const LoadWeightsOptions &options) {
  requireBuilt(*model, "take weights");
  const ModelFile file = openModelFile(path);
  readWeights(*model, file, {options.byName, options.skipMismatch});
}

void Model::setSeed(uint64_t seed) {
  if (model->engine)
    check(stateOf(*model->engine).setScalar("seed", static_cast<int64_t>(seed)));
  model->held.erase("seed"); // of an earlier engine or of a file
  model->seed = seed;
}

void Model::setThreads(int threads) {
  if (threads < 0)
    throw Error("model '" + model->name + "': threads must be 0 (all CPUs) or more, got " +
                std::to_string(threads));
  requireIdle(*model, "setThreads");
  releaseEngine(*model);
  model->threads = threads;
}

void Model::to(const std::string &device) {
  requireIdle(*model, "to");
  std::shared_ptr<Device> opened = openDevice(*model, device);
  if (opened == model->device)
    return;
  releaseEngine(*model);
  model->device = std::move(opened);
}

std::string Model::device() const { return model->device ? model->device->name() : "cpu"; }

train::Trainer &Model::trainer() {
  requireBuilt(*model, "run");
  return handOutTrainer(*model);
}

Sequential::Sequential(std::initializer_list<Layer> layers, std::string name)
    : Sequential(std::vector<Layer>(layers), std::move(name)) {}

Sequential::Sequential(const std::vector<Layer> &layers, std::string name)
    : Model(makeSequential(layers, std::move(name))) {}

void Sequential::add(const Layer &layer) {
  requireIdle(*model, "add");
  if (model->hasGraph()) {
    ModelImpl longer = {};
    longer.name = model->name;
    longer.inputs = model->inputs;
    longer.outputs = {{detail::call(layer.impl(), {model->outputs[0]})}};
    finishGraph(longer);
    releaseEngine(*model);
    model->outputs = longer.outputs;
    model->nodes = longer.nodes;
    model->stack.push_back(layer.impl());
    return;
  }
  model->stack.push_back(layer.impl());
  if (std::optional<TensorSpec> input = declaredInput(*model)) {
    try {
      buildStack(*model, *input);
    } catch (...) {
      model->stack.pop_back();
      throw;
    }
  }
}

Model loadModel(const std::string &path, const LoadModelOptions &options) {
  if (isKerasFileName(path) ? !llvm::sys::fs::is_directory(path)
                            : llvm::sys::fs::is_regular_file(path))
    return Model(readModelFile(path, options.compile));
  std::shared_ptr<ModelImpl> model = readModelDirectory(path, options.version);
  if (!options.compile) {
    model->training.reset();
    model->held.clear();
  }
  return Model(model);
}

} // namespace ingot::keras
