// See InspectOnnx.h. Walks the file for what it says, and the importer for what it finds.
#include "tools/ingot/InspectOnnx.h"
#include "frontends/onnx/OnnxFile.h"
#include "tools/ingot/InspectText.h"
#include "tools/ingot/LoadModel.h"
#include "tools/ingot/OnnxTensors.h"
#include <filesystem>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

std::string domainText(const std::string &domain) { return domain.empty() ? "ai.onnx" : domain; }

/// An input or output: {"name", "dtype", "shape"}, and "kind" where it is no plain tensor. The
/// dimensions of an input without a name are called as --shape takes them.
Json valueInfo(const std::string &name, const ::onnx::TypeProto &type) {
  if (type.has_sequence_type() || type.has_optional_type()) {
    bool isSequence = type.has_sequence_type();
    Json inner = valueInfo(name, isSequence ? type.sequence_type().elem_type()
                                            : type.optional_type().elem_type());
    std::string kind = isSequence ? "sequence" : "optional";
    inner["kind"] = inner.contains("kind") ? kind + " of " + valueText(inner["kind"]) : kind;
    return inner;
  }
  Json info = {{"name", name}, {"dtype", "unknown"}, {"shape", nullptr}};
  if (!type.has_tensor_type()) {
    info["kind"] = type.has_map_type()             ? "map"
                   : type.has_sparse_tensor_type() ? "sparse"
                                                   : "opaque";
    return info;
  }
  info["dtype"] = onnxTypeText(type.tensor_type().elem_type());
  if (!type.tensor_type().has_shape())
    return info;
  info["shape"] = Json::array();
  int axis = 0;
  for (const auto &dim : type.tensor_type().shape().dim()) {
    std::string unnamed = name + "_dim" + std::to_string(axis++);
    info["shape"].push_back(dim.has_dim_value()       ? Json(dim.dim_value())
                            : dim.dim_param().empty() ? Json(unnamed)
                                                      : Json(dim.dim_param()));
  }
  return info;
}

/// Nodes of a kind: those of the main graph, of the graphs inside nodes, and of functions.
struct Counter {
  std::map<std::pair<std::string, std::string>, int64_t> counts; // by domain and operator
  int64_t total = 0;

  void count(const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes) {
    for (const ::onnx::NodeProto &node : nodes) {
      ++total;
      ++counts[{domainText(node.domain()), node.op_type()}];
      for (const ::onnx::AttributeProto &attribute : node.attribute()) {
        count(attribute.g().node());
        for (const ::onnx::GraphProto &graph : attribute.graphs())
          count(graph.node());
      }
    }
  }
};

Json opsetsOf(const ::onnx::ModelProto &model) {
  Json sets = Json::object();
  for (const ::onnx::OperatorSetIdProto &set : model.opset_import())
    sets[domainText(set.domain())] = set.version();
  return sets;
}

/// Inputs and outputs of the graph; initializers that old files list among the inputs are left out.
void addSignature(Json &json, const ::onnx::GraphProto &graph) {
  std::set<std::string> given;
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    given.insert(tensor.name());
  json["inputs"] = json["outputs"] = Json::array();
  for (const ::onnx::ValueInfoProto &input : graph.input())
    if (!given.count(input.name()))
      json["inputs"].push_back(valueInfo(input.name(), input.type()));
  for (const ::onnx::ValueInfoProto &output : graph.output())
    json["outputs"].push_back(valueInfo(output.name(), output.type()));
}

void addParameters(Json &json, const ::onnx::GraphProto &graph) {
  double elements = 0, bytes = 0; // sizes are the file's claims: sums must not overflow
  bool isExternal = false;
  for (const ::onnx::TensorProto &tensor : graph.initializer()) {
    double count = 1;
    for (int64_t dim : tensor.dims())
      count *= static_cast<double>(dim);
    elements += count;
    if (auto dtype = dtypeOfOnnx(tensor.data_type()))
      bytes += count * double(byteSize(*dtype)) / double(elementsPerByte(*dtype));
    isExternal |= tensor.data_location() == ::onnx::TensorProto::EXTERNAL;
  }
  constexpr double most = 9e15;
  json["initializers"] = graph.initializer_size() + graph.sparse_initializer_size();
  json["parameters"] = static_cast<int64_t>(std::clamp(elements, 0.0, most));
  json["parameter_bytes"] = static_cast<int64_t>(std::clamp(bytes, 0.0, most));
  json["external_data"] = isExternal;
}

Json describeFile(const std::string &path, const ::onnx::ModelProto &model) {
  Counter counter;
  counter.count(model.graph().node());
  Json functions = Json::array();
  for (const ::onnx::FunctionProto &function : model.functions()) {
    counter.count(function.node());
    functions.push_back({{"name", function.name()},
                         {"domain", domainText(function.domain())},
                         {"inputs", function.input_size()},
                         {"outputs", function.output_size()},
                         {"nodes", function.node_size()}});
  }
  Json json = {
      {"kind", "onnx"},
      {"name", model.graph().name().empty() ? stemOf(path) : model.graph().name()},
      {"ir_version", model.ir_version()},
      {"opsets", opsetsOf(model)},
      {"producer", model.producer_name() +
                       (model.producer_version().empty() ? "" : " " + model.producer_version())},
      {"nodes", counter.total}};
  addParameters(json, model.graph());
  addSignature(json, model.graph());
  json["operators"] = Json::array();
  for (const auto &[key, count] : counter.counts)
    json["operators"].push_back({{"op", key.second}, {"domain", key.first}, {"nodes", count}});
  json["functions"] = functions;
  return json;
}

Json unsupportedInfo(const OnnxUnsupported &unsupported) {
  return {{"op", unsupported.op},
          {"domain", domainText(unsupported.domain)},
          {"opset", unsupported.version},
          {"reason", unsupported.reason},
          {"workaround", unsupported.workaround},
          {"count", unsupported.nodes.size()},
          {"nodes", unsupported.nodes},
          {"text", describe(unsupported)}};
}

} // namespace

OnnxInspection inspectOnnx(const std::string &path,
                           const std::map<std::string, std::string> &shapes, bool tensors) {
  checkExists(path);
  auto context = makeContext();
  DiagnosticCollector collector(context.get(), path);
  auto model = readOnnxFile(path, context.get());
  collector.throwErrors();
  OnnxInspection inspection{describeFile(path, *model), {}};
  Json &json = inspection.json;
  std::string directory = std::filesystem::path(path).parent_path().string();
  OnnxFindings findings = examineOnnx(*model, directory, context.get(), {shapes});
  inspection.problems = collector.errors();
  json["unsupported"] = json["errors"] = Json::array();
  for (const Message &message : inspection.problems)
    json["errors"].push_back(message.text);
  size_t nodes = 0;
  for (const OnnxUnsupported &unsupported : findings.unsupported) {
    json["unsupported"].push_back(unsupportedInfo(unsupported));
    nodes += unsupported.nodes.size();
  }
  json["supported"] = inspection.problems.empty() && nodes == 0;
  if (nodes > 0)
    inspection.problems.push_back({fmt::format("{} of {} nodes {} not supported", nodes,
                                               valueText(json["nodes"]), nodes == 1 ? "is" : "are"),
                                   path,
                                   "",
                                   {}});
  if (tensors) {
    json["tensors"] = Json::array();
    for (const ::onnx::NodeProto &node : model->graph().node())
      for (const std::string &name : node.output())
        if (auto it = findings.types.find(name); it != findings.types.end())
          json["tensors"].push_back(typeInfo(name, it->second));
  }
  return inspection;
}

void printOnnx(const Json &json) {
  std::vector<std::string> opsets;
  for (const auto &[domain, version] : json["opsets"].items())
    opsets.push_back(domain + " " + valueText(version));
  fmt::print("kind         onnx, IR version {}\n", valueText(json["ir_version"]));
  fmt::print("name         {}\n", valueText(json["name"]));
  fmt::print("producer     {}\n", valueText(json["producer"]));
  fmt::print("opsets       {}\n", joined(opsets));
  fmt::print("nodes        {}\n", valueText(json["nodes"]));
  fmt::print("parameters   {} in {} initializers, {}{}\n", valueText(json["parameters"]),
             valueText(json["initializers"]), humanBytes(json["parameter_bytes"].get<uint64_t>()),
             json["external_data"].get<bool>() ? ", partly in other files" : "");
  printTensors("inputs", json["inputs"]);
  printTensors("outputs", json["outputs"]);
  fmt::print("\noperators ({})\n", json["operators"].size());
  for (const Json &row : json["operators"])
    fmt::print("  {:>4} {}{}\n", valueText(row["nodes"]), valueText(row["op"]),
               row["domain"] == "ai.onnx" ? "" : " (" + valueText(row["domain"]) + ")");
  if (!json["functions"].empty())
    fmt::print("\nfunctions ({})\n", json["functions"].size());
  for (const Json &row : json["functions"])
    fmt::print("  {} ({}): {} inputs, {} outputs, {} nodes\n", valueText(row["name"]),
               valueText(row["domain"]), valueText(row["inputs"]), valueText(row["outputs"]),
               valueText(row["nodes"]));
  if (json.contains("tensors"))
    printTensors("tensors", json["tensors"]);
  if (!json["unsupported"].empty())
    fmt::print("\nnot supported ({})\n", json["unsupported"].size());
  for (const Json &row : json["unsupported"])
    fmt::print("  {}\n", valueText(row["text"]));
  if (json["supported"].get<bool>())
    fmt::print("\nall of it is supported\n");
}

} // namespace ingot::cli
