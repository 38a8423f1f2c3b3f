// What `ingot inspect` found as text: columns, sections. See InspectText.h.
#include "tools/ingot/InspectText.h"
#include "tools/ingot/InspectGpu.h"
#include <fmt/format.h>

namespace ingot::cli {

std::string dtypeText(mlir::Type element) {
  if (element.isInteger(1))
    return "bool";
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return llvm::StringRef(text).starts_with("si")   ? text.substr(1)
         : llvm::StringRef(text).starts_with("ui") ? "u" + text.substr(2)
                                                   : text;
}

Json typeInfo(const std::string &name, mlir::Type type) {
  auto tensor = llvm::cast<mlir::RankedTensorType>(type);
  Json dims = Json::array();
  for (Dim dim : dimsOf(tensor))
    dims.push_back(dim.isStatic() ? Json(dim.value()) : Json(dim.str()));
  return {{"name", name}, {"dtype", dtypeText(tensor.getElementType())}, {"shape", dims}};
}

std::string typeText(const Json &tensor) {
  std::string text = tensor["dtype"].get<std::string>();
  if (tensor.contains("kind"))
    text = tensor["kind"].get<std::string>() + " of " + text;
  if (tensor["shape"].is_null())
    return text + " of any shape";
  text += "[";
  for (const Json &dim : tensor["shape"])
    text +=
        (text.back() == '[' ? "" : ", ") + (dim.is_string() ? dim.get<std::string>() : dim.dump());
  return text + "]";
}

static std::string signatureText(const Json &tensors) {
  std::vector<std::string> parts;
  for (const Json &tensor : tensors)
    parts.push_back(tensor["name"].get<std::string>() + ": " + typeText(tensor));
  return joined(parts);
}

std::string valueText(const Json &value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const Json &part : value)
      parts.push_back(valueText(part));
    return joined(parts);
  }
  return value.dump();
}

Json recomputationJson(const Manifest::Recomputation &from) {
  Json sizes = Json::object();
  for (const Manifest::Recomputation::Size &size : from.sizes())
    sizes[size.symbol()] = size.size();
  return {{"budget_bytes", from.budget_bytes()},
          {"sizes", sizes},
          {"arena_bytes_before", from.arena_bytes_before()},
          {"arena_bytes", from.arena_bytes()},
          {"flops", from.flops()},
          {"flops_again", from.flops_again()},
          {"kernels", std::vector<std::string>(from.kernels().begin(), from.kernels().end())}};
}

std::string recomputationText(const Json &from) {
  std::string at;
  for (const auto &[symbol, size] : from["sizes"].items())
    at += fmt::format("{} {}={}", at.empty() ? " at" : ",", symbol, size.get<int64_t>());
  auto bytes = [&](const char *key) { return humanBytes(from[key].get<uint64_t>()); };
  std::string text =
      fmt::format("arena {} of {}{}", bytes("arena_bytes"), bytes("budget_bytes"), at);
  size_t count = from["kernels"].size();
  if (from["arena_bytes"] == from["arena_bytes_before"])
    return text + ", nothing is computed again";
  auto again = from["flops_again"].get<double>(), all = from["flops"].get<double>();
  return text + fmt::format(" (without it {}): {} {} again, {:.1f} % more operations",
                            bytes("arena_bytes_before"), count,
                            count == 1 ? "kernel runs" : "kernels run",
                            all > again ? 100 * again / (all - again) : 0);
}

static void printFunction(const Json &function) {
  std::string outputs = signatureText(function["outputs"]);
  fmt::print("\n{}({}){}\n", valueText(function["name"]), signatureText(function["inputs"]),
             outputs.empty() ? "" : " -> " + outputs);
  if (function.contains("bounds"))
    for (const auto &[symbol, bound] : function["bounds"].items())
      fmt::print("  {} is {} to {}\n", symbol, bound[0].get<int64_t>(), bound[1].get<int64_t>());
  if (function.contains("carries"))
    for (const Json &carry : function["carries"])
      fmt::print("  carries {} to the next run's {}\n", valueText(carry["output"]),
                 valueText(carry["input"]));
  if (function.contains("arena_bytes"))
    fmt::print("  arena bytes: {}\n", valueText(function["arena_bytes"]));
  if (function.contains("recomputation"))
    fmt::print("  memory budget: {}\n", recomputationText(function["recomputation"]));
  if (function.contains("kernels"))
    for (const Json &kernel : function["kernels"])
      fmt::print("  kernel {}\n    flops {}\n    bytes {}\n", valueText(kernel["name"]),
                 valueText(kernel["flops"]), valueText(kernel["bytes"]));
  if (function.contains("ops"))
    for (const auto &[op, count] : function["ops"].items())
      fmt::print("  {:>4} {}\n", valueText(count), op);
}

void printTensors(const std::string &title, const Json &tensors) {
  fmt::print("\n{} ({})\n", title, tensors.size());
  size_t nameWidth = 0, typeWidth = 0;
  for (const Json &tensor : tensors) {
    nameWidth = std::max(nameWidth, tensor["name"].get_ref<const std::string &>().size());
    typeWidth = std::max(typeWidth, typeText(tensor).size());
  }
  for (const Json &tensor : tensors) {
    std::string rest;
    for (const auto &[key, value] : tensor.items()) {
      if (key == "statistics")
        for (const auto &[name, number] : value.items())
          rest += fmt::format("  {} {}", name, valueText(number));
      else if (key == "role")
        rest += "  " + valueText(value);
      else if (key == "bytes")
        rest += "  " + humanBytes(value.get<uint64_t>());
      else if (key == "has_value" && !value.get<bool>())
        rest += "  without value";
    }
    fmt::print("  {:<{}}  {:<{}}{}\n", valueText(tensor["name"]), nameWidth, typeText(tensor),
               typeWidth, rest);
  }
}

static void printCustomOp(const Json &op) {
  std::string notes;
  auto note = [&](bool holds, const std::string &text) {
    if (holds)
      notes += ", " + text;
  };
  note(!op["thread_safe"].get<bool>(), "not thread-safe");
  note(!op["deterministic"].get<bool>(), "not deterministic");
  note(op["parallel"].get<bool>(), "parallel");
  note(op["static_data"].get<bool>(), "keeps static data");
  note(!op["link"].empty(), "needs " + valueText(op["link"]));
  note(!op["needs"].empty(), "needs of the program " + valueText(op["needs"]));
  fmt::print("\ncustom op {}: C function {}{}\n", valueText(op["name"]), valueText(op["function"]),
             notes);
  for (const Json &call : op["calls"])
    fmt::print("  called in {} by {}, workspace {} bytes\n", valueText(call["function"]),
               valueText(call["node"]), valueText(call["workspace_bytes"]));
}

void printText(const Json &json) {
  for (const auto &[key, value] : json.items())
    if (!value.is_object() && key != "functions" && key != "variables" && key != "tensors" &&
        key != "custom_ops" && key != "devices")
      fmt::print("{:<12} {}\n", key, valueText(value));
  for (const char *section : {"options", "metadata"})
    if (json.contains(section) && !json[section].empty()) {
      fmt::print("{}\n", section);
      for (const auto &[key, value] : json[section].items())
        if (std::string text = valueText(value); !text.empty())
          fmt::print("  {:<18} {}\n", key, text);
    }
  if (json.contains("functions"))
    for (const Json &function : json["functions"])
      printFunction(function);
  if (json.contains("custom_ops"))
    for (const Json &op : json["custom_ops"])
      printCustomOp(op);
  if (json.contains("devices"))
    printDevices(json["devices"]);
  for (const char *section : {"variables", "tensors"})
    if (json.contains(section))
      printTensors(section, json[section]);
}

} // namespace ingot::cli
