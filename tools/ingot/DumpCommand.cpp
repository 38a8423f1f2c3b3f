// `ingot dump`: the program after a phase, as IR text or as a picture of the graph.
#include "compiler/Phases.h"
#include "frontends/keras/Graphviz.h"
#include "frontends/keras/Layer.h"
#include "runtime/core/AtomicFile.h"
#include "tools/ingot/GraphDot.h"
#include "tools/ingot/RunCompiler.h"
#include "tools/ingot/TensorFile.h"
#include <fmt/format.h>

namespace ingot::cli {
namespace {

struct Arguments {
  std::string model, phase = "import", format = "mlir", output;
  std::vector<std::string> functions, customOps;
  int64_t elide = 16;
  bool json = false;
};

/// Graphviz's picture of the text; a clear Failure when it is not installed.
std::string svgOf(const std::string &dot) {
  try {
    return keras::renderDot(dot, "svg");
  } catch (const keras::Error &error) {
    throw Failure(kInput, error.what(),
                  error.code() == StatusCode::FailedPrecondition ? "or take --format dot" : "");
  }
}

void deliver(const std::string &path, const std::string &text) {
  if (path.empty() || path == "-") {
    fmt::print("{}", text);
    return;
  }
  AtomicFile file = check(AtomicFile::create(path));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

/// Writes the text, or, as JSON, what it is of and the text itself where no file takes it.
void deliver(const Arguments &arguments, const std::vector<mlir::func::FuncOp> &functions,
             const std::string &text) {
  bool isFile = !arguments.output.empty() && arguments.output != "-";
  if (isFile || !arguments.json)
    deliver(arguments.output, text);
  if (!arguments.json)
    return;
  Json json = {{"model", arguments.model},
               {"phase", arguments.phase},
               {"format", arguments.format},
               {"functions", Json::array()}};
  for (mlir::func::FuncOp function : functions) {
    int64_t ops = 0;
    function.walk([&](mlir::Operation *) { ++ops; });
    json["functions"].push_back({{"name", function.getName().str()}, {"ops", ops - 1}});
  }
  if (isFile)
    json["path"] = arguments.output;
  else
    json["text"] = text;
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void dump(const Arguments &arguments) {
  bool isImport = arguments.phase == phaseNames().front();
  LoadedModel model =
      loadModel(arguments.model, {.withTraining = true, .customOps = arguments.customOps});
  std::vector<std::string> known = model.functionNames();
  for (const std::string &name : arguments.functions)
    if (!llvm::is_contained(known, name))
      throw Failure(kInput, "`" + arguments.model + "` has no function `" + name + "`",
                    suggest(name, known));
  mlir::OwningOpRef<mlir::ModuleOp> work = mlir::ModuleOp(*model.module).clone();
  if (!isImport || !arguments.functions.empty()) {
    CompileOptions options;
    options.stopAfter = arguments.phase;
    options.functions = arguments.functions;
    runCompiler(model, arguments.model, [&] { return runPhases(*work, options); });
  }
  auto all = (*work).getOps<mlir::func::FuncOp>();
  std::vector<mlir::func::FuncOp> functions(all.begin(), all.end());
  if (arguments.format == "mlir")
    return deliver(arguments, functions, moduleText(*work, arguments.elide));
  std::string dot = dotOf(functions);
  deliver(arguments, functions, arguments.format == "dot" ? dot : svgOf(dot));
}

} // namespace

void addDump(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  std::vector<std::string> phases(phaseNames().begin(), phaseNames().end());
  CLI::App *command = app.add_subcommand("dump", "Show a model's program at a phase");
  command
      ->add_option("MODEL", arguments->model,
                   "An .onnx, .keras, .h5 or .mlir file, or a model directory")
      ->required();
  command->add_option("--phase", arguments->phase, "The phase to stop after: " + joined(phases))
      ->check(CLI::IsMember(phases))
      ->capture_default_str();
  command->add_option("--format", arguments->format, "mlir, dot, or svg (through Graphviz)")
      ->check(CLI::IsMember({"mlir", "dot", "svg"}))
      ->capture_default_str();
  command->add_option("--functions", arguments->functions, "Only these functions")->delimiter(',');
  command
      ->add_option("--elide", arguments->elide,
                   "Leave out constants of more elements than this; -1 prints all, which can be "
                   "compiled again")
      ->capture_default_str();
  command->add_option("--custom-op", arguments->customOps,
                      "JSON file that describes an op of your own; repeatable");
  command->add_option("-o,--output", arguments->output, "File to write; default standard output");
  command->add_flag("--json", arguments->json,
                    "As JSON: functions with their numbers of ops, and the text or its path");
  command->footer("Examples:\n"
                  "  ingot dump classifier --phase fuse | less\n"
                  "  ingot dump classifier --format svg --functions predict -o classifier.svg\n"
                  "  ingot dump net.mlir --phase simplify --elide -1 -o simplified.mlir");
  command->callback([arguments] { dump(*arguments); });
}

} // namespace ingot::cli
