// Meaning, lowering and gradient of the matrix product.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  Dims l = dimsOf(adaptor.getLhs()), r = dimsOf(adaptor.getRhs());
  size_t rank = l.size();
  if (rank < 2 || r.size() != rank)
    return emitOptionalError(loc, "matmul needs two tensors of one rank >= 2, has ", str(l),
                             " and ", str(r));
  Dims result(l.begin(), l.end() - 2);
  for (size_t d = 0; d + 2 < rank; ++d)
    if (!(l[d] == r[d]))
      return emitOptionalError(loc, "matmul: leading dimensions of ", str(l), " and ", str(r),
                               " differ");
  bool tl = adaptor.getTransposeLhs(), tr = adaptor.getTransposeRhs();
  Dim kl = l[rank - (tl ? 2 : 1)], kr = r[rank - (tr ? 1 : 2)];
  if (!(kl == kr))
    return emitOptionalError(loc, "inner dimensions ", kl.str(), " and ", kr.str(),
                             " differ: ", str(l), " x ", str(r));
  result.push_back(l[rank - (tl ? 1 : 2)]);
  result.push_back(r[rank - (tr ? 2 : 1)]);
  types.push_back(tensorType(result, elementType(adaptor.getLhs())));
  return success();
}

LogicalResult MatMulOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                 llvm::MutableArrayRef<Tensor> results) {
  const Tensor &l = operands[0], &r = operands[1];
  int64_t rank = l.rank(), inner = l.dim(rank - (getTransposeLhs() ? 2 : 1));
  reference::forEachIndex(results[0].shape(), [&](llvm::ArrayRef<int64_t> index) {
    llvm::SmallVector<int64_t> li(index), ri(index);
    double real = 0;
    uint64_t integer = 0;
    for (int64_t k = 0; k < inner; ++k) {
      li[rank - 2] = getTransposeLhs() ? k : index[rank - 2];
      li[rank - 1] = getTransposeLhs() ? index[rank - 2] : k;
      ri[rank - 2] = getTransposeRhs() ? index[rank - 1] : k;
      ri[rank - 1] = getTransposeRhs() ? k : index[rank - 1];
      Number a = l.at(li), b = r.at(ri);
      real += a.f * b.f;
      integer += uint64_t(a.i) * uint64_t(b.i);
    }
    results[0].set(index, l.isFloat() ? Number::real(real) : Number::integer(integer));
  });
  return success();
}

void MatMulOp::emitStructured(OpBuilder &b, ValueRange operands,
                              llvm::SmallVectorImpl<Value> &results) {
  Dims dims = dimsOf(getResult());
  int64_t rank = dims.size();
  bool tl = getTransposeLhs(), tr = getTransposeRhs();
  Dims loops = dims;
  loops.push_back(dimsOf(getLhs())[rank - (tl ? 2 : 1)]);
  auto access = [&](bool transposed, int64_t row, int64_t column) {
    llvm::SmallVector<AffineExpr> exprs;
    for (int64_t d = 0; d + 2 < rank; ++d)
      exprs.push_back(b.getAffineDimExpr(d));
    exprs.push_back(b.getAffineDimExpr(transposed ? column : row));
    exprs.push_back(b.getAffineDimExpr(transposed ? row : column));
    return AffineMap::get(rank + 1, 0, exprs, getContext());
  };
  Type element = exec::signlessElement(elementType(getLhs()));
  results = exec::nest(
      b, getLoc(), loops, rank,
      {{operands[0], access(tl, rank - 2, rank)}, {operands[1], access(tr, rank, rank - 1)}},
      exec::Combiner::Add, element,
      [&](OpBuilder &b, ValueRange, ValueRange args) -> llvm::SmallVector<Value> {
        if (llvm::isa<FloatType>(element))
          return {arith::MulFOp::create(b, getLoc(), args[0], args[1])};
        return {arith::MulIOp::create(b, getLoc(), args[0], args[1])};
      });
}

llvm::SmallVector<Value> MatMulOp::gradient(OpBuilder &b, ValueRange dResults) {
  bool tl = getTransposeLhs(), tr = getTransposeRhs();
  auto product = [&](Value l, Value r, bool transposeL, bool transposeR) {
    return make<MatMulOp>(b, getLoc(), {l, r},
                          {b.getNamedAttr("transposeLhs", b.getBoolAttr(transposeL)),
                           b.getNamedAttr("transposeRhs", b.getBoolAttr(transposeR))});
  };
  Value l = getLhs(), r = getRhs(), d = dResults[0];
  Value dl = tl ? product(r, d, tr, true) : product(d, r, false, !tr);
  Value dr = tr ? product(d, l, true, tl) : product(l, d, !tl, false);
  return {dl, dr};
}
