// Meaning and lowering of the ops on strings.
#include "ir/Text.h"
#include "ir/Builder.h"
#include "ir/exec/Text.h"
#include "ir/text/Case.h"
#include "ir/text/Regex.h"
#include <map>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Number;
using reference::Tensor;

namespace {

LogicalResult sameShape(std::optional<Location> loc, llvm::StringRef op, Value x, Value y) {
  if (dimsOf(x) == dimsOf(y))
    return success();
  return emitOptionalError(loc, op, " needs texts of one shape, has ", str(dimsOf(x)), " and ",
                           str(dimsOf(y)));
}

RankedTensorType integersLike(Value x) {
  return tensorType(dimsOf(x), IntegerType::get(x.getContext(), 64, IntegerType::Signed));
}
RankedTensorType boolsLike(Value x) {
  return tensorType(dimsOf(x), IntegerType::get(x.getContext(), 1));
}

Value view(OpBuilder &b, Location loc, Value x, llvm::ArrayRef<Dim> dims) {
  RankedTensorType type = tensorType(dims, getElementTypeOrSelf(x));
  return x.getType() == type ? x : exec::ViewOp::create(b, loc, type, x);
}
Dim countOf(Value x) { return numElements(x.getContext(), dimsOf(x)); }
Value flat(OpBuilder &b, Location loc, Value x) { return view(b, loc, x, {countOf(x)}); }
RankedTensorType flatType(Value x, Type element) { return tensorType({countOf(x)}, element); }

template <typename T>
Value constantOf(OpBuilder &b, Location loc, Type element, llvm::ArrayRef<T> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  return exec::ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, values));
}
Value textConstant(OpBuilder &b, Location loc, llvm::ArrayRef<llvm::StringRef> texts) {
  llvm::SmallVector<int64_t> shape = {static_cast<int64_t>(texts.size())};
  auto value = DenseElementsAttr::get(
      RankedTensorType::get(shape, text::StringType::get(b.getContext())), texts);
  return exec::ConstantOp::create(b, loc, exec::signless(value.getType()), value);
}

/// Elementwise over the texts of one operand: what `text` gives for each.
template <typename Fn> LogicalResult forEachText(const Tensor &x, Tensor &result, Fn text) {
  for (int64_t i = 0, e = x.numElements(); i < e; ++i)
    result.set(i, text(reference::textOf(x.get(i))));
  return success();
}

} // namespace

// Equality and joining.

LogicalResult TextEqualOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(boolsLike(adaptor.getX()));
  return sameShape(loc, "text_equal", adaptor.getX(), adaptor.getY());
}
LogicalResult TextEqualOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                    llvm::MutableArrayRef<Tensor> results) {
  for (int64_t i = 0, e = results[0].numElements(); i < e; ++i)
    results[0].set(i, Number::boolean(operands[0].integer(i) == operands[1].integer(i)));
  return success();
}
void TextEqualOp::emitStructured(OpBuilder &b, ValueRange operands,
                                 llvm::SmallVectorImpl<Value> &results) {
  Value x = flat(b, getLoc(), operands[0]), y = flat(b, getLoc(), operands[1]);
  Value r = exec::TextEqualOp::create(b, getLoc(), flatType(x, b.getI1Type()), x, y);
  results.push_back(view(b, getLoc(), r, dimsOf(getResult())));
}

LogicalResult TextConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                             Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return sameShape(loc, "text_concat", adaptor.getX(), adaptor.getY());
}
LogicalResult TextConcatOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                     llvm::MutableArrayRef<Tensor> results) {
  for (int64_t i = 0, e = results[0].numElements(); i < e; ++i) {
    std::string both =
        (reference::textOf(operands[0].get(i)) + reference::textOf(operands[1].get(i))).str();
    results[0].set(i, reference::textNumber(getContext(), both));
  }
  return success();
}
void TextConcatOp::emitStructured(OpBuilder &b, ValueRange operands,
                                  llvm::SmallVectorImpl<Value> &results) {
  Value x = flat(b, getLoc(), operands[0]), y = flat(b, getLoc(), operands[1]);
  Value r = exec::TextConcatOp::create(b, getLoc(), x.getType(), x, y);
  results.push_back(view(b, getLoc(), r, dimsOf(getResult())));
}

// Letter case.

LogicalResult TextCaseOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                           llvm::SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return success();
}
LogicalResult TextCaseOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                   llvm::MutableArrayRef<Tensor> results) {
  bool toUpper = getUpper();
  return forEachText(operands[0], results[0], [&](llvm::StringRef rest) {
    std::string mapped;
    while (!rest.empty()) {
      auto character = text::decode(rest);
      size_t bytes = character ? character->bytes : 1;
      if (character)
        text::append(mapped, text::mapCase(character->code, toUpper));
      else
        mapped += rest.front();
      rest = rest.drop_front(bytes);
    }
    return reference::textNumber(getContext(), mapped);
  });
}
void TextCaseOp::emitStructured(OpBuilder &b, ValueRange operands,
                                llvm::SmallVectorImpl<Value> &results) {
  llvm::SmallVector<int32_t> from, to;
  for (text::CaseRange range : text::caseRanges(getUpper()))
    for (uint32_t code = range.first; code <= range.last; code += range.stride) {
      from.push_back(static_cast<int32_t>(code));
      to.push_back(static_cast<int32_t>(code) + range.delta);
    }
  Location loc = getLoc();
  Value x = flat(b, loc, operands[0]);
  Value r = exec::TextCaseOp::create(b, loc, x.getType(),
                                     constantOf<int32_t>(b, loc, b.getI32Type(), from),
                                     constantOf<int32_t>(b, loc, b.getI32Type(), to), x);
  results.push_back(view(b, loc, r, dimsOf(getResult())));
}

// Finding.

LogicalResult TextFindOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                           llvm::SmallVectorImpl<Type> &types) {
  types.push_back(integersLike(adaptor.getX()));
  return success();
}
LogicalResult TextFindOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                   llvm::MutableArrayRef<Tensor> results) {
  return forEachText(operands[0], results[0], [&](llvm::StringRef text) {
    const auto *it = llvm::find_if(
        getKeys(), [&](Attribute key) { return llvm::cast<StringAttr>(key).getValue() == text; });
    return Number::integer(it == getKeys().end() ? -1 : it - getKeys().begin());
  });
}
void TextFindOp::emitStructured(OpBuilder &b, ValueRange operands,
                                llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  std::map<llvm::StringRef, int64_t> sorted; // StringRef compares unsigned bytes
  for (auto [i, key] : llvm::enumerate(getKeys()))
    sorted.try_emplace(llvm::cast<StringAttr>(key).getValue(), static_cast<int64_t>(i));
  if (sorted.empty()) {
    results.push_back(
        exec::mapNest(b, loc, dimsOf(getX()), {}, b.getI64Type(), [&](OpBuilder &b, ValueRange) {
          return exec::scalarConstant(b, loc, b.getI64Type(), -1);
        }));
    return;
  }
  llvm::SmallVector<llvm::StringRef> keys;
  llvm::SmallVector<int64_t> positions;
  for (auto [key, position] : sorted) {
    keys.push_back(key);
    positions.push_back(position);
  }
  Value x = flat(b, loc, operands[0]);
  Value r =
      exec::TextFindOp::create(b, loc, flatType(x, b.getI64Type()), textConstant(b, loc, keys),
                               constantOf<int64_t>(b, loc, b.getI64Type(), positions), x);
  results.push_back(view(b, loc, r, dimsOf(getResult())));
}

// Regular expressions.

LogicalResult TextMatchOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, llvm::SmallVectorImpl<Type> &types) {
  types.push_back(boolsLike(adaptor.getX()));
  auto pattern = text::parsePattern(adaptor.getPattern());
  if (!pattern)
    return emitOptionalError(loc, "the regular expression ", llvm::toString(pattern.takeError()));
  auto automaton = text::automatonOf(*pattern);
  if (!automaton)
    return emitOptionalError(loc, "the regular expression `", adaptor.getPattern().take_front(200),
                             "` is too large: ", llvm::toString(automaton.takeError()));
  return success();
}
LogicalResult TextMatchOp::evaluate(EvalContext &, llvm::ArrayRef<Tensor> operands,
                                    llvm::MutableArrayRef<Tensor> results) {
  text::Pattern pattern = llvm::cantFail(text::parsePattern(getPattern()));
  return forEachText(operands[0], results[0], [&](llvm::StringRef text) {
    return Number::boolean(text::matches(pattern, text));
  });
}
void TextMatchOp::emitStructured(OpBuilder &b, ValueRange operands,
                                 llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  auto automaton =
      llvm::cantFail(text::automatonOf(llvm::cantFail(text::parsePattern(getPattern()))));
  Value x = flat(b, loc, operands[0]);
  Value r =
      exec::TextMatchOp::create(b, loc, flatType(x, b.getI1Type()),
                                constantOf<int32_t>(b, loc, b.getI32Type(), automaton.next),
                                constantOf<int32_t>(b, loc, b.getI32Type(), automaton.classes),
                                constantOf<int8_t>(b, loc, b.getI8Type(), automaton.accepts), x);
  results.push_back(view(b, loc, r, dimsOf(getResult())));
}

// Splitting.

LogicalResult TextSplitOp::verify() {
  Dims x = dimsOf(getX()), pieces = dimsOf(getPieces());
  if (pieces.size() != x.size() + 1 || llvm::ArrayRef(pieces).drop_back() != llvm::ArrayRef(x))
    return emitOpError("splits texts of shape ")
           << str(x) << " into " << str(pieces) << "; one dimension is to be added at the end";
  if (getCounts().getType() != integersLike(getX()))
    return emitOpError("counts pieces in ") << getCounts().getType();
  if (int64_t most = getMaxsplit(); most < -1)
    return emitOpError("has maxsplit ") << most;
  return success();
}

namespace {

llvm::SmallVector<llvm::StringRef> splitBy(llvm::StringRef text, llvm::StringRef delimiter,
                                           int64_t most) {
  llvm::SmallVector<llvm::StringRef> pieces;
  for (int64_t n = 0; n != most; ++n) {
    size_t at = text.find(delimiter);
    if (at == llvm::StringRef::npos)
      break;
    pieces.push_back(text.take_front(at));
    text = text.drop_front(at + delimiter.size());
  }
  pieces.push_back(text);
  return pieces;
}

llvm::SmallVector<llvm::StringRef> splitAtSpace(llvm::StringRef rest, int64_t most) {
  llvm::SmallVector<llvm::StringRef> pieces;
  auto first = [&] { return text::decode(rest).value_or(text::Character{0, 1}); };
  while (true) {
    while (!rest.empty() && text::isSpace(first().code))
      rest = rest.drop_front(first().bytes);
    if (rest.empty())
      return pieces;
    llvm::StringRef start = rest;
    if (static_cast<int64_t>(pieces.size()) == most)
      rest = {};
    while (!rest.empty() && !text::isSpace(first().code))
      rest = rest.drop_front(first().bytes);
    pieces.push_back(start.drop_back(rest.size()));
  }
}

} // namespace

LogicalResult TextSplitOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                                    llvm::MutableArrayRef<Tensor> results) {
  int64_t width = results[0].shape().back();
  for (int64_t i = 0, e = operands[0].numElements(); i < e; ++i) {
    llvm::StringRef text = reference::textOf(operands[0].get(i));
    auto pieces = getDelimiter().empty() ? splitAtSpace(text, getMaxsplit())
                                         : splitBy(text, getDelimiter(), getMaxsplit());
    auto count = static_cast<int64_t>(pieces.size());
    if (count > width)
      return context.fail(std::to_string(count) + " pieces of a text are more than " +
                          std::to_string(width));
    for (auto [k, piece] : llvm::enumerate(pieces))
      results[0].set(i * width + static_cast<int64_t>(k),
                     reference::textNumber(getContext(), piece));
    results[1].set(i, Number::integer(count));
  }
  return success();
}
void TextSplitOp::emitStructured(OpBuilder &b, ValueRange operands,
                                 llvm::SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  Value x = flat(b, loc, operands[0]);
  Dims pieces = {countOf(x), dimsOf(getPieces()).back()};
  auto split = exec::TextSplitOp::create(
      b, loc, tensorType(pieces, getElementTypeOrSelf(x)), flatType(x, b.getI64Type()),
      textConstant(b, loc, {getDelimiter()}), x, getMaxsplitAttr());
  results.push_back(view(b, loc, split.getPieces(), dimsOf(getPieces())));
  results.push_back(view(b, loc, split.getCounts(), dimsOf(getCounts())));
}
