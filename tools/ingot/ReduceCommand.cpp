// `ingot reduce`: the smallest part of a failing ONNX model that still fails in the same way. Every
// candidate is tried by a process of its own, so that a crash is a failure like others.
#include "ingot/data/Npy.h"
#include "tools/ingot/ChildProcess.h"
#include "tools/ingot/LoadModel.h"
#include "tools/ingot/OnnxEdit.h"
#include "tools/ingot/OnnxTensors.h"
#include "tools/ingot/ReduceModel.h"
#include "tools/ingot/TensorFile.h"
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <regex>
#include <sstream>

namespace ingot::cli {
namespace {

struct Arguments {
  std::string model, output, command, against, python = "python3";
  std::vector<std::string> inputs, sizes, shapes;
  uint64_t seed = 0;
  double rtol = 1e-3, atol = 1e-5, timeLimit = 600, runLimit = 60;
  bool elementwise = false, json = false;
};

/// How a run failed: what must stay the same.
struct FailureKind {
  int code = 0;
  bool timedOut = false;
  std::string reason; ///< the first message without names of this model and numbers
  std::string line;   ///< that message as it was
  bool operator==(const FailureKind &other) const {
    return code == other.code && timedOut == other.timedOut && reason == other.reason;
  }
  bool isFailure() const { return code != 0 || timedOut; }
};

/// The line that says what is wrong: the first that begins with `error:`, else the last.
std::string messageLine(const std::string &text) {
  constexpr size_t longest = 1000;
  std::istringstream lines(text);
  std::string line, last;
  while (std::getline(lines, line)) {
    if (line.rfind("error: ", 0) == 0 || line.rfind("internal error: ", 0) == 0)
      return line.substr(0, longest);
    if (line.find_first_not_of(' ') != std::string::npos)
      last = line;
  }
  return last.substr(0, longest);
}

void replaceAll(std::string &text, const std::string &from, const std::string &to) {
  for (size_t at = 0; !from.empty() && (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
}

/// Runs candidates, and says whether they fail as the model given does.
class Oracle {
public:
  Oracle(const Arguments &arguments, const ::onnx::ModelProto &model)
      : arguments(arguments), start(std::chrono::steady_clock::now()) {
    for (const ::onnx::NodeProto &node : model.graph().node()) {
      names.insert(nodeTitle(node));
      names.insert(node.output().begin(), node.output().end());
    }
    names.erase("");
    std::filesystem::create_directory(directory.file("tmp"));
  }

  double secondsLeft() const {
    std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    return arguments.timeLimit - passed.count();
  }
  double seconds() const { return arguments.timeLimit - secondsLeft(); }

  FailureKind run(const Candidate &candidate) {
    ++runs;
    std::string file = directory.file("candidate.onnx");
    saveOnnx(candidate.model, file);
    if (!arguments.against.empty())
      saveValues(candidate, directory.file("candidate.npz"));
    ChildResult ran = child(commandFor(file, !candidate.values.empty()));
    return kindOf(ran, file);
  }

  bool fails(const Candidate &candidate, const FailureKind &wanted) {
    if (secondsLeft() <= 0) {
      isTimeUp = true;
      return false;
    }
    if (!(run(candidate) == wanted))
      return false;
    int nodes = candidate.model.graph().node_size();
    if (nodes != lastNodes)
      fmt::print(stderr, "{} nodes after {} runs\n", nodes, runs);
    lastNodes = nodes;
    return true;
  }

  /// What `ingot inspect` knows of types in the model.
  TensorTypes types(const ::onnx::ModelProto &model) {
    saveOnnx(model, directory.file("typed.onnx"));
    ChildResult ran =
        child({self(), "inspect", directory.file("typed.onnx"), "--tensors", "--json"});
    Json json = Json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
    TensorTypes types;
    if (!json.is_object() || !json.contains("tensors"))
      return types;
    for (const Json &tensor : json["tensors"])
      types[tensor["name"]] = typeOf(tensor);
    return types;
  }

  /// Values of all tensors, as onnxruntime computes them.
  std::map<std::string, std::shared_ptr<const Tensor>> record() {
    std::string file = directory.file("recorded.npz");
    std::vector<std::string> words = compareCommand(arguments.model);
    for (const char *word : {"--intermediates", "--record", file.c_str(), "--seed"})
      words.push_back(word);
    words.push_back(std::to_string(arguments.seed));
    for (const auto &[option, list] :
         {std::pair("--input", &arguments.inputs), std::pair("--size", &arguments.sizes),
          std::pair("--shape", &arguments.shapes)})
      for (const std::string &value : *list) {
        words.push_back(option);
        words.push_back(value);
      }
    ChildResult ran = child(words);
    if (!std::filesystem::exists(file))
      throw Failure(kInput, "the model's tensors cannot be recorded: " + messageLine(ran.err),
                    "see `ingot compare " + arguments.model + " --against " + arguments.against +
                        " --intermediates`");
    std::map<std::string, std::shared_ptr<const Tensor>> values;
    for (auto &[name, tensor] : check(data::readNpz(file)))
      values[name] = std::make_shared<const Tensor>(std::move(tensor));
    return values;
  }

  static void saveValues(const Candidate &candidate, const std::string &path) {
    std::vector<std::pair<std::string, TensorView>> arrays;
    for (const auto &[name, tensor] : candidate.values)
      arrays.emplace_back(name, *tensor);
    check(data::writeNpz(path, arrays));
  }

  /// The command that shows the failure of a file.
  std::string showCommand(const std::string &model, const std::string &values) const {
    if (!arguments.command.empty())
      return shellCommand(model);
    if (arguments.against.empty())
      return "ingot compile " + model;
    return fmt::format("ingot compare {} --against {} --input @{}", model, arguments.against,
                       values);
  }

  int runs = 0;
  bool isTimeUp = false;

private:
  static std::string self() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

  static ::onnx::TypeProto typeOf(const Json &tensor) {
    ::onnx::TypeProto type;
    type.mutable_tensor_type()->set_elem_type(onnxTypeNamed(tensor["dtype"]));
    auto *shape = type.mutable_tensor_type()->mutable_shape();
    for (const Json &dim : tensor["shape"])
      if (dim.is_number())
        shape->add_dim()->set_dim_value(dim);
      else
        shape->add_dim()->set_dim_param(dim.get<std::string>());
    return type;
  }

  std::string shellCommand(const std::string &model) const {
    std::string text = arguments.command;
    replaceAll(text, "{}", "'" + model + "'");
    return text;
  }

  std::vector<std::string> compareCommand(const std::string &model) const {
    std::vector<std::string> words = {self(),
                                      "compare",
                                      model,
                                      "--against",
                                      arguments.against,
                                      "--python",
                                      arguments.python,
                                      "--rtol",
                                      fmt::format("{}", arguments.rtol),
                                      "--atol",
                                      fmt::format("{}", arguments.atol)};
    if (arguments.elementwise)
      words.push_back("--elementwise");
    return words;
  }

  std::vector<std::string> commandFor(const std::string &file, bool hasValues) const {
    if (!arguments.command.empty())
      return {"sh", "-c", shellCommand(file)};
    if (arguments.against.empty())
      return {self(), "compile", file, "-o", directory.file("candidate.so")};
    std::vector<std::string> words = compareCommand(file);
    if (hasValues) {
      words.push_back("--input");
      words.push_back("@" + directory.file("candidate.npz"));
    }
    return words;
  }

  ChildResult child(const std::vector<std::string> &words) const {
    double limit = std::max(0.1, std::min(arguments.runLimit, secondsLeft()));
    // What a crash leaves behind goes with our directory.
    return runChild(words, limit, {"TMPDIR=" + directory.file("tmp"), "NO_COLOR=1"});
  }

  FailureKind kindOf(const ChildResult &ran, const std::string &file) const {
    FailureKind kind{ran.timedOut ? 0 : ran.code, ran.timedOut, "", ""};
    if (ran.timedOut || ran.code <= 0) // after a signal the last line is chance
      return kind;
    kind.line = messageLine(ran.err.empty() ? ran.out : ran.err);
    // Results that differ are one kind: which output is the last one changes with every cut.
    if (arguments.command.empty() && ran.code == kMismatch)
      return kind;
    std::string text = kind.line;
    replaceAll(text, file, "MODEL");
    for (const std::string &name : names)
      for (char quote : {'`', '\'', '"'})
        replaceAll(text, quote + name + quote, "_");
    static const std::regex layer("layer _: "), nodes(" \\([0-9]+ nodes?: .*\\)$"),
        numbers("-?\\b([0-9][0-9.eE+-]*|nan|inf)\\b");
    text = std::regex_replace(text, layer, "");
    text = std::regex_replace(text, nodes, "");
    kind.reason = std::regex_replace(text, numbers, "#");
    return kind;
  }

  const Arguments &arguments;
  std::chrono::steady_clock::time_point start;
  TemporaryDirectory directory;
  std::set<std::string> names;
  int lastNodes = -1;
};

std::string kindText(const FailureKind &kind, double runLimit) {
  if (kind.timedOut)
    return fmt::format("takes longer than {:.3g} s", runLimit);
  if (kind.code < 0)
    return fmt::format("ends with signal {}", -kind.code);
  return fmt::format("exit code {}, {}", kind.code, kind.line);
}

/// --shape as a change of the model's inputs, so that it holds in every part of it.
void applyShapes(::onnx::GraphProto &graph, const std::map<std::string, std::string> &shapes) {
  for (auto &input : *graph.mutable_input()) {
    auto *shape = input.mutable_type()->mutable_tensor_type()->mutable_shape();
    if (auto whole = shapes.find(input.name()); whole != shapes.end()) {
      shape->clear_dim();
      llvm::SmallVector<llvm::StringRef> parts;
      llvm::StringRef(whole->second).split(parts, ',');
      for (llvm::StringRef part : parts) {
        int64_t size = 0;
        if (part.trim().getAsInteger(10, size))
          shape->add_dim()->set_dim_param(part.trim().str());
        else
          shape->add_dim()->set_dim_value(size);
      }
      continue;
    }
    int axis = 0;
    for (auto &dim : *shape->mutable_dim()) {
      std::string unnamed = input.name() + "_dim" + std::to_string(axis++);
      auto named = shapes.find(dim.dim_param().empty() ? unnamed : dim.dim_param());
      int64_t size = 0;
      if (!dim.has_dim_value() && named != shapes.end() &&
          !llvm::StringRef(named->second).getAsInteger(10, size))
        dim.set_dim_value(size);
    }
  }
}

void report(const Arguments &arguments, const Oracle &oracle, const ModelReducer &reducer,
            const FailureKind &kind, int nodesBefore) {
  const ::onnx::GraphProto &graph = reducer.best().model.graph();
  std::string values = stemOf(arguments.output) + ".npz";
  std::string show = oracle.showCommand(
      arguments.output, (std::filesystem::path(arguments.output).parent_path() / values).string());
  Json nodes = Json::array();
  for (const ::onnx::NodeProto &node : graph.node())
    nodes.push_back({{"name", nodeTitle(node)}, {"op", node.op_type()}});
  if (arguments.json) {
    Json json = {{"path", arguments.output},
                 {"nodes", nodes},
                 {"nodes_before", nodesBefore},
                 {"runs", oracle.runs},
                 {"seconds", oracle.seconds()},
                 {"time_is_up", oracle.isTimeUp},
                 {"failure", kindText(kind, arguments.runLimit)},
                 {"show", show}};
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print(stderr, "{}: {} of {} nodes are left after {} runs in {:.1f} s{}\n", arguments.output,
             graph.node_size(), nodesBefore, oracle.runs, oracle.seconds(),
             oracle.isTimeUp ? "; the time was up (--time-limit)" : "");
  constexpr int most = 10;
  for (int i = 0; i < std::min(most, graph.node_size()); ++i)
    fmt::print(stderr, "  node     {} ({})\n", nodeTitle(graph.node(i)), graph.node(i).op_type());
  fmt::print(stderr, "  failure  {}\n  see      {}\n", kindText(kind, arguments.runLimit), show);
}

void reduce(Arguments &arguments) {
  if (!arguments.command.empty() && !arguments.against.empty())
    throw Failure(kUsage, "--while-fails and --against exclude each other");
  if (!arguments.command.empty() && arguments.command.find("{}") == std::string::npos)
    throw Failure(kUsage, "the command of --while-fails does not say where the model goes",
                  "write {} there, as in --while-fails 'ingot compile {}'");
  if (arguments.output.empty())
    arguments.output = stemOf(arguments.model) + "-reduced.onnx";
  std::error_code ignored;
  if (std::filesystem::equivalent(arguments.model, arguments.output, ignored))
    throw Failure(kUsage, "the output would overwrite the model");
  Candidate whole{loadOnnx(arguments.model, /*isWhole=*/true), {}};
  Oracle oracle(arguments, whole.model);
  std::map<std::string, std::shared_ptr<const Tensor>> recorded;
  if (!arguments.against.empty())
    recorded = oracle.record();
  applyShapes(*whole.model.mutable_graph(), parseShapes(arguments.shapes));
  for (const auto &input : whole.model.graph().input())
    if (auto value = recorded.find(input.name()); value != recorded.end())
      whole.values.insert(*value);
  const int nodesBefore = whole.model.graph().node_size();
  FailureKind kind = oracle.run(whole);
  if (!kind.isFailure())
    throw Failure(kInput, "`" + arguments.model + "` does not fail: there is nothing to reduce",
                  arguments.command.empty() && arguments.against.empty()
                      ? "it compiles; --against onnxruntime looks at its results, --while-fails "
                        "'COMMAND {}' at whatever you like"
                      : "");
  fmt::print(stderr, "{} nodes: {}\n", nodesBefore, kindText(kind, arguments.runLimit));
  ModelReducer reducer(std::move(whole), std::move(recorded),
                       {[&](const Candidate &candidate) { return oracle.fails(candidate, kind); },
                        [&](const ::onnx::ModelProto &model) { return oracle.types(model); }});
  reducer.reduce();
  saveOnnx(reducer.best().model, arguments.output);
  if (!arguments.against.empty())
    Oracle::saveValues(reducer.best(),
                       std::filesystem::path(arguments.output).replace_extension(".npz").string());
  report(arguments, oracle, reducer, kind, nodesBefore);
}

} // namespace

void addReduce(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("reduce", "Cut a failing ONNX model down to what fails");
  command->add_option("MODEL", arguments->model, "An .onnx file; it stays as it is")->required();
  command->add_option("-o,--output", arguments->output,
                      "File to write; default MODEL-reduced.onnx here");
  command->add_option("--while-fails", arguments->command,
                      "Shell command that fails, {} being the model; default: compiling it");
  command->add_option("--against", arguments->against, "Fails when `ingot compare` with this does")
      ->check(CLI::IsMember({"onnxruntime"}));
  command->add_option("--python", arguments->python, "The Python that has onnxruntime")
      ->capture_default_str();
  command->add_option("--input", arguments->inputs, "With --against: as for compare");
  command->add_option("--size", arguments->sizes, "With --against: as for compare");
  command->add_option("--shape", arguments->shapes, "Sizes of inputs, as for compile");
  command->add_option("--seed", arguments->seed, "With --against: as for compare")
      ->capture_default_str();
  addTolerances(*command, arguments->rtol, arguments->atol, "With --against: as for compare");
  command->add_flag("--elementwise", arguments->elementwise, "With --against: as for compare");
  command
      ->add_option("--time-limit", arguments->timeLimit, "Seconds; what is smallest then is kept")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--run-limit", arguments->runLimit,
                   "Seconds after which one run counts as a failure of its own kind")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "What is left, as JSON");
  command->footer("Examples:\n"
                  "  ingot reduce model.onnx -o small.onnx\n"
                  "  ingot reduce model.onnx --against onnxruntime -o small.onnx\n"
                  "  ingot reduce model.onnx --while-fails 'python3 check.py {}'");
  command->callback([arguments] { reduce(*arguments); });
}

} // namespace ingot::cli
