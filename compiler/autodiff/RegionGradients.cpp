// Gradients of ops with regions: a choice becomes the choice of two backward passes, a scan becomes
// a scan in the other direction over values that the forward one stacks for it.
#include "compiler/autodiff/Reverse.h"
#include "compiler/prepare/Prepare.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace ingot {

using graph::IfOp;
using graph::ScanOp;
using graph::YieldOp;
using Values = llvm::SmallVector<Value>;

void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (isOpTriviallyDead(&op)) {
      op.erase();
      continue;
    }
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        eraseDead(inner);
  }
}

namespace {

Value zeroOf(OpBuilder &b, Location loc, Value like) {
  return graph::splat(b, loc, graph::elementType(like), dimsOf(like), 0);
}

/// The inputs, of a range of them, that a gradient is wanted of.
struct Wanted {
  Values values;                       // floats, with isWanted
  llvm::SmallVector<size_t> positions; // where they stand among the op's inputs
  Wanted(ValueRange inputs, size_t first, size_t count, llvm::function_ref<bool(Value)> isWanted) {
    for (size_t i = first; i < first + count; ++i)
      if (isFloat(inputs[i]) && isWanted(inputs[i])) {
        values.push_back(inputs[i]);
        positions.push_back(i);
      }
  }
};

/// The backward pass of one branch: its forward ops again, their reverse, the gradients yielded.
LogicalResult reverseBranch(Region &from, Region &to, ValueRange dResults, Location loc,
                            const Values &targets) {
  IRMapping mapping;
  from.cloneInto(&to, mapping);
  Block &block = to.front();
  auto yield = llvm::cast<YieldOp>(block.getTerminator());
  ReverseRequest request;
  for (auto [value, d] : llvm::zip_equal(yield.getValues(), dResults))
    if (d) {
      request.outputs.push_back(value);
      request.dOutputs.push_back(d);
    }
  request.targets = targets;
  OpBuilder b(yield);
  if (failed(reverseBlock(block, b.saveInsertionPoint(), request)))
    return failure();
  for (auto [target, d] : llvm::zip_equal(targets, request.dTargets))
    if (!d)
      d = zeroOf(b, loc, target);
  yield->setOperands(request.dTargets);
  eraseDead(block);
  return success();
}

FailureOr<Values> reverseIf(OpBuilder &b, IfOp op, ValueRange dResults, ValueRange inputs,
                            llvm::function_ref<bool(Value)> isWanted) {
  Wanted wanted(inputs, 0, inputs.size(), isWanted);
  Location loc = gradientLocation(op.getLoc(), "if");
  auto reversed = IfOp::create(b, loc, ValueRange(wanted.values).getTypes(), op.getCondition());
  LogicalResult first =
      reverseBranch(op.getThenRegion(), reversed.getThenRegion(), dResults, loc, wanted.values);
  LogicalResult second =
      reverseBranch(op.getElseRegion(), reversed.getElseRegion(), dResults, loc, wanted.values);
  if (failed(first) || failed(second)) {
    reversed.erase();
    return failure();
  }
  Values gradients(inputs.size());
  for (auto [position, d] : llvm::zip_equal(wanted.positions, reversed.getResults()))
    gradients[position] = d;
  return gradients;
}

/// Builds the body of the backward scan, and with it learns what the forward scan must stack.
class ScanReversal {
public:
  ScanReversal(OpBuilder &b, ScanOp op, ValueRange dResults, ValueRange inputs,
               llvm::function_ref<bool(Value)> isWanted)
      : b(b), op(op), loc(gradientLocation(op.getLoc(), "scan")), dResults(dResults),
        carried(inputs, 0, op.getCarried().size(), [](Value) { return true; }),
        sliced(inputs, op.getCarried().size(), op.getInputs().size(), isWanted),
        captured(inputs, op.getNumOperands(), inputs.size() - op.getNumOperands(), isWanted),
        inputCount(inputs.size()) {}

  FailureOr<Values> run() {
    decomposeComposites(op, [](Operation *o) { return llvm::isa<graph::Differentiable>(o); });
    // The body grows inside of an op without operands, which is what passes over regions expect.
    OpBuilder at(op.getContext());
    at.restoreInsertionPoint(b.saveInsertionPoint());
    auto shell = ScanOp::create(at, loc, TypeRange(), op.getTripsAttr(), ValueRange(), ValueRange(),
                                b.getBoolAttr(!op.getReverse()));
    block = &shell.getBody().emplaceBlock();
    makeArguments();
    cloneForward();
    FailureOr<Values> gradients = failure();
    if (succeeded(reverseBody())) {
      saveWhatIsRead();
      gradients = makeBackward(stackSaved(), shell.getBody());
    }
    shell.erase();
    return gradients;
  }

private:
  Block &body() { return op.getBody().front(); }
  BlockArgument argument(Type type) { return block->addArgument(type, loc); }

  /// position; gradients of carried values, sums for captured ones; slices of the stacked results'
  /// gradients and of the inputs; last, what is saved.
  void makeArguments() {
    mapping.map(op.getPosition(), argument(op.getPosition().getType()));
    for (Value v : carried.values)
      dCarried.push_back(argument(v.getType()));
    for (Value v : captured.values)
      sums.push_back(argument(v.getType()));
    auto yielded = llvm::cast<YieldOp>(body().getTerminator()).getValues();
    size_t carriedCount = op.getCarried().size();
    for (size_t i = carriedCount; i < dResults.size(); ++i)
      if (dResults[i]) {
        dStacked.push_back(argument(yielded[i].getType()));
        dStackedOf.push_back(i);
        scanInputs.push_back(dResults[i]);
      }
    for (auto [input, slice] : llvm::zip_equal(op.getInputs(), op.getInputArguments())) {
      mapping.map(slice, argument(slice.getType()));
      scanInputs.push_back(input);
    }
  }

  void cloneForward() {
    // What is carried enters as an argument for now; it is one more value that may be saved.
    for (BlockArgument v : op.getCarriedArguments()) {
      mapping.map(v, argument(v.getType()));
      forwardValues.push_back({v, mapping.lookup<Value>(v)});
      scanInputs.push_back(Value());
    }
    OpBuilder at(op.getContext());
    at.setInsertionPointToEnd(block);
    for (Operation &inner : body().without_terminator()) {
      Operation *copy = at.clone(inner, mapping);
      forwardOps.insert(copy);
      if (copy->getNumOperands() != 0 || !isPure(copy))
        for (auto [v, c] : llvm::zip_equal(inner.getResults(), copy->getResults()))
          forwardValues.push_back({v, c});
    }
  }

  LogicalResult reverseBody() {
    auto yielded = llvm::cast<YieldOp>(body().getTerminator()).getValues();
    ReverseRequest request;
    for (auto [position, d] : llvm::zip_equal(carried.positions, dCarried)) {
      request.outputs.push_back(mapping.lookupOrDefault(yielded[position]));
      request.dOutputs.push_back(d);
    }
    for (auto [position, d] : llvm::zip_equal(dStackedOf, dStacked)) {
      request.outputs.push_back(mapping.lookupOrDefault(yielded[position]));
      request.dOutputs.push_back(d);
    }
    for (size_t position : carried.positions)
      request.targets.push_back(mapping.lookup<Value>(op.getCarriedArguments()[position]));
    for (size_t position : sliced.positions)
      request.targets.push_back(
          mapping.lookup<Value>(op.getInputArguments()[position - op.getCarried().size()]));
    llvm::append_range(request.targets, captured.values);
    OpBuilder::InsertPoint end(block, block->end());
    if (failed(reverseBlock(*block, end, request)))
      return failure();
    yieldGradients(request.dTargets);
    return success();
  }

  /// The gradients of carried values and the sums, then those of slices, which are stacked.
  void yieldGradients(llvm::ArrayRef<Value> d) {
    OpBuilder at(op.getContext());
    at.setInsertionPointToEnd(block);
    size_t nc = carried.values.size(), ns = sliced.values.size();
    Values next, slices;
    for (size_t i = 0; i < nc; ++i)
      next.push_back(d[i] ? d[i] : zeroOf(at, loc, dCarried[i]));
    for (size_t i = 0; i < ns; ++i) {
      Value slice = op.getInputArguments()[sliced.positions[i] - op.getCarried().size()];
      slices.push_back(d[nc + i] ? d[nc + i] : zeroOf(at, loc, slice));
    }
    for (auto [sum, more] : llvm::zip_equal(sums, d.drop_front(nc + ns)))
      next.push_back(more ? Value(graph::AddOp::create(at, loc, sum, more)) : sum);
    llvm::append_range(next, slices);
    YieldOp::create(at, loc, next);
  }

  /// A forward value that the backward ops read becomes an argument; then the copies of forward ops
  /// are dead, and so are arguments that nothing reads.
  void saveWhatIsRead() {
    size_t carriedCount = op.getCarried().size();
    for (auto [index, pair] : llvm::enumerate(forwardValues)) {
      auto [original, copy] = pair;
      auto isRead = [&](OpOperand &use) {
        return !forwardOps.contains(block->findAncestorOpInBlock(*use.getOwner()));
      };
      if (index < carriedCount || llvm::none_of(copy.getUses(), isRead))
        continue;
      Value saved = argument(copy.getType());
      scanInputs.push_back(Value());
      savedValues.push_back(original);
      copy.replaceUsesWithIf(saved, isRead);
    }
    eraseDead(*block);
    Values all;
    llvm::append_range(all, llvm::map_range(llvm::ArrayRef(forwardValues).take_front(carriedCount),
                                            [](auto &pair) { return pair.first; }));
    llvm::append_range(all, savedValues);
    savedValues.clear();
    size_t fixed = 1 + dCarried.size() + sums.size(), next = 0;
    llvm::BitVector unused(block->getNumArguments());
    Values keptInputs;
    for (auto [i, input] : llvm::enumerate(scanInputs)) {
      bool dead = block->getArgument(fixed + i).use_empty();
      Value saved = input ? Value() : all[next++];
      if (dead) {
        unused.set(fixed + i);
        continue;
      }
      keptInputs.push_back(input);
      if (saved)
        savedValues.push_back(saved);
    }
    scanInputs = keptInputs;
    block->eraseArguments(unused);
  }

  /// The forward scan with the saved values stacked as further results. The former op stays without
  /// uses, because the caller may hold its results.
  ScanOp stackSaved() {
    if (savedValues.empty())
      return op;
    llvm::SmallVector<Type> types(op.getResultTypes());
    for (Value v : savedValues) {
      Dims dims = dimsOf(v);
      dims.insert(dims.begin(), op.getTripCount());
      types.push_back(tensorType(dims, graph::elementType(v)));
    }
    OpBuilder at(op);
    auto forward = ScanOp::create(at, op.getLoc(), types, op.getTripsAttr(), op.getCarried(),
                                  op.getInputs(), op.getReverseAttr());
    IRMapping copies;
    op.getBody().cloneInto(&forward.getBody(), copies);
    Operation *yield = forward.getBody().front().getTerminator();
    for (Value v : savedValues)
      yield->insertOperands(yield->getNumOperands(), copies.lookup(v));
    op.replaceAllUsesWith(forward.getResults().take_front(op.getNumResults()));
    return forward;
  }

  Values makeBackward(ScanOp forward, Region &grown) {
    size_t saved = op.getNumResults();
    for (Value &input : scanInputs)
      if (!input)
        input = forward.getResult(saved++);
    Values initial;
    for (size_t position : carried.positions)
      initial.push_back(dResults[position] ? dResults[position]
                                           : zeroOf(b, loc, op.getCarried()[position]));
    for (Value v : captured.values)
      initial.push_back(zeroOf(b, loc, v));
    llvm::SmallVector<Type> types(ValueRange(initial).getTypes());
    llvm::append_range(types, ValueRange(sliced.values).getTypes());
    auto backward = ScanOp::create(b, loc, types, op.getTripsAttr(), initial, scanInputs,
                                   b.getBoolAttr(!op.getReverse()));
    backward.getBody().takeBody(grown);
    Values gradients(inputCount);
    llvm::SmallVector<size_t> positions(carried.positions);
    llvm::append_range(positions, captured.positions);
    llvm::append_range(positions, sliced.positions);
    for (auto [position, d] : llvm::zip_equal(positions, backward.getResults()))
      gradients[position] = d;
    return gradients;
  }

  OpBuilder &b;
  ScanOp op;
  Location loc;
  ValueRange dResults;
  Wanted carried, sliced, captured;
  size_t inputCount;

  Block *block = nullptr; // the backward body
  IRMapping mapping;      // forward body -> its copy in the backward body
  Values dCarried, sums, dStacked;
  llvm::SmallVector<size_t> dStackedOf; // numbers of the results
  llvm::DenseSet<Operation *> forwardOps;
  llvm::SmallVector<std::pair<Value, Value>> forwardValues; // (in the forward body, copy)
  Values savedValues; // of the forward body, in the order of their arguments
  Values scanInputs;  // operands of the backward scan; null: the next saved value
};

} // namespace

bool isFloat(Value v) {
  auto type = llvm::dyn_cast<RankedTensorType>(v.getType());
  return type && llvm::isa<FloatType>(type.getElementType());
}

bool hasRegionGradient(Operation *op) { return llvm::isa<IfOp, ScanOp>(op); }

FailureOr<Values> reverseRegionOp(OpBuilder &b, Operation *op, ValueRange dResults,
                                  ValueRange inputs, llvm::function_ref<bool(Value)> isWanted) {
  if (auto choice = llvm::dyn_cast<IfOp>(op))
    return reverseIf(b, choice, dResults, inputs, isWanted);
  return ScanReversal(b, llvm::cast<ScanOp>(op), dResults, inputs, isWanted).run();
}

} // namespace ingot
