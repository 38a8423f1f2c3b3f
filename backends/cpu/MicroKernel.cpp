// The shared micro-kernels of contractions: a register tile of rows x lanes, run-time extents and
// strides, so that one function serves every layer of its shape.
#include "backends/cpu/ContractionEmitter.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int loopCount = 4;

class TileBuilder {
public:
  TileBuilder(CodeBuilder &cb, const CpuTarget &target, Type element, const TileOperands &tile)
      : cb(cb), target(target), element(element), tile(tile) {}

  /// The loops from the l-th on.
  llvm::SmallVector<Value> loop(size_t l, Value aBase, Value bBase, ValueRange sums) {
    if (l + 1 >= tile.loops.size())
      return innermost(aBase, bBase, sums);
    const TileOperands::Loop &here = tile.loops[l];
    return cb.loop(cb.integer(0), here.extent, 1, sums, [&](Value i, ValueRange inner) {
      return loop(l + 1, cb.address(aBase, cb.mul(i, here.aStride), element),
                  cb.address(bBase, cb.mul(i, here.bStride), element), inner);
    });
  }

private:
  /// Whether the innermost loop has so few points that they are written out: where rows are read at
  /// other places in each of them. Values that several rows read would be kept, and registers fail.
  bool writesInnermost() {
    constexpr int64_t kMostPoints = 4;
    if (tile.loops.empty() || tile.rowPlaces.empty())
      return false;
    auto extent = cb.constantOf(tile.loops.back().extent),
         step = cb.constantOf(tile.loops.back().aStride),
         first = cb.constantOf(tile.rowPlaces.front()), last = cb.constantOf(tile.rowPlaces.back());
    return extent && step && first && last && *extent <= kMostPoints &&
           (*step > *last || *step * *extent <= *first);
  }

  llvm::SmallVector<Value> innermost(Value aBase, Value bBase, ValueRange sums) {
    llvm::SmallVector<Value> rows{aBase};
    for (Value place : tile.rowPlaces)
      rows.push_back(cb.address(aBase, place, element));
    if (tile.loops.empty())
      return point(rows, bBase, cb.integer(0), sums);
    const TileOperands::Loop &here = tile.loops.back();
    auto at = [&](Value k, ValueRange current) {
      return point(rows, cb.address(bBase, cb.mul(k, here.bStride), element),
                   cb.mul(k, here.aStride), current);
    };
    if (!writesInnermost())
      return cb.loop(cb.integer(0), here.extent, 1, sums, at);
    llvm::SmallVector<Value> current(sums);
    for (int64_t k = 0; k < *cb.constantOf(here.extent); ++k)
      current = at(cb.integer(k), current);
    return current;
  }

  /// One step of all chains.
  llvm::SmallVector<Value> point(ValueRange rows, Value bRow, Value aOffset, ValueRange sums) {
    if (tile.fetched)
      LLVM::Prefetch::create(cb.b, cb.loc, cb.address(bRow, tile.fetched, element), 0, 2, 1);
    llvm::SmallVector<Value> columns, next;
    size_t vectors = tile.columnPlaces.size();
    unsigned alignment = element.getIntOrFloatBitWidth() / 8;
    for (size_t v = 0; v < vectors; ++v)
      columns.push_back(cb.load(cb.address(bRow, tile.columnPlaces[v], element), element,
                                v + 1 == vectors ? tile.tailMask : Value()));
    for (Value row : rows) {
      Value wide = cb.widen(LLVM::LoadOp::create(cb.b, cb.loc, element,
                                                 cb.address(row, aOffset, element), alignment));
      for (size_t v = 0; v < vectors; ++v)
        next.push_back(cb.multiplyAdd(target, wide, columns[v], sums[next.size()]));
    }
    return next;
  }

  CodeBuilder &cb;
  const CpuTarget &target;
  Type element;
  const TileOperands &tile;
};

void fillMicroKernel(CodeContext &context, Block *entry, CodeBuilder &cb, Type element,
                     MicroKernel shape) {
  Value c = entry->getArgument(2), ldc = entry->getArgument(4);
  Value places = entry->getArgument(3), tail = entry->getArgument(5 + 3 * loopCount);
  TileOperands tile;
  tile.a = entry->getArgument(0);
  tile.b = entry->getArgument(1);
  for (int64_t row = 1; row < shape.rows; ++row)
    tile.rowPlaces.push_back(LLVM::LoadOp::create(
        cb.b, cb.loc, cb.i64(), cb.address(places, cb.integer(row), cb.i64()), 8));
  for (int l = 0; l < loopCount; ++l)
    tile.loops.push_back({entry->getArgument(5 + 3 * l), entry->getArgument(6 + 3 * l),
                          entry->getArgument(7 + 3 * l)});
  if (shape.masked)
    tile.tailMask = cb.firstLanes(tail);
  tile.columnPlaces =
      placesOfVectors(cb, shape.vectors, shape.panel, entry->getArgument(6 + 3 * loopCount));
  Type vector = cb.vectorOf(element);
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  auto place = [&](int64_t i) {
    Value row = cb.mul(ldc, cb.integer(i / shape.vectors));
    return cb.address(c, cb.add(row, cb.integer(i % shape.vectors * cb.lanes)), element);
  };
  llvm::SmallVector<Value> sums;
  for (int64_t i = 0; i < shape.rows * shape.vectors; ++i)
    if (shape.accumulates)
      sums.push_back(LLVM::LoadOp::create(cb.b, cb.loc, vector, place(i), alignment));
    else
      sums.push_back(arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(vector)));
  sums = sumProducts(cb, context.target, element, tile, sums);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value to = place(static_cast<int64_t>(i));
    bool isLast = static_cast<int64_t>(i) % shape.vectors + 1 == shape.vectors;
    cb.store(sum, to, isLast ? tile.tailMask : Value());
  }
}

} // namespace

llvm::SmallVector<Value> placesOfVectors(CodeBuilder &cb, int64_t vectors, int64_t panel,
                                         Value panelStride) {
  llvm::SmallVector<Value> places;
  for (int64_t v = 0; v < vectors; ++v) {
    int64_t lane = v * cb.lanes, number = panel ? lane / panel : 0;
    Value place = cb.integer(panel ? lane % panel : lane);
    places.push_back(number > 0 ? cb.add(place, cb.mul(panelStride, cb.integer(number))) : place);
  }
  return places;
}

llvm::SmallVector<Value> sumProducts(CodeBuilder &cb, const CpuTarget &target, Type element,
                                     const TileOperands &tile, ValueRange sums) {
  return TileBuilder(cb, target, element, tile).loop(0, tile.a, tile.b, sums);
}

func::FuncOp microKernel(CodeContext &context, Type element, MicroKernel shape) {
  std::string name = "contract_" + std::string(element.isF64() ? "f64_" : "f32_") +
                     std::to_string(shape.rows) + "x" + std::to_string(shape.vectors) +
                     (shape.masked ? "_masked" : "") + (shape.accumulates ? "_accumulate" : "") +
                     (shape.panel ? "_panels" + std::to_string(shape.panel) : "");
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder b(context.module.getContext());
  CodeBuilder cb(b, NameLoc::get(b.getStringAttr(name)),
                 context.target.vectorBytes * 8 / element.getIntOrFloatBitWidth());
  llvm::SmallVector<Type> types(4, cb.pointer());
  types.append(1 + 3 * loopCount + 2, cb.i64());
  auto function = privateFunction(context, cb, name, types);
  fillMicroKernel(context, &function.front(), cb, element, shape);
  return function;
}

} // namespace ingot::cpu
