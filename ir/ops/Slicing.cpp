// Meaning, lowering and gradient of the movement ops that take tensors apart and put them together:
// slice, pad, concat, reverse. They are each other's gradients.
#include "ir/Builder.h"
#include "ir/Text.h"
#include "ir/ops/Emit.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using exec::Index;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {

Dims listOf(DimsAttr attribute) {
  return llvm::map_to_vector<4>(attribute.getExprs(), [](Attribute a) { return Dim(a); });
}
llvm::SmallVector<int64_t> evaluated(EvalContext &context, llvm::ArrayRef<Dim> dims) {
  return llvm::map_to_vector(dims, [&](Dim d) {
    return d.evaluate([&](llvm::StringRef name) { return context.symbolValue(name); });
  });
}
bool isZero(Dim d) { return d.isStatic() && d.value() == 0; }

/// The elements that lie behind the last one taken: null when it depends on symbols.
std::optional<int64_t> roomBehind(Dim x, Dim start, Dim size, int64_t stride) {
  Dim room = x - start - (size - 1) * stride - 1;
  return room.isStatic() ? std::optional(room.value()) : std::nullopt;
}
/// A value for padding as the element type holds it, converted as by cast.
Number paddingNumber(Type element, double value) {
  if (llvm::isa<FloatType>(element))
    return reference::roundTo(element, Number::real(value));
  if (element.isInteger(1))
    return Number::boolean(value != 0);
  if (reference::isText(element))
    return Number::integer(0); // the empty text
  unsigned width = element.getIntOrFloatBitWidth();
  bool isUnsigned = element.isUnsignedInteger();
  llvm::APSInt result(width, isUnsigned);
  bool isExact; // convertToInteger saturates and turns NaN into 0
  llvm::APFloat(value).convertToInteger(result, llvm::APFloat::rmTowardZero, &isExact);
  return Number::integer(isUnsigned ? static_cast<int64_t>(result.getZExtValue())
                                    : result.getSExtValue());
}
TypedAttr paddingAttribute(Type element, double value) {
  Number n = paddingNumber(element, value);
  if (n.isFloat)
    return exec::signlessValue(FloatAttr::get(element, n.f));
  return IntegerAttr::get(exec::signlessElement(element),
                          llvm::APInt(exec::signlessElement(element).getIntOrFloatBitWidth(),
                                      static_cast<uint64_t>(n.i), false, true));
}
} // namespace

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                        llvm::SmallVectorImpl<Type> &types) {
  Dims x = dimsOf(adaptor.getX()), starts = listOf(adaptor.getStarts()),
       sizes = listOf(adaptor.getSizes());
  llvm::ArrayRef<int64_t> strides = adaptor.getStrides();
  if (starts.size() != x.size() || sizes.size() != x.size() || strides.size() != x.size())
    return emitOptionalError(loc, "slice of a tensor of shape ", str(x),
                             " needs a start, a size and a stride for each dimension, has ",
                             starts.size(), ", ", sizes.size(), " and ", strides.size());
  for (size_t d = 0; d < x.size(); ++d) {
    bool negative = (starts[d].isStatic() && starts[d].value() < 0) ||
                    (sizes[d].isStatic() && sizes[d].value() < 0) || strides[d] < 1;
    auto room = roomBehind(x[d], starts[d], sizes[d], strides[d]);
    if (negative || (room && *room < 0 && !isZero(sizes[d])))
      return emitOptionalError(loc, "slice from ", starts[d].str(), " of ", sizes[d].str(),
                               " elements with stride ", strides[d], " leaves dimension ", d,
                               " of shape ", str(x));
  }
  types.push_back(tensorType(sizes, elementType(adaptor.getX())));
  return success();
}
LogicalResult SliceOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                llvm::MutableArrayRef<Tensor> results) {
  auto starts = evaluated(context, listOf(getStarts()));
  llvm::SmallVector<int64_t> at(starts.size());
  std::string problem;
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    for (size_t d = 0; d < at.size() && problem.empty(); ++d) {
      at[d] = starts[d] + index[d] * getStrides()[d];
      if (at[d] < 0 || at[d] >= operands[0].dim(d)) {
        problem = "slice takes element " + std::to_string(at[d]) + " of a dimension of size " +
                  std::to_string(operands[0].dim(d));
      }
    }
    if (problem.empty())
      results[0].set(index, operands[0].at(at));
  });
  return problem.empty() ? success() : context.fail(problem);
}
void SliceOp::emitStructured(OpBuilder &b, ValueRange operands,
                             llvm::SmallVectorImpl<Value> &results) {
  Dims x = dimsOf(getX()), starts = listOf(getStarts()), dims = dimsOf(getResult());
  Location loc = getLoc();
  size_t rank = x.size();
  Type element = exec::signlessElement(elementType(getX()));
  auto proven = [&](size_t d) {
    return starts[d].isStatic() && roomBehind(x[d], starts[d], dims[d], getStrides()[d]);
  };
  if (llvm::all_of(llvm::seq<size_t>(0, rank), proven)) {
    llvm::SmallVector<AffineExpr> at;
    for (size_t d = 0; d < rank; ++d)
      at.push_back(b.getAffineDimExpr(d) * getStrides()[d] + starts[d].value());
    results =
        exec::nest(b, loc, dims, rank, {{operands[0], AffineMap::get(rank, 0, at, getContext())}},
                   exec::Combiner::None, element,
                   [](OpBuilder &, ValueRange, ValueRange in) { return Values{in[0]}; });
    return;
  }
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
    llvm::SmallVector<Value> at;
    Value valid;
    for (size_t d = 0; d < rank; ++d) {
      Index i = Index{&b, loc, loops[d]} * getStrides()[d] + exec::extent(b, loc, starts[d]);
      valid = exec::both(b, loc, valid, exec::below(i, exec::extent(b, loc, x[d])));
      at.push_back(i);
    }
    exec::CheckOp::create(b, loc, valid);
    return {exec::read(b, loc, in[0], at, valid, exec::scalarConstant(b, loc, element, 0))};
  };
  results = exec::nest(b, loc, dims, rank, {{operands[0], AffineMap()}}, exec::Combiner::None,
                       element, body);
}
Values SliceOp::gradient(OpBuilder &b, ValueRange d) {
  Dims x = dimsOf(getX()), starts = listOf(getStarts()), sizes = dimsOf(getResult()), high;
  llvm::SmallVector<int64_t> interior;
  Dim zero = Dim::constant(getContext(), 0);
  for (size_t k = 0; k < x.size(); ++k) {
    int64_t between = getStrides()[k] - 1;
    Dim inner = between == 0 ? sizes[k] : Dim::max(sizes[k] * (between + 1) - between, zero);
    high.push_back(x[k] - starts[k] - inner);
    interior.push_back(between);
  }
  return {pad(b, getLoc(), d[0], starts, high, interior)};
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                      Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims x = dimsOf(adaptor.getX()), low = listOf(adaptor.getLow()), high = listOf(adaptor.getHigh()),
       result;
  llvm::ArrayRef<int64_t> interior = adaptor.getInterior();
  if (low.size() != x.size() || high.size() != x.size() || interior.size() != x.size())
    return emitOptionalError(loc, "padding of a tensor of shape ", str(x),
                             " needs low, high and interior for each dimension, has ", low.size(),
                             ", ", high.size(), " and ", interior.size());
  Dim zero = Dim::constant(context, 0);
  for (size_t d = 0; d < x.size(); ++d) {
    Dim inner = interior[d] == 0 ? x[d] : Dim::max(x[d] * (interior[d] + 1) - interior[d], zero);
    result.push_back(inner + low[d] + high[d]);
    if (interior[d] < 0 || (result[d].isStatic() && result[d].value() < 0))
      return emitOptionalError(loc, "padding by ", low[d].str(), " and ", high[d].str(), ", ",
                               interior[d], " between, does not fit dimension ", d, " of shape ",
                               str(x));
  }
  types.push_back(tensorType(result, elementType(adaptor.getX())));
  return success();
}
LogicalResult PadOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                              llvm::MutableArrayRef<Tensor> results) {
  auto low = evaluated(context, listOf(getLow()));
  Number value = paddingNumber(elementType(getX()), getValue().convertToDouble());
  llvm::SmallVector<int64_t> at(low.size());
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    bool inside = true;
    for (size_t d = 0; d < at.size(); ++d) {
      int64_t j = index[d] - low[d], step = getInterior()[d] + 1;
      at[d] = j / step;
      inside &= j >= 0 && j % step == 0 && at[d] < operands[0].dim(d);
    }
    results[0].set(index, inside ? operands[0].at(at) : value);
  });
  return success();
}
void PadOp::emitStructured(OpBuilder &b, ValueRange operands,
                           llvm::SmallVectorImpl<Value> &results) {
  results.push_back(
      exec::emitPad(b, getLoc(), operands[0], dimsOf(getResult()), listOf(getLow()), getInterior(),
                    paddingAttribute(elementType(getX()), getValue().convertToDouble())));
}
Values PadOp::gradient(OpBuilder &b, ValueRange d) {
  // Take the padding off (or put zeros where elements were dropped), then every (interior + 1)-th.
  Dims x = dimsOf(getX()), low = listOf(getLow()), high = listOf(getHigh());
  Dim minusOne = Dim::constant(getContext(), -1);
  for (size_t k = 0; k < x.size(); ++k) {
    low[k] = low[k] * minusOne;
    high[k] = high[k] * minusOne;
  }
  Value inner = pad(b, getLoc(), d[0], low, high);
  if (llvm::all_of(getInterior(), [](int64_t i) { return i == 0; }))
    return {inner};
  auto strides = llvm::map_to_vector(getInterior(), [](int64_t i) { return i + 1; });
  return {slice(b, getLoc(), inner, Dims(x.size(), Dim::constant(getContext(), 0)), x, strides)};
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, "concatenation of no tensor");
  Value first = adaptor.getInputs()[0];
  Dims dims = dimsOf(first);
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, "concatenation along axis ", axis, " of a tensor of shape ",
                             str(dims));
  for (Value input : adaptor.getInputs().drop_front()) {
    Dims other = dimsOf(input), wanted = dimsOf(first);
    if (other.size() == wanted.size())
      wanted[axis] = other[axis];
    if (other != wanted || elementType(input) != elementType(first))
      return emitOptionalError(loc, "concatenation along axis ", axis, " of ", first.getType(),
                               " and ", input.getType(),
                               ": all other dimensions and the element types must be equal");
    dims[axis] = dims[axis] + other[axis];
  }
  types.push_back(tensorType(dims, elementType(first)));
  return success();
}
LogicalResult ConcatOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  int64_t offset = 0;
  for (const Tensor &x : operands) {
    llvm::SmallVector<int64_t> at;
    reference::forEachIndex(x.shape(), [&](llvm::ArrayRef<int64_t> index) {
      at.assign(index.begin(), index.end());
      at[getAxis()] += offset;
      results[0].set(at, x.at(index));
    });
    offset += x.dim(getAxis());
  }
  return success();
}
void ConcatOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  Dims dims = dimsOf(getResult());
  Location loc = getLoc();
  int64_t axis = getAxis();
  Type element = exec::signlessElement(elementType(getResult()));
  llvm::SmallVector<exec::Access> inputs;
  for (Value x : operands)
    inputs.push_back({x, AffineMap()});
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
    Value value = exec::scalarConstant(b, loc, element, 0);
    Dim offset = Dim::constant(getContext(), 0);
    llvm::SmallVector<Value> at(loops.begin(), loops.end());
    for (Value x : in) {
      Dim size = dimsOf(x)[axis];
      Index j = Index{&b, loc, loops[axis]};
      j = offset.isStatic() ? j - offset.value() : j - exec::extent(b, loc, offset);
      at[axis] = j;
      value = exec::read(b, loc, x, at, exec::below(j, exec::extent(b, loc, size)), value);
      offset = offset + size;
    }
    return {value};
  };
  results = exec::nest(b, loc, dims, dims.size(), inputs, exec::Combiner::None, element, body);
}
Values ConcatOp::gradient(OpBuilder &b, ValueRange d) {
  Values gradients;
  Dims starts(rankOf(getResult()), Dim::constant(getContext(), 0));
  for (Value x : getInputs()) {
    Dims sizes = dimsOf(x);
    gradients.push_back(slice(b, getLoc(), d[0], starts, sizes));
    starts[getAxis()] = starts[getAxis()] + sizes[getAxis()];
  }
  return gradients;
}

LogicalResult ReverseOp::verify() {
  for (int64_t axis : getAxes())
    if (axis < 0 || axis >= rankOf(getX()))
      return emitOpError("along axis ") << axis << " of a tensor of shape " << str(dimsOf(getX()));
  return success();
}
LogicalResult ReverseOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                  llvm::MutableArrayRef<Tensor> results) {
  llvm::SmallVector<int64_t> at;
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    at.assign(index.begin(), index.end());
    for (int64_t axis : getAxes())
      at[axis] = operands[0].dim(axis) - 1 - index[axis];
    results[0].set(index, operands[0].at(at));
  });
  return success();
}
void ReverseOp::emitStructured(OpBuilder &b, ValueRange operands,
                               llvm::SmallVectorImpl<Value> &results) {
  Dims dims = dimsOf(getResult());
  Location loc = getLoc();
  Type element = exec::signlessElement(elementType(getResult()));
  llvm::ArrayRef<int64_t> axes = getAxes();
  if (llvm::all_of(axes, [&](int64_t axis) { return dims[axis].isStatic(); })) {
    llvm::SmallVector<AffineExpr> at;
    for (int64_t d = 0; d < static_cast<int64_t>(dims.size()); ++d) {
      AffineExpr i = b.getAffineDimExpr(d);
      at.push_back(llvm::is_contained(axes, d) ? dims[d].value() - 1 - i : i);
    }
    results = exec::nest(b, loc, dims, dims.size(),
                         {{operands[0], AffineMap::get(dims.size(), 0, at, getContext())}},
                         exec::Combiner::None, element,
                         [](OpBuilder &, ValueRange, ValueRange in) { return Values{in[0]}; });
    return;
  }
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
    llvm::SmallVector<Value> at(loops.begin(), loops.end());
    for (int64_t axis : axes)
      at[axis] = exec::extent(b, loc, dims[axis] - 1) - Index{&b, loc, loops[axis]};
    return {exec::read(b, loc, in[0], at)};
  };
  results = exec::nest(b, loc, dims, dims.size(), {{operands[0], AffineMap()}},
                       exec::Combiner::None, element, body);
}
Values ReverseOp::gradient(OpBuilder &b, ValueRange d) {
  return {make<ReverseOp>(b, getLoc(), {d[0]}, (*this)->getAttrs())};
}
