// `ingot compare`: what our code makes of a model beside what a reference makes of it, tensor by
// tensor, and the first node where the two part.
#include "tools/ingot/CompareInputs.h"
#include "tools/ingot/CompiledModel.h"
#include "tools/ingot/Difference.h"
#include "tools/ingot/OnnxEdit.h"
#include "tools/ingot/OnnxRuntime.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace ingot::cli {
namespace {

struct Arguments {
  std::string model, reference, against, record, python = "python3", targetCpu = "host";
  std::vector<std::string> inputs, shapes, sizes;
  uint64_t seed = 0;
  int threads = 0;
  double rtol = 1e-3, atol = 1e-5;
  bool elementwise = false, intermediates = false, json = false;
};

/// What there is to say about one tensor.
struct Row {
  std::string name, type, node, op;
  int order = 0;     ///< of the node
  size_t output = 0; ///< of the function
  Difference difference;
  Shape shape;           ///< of one run
  std::string otherType; ///< of the reference, where it is another
  std::string worstText; ///< "[0, 3] is 1, expected 2"
  bool differs() const { return !otherType.empty() || difference.mismatches > 0; }
};

struct Report {
  std::vector<Row> rows; ///< in the order of the nodes
  std::map<std::string, std::string> skipped;
  std::string reference;
  int64_t steps = 1;
};

/// "[0, 3]", with the run before it where there are several.
std::string placeText(const Shape &shape, int64_t index, int64_t step, bool isStepped) {
  Shape place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    place[axis] = index % std::max<int64_t>(shape[axis], 1);
    index /= std::max<int64_t>(shape[axis], 1);
  }
  return (isStepped ? fmt::format("run {} ", step) : "") + toString(place);
}

/// Where the reference's tensors come from: an archive, or onnxruntime run by run.
class Reference {
public:
  Reference(const Arguments &arguments, const CompiledModel &model) {
    if (!arguments.reference.empty()) {
      archive.emplace(arguments.reference);
      return;
    }
    request.python = arguments.python;
    request.model = arguments.model;
    request.threads = arguments.threads;
    request.outputs = model.outputNames();
    if (!arguments.intermediates)
      return;
    ::onnx::ModelProto proto = loadOnnx(arguments.model, /*isWhole=*/true);
    std::map<std::string, Maker> makers = makersOf(proto.graph());
    std::vector<std::string> names;
    for (const std::string &name : request.outputs)
      if (makers.count(name))
        names.push_back(name);
    addOutputs(*proto.mutable_graph(), names);
    directory.emplace();
    request.model = directory->file("model.onnx");
    saveOnnx(proto, request.model);
  }

  /// Writes the inputs and all that onnxruntime computed; of the last run.
  void save(const std::string &path) const {
    std::vector<std::pair<std::string, TensorView>> arrays = request.inputs;
    std::set<std::string> there;
    for (const auto &[name, tensor] : arrays)
      there.insert(name);
    for (const auto &[name, tensor] : ran.tensors)
      if (there.insert(name).second)
        arrays.emplace_back(name, tensor);
    check(data::writeNpz(path, arrays));
  }

  const ReferenceArchive *arrays() const { return archive ? &*archive : nullptr; }

  void prepare(const CompiledModel &model, const std::vector<TensorView> &inputs, Report &report) {
    if (archive) {
      report.reference = archive->path();
      return;
    }
    request.inputs.clear();
    for (size_t i = 0; i < inputs.size(); ++i)
      request.inputs.emplace_back(model.function().inputs[i].name, inputs[i]);
    ran = runOnnxRuntime(request);
    report.skipped.insert(ran.skipped.begin(), ran.skipped.end());
    report.reference = "onnxruntime " + ran.version;
  }

  /// The tensor for an output in run `step`; nothing, with the reason in the report, where there is
  /// none. The view is valid until the next call.
  std::optional<TensorView> find(const std::string &name, const Tensor &like, int64_t step,
                                 bool isStepped, Report &report) {
    if (!archive) {
      auto it = ran.tensors.find(name);
      if (it != ran.tensors.end())
        return it->second;
      report.skipped.emplace(name, "onnxruntime does not give it");
      return std::nullopt;
    }
    if (!kept.count(name))
      if (std::optional<Tensor> found = archive->find("out/", name, like.dtype()))
        kept[name] = std::move(*found);
    auto it = kept.find(name);
    if (it == kept.end()) {
      report.skipped.emplace(name, "the reference has no array of that name");
      return std::nullopt;
    }
    const Tensor &tensor = it->second;
    bool hasSteps = isStepped && tensor.rank() == like.rank() + 1 && step < tensor.dim(0);
    return hasSteps ? sliceOf(tensor, step) : TensorView(tensor);
  }

private:
  std::optional<ReferenceArchive> archive;
  std::map<std::string, Tensor> kept;
  OnnxRuntimeRequest request;
  OnnxRuntimeResult ran;
  std::optional<TemporaryDirectory> directory;
};

Shape shapeOf(const TensorView &view) { return Shape(view.dims, view.dims + view.rank); }

/// Text is the same or not: no element is far from another.
void compareTexts(Row &row, const Tensor &actual, const TensorView &expected, int64_t step,
                  bool isStepped) {
  for (int64_t i = 0, count = elementCount(expected); i < count; ++i) {
    if (textAt(actual, i) == textAt(expected, i))
      continue;
    if (row.difference.mismatches++ == 0)
      row.worstText = fmt::format("{} is {}, expected {}", placeText(row.shape, i, step, isStepped),
                                  elementText(actual, i), elementText(expected, i));
  }
}

void compareTensor(Row &row, const Tensor &actual, const TensorView &expected, int64_t step,
                   const Arguments &arguments, bool isStepped) {
  row.type = describe(actual);
  row.shape = actual.shape();
  if (actual.dtype() != expected.dtype || actual.shape() != shapeOf(expected)) {
    row.otherType = describe(expected);
    return;
  }
  if (actual.dtype() == DType::String)
    return compareTexts(row, actual, expected, step, isStepped);
  Difference d =
      differenceOf(actual, expected, {arguments.rtol, arguments.atol, arguments.elementwise});
  bool hadMismatch = row.difference.mismatches > 0;
  merge(row.difference, d, step);
  if (row.difference.worstStep == step && d.worstIndex >= 0 && (d.mismatches > 0 || !hadMismatch))
    row.worstText = fmt::format("{} is {:.9g}, expected {:.9g}",
                                placeText(row.shape, d.worstIndex, step, isStepped),
                                elementAt(actual, d.worstIndex), elementAt(expected, d.worstIndex));
}

/// The names of outputs in the order of the nodes that make them.
std::vector<Row> makeRows(const Arguments &arguments, const CompiledModel &model) {
  std::map<std::string, Maker> makers;
  if (hasExtension(arguments.model, ".onnx"))
    makers = makersOf(loadOnnx(arguments.model).graph());
  std::vector<Row> rows;
  for (const std::string &name : model.outputNames()) {
    Row row;
    row.name = name;
    row.output = rows.size();
    // The tensors of a sequence are called `name[0]`, `name[1]`.
    auto maker = makers.find(makers.count(name) ? name : name.substr(0, name.find('[')));
    if (maker != makers.end()) {
      row.node = maker->second.name;
      row.op = maker->second.op;
      row.order = maker->second.node;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Report compareAll(const Arguments &arguments) {
  LoadOptions options;
  options.shapes = parseShapes(arguments.shapes);
  options.intermediates = arguments.intermediates;
  CompiledModel model(arguments.model, options, arguments.targetCpu, arguments.threads);
  Reference reference(arguments, model);
  InputSources sources{reference.arrays(), arguments.inputs, arguments.sizes, arguments.seed,
                       /*mayMakeUp=*/arguments.reference.empty()};
  ModelInputs inputs = gatherInputs(model.function(), sources);
  Report report;
  report.steps = inputs.steps;
  report.rows = makeRows(arguments, model);
  for (int64_t step = 0; step < inputs.steps; ++step) {
    std::vector<TensorView> views = inputs.ofStep(step);
    model.run(views);
    reference.prepare(model, views, report);
    if (!arguments.record.empty())
      reference.save(arguments.record);
    for (size_t i = 0; i < report.rows.size(); ++i)
      if (auto expected =
              reference.find(report.rows[i].name, model.output(i), step, inputs.isStepped, report))
        compareTensor(report.rows[i], model.output(i), *expected, step, arguments,
                      inputs.isStepped);
  }
  llvm::erase_if(report.rows, [](const Row &row) { return row.type.empty(); });
  llvm::sort(report.rows, [](const Row &l, const Row &r) {
    return std::pair(l.order, l.output) < std::pair(r.order, r.output);
  });
  if (report.rows.empty())
    throw Failure(kInput,
                  "there is nothing to compare: " + report.reference +
                      " has none of the model's outputs",
                  reference.arrays() ? "its arrays are: " + joined(reference.arrays()->names())
                  : report.skipped.empty()
                      ? ""
                      : report.skipped.begin()->first + ": " + report.skipped.begin()->second);
  return report;
}

// --- Output

Json numberJson(double value) {
  return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
}

Json worstJson(const Row &row, const Worst &worst, int64_t steps) {
  Json json = {{"value", numberJson(worst.value)}, {"index", nullptr}};
  if (worst.index < 0)
    return json;
  json["index"] = Json::array();
  int64_t rest = worst.index;
  std::vector<int64_t> place(row.shape.size());
  for (size_t axis = place.size(); axis-- > 0; rest /= row.shape[axis])
    place[axis] = rest % row.shape[axis];
  json["index"] = place;
  if (steps > 1)
    json["run"] = worst.step;
  return json;
}

Json rowJson(const Row &row, int64_t steps) {
  const Difference &d = row.difference;
  Json json = {{"name", row.name},
               {"node", row.node},
               {"op", row.op},
               {"type", row.type},
               {"equal", !row.differs()}};
  if (!row.otherType.empty()) {
    json["reference_type"] = row.otherType;
    return json;
  }
  json["max_abs"] = worstJson(row, d.absolute, steps);
  json["max_rel"] = worstJson(row, d.relative, steps);
  json["max_ulp"] = worstJson(row, d.ulp, steps);
  json["of_largest"] = numberJson(d.ofLargest);
  json["nan_mismatches"] = d.nanCount;
  json["mismatches"] = d.mismatches;
  return json;
}

const Row *firstDifference(const Report &report) {
  for (const Row &row : report.rows)
    if (row.differs())
      return &row;
  return nullptr;
}

void printJson(const Report &report, const Arguments &arguments) {
  Json tensors = Json::array(), skipped = Json::array();
  for (const Row &row : report.rows)
    tensors.push_back(rowJson(row, report.steps));
  for (const auto &[name, reason] : report.skipped)
    skipped.push_back({{"name", name}, {"reason", reason}});
  const Row *first = firstDifference(report);
  Json json = {{"model", arguments.model},
               {"reference", report.reference},
               {"runs", report.steps},
               {"intermediates", arguments.intermediates},
               {"rtol", arguments.rtol},
               {"atol", arguments.atol},
               {"equal", first == nullptr},
               {"first_difference", first ? rowJson(*first, report.steps) : Json(nullptr)},
               {"tensors", tensors},
               {"not_compared", skipped}};
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string nodeText(const Row &row) {
  return row.node.empty() ? "" : fmt::format("{} ({})", row.node, row.op);
}

void printTable(const Report &report) {
  size_t nameWidth = 6, typeWidth = 4;
  for (const Row &row : report.rows) {
    nameWidth = std::max(nameWidth, row.name.size());
    typeWidth = std::max(typeWidth, row.type.size());
  }
  fmt::print("{:<{}}  {:<{}}  {:>9}  {:>9}  {:>9}  {}\n", "tensor", nameWidth, "type", typeWidth,
             "max abs", "max rel", "max ulp", "node");
  for (const Row &row : report.rows) {
    const Difference &d = row.difference;
    std::string marks = nodeText(row);
    if (d.nanCount > 0)
      marks += fmt::format("  NaN or infinite on one side: {}", d.nanCount);
    if (!row.otherType.empty())
      marks += "  DIFFERS: the reference has " + row.otherType;
    else if (row.differs())
      marks += "  DIFFERS: " + row.worstText;
    fmt::print("{:<{}}  {:<{}}  {:>9.3g}  {:>9.3g}  {:>9.6g}  {}\n", row.name, nameWidth, row.type,
               typeWidth, d.absolute.value, d.relative.value, d.ulp.value, marks);
  }
  for (const auto &[name, reason] : report.skipped)
    fmt::print("not compared: {}: {}\n", name, reason);
}

/// The exit code's message: the first node that differs, and how many others do.
void throwMismatch(const Report &report, const Arguments &arguments) {
  const Row *first = firstDifference(report);
  if (!first)
    return;
  Message message;
  std::string place = first->node.empty() ? "output `" + first->name + "`"
                                          : fmt::format("node `{}` ({}): `{}`", first->node,
                                                        first->op, first->name);
  message.text = !first->otherType.empty() ? fmt::format("{} is {}, the reference has {}", place,
                                                         first->type, first->otherType)
                                           : fmt::format("{} differs: {}", place, first->worstText);
  message.where = arguments.model;
  if (first->otherType.empty())
    message.notes.push_back(fmt::format(
        "{} of its elements are beyond rtol {:.3g}{} and atol {:.3g}", first->difference.mismatches,
        arguments.rtol, arguments.elementwise ? "" : " of the largest value", arguments.atol));
  size_t others = llvm::count_if(report.rows, [](const Row &row) { return row.differs(); }) - 1;
  message.notes.push_back(
      arguments.intermediates
          ? fmt::format("it is the first in the order of nodes; {} more differ", others)
          : fmt::format("{} more outputs differ", others));
  if (!arguments.intermediates && hasExtension(arguments.model, ".onnx"))
    message.help = "--intermediates finds the first node that differs";
  throw Failure(kMismatch, {message});
}

void checkArguments(const Arguments &arguments) {
  bool isOnnx = hasExtension(arguments.model, ".onnx");
  if (arguments.reference.empty() == arguments.against.empty())
    throw Failure(kUsage, "say what to compare with",
                  "either --reference FILE.npz or --against onnxruntime");
  if (!arguments.reference.empty() && !hasExtension(arguments.reference, ".npz"))
    throw Failure(kUsage, "`" + arguments.reference + "` for --reference is no .npz file");
  if (!arguments.record.empty() &&
      (arguments.against.empty() || !hasExtension(arguments.record, ".npz")))
    throw Failure(kUsage, "--record takes an .npz file and goes with --against");
  for (const auto &[option, isGiven] :
       {std::pair("--against onnxruntime", !arguments.against.empty()),
        std::pair("--intermediates", arguments.intermediates)})
    if (isGiven && !isOnnx)
      throw Failure(kUsage, std::string(option) + " is for .onnx models");
}

void compareCommand(const Arguments &arguments) {
  checkArguments(arguments);
  Report report = compareAll(arguments);
  if (arguments.json)
    printJson(report, arguments);
  else
    printTable(report);
  throwMismatch(report, arguments);
  fmt::print(stderr, "equal to {} within rtol {:.3g}{} and atol {:.3g}: {} tensors{}\n",
             report.reference, arguments.rtol, arguments.elementwise ? "" : " of the largest value",
             arguments.atol, report.rows.size(),
             report.steps > 1 ? fmt::format(", {} runs", report.steps) : "");
}

} // namespace

void addCompare(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command =
      app.add_subcommand("compare", "Compare a model's results with a reference, tensor by tensor");
  command->add_option("MODEL", arguments->model, "An .onnx file, a model directory or a .mlir file")
      ->required();
  command->add_option("--reference", arguments->reference,
                      "Archive of inputs and expected tensors by name (.npz)");
  command->add_option("--against", arguments->against, "Run this on the same model")
      ->check(CLI::IsMember({"onnxruntime"}));
  command->add_option("--record", arguments->record,
                      "Write inputs and the tensors of --against: a --reference for later (.npz)");
  command->add_option("--python", arguments->python, "The Python that has onnxruntime")
      ->capture_default_str();
  command->add_flag("--intermediates", arguments->intermediates,
                    "Also every tensor between nodes, each stored: kernels are other ones then");
  command->add_option("--input", arguments->inputs,
                      "NAME=@FILE.npy or NAME=@FILE.npz[:KEY]; @FILE.npz has inputs by name");
  command->add_option("--shape", arguments->shapes,
                      "As for compile: NAME=SIZE fixes a dimension, NAME=SIZES an input's shape");
  command->add_option("--size", arguments->sizes,
                      "NAME=SIZE: of a dimension that stays dynamic, for inputs that are made up");
  command->add_option("--seed", arguments->seed, "Of inputs that are made up")
      ->capture_default_str();
  addTolerances(*command, arguments->rtol, arguments->atol);
  command->add_flag("--elementwise", arguments->elementwise,
                    "--rtol is over each element's own value, as in numpy.allclose");
  command->add_option("--target-cpu", arguments->targetCpu, "As for compile, one level")
      ->capture_default_str();
  addThreads(*command, arguments->threads);
  command->add_flag("--json", arguments->json, "The report as JSON");
  command->footer(
      "Examples:\n"
      "  ingot compare model.onnx --against onnxruntime\n"
      "  ingot compare model.onnx --against onnxruntime --intermediates --size batch=2\n"
      "  ingot compare model.onnx --reference ref.npz --rtol 1e-4\n"
      "  ingot compare model.onnx --against onnxruntime --input x=@image.npy --json");
  command->callback([arguments] { compareCommand(*arguments); });
}

} // namespace ingot::cli
