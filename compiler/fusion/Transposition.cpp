// See Transposition.h.
#include "compiler/fusion/Transposition.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr int64_t kFewest = 4096; // elements, below which no kernel of its own pays
constexpr int64_t kWide = 16;     // the widest vector
constexpr int64_t kNarrow = 4;    // below which squares are mostly empty

std::optional<int64_t> constantTerm(AffineMap map, Type tensor) {
  int64_t start = 0;
  llvm::SmallVector<AffineExpr> zeros(map.getNumDims(), getAffineConstantExpr(0, map.getContext()));
  for (auto [expr, stride] : llvm::zip(map.getResults(), rowMajorStrides(tensor))) {
    auto value = llvm::dyn_cast<AffineConstantExpr>(
        simplifyAffineExpr(expr.replaceDims(zeros), map.getNumDims(), 0));
    if (!value || (value.getValue() != 0 && !stride.isStatic()))
      return std::nullopt;
    start += value.getValue() == 0 ? 0 : value.getValue() * stride.value();
  }
  return start;
}

} // namespace

std::optional<Transposition> transpositionOf(exec::NestOp nest, Value tensor, AffineMap map) {
  Value result = nest.getOutputs()[0];
  Type element = getElementTypeOrSelf(result);
  if (!isMap(nest) || !element.isIntOrFloat() || element.getIntOrFloatBitWidth() != 32)
    return std::nullopt;
  Dims loops = loopDims(nest);
  auto strides = linearStrides(map, tensor.getType(), loops.size());
  auto start = constantTerm(map, tensor.getType());
  if (!strides || !start)
    return std::nullopt;
  llvm::SmallVector<Dim> written = rowMajorStrides(result.getType());
  Transposition t;
  t.source = tensor;
  t.read.assign(strides->begin(), strides->end());
  t.written.assign(written.begin(), written.end());
  t.start = *start;
  t.backwards.assign(loops.size(), false);
  auto isUnit = [&](unsigned l) { return isConstant(loops[l], 1); };
  auto isStep = [&](unsigned l, int64_t size) {
    return isConstant(t.read[l], size) || isConstant(t.read[l], -size);
  };
  int64_t all = 1;
  for (Dim extent : loops)
    all *= estimate(extent);
  if (all < kFewest)
    return std::nullopt;

  llvm::SmallVector<bool> taken(loops.size(), false);
  // Columns: the last loops, as many as fill a vector. Rows: what is contiguous in the source then.
  int64_t columnCount = 1, rowCount = 1;
  auto addColumns = [&](int64_t enough) {
    for (int64_t l = static_cast<int64_t>(loops.size()) - 1; l >= 0 && columnCount < enough; --l) {
      if (isUnit(l) || llvm::is_contained(t.columns, l))
        continue;
      bool isOpen = t.columns.empty() || loops[t.columns.front()].isStatic();
      if (taken[l] || !isOpen || isStep(l, 1) || isStep(l, 0))
        return;
      t.columns.insert(t.columns.begin(), l);
      taken[l] = true;
      columnCount *= estimate(loops[l]);
    }
  };
  addColumns(kWide);
  for (bool grows = true; grows;) {
    grows = false;
    for (unsigned l = 0; l < loops.size(); ++l)
      if (!isUnit(l) && !taken[l] && loops[l].isStatic() && isStep(l, rowCount)) {
        t.rows.insert(t.rows.begin(), l);
        taken[l] = grows = true;
        rowCount *= loops[l].value();
        break;
      }
  }
  addColumns(INT64_MAX);
  if (columnCount < kNarrow || rowCount < kNarrow)
    return std::nullopt;
  for (unsigned l : t.rows)
    if (t.read[l].value() < 0) {
      t.start += t.read[l].value() * (loops[l].value() - 1);
      t.read[l] = t.read[l] * -1;
      t.backwards[l] = true;
    }
  for (unsigned l = 0; l < loops.size(); ++l)
    if (!taken[l] && !isUnit(l))
      t.others.push_back(l);
  return t;
}

std::optional<Transposition> transpositionOf(exec::NestOp nest) {
  return isMovement(nest) ? transpositionOf(nest, nest.getInputs()[0], accessMap(nest, 0))
                          : std::nullopt;
}

} // namespace ingot
