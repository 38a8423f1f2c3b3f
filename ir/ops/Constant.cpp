// Meaning and lowering of constants.
#include "ir/Builder.h"
#include "ir/Text.h"
#include "ir/exec/Exec.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {
Number numberOf(Attribute scalar) {
  if (auto real = llvm::dyn_cast<FloatAttr>(scalar))
    return Number::real(reference::toDouble(real.getValue()));
  if (auto text = llvm::dyn_cast<StringAttr>(scalar))
    return reference::textNumber(text.getContext(), text.getValue());
  llvm::APInt v = llvm::cast<IntegerAttr>(scalar).getValue();
  Type type = llvm::cast<IntegerAttr>(scalar).getType();
  bool isUnsigned = type.isUnsignedInteger() || v.getBitWidth() == 1;
  return Number::integer(isUnsigned ? static_cast<int64_t>(v.getZExtValue()) : v.getSExtValue());
}
} // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  auto type = llvm::cast<ShapedType>(getValue().getType());
  if (type.getElementType() != elementType(getResult()))
    return emitOpError("has elements of ")
           << type.getElementType() << " for a result of " << getResult().getType();
  if (type.getRank() == 0)
    return success();
  if (type.getShape() != llvm::cast<ShapedType>(getResult().getType()).getShape())
    return emitOpError("has a value of shape ")
           << type << " for a result of " << getResult().getType();
  return success();
}

LogicalResult ConstantOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor>,
                                   llvm::MutableArrayRef<Tensor> results) {
  auto elements = llvm::cast<ElementsAttr>(getValue());
  Tensor &r = results[0];
  if (elements.getNumElements() == 1 || elements.isSplat()) {
    Number v = numberOf(*elements.getValues<Attribute>().begin());
    for (int64_t i = 0; i < r.numElements(); ++i)
      r.set(i, v);
    return success();
  }
  int64_t i = 0;
  for (Attribute a : elements.getValues<Attribute>())
    r.set(i++, numberOf(a));
  return success();
}

void ConstantOp::emitStructured(OpBuilder &b, ValueRange, llvm::SmallVectorImpl<Value> &results) {
  RankedTensorType type = exec::signless(getResult().getType());
  auto elements = llvm::cast<ElementsAttr>(getValue());
  if (elements.getNumElements() != 1 && !elements.isSplat()) {
    results.push_back(exec::ConstantOp::create(
        b, getLoc(), type, exec::signlessElements(llvm::cast<DenseElementsAttr>(elements))));
    return;
  }
  if (elements.getNumElements() == 0) {
    results.push_back(exec::mapNest(
        b, getLoc(), dimsOf(type), {}, type.getElementType(), [&](OpBuilder &b, ValueRange) {
          return exec::scalarConstant(b, getLoc(), type.getElementType(), 0);
        }));
    return;
  }
  if (reference::isText(elementType(getResult()))) { // one in memory, repeated
    auto one = llvm::cast<StringAttr>(*elements.getValues<Attribute>().begin());
    auto scalar = DenseElementsAttr::get(RankedTensorType::get({}, elementType(getResult())),
                                         llvm::ArrayRef<llvm::StringRef>(one.getValue()));
    Value text = exec::ConstantOp::create(b, getLoc(), exec::signless(scalar.getType()), scalar);
    auto noIndex = AffineMap::get(type.getRank(), 0, {}, getContext());
    results = exec::nest(b, getLoc(), dimsOf(type), type.getRank(), {{text, noIndex}},
                         exec::Combiner::None, type.getElementType(),
                         [](OpBuilder &, ValueRange, ValueRange in) -> Values { return {in[0]}; });
    return;
  }
  TypedAttr value = exec::signlessValue(*elements.getValues<Attribute>().begin());
  results.push_back(exec::mapNest(b, getLoc(), dimsOf(type), {}, type.getElementType(),
                                  [&](OpBuilder &b, ValueRange) -> Value {
                                    return arith::ConstantOp::create(b, getLoc(), value);
                                  }));
}

OpFoldResult ExtentOp::fold(FoldAdaptor) {
  Dim dim(getDim().getExprs()[0]);
  if (!dim.isStatic())
    return {};
  Type element = elementType(getResult());
  if (llvm::isa<FloatType>(element))
    return scalarElements(FloatAttr::get(element, static_cast<double>(dim.value())));
  llvm::APInt value(element.getIntOrFloatBitWidth(), static_cast<uint64_t>(dim.value()), true,
                    true);
  return scalarElements(IntegerAttr::get(element, value));
}

LogicalResult ExtentOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor>,
                                 llvm::MutableArrayRef<Tensor> results) {
  int64_t value = Dim(getDim().getExprs()[0]).evaluate([&](llvm::StringRef name) {
    return context.symbolValue(name);
  });
  results[0].set(int64_t(0), Number::integer(value));
  return success();
}
void ExtentOp::emitStructured(OpBuilder &b, ValueRange, llvm::SmallVectorImpl<Value> &results) {
  Type element = exec::signlessElement(elementType(getResult()));
  Location loc = getLoc();
  results.push_back(exec::mapNest(b, loc, {}, {}, element, [&](OpBuilder &b, ValueRange) -> Value {
    Value extent = exec::ExtentOp::create(b, loc, b.getIndexType(), getDim());
    Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), extent);
    if (llvm::isa<FloatType>(element))
      return arith::SIToFPOp::create(b, loc, element, wide);
    if (element.getIntOrFloatBitWidth() < 64)
      return arith::TruncIOp::create(b, loc, element, wide);
    return wide;
  }));
}

LogicalResult IotaOp::verify() {
  int64_t rank = rankOf(getResult()), axis = getAxis();
  if (axis < 0 || axis >= rank)
    return emitOpError("has axis ") << axis << " for a result of rank " << rank;
  return success();
}
LogicalResult IotaOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor>,
                               llvm::MutableArrayRef<Tensor> results) {
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    results[0].set(index, Number::integer(index[getAxis()]));
  });
  return success();
}
void IotaOp::emitStructured(OpBuilder &b, ValueRange, llvm::SmallVectorImpl<Value> &results) {
  RankedTensorType type = exec::signless(getResult().getType());
  Dims dims = dimsOf(type);
  Location loc = getLoc();
  results = exec::nest(b, loc, dims, dims.size(), {}, exec::Combiner::None, type.getElementType(),
                       [&](OpBuilder &b, ValueRange loops, ValueRange) -> llvm::SmallVector<Value> {
                         Value wide =
                             arith::IndexCastOp::create(b, loc, b.getI64Type(), loops[getAxis()]);
                         Type element = type.getElementType();
                         if (llvm::isa<FloatType>(element))
                           return {arith::SIToFPOp::create(b, loc, element, wide)};
                         if (element.getIntOrFloatBitWidth() < 64)
                           return {arith::TruncIOp::create(b, loc, element, wide)};
                         return {wide};
                       });
}
