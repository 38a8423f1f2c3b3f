// Building graph ops: checked creation for what users give, and `Expr`, values with operators, for
// gradients, decompositions and optimizers, so that rules read as formulas.
#pragma once
#include "ir/Graph.h"

#include <stdexcept>

namespace ingot::graph {

/// Creates an op whose result types are inferred. A shape or type error is reported at `loc`
/// through the context's diagnostics and gives failure; nothing is created then.
template <typename OpTy>
mlir::FailureOr<OpTy> tryCreate(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange operands,
                                llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
  mlir::MLIRContext *context = b.getContext();
  mlir::DictionaryAttr dictionary = b.getDictionaryAttr(attributes);
  typename OpTy::Properties properties{};
  mlir::OperationName(OpTy::getOperationName(), context)
      .populateDefaultProperties(mlir::OpaqueProperties(&properties));
  auto onError = [&] { return mlir::emitError(loc); };
  if (mlir::failed(OpTy::setPropertiesFromAttr(properties, dictionary, onError)))
    return mlir::failure();
  llvm::SmallVector<mlir::Type> types;
  if (mlir::failed(OpTy::inferReturnTypes(context, loc, operands, dictionary,
                                          mlir::OpaqueProperties(&properties), {}, types)))
    return mlir::failure();
  mlir::OperationState state(loc, OpTy::getOperationName());
  state.addOperands(operands);
  state.addAttributes(attributes);
  state.addTypes(types);
  return llvm::cast<OpTy>(b.create(state));
}

/// Thrown where a rule builds an op that the op's own shape rule refuses, once the reason is
/// reported at the op's location. A reader of models refuses the node then; anywhere else the rule
/// has a bug.
struct IllTyped : std::logic_error {
  IllTyped() : std::logic_error("a rule built an ill-typed op; the diagnostics say where") {}
};

/// tryCreate for rules, whose shapes fit because they were checked before: throws IllTyped.
template <typename OpTy>
mlir::Value make(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange operands,
                 llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
  auto op = tryCreate<OpTy>(b, loc, operands, attributes);
  if (mlir::failed(op))
    throw IllTyped();
  return (*op)->getResult(0);
}

/// A splat constant of these dimensions.
mlir::Value splat(mlir::OpBuilder &b, mlir::Location loc, mlir::Type element,
                  llvm::ArrayRef<Dim> dims, double value);
/// Repeats `x` to `dims`, aligning trailing dimensions as NumPy does. Returns x when nothing
/// changes.
mlir::Value broadcastTo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                        llvm::ArrayRef<Dim> dims);
/// The dimensions both broadcast to, aligned at the end; failure when a pair differs and none is 1.
mlir::FailureOr<Dims> broadcastDims(llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b);
mlir::Value reshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                    llvm::ArrayRef<Dim> dims);
/// Sum, product, max or min along axes; with `keep` the axes stay with size 1.
mlir::Value reduce(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, ReduceKind kind,
                   llvm::ArrayRef<int64_t> axes, bool keep = false);
mlir::Value transpose(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                      llvm::ArrayRef<int64_t> permutation);
mlir::Value cast(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Type element);
/// result[i] = x[starts + i * strides], of dimensions `sizes`; empty strides are all 1.
mlir::Value slice(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, llvm::ArrayRef<Dim> starts,
                  llvm::ArrayRef<Dim> sizes, llvm::ArrayRef<int64_t> strides = {});
/// x between `low` and `high` elements of `value`, `interior` (empty: none) between neighbours.
mlir::Value pad(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, llvm::ArrayRef<Dim> low,
                llvm::ArrayRef<Dim> high, llvm::ArrayRef<int64_t> interior = {}, double value = 0);
mlir::Value concat(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange inputs, int64_t axis);
/// Sums `x` over what broadcasting added, back to `dims`: the gradient of broadcastTo.
mlir::Value sumTo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, llvm::ArrayRef<Dim> dims);
/// 1 where the last index is the label, else 0: labels (…) -> (…, depth).
mlir::Value oneHot(mlir::OpBuilder &b, mlir::Location loc, mlir::Value labels, Dim depth,
                   mlir::Type element);
/// All axes of a tensor: 0 … rank - 1.
llvm::SmallVector<int64_t> allAxes(mlir::Value x);

using Values = llvm::SmallVector<mlir::Value>;

/// graph.if; its result types are those that onTrue yields, which onFalse must yield too.
IfOp makeIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value condition,
            llvm::function_ref<Values(mlir::OpBuilder &)> onTrue,
            llvm::function_ref<Values(mlir::OpBuilder &)> onFalse);
struct ScanYield {
  Values carried, stacked;
};
/// graph.scan; the stacked results' types follow from what the body yields.
ScanOp makeScan(mlir::OpBuilder &b, mlir::Location loc, Dim trips, mlir::ValueRange carried,
                mlir::ValueRange inputs,
                llvm::function_ref<ScanYield(mlir::OpBuilder &, mlir::Value position,
                                             mlir::ValueRange carried, mlir::ValueRange inputs)>
                    body,
                bool reverse = false);
WhileOp makeWhile(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange carried,
                  llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)> condition,
                  llvm::function_ref<Values(mlir::OpBuilder &, mlir::ValueRange)> body);

inline mlir::Type elementType(mlir::Value v) {
  return llvm::cast<mlir::RankedTensorType>(v.getType()).getElementType();
}
inline int64_t rankOf(mlir::Value v) {
  return llvm::cast<mlir::RankedTensorType>(v.getType()).getRank();
}

/// A graph value with arithmetic. Operands of different shapes are broadcast as in NumPy; a number
/// takes the other operand's element type. Holds the builder by pointer: do not outlive it.
struct Expr {
  mlir::OpBuilder *b = nullptr;
  mlir::Location loc;
  mlir::Value v;

  Expr(mlir::OpBuilder &b, mlir::Location loc, mlir::Value v) : b(&b), loc(loc), v(v) {}
  operator mlir::Value() const { return v; }
  Expr with(mlir::Value other) const { return Expr(*b, loc, other); }
  Expr number(double value) const { return with(splat(*b, loc, elementType(v), dimsOf(v), value)); }
  template <typename OpTy> Expr unary() const { return with(make<OpTy>(*b, loc, {v})); }
  Dims dims() const { return dimsOf(v); }
};

/// The dimensions that all broadcast to; IllTyped when there are none.
Dims commonDims(llvm::ArrayRef<Expr> all);

template <typename OpTy> Expr binary(Expr x, Expr y) {
  Dims dims = commonDims({x, y});
  mlir::Value l = broadcastTo(*x.b, x.loc, x, dims), r = broadcastTo(*x.b, x.loc, y, dims);
  return x.with(make<OpTy>(*x.b, x.loc, {l, r}));
}
inline Expr operator+(Expr x, Expr y) { return binary<AddOp>(x, y); }
inline Expr operator-(Expr x, Expr y) { return binary<SubOp>(x, y); }
inline Expr operator*(Expr x, Expr y) { return binary<MulOp>(x, y); }
inline Expr operator/(Expr x, Expr y) { return binary<DivOp>(x, y); }
inline Expr operator+(Expr x, double y) { return x + x.number(y); }
inline Expr operator-(Expr x, double y) { return x - x.number(y); }
inline Expr operator*(Expr x, double y) { return x * x.number(y); }
inline Expr operator/(Expr x, double y) { return x / x.number(y); }
inline Expr operator+(double x, Expr y) { return y.number(x) + y; }
inline Expr operator-(double x, Expr y) { return y.number(x) - y; }
inline Expr operator*(double x, Expr y) { return y.number(x) * y; }
inline Expr operator/(double x, Expr y) { return y.number(x) / y; }
inline Expr operator-(Expr x) { return x.unary<NegOp>(); }
inline Expr exp(Expr x) { return x.unary<ExpOp>(); }
inline Expr log(Expr x) { return x.unary<LogOp>(); }
inline Expr sqrt(Expr x) { return x.unary<SqrtOp>(); }
inline Expr rsqrt(Expr x) { return x.unary<RsqrtOp>(); }
inline Expr tanh(Expr x) { return x.unary<TanhOp>(); }
inline Expr sigmoid(Expr x) { return x.unary<SigmoidOp>(); }
inline Expr abs(Expr x) { return x.unary<AbsOp>(); }
inline Expr max(Expr x, Expr y) { return binary<MaxOp>(x, y); }
inline Expr min(Expr x, Expr y) { return binary<MinOp>(x, y); }
Expr compare(Predicate predicate, Expr x, Expr y);
Expr select(Expr condition, Expr onTrue, Expr onFalse);
inline Expr sum(Expr x, llvm::ArrayRef<int64_t> axes, bool keep = false) {
  return x.with(reduce(*x.b, x.loc, x, ReduceKind::Sum, axes, keep));
}
/// The number of elements along the axes, which may be symbolic, as a scalar of x's element type.
Expr elementCount(Expr x, llvm::ArrayRef<int64_t> axes);
/// Sum divided by elementCount.
Expr mean(Expr x, llvm::ArrayRef<int64_t> axes, bool keep = false);

} // namespace ingot::graph
