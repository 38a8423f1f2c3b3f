// `ingot inspect`: what is in a file, as text or JSON. Each kind of file is read into JSON; the
// text is printed from that, so that both always say the same.
#include "frontends/keras/files/KerasFiles.h"
#include "ingot/Model.h"
#include "ingot/data/Npy.h"
#include "ir/Graph.h"
#include "manifest.pb.h"
#include "runtime/model/Safetensors.h"
#include "tools/ingot/GpuCost.h"
#include "tools/ingot/InspectGpu.h"
#include "tools/ingot/InspectOnnx.h"
#include "tools/ingot/InspectText.h"
#include "tools/ingot/LoadModel.h"
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace ingot::cli {
namespace {

Json shapeJson(const Shape &shape) { return Json(std::vector<int64_t>(shape)); }

// --- Artifacts

Json tensorInfos(const ingot_tensor_info *infos, int64_t count) {
  Json list = Json::array();
  for (int64_t i = 0; i < count; ++i) {
    Json dims = Json::array();
    for (int64_t axis = 0; axis < infos[i].rank; ++axis)
      dims.push_back(infos[i].dims[axis].size >= 0 ? Json(infos[i].dims[axis].size)
                                                   : Json(infos[i].dims[axis].text));
    list.push_back({{"name", infos[i].name},
                    {"dtype", toString(static_cast<DType>(infos[i].dtype))},
                    {"shape", dims}});
  }
  return list;
}

Json functionInfo(const Artifact &artifact, const ingot_function &function) {
  Json carries = Json::array();
  for (const ingot_carry &carry : artifact.carries(function))
    carries.push_back({{"output", function.outputs[carry.output].name},
                       {"input", function.inputs[carry.input].name}});
  Json kernels = Json::array();
  for (int64_t i = 0; i < function.kernel_count; ++i) {
    const ingot_kernel_info &kernel = function.kernels[i];
    kernels.push_back({{"name", kernel.name},
                       {"node", kernel.node},
                       {"flops", kernel.flops},
                       {"bytes", kernel.bytes}});
  }
  return {{"name", function.name},
          {"inputs", tensorInfos(function.inputs, function.input_count)},
          {"outputs", tensorInfos(function.outputs, function.output_count)},
          {"carries", carries},
          {"writes_state", (function.flags & INGOT_FUNCTION_WRITES_STATE) != 0},
          {"arena_bytes", function.arena_formula},
          {"kernels", kernels}};
}

Json variableInfo(const ingot_variable_info &variable) {
  std::vector<int64_t> shape(variable.shape, variable.shape + variable.rank);
  const char *role = variable.flags & INGOT_VARIABLE_OPTIMIZER   ? "optimizer"
                     : variable.flags & INGOT_VARIABLE_CONTROL   ? "control"
                     : variable.flags & INGOT_VARIABLE_TRAINABLE ? "trainable"
                                                                 : "state";
  return {{"name", variable.name},
          {"dtype", toString(static_cast<DType>(variable.dtype))},
          {"shape", shape},
          {"role", role},
          {"bytes", variable.bytes}};
}

Json customOpInfo(const Manifest::CustomOp &op) {
  Json calls = Json::array();
  for (const Manifest::CustomCall &call : op.calls())
    calls.push_back({{"function", call.function()},
                     {"node", call.node()},
                     {"workspace_bytes", call.workspace_bytes()}});
  return {{"name", op.name()},
          {"function", op.function()},
          {"thread_safe", op.thread_safe()},
          {"deterministic", op.deterministic()},
          {"parallel", op.parallel()},
          {"static_data", op.static_data()},
          {"calls", calls},
          {"link", std::vector<std::string>(op.libraries().begin(), op.libraries().end())},
          {"needs", std::vector<std::string>(op.needs().begin(), op.needs().end())}};
}

Json inspectArtifact(const std::string &path, const std::string &symbol) {
  auto artifact = check(Artifact::open(path, symbol));
  const ingot_artifact_table &table = artifact->table();
  Json json = {{"kind", "artifact"},
               {"name", table.name},
               {"abi", fmt::format("{}.{}", table.abi_major, table.abi_minor)},
               {"file_bytes", std::filesystem::file_size(path)},
               {"variant", table.variant}};
  Manifest manifest;
  if (manifest.ParseFromArray(table.manifest, static_cast<int>(table.manifest_bytes))) {
    json["producer"] = manifest.producer();
    json["variants"] =
        std::vector<std::string>(manifest.targets().begin(), manifest.targets().end());
    if (!manifest.custom_ops().empty())
      json["custom_ops"] = Json::array();
    for (const Manifest::CustomOp &op : manifest.custom_ops())
      json["custom_ops"].push_back(customOpInfo(op));
    for (const Manifest::Option &option : manifest.options())
      json["options"][option.name()] = option.value();
  }
  json["state_bytes"] = table.state_bytes;
  json["has_weights"] = artifact->hasWeights();
  json["functions"] = Json::array();
  for (int64_t i = 0; i < table.function_count; ++i)
    json["functions"].push_back(functionInfo(*artifact, table.functions[i]));
  for (int i = 0; i < manifest.functions_size() && i < table.function_count; ++i) {
    const Manifest::Function &function = manifest.functions(i);
    for (const Manifest::Bound &bound : function.bounds())
      json["functions"][i]["bounds"][bound.symbol()] = {bound.least(), bound.most()};
    if (function.has_recomputation())
      json["functions"][i]["recomputation"] = recomputationJson(function.recomputation());
  }
  if (table.derive)
    json["functions"].push_back(functionInfo(*artifact, *table.derive));
  if (Json devices = deviceInfos(table); !devices.empty())
    json["devices"] = devices;
  json["variables"] = Json::array();
  for (int64_t i = 0; i < table.variable_count; ++i)
    json["variables"].push_back(variableInfo(table.variables[i]));
  return json;
}

// --- Models

Json graphFunction(mlir::func::FuncOp function) {
  Json inputs = Json::array(), outputs = Json::array(), ops = Json::object();
  auto name = [&](mlir::StringAttr given, const char *kind, size_t i) {
    return given ? given.str() : kind + std::to_string(i);
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    inputs.push_back(typeInfo(
        name(function.getArgAttrOfType<mlir::StringAttr>(i, "graph.name"), "input_", i), type));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    outputs.push_back(typeInfo(
        name(function.getResultAttrOfType<mlir::StringAttr>(i, "graph.name"), "output_", i), type));
  std::map<std::string, int64_t> counts;
  function.getBody().walk([&](mlir::Operation *op) {
    if (!op->hasTrait<mlir::OpTrait::IsTerminator>())
      ++counts[op->getName().getStringRef().str()];
  });
  for (auto &[op, count] : counts)
    ops[op] = count;
  return {{"name", function.getName().str()},
          {"private", function.isPrivate()},
          {"inputs", inputs},
          {"outputs", outputs},
          {"ops", ops}};
}

Json inspectModel(const std::string &path) {
  LoadedModel model = loadModel(path);
  const bool isFile = model.isSaved && !std::filesystem::is_directory(path);
  Json json = {{"kind", isFile          ? "Keras file"
                        : model.isSaved ? "model directory"
                                        : "module"},
               {"name", stemOf(path)},
               {"functions", Json::array()},
               {"variables", Json::array()}};
  int64_t parameters = 0;
  for (auto function : (*model.module).getOps<mlir::func::FuncOp>())
    json["functions"].push_back(graphFunction(function));
  for (auto variable : (*model.module).getOps<graph::VariableOp>()) {
    Json info = typeInfo(variable.getSymName().str(), variable.getType());
    info["role"] = variable.getRole().str();
    info["has_value"] = variable.getValue().has_value();
    if (variable.getRole() == "trainable" || variable.getRole() == "state")
      parameters += llvm::cast<mlir::RankedTensorType>(variable.getType()).getNumElements();
    json["variables"].push_back(info);
  }
  json["parameters"] = parameters;
  return json;
}

/// What the file says of itself, and the model if it holds one.
Json inspectKeras(const std::string &path) {
  keras::KerasFileInfo info;
  try {
    info = keras::describeKerasFile(path);
  } catch (const std::exception &error) {
    throw Failure(kInput, error.what());
  }
  Json json = {{"kind", "Keras file"}};
  if (info.hasModel)
    json = inspectModel(path);
  Json about = {{"format", info.format},
                {"keras_version", info.kerasVersion},
                {"date_saved", info.dateSaved}};
  if (info.hasModel)
    about.update({{"model", info.modelClass}, {"compiled", info.isCompiled}});
  json["metadata"] = about;
  if (!info.hasModel)
    json["tensors"] = Json::array();
  for (const keras::KerasFileInfo::Array &array : info.arrays)
    if (!info.hasModel)
      json["tensors"].push_back({{"name", array.path},
                                 {"dtype", toString(array.dtype)},
                                 {"shape", shapeJson(array.shape)}});
  return json;
}

// --- Data files

Json tensorFileInfo(const std::string &name, const Tensor &tensor) {
  return {{"name", name},
          {"dtype", toString(tensor.dtype())},
          {"shape", shapeJson(tensor.shape())},
          {"statistics", statisticsOf(tensor)}};
}

Json inspectArrays(const std::string &path, bool isArchive) {
  Json json = {{"kind", isArchive ? "npz" : "npy"}, {"tensors", Json::array()}};
  if (isArchive) {
    for (auto &[name, tensor] : check(data::readNpz(path)))
      json["tensors"].push_back(tensorFileInfo(name, tensor));
  } else {
    json["tensors"].push_back(tensorFileInfo(stemOf(path), check(data::readNpy(path))));
  }
  return json;
}

Json inspectSafetensors(const std::string &path) {
  SafetensorsFile file = check(SafetensorsFile::open(path));
  Json json = {{"kind", "safetensors"}, {"metadata", Json::object()}, {"tensors", Json::array()}};
  for (const auto &[key, value] : file.metadata())
    json["metadata"][key] = value;
  for (const SafetensorsEntry &entry : file.entries())
    json["tensors"].push_back({{"name", entry.name},
                               {"dtype", toString(entry.dtype)},
                               {"shape", shapeJson(entry.shape)},
                               {"bytes", entry.bytes}});
  return json;
}

Json inspect(const std::string &path, const std::string &symbol) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return inspectModel(path);
  std::string extension = std::filesystem::path(path).extension().string();
  char magic[6] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof(magic));
  std::string_view start(magic, sizeof(magic));
  if (start.substr(0, 4) == "\x7f"
                            "ELF" ||
      extension == ".so")
    return inspectArtifact(path, symbol);
  if (start == "\x93NUMPY" || extension == ".npy")
    return inspectArrays(path, false);
  if (keras::isKerasFile(path))
    return inspectKeras(path);
  if (start.substr(0, 2) == "PK" || extension == ".npz")
    return inspectArrays(path, true);
  if (extension == ".safetensors")
    return inspectSafetensors(path);
  return inspectModel(path);
}

void printJson(const Json &json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

} // namespace

void addInspect(CLI::App &app) {
  struct Arguments {
    std::string path, symbol = "ingot_artifact";
    std::vector<std::string> shapes;
    GpuCostArguments cost;
    bool json = false, tensors = false, gpuCost = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("inspect", "Show what is in a file");
  command
      ->add_option(
          "FILE", arguments->path,
          "Artifact (.so), model directory, .keras, .h5, .onnx, .mlir, .safetensors, .npy or "
          ".npz")
      ->required();
  command->add_option("--symbol", arguments->symbol, "The artifact's symbol")
      ->capture_default_str();
  command->add_option("--shape", arguments->shapes,
                      "Of an ONNX model: NAME=SIZE fixes a dimension, NAME=SIZES an input's shape");
  CLI::Option *gpuCost = command->add_flag(
      "--gpu-cost", arguments->gpuCost,
      "Of an artifact with code for GPUs: what a function is expected to take there, kernel by "
      "kernel, by a static model");
  command->add_option("--function", arguments->cost.function, "For --gpu-cost; default predict")
      ->needs(gpuCost);
  command
      ->add_option("--size", arguments->cost.sizes,
                   "For --gpu-cost: NAME=SIZE of a dynamic dimension; default 1")
      ->needs(gpuCost);
  command->add_flag("--tensors", arguments->tensors,
                    "Of an ONNX model: also the types of the tensors between its nodes");
  command->add_flag("--json", arguments->json, "As JSON");
  command->footer("Examples:\n"
                  "  ingot inspect classifier.so\n"
                  "  ingot inspect classifier.so --json | jq '.functions[0].kernels'\n"
                  "  ingot inspect classifier.so --gpu-cost --size batch=32\n"
                  "  ingot inspect model.onnx\n"
                  "  ingot inspect classifier/1/variables.safetensors");
  command->callback([arguments] {
    if (arguments->gpuCost) {
      auto artifact = check(Artifact::open(arguments->path, arguments->symbol));
      Json costs = gpuCosts(*artifact, arguments->cost);
      if (!arguments->json)
        return printGpuCosts(costs);
      return printJson(Json{{"gpu_costs", costs}});
    }
    bool isOnnx = hasExtension(arguments->path, ".onnx");
    OnnxInspection onnx;
    if (isOnnx)
      onnx = inspectOnnx(arguments->path, parseShapes(arguments->shapes), arguments->tensors);
    Json json = isOnnx ? onnx.json : inspect(arguments->path, arguments->symbol);
    if (arguments->json)
      printJson(json);
    else if (isOnnx)
      printOnnx(json);
    else
      printText(json);
    if (!onnx.problems.empty())
      throw Failure(kInput, onnx.problems);
  });
}

} // namespace ingot::cli
