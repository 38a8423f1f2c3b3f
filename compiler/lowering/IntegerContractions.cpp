// See IntegerContractions.h. What a tensor is as integers follows from the maps that make it, read
// from the contraction backwards (IntegerForm.h); the integers are then moved as the floats were.
#include "compiler/lowering/IntegerContractions.h"
#include "compiler/lowering/IntegerForm.h"
#include "ir/exec/Control.h"
#include <limits>

using namespace mlir;

namespace ingot {
namespace {

/// A contraction under change: its operands as integers, its parameters by its parallel loops.
class Rewriter {
public:
  Rewriter(exec::NestOp nest, Form a, Form b)
      : nest(nest), sides{std::move(a), std::move(b)}, builder(nest), loc(nest.getLoc()),
        loops(loopDims(nest)), parallel(nest.getParallel()) {}

  /// Whether zero points and scales stay what they are along the sum, and it fits into 32 bits.
  bool isPossible() {
    for (unsigned i : {0, 1}) {
      sides[i].zero = sides[i].zero.after(accessMap(nest, i));
      sides[i].scale = sides[i].scale.after(accessMap(nest, i));
      for (unsigned l = parallel; l < loops.size(); ++l)
        if (sides[i].zero.dependsOn(l) || sides[i].scale.dependsOn(l))
          return false;
    }
    for (Dim d : llvm::ArrayRef(loops).drop_front(parallel)) {
      if (!d.isStatic())
        return isInteger() && sides[0].zero.isZero() && sides[1].zero.isZero();
      depth *= d.value();
    }
    // Integers wrap around as the sums do.
    return isInteger() || depth * largest(sides[0]) * largest(sides[1]) <= INT32_MAX;
  }

  void rewrite() {
    Value sum = builtSum();
    inputs.push_back({sum, identity()});
    llvm::SmallVector<Term> terms;
    for (unsigned i : {0, 1})
      if (!sides[i].zero.isZero())
        terms.push_back(termOf(i));
    unsigned scales = inputs.size();
    for (const Form &side : sides)
      if (side.hasScale && side.scale.tensor)
        inputs.push_back({side.scale.tensor, onParallel(side.scale.map)});
    Type element = getElementTypeOrSelf(nest.getOutputs()[0]);
    llvm::SmallVector<Dim> domain(loops.begin(), loops.begin() + parallel);
    Value result = exec::nest(
        builder, loc, domain, parallel, inputs, exec::Combiner::None, element,
        [&](OpBuilder &b, ValueRange, ValueRange arguments) -> llvm::SmallVector<Value> {
          Value value = arguments[0];
          for (const Term &term : terms)
            value = arith::SubIOp::create(b, loc, value, valueOf(b, term, arguments));
          if (!sides[0].zero.isZero() && !sides[1].zero.isZero())
            value = arith::AddIOp::create(b, loc, value, productOfZeros(b, terms, arguments));
          if (isInteger())
            return {value};
          return {scaled(b, arith::SIToFPOp::create(b, loc, b.getF32Type(), value),
                         arguments.drop_front(scales))};
        })[0];
    nest.getOutputs()[0].replaceAllUsesWith(result);
    nest.erase();
  }

private:
  /// zero point * sum of the other operand: which inputs of the last map have them.
  struct Term {
    unsigned sum, zero = 0; // zero: 0 for a number
    double number = 0;
    bool isUnsigned = false;
  };

  bool isInteger() { return getElementTypeOrSelf(nest.getOutputs()[0]).isInteger(32); }
  AffineMap identity() { return AffineMap::getMultiDimIdentityMap(parallel, builder.getContext()); }
  /// A map of all loops, which depends on parallel ones alone, as one of those.
  AffineMap onParallel(AffineMap map) {
    return AffineMap::get(parallel, 0, map.getResults(), builder.getContext());
  }
  /// The largest magnitude of the operand's integers less their zero point.
  static int64_t largest(const Form &form) {
    int64_t low = form.isUnsigned ? 0 : -128, high = low + 255;
    if (form.zero.isNumber()) {
      auto zero = static_cast<int64_t>(form.zero.number);
      return std::max(std::abs(low - zero), std::abs(high - zero));
    }
    return form.zero.isUnsigned == form.isUnsigned ? 255 : 383;
  }
  static Value extended(OpBuilder &b, Location loc, Value byte, bool isUnsigned) {
    if (isUnsigned)
      return arith::ExtUIOp::create(b, loc, b.getI32Type(), byte);
    return arith::ExtSIOp::create(b, loc, b.getI32Type(), byte);
  }

  Value builtSum() {
    return exec::nest(
        builder, loc, loops, parallel,
        {{sides[0].integers, accessMap(nest, 0)}, {sides[1].integers, accessMap(nest, 1)}},
        exec::Combiner::Add, builder.getI32Type(),
        [&](OpBuilder &b, ValueRange, ValueRange arguments) {
          Value x = extended(b, loc, arguments[0], sides[0].isUnsigned),
                y = extended(b, loc, arguments[1], sides[1].isUnsigned);
          return llvm::SmallVector<Value>{arith::MulIOp::create(b, loc, x, y)};
        })[0];
  }

  /// The zero point of operand i, and the sum of the other's integers along the sum.
  Term termOf(unsigned i) {
    Term term;
    const Parameter &zero = sides[i].zero;
    auto [sum, map] = sumOf(1 - i, zero.isNumber() ? zero.number : 1);
    term.sum = inputs.size();
    inputs.push_back({sum, map});
    term.number = zero.number;
    term.isUnsigned = zero.isUnsigned;
    if (zero.tensor) {
      term.zero = inputs.size();
      inputs.push_back({zero.tensor, onParallel(zero.map)});
    }
    return term;
  }

  /// `factor` times the sum of the integers of operand i, over the parallel loops that move it.
  std::pair<Value, AffineMap> sumOf(unsigned i, double factor) {
    AffineMap map = accessMap(nest, i);
    Dims domain;
    llvm::SmallVector<AffineExpr> renamed(loops.size(), builder.getAffineConstantExpr(0)),
        selection;
    unsigned kept = 0;
    for (unsigned l = 0; l < loops.size(); ++l) {
      if (l < parallel && !map.isFunctionOfDim(l))
        continue;
      renamed[l] = builder.getAffineDimExpr(domain.size());
      domain.push_back(loops[l]);
      if (l < parallel) {
        selection.push_back(builder.getAffineDimExpr(l));
        ++kept;
      }
    }
    AffineMap access = map.replaceDimsAndSymbols(renamed, {}, domain.size(), 0);
    Value sum = exec::nest(
        builder, loc, domain, kept, {{sides[i].integers, access}}, exec::Combiner::Add,
        builder.getI32Type(), [&](OpBuilder &b, ValueRange, ValueRange arguments) {
          return llvm::SmallVector<Value>{extended(b, loc, arguments[0], sides[i].isUnsigned)};
        })[0];
    if (factor != 1)
      sum = exec::mapNest(builder, loc, dimsOf(sum), {sum}, builder.getI32Type(),
                          [&](OpBuilder &b, ValueRange arguments) -> Value {
                            Value number = exec::scalarConstant(b, loc, b.getI32Type(), factor);
                            return arith::MulIOp::create(b, loc, arguments[0], number);
                          });
    return {sum, AffineMap::get(parallel, 0, selection, builder.getContext())};
  }

  Value valueOf(OpBuilder &b, const Term &term, ValueRange arguments) {
    if (term.zero == 0)
      return arguments[term.sum]; // times the number already
    Value zero = extended(b, loc, arguments[term.zero], term.isUnsigned);
    return arith::MulIOp::create(b, loc, arguments[term.sum], zero);
  }

  Value productOfZeros(OpBuilder &b, llvm::ArrayRef<Term> terms, ValueRange arguments) {
    Value product = exec::scalarConstant(b, loc, b.getI32Type(), static_cast<double>(depth));
    for (const Term &term : terms) {
      Value zero = term.zero == 0 ? exec::scalarConstant(b, loc, b.getI32Type(), term.number)
                                  : extended(b, loc, arguments[term.zero], term.isUnsigned);
      product = arith::MulIOp::create(b, loc, product, zero);
    }
    return product;
  }

  /// The sum times both scales, whose product is made first: it is the same for many sums.
  Value scaled(OpBuilder &b, Value sum, ValueRange tensors) {
    Value scale;
    for (const Form &side : sides) {
      if (!side.hasScale)
        continue;
      Value factor = side.scale.tensor
                         ? tensors.front()
                         : exec::scalarConstant(b, loc, b.getF32Type(), side.scale.number);
      if (side.scale.tensor)
        tensors = tensors.drop_front();
      scale = scale ? Value(arith::MulFOp::create(b, loc, scale, factor)) : factor;
    }
    return scale ? Value(arith::MulFOp::create(b, loc, sum, scale)) : sum;
  }

  exec::NestOp nest;
  std::array<Form, 2> sides;
  OpBuilder builder;
  Location loc;
  Dims loops;
  unsigned parallel;
  int64_t depth = 1;
  llvm::SmallVector<exec::Access> inputs; // of the last map
};

/// Whether the nest sums products of its two inputs, floats or integers of 32 bits.
bool isSumOfProducts(exec::NestOp nest) {
  if (nest.getCombiner() != exec::Combiner::Add || nest.getInputs().size() != 2 ||
      nest->getNumResults() != 1 || !accessMap(nest, 0) || !accessMap(nest, 1))
    return false;
  Operation *product = yielded(nest).getDefiningOp();
  if (!llvm::isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product) ||
      &nest.getBody().front().front() != product)
    return false;
  auto first = inputOf(nest, product->getOperand(0)),
       second = inputOf(nest, product->getOperand(1));
  return first && second && *first != *second;
}

/// The largest of integers instead of the largest of floats: what a dequantised tensor's maximum is
/// the dequantised maximum of, since a scale is a positive number.
class MaximumRewriter {
public:
  MaximumRewriter(exec::NestOp nest, FormFinder &finder) : nest(nest), finder(finder) {}

  static bool isMaximum(exec::NestOp nest) {
    return nest.getCombiner() == exec::Combiner::Max && nest.getInputs().size() == 1 &&
           nest->getNumResults() == 1 && accessMap(nest, 0) && !usesIndices(nest) &&
           inputOf(nest, yielded(nest)) == 0u && getElementTypeOrSelf(nest.getOutputs()[0]).isF32();
  }

  bool rewrite() {
    Value source = nest.getInputs()[0];
    auto maker = source.getDefiningOp<exec::NestOp>();
    auto padding = maker ? paddingOf(maker) : std::nullopt;
    if (padding) {
      auto outside = numberOf(padding->value);
      if (!outside || *outside != -std::numeric_limits<double>::infinity() ||
          !windowsReachInside(*padding))
        return false;
      source = padding->source;
    }
    auto form = finder.formOf(source);
    if (!form || !form->zero.isNumber() || !form->scale.isNumber() ||
        (form->hasScale && !(form->scale.number > 0)))
      return false;
    OpBuilder b(nest);
    if (padding)
      form->integers = paddedIntegers(b, maker, *form, form->isUnsigned ? 0 : -128);
    Dims loops = loopDims(nest);
    Value largest = exec::nest(b, nest.getLoc(), loops, nest.getParallel(),
                               {{form->integers, accessMap(nest, 0)}},
                               form->isUnsigned ? exec::Combiner::UMax : exec::Combiner::Max,
                               b.getI8Type(), [](OpBuilder &, ValueRange, ValueRange arguments) {
                                 return llvm::SmallVector<Value>{arguments[0]};
                               })[0];
    nest.getOutputs()[0].replaceAllUsesWith(dequantized(b, largest, *form));
    nest.erase();
    return true;
  }

private:
  Value dequantized(OpBuilder &b, Value integers, const Form &form) {
    Location loc = nest.getLoc();
    return exec::mapNest(b, loc, dimsOf(integers), {integers}, b.getF32Type(),
                         [&](OpBuilder &b, ValueRange arguments) -> Value {
                           auto number = [&](double value) {
                             return exec::scalarConstant(b, loc, b.getF32Type(), value);
                           };
                           Value x = arguments[0];
                           x = form.isUnsigned
                                   ? Value(arith::UIToFPOp::create(b, loc, b.getF32Type(), x))
                                   : Value(arith::SIToFPOp::create(b, loc, b.getF32Type(), x));
                           if (!form.zero.isZero())
                             x = arith::SubFOp::create(b, loc, x, number(form.zero.number));
                           if (form.hasScale)
                             x = arith::MulFOp::create(b, loc, x, number(form.scale.number));
                           return x;
                         });
  }

  /// Whether every window has a point that is no padding.
  bool windowsReachInside(const Padding &padding) {
    Dims loops = loopDims(nest), source = dimsOf(padding.source);
    AffineMap map = accessMap(nest, 0);
    for (unsigned d = 0; d < source.size(); ++d) {
      if (!padding.isChecked[d])
        continue;
      // Where the first window ends, and the last one begins.
      auto end = at(map.getResult(d), loops, false), begin = at(map.getResult(d), loops, true);
      if (!end || !begin || !source[d].isStatic() || *end < padding.low[d] ||
          *begin >= padding.low[d] + source[d].value())
        return false;
      for (unsigned l = nest.getParallel(); l < loops.size(); ++l)
        if (map.getResult(d).isFunctionOfDim(l) &&
            llvm::isa<AffineBinaryOpExpr>(map.getResult(d)) && !isUnitStep(map.getResult(d), l))
          return false;
    }
    return true;
  }
  /// The expression at the last point of the parallel loops and the first of the window's, or the
  /// other way round.
  std::optional<int64_t> at(AffineExpr expr, llvm::ArrayRef<Dim> loops, bool isLastParallel) {
    llvm::SmallVector<AffineExpr> values;
    for (auto [l, extent] : llvm::enumerate(loops)) {
      bool isLast = (l < nest.getParallel()) == isLastParallel;
      if (expr.isFunctionOfDim(l) && !extent.isStatic())
        return std::nullopt;
      values.push_back(getAffineConstantExpr(isLast && extent.isStatic() ? extent.value() - 1 : 0,
                                             nest.getContext()));
    }
    auto constant = llvm::dyn_cast<AffineConstantExpr>(expr.replaceDims(values));
    return constant ? std::optional(constant.getValue()) : std::nullopt;
  }
  bool isUnitStep(AffineExpr expr, unsigned loop) {
    llvm::SmallVector<AffineExpr> zeros(loopDims(nest).size(),
                                        getAffineConstantExpr(0, nest.getContext())),
        one(zeros);
    one[loop] = getAffineConstantExpr(1, nest.getContext());
    auto from = llvm::dyn_cast<AffineConstantExpr>(expr.replaceDims(zeros)),
         to = llvm::dyn_cast<AffineConstantExpr>(expr.replaceDims(one));
    return from && to && to.getValue() - from.getValue() == 1;
  }

  exec::NestOp nest;
  FormFinder &finder;
};

void eraseDead(func::FuncOp function) {
  exec::forEachBlock(function, [](Block &block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && llvm::isa<exec::NestOp, exec::ViewOp, exec::ConstantOp>(op) &&
          !(llvm::isa<exec::NestOp>(op) && hasChecks(llvm::cast<exec::NestOp>(op))))
        op.erase();
  });
}

} // namespace

void makeIntegerContractions(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> contractions, maxima;
  function.walk([&](exec::NestOp nest) {
    if (isSumOfProducts(nest))
      contractions.push_back(nest);
    else if (MaximumRewriter::isMaximum(nest))
      maxima.push_back(nest);
  });
  FormFinder finder;
  bool changes = false;
  for (exec::NestOp nest : maxima)
    changes |= MaximumRewriter(nest, finder).rewrite();
  for (exec::NestOp nest : contractions) {
    auto a = finder.formOf(nest.getInputs()[0]), b = finder.formOf(nest.getInputs()[1]);
    if (!a || !b)
      continue;
    Rewriter rewriter(nest, *a, *b);
    changes = true; // what was made for them goes where it is not used
    if (rewriter.isPossible())
      rewriter.rewrite();
  }
  if (changes)
    eraseDead(function);
}

} // namespace ingot
