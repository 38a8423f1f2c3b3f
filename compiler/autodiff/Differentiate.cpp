// Reverse-mode differentiation of a block of graph ops; see Differentiate.h.
//
// An op is on the way when it computes a float from a target and the loss is computed from that
// float. Its gradient rule is asked in reverse order of the program; what several users send back
// to one value is added. Everything a rule makes is named `gradient of <layer>`.
#include "compiler/autodiff/Differentiate.h"
#include "compiler/autodiff/Reverse.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace ingot {

using graph::layerName;

Location gradientLocation(Location loc, llvm::StringRef fallback) {
  std::string layer = layerName(loc);
  std::string name = "gradient of " + (layer.empty() ? fallback.str() : layer);
  return NameLoc::get(StringAttr::get(loc.getContext(), name), loc);
}

namespace {

/// Names every op inserted while it is set to an op of the forward program.
struct GradientNamer : OpBuilder::Listener {
  Operation *forward = nullptr;
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint previous) override {
    if (forward && !previous.isSet())
      op->setLoc(gradientLocation(forward->getLoc(), forward->getName().stripDialect()));
  }
};

/// One reverse pass over a block; see `reverseBlock`.
class ReversePass {
public:
  ReversePass(Block &block, OpBuilder::InsertPoint at, ReverseRequest &request)
      : block(block), b(request.outputs.front().getContext(), &namer), request(request) {
    b.restoreInsertionPoint(at);
  }

  LogicalResult run();

private:
  void findActive();
  bool decomposeActive();
  LogicalResult checkActive();
  LogicalResult differentiateOp(Operation *op);
  void accumulate(Value v, Value gradient);

  Block &block;
  GradientNamer namer;
  OpBuilder b;
  ReverseRequest &request;
  llvm::DenseSet<Value> depends;         // floats computed from a target
  llvm::SmallVector<Operation *> active; // in program order
  llvm::DenseMap<Value, Value> gradients;
};

/// The values that an op computes from: its operands and what its regions capture.
llvm::SmallVector<Value> inputsOf(Operation *op) {
  llvm::SmallVector<Value> inputs(op->getOperands());
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  llvm::append_range(inputs, captured);
  return inputs;
}

void ReversePass::findActive() {
  depends.clear();
  depends.insert(request.targets.begin(), request.targets.end());
  llvm::SmallVector<Operation *> candidates;
  for (Operation &op : block) {
    if (!llvm::any_of(inputsOf(&op), [&](Value v) { return depends.contains(v); }))
      continue;
    candidates.push_back(&op);
    for (Value result : op.getResults())
      if (isFloat(result))
        depends.insert(result);
  }
  llvm::DenseSet<Value> needed;
  for (Value output : request.outputs)
    if (depends.contains(output))
      needed.insert(output);
  active.clear();
  for (Operation *op : llvm::reverse(candidates)) {
    if (!llvm::any_of(op->getResults(), [&](Value v) { return needed.contains(v); }))
      continue;
    active.push_back(op);
    for (Value input : inputsOf(op))
      if (depends.contains(input))
        needed.insert(input);
  }
  std::reverse(active.begin(), active.end());
}

/// Replaces active composites that have no gradient of their own by their formulas. One whose
/// result the caller holds stays in place, without uses, so that the caller's value stays valid.
bool ReversePass::decomposeActive() {
  bool changed = false;
  for (Operation *op : active) {
    auto composite = llvm::dyn_cast<graph::Composite>(op);
    if (!composite || llvm::isa<graph::Differentiable>(op))
      continue;
    OpBuilder at(op);
    llvm::SmallVector<Value> formula = composite.decompose(at);
    bool held = false;
    for (auto [result, value] : llvm::zip_equal(op->getResults(), formula)) {
      for (llvm::MutableArrayRef<Value> list : {llvm::MutableArrayRef<Value>(request.outputs),
                                                llvm::MutableArrayRef<Value>(request.targets)})
        for (Value &v : list)
          if (v == result) {
            v = value;
            held = true;
          }
    }
    op->replaceAllUsesWith(formula);
    if (!held)
      op->erase();
    changed = true;
  }
  return changed;
}

LogicalResult ReversePass::checkActive() {
  LogicalResult ok = success();
  for (Operation *op : active) {
    if (llvm::isa<graph::Differentiable>(op) || hasRegionGradient(op))
      continue;
    std::string layer = layerName(op->getLoc());
    emitError(op->getLoc()) << (layer.empty() ? "" : layer + ": ") << "`" << op->getName()
                            << "` has no gradient, and the loss depends on a value to be "
                               "trained through it; use a differentiable op here, or take it "
                               "off the way from the trained values to the loss";
    ok = failure();
  }
  return ok;
}

void ReversePass::accumulate(Value v, Value gradient) {
  Value &sum = gradients[v];
  sum = sum ? Value(graph::AddOp::create(b, gradient.getLoc(), sum, gradient)) : gradient;
}

LogicalResult ReversePass::differentiateOp(Operation *op) {
  llvm::SmallVector<Value> dResults =
      llvm::map_to_vector(op->getResults(), [&](Value v) { return gradients.lookup(v); });
  if (llvm::none_of(dResults, [](Value d) { return static_cast<bool>(d); }))
    return success();
  namer.forward = op;
  llvm::SmallVector<Value> inputs(op->getOperands()), dInputs;
  if (auto differentiable = llvm::dyn_cast<graph::Differentiable>(op)) {
    dInputs = differentiable.gradient(b, dResults);
    if (dInputs.empty() && !inputs.empty())
      return failure(); // the rule has said why
  } else {
    inputs = inputsOf(op);
    auto reversed =
        reverseRegionOp(b, op, dResults, inputs, [&](Value v) { return depends.contains(v); });
    if (failed(reversed))
      return failure();
    dInputs = *reversed;
  }
  if (dInputs.size() != inputs.size())
    return op->emitError("internal error: the gradient rule gives ")
           << dInputs.size() << " gradients for " << inputs.size() << " operands";
  for (auto [input, d] : llvm::zip(inputs, dInputs)) {
    if (!d || !isFloat(input))
      continue;
    if (d.getType() != input.getType())
      return op->emitError("internal error: the gradient rule gives ")
             << d.getType() << " for an operand of " << input.getType();
    accumulate(input, d);
  }
  return success();
}

LogicalResult ReversePass::run() {
  do
    findActive();
  while (decomposeActive());
  if (failed(checkActive()))
    return failure();
  for (auto [output, d] : llvm::zip_equal(request.outputs, request.dOutputs))
    if (d)
      accumulate(output, d);
  LogicalResult ok = success();
  for (Operation *op : llvm::reverse(active))
    if (failed(differentiateOp(op)))
      ok = failure();
  request.dTargets =
      llvm::map_to_vector(request.targets, [&](Value v) { return gradients.lookup(v); });
  return ok;
}

} // namespace

LogicalResult reverseBlock(Block &block, OpBuilder::InsertPoint at, ReverseRequest &request) {
  return ReversePass(block, at, request).run();
}

namespace {

LogicalResult checkTargets(llvm::ArrayRef<Value> targets) {
  for (Value target : targets)
    if (!isFloat(target))
      return emitError(target.getLoc())
             << "gradients exist for floating-point values only, this one has elements of "
             << graph::elementType(target);
  return success();
}

/// Zeros for the targets that nothing depends on.
void fillZeros(OpBuilder &b, llvm::ArrayRef<Value> targets, llvm::MutableArrayRef<Value> dTargets) {
  for (auto [target, d] : llvm::zip_equal(targets, dTargets))
    if (!d)
      d = graph::splat(b, gradientLocation(target.getLoc(), "input"), graph::elementType(target),
                       dimsOf(target), 0);
}

} // namespace

FailureOr<llvm::SmallVector<Value>> differentiateAt(OpBuilder &b, Value y,
                                                    llvm::ArrayRef<Value> targets) {
  if (!isFloat(y))
    return emitError(y.getLoc()) << "what is differentiated must have floating-point elements, it "
                                    "has elements of "
                                 << graph::elementType(y);
  if (failed(checkTargets(targets)))
    return failure();
  ReverseRequest request;
  request.outputs = {y};
  request.dOutputs = {
      graph::splat(b, gradientLocation(y.getLoc(), "output"), graph::elementType(y), dimsOf(y), 1)};
  request.targets.assign(targets.begin(), targets.end());
  if (failed(reverseBlock(*b.getInsertionBlock(), b.saveInsertionPoint(), request)))
    return failure();
  fillZeros(b, targets, request.dTargets);
  return request.dTargets;
}

FailureOr<llvm::SmallVector<Value>> gradientsOrNull(func::FuncOp function, Value loss,
                                                    llvm::ArrayRef<Value> targets,
                                                    Operation **firstBackward) {
  auto lossType = llvm::cast<RankedTensorType>(loss.getType());
  if (!isFloat(loss) || lossType.getRank() != 0)
    return emitError(loss.getLoc())
           << "the loss must be a floating-point scalar to be differentiated, it is "
           << lossType.getElementType() << " of shape " << str(dimsOf(lossType));
  if (failed(checkTargets(targets)))
    return failure();
  Block &body = function.getBody().front();
  OpBuilder b(body.getTerminator());
  Location loc = gradientLocation(loss.getLoc(), "loss");
  ReverseRequest request;
  request.outputs = {loss};
  request.dOutputs = {graph::splat(b, loc, lossType.getElementType(), {}, 1)};
  if (firstBackward)
    *firstBackward = request.dOutputs[0].getDefiningOp();
  request.targets.assign(targets.begin(), targets.end());
  if (failed(reverseBlock(body, b.saveInsertionPoint(), request)))
    return failure();
  return request.dTargets;
}

FailureOr<llvm::SmallVector<Value>> differentiate(func::FuncOp function, Value loss,
                                                  llvm::ArrayRef<Value> targets) {
  auto gradients = gradientsOrNull(function, loss, targets);
  if (failed(gradients))
    return failure();
  OpBuilder b(function.getBody().front().getTerminator());
  fillZeros(b, targets, *gradients);
  return gradients;
}

} // namespace ingot
