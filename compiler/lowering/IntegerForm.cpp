// See IntegerForm.h.
#include "compiler/lowering/IntegerForm.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ingot {

Value yielded(exec::NestOp nest) { return nest.getBody().front().getTerminator()->getOperand(0); }

std::optional<unsigned> inputOf(exec::NestOp nest, Value value) {
  auto argument = llvm::dyn_cast<BlockArgument>(value);
  unsigned loops = loopDims(nest).size();
  if (!argument || argument.getOwner()->getParentOp() != nest || argument.getArgNumber() < loops)
    return std::nullopt;
  return argument.getArgNumber() - loops;
}

std::optional<double> numberOf(Attribute attribute) {
  if (auto real = llvm::dyn_cast<FloatAttr>(attribute))
    return real.getValueAsDouble();
  if (auto integer = llvm::dyn_cast<IntegerAttr>(attribute))
    return static_cast<double>(integer.getValue().getSExtValue());
  return std::nullopt;
}

namespace {

bool isPlainMap(exec::NestOp nest) {
  return nest && isMap(nest) && nest->getNumResults() == 1 && !hasChecks(nest);
}

bool isCast(Operation *op, bool &isUnsigned) {
  isUnsigned = llvm::isa_and_nonnull<arith::UIToFPOp, arith::ExtUIOp>(op);
  return isUnsigned || llvm::isa_and_nonnull<arith::SIToFPOp, arith::ExtSIOp>(op);
}

bool isByte(Type type) { return getElementTypeOrSelf(type).isInteger(8); }

/// The parameter that the tensor's elements at map(index) are: behind movements and casts of bytes.
Parameter parameterOf(Value tensor, AffineMap map) {
  while (true) {
    if (auto constant = tensor.getDefiningOp<exec::ConstantOp>()) {
      auto elements = llvm::dyn_cast<DenseElementsAttr>(constant.getValue());
      if (elements && elements.isSplat())
        if (auto number = numberOf(elements.getSplatValue<Attribute>()))
          return {*number, {}, {}, false};
      break;
    }
    auto nest = tensor.getDefiningOp<exec::NestOp>();
    if (!isPlainMap(nest))
      break;
    Attribute value;
    if (nest.getInputs().empty() && matchPattern(yielded(nest), m_Constant(&value)))
      if (auto number = numberOf(value))
        return {*number, {}, {}, false};
    if (nest.getInputs().size() != 1 || !accessMap(nest, 0))
      break;
    bool isUnsigned = false;
    Operation *cast = yielded(nest).getDefiningOp();
    if (isMovement(nest)) {
      map = accessMap(nest, 0).compose(map);
      tensor = nest.getInputs()[0];
    } else if (isCast(cast, isUnsigned) && inputOf(nest, cast->getOperand(0)) == 0u &&
               isByte(nest.getInputs()[0].getType())) {
      Parameter inner = parameterOf(nest.getInputs()[0], accessMap(nest, 0).compose(map));
      if (inner.isNumber() && isUnsigned)
        inner.number = static_cast<uint8_t>(static_cast<int64_t>(inner.number));
      inner.isUnsigned = isUnsigned;
      return inner;
    } else {
      break;
    }
  }
  return {0, tensor, map, false};
}

/// A zero point is an integer of 8 bits, of either sign.
bool isZeroPoint(const Parameter &p) {
  if (p.isNumber())
    return p.number >= -128 && p.number <= 255 && p.number == std::floor(p.number);
  return isByte(p.tensor.getType());
}

/// Integers that the simplification of the graph has cast already.
std::optional<Form> ofConstant(exec::ConstantOp constant) {
  auto elements = llvm::dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || elements.empty())
    return std::nullopt;
  llvm::SmallVector<int8_t> bytes;
  auto take = [&](double value) {
    bytes.push_back(static_cast<int8_t>(static_cast<int64_t>(value)));
    return value >= -128 && value <= 127 && value == std::floor(value);
  };
  bool isInteger =
      elements.getElementType().isF32()
          ? llvm::all_of(elements.getValues<float>(), take)
          : llvm::all_of(elements.getValues<llvm::APInt>(), [&](const llvm::APInt &value) {
              return take(static_cast<double>(value.getSExtValue()));
            });
  if (!isInteger)
    return std::nullopt;
  OpBuilder b(constant);
  auto type = RankedTensorType::get(elements.getType().getShape(), b.getI8Type());
  Form form;
  form.integers = exec::ConstantOp::create(
      b, constant.getLoc(), type, DenseElementsAttr::get(type, llvm::ArrayRef<int8_t>(bytes)));
  return form;
}

std::optional<Parameter> parameterIn(exec::NestOp nest, Value value) {
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    if (auto number = numberOf(constant))
      return Parameter{*number, {}, {}, false};
  if (auto input = inputOf(nest, value))
    return parameterOf(nest.getInputs()[*input], accessMap(nest, *input));
  return std::nullopt;
}

/// The form over the nest's loops, which read it as its input.
Form moved(exec::NestOp nest, unsigned input, Form form) {
  AffineMap map = accessMap(nest, input);
  Dims loops = loopDims(nest);
  form.zero = form.zero.after(map);
  form.scale = form.scale.after(map);
  if (map.isIdentity() && dimsOf(form.integers) == loops)
    return form;
  OpBuilder b(nest);
  form.integers = exec::nest(b, nest.getLoc(), loops, loops.size(), {{form.integers, map}},
                             exec::Combiner::None, b.getI8Type(),
                             [](OpBuilder &, ValueRange, ValueRange arguments) {
                               return llvm::SmallVector<Value>{arguments[0]};
                             })[0];
  return form;
}

} // namespace

Value paddedIntegers(OpBuilder &b, exec::NestOp nest, const Form &form,
                     std::optional<double> number) {
  Location loc = nest.getLoc();
  Dims loops = loopDims(nest);
  const Parameter &zero = form.zero;
  bool isRead = !number && zero.tensor;
  llvm::SmallVector<exec::Access> inputs{{form.integers, AffineMap()}};
  if (isRead)
    inputs.push_back({zero.tensor, zero.map});
  return exec::nest(
      b, loc, loops, loops.size(), inputs, exec::Combiner::None, b.getI8Type(),
      [&](OpBuilder &inner, ValueRange at, ValueRange arguments) -> llvm::SmallVector<Value> {
        Value around =
            isRead ? arguments[1]
                   : exec::scalarConstant(inner, loc, b.getI8Type(), number.value_or(zero.number));
        IRMapping mapping;
        Block &body = nest.getBody().front();
        mapping.map(body.getArguments().take_front(at.size()), at);
        for (Operation &op : body.without_terminator()) {
          auto read = llvm::dyn_cast<exec::ReadOp>(op);
          if (!read) {
            inner.clone(op, mapping);
            continue;
          }
          auto indices = llvm::map_to_vector(read.getIndices(),
                                             [&](Value v) { return mapping.lookupOrDefault(v); });
          Value guard = mapping.lookupOrDefault(read.getGuard());
          mapping.map(read.getResult(),
                      exec::ReadOp::create(inner, loc, b.getI8Type(), arguments[0],
                                           ValueRange(indices), guard, around)
                          .getResult());
        }
        return {mapping.lookup(body.getTerminator()->getOperand(0))};
      })[0];
}

std::optional<Form> FormFinder::formOf(Value tensor) {
  auto known = forms.find(tensor);
  if (known != forms.end())
    return known->second;
  std::optional<Form> form = find(tensor);
  forms[tensor] = form;
  return form;
}

std::optional<Form> FormFinder::find(Value tensor) {
  Type element = getElementTypeOrSelf(tensor);
  if (!element.isF32() && !element.isInteger(32))
    return std::nullopt;
  if (auto constant = tensor.getDefiningOp<exec::ConstantOp>())
    return ofConstant(constant);
  if (auto view = tensor.getDefiningOp<exec::ViewOp>())
    return ofView(view);
  auto nest = tensor.getDefiningOp<exec::NestOp>();
  if (!isPlainMap(nest) || nest.getInputs().empty())
    return std::nullopt;
  if (auto padding = paddingOf(nest))
    return ofPadding(nest, *padding);
  if (usesIndices(nest) || llvm::is_contained(nest.getAccesses(), UnitAttr::get(nest.getContext())))
    return std::nullopt;
  return ofFormula(nest, yielded(nest));
}

std::optional<Form> FormFinder::ofView(exec::ViewOp view) {
  auto form = formOf(view.getX());
  if (!form || view.getChecked() || form->zero.dependsOnAny() || form->scale.dependsOnAny())
    return std::nullopt;
  OpBuilder b(view);
  Dims dims = dimsOf(view.getResult());
  form->integers =
      exec::ViewOp::create(b, view.getLoc(), tensorType(dims, b.getI8Type()), form->integers);
  for (Parameter *p : {&form->zero, &form->scale})
    if (p->tensor) // the same element everywhere
      p->map = AffineMap::get(dims.size(), 0, p->map.getResults(), b.getContext());
  return form;
}

/// The padding around the integers is their zero point.
std::optional<Form> FormFinder::ofPadding(exec::NestOp nest, const Padding &padding) {
  auto form = formOf(padding.source);
  auto outside = numberOf(padding.value);
  if (!form || !outside || *outside != 0 || form->zero.dependsOnAny())
    return std::nullopt;
  for (unsigned d = 0; d < padding.low.size(); ++d)
    if (form->scale.dependsOn(d) && (padding.isChecked[d] || padding.low[d] != 0))
      return std::nullopt;
  OpBuilder b(nest);
  form->integers = paddedIntegers(b, nest, *form, std::nullopt);
  return form;
}

/// The value inside the nest's body: a cast of bytes, less a zero point, times a scale, or a
/// moved element that is such.
std::optional<Form> FormFinder::ofFormula(exec::NestOp nest, Value value) {
  if (auto input = inputOf(nest, value)) {
    auto form = formOf(nest.getInputs()[*input]);
    return form ? std::optional(moved(nest, *input, *form)) : std::nullopt;
  }
  Operation *op = value.getDefiningOp();
  Form form;
  if (isCast(op, form.isUnsigned)) {
    auto input = inputOf(nest, op->getOperand(0));
    if (!input || !isByte(nest.getInputs()[*input].getType()))
      return std::nullopt;
    form.integers = nest.getInputs()[*input];
    return moved(nest, *input, form);
  }
  if (llvm::isa_and_nonnull<arith::SubFOp, arith::SubIOp>(op)) {
    auto left = ofFormula(nest, op->getOperand(0));
    auto zero = parameterIn(nest, op->getOperand(1));
    if (!left || left->hasScale || !left->zero.isZero() || !zero || !isZeroPoint(*zero))
      return std::nullopt;
    left->zero = *zero;
    return left;
  }
  if (llvm::isa_and_nonnull<arith::MulFOp>(op))
    for (unsigned side : {0, 1}) {
      auto other = ofFormula(nest, op->getOperand(side));
      auto scale = parameterIn(nest, op->getOperand(1 - side));
      if (!other || other->hasScale || !scale)
        continue;
      other->hasScale = true;
      other->scale = *scale;
      return other;
    }
  return std::nullopt;
}

} // namespace ingot
