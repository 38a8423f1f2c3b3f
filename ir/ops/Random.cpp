// Meaning and lowering of random bits (Philox4x32-10, Salmon et al. 2011), and what is made of
// them.
#include "ir/Builder.h"
#include "ir/ops/Emit.h"
#include <array>
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {
constexpr uint32_t multiplier[2] = {0xD2511F53, 0xCD9E8D57};
constexpr uint32_t increment[2] = {0x9E3779B9, 0xBB67AE85};
constexpr int rounds = 10;

/// The rounds, over any number type `N` with 32 bits: `wide(m, x)` gives the (low, high) words of a
/// product, `mix(x, y, k)` the exclusive or of two words and a key, `next(k, i)` the next key word.
template <typename N, typename Wide, typename Mix, typename Next>
std::array<N, 4> philox(std::array<N, 4> c, std::array<N, 2> key, Wide wide, Mix mix, Next next) {
  for (int round = 0; round < rounds; ++round) {
    auto [low0, high0] = wide(multiplier[0], c[0]);
    auto [low1, high1] = wide(multiplier[1], c[2]);
    c = {mix(high1, c[1], key[0]), low1, mix(high0, c[3], key[1]), low0};
    key = {next(key[0], increment[0]), next(key[1], increment[1])};
  }
  return c;
}

uint32_t bitsAt(uint64_t seed, uint64_t step, uint64_t id, int64_t word, uint64_t element) {
  using Pair = std::pair<uint32_t, uint32_t>;
  auto low = [](uint64_t v) { return static_cast<uint32_t>(v); };
  auto high = [](uint64_t v) { return static_cast<uint32_t>(v >> 32); };
  std::array<uint32_t, 4> counter{low(element), high(element), low(step), low(id)};
  auto wide = [&](uint32_t m, uint32_t x) {
    uint64_t p = uint64_t(m) * x;
    return Pair(low(p), high(p));
  };
  auto mix = [](uint32_t x, uint32_t y, uint32_t k) { return x ^ y ^ k; };
  auto next = [](uint32_t k, uint32_t i) { return k + i; };
  return philox<uint32_t>(counter, {low(seed), high(seed)}, wide, mix, next)[word];
}

Value scaled(Expr bits, Type element) {
  auto type = llvm::cast<FloatType>(element);
  int kept = std::min<int>(24, llvm::APFloat::semanticsPrecision(type.getFloatSemantics()));
  Expr top = binary<ShrOp>(bits, bits.number(32 - kept));
  return bits.with(cast(*bits.b, bits.loc, top, element)) * std::ldexp(1.0, -kept);
}
Expr bitsOf(OpBuilder &b, Operation *op, llvm::ArrayRef<Dim> dims, Value seed, Value step,
            int64_t id, int64_t word) {
  auto type = tensorType(dims, IntegerType::get(b.getContext(), 32, IntegerType::Unsigned));
  return Expr(b, op->getLoc(), RandomBitsOp::create(b, op->getLoc(), type, seed, step, id, word));
}
} // namespace

LogicalResult RandomBitsOp::verify() {
  if (rankOf(getSeed()) != 0 || rankOf(getStep()) != 0)
    return emitOpError("needs a scalar seed and step, has ")
           << getSeed().getType() << " and " << getStep().getType();
  if (static_cast<int64_t>(getId()) < 0 || getId() > UINT32_MAX)
    return emitOpError("needs an id of 32 bits, has ") << getId();
  if (static_cast<int64_t>(getWord()) < 0 || getWord() > 3)
    return emitOpError("has word ") << getWord() << ", there are words 0 to 3";
  return success();
}
LogicalResult RandomBitsOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                     llvm::MutableArrayRef<Tensor> results) {
  uint64_t seed = operands[0].integer(0), step = operands[1].integer(0);
  for (int64_t i = 0; i < results[0].numElements(); ++i)
    results[0].set(i, Number::integer(bitsAt(seed, step, getId(), getWord(), i)));
  return success();
}
void RandomBitsOp::emitStructured(OpBuilder &b, ValueRange operands,
                                  llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  Dims dims = dimsOf(getResult());
  AffineMap scalar = AffineMap::get(dims.size(), 0, {}, getContext());
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto body = [&](OpBuilder &b, ValueRange loops, ValueRange in) -> Values {
    auto constant = [&](Type type, uint64_t v) -> Value {
      return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, static_cast<int64_t>(v)));
    };
    auto widen = [&](Value v, Value like) -> Value {
      if (v.getType() == i64)
        return v;
      if (elementType(like).isUnsignedInteger())
        return arith::ExtUIOp::create(b, loc, i64, v);
      return arith::ExtSIOp::create(b, loc, i64, v);
    };
    auto low = [&](Value v) -> Value { return arith::TruncIOp::create(b, loc, i32, v); };
    auto high = [&](Value v) { return low(arith::ShRUIOp::create(b, loc, v, constant(i64, 32))); };
    auto wide = [&](uint32_t m, Value x) {
      Value p =
          arith::MulIOp::create(b, loc, arith::ExtUIOp::create(b, loc, i64, x), constant(i64, m));
      return std::pair<Value, Value>(low(p), high(p));
    };
    auto mix = [&](Value x, Value y, Value k) -> Value {
      return arith::XOrIOp::create(b, loc, arith::XOrIOp::create(b, loc, x, y), k);
    };
    auto next = [&](Value k, uint32_t i) -> Value {
      return arith::AddIOp::create(
          b, loc, k, arith::ConstantOp::create(b, loc, IntegerAttr::get(i32, llvm::APInt(32, i))));
    };
    Value element = exec::indexToElement(b, loc, exec::linearIndex(b, loc, dims, loops), i64);
    Value seed = widen(in[0], getSeed()), step = widen(in[1], getStep());
    Value id = arith::ConstantOp::create(b, loc, IntegerAttr::get(i32, llvm::APInt(32, getId())));
    return {philox<Value>({low(element), high(element), low(step), id}, {low(seed), high(seed)},
                          wide, mix, next)[getWord()]};
  };
  results = exec::nest(b, loc, dims, dims.size(), {{operands[0], scalar}, {operands[1], scalar}},
                       exec::Combiner::None, i32, body);
}

Values RandomUniformOp::decompose(OpBuilder &b) {
  Expr bits = bitsOf(b, *this, dimsOf(getResult()), getSeed(), getStep(), getId(), 0);
  return {scaled(bits, elementType(getResult()))};
}
Values RandomNormalOp::decompose(OpBuilder &b) {
  Type element = elementType(getResult());
  Type inner = element.isF64() ? element : b.getF32Type();
  auto uniform = [&](int64_t word) {
    Expr bits = bitsOf(b, *this, dimsOf(getResult()), getSeed(), getStep(), getId(), word);
    return bits.with(scaled(bits, inner));
  };
  Expr radius = sqrt(-2.0 * log(1.0 - uniform(0)));
  Expr normal = radius * (uniform(1) * (2 * M_PI)).unary<CosOp>();
  return {cast(b, getLoc(), normal, element)};
}

LogicalResult DropoutOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  double rate = adaptor.getRate().convertToDouble();
  if (!(rate >= 0 && rate <= 1))
    return emitOptionalError(loc, "dropout needs a rate from 0 to 1, has ", rate);
  types.push_back(adaptor.getX().getType());
  return success();
}
Values DropoutOp::decompose(OpBuilder &b) {
  Expr x(b, getLoc(), getX());
  double rate = getRate().convertToDouble();
  if (rate == 1)
    return {x.number(0)};
  Expr bits = bitsOf(b, *this, x.dims(), getSeed(), getStep(), getId(), 0);
  double threshold = std::min(std::floor(std::ldexp(rate, 32)), 4294967295.0);
  Expr kept = compare(Predicate::GE, bits, bits.number(threshold));
  return {select(kept, x * (1 / (1 - rate)), x.number(0))};
}
Values DropoutOp::gradient(OpBuilder &b, ValueRange d) {
  Value dx = make<DropoutOp>(b, getLoc(), {d[0], getSeed(), getStep()}, (*this)->getAttrs());
  return {dx, Value(), Value()};
}
