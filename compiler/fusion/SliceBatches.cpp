// See SliceBatches.h. A walk in program order collects runs of kernels; each run becomes the body
// of a scan, copied with the batch taken out of its types.
#include "compiler/fusion/SliceBatches.h"
#include "compiler/fusion/CollapseLoops.h"
#include "compiler/fusion/Structure.h"
#include "ir/exec/Control.h"
#include "ir/exec/Winograd.h"
#include "ir/reference/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// How an op uses the batch.
enum class Use {
  Sliced, // computes each slice of its results from that slice of its operands
  Shared, // has nothing to do with it
  Mixed,  // all else
};

/// What is sliced, and how.
struct Slicing {
  Dim batch;
  int64_t leastBytes;     // that an op reads and makes of a slice
  bool parallel = false;  // slices side by side, each by one thread
  bool products = false;  // only runs that have a product of slices with slices, of this very batch
  int64_t mostShared = 1; // times what passes through an op: what it may read again for each slice
};

/// Attention's scores for one head that are more than this are never whole; a tile of their rows is
/// at most so much.
constexpr int64_t mostScoreBytes = 512 << 10, tileBytes = 256 << 10;

/// Whether the loop runs over products of matrices: both operands move with it.
bool isBatched(exec::NestOp nest, unsigned loop) {
  auto c = matchContraction(nest);
  return c && loop < nest.getParallel() && !isConstant(c->aStrides[loop], 0) &&
         !isConstant(c->bStrides[loop], 0);
}
bool isBatched(Operation *op, unsigned loop) {
  auto kernel = llvm::dyn_cast<exec::KernelOp>(op);
  return kernel && llvm::any_of(kernel.getBody().getOps<exec::NestOp>(),
                                [&](exec::NestOp nest) { return isBatched(nest, loop); });
}

class Slicer {
public:
  Slicer(Block &block, const Slicing &how) : block(block), how(how), batch(how.batch) {}

  void run() {
    llvm::SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      ops.push_back(&op);
    for (Operation *op : ops)
      visit(op);
    close();
  }

private:
  // Which values have the batch as (part of) their first dimension.

  /// Elements of the first dimension that belong to one slice; null where slices are none.
  std::optional<Dim> inSlice(Dim first) const {
    auto part = Dim::exactDiv(first, batch);
    return part && part->isStatic() && (!how.products || isConstant(*part, 1)) ? part
                                                                               : std::nullopt;
  }
  bool isSliced(Value value) const {
    Dims dims = dimsOf(value);
    return !dims.empty() && inSlice(dims[0]).has_value();
  }
  /// The type of one slice.
  RankedTensorType sliceOf(Type type) const {
    Dims dims = dimsOf(type);
    dims[0] = *inSlice(dims[0]);
    return tensorType(dims, getElementTypeOrSelf(type));
  }
  /// Of what a scan takes slices of: the batch alone, then the slice's dimensions.
  RankedTensorType stacked(Type slice) const {
    Dims dims = dimsOf(slice);
    if (isConstant(dims[0], 1))
      dims.erase(dims.begin());
    dims.insert(dims.begin(), batch);
    return tensorType(dims, getElementTypeOrSelf(slice));
  }
  static RankedTensorType withoutFirst(RankedTensorType type) {
    Dims dims = dimsOf(type);
    dims.erase(dims.begin());
    return tensorType(dims, type.getElementType());
  }

  // Which ops compute slice by slice.

  /// How the nest reads an input whose slices would be `sliced`; Mixed where it is of no use.
  Use useOf(exec::NestOp nest, unsigned input) const {
    AffineMap map = accessMap(nest, input);
    Value tensor = nest.getInputs()[input];
    if (!map) {
      // Zeros around the tensor, which is read from the start of its first dimension.
      auto padding = paddingOf(nest);
      bool fits = padding && padding->source == tensor && padding->low[0] == 0 &&
                  !padding->isChecked[0] && dimsOf(tensor)[0] == loopDims(nest)[0];
      return fits ? Use::Sliced : Use::Mixed;
    }
    if (!map.isFunctionOfDim(0))
      return Use::Shared;
    auto first = llvm::dyn_cast<AffineDimExpr>(map.getResult(0));
    if (!first || first.getPosition() != 0 || dimsOf(tensor)[0] != loopDims(nest)[0])
      return Use::Mixed;
    for (AffineExpr expr : map.getResults().drop_front())
      if (expr.isFunctionOfDim(0))
        return Use::Mixed;
    return Use::Sliced;
  }

  bool isSliced(exec::NestOp nest) const {
    Dims loops = loopDims(nest);
    return nest.getParallel() > 0 && inSlice(loops[0]) && (!usesIndices(nest) || paddingOf(nest)) &&
           !(how.parallel && hasChecks(nest));
  }
  bool isSliced(exec::WinogradOp winograd) const { return dimsOf(winograd.getX())[0] == batch; }

  /// By operand of the kernel; nothing where it does not compute slice by slice.
  std::optional<llvm::SmallVector<Use>> usesOf(exec::KernelOp kernel) const {
    llvm::DenseMap<Value, Use> known;
    auto note = [&](Value tensor, Use use) {
      auto [it, isNew] = known.try_emplace(tensor, use);
      return use != Use::Mixed && (isNew || it->second == use);
    };
    for (Operation &op : kernel.getBody().front().without_terminator()) {
      if (auto winograd = llvm::dyn_cast<exec::WinogradOp>(op)) {
        if (!isSliced(winograd) || !note(winograd.getX(), Use::Sliced) ||
            !note(winograd.getKernel(), Use::Shared) || !note(winograd.getResult(), Use::Sliced))
          return std::nullopt;
        continue;
      }
      auto nest = llvm::dyn_cast<exec::NestOp>(op);
      if (!nest || !isSliced(nest))
        return std::nullopt;
      for (unsigned i = 0; i < nest.getInputs().size(); ++i)
        if (!note(nest.getInputs()[i], useOf(nest, i)))
          return std::nullopt;
      for (Value output : nest.getOutputs())
        if (!note(output, Use::Sliced))
          return std::nullopt;
    }
    llvm::SmallVector<Use> uses;
    for (Value argument : kernel.getBody().getArguments())
      uses.push_back(known.count(argument) ? known.lookup(argument) : Use::Shared);
    return uses;
  }

  std::optional<llvm::SmallVector<Use>> usesOf(Operation *op) const {
    if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op))
      return usesOf(kernel);
    if (auto view = llvm::dyn_cast<exec::ViewOp>(op))
      if (!view.getChecked() && isSliced(view.getX()) && isSliced(view.getResult()))
        return llvm::SmallVector<Use>{Use::Sliced};
    return std::nullopt;
  }

  // Which of them are run so.

  static int64_t bytesOf(Type type) {
    int64_t bytes = reference::elementBytes(getElementTypeOrSelf(type));
    for (Dim d : dimsOf(type))
      bytes *= estimate(d);
    return bytes;
  }

  /// Whether what passes through the op outweighs what it would read again for each slice.
  bool isWorthIt(Operation *op, llvm::ArrayRef<Use> uses) const {
    int64_t passing = 0, shared = 0;
    for (auto [operand, use] : llvm::zip(op->getOperands(), uses))
      if (use == Use::Sliced)
        passing += bytesOf(sliceOf(operand.getType()));
      else
        shared += bytesOf(operand.getType());
    for (Value result : op->getResults())
      if (isSliced(result))
        passing += bytesOf(sliceOf(result.getType()));
    return passing >= how.leastBytes && shared <= how.mostShared * passing;
  }

  void visit(Operation *op) {
    auto uses = usesOf(op);
    if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op); kernel && uses)
      for (auto [use, operand] : llvm::zip(*uses, op->getOperands()))
        if (use == Use::Shared && members.contains(operand.getDefiningOp()))
          uses.reset(); // it reads other slices of what the run makes
    bool joins =
        uses && (llvm::isa<exec::ViewOp>(op) ? members.contains(op->getOperand(0).getDefiningOp())
                                             : isWorthIt(op, *uses));
    if (joins) {
      members.insert(op);
      usesOfMember[op] = *uses;
      return;
    }
    // What needs nothing of the run may come before it.
    bool isFree =
        llvm::isa<exec::KernelOp, exec::ViewOp, exec::ConstantOp, exec::ReadVariableOp>(op);
    if (isFree && llvm::none_of(op->getOperands(),
                                [&](Value used) { return members.contains(used.getDefiningOp()); }))
      return others.push_back(op);
    close();
  }

  /// Makes a scan of the run where it has two kernels or more, and begins the next.
  void close() {
    int64_t kernels = llvm::count_if(members, [](Operation *op) { return exec::isDispatch(op); });
    bool hasProduct = llvm::any_of(members, [](Operation *op) { return isBatched(op, 0); });
    if (kernels > 1 && (hasProduct || !how.products) && mostStaysInside())
      emit();
    members.clear();
    usesOfMember.clear();
    others.clear();
  }

  /// Whether of what the run makes more is needed in it alone than is needed later: a training step
  /// keeps what its gradients need, and would gain nothing.
  bool mostStaysInside() const {
    int64_t inside = 0, leaving = 0;
    for (Operation *op : members)
      if (exec::isDispatch(op))
        for (Value result : op->getResults())
          (leaves(result) ? leaving : inside) += bytesOf(result.getType());
    return inside >= leaving;
  }
  bool leaves(Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      if (!members.contains(user))
        return true;
      auto view = llvm::dyn_cast<exec::ViewOp>(user);
      return view && leaves(view.getResult());
    });
  }

  void emit();
  /// A member's copy over one slice.
  void copy(Operation *op, OpBuilder &b, IRMapping &slices);
  /// Takes the batch out of an op of a kernel's body.
  void shrink(Operation *op);

  Block &block;
  Slicing how;
  Dim batch;
  llvm::SetVector<Operation *> members;
  llvm::DenseMap<Operation *, llvm::SmallVector<Use>> usesOfMember;
  llvm::SmallVector<Operation *> others; // between members, in need of none
};

void Slicer::shrink(Operation *op) {
  if (auto winograd = llvm::dyn_cast<exec::WinogradOp>(op)) {
    winograd.getResult().setType(sliceOf(winograd.getResult().getType()));
    Dims workspace = dimsOf(winograd.getWorkspace());
    workspace[0] = exec::winogradTasks(dimsOf(winograd.getResult()), winograd.getOutputs(),
                                       winograd.getBlockTiles(), winograd.getParts());
    Type element = getElementTypeOrSelf(winograd.getWorkspace());
    winograd.getWorkspace().setType(tensorType(workspace, element));
    return;
  }
  auto nest = llvm::cast<exec::NestOp>(op);
  llvm::SmallVector<Attribute> bounds(nest.getBounds().getExprs());
  bounds[0] = inSlice(Dim(bounds[0]))->asAttribute();
  nest.setBoundsAttr(graph::DimsAttr::get(op->getContext(), bounds));
  for (Value result : nest.getOutputs())
    result.setType(sliceOf(result.getType()));
  auto elements = nest.getBody().getArguments().drop_front(bounds.size());
  for (unsigned i = 0; i < nest.getInputs().size(); ++i)
    if (!accessMap(nest, i))
      elements[i].setType(nest.getInputs()[i].getType());
}

void Slicer::copy(Operation *op, OpBuilder &b, IRMapping &slices) {
  IRMapping mapping;
  for (auto [operand, use] : llvm::zip(op->getOperands(), usesOfMember[op]))
    if (use == Use::Sliced)
      mapping.map(operand, slices.lookup(operand));
  Operation *made = b.clone(*op, mapping);
  if (auto view = llvm::dyn_cast<exec::ViewOp>(made))
    view.getResult().setType(sliceOf(view.getResult().getType()));
  if (auto kernel = llvm::dyn_cast<exec::KernelOp>(made)) {
    llvm::SmallVector<Attribute> domain(kernel.getDomain().getExprs());
    domain[0] = inSlice(Dim(domain[0]))->asAttribute();
    kernel.setDomainAttr(graph::DimsAttr::get(op->getContext(), domain));
    for (auto [argument, operand] : llvm::zip(kernel.getBody().getArguments(), kernel.getInputs()))
      argument.setType(operand.getType());
    for (Operation &inner : kernel.getBody().front().without_terminator())
      shrink(&inner);
    for (auto [result, yielded] :
         llvm::zip(kernel.getOutputs(), kernel.getBody().front().getTerminator()->getOperands()))
      result.setType(yielded.getType());
  }
  for (auto [before, after] : llvm::zip(op->getResults(), made->getResults()))
    slices.map(before, after);
}

void Slicer::emit() {
  OpBuilder b(members.front());
  Location loc = members.front()->getLoc();
  for (Operation *other : others)
    other->moveBefore(members.front());
  llvm::SetVector<Value> inputs, outputs;
  for (Operation *op : members) {
    for (auto [operand, use] : llvm::zip(op->getOperands(), usesOfMember[op]))
      if (use == Use::Sliced && !members.contains(operand.getDefiningOp()))
        inputs.insert(operand);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        outputs.insert(result);
  }
  // A view that leaves is one of what its kernel stacks.
  auto viewAs = [&](Value value, Type type) {
    return value.getType() == type ? value : Value(exec::ViewOp::create(b, loc, type, value));
  };
  llvm::SmallVector<Value> stackedInputs;
  for (Value input : inputs)
    stackedInputs.push_back(viewAs(input, stacked(sliceOf(input.getType()))));
  llvm::SetVector<Value> leaving;
  auto rootOf = [&](Value value) {
    while (auto view = value.getDefiningOp<exec::ViewOp>()) {
      if (!members.contains(view))
        break;
      value = view.getX();
    }
    return value;
  };
  llvm::SmallVector<Type> types;
  for (Value output : outputs)
    if (leaving.insert(rootOf(output)))
      types.push_back(stacked(sliceOf(leaving.back().getType())));
  auto trips = graph::DimsAttr::get(b.getContext(), {batch.asAttribute()});
  auto scan = exec::ScanOp::create(b, loc, types, trips, ValueRange(), stackedInputs);
  if (how.parallel)
    scan->setAttr(exec::kParallelAttr, b.getUnitAttr());
  Block *body = b.createBlock(&scan.getBody());
  body->addArgument(RankedTensorType::get({}, b.getI64Type()), loc);
  IRMapping slices;
  for (auto [input, all] : llvm::zip(inputs, stackedInputs)) {
    auto type = withoutFirst(llvm::cast<RankedTensorType>(all.getType()));
    slices.map(input, viewAs(body->addArgument(type, loc), sliceOf(input.getType())));
  }
  for (Operation *op : members)
    copy(op, b, slices);
  llvm::SmallVector<Value> yields;
  for (auto [value, type] : llvm::zip(leaving, types))
    yields.push_back(
        viewAs(slices.lookup(value), withoutFirst(llvm::cast<RankedTensorType>(type))));
  exec::YieldOp::create(b, loc, yields);

  b.setInsertionPointAfter(scan);
  for (Value output : outputs) {
    auto it = llvm::find(leaving, rootOf(output));
    Value all = scan.getResults()[it - leaving.begin()];
    output.replaceUsesWithIf(viewAs(all, output.getType()),
                             [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  }
  for (Operation *op : llvm::reverse(members))
    op->erase();
}

/// What the function is called with a batch of: the first dimension of its first tensor that has
/// more than one element.
std::optional<Dim> batchOf(func::FuncOp function) {
  for (Value argument : function.getArguments())
    if (Dims dims = dimsOf(argument); dims.size() > 1)
      return isConstant(dims[0], 1) || isConstant(dims[0], 0) ? std::nullopt
                                                              : std::optional(dims[0]);
  return std::nullopt;
}

/// How many products of matrices there are at most in one of the block's kernels, by its first loop
/// of more than one iteration; null: none.
Dim headsOf(Block &block) {
  for (auto kernel : block.getOps<exec::KernelOp>()) {
    auto domain = kernel.getDomain().getExprs();
    size_t loop = !domain.empty() && isConstant(Dim(domain[0]), 1) ? 1 : 0;
    if (loop < domain.size() && isBatched(kernel, loop) && Dim(domain[loop]).isStatic())
      return Dim(domain[loop]);
  }
  return {};
}

/// The kernel's loops but the first, which has one iteration; views of views are views of what
/// those view.
void leaveOutFirstLoops(Block &block, Dim second) {
  for (auto kernel : llvm::to_vector(block.getOps<exec::KernelOp>())) {
    auto domain = kernel.getDomain().getExprs();
    if (domain.size() > 1 && isConstant(Dim(domain[0]), 1) && Dim(domain[1]) == second)
      leaveOutFirstLoop(kernel);
  }
  auto views = llvm::to_vector(block.getOps<exec::ViewOp>());
  for (exec::ViewOp view : views) {
    auto inner = view.getX().getDefiningOp<exec::ViewOp>();
    if (inner && !view.getChecked() && !inner.getChecked())
      view->setOperand(0, inner.getX());
    if (view.getX().getType() == view.getType())
      view.getResult().replaceAllUsesWith(view.getX());
  }
  for (exec::ViewOp view : llvm::reverse(views))
    if (view->use_empty())
      view->erase();
}

/// The scores of one head, a product of which all rows are needed one by one: in tiles of rows.
void sliceRows(Block &block) {
  Dim rows;
  int64_t rowBytes = 0;
  for (auto kernel : block.getOps<exec::KernelOp>()) {
    auto nests = kernel.getBody().getOps<exec::NestOp>();
    Dims dims = dimsOf(kernel.getOutputs()[0]);
    if (rows || dims.size() != 3 || !isConstant(dims[0], 1) || !dims[1].isStatic() ||
        !dims[2].isStatic() ||
        llvm::none_of(nests, [](exec::NestOp nest) { return matchContraction(nest).has_value(); }))
      continue;
    int64_t bytes = reference::elementBytes(getElementTypeOrSelf(kernel.getOutputs()[0]));
    if (bytes * dims[1].value() * dims[2].value() <= mostScoreBytes)
      continue;
    rows = dims[1];
    rowBytes = bytes * dims[2].value();
  }
  if (!rows)
    return;
  int64_t count = rows.value(), tile = std::max<int64_t>(tileBytes / rowBytes, 1);
  while (count % tile != 0)
    --tile;
  constexpr int64_t leastRows = 4; // fewer would not fill a product's registers
  if (tile < leastRows)
    return;
  leaveOutFirstLoops(block, rows);
  Slicing how{Dim::constant(rows.context(), count / tile), 0};
  how.mostShared = 64; // from the cache, for sums of many products
  Slicer(block, how).run();
}

/// Attention's heads: products of small matrices and what is between them, side by side.
void sliceHeads(Block &block, int64_t leastBytes) {
  Dim heads = headsOf(block);
  if (!heads)
    return;
  leaveOutFirstLoops(block, heads);
  Slicer(block, {heads, leastBytes, /*parallel=*/true, /*products=*/true}).run();
  for (auto scan : llvm::to_vector(block.getOps<exec::ScanOp>()))
    if (scan->hasAttr(exec::kParallelAttr))
      sliceRows(scan.getBody().front());
}

} // namespace

void sliceBatches(func::FuncOp function, int64_t leastBytes) {
  Block &block = function.getBody().front();
  auto batch = batchOf(function);
  int64_t leastSideBySide = leastBytes / 4;
  if (batch && (batch->isStatic() || batch->asSymbol())) {
    Slicer(block, {*batch, leastBytes}).run();
    Slicer(block, {*batch, leastSideBySide, /*parallel=*/true}).run();
  }
  for (auto scan : llvm::to_vector(block.getOps<exec::ScanOp>()))
    if (!scan->hasAttr(exec::kParallelAttr))
      sliceHeads(scan.getBody().front(), leastSideBySide);
  sliceHeads(block, leastSideBySide);
}

} // namespace ingot
