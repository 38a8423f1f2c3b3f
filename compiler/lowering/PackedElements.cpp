// See PackedElements.h. Element i is in byte i / n, the first of a byte's n in its lowest bits.
#include "compiler/lowering/PackedElements.h"
#include "ir/ops/Emit.h"
#include "ir/reference/Tensor.h"

using namespace mlir;

namespace ingot {
namespace {

int64_t perByte(Type type) { return reference::elementsPerByte(getElementTypeOrSelf(type)); }

Value reshaped(OpBuilder &b, Location loc, Value x, RankedTensorType type) {
  return x.getType() == type ? x : exec::ViewOp::create(b, loc, type, x, UnitAttr()).getResult();
}

} // namespace

RankedTensorType storedType(Type type) {
  Dim count = numElements(type.getContext(), dimsOf(type));
  return perByte(type) == 1
             ? exec::signless(type)
             : tensorType({count.ceilDiv(perByte(type))}, IntegerType::get(type.getContext(), 8));
}

Value unpackElements(OpBuilder &b, Location loc, Value stored, Type type) {
  int64_t share = perByte(type), width = 8 / share;
  if (share == 1)
    return stored;
  Type byte = b.getI8Type();
  bool isSigned = getElementTypeOrSelf(type).isSignedInteger();
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange in) -> llvm::SmallVector<Value> {
    exec::Index i{&b, loc, loops[0]};
    exec::Index at = exec::quotient(i, share);
    Value bits = exec::read(b, loc, in[0], {at});
    // The element's highest bit becomes the byte's, and that comes down again.
    Value up = exec::indexToElement(b, loc, i.constant(8 - width) - (i - at * share) * width, byte);
    Value high = arith::ShLIOp::create(b, loc, bits, up);
    Value down = exec::scalarConstant(b, loc, byte, static_cast<double>(8 - width));
    return {isSigned ? Value(arith::ShRSIOp::create(b, loc, high, down))
                     : Value(arith::ShRUIOp::create(b, loc, high, down))};
  };
  Dim count = numElements(b.getContext(), dimsOf(type));
  Value flat = exec::nest(b, loc, {count}, 1, {{stored, AffineMap()}}, exec::Combiner::None, {byte},
                          body)[0];
  return reshaped(b, loc, flat, exec::signless(type));
}

Value packElements(OpBuilder &b, Location loc, Value value, Type type) {
  int64_t share = perByte(type), width = 8 / share;
  if (share == 1)
    return value;
  Type byte = b.getI8Type();
  Dim count = numElements(b.getContext(), dimsOf(type));
  Value flat = reshaped(b, loc, value, tensorType({count}, byte));
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange in) -> llvm::SmallVector<Value> {
    Value bits = exec::scalarConstant(b, loc, byte, 0), zero = bits;
    Value mask = exec::scalarConstant(b, loc, byte, (1 << width) - 1);
    for (int64_t k = 0; k < share; ++k) {
      exec::Index at = exec::Index{&b, loc, loops[0]} * share + k;
      Value guard = exec::below(at, exec::extent(b, loc, count));
      Value element =
          arith::AndIOp::create(b, loc, exec::read(b, loc, in[0], {at}, guard, zero), mask);
      Value shift = exec::scalarConstant(b, loc, byte, static_cast<double>(k * width));
      bits = arith::OrIOp::create(b, loc, bits, arith::ShLIOp::create(b, loc, element, shift));
    }
    return {bits};
  };
  return exec::nest(b, loc, {count.ceilDiv(share)}, 1, {{flat, AffineMap()}}, exec::Combiner::None,
                    {byte}, body)[0];
}

} // namespace ingot
