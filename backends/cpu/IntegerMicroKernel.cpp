// The shared micro-kernels of integer contractions. See IntegerContractionEmitter.h.
#include "backends/cpu/IntegerContractionEmitter.h"
#include "ir/exec/Winograd.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int64_t kGroupBytes = Contraction::groupSize;
constexpr int64_t kRowBytes = 48 << 10; // of a task's stack

class KernelBuilder {
public:
  KernelBuilder(CodeContext &context, CodeBuilder &cb, const PackedRows &packed,
                IntegerKernel shape)
      : context(context), cb(cb), packed(packed), shape(shape), i32(cb.b.getI32Type()) {}

  void fill(Block *entry) {
    Value a = entry->getArgument(0), b = entry->getArgument(1), c = entry->getArgument(2);
    panelStride = entry->getArgument(4);
    Type vector = cb.vectorOf(i32);
    auto place = [&](int64_t i) { return cb.address(c, cb.integer(i * cb.lanes), i32); };
    llvm::SmallVector<Value> sums;
    for (int64_t i = 0; i < shape.rows * shape.vectors; ++i)
      if (shape.accumulates)
        sums.push_back(LLVM::LoadOp::create(cb.b, cb.loc, vector, place(i), 4));
      else
        sums.push_back(arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(vector)));
    sums = cb.loop(cb.integer(0), entry->getArgument(3), 1, sums,
                   [&](Value k, ValueRange current) { return step(a, b, k, current); });
    for (auto [i, sum] : llvm::enumerate(sums))
      LLVM::StoreOp::create(cb.b, cb.loc, sum, place(static_cast<int64_t>(i)), 4);
  }

private:
  VectorType partsOf(unsigned bits) {
    return VectorType::get({cb.lanes * 32 / bits}, cb.b.getIntegerType(bits));
  }
  Value asParts(Value v, unsigned bits) {
    return LLVM::BitcastOp::create(cb.b, cb.loc, partsOf(bits), v);
  }

  /// One group of 4 elements of all sums.
  llvm::SmallVector<Value> step(Value a, Value b, Value k, ValueRange sums) {
    llvm::SmallVector<Value> columns, next(sums);
    Type i8 = cb.b.getI8Type();
    constexpr int64_t panel = exec::panelLanes;
    Value here = cb.address(b, cb.mul(k, cb.integer(panel * kGroupBytes)), i8);
    for (int64_t v = 0; v < shape.vectors; ++v) {
      int64_t lane = v * cb.lanes;
      Value at = cb.add(cb.mul(panelStride, cb.integer(lane / panel)),
                        cb.integer(lane % panel * kGroupBytes));
      columns.push_back(
          LLVM::LoadOp::create(cb.b, cb.loc, cb.vectorOf(i32), cb.address(here, at, i8), 1));
    }
    int64_t parts = packed.rowsEach();
    llvm::SmallVector<llvm::SmallVector<Value>> factors(parts); // by part and vector
    for (int64_t part = 0; part < parts; ++part)
      for (Value column : columns)
        factors[part].push_back(packed.inBytes ? asParts(column, 8) : half(column, part));
    for (int64_t r = 0; r < shape.rows; ++r) {
      llvm::SmallVector<Value> wide;
      for (int64_t part = 0; part < parts; ++part) {
        Value row = cb.integer((r * parts + part) * packed.depth);
        Value group =
            LLVM::LoadOp::create(cb.b, cb.loc, i32, cb.address(cb.address(a, k, i32), row, i32), 4);
        wide.push_back(asParts(cb.widen(group), packed.inBytes ? 8 : 16));
      }
      for (int64_t v = 0; v < shape.vectors; ++v) {
        Value &sum = next[r * shape.vectors + v];
        sum = addProducts(wide, factors, v, sum);
      }
    }
    return next;
  }

  /// Elements 0 and 2, or 1 and 3, of each lane's group, as 16 bits.
  Value half(Value column, int64_t part) {
    Value words = asParts(column, 16);
    Value eight = arith::ConstantOp::create(
        cb.b, cb.loc, DenseElementsAttr::get(partsOf(16), cb.b.getI16IntegerAttr(8)));
    if (part == 0)
      words = arith::ShLIOp::create(cb.b, cb.loc, words, eight);
    if (shape.bUnsigned)
      return arith::ShRUIOp::create(cb.b, cb.loc, words, eight);
    return arith::ShRSIOp::create(cb.b, cb.loc, words, eight);
  }

  Value call(llvm::StringRef name, ValueRange arguments) {
    return LLVM::CallIntrinsicOp::create(cb.b, cb.loc, cb.vectorOf(i32), cb.b.getStringAttr(name),
                                         arguments)
        .getResult(0);
  }
  /// The sum and the products of a group. Products of both halves are added to each other first: a
  /// chain through the sum would be taken apart again by LLVM, at the cost of registers.
  Value addProducts(llvm::ArrayRef<Value> wide, llvm::ArrayRef<llvm::SmallVector<Value>> factors,
                    int64_t v, Value sum) {
    std::string width = std::to_string(cb.lanes * 32);
    if (packed.inBytes)
      return call("llvm.x86.avx512.vpdpbusd." + width, {sum, wide[0], factors[0][v]});
    Value products;
    for (auto [x, y] : llvm::zip(wide, factors)) {
      if (context.target.dotProducts) {
        sum = call("llvm.x86.avx512.vpdpwssd." + width, {sum, x, y[v]});
        continue;
      }
      llvm::StringRef name = cb.lanes == 16  ? "llvm.x86.avx512.pmaddw.d.512"
                             : cb.lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                             : "llvm.x86.sse2.pmadd.wd";
      Value product = call(name, {x, y[v]});
      products = products ? Value(arith::AddIOp::create(cb.b, cb.loc, products, product)) : product;
    }
    return products ? Value(arith::AddIOp::create(cb.b, cb.loc, sum, products)) : sum;
  }

  CodeContext &context;
  CodeBuilder &cb;
  const PackedRows &packed;
  IntegerKernel shape;
  Type i32;
  Value panelStride;
};

} // namespace

RegisterTile registerTile(const CpuTarget &target, bool inBytes) {
  // Besides the sums registers hold the vectors of B, in halves where it is taken apart, which many
  // rows must be worth.
  if (target.vectorRegisters >= 32)
    return inBytes ? RegisterTile{14, 2} : RegisterTile{12, 2};
  return inBytes ? RegisterTile{6, 2} : RegisterTile{12, 1};
}

PackedRows packedRows(const CpuTarget &target, const Contraction &c) {
  PackedRows rows;
  rows.inBytes = target.dotProducts && c.aUnsigned && !c.bUnsigned;
  int64_t most = registerTile(target, rows.inBytes).rows;
  // Not a power of two: the rows would compete for a few sets of the cache.
  rows.depth = (kRowBytes / (most * rows.rowsEach() * 4) / 32 - 1) * 32 + 16;
  return rows;
}

func::FuncOp integerKernel(CodeContext &context, const PackedRows &rows, IntegerKernel shape) {
  std::string name = std::string("contract_i8_") + (rows.inBytes ? "bytes_" : "words_") +
                     (shape.bUnsigned ? "u8_" : "") + std::to_string(shape.rows) + "x" +
                     std::to_string(shape.vectors) + (shape.accumulates ? "_accumulate" : "");
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder b(context.module.getContext());
  CodeBuilder cb(b, NameLoc::get(b.getStringAttr(name)), context.target.lanes());
  auto function = privateFunction(context, cb, name,
                                  {cb.pointer(), cb.pointer(), cb.pointer(), cb.i64(), cb.i64()});
  KernelBuilder(context, cb, rows, shape).fill(&function.front());
  return function;
}

} // namespace ingot::cpu
