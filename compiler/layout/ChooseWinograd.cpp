// See ChooseWinograd.h. The convolution is found by its structure: a contraction over (n, r, s, co)
// and (kr, ks, ci) that reads x at (n, r + kr, s + ks, ci).
#include "compiler/layout/ChooseWinograd.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/FixedOps.h"
#include "compiler/layout/PackContractions.h"
#include "ir/exec/Winograd.h"
#include <cmath>

using namespace mlir;

namespace ingot {
namespace {

enum Loop { N, Row, Column, Filter, TapRow, TapColumn, Channel, LoopCount };

/// A tensor, and where in it the element 0 of what is read of it lies: before that, and behind its
/// end, are zeros.
struct Padded {
  Value tensor;
  int64_t low[2] = {0, 0}; // of rows and columns
};

struct Convolution {
  exec::NestOp nest;
  Padded x;
  Value kernel;
  AffineMap kernelMap; // of the nest's loops
  int64_t size(Loop l) const { return loopDims(nest)[l].value(); }
};

/// The tensor (n, h, w, c) that the value is with zeros around it; the value itself if it is none.
Padded paddedBy(Value value) {
  auto nest = value.getDefiningOp<exec::NestOp>();
  auto padding = nest ? paddingOf(nest) : std::nullopt;
  auto zero = padding ? llvm::dyn_cast<FloatAttr>(padding->value) : FloatAttr();
  if (!zero || !zero.getValue().isPosZero() || padding->isChecked[0] || padding->isChecked[3] ||
      padding->low[1] < 0 || padding->low[2] < 0)
    return {value};
  Dims size = dimsOf(padding->source);
  if (!size[1].isStatic() || !size[2].isStatic())
    return {value};
  return {padding->source, {padding->low[1], padding->low[2]}};
}

std::optional<Convolution> matchConvolution(exec::NestOp nest, const FixedOps &fixed) {
  Dims loops = loopDims(nest);
  if (loops.size() != LoopCount || nest.getParallel() != 4 || !matchContraction(nest) ||
      !getElementTypeOrSelf(nest.getOutputs()[0]).isF32() || !isConstant(loops[TapRow], 3) ||
      !isConstant(loops[TapColumn], 3))
    return std::nullopt;
  for (Loop l : {Row, Column, Filter, Channel})
    if (!loops[l].isStatic())
      return std::nullopt;
  MLIRContext *context = nest.getContext();
  auto d = [&](Loop l) { return getAffineDimExpr(l, context); };
  AffineMap window = AffineMap::get(
      LoopCount, 0, {d(N), d(Row) + d(TapRow), d(Column) + d(TapColumn), d(Channel)}, context);
  for (unsigned a : {0, 1}) {
    AffineMap kernel = accessMap(nest, 1 - a);
    if (accessMap(nest, a) != window || !kernel.isProjectedPermutation() ||
        kernel.getNumResults() != 4 || !fixed.isDerivable(nest.getInputs()[1 - a]))
      continue;
    bool isOfKernel = llvm::none_of(llvm::ArrayRef<Loop>{N, Row, Column},
                                    [&](Loop l) { return kernel.isFunctionOfDim(l); });
    Padded x = paddedBy(nest.getInputs()[a]);
    Dims size = dimsOf(x.tensor);
    if (isOfKernel && size[1].isStatic() && size[2].isStatic())
      return Convolution{nest, x, nest.getInputs()[1 - a], kernel};
  }
  return std::nullopt;
}

/// How exec.winograd would be run.
struct Schedule {
  int64_t outputs = 0; // a side of a tile; 0: direct convolution
  int64_t tiles = 0;   // of an image
  int64_t blockTiles = 0, parts = 0;
};

// A core and its caches as the choice sees them: the same for all variants of an artifact, so that
// they agree in what they compute up to the order of their lanes.
constexpr double flopsPerCycle = 32, bytesPerCycle = 5, bytesPerCycleAgain = 16;
constexpr double directShare = 0.88, winogradShare = 0.8; // of the peak that kernels reach
constexpr int64_t mostBlockTiles = 24;                    // a multiple of the register tiles' rows
constexpr int64_t rowsOfRegisterTile = 6;
constexpr int64_t unitsForThreads = 8;

Schedule scheduleOf(const Convolution &conv, int64_t outputs) {
  auto ceilDiv = [](int64_t a, int64_t b) { return llvm::divideCeilSigned(a, b); };
  Schedule s;
  s.outputs = outputs;
  s.tiles = ceilDiv(conv.size(Row), outputs) * ceilDiv(conv.size(Column), outputs);
  int64_t blocks = ceilDiv(s.tiles, mostBlockTiles);
  s.blockTiles = ceilDiv(ceilDiv(s.tiles, blocks), rowsOfRegisterTile) * rowsOfRegisterTile;
  // More parts give more threads work; each transforms the inputs anew.
  int64_t filters = conv.size(Filter);
  int64_t most = std::min(ceilDiv(filters, exec::WinogradWorkspace::filters), 1 + filters / 64);
  s.parts = std::clamp<int64_t>(ceilDiv(unitsForThreads, blocks), 1, most);
  return s;
}

double cyclesOf(const Convolution &conv, const Schedule &s) {
  Dim batch = loopDims(conv.nest)[N];
  double images = batch.isStatic() ? static_cast<double>(batch.value()) : 1;
  double pairs = static_cast<double>(conv.size(Channel) * conv.size(Filter));
  if (s.outputs == 0) {
    double points = images * static_cast<double>(conv.size(Row) * conv.size(Column));
    return points * 9 * pairs * 2 / (flopsPerCycle * directShare) + 9 * pairs * 4 / bytesPerCycle;
  }
  double points = static_cast<double>((s.outputs + 2) * (s.outputs + 2));
  double tiles = images * static_cast<double>(s.tiles);
  double blocks = std::ceil(tiles / static_cast<double>(s.blockTiles));
  double products = tiles * points * pairs * 2 / (flopsPerCycle * winogradShare);
  double transforms =
      tiles * static_cast<double>(conv.size(Channel) + conv.size(Filter)) / 8 * 3 * points;
  double kernelBytes = points * pairs * 4;
  return products + transforms + kernelBytes / bytesPerCycle +
         (blocks - 1) * kernelBytes / bytesPerCycleAgain;
}

Schedule choose(const Convolution &conv) {
  Schedule best;
  double cycles = 0.95 * cyclesOf(conv, best);
  for (int64_t outputs : {2, 4}) {
    Schedule s = scheduleOf(conv, outputs);
    if (double its = cyclesOf(conv, s); its < cycles) {
      cycles = its;
      best = s;
    }
  }
  return best;
}

/// The kernel's (panels, points, points, channels, lanes): G g G^T, computed in f64.
Value transformKernel(OpBuilder &b, const Convolution &conv, int64_t outputs) {
  MLIRContext *context = b.getContext();
  Location loc = conv.kernel.getLoc();
  exec::WinogradMatrices matrices(outputs);
  Dims loops = loopDims(conv.nest);
  Dim panels = loops[Filter].ceilDiv(exec::panelLanes),
      lanes = Dim::constant(context, exec::panelLanes),
      points = Dim::constant(context, matrices.points);

  // (panels, 3, 3, channels, lanes), the last panel filled up with zeros.
  AffineExpr filter = b.getAffineDimExpr(0) * exec::panelLanes + b.getAffineDimExpr(4);
  llvm::SmallVector<AffineExpr> places(LoopCount, b.getAffineConstantExpr(0));
  places[TapRow] = b.getAffineDimExpr(1);
  places[TapColumn] = b.getAffineDimExpr(2);
  places[Channel] = b.getAffineDimExpr(3);
  places[Filter] = filter;
  Value packed = packedCopy(
      b, loc, {panels, loops[TapRow], loops[TapColumn], loops[Channel], lanes}, conv.kernel,
      conv.kernelMap.replaceDimsAndSymbols(places, {}, 5, 0), filter, conv.size(Filter));

  llvm::SmallVector<double> table;
  for (const std::vector<double> &row : matrices.kernel)
    table.append(row.begin(), row.end());
  auto tableType = RankedTensorType::get({matrices.points, 3}, b.getF64Type());
  Value g = exec::ConstantOp::create(b, loc, tableType,
                                     DenseElementsAttr::get(tableType, llvm::ArrayRef(table)));
  return exec::nest(
      b, loc, {panels, points, points, loops[Channel], lanes}, 5, {{packed, {}}, {g, {}}},
      exec::Combiner::None, b.getF32Type(),
      [&](OpBuilder &b, ValueRange at, ValueRange tensors) -> llvm::SmallVector<Value> {
        auto constant = [&](int64_t i) { return exec::indexConstant(b, loc, i); };
        auto coefficient = [&](Value point, int64_t tap) -> Value {
          return exec::ReadOp::create(b, loc, b.getF64Type(), tensors[1],
                                      ValueRange{point, constant(tap)}, Value(), Value());
        };
        auto sum = [&](llvm::function_ref<Value(int64_t)> term) {
          Value total = term(0);
          for (int64_t tap : {1, 2})
            total = arith::AddFOp::create(b, loc, total, term(tap));
          return total;
        };
        Value transformed = sum([&](int64_t row) -> Value {
          Value inner = sum([&](int64_t column) -> Value {
            Value w = exec::ReadOp::create(
                b, loc, b.getF32Type(), tensors[0],
                ValueRange{at[0], constant(row), constant(column), at[3], at[4]}, Value(), Value());
            return arith::MulFOp::create(b, loc, coefficient(at[2], column),
                                         arith::ExtFOp::create(b, loc, b.getF64Type(), w));
          });
          return arith::MulFOp::create(b, loc, coefficient(at[1], row), inner);
        });
        return {arith::TruncFOp::create(b, loc, b.getF32Type(), transformed)};
      })[0];
}

void replace(const Convolution &conv, const Schedule &s) {
  exec::NestOp nest = conv.nest;
  OpBuilder b(nest);
  Value kernel = transformKernel(b, conv, s.outputs);
  int64_t elements = exec::WinogradWorkspace(s.outputs, s.blockTiles, conv.size(Channel)).elements;
  Value result = nest.getOutputs()[0];
  Dim tasks = exec::winogradTasks(dimsOf(result), s.outputs, s.blockTiles, s.parts);
  Type workspace =
      tensorType({tasks, Dim::constant(b.getContext(), elements)}, getElementTypeOrSelf(result));
  auto op = exec::WinogradOp::create(b, nest.getLoc(), result.getType(), workspace, conv.x.tensor,
                                     kernel, s.outputs, conv.x.low, s.blockTiles, s.parts);
  result.replaceAllUsesWith(op.getResult());
  nest.erase();
}

} // namespace

void chooseWinograd(func::FuncOp function) {
  FixedOps fixed(function);
  for (auto nest : llvm::to_vector(function.getBody().front().getOps<exec::NestOp>()))
    if (auto conv = fixed.all.contains(nest) ? std::nullopt : matchConvolution(nest, fixed))
      if (Schedule schedule = choose(*conv); schedule.outputs != 0)
        replace(*conv, schedule);
}

} // namespace ingot
