// The shared micro-kernels that multiply tiles of AMX. See GroupContractionEmitter.h.
//
// Tiles 0 to 3 are sums, by row of tiles and by vector; 4 and 5 rows of A; 6 and 7 panels of B,
// which lie in memory as the instructions want them. A tile's size is part of the configuration:
// what is left of the groups behind the last 16 is added in a second pass with smaller tiles, which
// begins with the sums of the first. The configuration is released at the end, so that tasks find
// and leave a thread without tile state.
#include "backends/cpu/GroupContractionEmitter.h"
#include "ir/exec/Winograd.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int64_t kGroups = 16;   // of a tile of A along its row, of one of B as rows
constexpr int64_t kRowBytes = 64; // of a tile
constexpr int kRowsOfA = 4, kPanelsOfB = 6;

class TileKernelBuilder {
public:
  TileKernelBuilder(CodeBuilder &cb, const GroupFormat &format, GroupKernel shape)
      : cb(cb), format(format), shape(shape) {}

  void fill(Block *entry) {
    a = entry->getArgument(0);
    b = entry->getArgument(1);
    c = entry->getArgument(2);
    panelStride = entry->getArgument(4);
    rows = entry->getArgument(5);
    Value groups = entry->getArgument(3), width = cb.integer(kGroups);
    configuration = LLVM::AllocaOp::create(cb.b, cb.loc, cb.pointer(), cb.b.getI8Type(),
                                           cb.integer(kRowBytes), 64);
    Value steps = cb.floorDiv(groups, width), rest = cb.remainder(groups, width);
    auto holds = [&](arith::CmpIPredicate predicate, Value x) -> Value {
      return arith::CmpIOp::create(cb.b, cb.loc, predicate, x, cb.integer(0));
    };
    cb.branch(holds(arith::CmpIPredicate::sgt, steps), [&] {
      configure(width);
      beginSums(shape.accumulates);
      cb.loop(cb.integer(0), steps, 1, [&](Value step) { multiply(cb.mul(step, width)); });
      storeSums();
    });
    cb.branch(holds(arith::CmpIPredicate::sgt, rest), [&] {
      configure(rest);
      if (shape.accumulates)
        beginSums(true);
      else
        cb.branch(
            holds(arith::CmpIPredicate::sgt, steps), [&] { beginSums(true); },
            [&] { beginSums(false); });
      multiply(cb.mul(steps, width));
      storeSums();
    });
    call("tilerelease", {});
  }

private:
  int64_t sumTile(int64_t r, int64_t v) { return r * shape.vectors + v; }

  void call(llvm::StringRef name, ValueRange arguments) {
    LLVM::CallIntrinsicOp::create(cb.b, cb.loc, cb.b.getStringAttr(("llvm.x86." + name).str()),
                                  arguments);
  }
  Value tile(int64_t number) {
    return arith::ConstantOp::create(cb.b, cb.loc,
                                     cb.b.getI8IntegerAttr(static_cast<int8_t>(number)));
  }
  Value place(Value base, Value bytes) { return cb.address(base, bytes, cb.b.getI8Type()); }

  Value rowsOf(int64_t r) {
    Value rest = r == 0 ? rows : cb.sub(rows, cb.integer(r * tileRows));
    return shape.rows == r + 1 ? rest : cb.integer(tileRows);
  }

  /// Sizes of all tiles, with so many groups along the sum.
  void configure(Value groups) {
    auto zeros = VectorType::get({kRowBytes}, cb.b.getI8Type());
    LLVM::StoreOp::create(cb.b, cb.loc,
                          arith::ConstantOp::create(cb.b, cb.loc, cb.b.getZeroAttr(zeros)),
                          configuration, 64);
    auto set = [&](int64_t at, Value value, unsigned bits) {
      Value narrow = arith::TruncIOp::create(cb.b, cb.loc, cb.b.getIntegerType(bits), value);
      LLVM::StoreOp::create(cb.b, cb.loc, narrow, place(configuration, cb.integer(at)), bits / 8);
    };
    auto setTile = [&](int64_t number, Value tileRows, Value bytes) {
      constexpr int64_t kBytesAt = 16, kRowsAt = 48;
      set(kBytesAt + 2 * number, bytes, 16);
      set(kRowsAt + number, tileRows, 8);
    };
    set(0, cb.integer(1), 8); // the palette
    for (int64_t r = 0; r < shape.rows; ++r) {
      setTile(kRowsOfA + r, rowsOf(r), cb.mul(groups, cb.integer(Contraction::groupBytes)));
      for (int64_t v = 0; v < shape.vectors; ++v)
        setTile(sumTile(r, v), rowsOf(r), cb.integer(kRowBytes));
    }
    for (int64_t v = 0; v < shape.vectors; ++v)
      setTile(kPanelsOfB + v, groups, cb.integer(kRowBytes));
    call("ldtilecfg", {configuration});
  }

  template <typename Body> void forSums(Body body) {
    for (int64_t r = 0; r < shape.rows; ++r)
      for (int64_t v = 0; v < shape.vectors; ++v)
        body(sumTile(r, v), place(c, cb.integer((r * tileRows * shape.vectors + v) * kRowBytes)));
  }
  Value sumStride() { return cb.integer(shape.vectors * kRowBytes); }
  void beginSums(bool fromMemory) {
    forSums([&](int64_t number, Value at) {
      if (fromMemory)
        call("tileloadd64", {tile(number), at, sumStride()});
      else
        call("tilezero", {tile(number)});
    });
  }
  void storeSums() {
    forSums(
        [&](int64_t number, Value at) { call("tilestored64", {tile(number), at, sumStride()}); });
  }

  /// Adds the products of the groups that a tile holds, from `group` on.
  void multiply(Value group) {
    Value rowStride = cb.integer(format.depth * Contraction::groupBytes);
    Value inRow = cb.mul(group, cb.integer(Contraction::groupBytes)),
          inPanel = cb.mul(group, cb.integer(kRowBytes));
    for (int64_t v = 0; v < shape.vectors; ++v)
      call("tileloadd64",
           {tile(kPanelsOfB + v), place(b, cb.add(inPanel, cb.mul(panelStride, cb.integer(v)))),
            cb.integer(kRowBytes)});
    for (int64_t r = 0; r < shape.rows; ++r) {
      Value from = cb.add(inRow, cb.integer(r * tileRows * format.depth * Contraction::groupBytes));
      call("tileloadd64", {tile(kRowsOfA + r), place(a, from), rowStride});
      for (int64_t v = 0; v < shape.vectors; ++v)
        call(product(), {tile(sumTile(r, v)), tile(kRowsOfA + r), tile(kPanelsOfB + v)});
    }
  }
  llvm::StringRef product() {
    if (format.isBrain)
      return "tdpbf16ps";
    if (format.aUnsigned)
      return format.bUnsigned ? "tdpbuud" : "tdpbusd";
    return format.bUnsigned ? "tdpbsud" : "tdpbssd";
  }

  CodeBuilder &cb;
  const GroupFormat &format;
  GroupKernel shape;
  Value a, b, c, panelStride, rows, configuration;
};

} // namespace

func::FuncOp tileKernel(CodeContext &context, const GroupFormat &format, GroupKernel shape) {
  std::string name = std::string("contract_tiles_") +
                     (format.isBrain     ? "bf16_"
                      : format.aUnsigned ? "u8_"
                                         : "i8_") +
                     (format.bUnsigned ? "u8_" : "") + std::to_string(shape.rows) + "x" +
                     std::to_string(shape.vectors) + (shape.accumulates ? "_accumulate" : "");
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  static_assert(exec::panelLanes * Contraction::groupBytes == kRowBytes);
  OpBuilder b(context.module.getContext());
  CodeBuilder cb(b, NameLoc::get(b.getStringAttr(name)), context.target.lanes());
  auto function = privateFunction(
      context, cb, name, {cb.pointer(), cb.pointer(), cb.pointer(), cb.i64(), cb.i64(), cb.i64()});
  TileKernelBuilder(cb, format, shape).fill(&function.front());
  return function;
}

} // namespace ingot::cpu
