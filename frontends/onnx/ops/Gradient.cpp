// Gradient (ai.onnx.preview.training): the derivatives of a tensor made before it. The nodes
// between are made again of the values it is given, so that reverse mode may take their formulas
// apart while the model's own stay as they are.
#include "compiler/autodiff/Differentiate.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Rules.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace ingot::onnx {
namespace {

llvm::SetVector<Value> inputsOf(Operation &op) {
  llvm::SetVector<Value> inputs(op.operand_begin(), op.operand_end());
  getUsedValuesDefinedAbove(op.getRegions(), inputs);
  return inputs;
}

/// Clones what lies between the values that `mapping` replaces (`replaced`) and `y`; what depends
/// on none of them stays as it is. Returns y's replacement, y itself where it depends on none.
Value cloneWay(OpBuilder &b, Value y, llvm::ArrayRef<Value> replaced, IRMapping &mapping) {
  llvm::DenseSet<Value> depends(replaced.begin(), replaced.end()), needed = {y};
  llvm::SmallVector<Operation *> candidates, way;
  for (Operation &op : *b.getInsertionBlock()) {
    if (llvm::none_of(inputsOf(op), [&](Value v) { return depends.contains(v); }))
      continue;
    candidates.push_back(&op);
    depends.insert(op.result_begin(), op.result_end());
  }
  for (Operation *op : llvm::reverse(candidates))
    if (llvm::any_of(op->getResults(), [&](Value v) { return needed.contains(v); })) {
      way.push_back(op);
      for (Value input : inputsOf(*op))
        needed.insert(input);
    }
  for (Operation *op : llvm::reverse(way))
    if (llvm::none_of(op->getResults(), [&](Value v) { return mapping.contains(v); }))
      b.clone(*op, mapping);
  return mapping.lookupOrDefault(y);
}

} // namespace

void gradient(Node &node) {
  std::vector<std::string> xs = node.stringsAttr("xs"), zs = node.stringsAttr("zs");
  std::string name = node.attr("y", "");
  if (xs.empty() || node.numInputs() != xs.size() + zs.size())
    node.invalid("it has " + llvm::Twine(node.numInputs()) + " inputs for " +
                 llvm::Twine(xs.size()) + " `xs` and " + llvm::Twine(zs.size()) + " `zs`");
  OpBuilder &b = node.builder();
  Value y = node.importer.namedTensor(node, name);
  if (y.getParentBlock() != b.getInsertionBlock())
    node.unsupported("`" + name + "` is made outside of the subgraph that it is in",
                     "move it to where `" + name + "` is made");
  IRMapping mapping;
  llvm::SmallVector<Value> targets, replaced;
  for (auto [i, named] : llvm::enumerate(llvm::concat<std::string>(xs, zs))) {
    // Of its own, so that nothing else depends on it.
    Value given = node.in(i), own = given;
    if (i < xs.size()) {
      own = graph::CastOp::create(b, node.loc, given.getType(), given);
      targets.push_back(own);
    }
    replaced.push_back(node.importer.namedTensor(node, named));
    if (replaced.back().getType() != given.getType())
      node.invalid("its input `" + node.inputName(i) + "` of shape " + str(dimsOf(given)) +
                   " stands for `" + named + "` of shape " + str(dimsOf(replaced.back())));
    mapping.map(replaced.back(), own);
  }
  Value again = cloneWay(b, y, replaced, mapping);
  auto gradients = differentiateAt(b, again, targets);
  if (failed(gradients))
    throw Refusal{Refusal::Reported, "", ""};
  for (auto [i, d] : llvm::enumerate(*gradients))
    node.set(i, d);
}

} // namespace ingot::onnx
