// The compiled model: made when first needed, dropped when the model changes.
//
// Invariant: an engine's artifact was compiled from the model as it is; its state holds every
// weight. The artifact is a file in a temporary directory that lives as long as the engine.
#include "compiler/Compile.h"
#include "frontends/keras/ModelImpl.h"
#include "llvm/Support/thread.h"

#include <cstdlib>
#include <filesystem>

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
  options.functions = {"initialize", "predict"};
  if (withTraining) {
    options.functions.insert(options.functions.end(), {"evaluate", "train_step"});
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
  TemporaryDirectory directory;
  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;
  ThreadPool pool;
  std::optional<train::Trainer> trainer;

  explicit Engine(int threads) : pool(threads) {}
};

Engine &ensureEngine(ModelImpl &model) {
  if (model.engine)
    return *model.engine;
  auto engine = std::make_shared<Engine>(model.threads);
  std::string path = engine->directory.path + "/model.so";
  compileModel(model, path);
  engine->artifact = valueOf(model, Artifact::open(path));
  engine->state = valueOf(model, State::create(engine->artifact));
  engine->trainer.emplace(valueOf(model, train::Trainer::create(*engine->state, &engine->pool)));
  check(model, engine->trainer->initialize(static_cast<int64_t>(model.seed)));
  for (const auto &[name, value] : model.held)
    if (engine->artifact->findVariable(name))
      check(model, engine->state->set(name, value));
  model.held.clear();
  model.engine = std::move(engine);
  return *model.engine;
}

void releaseEngine(ModelImpl &model) {
  if (!model.engine)
    return;
  std::map<std::string, ingot::Tensor> held;
  const ingot_artifact_table &table = model.engine->artifact->table();
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const char *name = table.variables[i].name;
    held.emplace(name, valueOf(model, model.engine->state->get(name)));
  }
  model.held = std::move(held);
  model.engine.reset();
}

train::Trainer &trainerOf(Engine &engine) { return *engine.trainer; }
State &stateOf(Engine &engine) { return *engine.state; }
std::string artifactOf(const Engine &engine) { return engine.artifact->path(); }

} // namespace ingot::keras::detail
