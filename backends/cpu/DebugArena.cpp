// See DebugArena.h.
#include "backends/cpu/DebugArena.h"

using namespace mlir;

namespace ingot::cpu {
namespace {
constexpr int64_t zonePattern = 0xa5, poisonPattern = 0xff;

Dim rounded(Dim bytes) { return bytes.ceilDiv(redZoneBytes) * redZoneBytes; }

Value byteConstant(CodeBuilder &cb, int64_t v) {
  return arith::ConstantOp::create(cb.b, cb.loc,
                                   cb.b.getIntegerAttr(cb.b.getI8Type(), static_cast<int8_t>(v)));
}
void fill(CodeBuilder &cb, Value begin, Value bytes, int64_t pattern) {
  LLVM::MemsetOp::create(cb.b, cb.loc, begin, byteConstant(cb, pattern), bytes, false);
}

struct Range {
  Value begin, bytes;
};
std::pair<Range, Range> zonesOf(CodeBuilder &cb, ZonedSlot slot) {
  Type byte = cb.b.getI8Type();
  Value zone = cb.integer(redZoneBytes);
  Value end = cb.mul(cb.ceilDiv(slot.bytes, zone), zone);
  return {{cb.address(slot.data, cb.integer(-redZoneBytes), byte), zone},
          {cb.address(slot.data, slot.bytes, byte), cb.add(cb.sub(end, slot.bytes), zone)}};
}

/// red_zone_is_broken(begin, bytes) -> i1
func::FuncOp checkFunction(CodeBuilder &cb, ModuleOp module) {
  if (auto existing = module.lookupSymbol<func::FuncOp>("red_zone_is_broken"))
    return existing;
  OpBuilder::InsertionGuard guard(cb.b);
  cb.b.setInsertionPointToEnd(module.getBody());
  auto made =
      func::FuncOp::create(cb.b, cb.loc, "red_zone_is_broken",
                           cb.b.getFunctionType({cb.pointer(), cb.i64()}, cb.b.getI1Type()));
  made.setPrivate();
  cb.b.setInsertionPointToStart(made.addEntryBlock());
  Value begin = made.getArgument(0), bytes = made.getArgument(1);
  Value intact = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getBoolAttr(false));
  Type byte = cb.b.getI8Type();
  auto broken =
      cb.loop(cb.integer(0), bytes, 1, intact,
              [&](Value i, ValueRange carried) -> llvm::SmallVector<Value> {
                Value seen =
                    LLVM::LoadOp::create(cb.b, cb.loc, byte, cb.address(begin, i, byte), 1);
                Value differs = arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::ne, seen,
                                                      byteConstant(cb, zonePattern));
                return {arith::OrIOp::create(cb.b, cb.loc, carried[0], differs)};
              });
  func::ReturnOp::create(cb.b, cb.loc, broken);
  return made;
}

} // namespace

Dim zonedBytes(Dim bytes) { return rounded(bytes) + 2 * redZoneBytes; }

void poison(CodeBuilder &cb, Value begin, Value bytes) { fill(cb, begin, bytes, poisonPattern); }

void fillZones(CodeBuilder &cb, ZonedSlot slot) {
  auto [before, after] = zonesOf(cb, slot);
  fill(cb, before.begin, before.bytes, zonePattern);
  fill(cb, after.begin, after.bytes, zonePattern);
}

Value zonesAreBroken(CodeBuilder &cb, ModuleOp module, ZonedSlot slot) {
  func::FuncOp check = checkFunction(cb, module);
  auto [before, after] = zonesOf(cb, slot);
  auto call = [&](Range zone) {
    return func::CallOp::create(cb.b, cb.loc, check, ValueRange{zone.begin, zone.bytes})
        .getResult(0);
  };
  return arith::OrIOp::create(cb.b, cb.loc, call(before), call(after));
}

} // namespace ingot::cpu
