// One point, or one vector of points, of a nest: its body on scalars or vectors, what it pulls from
// nests computed in place, and reductions around it. Part of KernelEmitter.
#include "backends/cpu/KernelEmitter.h"
#include "compiler/fusion/Structure.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot::cpu {

/// What the values of a nest's body are while it is emitted.
struct KernelEmitter::Scope {
  llvm::DenseMap<Value, Value> values;  // elements: scalars or vectors
  llvm::DenseMap<Value, Index> indices; // of type index
  llvm::DenseMap<Value, Value> tensors; // whole tensors: the value in the kernel
};

Index KernelEmitter::evaluate(AffineExpr expr, llvm::ArrayRef<Index> loops) {
  if (auto d = llvm::dyn_cast<AffineDimExpr>(expr))
    return loops[d.getPosition()];
  if (auto c = llvm::dyn_cast<AffineConstantExpr>(expr))
    return cb.constant(c.getValue());
  auto binary = llvm::cast<AffineBinaryOpExpr>(expr);
  Index l = evaluate(binary.getLHS(), loops), r = evaluate(binary.getRHS(), loops);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return cb.add(l, r);
  case AffineExprKind::Mul:
    return cb.mul(l, r);
  default:
    break;
  }
  bool uniform = l.uniform() && r.uniform();
  Value x = cb.materialize(l), y = cb.materialize(r);
  if (uniform)
    return cb.uniform(binary.getKind() == AffineExprKind::Mod ? cb.remainder(x, y)
                                                              : cb.floorDiv(x, y));
  x = cb.widen(x);
  y = cb.widen(y);
  Value v = binary.getKind() == AffineExprKind::Mod
                ? Value(arith::RemSIOp::create(builder, cb.loc, x, y))
                : Value(arith::DivSIOp::create(builder, cb.loc, x, y));
  return Index{{}, 0, v};
}

/// What the body's arguments are at the point.
void KernelEmitter::readInputs(exec::NestOp nest, llvm::ArrayRef<Index> loops, Scope &scope,
                               const llvm::SmallBitVector *only) {
  Block &body = nest.getBody().front();
  // In flat mode one linear index stands for all loops, which no body and only identity maps use.
  size_t loopCount = body.getNumArguments() - nest.getInputs().size();
  if (!flat)
    for (auto [argument, index] : llvm::zip(body.getArguments().take_front(loopCount), loops))
      scope.indices[argument] = index;
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    if (only && !only->test(i))
      continue;
    BlockArgument argument = body.getArgument(loopCount + i);
    AffineMap map = accessMap(nest, i);
    if (!map) {
      scope.tensors[argument] = nest.getInputs()[i];
      continue;
    }
    Indices at;
    if (flat)
      at.assign(map.getNumResults() == 0 ? llvm::ArrayRef<Index>() : loops);
    else
      for (AffineExpr expr : map.getResults())
        at.push_back(evaluate(expr, loops));
    scope.values[argument] = pull(nest.getInputs()[i], at);
  }
}

KernelEmitter::Values KernelEmitter::emitBody(exec::NestOp nest, llvm::ArrayRef<Index> loops) {
  Scope scope;
  Block &body = nest.getBody().front();
  readInputs(nest, loops, scope);
  for (Operation &op : body.without_terminator())
    emitOp(op, scope);
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value v) -> Value { return scope.values.lookup(v); });
}

Value KernelEmitter::emitPart(exec::NestOp nest, Value value, llvm::ArrayRef<Operation *> ops,
                              const llvm::SmallBitVector &inputs, llvm::ArrayRef<Index> loops) {
  Scope scope;
  readInputs(nest, loops, scope, &inputs);
  for (Operation *op : ops)
    emitOp(*op, scope);
  return scope.values.lookup(value);
}

void KernelEmitter::emitOp(Operation &op, Scope &scope) {
  if (auto read = llvm::dyn_cast<exec::ReadOp>(op)) {
    scope.values[read.getResult()] = emitRead(read, scope);
    return;
  }
  if (auto check = llvm::dyn_cast<exec::CheckOp>(op))
    return emitCheck(check, scope);
  if (auto extent = llvm::dyn_cast<exec::ExtentOp>(op)) {
    scope.indices[extent.getResult()] = cb.uniform(dim(Dim(extent.getDim().getExprs()[0])));
    return;
  }
  bool usesIndex = llvm::any_of(op.getOperandTypes(), [](Type t) { return t.isIndex(); }) ||
                   llvm::any_of(op.getResultTypes(), [](Type t) { return t.isIndex(); });
  if (usesIndex)
    return emitIndexOp(op, scope);
  IRMapping mapping;
  bool vector = llvm::any_of(
      op.getOperands(), [&](Value v) { return CodeBuilder::isVector(scope.values.lookup(v)); });
  for (Value operand : op.getOperands()) {
    Value v = scope.values.lookup(operand);
    mapping.map(operand, vector ? cb.widen(v) : v);
  }
  Operation *copy = builder.clone(op, mapping);
  for (auto [from, to] : llvm::zip(op.getResults(), copy->getResults())) {
    if (vector)
      to.setType(cb.vectorOf(from.getType()));
    scope.values[from] = to;
  }
}

/// Ops on indices: sums and products stay scalar plus lane stride; the rest is computed on 64-bit
/// integers, as vectors where an operand differs by lane.
void KernelEmitter::emitIndexOp(Operation &op, Scope &scope) {
  auto indexOf = [&](Value v) { return scope.indices.lookup(v); };
  if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op)) {
    scope.indices[constant] = cb.constant(llvm::cast<IntegerAttr>(constant.getValue()).getInt());
    return;
  }
  if (llvm::isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) {
    Index l = indexOf(op.getOperand(0)), r = indexOf(op.getOperand(1));
    if (llvm::isa<arith::SubIOp>(op))
      r = cb.mul(r, cb.constant(-1));
    scope.indices[op.getResult(0)] = llvm::isa<arith::MulIOp>(op) ? cb.mul(l, r) : cb.add(l, r);
    return;
  }
  llvm::SmallVector<Value> operands;
  bool vector = false;
  for (Value operand : op.getOperands()) {
    Value v = operand.getType().isIndex() ? cb.materialize(indexOf(operand))
                                          : scope.values.lookup(operand);
    vector |= CodeBuilder::isVector(v);
    operands.push_back(v);
  }
  if (vector)
    for (Value &v : operands)
      v = cb.widen(v);
  auto typed = [&](Type t) -> Type {
    Type element = t.isIndex() ? cb.i64() : t;
    return vector ? Type(cb.vectorOf(element)) : element;
  };
  Value result;
  if (llvm::isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    Type from = op.getOperand(0).getType().isIndex() ? cb.i64() : op.getOperand(0).getType();
    Type to = op.getResult(0).getType().isIndex() ? cb.i64() : op.getResult(0).getType();
    unsigned fromWidth = from.getIntOrFloatBitWidth(), toWidth = to.getIntOrFloatBitWidth();
    if (fromWidth == toWidth)
      result = operands[0];
    else if (fromWidth > toWidth)
      result = arith::TruncIOp::create(builder, cb.loc, typed(to), operands[0]);
    else if (llvm::isa<arith::IndexCastUIOp>(op))
      result = arith::ExtUIOp::create(builder, cb.loc, typed(to), operands[0]);
    else
      result = arith::ExtSIOp::create(builder, cb.loc, typed(to), operands[0]);
  } else {
    IRMapping mapping;
    for (auto [operand, v] : llvm::zip(op.getOperands(), operands))
      mapping.map(operand, v);
    Operation *copy = builder.clone(op, mapping);
    copy->getResult(0).setType(typed(op.getResult(0).getType()));
    result = copy->getResult(0);
  }
  if (op.getResult(0).getType().isIndex())
    scope.indices[op.getResult(0)] = vector ? Index{{}, 0, result} : cb.uniform(result);
  else
    scope.values[op.getResult(0)] = result;
}

/// A failed check reports its node.
void KernelEmitter::emitCheck(exec::CheckOp op, Scope &scope) {
  Value holds = scope.values.lookup(op.getCondition());
  if (CodeBuilder::isVector(holds)) {
    if (mask) {
      Value all = cb.widen(arith::ConstantOp::create(builder, cb.loc, builder.getBoolAttr(true)));
      holds = arith::SelectOp::create(builder, cb.loc, mask, holds, all);
    }
    holds = vector::ReductionOp::create(builder, cb.loc, vector::CombiningKind::AND, holds);
  }
  Value yes = arith::ConstantOp::create(builder, cb.loc, builder.getBoolAttr(true));
  Value broken = arith::XOrIOp::create(builder, cb.loc, holds, yes);
  auto branch = scf::IfOp::create(builder, cb.loc, broken, false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(branch.thenBlock()->getTerminator());
  reportNode(context, cb, frameLayout, frame, op.getLoc());
}

Value KernelEmitter::emitRead(exec::ReadOp op, Scope &scope) {
  Value tensor = scope.tensors.lookup(op.getTensor());
  Indices at;
  for (Value index : op.getIndices())
    at.push_back(scope.indices.lookup(index));
  auto nest = tensor.getDefiningOp<exec::NestOp>();
  if (!op.getGuard() || (nest && !isMade(tensor) && nest.getInputs().empty())) {
    Value v = pull(tensor, at);
    if (!op.getGuard())
      return v;
    Value guard = scope.values.lookup(op.getGuard()),
          otherwise = scope.values.lookup(op.getOtherwise());
    if (CodeBuilder::isVector(guard) || CodeBuilder::isVector(v) ||
        CodeBuilder::isVector(otherwise)) {
      v = cb.widen(v);
      otherwise = cb.widen(otherwise);
      guard = cb.widen(guard);
    }
    return arith::SelectOp::create(builder, cb.loc, guard, v, otherwise);
  }
  Type element = getElementTypeOrSelf(tensor);
  return guardedLoad(baseOf(tensor), element, placeOf(tensor, at),
                     scope.values.lookup(op.getGuard()), scope.values.lookup(op.getOtherwise()));
}

Value KernelEmitter::guardedLoad(Value base, Type element, Index at, Value guard, Value otherwise) {
  if (!CodeBuilder::isVector(guard)) {
    bool vector = !at.uniform() && cb.lanes > 1;
    Value fallback = vector ? cb.widen(otherwise) : otherwise;
    auto branch = scf::IfOp::create(builder, cb.loc, TypeRange{fallback.getType()}, guard, true);
    OpBuilder::InsertionGuard insertion(builder);
    builder.setInsertionPointToEnd(branch.thenBlock());
    scf::YieldOp::create(builder, cb.loc, load(base, element, at));
    builder.setInsertionPointToEnd(branch.elseBlock());
    scf::YieldOp::create(builder, cb.loc, fallback);
    return branch.getResult(0);
  }
  Value outer = mask;
  mask = outer ? Value(arith::AndIOp::create(builder, cb.loc, outer, guard)) : guard;
  Value loaded =
      cb.widen(at.uniform() && !at.varying ? load(base, element, {at.base, 0, cb.widen(at.base)})
                                           : load(base, element, at));
  mask = outer;
  return arith::SelectOp::create(builder, cb.loc, guard, loaded, cb.widen(otherwise));
}

Value KernelEmitter::pull(Value tensor, llvm::ArrayRef<Index> indices) {
  if (auto it = providers.find(tensor); it != providers.end())
    return it->second(indices);
  auto nest = tensor.getDefiningOp<exec::NestOp>();
  if (auto it = interior && nest ? paddings.find(nest) : paddings.end(); it != paddings.end()) {
    Indices at;
    for (auto [index, low] : llvm::zip(indices, it->second.low))
      at.push_back(cb.add(index, cb.constant(-low)));
    return pull(it->second.source, at);
  }
  if (nest && !isMade(tensor)) {
    Values values = isMap(nest) ? emitBody(nest, indices) : reduce(nest, indices, false);
    return values[llvm::cast<OpResult>(tensor).getResultNumber()];
  }
  Index at = flat ? (indices.empty() ? cb.constant(0) : indices[0]) : placeOf(tensor, indices);
  return load(baseOf(tensor), getElementTypeOrSelf(tensor), at);
}

Index KernelEmitter::linearize(Type tensor, llvm::ArrayRef<Index> indices) {
  Index sum = cb.constant(0);
  for (auto [index, stride] : llvm::zip(indices, rowMajorStrides(tensor)))
    sum = cb.add(sum, cb.mul(index, cb.uniform(dim(stride))));
  return sum;
}

Index KernelEmitter::placeOf(Value tensor, llvm::ArrayRef<Index> indices) {
  if (!isKept(tensor))
    return linearize(tensor.getType(), indices);
  Index sum = cb.constant(0);
  auto strides = rowMajorStrides(tensor.getType());
  for (size_t d = domain.size(); d < indices.size(); ++d)
    sum = cb.add(sum, cb.mul(indices[d], cb.uniform(dim(strides[d]))));
  return sum;
}

Value KernelEmitter::pointerTo(const Storage &storage) {
  Value &cached = pointerCache[Frame::key(storage)];
  if (!cached)
    cached = hoist([&] { return cb.loadPointer(frame, frameLayout.storage(storage)); });
  return cached;
}

Value KernelEmitter::baseOf(Value tensor) {
  if (isKept(tensor)) {
    Value &buffer = keptBuffers[tensor];
    if (!buffer)
      buffer = hoist([&] {
        Dims dims = dimsOf(tensor);
        int64_t count = 1;
        for (Dim d : llvm::ArrayRef<Dim>(dims).drop_front(domain.size()))
          count *= std::max<int64_t>(d.value(), 1);
        return keptBuffer(memoryType(getElementTypeOrSelf(tensor)), count);
      });
    return buffer;
  }
  Value outside;
  if (auto argument = llvm::dyn_cast<BlockArgument>(tensor))
    outside = kernel.getInputs()[argument.getArgNumber()];
  else
    outside = kernel.getOutputs()[resultNumber.lookup(tensor)];
  Storage storage = storageOf(outside);
  if (storage.kind != Storage::Kind::Constant)
    return pointerTo(storage);
  auto symbol = storageRoot(outside).getDefiningOp()->getAttrOfType<StringAttr>("exec.global");
  Value &cached = pointerCache["constant:" + symbol.str()];
  if (!cached)
    cached = hoist([&] { return constantPointer(cb, frameLayout, frame, outside); });
  return cached;
}

Value KernelEmitter::keptBuffer(Type element, int64_t count) {
  return LLVM::AllocaOp::create(builder, cb.loc, cb.pointer(), element, cb.integer(count), 64);
}

Value KernelEmitter::fromMemory(Value v, Type element) {
  if (memoryType(element) == element)
    return v;
  if (!element.isInteger(1))
    return arith::BitcastOp::create(
        builder, cb.loc, CodeBuilder::isVector(v) ? Type(cb.vectorOf(element)) : element, v);
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(v.getType()));
  return arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::ne, v, zero);
}

Value KernelEmitter::toMemory(Value v, Type element) {
  Type memory = memoryType(element);
  if (memory == element)
    return v;
  Type type = CodeBuilder::isVector(v) ? Type(cb.vectorOf(memory)) : memory;
  if (!element.isInteger(1))
    return arith::BitcastOp::create(builder, cb.loc, type, v);
  return arith::ExtUIOp::create(builder, cb.loc, type, v);
}

Value KernelEmitter::load(Value base, Type element, Index at) {
  Type type = memoryType(element);
  unsigned alignment = alignmentOf(type);
  if (cb.lanes == 1 || at.uniform()) {
    Value p = cb.address(base, at.base, type);
    return fromMemory(LLVM::LoadOp::create(builder, cb.loc, type, p, alignment), element);
  }
  Type vector = cb.vectorOf(type);
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(vector));
  if (!at.varying && at.stride == 1) {
    Value p = cb.address(base, at.base, type);
    if (!mask)
      return fromMemory(LLVM::LoadOp::create(builder, cb.loc, vector, p, alignment), element);
    return fromMemory(LLVM::MaskedLoadOp::create(builder, cb.loc, vector, p, mask, zero,
                                                 builder.getI32IntegerAttr(alignment)),
                      element);
  }
  Value pointers = cb.address(base, cb.materialize(at), type);
  Value active =
      mask ? mask : cb.widen(arith::ConstantOp::create(builder, cb.loc, builder.getBoolAttr(true)));
  return fromMemory(LLVM::masked_gather::create(builder, cb.loc, vector, pointers, active,
                                                ValueRange{zero}, alignment),
                    element);
}

void KernelEmitter::storeTo(Value base, Type element, Index at, Value value) {
  Type type = memoryType(element);
  unsigned alignment = alignmentOf(type);
  if (cb.lanes > 1)
    value = at.uniform() ? value : cb.widen(value);
  value = toMemory(value, element);
  Value p = cb.address(base, at.base, type);
  bool isHalf = llvm::isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 16;
  if (CodeBuilder::isVector(value) && mask && isHalf) {
    // LLVM 22 makes one truncating store of a bf16's shift and its masked store, and loses the mask
    // (vpmovdw, AVX-512): a tail goes lane by lane.
    LLVM::masked_scatter::create(builder, cb.loc, value, cb.address(base, cb.materialize(at), type),
                                 mask, alignment);
  } else if (CodeBuilder::isVector(value) && mask) {
    LLVM::MaskedStoreOp::create(builder, cb.loc, value, p, mask, alignment);
  } else
    LLVM::StoreOp::create(builder, cb.loc, value, p, alignment);
}

void KernelEmitter::store(ValueRange outputs, ValueRange values, llvm::ArrayRef<Index> loops) {
  for (auto [output, value] : llvm::zip(outputs, values)) {
    if (!isStored(output) && !(rows && isKept(output)))
      continue;
    auto type = llvm::cast<RankedTensorType>(output.getType());
    Index at = flat ? loops[0] : placeOf(output, loops.take_front(type.getRank()));
    storeTo(baseOf(output), type.getElementType(), at, value);
  }
}

void KernelEmitter::finishPoint(Value root, Value value, llvm::ArrayRef<Index> point) {
  auto known = [&](ValueRange outputs, ValueRange values) {
    store(outputs, values, point);
    for (auto [output, v] : llvm::zip(outputs, values))
      providers[output] = [v = v](llvm::ArrayRef<Index>) { return v; };
  };
  known(root, value);
  for (exec::NestOp nest : nestsOfPoint())
    if (nest != root.getDefiningOp())
      known(nest.getOutputs(), emitBody(nest, point));
  providers.clear();
}

KernelEmitter::Values KernelEmitter::reduce(exec::NestOp nest, llvm::ArrayRef<Index> parallel,
                                            bool lanesOnReduction) {
  Indices loops(parallel.begin(), parallel.end());
  loops.resize(loopDims(nest).size(), cb.constant(0));
  bool vector = cb.lanes > 1;
  if (lanesOnReduction && loops.size() == parallel.size())
    vector = lanesOnReduction = false;
  Values acc =
      reduceLoops(nest, loops, parallel.size(), identities(nest, vector), lanesOnReduction);
  if (lanesOnReduction && cb.lanes > 1)
    acc = combineLanes(nest, acc);
  settleIndex(acc);
  return acc;
}

/// Whether each value is a product to be added, which takes one operation where there is one.
bool KernelEmitter::fusesMultiplyAdd(exec::NestOp nest) {
  Block &body = nest.getBody().front();
  auto product = llvm::dyn_cast<arith::MulFOp>(body.front());
  return context.target.fma && nest.getCombiner() == exec::Combiner::Add && product &&
         product->getNextNode() == body.getTerminator() &&
         body.getTerminator()->getOperand(0) == product.getResult() &&
         (product.getType().isF32() || product.getType().isF64());
}

KernelEmitter::Values KernelEmitter::reduceLoops(exec::NestOp nest, Indices &loops, size_t next,
                                                 Values acc, bool lanesOnReduction) {
  auto accumulate = [&](ValueRange current) -> Values {
    if (fusesMultiplyAdd(nest) && CodeBuilder::isVector(current[0]) &&
        !(lanesOnReduction && mask)) {
      Scope scope;
      readInputs(nest, loops, scope);
      auto product = llvm::cast<arith::MulFOp>(nest.getBody().front().front());
      return {LLVM::FMAOp::create(builder, cb.loc, cb.widen(scope.values.lookup(product.getLhs())),
                                  cb.widen(scope.values.lookup(product.getRhs())), current[0])};
    }
    Values values = emitBody(nest, loops);
    if (CodeBuilder::isVector(current[0])) {
      for (Value &v : values)
        v = cb.widen(v);
      if (lanesOnReduction && mask) {
        Values neutral = identities(nest, true);
        for (auto [v, n] : llvm::zip(values, neutral))
          v = arith::SelectOp::create(builder, cb.loc, mask, v, n);
      }
    }
    return combine(nest, current, values);
  };
  if (next == loops.size())
    return accumulate(acc);
  Dims dims = loopDims(nest);
  bool hasLanes = lanesOnReduction && next + 1 == loops.size() && cb.lanes > 1;
  if (!hasLanes && isSmallWindow(llvm::ArrayRef<Dim>(dims).drop_front(next))) {
    for (int64_t i = 0; i < dims[next].value(); ++i) {
      loops[next] = cb.constant(i);
      acc = reduceLoops(nest, loops, next + 1, std::move(acc), lanesOnReduction);
    }
    return acc;
  }
  if (!hasLanes)
    return cb.loop(cb.integer(0), dim(dims[next]), 1, acc, [&](Value i, ValueRange current) {
      loops[next] = cb.uniform(i);
      return reduceLoops(nest, loops, next + 1, llvm::to_vector(current), lanesOnReduction);
    });
  // Lanes along the last reduction loop: full vectors, then one masked.
  Value extent = dim(dims[next]);
  Value full = cb.sub(extent, cb.remainder(extent, cb.integer(cb.lanes)));
  acc = cb.loop(cb.integer(0), full, cb.lanes, acc, [&](Value i, ValueRange current) {
    loops[next] = {i, 1, {}};
    return accumulate(current);
  });
  if (auto c = cb.constantOf(extent); c && *c % cb.lanes == 0)
    return acc;
  // With no element left the mask is empty and the accumulator stays.
  mask = cb.firstLanes(cb.sub(extent, full));
  loops[next] = {full, 1, {}};
  acc = accumulate(acc);
  mask = {};
  return acc;
}

} // namespace ingot::cpu
