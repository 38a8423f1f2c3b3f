// Control flow.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

const ::onnx::GraphProto &graphAttribute(Node &node, llvm::StringRef name) {
  const auto *found = node.attribute(name);
  if (!found || !found->has_g())
    node.invalid("it has no subgraph `" + name + "`");
  return found->g();
}

} // namespace

void buildIn(Node &node, OpBuilder &b, llvm::function_ref<void()> make) {
  OpBuilder::InsertionGuard guard(node.builder());
  node.builder().setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
  make();
  b.setInsertionPointToEnd(node.builder().getInsertionBlock());
}

/// A condition known when compiling chooses now.
void ifRule(Node &node) {
  const ::onnx::GraphProto &onTrue = graphAttribute(node, "then_branch"),
                           &onFalse = graphAttribute(node, "else_branch");
  if (auto condition = node.constant(0); condition && condition->numElements() == 1) {
    node.outputs = node.importer.importSubgraph(condition->get(0).truth() ? onTrue : onFalse, {});
    return;
  }
  auto branch = [&](const ::onnx::GraphProto &graph) {
    return [&](OpBuilder &b) {
      graph::Values values;
      buildIn(node, b, [&] {
        for (const EntryPtr &entry : node.importer.importSubgraph(graph, {}))
          values.push_back(node.importer.tensorOf(*entry, node.loc));
      });
      return values;
    };
  };
  Value condition = node.reshape(node.in(0), {});
  auto op = graph::makeIf(node.builder(), node.loc, condition, branch(onTrue), branch(onFalse));
  for (auto [i, value] : llvm::enumerate(op.getResults()))
    node.set(i, value);
}

} // namespace ingot::onnx
