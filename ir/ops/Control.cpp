// Verification and meaning of control flow. Its gradient is made by compiler/autodiff, which
// differentiates regions; its lowering by the compiler's lowering of control.
#include "ir/Builder.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {
std::string listOf(TypeRange types) {
  std::string text = "(";
  llvm::raw_string_ostream out(text);
  llvm::interleaveComma(types, out);
  return text + ")";
}
LogicalResult checkTypes(Operation *op, const llvm::Twine &what, TypeRange got, TypeRange want) {
  if (got == want)
    return success();
  return op->emitOpError() << what << " has types " << listOf(got) << ", needs " << listOf(want);
}
/// What a region's yield gives; null where the region does not end in one.
YieldOp yieldOf(Region &region) { return llvm::dyn_cast<YieldOp>(region.front().back()); }
LogicalResult checkYield(Operation *op, Region &region, llvm::StringRef name, TypeRange want) {
  if (region.front().empty() || !yieldOf(region))
    return op->emitOpError() << name << " does not end in graph.yield";
  return checkTypes(op, "the yield of the " + name, yieldOf(region).getOperandTypes(), want);
}
RankedTensorType scalarType(MLIRContext *context, Type element) {
  return RankedTensorType::get({}, element);
}
Type stackedType(Type slice, Dim trips) {
  Dims dims = dimsOf(slice);
  dims.insert(dims.begin(), trips);
  return tensorType(dims, llvm::cast<RankedTensorType>(slice).getElementType());
}
Type sliceType(Type stacked) {
  Dims dims = dimsOf(stacked);
  dims.erase(dims.begin());
  return tensorType(dims, llvm::cast<RankedTensorType>(stacked).getElementType());
}
Type positionType(MLIRContext *context) {
  return scalarType(context, IntegerType::get(context, 64, IntegerType::Signed));
}
/// The slice of a tensor at a position of its leading dimension, and storing one.
int64_t sliceElements(const Tensor &stacked) {
  int64_t n = 1;
  for (int64_t size : stacked.shape().drop_front())
    n *= size;
  return n;
}
Tensor sliceAt(const Tensor &stacked, int64_t position) {
  Tensor slice(stacked.element(), stacked.shape().drop_front());
  int64_t n = sliceElements(stacked);
  for (int64_t i = 0; i < n; ++i)
    slice.set(i, stacked.get(position * n + i));
  return slice;
}
void storeAt(Tensor &stacked, int64_t position, const Tensor &slice) {
  int64_t n = sliceElements(stacked);
  for (int64_t i = 0; i < n; ++i)
    stacked.set(position * n + i, slice.get(i));
}
} // namespace

LogicalResult IfOp::verify() {
  if (rankOf(getCondition()) != 0)
    return emitOpError("needs a scalar condition, has ") << getCondition().getType();
  for (Region *region : {&getThenRegion(), &getElseRegion()})
    if (region->getNumArguments() != 0)
      return emitOpError("has a region with arguments");
  if (failed(checkYield(*this, getThenRegion(), "first region", getResultTypes())))
    return failure();
  return checkYield(*this, getElseRegion(), "else region", getResultTypes());
}
LogicalResult IfOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                             llvm::MutableArrayRef<Tensor> results) {
  bool holds = operands[0].integer(0) != 0;
  auto values = context.runRegion(holds ? getThenRegion() : getElseRegion(), {});
  if (values.size() != results.size())
    return failure();
  llvm::move(values, results.begin());
  return success();
}

LogicalResult ScanOp::verify() {
  if (getTrips().getExprs().size() != 1)
    return emitOpError("needs one trip count, has ") << getTrips().getExprs().size();
  Dim trips = getTripCount();
  llvm::SmallVector<Type> arguments{positionType(getContext())}, yielded;
  llvm::append_range(arguments, getCarried().getTypes());
  for (Value input : getInputs()) {
    if (rankOf(input) == 0 || !(dimsOf(input)[0] == trips))
      return emitOpError("runs ") << trips.str() << " times over an input of shape "
                                  << str(dimsOf(input)) << "; its first dimension must be that";
    arguments.push_back(sliceType(input.getType()));
  }
  if (failed(
          checkTypes(*this, "the body's argument list", getBody().getArgumentTypes(), arguments)) ||
      getNumResults() < getCarried().size() ||
      failed(checkTypes(*this, "the list of carried results", getCarriedResults().getTypes(),
                        getCarried().getTypes())))
    return failure();
  llvm::append_range(yielded, getCarried().getTypes());
  for (Value stacked : getStackedResults()) {
    if (rankOf(stacked) == 0 || !(dimsOf(stacked)[0] == trips))
      return emitOpError("runs ") << trips.str() << " times and stacks a result of shape "
                                  << str(dimsOf(stacked)) << "; its first dimension must be that";
    yielded.push_back(sliceType(stacked.getType()));
  }
  return checkYield(*this, getBody(), "body", yielded);
}
LogicalResult ScanOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                               llvm::MutableArrayRef<Tensor> results) {
  size_t carried = getCarried().size();
  int64_t trips =
      getTripCount().evaluate([&](llvm::StringRef name) { return context.symbolValue(name); });
  llvm::copy(operands.take_front(carried), results.begin());
  for (int64_t k = 0; k < trips; ++k) {
    int64_t position = getReverse() ? trips - 1 - k : k;
    llvm::SmallVector<Tensor> arguments{Tensor::scalar(
        IntegerType::get(getContext(), 64, IntegerType::Signed), Number::integer(position))};
    llvm::append_range(arguments, results.take_front(carried));
    for (const Tensor &input : operands.drop_front(carried))
      arguments.push_back(sliceAt(input, position));
    auto values = context.runRegion(getBody(), arguments);
    if (values.size() != results.size())
      return failure();
    for (size_t i = 0; i < carried; ++i)
      results[i] = values[i];
    for (size_t i = carried; i < results.size(); ++i)
      storeAt(results[i], position, values[i]);
  }
  return success();
}

LogicalResult WhileOp::verify() {
  TypeRange types = getCarried().getTypes();
  Type condition = scalarType(getContext(), IntegerType::get(getContext(), 1));
  if (failed(checkTypes(*this, "the condition's argument list", getCondition().getArgumentTypes(),
                        types)) ||
      failed(checkTypes(*this, "the body's argument list", getBody().getArgumentTypes(), types)) ||
      failed(checkTypes(*this, "the result list", getResultTypes(), types)) ||
      failed(checkYield(*this, getCondition(), "condition", condition)))
    return failure();
  return checkYield(*this, getBody(), "body", types);
}
LogicalResult WhileOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                llvm::MutableArrayRef<Tensor> results) {
  llvm::SmallVector<Tensor> values(operands);
  while (true) {
    auto condition = context.runRegion(getCondition(), values);
    if (condition.empty())
      return failure();
    if (condition[0].integer(0) == 0)
      break;
    auto next = context.runRegion(getBody(), values);
    if (next.size() != values.size())
      return failure();
    values = std::move(next);
  }
  llvm::move(values, results.begin());
  return success();
}

namespace ingot::graph {
namespace {
/// A region of one block with these arguments, filled by `body`, which returns what is yielded.
std::unique_ptr<Region> makeRegion(OpBuilder &b, Location loc, TypeRange arguments,
                                   llvm::function_ref<Values(OpBuilder &, ValueRange)> body) {
  OpBuilder::InsertionGuard guard(b);
  auto region = std::make_unique<Region>();
  Block *block = b.createBlock(region.get(), {}, arguments,
                               llvm::SmallVector<Location>(arguments.size(), loc));
  Values values = body(b, block->getArguments());
  YieldOp::create(b, loc, values);
  return region;
}
llvm::SmallVector<Type> yieldedTypes(Region &region) {
  return llvm::to_vector(region.front().getTerminator()->getOperandTypes());
}
} // namespace

IfOp makeIf(OpBuilder &b, Location loc, Value condition,
            llvm::function_ref<Values(OpBuilder &)> onTrue,
            llvm::function_ref<Values(OpBuilder &)> onFalse) {
  OperationState state(loc, IfOp::getOperationName());
  auto thenRegion = makeRegion(b, loc, {}, [&](OpBuilder &b, ValueRange) { return onTrue(b); });
  auto elseRegion = makeRegion(b, loc, {}, [&](OpBuilder &b, ValueRange) { return onFalse(b); });
  state.addOperands(condition);
  state.addTypes(yieldedTypes(*thenRegion));
  state.addRegion(std::move(thenRegion));
  state.addRegion(std::move(elseRegion));
  return llvm::cast<IfOp>(b.create(state));
}

ScanOp makeScan(OpBuilder &b, Location loc, Dim trips, ValueRange carried, ValueRange inputs,
                llvm::function_ref<ScanYield(OpBuilder &, Value position, ValueRange carried,
                                             ValueRange inputs)>
                    body,
                bool reverse) {
  llvm::SmallVector<Type> arguments{positionType(b.getContext())};
  llvm::append_range(arguments, carried.getTypes());
  for (Value input : inputs)
    arguments.push_back(sliceType(input.getType()));
  auto region = makeRegion(b, loc, arguments, [&](OpBuilder &b, ValueRange args) {
    ScanYield values =
        body(b, args[0], args.slice(1, carried.size()), args.drop_front(1 + carried.size()));
    llvm::append_range(values.carried, values.stacked);
    return values.carried;
  });
  llvm::SmallVector<Type> types = yieldedTypes(*region);
  for (Type &type : llvm::MutableArrayRef(types).drop_front(carried.size()))
    type = stackedType(type, trips);
  auto op = ScanOp::create(b, loc, types, DimsAttr::get(b.getContext(), {trips.asAttribute()}),
                           carried, inputs, b.getBoolAttr(reverse));
  op.getBody().takeBody(*region);
  return op;
}

WhileOp makeWhile(OpBuilder &b, Location loc, ValueRange carried,
                  llvm::function_ref<Value(OpBuilder &, ValueRange)> condition,
                  llvm::function_ref<Values(OpBuilder &, ValueRange)> body) {
  auto op = WhileOp::create(b, loc, carried.getTypes(), carried);
  auto test = makeRegion(b, loc, carried.getTypes(),
                         [&](OpBuilder &b, ValueRange args) { return Values{condition(b, args)}; });
  op.getCondition().takeBody(*test);
  op.getBody().takeBody(*makeRegion(b, loc, carried.getTypes(), body));
  return op;
}
} // namespace ingot::graph
