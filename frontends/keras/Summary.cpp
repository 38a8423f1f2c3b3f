// Model::summary: the table Keras 3 prints.
#include "frontends/keras/ModelImpl.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/Unicode.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>

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
std::string sizeText(int64_t bytes) {
  auto value = static_cast<double>(bytes);
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

/// Whether the nodes are a chain of layers that are called once: then nothing is to be told of
/// connections.
bool isChain(const ModelImpl &model) {
  std::set<const LayerImpl *> seen;
  const Node *before = nullptr;
  for (const NodePtr &node : model.nodes) {
    const bool follows = before ? node->inputs.size() == 1 && node->inputs[0].node.get() == before
                                : node->inputs.empty();
    if (!follows || !seen.insert(node->layer.get()).second)
      return false;
    before = node.get();
  }
  return true;
}

class Table {
public:
  Table(const ModelImpl &model, const SummaryOptions &options)
      : options(options), connected(!model.isSequential && !isChain(model)) {
    columns = {{"Layer (type)", 31, false}, {"Output Shape", 22, false}, {"Param #", 13, true}};
    if (connected)
      columns.push_back({"Connected to", 17, false});
    if (options.showTrainable)
      columns.push_back({"Trainable", 9, false});
    addRows(model, 0);
    for (size_t i = 0; i < columns.size(); ++i)
      for (const auto &cells : rows)
        columns[i].width = std::max(columns[i].width, widthOf(cells[i]));
  }
  std::string text() const;

private:
  void addRows(const ModelImpl &model, size_t level);
  static size_t widthOf(const std::string &cell) {
    return llvm::sys::unicode::columnWidthUTF8(cell);
  }
  std::string frame(const char *left, const char *dash, const char *middle,
                    const char *right) const;
  std::string row(const std::vector<std::string> &cells, const char *bar) const;

  const SummaryOptions &options;
  bool connected;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

void Table::addRows(const ModelImpl &model, size_t level) {
  llvm::DenseMap<const LayerImpl *, const Node *> firstNode;
  llvm::DenseMap<const LayerImpl *, std::string> connectedTo;
  for (const NodePtr &node : model.nodes) {
    firstNode.try_emplace(node->layer.get(), node.get());
    std::string &text = connectedTo[node->layer.get()];
    text += (text.empty() ? "" : ", ") + connections(*node);
  }
  std::string indent;
  for (size_t i = 0; i < level; ++i)
    indent += "   ";
  indent += level ? "└ " : "";
  for (const auto &layer : model.layers()) {
    const Node *node = firstNode.lookup(layer.get());
    if (model.isSequential && dynamic_cast<InputLayerImpl *>(layer.get()))
      continue;
    const std::vector<WeightRef> weights = weightsOf(*layer);
    std::string count = layer->isBuilt ? grouped(parameters(weights)) : "0 (unbuilt)";
    rows.push_back({indent + layer->name + " (" + layer->className() + ")",
                    node ? outputShape(*node) : "?", count});
    if (connected)
      rows.back().push_back(connectedTo[layer.get()]);
    if (options.showTrainable)
      rows.back().push_back(weights.empty() ? "    -" : layer->trainable ? "    Y" : "    N");
    if (auto *nested = dynamic_cast<ModelImpl *>(layer.get()); nested && options.expandNested)
      addRows(*nested, level + 1);
  }
}

/// A line of the frame: "┡━━╇━━┩".
std::string Table::frame(const char *left, const char *dash, const char *middle,
                         const char *right) const {
  std::string line = left;
  for (size_t i = 0; i < columns.size(); ++i) {
    line += i ? middle : "";
    for (size_t k = 0; k < columns[i].width + 2; ++k)
      line += dash;
  }
  return line + right + "\n";
}

std::string Table::row(const std::vector<std::string> &cells, const char *bar) const {
  std::string line = bar;
  for (size_t i = 0; i < columns.size(); ++i) {
    std::string space(columns[i].width - std::min(columns[i].width, widthOf(cells[i])), ' ');
    line += " " + (columns[i].right ? space + cells[i] : cells[i] + space) + " " + bar;
  }
  return line + "\n";
}

std::string Table::text() const {
  std::string text = frame("┏", "━", "┳", "┓");
  std::vector<std::string> titles;
  for (const Column &column : columns)
    titles.push_back(column.title);
  text += row(titles, "┃");
  text += frame("┡", "━", "╇", "┩");
  for (size_t i = 0; i < rows.size(); ++i) {
    text += i ? frame("├", "─", "┼", "┤") : "";
    text += row(rows[i], "│");
  }
  return text + frame("└", "─", "┴", "┘");
}

} // namespace

std::string summaryText(const ModelImpl &model, const SummaryOptions &options) {
  const std::vector<WeightRef> weights = weightsOf(model);
  const int64_t trainable = parameters(weights, true), fixed = parameters(weights, false);
  const OptimizerSize optimizer = optimizerSize(model);
  auto total = [](const char *name, int64_t count, int64_t bytes) {
    return std::string(" ") + name + ": " + grouped(count) + " (" + sizeText(bytes) + ")\n";
  };
  constexpr int64_t floatBytes = 4;
  std::string text = "Model: \"" + model.name + "\"\n" + Table(model, options).text();
  text += total("Total params", trainable + fixed + optimizer.elements,
                floatBytes * (trainable + fixed) + optimizer.bytes);
  text += total("Trainable params", trainable, floatBytes * trainable);
  text += total("Non-trainable params", fixed, floatBytes * fixed);
  if (optimizer.elements)
    text += total("Optimizer params", optimizer.elements, optimizer.bytes);
  return text;
}

} // namespace ingot::keras::detail

namespace ingot::keras {

std::string Model::summaryText(const SummaryOptions &options) const {
  return detail::summaryText(*model, options);
}
void Model::summary(const SummaryOptions &options) const { summary(std::cout, options); }
void Model::summary(std::ostream &out, const SummaryOptions &options) const {
  out << summaryText(options) << std::flush;
}

} // namespace ingot::keras
