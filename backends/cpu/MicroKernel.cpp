// The shared micro-kernels of contractions: a register tile of rows x lanes, run-time extents and
// strides, so that one function serves every layer of its shape.
#include "backends/cpu/ContractionEmitter.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int loopCount = 4;

class MicroKernelBuilder {
public:
  MicroKernelBuilder(CodeContext &context, OpBuilder &b, Location loc, Type element,
                     MicroKernel shape)
      : context(context), b(b), element(element), shape(shape),
        cb(b, loc, context.target.vectorBytes * 8 / element.getIntOrFloatBitWidth()) {}

  void emit(Block *entry) {
    a = entry->getArgument(0);
    bMatrix = entry->getArgument(1);
    Value c = entry->getArgument(2), ldc = entry->getArgument(4);
    Value places = entry->getArgument(3);
    for (int64_t row = 1; row < shape.rows; ++row)
      rowPlaces.push_back(LLVM::LoadOp::create(b, cb.loc, cb.i64(),
                                               cb.address(places, cb.integer(row), cb.i64()), 8));
    for (int l = 0; l < loopCount; ++l) {
      extents[l] = entry->getArgument(5 + 3 * l);
      aStrides[l] = entry->getArgument(6 + 3 * l);
      bStrides[l] = entry->getArgument(7 + 3 * l);
    }
    if (shape.masked)
      tailMask = cb.firstLanes(entry->getArgument(5 + 3 * loopCount));
    for (int64_t v = 0; v < shape.vectors; ++v) {
      int64_t lane = v * cb.lanes, panel = shape.panel ? lane / shape.panel : 0;
      Value place = cb.integer(shape.panel ? lane % shape.panel : lane);
      if (panel > 0)
        place = cb.add(place, cb.mul(entry->getArgument(6 + 3 * loopCount), cb.integer(panel)));
      columnPlaces.push_back(place);
    }
    Value zero = arith::ConstantOp::create(b, cb.loc, b.getZeroAttr(cb.vectorOf(element)));
    llvm::SmallVector<Value> sums(shape.rows * shape.vectors, zero);
    auto place = [&](int64_t row, int64_t v) {
      return cb.address(c, cb.add(cb.mul(ldc, cb.integer(row)), cb.integer(v * cb.lanes)), element);
    };
    if (shape.accumulates)
      for (int64_t i = 0; i < shape.rows * shape.vectors; ++i)
        sums[i] = load(place(i / shape.vectors, i % shape.vectors), false);
    sums = loop(0, a, bMatrix, sums);
    for (int64_t row = 0; row < shape.rows; ++row)
      for (int64_t v = 0; v < shape.vectors; ++v)
        store(place(row, v), sums[row * shape.vectors + v], isMasked(v));
  }

private:
  bool isMasked(int64_t v) { return shape.masked && v + 1 == shape.vectors; }
  int64_t alignment() { return element.getIntOrFloatBitWidth() / 8; }

  llvm::SmallVector<Value> loop(int l, Value aBase, Value bBase, ValueRange sums) {
    if (l + 1 == loopCount)
      return innermost(aBase, bBase, sums);
    return cb.loop(cb.integer(0), extents[l], 1, sums, [&](Value i, ValueRange inner) {
      Value aHere = cb.address(aBase, cb.mul(i, aStrides[l]), element);
      Value bHere = cb.address(bBase, cb.mul(i, bStrides[l]), element);
      return loop(l + 1, aHere, bHere, inner);
    });
  }

  llvm::SmallVector<Value> innermost(Value aBase, Value bBase, ValueRange sums) {
    llvm::SmallVector<Value> rows{aBase};
    for (Value place : rowPlaces)
      rows.push_back(cb.address(aBase, place, element));
    int l = loopCount - 1;
    return cb.loop(cb.integer(0), extents[l], 1, sums, [&](Value k, ValueRange current) {
      Value bRow = cb.address(bBase, cb.mul(k, bStrides[l]), element);
      Value aOffset = cb.mul(k, aStrides[l]);
      llvm::SmallVector<Value> columns, next;
      for (int64_t v = 0; v < shape.vectors; ++v)
        columns.push_back(load(cb.address(bRow, columnPlaces[v], element), isMasked(v)));
      for (int64_t row = 0; row < shape.rows; ++row) {
        Value scalar = LLVM::LoadOp::create(b, cb.loc, element,
                                            cb.address(rows[row], aOffset, element), alignment());
        Value wide = cb.widen(scalar);
        for (int64_t v = 0; v < shape.vectors; ++v)
          next.push_back(multiplyAdd(wide, columns[v], current[row * shape.vectors + v]));
      }
      return next;
    });
  }

  Value multiplyAdd(Value x, Value y, Value sum) {
    if (context.target.fma)
      return LLVM::FMAOp::create(b, cb.loc, x, y, sum);
    return arith::AddFOp::create(b, cb.loc, arith::MulFOp::create(b, cb.loc, x, y), sum);
  }
  Value load(Value p, bool masked) {
    Type type = cb.vectorOf(element);
    if (!masked)
      return LLVM::LoadOp::create(b, cb.loc, type, p, alignment());
    Value zero = arith::ConstantOp::create(b, cb.loc, b.getZeroAttr(type));
    return LLVM::MaskedLoadOp::create(b, cb.loc, type, p, tailMask, zero,
                                      b.getI32IntegerAttr(alignment()));
  }
  void store(Value p, Value v, bool masked) {
    if (masked)
      LLVM::MaskedStoreOp::create(b, cb.loc, v, p, tailMask, alignment());
    else
      LLVM::StoreOp::create(b, cb.loc, v, p, alignment());
  }

  CodeContext &context;
  OpBuilder &b;
  Type element;
  MicroKernel shape;
  CodeBuilder cb;
  Value a, bMatrix, tailMask;
  llvm::SmallVector<Value> rowPlaces;    // in A, of the rows after the first
  llvm::SmallVector<Value> columnPlaces; // in B, of the vectors
  Value extents[loopCount], aStrides[loopCount], bStrides[loopCount];
};

} // namespace

func::FuncOp microKernel(CodeContext &context, Type element, MicroKernel shape) {
  std::string name = "contract_" + std::string(element.isF64() ? "f64_" : "f32_") +
                     std::to_string(shape.rows) + "x" + std::to_string(shape.vectors) +
                     (shape.masked ? "_masked" : "") + (shape.accumulates ? "_accumulate" : "") +
                     (shape.panel ? "_panels" + std::to_string(shape.panel) : "");
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder b(context.module.getContext());
  Location loc = NameLoc::get(b.getStringAttr(name));
  b.setInsertionPointToEnd(context.module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  llvm::SmallVector<Type> types(4, pointer);
  types.append(1 + 3 * loopCount + 2, b.getI64Type());
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  auto end = func::ReturnOp::create(b, loc);
  b.setInsertionPoint(end);
  MicroKernelBuilder(context, b, loc, element, shape).emit(entry);
  return function;
}

} // namespace ingot::cpu
