// The dispatches over text, on the tables that they are given. See ExecInterpreter.h.
#include "ir/Text.h"
#include "ir/exec/Text.h"
#include "ir/text/Case.h"
#include "tests/support/ExecInterpreter.h"

using namespace mlir;

namespace ingot::tests {

using reference::Number;
using reference::Tensor;

namespace {

using Texts = llvm::SmallVector<llvm::StringRef>;

Texts textsOf(const Tensor &tensor) {
  Texts texts;
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    texts.push_back(reference::textOf(tensor.get(i)));
  return texts;
}

int64_t found(const Tensor &keys, const Tensor &positions, llvm::StringRef text) {
  for (auto [k, key] : llvm::enumerate(textsOf(keys)))
    if (key == text)
      return positions.integer(static_cast<int64_t>(k));
  return -1;
}

bool isAccepted(const Tensor &next, const Tensor &classes, const Tensor &accepts,
                llvm::StringRef text) {
  int64_t state = 0, classCount = next.numElements() / accepts.numElements();
  for (unsigned char byte : text)
    state = next.integer(state * classCount + classes.integer(byte));
  return accepts.integer(state) != 0;
}

std::string mapped(const Tensor &from, const Tensor &to, llvm::StringRef text) {
  std::map<int64_t, int64_t> map;
  for (int64_t i = 0; i < from.numElements(); ++i)
    map[from.integer(i)] = to.integer(i);
  std::string result;
  while (!text.empty()) {
    auto character = text::decode(text);
    auto it = character ? map.find(character->code) : map.end();
    size_t bytes = character ? character->bytes : 1;
    if (it != map.end())
      text::append(result, static_cast<uint32_t>(it->second));
    else
      result += text.take_front(bytes);
    text = text.drop_front(bytes);
  }
  return result;
}

/// By white space where the delimiter is empty.
Texts piecesOf(llvm::StringRef text, llvm::StringRef delimiter, int64_t most) {
  auto spaceAt = [&](size_t i) -> size_t {
    auto character = text::decode(text.drop_front(i));
    return character && text::isSpace(character->code) ? character->bytes : 0;
  };
  Texts pieces;
  size_t start = 0;
  auto skipSpace = [&] {
    while (delimiter.empty() && start < text.size() && spaceAt(start) > 0)
      start += spaceAt(start);
  };
  skipSpace();
  for (size_t i = start; i < text.size() && static_cast<int64_t>(pieces.size()) != most;) {
    size_t bytes = delimiter.empty()                           ? spaceAt(i)
                   : text.drop_front(i).starts_with(delimiter) ? delimiter.size()
                                                               : 0;
    if (bytes > 0) {
      pieces.push_back(text.slice(start, i));
      start = i + bytes;
      skipSpace();
    }
    i = bytes > 0 ? start : i + 1;
  }
  if (!delimiter.empty() || start < text.size())
    pieces.push_back(text.drop_front(start));
  return pieces;
}

} // namespace

LogicalResult ExecInterpreter::runText(Operation &op) {
  auto operands = tensorsOf(op.getOperands());
  if (failed(operands))
    return failure();
  llvm::ArrayRef<Tensor> in(*operands);
  llvm::SmallVector<Tensor> results;
  for (Value result : op.getResults())
    results.emplace_back(getElementTypeOrSelf(result), shapeOf(result));
  auto kept = [&](llvm::StringRef text) { return reference::textNumber(op.getContext(), text); };
  bool isKnown = true;
  Texts texts = textsOf(in.back());
  for (int64_t i = 0; i < in.back().numElements(); ++i) {
    llvm::StringRef text = texts[i];
    if (llvm::isa<exec::TextEqualOp>(op)) {
      results[0].set(i, Number::boolean(reference::textOf(in[0].get(i)) == text));
    } else if (llvm::isa<exec::TextConcatOp>(op)) {
      results[0].set(i, kept((reference::textOf(in[0].get(i)) + text).str()));
    } else if (llvm::isa<exec::TextFindOp>(op)) {
      results[0].set(i, Number::integer(found(in[0], in[1], text)));
    } else if (llvm::isa<exec::TextMatchOp>(op)) {
      results[0].set(i, Number::boolean(isAccepted(in[0], in[1], in[2], text)));
    } else if (llvm::isa<exec::TextCaseOp>(op)) {
      results[0].set(i, kept(mapped(in[0], in[1], text)));
    } else if (auto split = llvm::dyn_cast<exec::TextSplitOp>(op)) {
      Texts pieces = piecesOf(text, reference::textOf(in[0].get(0)), split.getMaxsplit());
      int64_t width = results[0].dim(1), count = static_cast<int64_t>(pieces.size());
      if (count > width)
        return fail(&op, "is out of range");
      for (int64_t k = 0; k < count; ++k)
        results[0].set(i * width + k, kept(pieces[k]));
      results[1].set(i, Number::integer(count));
    } else {
      isKnown = false;
    }
  }
  if (!isKnown)
    return fail(&op, "`" + op.getName().getStringRef().str() + "` is not interpreted");
  for (auto [result, value] : llvm::zip(op.getResults(), results))
    values[result] = std::move(value);
  return success();
}

} // namespace ingot::tests
