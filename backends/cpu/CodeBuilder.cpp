// See CodeBuilder.h.
#include "backends/cpu/CodeBuilder.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ingot::cpu {

Type memoryType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  if (element.isF16() || element.isBF16())
    return IntegerType::get(element.getContext(), 16);
  return element;
}

Value CodeBuilder::integer(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
}

std::optional<int64_t> CodeBuilder::constantOf(Value v) {
  llvm::APInt value;
  if (matchPattern(v, m_ConstantInt(&value)))
    return value.getSExtValue();
  return std::nullopt;
}

/// The op, folded: of constants, and with the neutral element.
template <typename OpTy> static Value folded(CodeBuilder &cb, Value x, Value y) {
  if (OpTy::template hasTrait<OpTrait::IsCommutative>() && cb.constantOf(x))
    std::swap(x, y); // where folders look for a constant
  return cb.b.createOrFold<OpTy>(cb.loc, x, y);
}

/// x = rest + constant; null where it is not made so.
static Value withoutConstant(CodeBuilder &cb, Value x, int64_t &constant) {
  auto sum = x.getDefiningOp<arith::AddIOp>();
  auto known = sum ? cb.constantOf(sum.getRhs()) : std::nullopt;
  if (!known)
    return {};
  constant = *known;
  return sum.getLhs();
}

/// Constants stay outermost, so that neighbouring places are made of the same sum.
Value CodeBuilder::add(Value x, Value y) {
  if (constantOf(x))
    std::swap(x, y);
  int64_t inX = 0, inY = 0;
  if (isVector(x))
    return folded<arith::AddIOp>(*this, x, y);
  if (Value rest = withoutConstant(*this, x, inX)) {
    if (auto c = constantOf(y))
      return add(rest, integer(inX + *c));
    return add(add(rest, y), integer(inX));
  }
  if (Value rest = withoutConstant(*this, y, inY))
    return add(add(x, rest), integer(inY));
  return folded<arith::AddIOp>(*this, x, y);
}
Value CodeBuilder::mul(Value x, Value y) {
  if (constantOf(x))
    std::swap(x, y);
  int64_t inX = 0;
  if (auto factor = constantOf(y))
    if (Value rest = isVector(x) ? Value() : withoutConstant(*this, x, inX))
      return add(mul(rest, y), integer(inX * *factor));
  return folded<arith::MulIOp>(*this, x, y);
}
Value CodeBuilder::sub(Value x, Value y) { return folded<arith::SubIOp>(*this, x, y); }
Value CodeBuilder::minimum(Value x, Value y) { return folded<arith::MinSIOp>(*this, x, y); }

template <typename OpTy> static Value divided(CodeBuilder &cb, Value x, Value y) {
  if (!cb.narrowDivision || (cb.constantOf(x) && cb.constantOf(y)) || cb.constantOf(y) == 1)
    return folded<OpTy>(cb, x, y);
  auto narrow = [&](Value v) -> Value {
    if (auto c = cb.constantOf(v))
      return arith::ConstantOp::create(cb.b, cb.loc,
                                       cb.b.getI32IntegerAttr(static_cast<int32_t>(*c)));
    return arith::TruncIOp::create(cb.b, cb.loc, cb.b.getI32Type(), v);
  };
  Value result = OpTy::create(cb.b, cb.loc, narrow(x), narrow(y));
  return arith::ExtSIOp::create(cb.b, cb.loc, cb.i64(), result);
}
Value CodeBuilder::floorDiv(Value x, Value y) { return divided<arith::DivSIOp>(*this, x, y); }
Value CodeBuilder::remainder(Value x, Value y) { return divided<arith::RemSIOp>(*this, x, y); }
Value CodeBuilder::ceilDiv(Value x, Value y) { return floorDiv(add(x, sub(y, integer(1))), y); }

Value CodeBuilder::address(Value base, Value offset, Type element) {
  if (auto c = constantOf(offset); c && *c == 0 && !isVector(offset))
    return base;
  Type type = isVector(offset) ? Type(VectorType::get({lanes}, pointer())) : base.getType();
  return LLVM::GEPOp::create(b, loc, type, element, base, llvm::ArrayRef<LLVM::GEPArg>{offset});
}

Value CodeBuilder::loadI64(Value base, int64_t index) {
  Value p = LLVM::GEPOp::create(b, loc, pointer(), i64(), base,
                                llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  return LLVM::LoadOp::create(b, loc, i64(), p, 8);
}

Value CodeBuilder::loadPointer(Value base, int64_t index) {
  Value p = LLVM::GEPOp::create(b, loc, pointer(), i64(), base,
                                llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  return LLVM::LoadOp::create(b, loc, pointer(), p, 8);
}

Value CodeBuilder::widen(Value v) {
  if (isVector(v) || lanes == 1)
    return v;
  return vector::BroadcastOp::create(b, loc, vectorOf(v.getType()), v);
}

Value CodeBuilder::splat(TypedAttr value) {
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(vectorOf(value.getType()), Attribute(value)));
}

Value CodeBuilder::laneNumbers() {
  llvm::SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  return arith::ConstantOp::create(
      b, loc, DenseIntElementsAttr::get(vectorOf(i64()), llvm::ArrayRef<int64_t>(numbers)));
}

Value CodeBuilder::firstLanes(Value count) {
  llvm::SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  auto type = vectorOf(b.getI32Type());
  Value lane = arith::ConstantOp::create(
      b, loc, DenseIntElementsAttr::get(type, llvm::ArrayRef<int32_t>(numbers)));
  Value narrow = arith::TruncIOp::create(b, loc, b.getI32Type(), count);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, lane,
                               vector::BroadcastOp::create(b, loc, type, narrow));
}

Value CodeBuilder::nonZero(Value v) {
  return constantOf(v) ? v : Value(arith::MaxSIOp::create(b, loc, v, integer(1)));
}

/// x by y, rounded as the op says; 0 where y is 0. The least number by -1 is itself: it wraps.
template <typename OpTy> static Value quotientOf(CodeBuilder &cb, Value x, Value y) {
  Value zero = cb.integer(0);
  if (auto constant = cb.constantOf(y))
    return *constant == 0    ? zero
           : *constant == -1 ? cb.sub(zero, x)
                             : Value(OpTy::create(cb.b, cb.loc, x, y));
  auto is = [&](int64_t value) -> Value {
    return arith::CmpIOp::create(cb.b, cb.loc, arith::CmpIPredicate::eq, y, cb.integer(value));
  };
  auto select = [&](Value condition, Value onTrue, Value onFalse) -> Value {
    return arith::SelectOp::create(cb.b, cb.loc, condition, onTrue, onFalse);
  };
  Value isZero = is(0), isMinusOne = is(-1);
  Value divisor = select(arith::OrIOp::create(cb.b, cb.loc, isZero, isMinusOne), cb.integer(1), y);
  Value result = OpTy::create(cb.b, cb.loc, select(isMinusOne, cb.sub(zero, x), x), divisor);
  return select(isZero, zero, result);
}

/// The sum or product, and into `overflow` whether it is another one than in 64 bits.
template <typename OpTy> static Value checked(CodeBuilder &cb, Value x, Value y, Value &overflow) {
  auto type = LLVM::LLVMStructType::getLiteral(cb.b.getContext(), {cb.i64(), cb.b.getI1Type()});
  Value both = OpTy::create(cb.b, cb.loc, type, x, y);
  auto part = [&](int64_t i) -> Value {
    return LLVM::ExtractValueOp::create(cb.b, cb.loc, both, llvm::ArrayRef<int64_t>{i});
  };
  Value isOver = part(1);
  overflow = overflow ? Value(arith::OrIOp::create(cb.b, cb.loc, overflow, isOver)) : isOver;
  return part(0);
}

Value CodeBuilder::evaluate(Dim d, llvm::function_ref<Value(llvm::StringRef)> symbol,
                            Value *overflow) {
  auto isOneOf = [&](Value v, int64_t a, int64_t b) {
    auto constant = constantOf(v);
    return constant && (*constant == a || *constant == b);
  };
  return d.fold<Value>([&](int64_t v) { return integer(v); },
                       [&](llvm::StringRef name) { return symbol(name); },
                       [&](Dim::Op op, Value x, Value y) -> Value {
                         switch (op) {
                         case Dim::Op::Add:
                           if (overflow && !isOneOf(x, 0, 0) && !isOneOf(y, 0, 0))
                             return checked<LLVM::SAddWithOverflowOp>(*this, x, y, *overflow);
                           return add(x, y);
                         case Dim::Op::Mul:
                           if (overflow && !isOneOf(x, 0, 1) && !isOneOf(y, 0, 1))
                             return checked<LLVM::SMulWithOverflowOp>(*this, x, y, *overflow);
                           return mul(x, y);
                         case Dim::Op::FloorDiv: // either may be negative: these floor and ceil
                           return quotientOf<arith::FloorDivSIOp>(*this, x, y);
                         case Dim::Op::CeilDiv:
                           return quotientOf<arith::CeilDivSIOp>(*this, x, y);
                         case Dim::Op::Min:
                           return minimum(x, y);
                         case Dim::Op::Max:
                           return arith::MaxSIOp::create(b, loc, x, y);
                         }
                         llvm_unreachable("unknown dimension operator");
                       });
}

Index CodeBuilder::add(Index x, Index y) {
  if (!x.varying && !y.varying)
    return {add(x.base, y.base), x.stride + y.stride, {}};
  return {{}, 0, arith::AddIOp::create(b, loc, widen(materialize(x)), widen(materialize(y)))};
}

Index CodeBuilder::mul(Index x, Index y) {
  if (!x.varying && !y.varying) {
    if ((x.uniform() && y.uniform()) || lanes == 1)
      return uniform(mul(x.base, y.base));
    if (auto c = y.uniform() ? constantOf(y.base) : std::nullopt)
      return {mul(x.base, y.base), x.stride * *c, {}};
    if (auto c = x.uniform() ? constantOf(x.base) : std::nullopt)
      return {mul(x.base, y.base), y.stride * *c, {}};
  }
  return {{}, 0, arith::MulIOp::create(b, loc, widen(materialize(x)), widen(materialize(y)))};
}

Value CodeBuilder::materialize(Index x) {
  if (x.varying)
    return x.varying;
  if (x.stride == 0 || lanes == 1)
    return x.base;
  Value step = arith::MulIOp::create(b, loc, laneNumbers(), splat(b.getI64IntegerAttr(x.stride)));
  return arith::AddIOp::create(b, loc, widen(x.base), step);
}

Value CodeBuilder::load(Value p, Type element, Value mask) {
  Type type = vectorOf(element);
  int32_t alignment = static_cast<int32_t>(element.getIntOrFloatBitWidth() / 8);
  if (!mask)
    return LLVM::LoadOp::create(b, loc, type, p, alignment);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(b, loc, type, p, mask, zero, b.getI32IntegerAttr(alignment));
}

void CodeBuilder::store(Value v, Value p, Value mask) {
  auto type = llvm::cast<VectorType>(v.getType());
  unsigned alignment = type.getElementTypeBitWidth() / 8;
  if (mask)
    LLVM::MaskedStoreOp::create(b, loc, v, p, mask, alignment);
  else
    LLVM::StoreOp::create(b, loc, v, p, alignment);
}

Value CodeBuilder::multiplyAdd(const CpuTarget &target, Value x, Value y, Value sum) {
  if (target.fma)
    return LLVM::FMAOp::create(b, loc, x, y, sum);
  return arith::AddFOp::create(b, loc, arith::MulFOp::create(b, loc, x, y), sum);
}

void CodeBuilder::branch(Value condition, llvm::function_ref<void()> then,
                         llvm::function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(b, loc, condition, static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenBlock()->getTerminator());
  then();
  if (!otherwise)
    return;
  b.setInsertionPoint(op.elseBlock()->getTerminator());
  otherwise();
}

void CodeBuilder::forEachCase(Value number, int64_t most, llvm::function_ref<void(int64_t)> body) {
  Value key = arith::IndexCastOp::create(b, loc, b.getIndexType(), number);
  llvm::SmallVector<int64_t> cases = llvm::to_vector(llvm::seq<int64_t>(1, most + 1));
  auto choice = scf::IndexSwitchOp::create(b, loc, TypeRange{}, key, cases, cases.size());
  OpBuilder::InsertionGuard guard(b);
  for (auto [value, region] : llvm::zip(cases, choice.getCaseRegions())) {
    b.createBlock(&region);
    Operation *end = scf::YieldOp::create(b, loc);
    b.setInsertionPoint(end);
    body(value);
  }
  b.createBlock(&choice.getDefaultRegion());
  scf::YieldOp::create(b, loc);
}

void CodeBuilder::loop(Value low, Value high, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(low, high, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return llvm::SmallVector<Value>{};
  });
}

llvm::SmallVector<Value>
CodeBuilder::loop(Value low, Value high, int64_t step, ValueRange init,
                  llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)> body) {
  auto cl = constantOf(low), ch = constantOf(high);
  if (cl && ch && *cl + step >= *ch && *cl < *ch)
    return body(low, init); // one iteration
  if (cl && ch && *cl >= *ch)
    return llvm::to_vector(init);
  auto loopOp = scf::ForOp::create(b, loc, low, high, integer(step), init);
  OpBuilder::InsertionGuard guard(b);
  Block *block = loopOp.getBody();
  if (init.empty())
    b.setInsertionPoint(block->getTerminator());
  else
    b.setInsertionPointToEnd(block);
  auto results = body(loopOp.getInductionVar(), loopOp.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, loc, results);
  return llvm::SmallVector<Value>(loopOp.getResults().begin(), loopOp.getResults().end());
}

} // namespace ingot::cpu
