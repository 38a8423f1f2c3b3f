// Boxes and edges follow keras/src/utils/model_visualization.py: a black title with class and
// name, below it what was asked for, an edge from layer to layer.
#include "frontends/keras/PlotModel.h"
#include "frontends/keras/Graphviz.h"
#include "frontends/keras/ModelImpl.h"
#include "frontends/keras/Names.h"
#include "frontends/keras/Throwing.h"
#include "runtime/core/AtomicFile.h"

#include <set>

namespace ingot::keras::utils {

using namespace detail;

namespace {

/// Text within Graphviz's HTML-like labels.
std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += c;
    }
  return result;
}

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "\"";
}

/// Of one tensor its own, of several a list.
template <typename Text> std::string listOf(size_t count, Text text) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += (i ? ", " : "") + text(i);
  return count == 1 ? list : "[" + list + "]";
}

class Drawing {
public:
  explicit Drawing(const ModelToDotOptions &options) : options(options) {}

  std::string draw(const ModelImpl &model) {
    text = "digraph model {\n";
    line("rankdir=" + quoted(options.rankdir) +
         "; concentrate=true; dpi=" + std::to_string(options.dpi) + "; splines=ortho;");
    line("node [shape=plain, fontname=Helvetica, margin=0];");
    line("edge [penwidth=2];");
    drawLayers(model, "");
    drawEdges(model, "");
    return text + "}\n";
  }

private:
  void line(const std::string &content) { text += std::string(2 * depth, ' ') + content + "\n"; }
  static bool isShown(const ModelImpl &model, const LayerImpl &layer) {
    return !model.isSequential || !dynamic_cast<const InputLayerImpl *>(&layer);
  }
  const ModelImpl *expanded(const LayerImpl &layer) const {
    return options.expandNested ? dynamic_cast<const ModelImpl *>(&layer) : nullptr;
  }
  void drawLayers(const ModelImpl &model, const std::string &path);
  void drawEdges(const ModelImpl &model, const std::string &path);
  std::string label(const LayerImpl &layer, const Node &node) const;
  std::vector<std::string> cells(const LayerImpl &layer, const Node &node) const;
  /// The box that makes a tensor, and the one that takes an input: of a nested model that is drawn
  /// layer by layer, one of its layers.
  std::string source(const TensorRef &tensor, const std::string &path) const;
  std::string target(const LayerImpl &layer, size_t input, const std::string &path) const;

  const ModelToDotOptions &options;
  std::string text;
  int depth = 1;
};

std::vector<std::string> Drawing::cells(const LayerImpl &layer, const Node &node) const {
  std::vector<std::string> result;
  auto cell = [&](const std::string &title, const std::string &value) {
    result.push_back("<td bgcolor=\"white\"><font point-size=\"14\">" + title + ": <b>" +
                     escaped(value) + "</b></font></td>");
  };
  if (options.showShapes) {
    if (!node.inputs.empty())
      cell("Input shape",
           listOf(node.inputs.size(), [&](size_t i) { return toString(node.inputs[i]->shape); }));
    cell("Output shape",
         listOf(node.results.size(), [&](size_t i) { return toString(node.results[i].shape); }));
  }
  if (options.showDtype)
    cell("Output dtype",
         listOf(node.results.size(), [&](size_t i) { return node.results[i].dtype; }));
  if (options.showTrainable && !weightsOf(layer).empty())
    result.push_back(std::string("<td bgcolor=\"") +
                     (layer.trainable ? "forestgreen" : "firebrick") +
                     "\"><font point-size=\"14\" color=\"white\"><b>" +
                     (layer.trainable ? "Trainable" : "Non-trainable") + "</b></font></td>");
  return result;
}

std::string Drawing::label(const LayerImpl &layer, const Node &node) const {
  const std::vector<std::string> row = cells(layer, node);
  const std::string span = " colspan=\"" + std::to_string(std::max<size_t>(1, row.size())) + "\"";
  const std::string title = options.showLayerNames
                                ? "<b>" + escaped(layer.name) + "</b> (" + layer.className() + ")"
                                : std::string("<b>") + layer.className() + "</b>";
  std::string table = "<<table border=\"0\" cellborder=\"1\" bgcolor=\"black\" cellpadding=\"10\">";
  table += "<tr><td" + span + " bgcolor=\"black\"><font point-size=\"16\" color=\"white\">" +
           title + "</font></td></tr>";
  if (options.showLayerActivations)
    if (const Json config = layer.config(); config.contains("activation"))
      table += "<tr><td bgcolor=\"white\"" + span + "><font point-size=\"14\">Activation: <b>" +
               escaped(config["activation"].is_string() ? config["activation"].get<std::string>()
                                                        : config["activation"].dump()) +
               "</b></font></td></tr>";
  if (!row.empty()) {
    table += "<tr>";
    for (const std::string &cell : row)
      table += cell;
    table += "</tr>";
  }
  return table + "</table>>";
}

void Drawing::drawLayers(const ModelImpl &model, const std::string &path) {
  std::set<const LayerImpl *> drawn;
  for (const NodePtr &node : model.nodes) {
    const LayerImpl &layer = *node->layer;
    if (!isShown(model, layer) || !drawn.insert(&layer).second)
      continue;
    const std::string name = path + layer.name;
    const ModelImpl *nested = expanded(layer);
    if (!nested) {
      line(quoted(name) + " [label=" + label(layer, *node) + "];");
      continue;
    }
    line("subgraph " + quoted("cluster_" + name) + " {");
    ++depth;
    line("style=dashed; labeljust=l; label=" + quoted(layer.name) + ";");
    drawLayers(*nested, name + "/");
    drawEdges(*nested, name + "/");
    --depth;
    line("}");
  }
}

std::string Drawing::source(const TensorRef &tensor, const std::string &path) const {
  const LayerImpl &layer = *tensor.node->layer;
  if (const ModelImpl *nested = expanded(layer))
    return source(nested->outputs[tensor.index], path + layer.name + "/");
  return path + layer.name;
}

std::string Drawing::target(const LayerImpl &layer, size_t input, const std::string &path) const {
  const ModelImpl *nested = expanded(layer);
  if (!nested)
    return path + layer.name;
  const std::string inside = path + layer.name + "/";
  if (!nested->isSequential)
    return inside + nested->inputs[input]->layer->name;
  for (const NodePtr &node : nested->nodes)
    if (!node->inputs.empty())
      return target(*node->layer, 0, inside);
  return inside + nested->inputs[input]->layer->name;
}

void Drawing::drawEdges(const ModelImpl &model, const std::string &path) {
  std::set<std::pair<std::string, std::string>> drawn;
  for (const NodePtr &node : model.nodes)
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      const TensorRef &input = node->inputs[i];
      if (!isShown(model, *input.node->layer))
        continue;
      const std::pair edge(source(input, path), target(*node->layer, i, path));
      if (drawn.insert(edge).second)
        line(quoted(edge.first) + " -> " + quoted(edge.second) + ";");
    }
}

} // namespace

std::string modelToDot(const Model &model, const ModelToDotOptions &options) {
  if (!model.impl()->hasGraph())
    throw Error("model '" + model.name() +
                    "' cannot be drawn yet: the shape of its input is not known; call build, or "
                    "run it once",
                StatusCode::FailedPrecondition);
  if (const std::vector<std::string> known = {"TB", "LR", "BT", "RL"};
      std::find(known.begin(), known.end(), options.rankdir) == known.end())
    throw Error(unknownName("rankdir", options.rankdir, known));
  if (options.dpi < 1 || options.dpi > 2400)
    throw Error("dpi is from 1 to 2400, got " + std::to_string(options.dpi));
  return Drawing(options).draw(*model.impl());
}

void plotModel(const Model &model, const PlotModelOptions &options) {
  const std::string &path = options.toFile;
  const size_t dot = path.rfind('.');
  const std::string format = dot == std::string::npos || path.find('/', dot) != std::string::npos
                                 ? std::string()
                                 : path.substr(dot + 1);
  static const std::vector<std::string> known = {"dot", "jpg", "pdf", "png", "svg"};
  if (std::find(known.begin(), known.end(), format) == known.end())
    throw Error("plotModel: '" + path + "': " + unknownName("file ending", format, known));
  const std::string text = modelToDot(model, {.showShapes = options.showShapes,
                                              .showDtype = options.showDtype,
                                              .showLayerNames = options.showLayerNames,
                                              .rankdir = options.rankdir,
                                              .expandNested = options.expandNested,
                                              .dpi = options.dpi,
                                              .showLayerActivations = options.showLayerActivations,
                                              .showTrainable = options.showTrainable});
  const std::string content = format == "dot" ? text : renderDot(text, format);
  AtomicFile file = valueOf(AtomicFile::create(path));
  check(file.write(content.data(), content.size()));
  check(file.commit());
}

} // namespace ingot::keras::utils
