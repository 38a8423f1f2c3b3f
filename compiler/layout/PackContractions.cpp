// See PackContractions.h. The packed copy has one dimension for each loop its operand depends on,
// in loop order with the lane loop last, so that its access is a selection of loops.
#include "compiler/layout/PackContractions.h"
#include "compiler/fusion/Structure.h"

using namespace mlir;

namespace ingot {
namespace {

void pack(exec::NestOp nest, const Contraction &contraction) {
  OpBuilder b(nest);
  Dims loops = loopDims(nest);
  llvm::SmallVector<int64_t> order;
  for (int64_t l = 0; l < static_cast<int64_t>(loops.size()); ++l)
    if (l != contraction.lane &&
        !(contraction.bStrides[l].isStatic() && contraction.bStrides[l].value() == 0))
      order.push_back(l);
  order.push_back(contraction.lane);

  Dims packedDims;
  llvm::SmallVector<AffineExpr> selection;
  llvm::SmallVector<AffineExpr> toPacked(loops.size(), b.getAffineConstantExpr(0));
  for (auto [d, l] : llvm::enumerate(order)) {
    packedDims.push_back(loops[l]);
    selection.push_back(b.getAffineDimExpr(l));
    toPacked[l] = b.getAffineDimExpr(d);
  }
  Value operand = nest.getInputs()[contraction.b];
  AffineMap source =
      accessMap(nest, contraction.b).replaceDimsAndSymbols(toPacked, {}, order.size(), 0);
  Value packed = exec::nest(b, nest.getLoc(), packedDims, packedDims.size(), {{operand, source}},
                            exec::Combiner::None, getElementTypeOrSelf(operand),
                            [](OpBuilder &, ValueRange, ValueRange args) {
                              return llvm::SmallVector<Value>{args[0]};
                            })[0];
  nest->setOperand(contraction.b, packed);
  auto accesses = llvm::to_vector(nest.getAccesses());
  accesses[contraction.b] =
      AffineMapAttr::get(AffineMap::get(loops.size(), 0, selection, b.getContext()));
  nest.setAccessesAttr(b.getArrayAttr(accesses));
}

} // namespace

void packContractions(func::FuncOp function) {
  function.walk([](exec::NestOp nest) {
    if (auto contraction = matchContraction(nest); contraction && !contraction->unitLane)
      pack(nest, *contraction);
  });
}

} // namespace ingot
