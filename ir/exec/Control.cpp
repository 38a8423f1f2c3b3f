// Verification of control flow in the exec dialect, and what passes ask of it. See Control.h.
#include "ir/exec/Control.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::exec;

#define GET_OP_CLASSES
#include "ir/exec/ControlOps.cpp.inc"

namespace {
/// That the region takes and yields values of these types.
LogicalResult checkRegion(Operation *op, Region &region, TypeRange arguments, TypeRange yielded) {
  if (region.getArgumentTypes() != arguments)
    return op->emitOpError("has a region whose arguments are not of the types it is run with");
  auto yield = region.front().empty() ? YieldOp() : llvm::dyn_cast<YieldOp>(region.front().back());
  if (!yield)
    return op->emitOpError("has a region that does not end in exec.yield");
  if (yield.getOperandTypes() != yielded)
    return op->emitOpError("has a region that yields other types than its results need");
  return success();
}

Type conditionType(MLIRContext *context) {
  return RankedTensorType::get({}, IntegerType::get(context, 1));
}

/// The type of a slice along the leading dimension; null where that is not `trips`.
Type sliceType(Type stacked, Dim trips) {
  Dims dims = dimsOf(stacked);
  if (dims.empty() || !(dims[0] == trips))
    return {};
  dims.erase(dims.begin());
  return tensorType(dims, llvm::cast<RankedTensorType>(stacked).getElementType());
}
} // namespace

LogicalResult IfOp::verify() {
  if (getCondition().getType() != conditionType(getContext()))
    return emitOpError("needs a scalar condition of type i1");
  if (failed(checkRegion(*this, getThenRegion(), {}, getResultTypes())))
    return failure();
  return checkRegion(*this, getElseRegion(), {}, getResultTypes());
}

LogicalResult ScanOp::verify() {
  if (getTrips().getExprs().size() != 1)
    return emitOpError("needs one trip count, has ") << getTrips().getExprs().size();
  size_t carried = getCarried().size();
  llvm::SmallVector<Type> arguments{RankedTensorType::get({}, IntegerType::get(getContext(), 64))};
  llvm::append_range(arguments, getCarried().getTypes());
  llvm::append_range(arguments, llvm::map_range(getInputs().getTypes(), [&](Type t) {
                       return sliceType(t, getTripCount());
                     }));
  if (getNumResults() < carried ||
      getResults().take_front(carried).getTypes() != getCarried().getTypes())
    return emitOpError("has carried results of other types than its carried operands");
  auto yielded = llvm::to_vector(getResultTypes());
  for (Type &type : llvm::MutableArrayRef(yielded).drop_front(carried))
    type = sliceType(type, getTripCount());
  return checkRegion(*this, getBody(), arguments, yielded);
}

LogicalResult WhileOp::verify() {
  TypeRange types = getCarried().getTypes();
  if (getResultTypes() != types)
    return emitOpError("has results of other types than its carried operands");
  if (failed(checkRegion(*this, getCondition(), types, conditionType(getContext()))))
    return failure();
  return checkRegion(*this, getBody(), types, types);
}

namespace ingot::exec {

bool isControl(Operation *op) { return llvm::isa_and_nonnull<IfOp, ScanOp, WhileOp>(op); }

llvm::SetVector<Value> valuesUsedBy(Operation *op) {
  llvm::SetVector<Value> values;
  values.insert(op->operand_begin(), op->operand_end());
  if (isControl(op))
    getUsedValuesDefinedAbove(op->getRegions(), values);
  return values;
}

void forEachSymbol(Operation *op, llvm::function_ref<void(llvm::StringRef)> visit) {
  auto visitDims = [&](graph::DimsAttr dims) {
    for (Attribute d : dims.getExprs())
      Dim(d).collectSymbols(visit);
  };
  op->walk([&](Operation *inner) {
    if (auto nest = llvm::dyn_cast<NestOp>(inner))
      visitDims(nest.getBounds());
    if (auto extent = llvm::dyn_cast<ExtentOp>(inner))
      visitDims(extent.getDim());
    if (auto scan = llvm::dyn_cast<ScanOp>(inner))
      visitDims(scan.getTrips());
    for (Type type : inner->getResultTypes())
      if (llvm::isa<RankedTensorType>(type))
        for (Dim d : dimsOf(type))
          d.collectSymbols(visit);
  });
}

llvm::StringSet<> symbolsBoundBy(BindOp bind) {
  llvm::StringSet<> symbols;
  symbols.insert(bind.getSymbol());
  auto lets = bind->getParentOfType<func::FuncOp>()->getAttrOfType<ArrayAttr>("graph.lets");
  for (Attribute entry : lets ? lets.getValue() : llvm::ArrayRef<Attribute>()) {
    auto let = llvm::cast<ArrayAttr>(entry);
    bool isMadeOfIt = false;
    Dim(llvm::cast<graph::DimsAttr>(let[1]).getExprs()[0])
        .collectSymbols([&](llvm::StringRef name) { isMadeOfIt |= symbols.contains(name); });
    if (isMadeOfIt)
      symbols.insert(llvm::cast<StringAttr>(let[0]).getValue());
  }
  return symbols;
}

void forEachBlock(func::FuncOp function, llvm::function_ref<void(Block &)> visit) {
  llvm::SmallVector<Block *> work{&function.getBody().front()};
  for (size_t i = 0; i < work.size(); ++i) {
    visit(*work[i]);
    for (Operation &op : *work[i])
      if (isControl(&op))
        for (Region &region : op.getRegions())
          work.push_back(&region.front());
  }
}

} // namespace ingot::exec
