// Dispatches over text: bytes are compared, looked up, walked by an automaton, split, joined. What
// makes text appends it to the run's buffer in one task, in order, so that where it stands does not
// depend on threads; what is too long for the buffer is counted and not written. See
// AlgorithmTask.h.
#include "backends/cpu/AlgorithmTask.h"
#include "ir/exec/Text.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

using P = arith::CmpIPredicate;

constexpr int64_t maxTextsPerTask = 64;

class TextTask : AlgorithmTask {
public:
  using AlgorithmTask::AlgorithmTask;
  KernelCode equal(exec::TextEqualOp equal);
  KernelCode find(exec::TextFindOp find);
  KernelCode match(exec::TextMatchOp match);
  KernelCode concat(exec::TextConcatOp concat);
  KernelCode changeCase(exec::TextCaseOp change);
  KernelCode split(exec::TextSplitOp split);

private:
  /// An ingot_string.
  struct Text {
    Value data, size;
  };
  Value number(int64_t value) { return cb.integer(value); }
  Value next(Value i) { return cb.add(i, number(1)); }
  Value isTrue(bool value) { return arith::ConstantOp::create(b, cb.loc, b.getBoolAttr(value)); }
  Value both(Value x, Value y) { return arith::AndIOp::create(b, cb.loc, x, y); }
  Value either(Value x, Value y) { return arith::OrIOp::create(b, cb.loc, x, y); }
  Value andBits(Value x, int64_t mask) { return arith::AndIOp::create(b, cb.loc, x, number(mask)); }
  Value isEqual(Value x, Value y) { return compare(P::eq, x, y); }
  Value isBetween(Value x, int64_t low, int64_t high) {
    return compare(P::ule, cb.sub(x, number(low)), number(high - low));
  }

  Value address(Value base, Value offset) { return cb.address(base, offset, b.getI8Type()); }
  Value byteAt(Value data, Value i) {
    return arith::ExtUIOp::create(b, cb.loc, cb.i64(), load(data, i, b.getI8Type()));
  }
  Text textAt(Value base, Value i) {
    Value record = address(base, cb.mul(i, number(16)));
    return {cb.loadPointer(record, 0), cb.loadI64(record, 1)};
  }
  void storeText(Text text, Value base, Value i) {
    Value record = address(base, cb.mul(i, number(16)));
    LLVM::StoreOp::create(b, cb.loc, text.data, record, 8);
    LLVM::StoreOp::create(b, cb.loc, text.size, address(record, number(8)), 8);
  }
  Text noText() { return {LLVM::ZeroOp::create(b, cb.loc, cb.pointer()), number(0)}; }

  /// How many of the first `count` bytes are the same.
  Value commonBytes(Value x, Value y, Value count);
  Value areEqual(Text x, Text y);
  Value comesBefore(Text x, Text y);
  /// The first place in [0, count) for which `isBefore` does not hold: where it holds it does so
  /// for all places before.
  Value partitionPoint(Value count, llvm::function_ref<Value(Value)> isBefore);
  /// The code of the character at i, and its bytes; -1 and 1 where there is no well-formed one.
  std::pair<Value, Value> characterAt(Text text, Value i);
  Value isWellFormed(Value code, Value bytes);
  Value isSpace(Value code);

  /// A loop over the texts of this task, in parallel with others.
  KernelCode forTexts(Value x, llvm::function_ref<void(Value i)> body, bool mayFail = false);
  /// The same in one task that appends to the run's text: `body` takes and returns what is used.
  KernelCode makeTexts(Value x, llvm::function_ref<Value(Value i, Value used)> body);
  Value room() { return cb.loadI64(task.frame, frame.text + 1); }
  /// The run's text at an offset.
  Value made(Value offset) { return address(cb.loadPointer(task.frame, frame.text), offset); }
  /// Writes the bytes at the offset if there is room for them; the offset behind them.
  Value appendBytes(Text text, Value used);
  Value appendCharacter(Value code, Value used);
  Value mapped(exec::TextCaseOp change, Value code);

  /// Splitting one text: where pieces go.
  struct Pieces {
    Value base, first, width;
  };
  void storePiece(const Pieces &to, Value count, Text text, Value start, Value end);
  Value splitBy(Text text, Text delimiter, int64_t most, const Pieces &to);
  Value splitAtSpace(Text text, int64_t most, const Pieces &to);
};

Value TextTask::commonBytes(Value x, Value y, Value count) {
  return repeatWhile(
      {number(0)},
      [&](ValueRange i) {
        return choose(
            compare(P::ult, i[0], count),
            [&]() -> Values { return {isEqual(byteAt(x, i[0]), byteAt(y, i[0]))}; },
            [&]() -> Values { return {isTrue(false)}; })[0];
      },
      [&](ValueRange i) -> Values { return {next(i[0])}; })[0];
}

Value TextTask::areEqual(Text x, Text y) {
  Value sameSize = isEqual(x.size, y.size);
  Value count = select(sameSize, x.size, number(0));
  return both(sameSize, isEqual(commonBytes(x.data, y.data, count), count));
}

Value TextTask::comesBefore(Text x, Text y) {
  Value shorter = arith::MinUIOp::create(b, cb.loc, x.size, y.size);
  Value common = commonBytes(x.data, y.data, shorter);
  return choose(
      isEqual(common, shorter), [&]() -> Values { return {compare(P::ult, x.size, y.size)}; },
      [&]() -> Values {
        return {compare(P::ult, byteAt(x.data, common), byteAt(y.data, common))};
      })[0];
}

Value TextTask::partitionPoint(Value count, llvm::function_ref<Value(Value)> isBefore) {
  return repeatWhile(
      {number(0), count}, [&](ValueRange at) { return less(at[0], at[1]); },
      [&](ValueRange at) -> Values {
        Value middle = cb.floorDiv(cb.add(at[0], at[1]), number(2));
        Value before = isBefore(middle);
        return {select(before, next(middle), at[0]), select(before, at[1], middle)};
      })[0];
}

Value TextTask::isWellFormed(Value code, Value bytes) {
  Value isOverlong = either(both(isEqual(bytes, number(3)), less(code, number(0x800))),
                            both(isEqual(bytes, number(4)), less(code, number(0x10000))));
  Value isOutside = either(isBetween(code, 0xD800, 0xDFFF), less(number(0x10FFFF), code));
  return compare(P::eq, either(isOverlong, isOutside), isTrue(false));
}

std::pair<Value, Value> TextTask::characterAt(Text text, Value i) {
  Value lead = byteAt(text.data, i);
  auto single = [&](Value code) -> Values { return {code, number(1)}; };
  Values ascii = choose(
      less(lead, number(0x80)), [&] { return single(lead); },
      [&]() -> Values {
        Value bytes = select(isBetween(lead, 0xC2, 0xDF), number(2), number(0));
        bytes = select(isBetween(lead, 0xE0, 0xEF), number(3), bytes);
        bytes = select(isBetween(lead, 0xF0, 0xF4), number(4), bytes);
        Value fits = both(less(number(0), bytes), compare(P::ule, bytes, cb.sub(text.size, i)));
        Value mask = arith::ShRUIOp::create(b, cb.loc, number(0x7F), bytes);
        Value start = arith::AndIOp::create(b, cb.loc, lead, mask);
        auto more =
            cb.loop(number(1), select(fits, bytes, number(1)), 1, {start, fits},
                    [&](Value k, ValueRange sofar) -> Values {
                      Value byte = byteAt(text.data, cb.add(i, k));
                      Value code = cb.add(cb.mul(sofar[0], number(64)), andBits(byte, 0x3F));
                      return {code, both(sofar[1], isEqual(andBits(byte, 0xC0), number(0x80)))};
                    });
        Value isGood = both(more[1], isWellFormed(more[0], bytes));
        return {select(isGood, more[0], number(-1)), select(isGood, bytes, number(1))};
      });
  return {ascii[0], ascii[1]};
}

Value TextTask::isSpace(Value code) {
  Value is = either(isBetween(code, 9, 13), isBetween(code, 28, 32));
  is = either(is, either(isBetween(code, 0x2000, 0x200A), isBetween(code, 0x2028, 0x2029)));
  for (int64_t one : {0x85, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000})
    is = either(is, isEqual(code, number(one)));
  return is;
}

KernelCode TextTask::forTexts(Value x, llvm::function_ref<void(Value)> body, bool mayFail) {
  Dim count = dimsOf(x)[0];
  int64_t most = perTask(maxTextsPerTask);
  auto [low, high] = part(task.index, most, dim(count));
  cb.loop(low, high, 1, body);
  return finish(count.ceilDiv(most), mayFail);
}

KernelCode TextTask::makeTexts(Value x, llvm::function_ref<Value(Value, Value)> body) {
  Value used = cb.loop(number(0), dim(dimsOf(x)[0]), 1, {cb.loadI64(task.frame, frame.text + 2)},
                       [&](Value i, ValueRange sofar) -> Values { return {body(i, sofar[0])}; })[0];
  LLVM::StoreOp::create(
      b, cb.loc, used, address(task.frame, number((frame.text + 2) * int64_t{sizeof(int64_t)})), 8);
  KernelCode code = finish(Dim::constant(b.getContext(), 1), false);
  code.makesText = true;
  return code;
}

Value TextTask::appendBytes(Text text, Value used) {
  Value end = cb.add(used, text.size);
  Value isThere = both(compare(P::ule, end, room()), less(number(0), text.size));
  cb.branch(isThere,
            [&] { LLVM::MemcpyOp::create(b, cb.loc, made(used), text.data, text.size, false); });
  return end;
}

KernelCode TextTask::equal(exec::TextEqualOp equal) {
  Value x = pointer(equal.getX()), y = pointer(equal.getY()), to = pointer(equal.getResult());
  return forTexts(equal.getX(), [&](Value i) {
    Value same = areEqual(textAt(x, i), textAt(y, i));
    store(arith::ExtUIOp::create(b, cb.loc, b.getI8Type(), same), to, i);
  });
}

KernelCode TextTask::find(exec::TextFindOp find) {
  Value keys = pointer(find.getKeys()), positions = pointer(find.getPositions());
  Value x = pointer(find.getX()), to = pointer(find.getResult());
  Value count = dim(dimsOf(find.getKeys())[0]);
  return forTexts(find.getX(), [&](Value i) {
    Text text = textAt(x, i);
    Value at = partitionPoint(count, [&](Value k) { return comesBefore(textAt(keys, k), text); });
    Value position = choose(
        less(at, count),
        [&]() -> Values {
          Value isIt = areEqual(textAt(keys, at), text);
          return {select(isIt, load(positions, at, cb.i64()), number(-1))};
        },
        [&]() -> Values { return {number(-1)}; })[0];
    store(position, to, i);
  });
}

KernelCode TextTask::match(exec::TextMatchOp match) {
  Type i32 = b.getI32Type();
  Value states = pointer(match.getNext()), classes = pointer(match.getClasses());
  Value accepts = pointer(match.getAccepts()), x = pointer(match.getX());
  Value to = pointer(match.getResult());
  int64_t stateCount = dimsOf(match.getAccepts())[0].value();
  Value classCount = number(dimsOf(match.getNext())[0].value() / stateCount);
  auto loadWide = [&](Value base, Value at) -> Value {
    return arith::ExtUIOp::create(b, cb.loc, cb.i64(), load(base, at, i32));
  };
  return forTexts(match.getX(), [&](Value i) {
    Text text = textAt(x, i);
    Value last =
        cb.loop(number(0), text.size, 1, {number(0)}, [&](Value k, ValueRange state) -> Values {
          Value kind = loadWide(classes, byteAt(text.data, k));
          return {loadWide(states, cb.add(cb.mul(state[0], classCount), kind))};
        })[0];
    store(load(accepts, last, b.getI8Type()), to, i);
  });
}

KernelCode TextTask::concat(exec::TextConcatOp concat) {
  Value x = pointer(concat.getX()), y = pointer(concat.getY()), to = pointer(concat.getResult());
  return makeTexts(concat.getX(), [&](Value i, Value used) {
    Value end = appendBytes(textAt(y, i), appendBytes(textAt(x, i), used));
    storeText({made(used), cb.sub(end, used)}, to, i);
    return end;
  });
}

Value TextTask::mapped(exec::TextCaseOp change, Value code) {
  Type i32 = b.getI32Type();
  Value from = pointer(change.getFrom()), to = pointer(change.getTo());
  Value count = dim(dimsOf(change.getFrom())[0]);
  auto loadWide = [&](Value base, Value at) -> Value {
    return arith::ExtUIOp::create(b, cb.loc, cb.i64(), load(base, at, i32));
  };
  Value at = partitionPoint(count, [&](Value k) { return less(loadWide(from, k), code); });
  return choose(
      less(at, count),
      [&]() -> Values {
        return {select(isEqual(loadWide(from, at), code), loadWide(to, at), code)};
      },
      [&]() -> Values { return {code}; })[0];
}

Value TextTask::appendCharacter(Value code, Value used) {
  Value bytes = select(less(code, number(0x80)), number(1), number(2));
  bytes = select(less(number(0x7FF), code), number(3), bytes);
  bytes = select(less(number(0xFFFF), code), number(4), bytes);
  Value end = cb.add(used, bytes);
  cb.branch(compare(P::ule, end, room()), [&] {
    // From the last byte to the first, each taking 6 bits; the first takes what is left.
    Value rest = cb.loop(number(1), bytes, 1, {code}, [&](Value k, ValueRange left) -> Values {
      Value byte = arith::OrIOp::create(b, cb.loc, andBits(left[0], 0x3F), number(0x80));
      store(arith::TruncIOp::create(b, cb.loc, b.getI8Type(), byte), made(cb.sub(end, k)),
            number(0));
      return {arith::ShRUIOp::create(b, cb.loc, left[0], number(6))};
    })[0];
    // 0, 0xC0, 0xE0, 0xF0: as many ones as bytes, then a zero.
    Value ones = arith::ShRSIOp::create(b, cb.loc, number(-0x80), cb.sub(bytes, number(1)));
    Value lead = select(isEqual(bytes, number(1)), number(0), ones);
    Value first = arith::OrIOp::create(b, cb.loc, rest, lead);
    store(arith::TruncIOp::create(b, cb.loc, b.getI8Type(), first), made(used), number(0));
  });
  return end;
}

KernelCode TextTask::changeCase(exec::TextCaseOp change) {
  Value x = pointer(change.getX()), result = pointer(change.getResult());
  return makeTexts(change.getX(), [&](Value i, Value used) {
    Text text = textAt(x, i);
    Values end = repeatWhile(
        {number(0), used}, [&](ValueRange at) { return compare(P::ult, at[0], text.size); },
        [&](ValueRange at) -> Values {
          auto [code, bytes] = characterAt(text, at[0]);
          Value after = choose(
              less(code, number(0)),
              [&]() -> Values {
                return {appendBytes({address(text.data, at[0]), number(1)}, at[1])};
              },
              [&, code = code]() -> Values {
                return {appendCharacter(mapped(change, code), at[1])};
              })[0];
          return {cb.add(at[0], bytes), after};
        });
    storeText({made(used), cb.sub(end[1], used)}, result, i);
    return end[1];
  });
}

void TextTask::storePiece(const Pieces &to, Value count, Text text, Value start, Value end) {
  cb.branch(less(count, to.width), [&] {
    storeText({address(text.data, start), cb.sub(end, start)}, to.base, cb.add(to.first, count));
  });
}

/// Stores the pieces; how many they are.
Value TextTask::splitBy(Text text, Text delimiter, int64_t most, const Pieces &to) {
  Values last = repeatWhile(
      {number(0), number(0), number(0)}, // here, where the piece starts, pieces before it
      [&](ValueRange at) {
        Value isIn = compare(P::ule, cb.add(at[0], delimiter.size), text.size);
        return most < 0 ? isIn : both(isIn, less(at[2], number(most)));
      },
      [&](ValueRange at) {
        Value here = at[0], start = at[1], count = at[2];
        Value common = commonBytes(address(text.data, here), delimiter.data, delimiter.size);
        return choose(
            isEqual(common, delimiter.size),
            [&]() -> Values {
              storePiece(to, count, text, start, here);
              Value behind = cb.add(here, delimiter.size);
              return {behind, behind, next(count)};
            },
            [&]() -> Values { return {next(here), start, count}; });
      });
  storePiece(to, last[2], text, last[1], text.size);
  return next(last[2]);
}

Value TextTask::splitAtSpace(Text text, int64_t most, const Pieces &to) {
  auto isIn = [&](Value i) { return compare(P::ult, i, text.size); };
  auto behindWord = [&](Value start) {
    return repeatWhile(
        {start},
        [&](ValueRange at) {
          return choose(
              isIn(at[0]),
              [&]() -> Values {
                return {isEqual(isSpace(characterAt(text, at[0]).first), isTrue(false))};
              },
              [&]() -> Values { return {isTrue(false)}; })[0];
        },
        [&](ValueRange at) -> Values {
          return {cb.add(at[0], characterAt(text, at[0]).second)};
        })[0];
  };
  return repeatWhile(
      {number(0), number(0)}, [&](ValueRange at) { return isIn(at[0]); },
      [&](ValueRange at) {
        Value start = at[0], count = at[1];
        auto [code, bytes] = characterAt(text, start);
        return choose(
            isSpace(code), [&, bytes = bytes]() -> Values { return {cb.add(start, bytes), count}; },
            [&]() -> Values {
              Value isRest = most < 0 ? isTrue(false) : isEqual(count, number(most));
              Value end = choose(
                  isRest, [&]() -> Values { return {text.size}; },
                  [&]() -> Values { return {behindWord(start)}; })[0];
              storePiece(to, count, text, start, end);
              return {end, next(count)};
            });
      })[1];
}

KernelCode TextTask::split(exec::TextSplitOp split) {
  Value x = pointer(split.getX()), pieces = pointer(split.getPieces());
  Value counts = pointer(split.getCounts());
  Value width = dim(dimsOf(split.getPieces())[1]);
  Text delimiter = textAt(pointer(split.getDelimiter()), number(0));
  auto constant = storageRoot(split.getDelimiter()).getDefiningOp<exec::ConstantOp>();
  auto given = *llvm::cast<DenseElementsAttr>(constant.getValue()).getValues<Attribute>().begin();
  bool atSpace = llvm::cast<StringAttr>(given).getValue().empty();
  int64_t most = split.getMaxsplit();
  auto one = [&](Value i) {
    Text text = textAt(x, i);
    Pieces to = {pieces, cb.mul(i, width), width};
    Value count = atSpace ? splitAtSpace(text, most, to) : splitBy(text, delimiter, most, to);
    store(count, counts, i);
    cb.loop(count, width, 1, [&](Value k) { storeText(noText(), pieces, cb.add(to.first, k)); });
    cb.branch(less(width, count),
              [&] { reportNode(context, cb, frame, task.frame, op->getLoc()); });
  };
  return forTexts(split.getX(), one, /*mayFail=*/true);
}

} // namespace

KernelCode emitText(CodeContext &context, const Frame &frame, Operation *op,
                    llvm::StringRef symbol) {
  TextTask task(context, frame, op, symbol);
  return llvm::TypeSwitch<Operation *, KernelCode>(op)
      .Case([&](exec::TextEqualOp equal) { return task.equal(equal); })
      .Case([&](exec::TextFindOp find) { return task.find(find); })
      .Case([&](exec::TextMatchOp match) { return task.match(match); })
      .Case([&](exec::TextConcatOp concat) { return task.concat(concat); })
      .Case([&](exec::TextCaseOp change) { return task.changeCase(change); })
      .Case([&](exec::TextSplitOp split) { return task.split(split); });
}

} // namespace ingot::cpu
