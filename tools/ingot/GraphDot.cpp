// See GraphDot.h. Knows no op by name: regions are shown where they compute tensors.
#include "tools/ingot/GraphDot.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace ingot::cli {
namespace {

std::string escape(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result;
}

/// "f32 (batch, 28, 28)"; other types as MLIR prints them.
std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto tensor = llvm::dyn_cast<RankedTensorType>(type))
    stream << tensor.getElementType() << ' ' << str(dimsOf(tensor));
  else
    stream << type;
  return text;
}

bool computesTensors(Region &region) {
  return region
      .walk([](Operation *op) {
        return llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

class DotWriter {
public:
  explicit DotWriter(std::string &out) : stream(out) {}

  void write(llvm::ArrayRef<func::FuncOp> functions) {
    stream << "digraph model {\n  rankdir=TB;\n"
              "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fa\", "
              "fontname=\"Helvetica\", fontsize=10];\n"
              "  edge [fontname=\"Helvetica\", fontsize=8, color=\"#555555\"];\n";
    for (func::FuncOp function : functions)
      box(function.getName(), [&] {
        names(function);
        block(function.getBody().front());
      });
    for (const std::string &edge : edges)
      stream << edge;
    stream << "}\n";
  }

private:
  void box(llvm::StringRef title, llvm::function_ref<void()> content) {
    stream << "  subgraph cluster_" << clusters++ << " {\n  label=\"" << escape(title)
           << "\"; color=\"#999999\"; fontname=\"Helvetica\";\n";
    content();
    stream << "  }\n";
  }

  std::string node(llvm::StringRef label, llvm::StringRef attributes = "") {
    std::string name = "n" + std::to_string(nodes++);
    stream << "  " << name << " [label=\"" << label << "\"" << attributes << "];\n";
    return name;
  }

  void names(func::FuncOp function) {
    for (BlockArgument argument : function.getArguments()) {
      auto given = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "graph.name");
      std::string label = given ? given.str() : "input_" + std::to_string(argument.getArgNumber());
      ids[argument] = node(escape(label) + "\\n" + escape(typeText(argument.getType())),
                           ", shape=ellipse, fillcolor=\"#e5f5e0\"");
    }
  }

  void block(Block &block) {
    for (Operation &op : block)
      operation(op);
  }

  void operation(Operation &op) {
    std::string label = escape(op.getName().stripDialect());
    if (auto name = op.getAttrOfType<StringAttr>("name"))
      label += "\\n" + escape(name.getValue());
    for (NamedAttribute attribute : op.getAttrs())
      if (auto symbol = llvm::dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
        label += "\\n@" + escape(symbol.getValue());
    if (std::string layer = graph::layerName(op.getLoc()); !layer.empty())
      label += "\\n" + escape(layer);
    for (Type type : op.getResultTypes())
      label += "\\n" + escape(typeText(type));
    bool isEnd = op.hasTrait<OpTrait::IsTerminator>();
    bool isSource = op.getNumOperands() == 0 && !isEnd;
    std::string id = node(label, isEnd      ? ", shape=ellipse, fillcolor=\"#fde0dd\""
                                 : isSource ? ", shape=ellipse, fillcolor=\"#fff7d6\""
                                            : "");
    for (Value result : op.getResults())
      ids[result] = id;
    for (Value operand : op.getOperands())
      edge(operand, id);
    for (Region &region : op.getRegions())
      if (computesTensors(region))
        nested(op, region, id);
  }

  /// A region's arguments hang on the op that has it: their values come from there.
  void nested(Operation &op, Region &region, const std::string &id) {
    box(op.getName().stripDialect(), [&] {
      for (Block &inner : region) {
        for (BlockArgument argument : inner.getArguments()) {
          ids[argument] = node("argument " + std::to_string(argument.getArgNumber()) + "\\n" +
                                   escape(typeText(argument.getType())),
                               ", shape=ellipse, fillcolor=\"#eeeeee\"");
          edges.push_back("  " + id + " -> " + ids[argument] + " [style=dashed];\n");
        }
        block(inner);
      }
    });
  }

  void edge(Value from, const std::string &to) {
    auto it = ids.find(from);
    if (it == ids.end())
      return;
    edges.push_back("  " + it->second + " -> " + to + " [label=\"" +
                    escape(typeText(from.getType())) + "\"];\n");
  }

  llvm::raw_string_ostream stream;
  llvm::DenseMap<Value, std::string> ids;
  std::vector<std::string> edges; // after all nodes, outside of boxes
  int nodes = 0, clusters = 0;
};

} // namespace

std::string dotOf(llvm::ArrayRef<func::FuncOp> functions) {
  std::string text;
  DotWriter(text).write(functions);
  return text;
}

} // namespace ingot::cli
