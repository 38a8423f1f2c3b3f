// Model::summary: the table Keras 3 prints.
#include "frontends/keras/ModelImpl.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace ingot::keras::detail {

namespace {

/// 1234567 -> "1,234,567".
std::string grouped(int64_t value) {
  std::string text = std::to_string(value);
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(at, ",");
  return text;
}

/// As Keras: "427.29 KB".
std::string bytes(int64_t parameters) {
  double value = 4.0 * static_cast<double>(parameters);
  const char *units[] = {"B", "KB", "MB", "GB", "TB"};
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit)
    value /= 1024;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.2f %s", value, units[unit]);
  return text;
}

struct Column {
  std::string title;
  size_t width; // of the text
  bool right;
};

/// A line of the frame: "┡━━╇━━┩".
std::string frame(const std::vector<Column> &columns, const char *left, const char *dash,
                  const char *middle, const char *right) {
  std::string line = left;
  for (size_t i = 0; i < columns.size(); ++i) {
    line += i ? middle : "";
    for (size_t k = 0; k < columns[i].width + 2; ++k)
      line += dash;
  }
  return line + right + "\n";
}

std::string row(const std::vector<Column> &columns, const std::vector<std::string> &cells,
                const char *bar) {
  std::string line = bar;
  for (size_t i = 0; i < columns.size(); ++i) {
    std::string space(columns[i].width - std::min(columns[i].width, cells[i].size()), ' ');
    line += " " + (columns[i].right ? space + cells[i] : cells[i] + space) + " " + bar;
  }
  return line + "\n";
}

int64_t parameters(const std::vector<WeightRef> &weights,
                   std::optional<bool> trainable = std::nullopt) {
  int64_t count = 0;
  for (const WeightRef &ref : weights)
    if (!trainable || ref.isTrainable() == *trainable)
      count += elementCount(ref.weight->shape);
  return count;
}

/// "input[0][0], dense[1][0]": layer, which of its calls, which of its tensors.
std::string connections(const Node &node) {
  std::string text;
  for (const TensorRef &input : node.inputs)
    text += (text.empty() ? "" : ", ") + input.node->layer->name + "[" +
            std::to_string(input.node->call) + "][" + std::to_string(input.index) + "]";
  return text.empty() ? "-" : text;
}

/// "(None, 10)", of several results "[(None, 4), (None, 2)]".
std::string outputShape(const Node &node) {
  if (node.results.size() == 1)
    return toString(node.results[0].shape);
  std::string text;
  for (const TensorSpec &result : node.results)
    text += (text.empty() ? "[" : ", ") + toString(result.shape);
  return text + "]";
}

std::vector<std::vector<std::string>> rowsOf(const ModelImpl &model) {
  std::vector<std::vector<std::string>> rows;
  llvm::DenseMap<const LayerImpl *, const Node *> firstNode;
  llvm::DenseMap<const LayerImpl *, std::string> connectedTo;
  for (const NodePtr &node : model.nodes) {
    firstNode.try_emplace(node->layer.get(), node.get());
    std::string &text = connectedTo[node->layer.get()];
    text += (text.empty() ? "" : ", ") + connections(*node);
  }
  for (const auto &layer : model.layers()) {
    const Node *node = firstNode.lookup(layer.get());
    const std::string &connected = connectedTo[layer.get()];
    if (model.isSequential && dynamic_cast<InputLayerImpl *>(layer.get()))
      continue;
    std::string count = layer->isBuilt ? grouped(parameters(weightsOf(*layer))) : "0 (unbuilt)";
    rows.push_back({layer->name + " (" + layer->className() + ")", node ? outputShape(*node) : "?",
                    count, connected});
  }
  return rows;
}

} // namespace

std::string summaryText(const ModelImpl &model) {
  std::vector<Column> columns = {
      {"Layer (type)", 31, false}, {"Output Shape", 22, false}, {"Param #", 13, true}};
  if (!model.isSequential)
    columns.push_back({"Connected to", 17, false});
  std::vector<std::vector<std::string>> rows = rowsOf(model);
  for (size_t i = 0; i < columns.size(); ++i)
    for (const auto &cells : rows)
      columns[i].width = std::max(columns[i].width, cells[i].size());
  std::string text = "Model: \"" + model.name + "\"\n";
  text += frame(columns, "┏", "━", "┳", "┓");
  std::vector<std::string> titles;
  for (const Column &column : columns)
    titles.push_back(column.title);
  text += row(columns, titles, "┃");
  text += frame(columns, "┡", "━", "╇", "┩");
  for (size_t i = 0; i < rows.size(); ++i) {
    text += i ? frame(columns, "├", "─", "┼", "┤") : "";
    text += row(columns, rows[i], "│");
  }
  text += frame(columns, "└", "─", "┴", "┘");
  const std::vector<WeightRef> weights = weightsOf(model);
  const int64_t trainable = parameters(weights, true), fixed = parameters(weights, false);
  auto total = [](const char *name, int64_t count) {
    return std::string(" ") + name + ": " + grouped(count) + " (" + bytes(count) + ")\n";
  };
  return text + total("Total params", trainable + fixed) + total("Trainable params", trainable) +
         total("Non-trainable params", fixed);
}

} // namespace ingot::keras::detail
