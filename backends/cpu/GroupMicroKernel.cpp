// The shared micro-kernels of contractions in groups, but for tiles. See GroupContractionEmitter.h.
#include "backends/cpu/GroupContractionEmitter.h"
#include "ir/exec/Winograd.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int64_t kGroupBytes = Contraction::groupBytes;
constexpr int64_t kRowBytes = 48 << 10; // of a task's stack

class KernelBuilder {
public:
  KernelBuilder(CodeContext &context, CodeBuilder &cb, const GroupFormat &format, GroupKernel shape)
      : context(context), cb(cb), format(format), shape(shape), i32(cb.b.getI32Type()),
        sumType(cb.vectorOf(format.sums(cb.b))) {}

  void fill(Block *entry) {
    Value a = entry->getArgument(0), b = entry->getArgument(1), c = entry->getArgument(2);
    panelStride = entry->getArgument(4);
    auto place = [&](int64_t i) { return cb.address(c, cb.integer(i * cb.lanes), i32); };
    llvm::SmallVector<Value> sums;
    for (int64_t i = 0; i < shape.rows * shape.vectors; ++i)
      if (shape.accumulates)
        sums.push_back(LLVM::LoadOp::create(cb.b, cb.loc, sumType, place(i), 4));
      else
        sums.push_back(arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(sumType)));
    sums = cb.loop(cb.integer(0), entry->getArgument(3), 1, sums,
                   [&](Value k, ValueRange current) { return step(a, b, k, current); });
    for (auto [i, sum] : llvm::enumerate(sums))
      LLVM::StoreOp::create(cb.b, cb.loc, sum, place(static_cast<int64_t>(i)), 4);
  }

private:
  /// A vector of groups as what is in them.
  VectorType partsOf(unsigned bits) {
    return VectorType::get({cb.lanes * 32 / bits}, cb.b.getIntegerType(bits));
  }
  Value as(VectorType type, Value v) { return LLVM::BitcastOp::create(cb.b, cb.loc, type, v); }
  Value all(VectorType type, int64_t value) {
    return arith::ConstantOp::create(
        cb.b, cb.loc,
        DenseElementsAttr::get(type, cb.b.getIntegerAttr(type.getElementType(), value)));
  }

  /// One group of all sums.
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
    int64_t parts = format.rowsEach();
    llvm::SmallVector<llvm::SmallVector<Value>> factors(parts); // by part and vector
    for (int64_t part = 0; part < parts; ++part)
      for (Value column : columns)
        factors[part].push_back(factorOf(column, part));
    for (int64_t r = 0; r < shape.rows; ++r) {
      llvm::SmallVector<Value> wide;
      for (int64_t part = 0; part < parts; ++part) {
        Value row = cb.integer((r * parts + part) * format.depth);
        Value group =
            LLVM::LoadOp::create(cb.b, cb.loc, i32, cb.address(cb.address(a, k, i32), row, i32), 4);
        wide.push_back(as(factorType(), cb.widen(group)));
      }
      for (int64_t v = 0; v < shape.vectors; ++v) {
        Value &sum = next[r * shape.vectors + v];
        sum = addProducts(wide, factors, v, sum);
      }
    }
    return next;
  }

  /// What the instructions multiply.
  VectorType factorType() {
    switch (format.unit) {
    case GroupUnit::Words:
      return partsOf(16);
    case GroupUnit::Bytes:
      return partsOf(8);
    case GroupUnit::Singles:
      return sumType;
    default:
      return VectorType::get({2 * cb.lanes}, cb.b.getBF16Type());
    }
  }

  /// Of each lane's group all, or as 16 bits its elements 0 and 2 or 1 and 3, or as f32 its element
  /// 0 or 1.
  Value factorOf(Value column, int64_t part) {
    if (format.isWhole())
      return as(factorType(), column);
    if (format.isBrain) {
      Value bits = part == 0
                       ? Value(arith::ShLIOp::create(cb.b, cb.loc, column, all(partsOf(32), 16)))
                       : arith::AndIOp::create(cb.b, cb.loc, column, all(partsOf(32), -0x10000));
      return as(sumType, bits);
    }
    Value words = as(partsOf(16), column), eight = all(partsOf(16), 8);
    if (part == 0)
      words = arith::ShLIOp::create(cb.b, cb.loc, words, eight);
    if (format.bUnsigned)
      return arith::ShRUIOp::create(cb.b, cb.loc, words, eight);
    return arith::ShRSIOp::create(cb.b, cb.loc, words, eight);
  }

  Value call(llvm::StringRef name, ValueRange arguments) {
    return LLVM::CallIntrinsicOp::create(cb.b, cb.loc, sumType, cb.b.getStringAttr(name), arguments)
        .getResult(0);
  }
  /// The sum and the products of a group. Those of words are added to each other first: a chain
  /// through the sum would be taken apart again by LLVM, at the cost of registers.
  Value addProducts(llvm::ArrayRef<Value> wide, llvm::ArrayRef<llvm::SmallVector<Value>> factors,
                    int64_t v, Value sum) {
    std::string width = std::to_string(cb.lanes * 32);
    if (format.unit == GroupUnit::Bytes)
      return call("llvm.x86.avx512.vpdpbusd." + width, {sum, wide[0], factors[0][v]});
    if (format.unit == GroupUnit::Pairs)
      return call("llvm.x86.avx512bf16.dpbf16ps." + width, {sum, wide[0], factors[0][v]});
    Value products;
    for (auto [x, y] : llvm::zip(wide, factors)) {
      if (format.unit == GroupUnit::Singles) {
        sum = cb.multiplyAdd(context.target, x, y[v], sum);
        continue;
      }
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
  const GroupFormat &format;
  GroupKernel shape;
  Type i32;
  VectorType sumType;
  Value panelStride;
};

} // namespace

RegisterTile registerTile(const CpuTarget &target, GroupUnit unit, Dim rows) {
  if (unit == GroupUnit::Tiles)
    return {2 * tileRows, 2};
  // Besides the sums registers hold the vectors of B, in halves where it is taken apart, which many
  // rows must be worth. Of one row several vectors are summed at a time, so that no sum waits for
  // itself.
  bool isWhole = unit == GroupUnit::Bytes || unit == GroupUnit::Pairs;
  RegisterTile tile = target.vectorRegisters >= 32
                          ? (isWhole ? RegisterTile{14, 2} : RegisterTile{12, 2})
                          : (isWhole ? RegisterTile{6, 2} : RegisterTile{12, 1});
  if (isConstant(rows, 1))
    tile.vectors = 4;
  return tile;
}

/// The unit of a contraction of so many rows, whose sums are of so many groups. Tiles take as long
/// to be set up as a few rows take otherwise, and are not filled by short sums.
static GroupUnit unitOf(const CpuTarget &target, const Contraction &c, Dim rows, int64_t groups) {
  constexpr int64_t kLeastRows = 4, kLeastGroups = 16;
  if (target.tiles && groups >= kLeastGroups && (!rows.isStatic() || rows.value() >= kLeastRows))
    return GroupUnit::Tiles;
  if (c.isBrain)
    return target.brainProducts ? GroupUnit::Pairs : GroupUnit::Singles;
  return target.dotProducts && c.aUnsigned && !c.bUnsigned ? GroupUnit::Bytes : GroupUnit::Words;
}

GroupFormat groupFormat(const CpuTarget &target, const Contraction &c, Dim rows, int64_t groups) {
  GroupFormat format{unitOf(target, c, rows, groups), c.isBrain, c.aUnsigned, c.bUnsigned};
  int64_t most = registerTile(target, format.unit, rows).rows;
  // Not a power of two: the rows would compete for a few sets of the cache.
  format.depth = (kRowBytes / (most * format.rowsEach() * kGroupBytes) / 32 - 1) * 32 + 16;
  return format;
}

func::FuncOp groupKernel(CodeContext &context, const GroupFormat &format, GroupKernel shape) {
  static const char *const units[] = {"words", "bytes", "singles", "pairs"};
  std::string name = std::string(format.isBrain ? "contract_bf16_" : "contract_i8_") +
                     units[static_cast<int>(format.unit)] + (format.bUnsigned ? "_u8_" : "_") +
                     std::to_string(shape.rows) + "x" + std::to_string(shape.vectors) +
                     (shape.accumulates ? "_accumulate" : "");
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder b(context.module.getContext());
  CodeBuilder cb(b, NameLoc::get(b.getStringAttr(name)), context.target.lanes());
  auto function = privateFunction(context, cb, name,
                                  {cb.pointer(), cb.pointer(), cb.pointer(), cb.i64(), cb.i64()});
  KernelBuilder(context, cb, format, shape).fill(&function.front());
  return function;
}

} // namespace ingot::cpu
