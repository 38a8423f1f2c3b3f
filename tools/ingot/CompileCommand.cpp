// `ingot compile`: a model in, an artifact out, and a few lines on what was made.
#include "backends/cpu/CpuTarget.h"
#include "compiler/Phases.h"
#include "compiler/package/ArtifactDescription.h"
#include "compiler/package/DTypeName.h"
#include "compiler/package/Header.h"
#include "runtime/core/AtomicFile.h"
#include "tools/ingot/GpuTuning.h"
#include "tools/ingot/InspectGpu.h"
#include "tools/ingot/InspectText.h"
#include "tools/ingot/PublishArguments.h"
#include "tools/ingot/RunCompiler.h"
#include "tools/ingot/TensorFile.h"
#include "tools/ingot/TrainArguments.h"
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <map>

namespace ingot::cli {
namespace {

struct Arguments {
  std::string model, output, emit = "so", header, stopAfter, convPrecision = "default";
  std::vector<std::string> functions, shapes, sizes, carries, customOps;
  std::string cc, gpuTuning;
  bool noWeights = false, recompute = false, json = false;
  TrainArguments train;
  PublishArguments publish;
  CompileOptions options;
};

/// What is printed when the artifact is written; filled while the descriptions live.
struct Summary {
  std::vector<std::string> signatures, arenas, kernels, budgets, targets;
  size_t variables = 0;
  uint64_t stateBytes = 0;
  bool hasWeights = false, isCodeCached = false;
  std::vector<std::string> customOps;
  std::string next;
  std::string training;           // of --train: loss, output, optimizer, how many parameters
  Json functions = Json::array(); // signatures, arenas and kernels, for --json
  Json devices = Json::array();
};

std::string describeTensor(const TensorDescription &tensor) {
  std::vector<std::string> dims;
  for (const DimDescription &dim : tensor.dims)
    dims.push_back(dim.text);
  return tensor.name + ": " + dtypeName(tensor.dtype) + "[" + joined(dims) + "]";
}

std::string describeTensors(const std::vector<TensorDescription> &tensors) {
  std::vector<std::string> all;
  for (const TensorDescription &tensor : tensors)
    all.push_back(describeTensor(tensor));
  return joined(all);
}

std::string nextCommand(const FunctionDescription &function, const Arguments &arguments,
                        bool needsWeights) {
  if (!arguments.options.sanitize.empty())
    return "load " + arguments.output +
           " into a program built with clang-22 -fsanitize=" + arguments.options.sanitize;
  if (arguments.emit != "so")
    return "link " + arguments.output + " into a program; call " + arguments.options.symbol +
           "() (docs/Artifact.md)";
  std::string command = "ingot run " + arguments.output;
  if (function.name != "predict")
    command += " --function " + function.name;
  if (needsWeights)
    command += " --weights weights.safetensors";
  for (const TensorDescription &input : function.inputs)
    command += " --input " + input.name + "=@" + input.name + ".npy";
  for (const TensorDescription &output : function.outputs)
    command += " --output " + output.name + "=@" + output.name + ".npy";
  return command;
}

Json tensorsJson(const std::vector<TensorDescription> &tensors) {
  Json list = Json::array();
  for (const TensorDescription &tensor : tensors) {
    Json shape = Json::array();
    for (const DimDescription &dim : tensor.dims)
      shape.push_back(dim.size >= 0 ? Json(dim.size) : Json(dim.text));
    list.push_back({{"name", tensor.name}, {"dtype", dtypeName(tensor.dtype)}, {"shape", shape}});
  }
  return list;
}

/// As `ingot inspect --json` shows a function, but kernels are counted.
Json functionJson(const FunctionDescription &function, const Manifest::Function &manifest) {
  Json json = {{"name", function.name},
               {"inputs", tensorsJson(function.inputs)},
               {"outputs", tensorsJson(function.outputs)},
               {"arena_bytes", function.arenaFormula.empty() ? "0" : function.arenaFormula},
               {"kernels", function.kernels.size()}};
  if (manifest.has_recomputation())
    json["recomputation"] = recomputationJson(manifest.recomputation());
  return json;
}

Summary summarize(llvm::ArrayRef<const ArtifactDescription *> variants,
                  const Arguments &arguments) {
  const ArtifactDescription &d = *variants.front();
  Summary summary;
  Manifest manifest;
  manifest.ParseFromString(d.manifest);
  for (auto [i, function] : llvm::enumerate(d.functions)) {
    std::string outputs = describeTensors(function.outputs);
    summary.signatures.push_back(function.name + "(" + describeTensors(function.inputs) + ")" +
                                 (outputs.empty() ? "" : " -> " + outputs));
    summary.arenas.push_back((d.functions.size() > 1 ? function.name + ": " : "") +
                             (function.arenaFormula.empty() ? "0" : function.arenaFormula));
    summary.kernels.push_back(fmt::format("{} in {}", function.kernels.size(), function.name));
    const Manifest::Function &its = manifest.functions(static_cast<int>(i));
    summary.functions.push_back(functionJson(function, its));
    if (its.has_recomputation())
      summary.budgets.push_back((d.functions.size() > 1 ? function.name + ": " : "") +
                                recomputationText(recomputationJson(its.recomputation())));
  }
  summary.variables = d.variables.size();
  summary.stateBytes = d.stateBytes;
  summary.isCodeCached = llvm::all_of(
      variants, [](const ArtifactDescription *variant) { return variant->isCodeCached; });
  summary.hasWeights = !d.initialState.empty();
  for (const CustomOpDescription &op : d.customOps)
    summary.customOps.push_back(op.name);
  for (const DeviceDescription *device : d.devices)
    summary.devices.push_back(deviceSummary(*device));
  if (!d.functions.empty()) {
    const FunctionDescription *shown = &d.functions.front();
    for (const FunctionDescription &function : d.functions)
      if (function.name == "predict")
        shown = &function;
    summary.next = nextCommand(*shown, arguments, !summary.hasWeights && !d.variables.empty());
  }
  return summary;
}

void writeText(const std::string &path, const std::string &text) {
  AtomicFile file = check(AtomicFile::create(path));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

void printSummary(const Summary &s, const Arguments &arguments, double seconds) {
  std::error_code ignored;
  uint64_t bytes = std::filesystem::file_size(arguments.output, ignored);
  if (arguments.json) {
    Json json = {{"path", arguments.output},
                 {"bytes", bytes},
                 {"seconds", seconds},
                 {"code_cached", s.isCodeCached},
                 {"name", arguments.options.name},
                 {"emit", arguments.emit},
                 {"symbol", arguments.options.symbol},
                 {"targets", s.targets},
                 {"has_weights", s.hasWeights},
                 {"state_bytes", s.stateBytes},
                 {"variables", s.variables},
                 {"functions", s.functions},
                 {"devices", s.devices},
                 {"training", s.training.empty() ? Json(nullptr) : Json(s.training)},
                 {"custom_ops", s.customOps},
                 {"header", arguments.header.empty() ? Json(nullptr) : Json(arguments.header)},
                 {"next", s.next}};
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print(stderr, "{}: {} in {:.2f} s{}\n", arguments.output, humanBytes(bytes), seconds,
             s.isCodeCached ? ", code cached" : "");
  for (size_t i = 0; i < s.signatures.size(); ++i)
    fmt::print(stderr, "{} {}\n", i == 0 ? "  functions" : "           ", s.signatures[i]);
  if (!s.training.empty())
    fmt::print(stderr, "  training  {}\n", s.training);
  fmt::print(stderr, "  kernels   {}\n", joined(s.kernels));
  fmt::print(stderr, "  variables {}, state {}, weights {}\n", s.variables,
             humanBytes(s.stateBytes), s.hasWeights ? "inside" : "not inside");
  for (size_t i = 0; i < s.arenas.size(); ++i)
    fmt::print(stderr, "{} {} bytes\n", i == 0 ? "  arena    " : "           ", s.arenas[i]);
  for (size_t i = 0; i < s.budgets.size(); ++i)
    fmt::print(stderr, "{} {}\n", i == 0 ? "  budget   " : "           ", s.budgets[i]);
  if (!s.customOps.empty())
    fmt::print(stderr, "  custom    {}\n", joined(s.customOps));
  fmt::print(stderr, "  target    {}\n", joined(s.targets));
  for (size_t i = 0; i < s.devices.size(); ++i)
    fmt::print(stderr, "{} {}\n", i == 0 ? "  device   " : "           ",
               deviceSummaryText(s.devices[i]));
  fmt::print(stderr, "  next      {}\n", s.next);
}

/// The name of a model directory, also when one of its versions is given: "classifier/3".
std::string modelName(const std::string &path) {
  std::string name = stemOf(path);
  std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
  if (!absolute.has_filename())
    absolute = absolute.parent_path();
  bool isVersion = llvm::all_of(name, [](char c) { return llvm::isDigit(c); });
  return isVersion ? absolute.parent_path().filename().string() : name;
}

/// --size NAME=N.
std::map<std::string, int64_t> parseSizes(const Arguments &arguments) {
  std::map<std::string, int64_t> sizes;
  for (const std::string &option : arguments.sizes) {
    auto [name, number] = llvm::StringRef(option).split('=');
    int64_t size = 0;
    if (name.empty() || number.getAsInteger(10, size) || size < 0)
      throw Failure(kUsage, "`" + option + "` for --size is not NAME=SIZE", "for example batch=32");
    sizes[name.str()] = size;
  }
  return sizes;
}

/// Usage errors, all before anything is read.
void checkArguments(Arguments &arguments) {
  static const std::map<std::string, Emit> emits = {
      {"so", Emit::SharedLibrary}, {"obj", Emit::Object}, {"static", Emit::StaticLibrary}};
  arguments.options.emit = emits.at(arguments.emit);
  arguments.options.convPrecision =
      arguments.convPrecision == "exact" ? ConvPrecision::Exact : ConvPrecision::Default;
  arguments.options.stopAfter = arguments.stopAfter;
  arguments.options.memoryBudget.sizes = parseSizes(arguments);
  if (arguments.output.empty() && arguments.stopAfter.empty()) {
    const char *suffix = arguments.emit == "so" ? ".so" : arguments.emit == "obj" ? ".o" : ".a";
    arguments.output = modelName(arguments.model) + suffix;
  }
  llvm::SmallVector<llvm::StringRef> levels;
  llvm::StringRef(arguments.options.targetCpu).split(levels, ',', -1, false);
  std::vector<std::string> known = {"host"};
  for (const cpu::CpuTarget &target : cpu::allTargets())
    known.push_back(target.name);
  for (llvm::StringRef level : levels)
    if (!cpu::lookupTarget(level.trim()))
      throw Failure(kUsage, "unknown CPU `" + level.trim().str() + "` for --target-cpu",
                    "known are: " + joined(known));
  if (levels.empty())
    throw Failure(kUsage, "--target-cpu names no CPU", "known are: " + joined(known));
  const std::string &symbol = arguments.options.symbol;
  bool isIdentifier = !symbol.empty() && !llvm::isDigit(symbol[0]);
  for (char c : symbol)
    isIdentifier &= llvm::isAlnum(c) || c == '_';
  if (!isIdentifier)
    throw Failure(kUsage, "`" + symbol + "` for --symbol is no C identifier");
}

/// What is published can be served as it is: one artifact of the name that servers look for.
void checkPublish(const Arguments &arguments) {
  if (!arguments.publish.isAsked())
    return;
  const char *other = arguments.emit != "so"                         ? "--emit"
                      : arguments.options.symbol != "ingot_artifact" ? "--symbol"
                      : !arguments.options.sanitize.empty()          ? "--sanitize"
                      : arguments.noWeights                          ? "--no-weights"
                                                                     : nullptr;
  if (other)
    throw Failure(kUsage, std::string(other) + " and --publish exclude each other",
                  "servers load a shared object with its weights inside");
}

void selectFunctions(const LoadedModel &model, Arguments &arguments) {
  std::vector<std::string> known = model.functionNames();
  std::vector<std::string> &wanted = arguments.functions;
  if (wanted.empty() && model.isSaved)
    wanted = {"predict"};
  if (wanted == std::vector<std::string>{"all"})
    wanted.clear();
  for (const std::string &name : wanted)
    if (!llvm::is_contained(known, name))
      throw Failure(kInput, "`" + arguments.model + "` has no function `" + name + "`",
                    suggest(name, known));
  if (known.empty())
    throw Failure(kInput, "`" + arguments.model + "` has no public function to compile");
  arguments.options.functions = wanted;
}

/// --recompute has something to change: a train_step that is made here.
void checkRecompute(const LoadedModel &model, const Arguments &arguments) {
  if (!model.isSaved && !model.training)
    throw Failure(kUsage, "--recompute needs a model directory, or --train",
                  "the train_step of a .mlir file is made already");
  const std::vector<std::string> &wanted = arguments.options.functions;
  if (!llvm::is_contained(wanted.empty() ? model.functionNames() : wanted, "train_step"))
    throw Failure(kUsage, "--recompute changes `train_step` alone, which is not compiled",
                  "save the model compiled, and take --functions all");
}

void stopAfterPhase(const LoadedModel &model, const Arguments &arguments) {
  mlir::OwningOpRef<mlir::ModuleOp> work = mlir::ModuleOp(*model.module).clone();
  runCompiler(model, arguments.model, [&] { return runPhases(*work, arguments.options); });
  std::string text = moduleText(*work);
  if (arguments.output.empty() || arguments.output == "-")
    fmt::print("{}", text);
  else
    writeText(arguments.output, text);
}

/// The command that compiles sources of custom ops.
std::string cCompiler(const Arguments &arguments) {
  const char *environment = std::getenv("CC");
  return !arguments.cc.empty() ? arguments.cc : environment && *environment ? environment : "cc";
}

/// --carry OUTPUT=INPUT.
std::vector<std::pair<std::string, std::string>>
parseCarries(const std::vector<std::string> &options) {
  std::vector<std::pair<std::string, std::string>> carries;
  for (const std::string &option : options) {
    auto [output, input] = llvm::StringRef(option).split('=');
    if (output.empty() || input.empty())
      throw Failure(
          kUsage, "`" + option + "` for --carry is not OUTPUT=INPUT",
          "name an output of predict, and the input that takes its value at the next run");
    carries.emplace_back(output.str(), input.str());
  }
  return carries;
}

void compile(Arguments &arguments) {
  auto start = std::chrono::steady_clock::now();
  checkPublish(arguments);
  checkArguments(arguments);
  if (!arguments.gpuTuning.empty())
    arguments.options.gpuLibrary = libraryOf(readTuning(arguments.gpuTuning));
  bool withTraining = llvm::any_of(arguments.functions, [](const std::string &name) {
    return name != "predict" && name != "initialize";
  });
  auto train = arguments.train.parse();
  if (train)
    train->recompute = arguments.recompute;
  LoadedModel model =
      loadModel(arguments.model, {withTraining, arguments.recompute, parseShapes(arguments.shapes),
                                  train, parseCarries(arguments.carries),
                                  /*intermediates=*/false, arguments.customOps});
  selectFunctions(model, arguments);
  if (arguments.recompute)
    checkRecompute(model, arguments);
  arguments.options.name = modelName(arguments.model);
  arguments.options.embedWeights = !arguments.noWeights;
  if (!arguments.stopAfter.empty())
    return stopAfterPhase(model, arguments);
  std::optional<StagedVersion> staged;
  if (arguments.publish.isAsked()) {
    staged.emplace(arguments.publish);
    arguments.output = staged->artifact();
  }
  Summary summary;
  std::string header;
  arguments.options.onWritten = [&](llvm::ArrayRef<const ArtifactDescription *> variants) {
    summary = summarize(variants, arguments);
    if (!arguments.header.empty())
      header = makeHeader(std::vector(variants.begin(), variants.end()), arguments.options.symbol);
  };
  runCompiler(model, arguments.model, [&]() -> llvm::LogicalResult {
    auto code = model.customOps->code(cCompiler(arguments));
    if (failed(code))
      return llvm::failure();
    arguments.options.customCode = std::move(*code);
    return compileToFile(*model.module, arguments.options, arguments.output);
  });
  if (!arguments.header.empty())
    writeText(arguments.header, header);
  llvm::SmallVector<llvm::StringRef> levels;
  llvm::StringRef(arguments.options.targetCpu).split(levels, ',', -1, false);
  std::vector<std::string> plainTargets;
  for (llvm::StringRef level : levels) {
    std::string name = cpu::lookupTarget(level.trim())->name;
    plainTargets.push_back(name);
    bool isPlain = arguments.json || level.trim() == name;
    summary.targets.push_back(isPlain ? name : name + " (host)");
  }
  if (staged) {
    std::filesystem::path version = staged->publish("ingot " INGOT_VERSION, plainTargets);
    arguments.output = (version / "model.so").string();
    summary.next = "ingot serve --model-repository " + version.parent_path().parent_path().string();
  }
  if (model.training)
    summary.training = describe(arguments.train, *model.training);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  printSummary(summary, arguments, seconds);
}

void addCustomOpOptions(CLI::App &command, Arguments &arguments) {
  command.add_option("--custom-op", arguments.customOps,
                     "JSON file that describes an op of your own and its C code; repeatable");
  command.add_option("--cc", arguments.cc,
                     "Command that compiles sources of custom ops; default $CC, then cc");
}

void addGpuOptions(CLI::App &command, Arguments &arguments) {
  CLI::Option *gpu = command.add_option(
      "--gpu", arguments.options.gpu,
      "Code for GPUs, too: CUDA architectures (sm_80,sm_90a, or all), opencl; needs "
      "NVRTC for CUDA");
  command
      .add_option("--gpu-local-memory", arguments.options.mayUseLocalMemory,
                  "Kernels, as messages name them, that may spill registers to memory")
      ->delimiter(',');
  command
      .add_flag("--gpu-tf32", arguments.options.gpuTf32,
                "Tensor cores multiply f32, too, with factors rounded to TF32 (within 2^-11)")
      ->needs(gpu);
  CLI::Option *library =
      command
          .add_option("--gpu-library", arguments.options.gpuLibrary.name,
                      "Library of CUDA that computes products of matrices where it is installed: "
                      "cublaslt")
          ->check(CLI::IsMember({"cublaslt"}))
          ->needs(gpu);
  command
      .add_option("--gpu-tuning", arguments.gpuTuning,
                  "Table of `ingot bench --tune`: the library for products that are faster with it")
      ->needs(gpu)
      ->excludes(library);
}

void addCacheOptions(CLI::App &command, Arguments &arguments) {
  command
      .add_option(
          "--cache", arguments.options.cache.directory,
          "Directory that keeps generated code: the same program with other weights takes it "
          "from there; default: none")
      ->envname("INGOT_CACHE");
  command
      .add_option(
          "--cache-size", arguments.options.cache.mostBytes,
          "What the directory may take, in bytes or as 2GiB; default 1GiB. What was not used "
          "for longest goes")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->envname("INGOT_CACHE_SIZE");
}

void addBudgetOptions(CLI::App &command, Arguments &arguments) {
  CLI::Option *budget =
      command
          .add_option("--memory-budget", arguments.options.memoryBudget.bytes,
                      "What the arena of each function may take, in bytes or as 256MiB: values are "
                      "computed again, as few as needed, the same bits")
          ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
          ->check(CLI::PositiveNumber);
  command
      .add_option("--size", arguments.sizes,
                  "NAME=SIZE: a dimension's size that the budget is meant for; default: its upper "
                  "bound (--shape NAME=LEAST..MOST)")
      ->needs(budget);
}

} // namespace

void addCompile(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("compile", "Compile a model into one self-contained file");
  command
      ->add_option(
          "MODEL", arguments->model,
          "A model directory (its newest version, or DIR/VERSION), or an .onnx, .keras, .h5 or "
          ".mlir file")
      ->required();
  CLI::Option *output =
      command->add_option("-o,--output", arguments->output, "File to write; default MODEL.so");
  addPublishOptions(*command, arguments->publish)->excludes(output);
  command
      ->add_option("--target-cpu", arguments->options.targetCpu,
                   "host, or levels for one file with variants: x86-64-v4,x86-64-v3,x86-64")
      ->capture_default_str();
  addGpuOptions(*command, *arguments);
  command->add_option("--emit", arguments->emit, "so, obj (one object) or static (an archive)")
      ->check(CLI::IsMember({"so", "obj", "static"}))
      ->capture_default_str();
  command
      ->add_option("--functions", arguments->functions,
                   "Functions to compile, or all; default: predict of a directory, all of a file")
      ->delimiter(',');
  command->add_option("--shape", arguments->shapes,
                      "Of an ONNX model: NAME=SIZE fixes a dimension, NAME=LEAST..MOST bounds it, "
                      "NAME=SIZES gives an input's shape");
  command->add_option(
      "--carry", arguments->carries,
      "Of a model that streams: OUTPUT=INPUT, what the next run of predict takes as "
      "INPUT; may be repeated");
  addCustomOpOptions(*command, *arguments);
  command->add_option("--symbol", arguments->options.symbol, "Name of the exported symbol")
      ->capture_default_str();
  command->add_option("--header", arguments->header,
                      "Also write a C header with the model's names");
  command->add_flag("--recompute", arguments->recompute,
                    "train_step computes cheap values again instead of keeping them: less memory, "
                    "the same bits");
  addBudgetOptions(*command, *arguments);
  addCacheOptions(*command, *arguments);
  addTrainOptions(*command, arguments->train);
  command->add_flag("--no-weights", arguments->noWeights,
                    "Leave the weights out; bind them at run time");
  command
      ->add_option("--conv-precision", arguments->convPrecision,
                   "exact: convolutions are sums over the window; default: Winograd's algorithm "
                   "too, where it is faster")
      ->check(CLI::IsMember({"exact", "default"}))
      ->capture_default_str();
  command->add_flag("--fast-math", arguments->options.fastMath,
                    "exp and erf within 2^-15 of the result, sums in any order");
  command->add_option("--sanitize", arguments->options.sanitize, "Instrument the generated code")
      ->check(CLI::IsMember({"address", "thread"}));
  command->add_flag("--debug-arena", arguments->options.debugArena,
                    "Red zones around buffers, poison in dead ones");
  command->add_flag("-g", arguments->options.debugInfo, "Line tables that lead to node names");
  CLI::Option *json =
      command->add_flag("--json", arguments->json, "What was made, as JSON on standard output");
  command
      ->add_option("--stop-after", arguments->stopAfter,
                   "Write the program as it is after this phase: " + llvm::join(phaseNames(), ", "))
      ->check(CLI::IsMember(std::vector<std::string>(phaseNames().begin(), phaseNames().end())))
      ->excludes(json)
      ->excludes("--publish");
  command->footer(
      "Examples:\n"
      "  ingot compile classifier -o classifier.so\n"
      "  ingot compile classifier --publish models/classifier\n"
      "  ingot compile classifier/3 --target-cpu x86-64-v4,x86-64-v3,x86-64\n"
      "  ingot compile classifier --emit static -o classifier.a --symbol classifier \\\n"
      "      --header classifier.h\n"
      "  ingot compile classifier --functions all --no-weights -o training.so\n"
      "  ingot compile classifier --gpu sm_80,sm_90a,opencl\n"
      "  ingot compile classifier --gpu sm_90a --gpu-tuning h200.json\n"
      "  ingot compile classifier --json | jq '.functions[].arena_bytes'\n"
      "  ingot compile detector.onnx --shape images=1,3,height,width\n"
      "  ingot compile resnet18.onnx --train --loss sparse_categorical_crossentropy \\\n"
      "      --optimizer sgd:learning_rate=0.01,momentum=0.9 --trainable 'fc.*'\n"
      "  ingot compile resnet18.onnx --train --loss mse --memory-budget 256MiB --size batch=16\n"
      "  ingot compile denoiser.onnx --carry state_out=state_in\n"
      "  ingot compile speech.onnx --custom-op beam_search.json --cc clang\n"
      "  ingot compile net.mlir --stop-after fuse | less");
  command->callback([arguments] { compile(*arguments); });
}

} // namespace ingot::cli
