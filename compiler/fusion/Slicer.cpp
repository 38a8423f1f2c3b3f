// See Slicer.h. A walk in program order collects runs of kernels; each run becomes the body of a
// scan, copied with the batch taken out of its types.
#include "compiler/fusion/Slicer.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"
#include "ir/exec/Winograd.h"
#include "ir/reference/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {

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

Value mapKernel(OpBuilder &b, Location loc, llvm::StringRef name, Value input,
                llvm::ArrayRef<Dim> domain, llvm::function_ref<Value(OpBuilder &, Value)> nest) {
  auto attributes = llvm::map_to_vector(domain, [](Dim d) { return d.asAttribute(); });
  Type type = tensorType(domain, getElementTypeOrSelf(input));
  auto kernel = exec::KernelOp::create(b, loc, type, input, b.getStringAttr(name),
                                       graph::DimsAttr::get(b.getContext(), attributes));
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&kernel.getBody(), {}, input.getType(), loc);
  exec::YieldOp::create(b, loc, nest(b, body->getArgument(0)));
  return kernel.getOutputs()[0];
}

namespace {

/// How an op uses the batch.
enum class Use {
  Sliced, // computes each slice of its results from that slice of its operands
  Shared, // has nothing to do with it
  Mixed,  // all else
};

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
    if (how.rows)
      return first == how.rows ? std::optional(Dim::constant(first.context(), how.rowsInSlice))
                               : std::nullopt;
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
    return nest.getParallel() > 0 && inSlice(loops[0]) && !(how.parallel && hasChecks(nest)) &&
           !(how.rows && (hasChecks(nest) || mayTrap(nest)));
  }
  /// Whether rows of zeros could stop the program.
  static bool mayTrap(exec::NestOp nest) {
    return llvm::any_of(nest.getBody().front(), [](Operation &op) {
      return llvm::isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op);
    });
  }
  /// Whether it must be told which slice it computes.
  static bool asksForSlice(exec::NestOp nest) { return usesIndex(nest, 0) && !paddingOf(nest); }
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

  /// Whether the tensor grows with the product of sizes that are not known, as attention's scores
  /// do.
  static bool isUnbounded(Type type) {
    return llvm::count_if(dimsOf(type), [](Dim d) { return !d.isStatic(); }) > 1;
  }

  /// Whether what passes through the op outweighs what it would read again for each slice.
  bool isWorthIt(Operation *op, llvm::ArrayRef<Use> uses) const {
    int64_t passing = 0, shared = 0;
    bool isLarge = false;
    auto pass = [&](Type slice) {
      passing += bytesOf(slice);
      isLarge |= isUnbounded(slice);
    };
    for (auto [operand, use] : llvm::zip(op->getOperands(), uses))
      if (use == Use::Sliced)
        pass(sliceOf(operand.getType()));
      else
        shared += bytesOf(operand.getType());
    for (Value result : op->getResults())
      if (isSliced(result))
        pass(sliceOf(result.getType()));
    return (isLarge || passing >= how.leastBytes) && shared <= how.mostShared * passing;
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
    if (kernels > 1 && (hasProduct || !how.products) && mostStaysInside() && !keepsScores())
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
  /// Whether what must be cut off after rows that are filled up is as large as scores are.
  bool keepsScores() const {
    return how.rows && llvm::any_of(members, [&](Operation *op) {
             return exec::isDispatch(op) && llvm::any_of(op->getResults(), [&](Value result) {
                      return isUnbounded(result.getType()) && leaves(result);
                    });
           });
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
  /// A member's copy over one slice, the one at this position.
  void copy(Operation *op, OpBuilder &b, IRMapping &slices, Value position);
  /// Gives the kernel's nests the indices they have in the whole.
  static void shiftIndices(exec::KernelOp kernel, Value position);
  /// The tensor with as many rows as all slices have, and back.
  Value fillUp(OpBuilder &b, Location loc, Value tensor) const;
  Value cutOff(OpBuilder &b, Location loc, Value tensor) const;
  Dim filledRows() const { return batch * how.rowsInSlice; }
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

void Slicer::shiftIndices(exec::KernelOp kernel, Value position) {
  auto nests = kernel.getBody().getOps<exec::NestOp>();
  if (llvm::none_of(nests, asksForSlice))
    return;
  kernel->insertOperands(kernel->getNumOperands(), position);
  Value inside = kernel.getBody().addArgument(position.getType(), kernel.getLoc());
  for (exec::NestOp nest : nests) {
    if (!asksForSlice(nest))
      continue;
    Dims loops = loopDims(nest);
    nest->insertOperands(nest->getNumOperands(), inside);
    llvm::SmallVector<Attribute> accesses(nest.getAccesses().getValue());
    accesses.push_back(AffineMapAttr::get(AffineMap::get(loops.size(), 0, nest.getContext())));
    nest.setAccessesAttr(ArrayAttr::get(nest.getContext(), accesses));
    Block &body = nest.getBody().front();
    Location loc = nest.getLoc();
    OpBuilder b = OpBuilder::atBlockBegin(&body);
    Value number = body.addArgument(getElementTypeOrSelf(position), loc),
          local = body.getArgument(0);
    Value before =
        arith::MulIOp::create(b, loc, arith::IndexCastOp::create(b, loc, b.getIndexType(), number),
                              exec::indexConstant(b, loc, loops[0].value()));
    Value index = arith::AddIOp::create(b, loc, before, local);
    local.replaceAllUsesExcept(index, index.getDefiningOp());
  }
}

Value Slicer::fillUp(OpBuilder &b, Location loc, Value tensor) const {
  Dims dims = dimsOf(tensor);
  Type element = getElementTypeOrSelf(tensor);
  auto rows = graph::DimsAttr::get(b.getContext(), {dims[0].asAttribute()});
  dims[0] = filledRows();
  return mapKernel(b, loc, "rows", tensor, dims, [&](OpBuilder &inner, Value all) {
    return exec::nest(
        inner, loc, dims, dims.size(), exec::Access{all, AffineMap()}, exec::Combiner::None,
        element, [&](OpBuilder &point, ValueRange at, ValueRange read) {
          Value isThere =
              arith::CmpIOp::create(point, loc, arith::CmpIPredicate::ult, at[0],
                                    exec::ExtentOp::create(point, loc, point.getIndexType(), rows));
          Value zero = exec::scalarConstant(point, loc, element, 0);
          return llvm::SmallVector<Value>{
              exec::ReadOp::create(point, loc, element, read[0], at, isThere, zero)};
        })[0];
  });
}

Value Slicer::cutOff(OpBuilder &b, Location loc, Value tensor) const {
  Dims dims = dimsOf(tensor);
  dims[0] = how.rows;
  return mapKernel(b, loc, "rows", tensor, dims, [&](OpBuilder &inner, Value all) {
    return moved(inner, loc, dims, all, inner.getMultiDimIdentityMap(dims.size()));
  });
}

void Slicer::copy(Operation *op, OpBuilder &b, IRMapping &slices, Value position) {
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
    shiftIndices(kernel, position);
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
    stackedInputs.push_back(viewAs(how.rows ? fillUp(b, input.getLoc(), input) : input,
                                   stacked(sliceOf(input.getType()))));
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
    copy(op, b, slices, body->getArgument(0));
  llvm::SmallVector<Value> yields;
  for (auto [value, type] : llvm::zip(leaving, types))
    yields.push_back(
        viewAs(slices.lookup(value), withoutFirst(llvm::cast<RankedTensorType>(type))));
  exec::YieldOp::create(b, loc, yields);

  b.setInsertionPointAfter(scan);
  llvm::SmallVector<Value> made(scan.getResults());
  if (how.rows)
    for (auto [all, root] : llvm::zip(made, leaving)) {
      Dims dims = dimsOf(root);
      dims[0] = filledRows();
      all = cutOff(b, loc, viewAs(all, tensorType(dims, getElementTypeOrSelf(root))));
    }
  for (Value output : outputs) {
    Value all = made[llvm::find(leaving, rootOf(output)) - leaving.begin()];
    output.replaceUsesWithIf(viewAs(all, output.getType()),
                             [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  }
  for (Operation *op : llvm::reverse(members))
    op->erase();
}

} // namespace

void slice(Block &block, const Slicing &how) { Slicer(block, how).run(); }

} // namespace ingot
