// `ingot quantize`: an ONNX model with its convolutions and matrix products on integers of 8 bits,
// ranges from samples, and how much of each tensor's signal is left.
#include "tools/ingot/QuantizeCommand.h"
#include "tools/ingot/Calibration.h"
#include "tools/ingot/CalibrationData.h"
#include "tools/ingot/CompiledModel.h"
#include "tools/ingot/OnnxEdit.h"
#include "tools/ingot/QuantizeOnnx.h"
#include <cmath>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

struct Arguments {
  std::string model, output, method = "minmax", activations = "u8";
  std::vector<std::string> data;
  QuantizeOptions options;
  double percentile = 99.99;
  int64_t samples = 0;
  int threads = 0;
  bool json = false;
};

/// What there is to say about one tensor.
struct Row {
  QuantizedTensor tensor;
  Range range, seen;
  double decibels = 0;
};

struct Report {
  std::vector<Row> rows;
  std::vector<std::pair<std::string, double>> outputs; ///< of the model, and their decibels
  size_t nodes = 0;
  int64_t samples = 0;
};

RangeMethod methodNamed(const std::string &name) {
  return name == "minmax"       ? RangeMethod::MinMax
         : name == "percentile" ? RangeMethod::Percentile
                                : RangeMethod::Entropy;
}

/// Positions of tensors among a model's outputs, or inputs: where to look after a run.
class Observed {
public:
  Observed(CompiledModel &model) : model(model) {
    std::vector<std::string> outputs = model.outputNames(), inputs = model.inputNames();
    for (size_t i = 0; i < outputs.size(); ++i)
      outputOf[outputs[i]] = i;
    for (size_t i = 0; i < inputs.size(); ++i)
      inputOf[inputs[i]] = i;
  }
  /// The tensor of this name in the run with these inputs; throws Failure where it is none.
  TensorView at(const std::string &name, const std::vector<TensorView> &inputs) const {
    if (auto it = outputOf.find(name); it != outputOf.end())
      return model.output(it->second);
    if (auto it = inputOf.find(name); it != inputOf.end())
      return inputs[it->second];
    throw Failure(kInternal, "the tensor `" + name + "` is no output of the model that was made");
  }

private:
  CompiledModel &model;
  std::map<std::string, size_t> outputOf, inputOf;
};

/// Compiles a model that is no file yet.
std::unique_ptr<CompiledModel> compiled(const ::onnx::ModelProto &model, int threads) {
  TemporaryDirectory directory;
  std::string path = directory.file("model.onnx");
  saveOnnx(model, path);
  return std::make_unique<CompiledModel>(path, LoadOptions(), "host", threads);
}

void checkIsFloat(const QuantizedTensor &tensor, const TensorView &values) {
  if (values.dtype != DType::F32)
    throw Failure(kInput,
                  fmt::format("`{}`, made by node `{}` ({}), is {}; only f32 is quantized",
                              tensor.name, tensor.node, tensor.op, describe(values)),
                  "leave out the nodes that read it: --skip NODE");
}

/// Ranges of all tensors: one pass over the samples for extremes, one for histograms.
void findRanges(const QuantizationPlan &plan, const Arguments &arguments, Report &report) {
  auto model = compiled(plan.observed(), arguments.threads);
  Observed observed(*model);
  CalibrationData data(model->function(), arguments.data, arguments.samples);
  report.samples = data.sampleCount();
  std::vector<RangeFinder> finders(plan.tensors().size());
  RangeMethod method = methodNamed(arguments.method);
  auto visitAll = [&](void (RangeFinder::*visit)(const TensorView &)) {
    data.forEachRun([&](const std::vector<TensorView> &inputs) {
      model->run(inputs);
      for (size_t i = 0; i < finders.size(); ++i) {
        TensorView values = observed.at(plan.tensors()[i].name, inputs);
        checkIsFloat(plan.tensors()[i], values);
        (finders[i].*visit)(values);
      }
    });
  };
  visitAll(&RangeFinder::observe);
  if (method != RangeMethod::MinMax)
    visitAll(&RangeFinder::count);
  for (size_t i = 0; i < finders.size(); ++i)
    report.rows.push_back({plan.tensors()[i], finders[i].range(method, arguments.percentile),
                           finders[i].extremes(), 0});
  for (Row &row : report.rows) // makers come first
    for (const Row &source : report.rows)
      if (source.tensor.name == row.tensor.like)
        row.range = source.range;
}

/// Runs both models on the samples.
void measureNoise(const QuantizationPlan &plan, const ::onnx::ModelProto &quantized,
                  const Arguments &arguments, Report &report) {
  ::onnx::ModelProto shown = quantized;
  std::vector<std::string> names;
  for (const QuantizedTensor &tensor : plan.tensors())
    names.push_back(QuantizationPlan::dequantizedName(tensor.name));
  addOutputs(*shown.mutable_graph(), names);
  auto exact = compiled(plan.observed(), arguments.threads),
       rounded = compiled(shown, arguments.threads);
  Observed ofExact(*exact), ofRounded(*rounded);
  CalibrationData data(exact->function(), arguments.data, arguments.samples);
  std::vector<NoiseMeter> meters(report.rows.size());
  std::map<std::string, NoiseMeter> outputs;
  data.forEachRun([&](const std::vector<TensorView> &inputs) {
    exact->run(inputs);
    rounded->run(inputs);
    for (size_t i = 0; i < meters.size(); ++i)
      meters[i].add(ofExact.at(report.rows[i].tensor.name, inputs), ofRounded.at(names[i], inputs));
    for (const std::string &name : plan.outputs())
      if (TensorView values = ofExact.at(name, inputs); isFloat(values.dtype))
        outputs[name].add(values, ofRounded.at(name, inputs));
  });
  for (size_t i = 0; i < meters.size(); ++i)
    report.rows[i].decibels = meters[i].decibels();
  for (const auto &[name, meter] : outputs)
    report.outputs.emplace_back(name, meter.decibels());
}

// --- Output

std::string decibelText(double decibels) {
  return std::isfinite(decibels) ? fmt::format("{:.1f}", decibels) : "exact";
}

void printTable(const Report &report, const Arguments &arguments) {
  size_t width = 6;
  for (const Row &row : report.rows)
    width = std::max(width, row.tensor.name.size());
  fmt::print("{:<{}}  {:>10}  {:>10}  {:>10}  {:>10}  {:>7}  {}\n", "tensor", width, "least",
             "largest", "from", "to", "SQNR dB", "node");
  for (const Row &row : report.rows)
    fmt::print("{:<{}}  {:>10.4g}  {:>10.4g}  {:>10.4g}  {:>10.4g}  {:>7}  {}\n", row.tensor.name,
               width, row.seen.low, row.seen.high, row.range.low, row.range.high,
               decibelText(row.decibels),
               row.tensor.node.empty() ? "(input)"
                                       : fmt::format("{} ({})", row.tensor.node, row.tensor.op));
  for (const auto &[name, decibels] : report.outputs)
    fmt::print("output {}: {} dB\n", name, decibelText(decibels));
  fmt::print(stderr, "{}: {} nodes on integers, ranges by {} of {} samples\n", arguments.output,
             report.nodes, arguments.method, report.samples);
}

void printJson(const Report &report, const Arguments &arguments) {
  auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json tensors = Json::array(), outputs = Json::array();
  for (const Row &row : report.rows)
    tensors.push_back({{"name", row.tensor.name},
                       {"node", row.tensor.node},
                       {"op", row.tensor.op},
                       {"least", row.seen.low},
                       {"largest", row.seen.high},
                       {"low", row.range.low},
                       {"high", row.range.high},
                       {"sqnr_db", number(row.decibels)}});
  for (const auto &[name, decibels] : report.outputs)
    outputs.push_back({{"name", name}, {"sqnr_db", number(decibels)}});
  Json json = {
      {"model", arguments.model},  {"output", arguments.output},      {"method", arguments.method},
      {"samples", report.samples}, {"quantized_nodes", report.nodes}, {"tensors", tensors},
      {"outputs", outputs}};
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void quantizeCommand(Arguments arguments) {
  if (!hasExtension(arguments.model, ".onnx"))
    throw Failure(kUsage, "`" + arguments.model + "` is no .onnx file");
  if (!(arguments.percentile > 50 && arguments.percentile <= 100))
    throw Failure(kUsage, "--percentile is between 50 and 100");
  if (arguments.output.empty())
    arguments.output = stemOf(arguments.model) + ".int8.onnx";
  arguments.options.signedActivations = arguments.activations == "i8";
  QuantizationPlan plan(loadOnnx(arguments.model, /*isWhole=*/true), arguments.options);
  Report report;
  report.nodes = plan.nodeCount();
  findRanges(plan, arguments, report);
  std::map<std::string, Range> ranges;
  for (const Row &row : report.rows)
    ranges[row.tensor.name] = row.range;
  ::onnx::ModelProto quantized = plan.quantized(ranges);
  measureNoise(plan, quantized, arguments, report);
  saveOnnx(quantized, arguments.output);
  if (arguments.json)
    printJson(report, arguments);
  else
    printTable(report, arguments);
}

} // namespace

void addQuantize(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand(
      "quantize", "Make an ONNX model compute on integers of 8 bits, calibrated on samples");
  command->add_option("MODEL", arguments->model, "An .onnx file with f32 weights")->required();
  command->add_option("-o,--output", arguments->output,
                      "The quantized .onnx file; by default MODEL.int8.onnx, here");
  command
      ->add_option("--data", arguments->data,
                   "Samples: FILE.npz (arrays by input), a directory of .npz or .npy files, or "
                   "NAME=@FILE.npy")
      ->required();
  command->add_option("--samples", arguments->samples, "Take the first so many; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--method", arguments->method,
                   "How ranges follow from samples: minmax, percentile (Wu et al., arXiv "
                   "2004.09602), entropy (Migacz, GTC 2017)")
      ->check(CLI::IsMember({"minmax", "percentile", "entropy"}))
      ->capture_default_str();
  command->add_option("--percentile", arguments->percentile, "Where percentile cuts, in percent")
      ->capture_default_str();
  command->add_option("--activations", arguments->activations, "Their type: u8 or i8")
      ->check(CLI::IsMember({"u8", "i8"}))
      ->capture_default_str();
  command->add_flag("--per-tensor", arguments->options.perTensor,
                    "One scale a weight, instead of one an output channel");
  command->add_flag("--reduce-range", arguments->options.reducedRange,
                    "Weights of 7 bits, for runtimes that add products of bytes in 16 bits");
  command->add_option("--skip", arguments->options.skipped, "A node that stays f32, by its name");
  addThreads(*command, arguments->threads);
  command->add_flag("--json", arguments->json, "The report as JSON");
  command->footer("Examples:\n"
                  "  ingot quantize model.onnx --data samples.npz -o model.int8.onnx\n"
                  "  ingot quantize model.onnx --data images/ --method entropy --skip conv1\n"
                  "  ingot quantize model.onnx --data x=@x.npy --samples 256 --json");
  command->callback([arguments] { quantizeCommand(*arguments); });
}

} // namespace ingot::cli
