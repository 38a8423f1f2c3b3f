// The compiled model: made when first needed, dropped when the model changes.
//
// Invariant: an engine's artifact was compiled from the model as it is; its state has every weight,
// and for each weight either its state has the newest value or `seen` tells that it may not. Models
// that share layers hand values to each other here. The artifact is a file in a temporary directory
// that lives as long as the engine.
#include "compiler/Compile.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Throwing.h"
#include "llvm/Support/thread.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>

namespace ingot::keras::detail {

namespace {

/// A directory of our own under the system's temporary directory.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::error_code error;
    std::string pattern = std::filesystem::temp_directory_path(error).string() + "/ingot-XXXXXX";
    if (error || !::mkdtemp(pattern.data()))
      throw Error("cannot make a directory like '" + pattern +
                      "' for the compiled model; set TMPDIR to a directory that can be written",
                  StatusCode::IoError);
    path = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

void check(const ModelImpl &model, const Status &status) {
  if (!status.isOk())
    throw Error(status.withContext("model '" + model.name + "'"));
}

template <typename T> T valueOf(const ModelImpl &model, Result<T> result) {
  check(model, result.status());
  return std::move(result).value();
}

void compileModel(const ModelImpl &model, const std::string &path) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  bool withTraining = model.training.has_value();
  mlir::OwningOpRef<mlir::ModuleOp> module = buildModule(model, &context, withTraining);
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    std::string layer = graph::layerName(diagnostic.getLocation());
    messages += "\n  " + (layer.empty() ? "" : layer + ": ") + diagnostic.str();
  });
  ingot::CompileOptions options;
  options.name = model.name;
  if (model.device) {
    options.gpu = hostImageOfTests ? "host" : gpuOption(model.device->info());
    options.hostImage = hostImageOfTests;
  }
  options.functions = {"initialize", "predict"};
  if (withTraining) {
    options.functions.insert(options.functions.end(), {"evaluate", "train_step"});
    for (const char *name : {"finalize", "metrics"})
      if (module->lookupSymbol(name))
        options.functions.push_back(name);
    const MemoryBudget &budget = model.training->memoryBudget;
    options.memoryBudget = {budget.bytes, {{"batch", budget.batchSize}}};
  }
  if (const char *directory = std::getenv("INGOT_CACHE"))
    options.cache.directory = directory;
  // Passes follow chains of ops by recursion; 10,000 layers need tens of MiB of stack.
  constexpr unsigned stackBytes = 512u << 20;
  mlir::LogicalResult result = mlir::failure();
  llvm::thread(std::optional<unsigned>(stackBytes), [&] {
    result = compileToFile(*module, options, path);
  }).join();
  if (mlir::failed(result))
    throw Error("model '" + model.name + "' does not compile:" + messages,
                options.memoryBudget.bytes != 0 ? StatusCode::ResourceExhausted
                                                : StatusCode::Internal);
}

} // namespace

struct Engine {
  /// A weight's variable and what it is called here.
  struct Binding {
    std::shared_ptr<Variable> variable;
    std::string name;
    uint64_t seen; // the version that the state has
  };

  TemporaryDirectory directory;
  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;
  ThreadPool pool;
  std::optional<train::Trainer> trainer;
  std::vector<Binding> bindings;
  /// It changes weights that nobody counts: it runs, or its trainer was handed out.
  bool isWriting = false;

  explicit Engine(int threads) : pool(threads) {}
  /// Gives the weights that it has the newest values of back to their variables.
  ~Engine() {
    for (Binding &binding : bindings)
      if (binding.variable->owner == this)
        giveBack(binding);
  }

  void own(Binding &binding) {
    binding.variable->owner = this;
    binding.variable->nameInOwner = binding.name;
    binding.variable->value.reset();
    binding.seen = binding.variable->version;
  }
  /// Its weights are new ones for all others.
  void countChanges() {
    for (Binding &binding : bindings)
      if (binding.variable->owner == this)
        binding.seen = ++binding.variable->version;
  }
  void giveBack(Binding &binding) {
    if (binding.variable.use_count() > 1)
      if (Result<ingot::Tensor> value = state->get(binding.name); value.isOk())
        binding.variable->value = std::move(*value);
    binding.variable->owner = nullptr;
  }
};

namespace {

/// Weights that other models or setWeights changed since.
void bringUpToDate(const ModelImpl &model, Engine &engine) {
  for (Engine::Binding &binding : engine.bindings) {
    Variable &variable = *binding.variable;
    const bool isUnseen = variable.owner && variable.owner->isWriting;
    if (variable.owner == &engine || (binding.seen == variable.version && !isUnseen))
      continue;
    if (variable.owner) {
      check(model, engine.state->set(binding.name, *newestValue(variable)));
      binding.seen = variable.version;
    } else {
      check(model, engine.state->set(binding.name, *variable.value));
      engine.own(binding);
    }
  }
}

std::shared_ptr<Engine> makeEngine(ModelImpl &model) {
  auto engine = std::make_shared<Engine>(model.threads);
  std::string path = engine->directory.path + "/model.so";
  compileModel(model, path);
  engine->artifact = valueOf(model, Artifact::open(path));
  if (model.device)
    engine->artifact = valueOf(model, engine->artifact->onDevice(model.device));
  engine->state = valueOf(model, State::create(engine->artifact));
  engine->trainer.emplace(valueOf(model, train::Trainer::create(*engine->state, &engine->pool)));
  check(model, engine->trainer->initialize(static_cast<int64_t>(model.seed)));
  for (const auto &[name, value] : model.held)
    if (engine->artifact->findVariable(name))
      check(model, engine->state->set(name, value));
  model.held.clear();
  for (const WeightRef &ref : weightsOf(model)) {
    if (!engine->artifact->findVariable(ref.name()))
      continue;
    Engine::Binding &binding =
        engine->bindings.emplace_back(Engine::Binding{ref.weight->variable, ref.name(), 0});
    if (binding.variable->version == 0) { // its first value is what `initialize` gave it
      binding.variable->version = 1;
      engine->own(binding);
    }
  }
  return engine;
}

} // namespace

std::function<std::string(const std::string &)> hostImageOfTests;

std::shared_ptr<Device> openDevice(const ModelImpl &model, const std::string &name) {
  if (name == "cpu")
    return nullptr;
  Result<std::shared_ptr<Device>> device = Device::open(name);
  if (device.isOk())
    return *device;
  if (device.status().code() == StatusCode::InvalidArgument)
    check(model, device.status());
  static std::once_flag once;
  std::call_once(once, [&] {
    std::fprintf(stderr, "ingot: models run on the CPU: %s\n", device.status().message().c_str());
  });
  return nullptr;
}

Engine &ensureEngine(ModelImpl &model) {
  if (!model.engine)
    model.engine = makeEngine(model);
  bringUpToDate(model, *model.engine);
  return *model.engine;
}

Engine &ensureEngineForWriting(ModelImpl &model) {
  Engine &engine = ensureEngine(model);
  for (Engine::Binding &binding : engine.bindings)
    engine.own(binding);
  engine.countChanges();
  return engine;
}

namespace {

/// What the engine's state has beside weights: optimizer, step, seed.
std::map<std::string, ingot::Tensor> heldBy(const ModelImpl &model, const Engine &engine) {
  std::set<std::string> weights;
  for (const Engine::Binding &binding : engine.bindings)
    weights.insert(binding.name);
  std::map<std::string, ingot::Tensor> held;
  const ingot_artifact_table &table = engine.artifact->table();
  for (int64_t i = 0; i < table.variable_count; ++i)
    if (const char *name = table.variables[i].name; !weights.count(name))
      held.emplace(name, valueOf(model, engine.state->get(name)));
  return held;
}

} // namespace

void releaseEngine(ModelImpl &model) {
  if (!model.engine)
    return;
  model.held = heldBy(model, *model.engine);
  model.engine.reset();
}

train::Trainer &handOutTrainer(ModelImpl &model) {
  Engine &engine = ensureEngineForWriting(model);
  engine.isWriting = true;
  return *engine.trainer;
}

WritingRun::WritingRun(ModelImpl &model)
    : model(model), engine((ensureEngineForWriting(model), model.engine)),
      wasWriting(engine->isWriting) {
  engine->isWriting = true;
  ++model.writingRuns;
}

WritingRun::~WritingRun() {
  --model.writingRuns;
  engine->isWriting = wasWriting;
  engine->countChanges();
}

train::Trainer &WritingRun::trainer() { return *engine->trainer; }

void WritingRun::finish() {
  // A callback may have had the model compiled anew, for sample weights: that one goes on from
  // here.
  if (model.engine == engine)
    return;
  std::map<std::string, ingot::Tensor> held = heldBy(model, *engine);
  if (!model.engine)
    model.held = std::move(held);
  else
    for (const auto &[name, value] : held)
      if (model.engine->artifact->findVariable(name))
        check(model, model.engine->state->set(name, value));
}

void requireIdle(const ModelImpl &model, const char *what) {
  if (model.writingRuns > 0)
    throw Error("model '" + model.name + "': " + what +
                    " has to wait until fit has returned; let the callback stop it "
                    "(trainer().stopTraining()), or do this between two calls of fit",
                StatusCode::FailedPrecondition);
}

void takeSampleWeights(ModelImpl &model, bool areGiven) {
  if (!areGiven || model.takesSampleWeights)
    return;
  releaseEngine(model);
  model.takesSampleWeights = true;
}

namespace {

/// A source tells by its first batch, which it makes once more for that.
bool bringsWeights(const ModelImpl &model, DataSource *source) {
  Batch first;
  return source && valueOf(model, source->fill(0, 0, first)) && !first.sampleWeights.empty();
}

} // namespace

void takeSampleWeights(ModelImpl &model, DataSource *source, const FitOptions &options) {
  if (model.takesSampleWeights)
    return;
  const train::ValidationData &validation = options.validationData;
  takeSampleWeights(model, !options.sampleWeight.empty() || !options.classWeight.empty() ||
                               !validation.sampleWeights.empty() || bringsWeights(model, source) ||
                               bringsWeights(model, validation.source));
}

ingot::Tensor copyOf(const TensorView &value) {
  auto copy =
      valueOf(ingot::Tensor::zeros(value.dtype, Shape(value.dims, value.dims + value.rank)));
  if (copy.byteSize())
    std::memcpy(copy.rawData(), value.data, copy.byteSize());
  return copy;
}

std::optional<ingot::Tensor> newestValue(const Variable &variable) {
  if (variable.owner)
    return valueOf(variable.owner->state->get(variable.nameInOwner));
  if (!variable.value)
    return std::nullopt;
  return copyOf(*variable.value);
}

void checkValue(const WeightRef &ref, const TensorView &value) {
  Shape has(value.dims, value.dims + value.rank);
  if (has != ref.weight->shape || value.dtype != DType::F32)
    throw Error("weight '" + ref.name() + "': expected f32 " + toString(ref.weight->shape) +
                ", got " + toString(value.dtype) + " " + toString(has));
}

void setValue(Variable &variable, ingot::Tensor value) {
  if (!variable.owner) {
    variable.value = std::move(value);
    ++variable.version;
    return;
  }
  // Callbacks see it at once, while the owner trains.
  check(variable.owner->state->set(variable.nameInOwner, value));
  ++variable.version;
  for (Engine::Binding &binding : variable.owner->bindings)
    if (binding.variable.get() == &variable)
      binding.seen = variable.version;
}

train::Trainer &trainerOf(Engine &engine) { return *engine.trainer; }
State &stateOf(Engine &engine) { return *engine.state; }
OptimizerSize optimizerSize(const ModelImpl &model) {
  OptimizerSize size;
  if (!model.engine || !model.training)
    return size;
  const ingot_artifact_table &table = model.engine->artifact->table();
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &info = table.variables[i];
    const llvm::StringRef name = info.name;
    if (!(info.flags & INGOT_VARIABLE_OPTIMIZER) && name != "step" && name != "learning_rate")
      continue;
    const int64_t elements = elementCount(Shape(info.shape, info.shape + info.rank));
    size.elements += elements;
    size.bytes += static_cast<int64_t>(byteSize(static_cast<DType>(info.dtype), elements));
  }
  return size;
}

std::string artifactOf(const Engine &engine) { return engine.artifact->path(); }

} // namespace ingot::keras::detail
