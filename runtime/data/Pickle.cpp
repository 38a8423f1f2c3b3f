// The machine: a stack, marks on it, and a memo. Opcodes are those of protocols 2 to 5.
#include "runtime/data/Pickle.h"
#include "runtime/data/NpyFormat.h"

#include <cstring>
#include <unordered_map>

namespace ingot::data {

namespace {

using Kind = PickleValue::Kind;

enum Global : size_t { Reconstruct, NdArray, DTypeClass };

Status damaged(const std::string &what) {
  return Status(StatusCode::DataLoss, "the pickle is damaged: " + what);
}

PickleValue make(Kind kind, size_t index) {
  PickleValue value;
  value.kind = kind, value.index = index;
  return value;
}

PickleValue makeInt(Kind kind, int64_t integer) {
  PickleValue value;
  value.kind = kind, value.integer = integer;
  return value;
}

} // namespace

class PickleMachine {
public:
  PickleMachine(const uint8_t *data, size_t size) : next(data), end(data + size) {}

  Result<Pickle> run() {
    while (!stopped) {
      uint8_t op = 0;
      if (!take(op))
        return damaged("it ends early");
      INGOT_RETURN_IF_ERROR(step(op));
    }
    if (stack.empty())
      return damaged("it has no value");
    result.top = stack.back();
    return std::move(result);
  }

private:
  Status step(uint8_t op) {
    switch (op) {
    case 0x80: // PROTO
      return protocol();
    case 0x95: // FRAME
      return drop(8);
    case '.':
      stopped = true;
      return Status();
    case '(':
      marks.push_back(stack.size());
      return Status();
    case '0': // POP
      return pop(scratch);
    case 'N':
      return push(PickleValue());
    case 0x88: // NEWTRUE
    case 0x89:
      return push(makeInt(Kind::Bool, op == 0x88));
    case 'J':
    case 'K':
    case 'M':
    case 0x8a: // LONG1
      return integer(op);
    case 'G':
      return real();
    case 'U': // texts with a length of one byte
    case 'C':
    case 0x8c:
      return text(1);
    case 'T': // of four
    case 'B':
    case 'X':
      return text(4);
    case 0x8d: // of eight
    case 0x8e:
    case 0x96:
      return text(8);
    case 'c':
      return globalByLines();
    case 0x93: // STACK_GLOBAL
      return globalFromStack();
    case 'q':
    case 'r':
    case 0x94: // MEMOIZE
      return put(op);
    case 'h':
    case 'j':
      return get(op);
    case 'R':
      return reduce();
    case 'b':
      return build();
    default:
      return collect(op);
    }
  }

  /// What makes and fills lists, tuples and dictionaries.
  Status collect(uint8_t op) {
    switch (op) {
    case ']':
    case ')':
      return newList({});
    case '}':
      return newDict();
    case 'l':
    case 't':
      INGOT_RETURN_IF_ERROR(popMark(items));
      return newList(std::move(items));
    case 0x85: // TUPLE1 … TUPLE3
    case 0x86:
    case 0x87:
      INGOT_RETURN_IF_ERROR(popCount(op - 0x84u));
      return newList(std::move(items));
    case 'a':
      INGOT_RETURN_IF_ERROR(popCount(1));
      return append(Kind::List);
    case 'e':
      INGOT_RETURN_IF_ERROR(popMark(items));
      return append(Kind::List);
    case 's':
      INGOT_RETURN_IF_ERROR(popCount(2));
      return append(Kind::Dict);
    case 'u':
      INGOT_RETURN_IF_ERROR(popMark(items));
      return append(Kind::Dict);
    default:
      return Status(StatusCode::Unsupported, "the pickle has the instruction " +
                                                 std::to_string(op) +
                                                 ", which data sets do not need; it is refused");
    }
  }

  bool take(uint8_t &byte) {
    if (next == end)
      return false;
    byte = *next++;
    return true;
  }

  /// A little-endian number of `size` bytes.
  Status number(size_t size, uint64_t &value) {
    if (size_t(end - next) < size)
      return damaged("it ends early");
    value = 0;
    for (size_t i = 0; i < size; ++i)
      value |= uint64_t(next[i]) << (8 * i);
    next += size;
    return Status();
  }

  Status drop(size_t bytes) {
    uint64_t ignored;
    return number(bytes, ignored);
  }

  Status protocol() {
    uint64_t version = 0;
    INGOT_RETURN_IF_ERROR(number(1, version));
    return version <= 5
               ? Status()
               : Status(StatusCode::Unsupported,
                        "pickle protocol " + std::to_string(version) + " is not read, 2 to 5 are");
  }

  Status push(PickleValue value) {
    stack.push_back(value);
    return Status();
  }

  /// A value above the last mark.
  Status pop(PickleValue &value) {
    if (stack.size() <= (marks.empty() ? 0 : marks.back()))
      return damaged("it takes a value that is not there");
    value = stack.back();
    stack.pop_back();
    return Status();
  }

  Status popCount(size_t count) {
    items.resize(count);
    for (size_t i = count; i-- > 0;)
      INGOT_RETURN_IF_ERROR(pop(items[i]));
    return Status();
  }

  Status popMark(Pickle::Values &values) {
    if (marks.empty())
      return damaged("it lacks a mark");
    values.assign(stack.begin() + ptrdiff_t(marks.back()), stack.end());
    stack.resize(marks.back());
    marks.pop_back();
    return Status();
  }

  Status integer(uint8_t op) {
    uint64_t value = 0;
    size_t size = op == 'J' ? 4 : op == 'K' ? 1 : 2;
    if (op == 0x8a) {
      INGOT_RETURN_IF_ERROR(number(1, value));
      size = size_t(value);
      if (size > 8)
        return Status(StatusCode::Unsupported, "the pickle has an integer of more than 64 bits");
    }
    INGOT_RETURN_IF_ERROR(number(size, value));
    const bool isSigned = op == 'J' || op == 0x8a;
    const unsigned unused = unsigned(64 - 8 * size);
    if (isSigned && size > 0)
      value = uint64_t(int64_t(value << unused) >> unused);
    return push(makeInt(Kind::Int, int64_t(value)));
  }

  Status real() {
    if (end - next < 8)
      return damaged("it ends early");
    uint64_t bits = 0;
    for (int i = 0; i < 8; ++i)
      bits = bits << 8 | *next++;
    PickleValue value;
    value.kind = Kind::Float;
    std::memcpy(&value.real, &bits, sizeof bits);
    return push(value);
  }

  Status text(size_t lengthBytes) {
    uint64_t size = 0;
    INGOT_RETURN_IF_ERROR(number(lengthBytes, size));
    if (size > size_t(end - next))
      return damaged("a text claims " + std::to_string(size) + " bytes, " +
                     std::to_string(end - next) + " are left");
    result.texts.emplace_back(reinterpret_cast<const char *>(next), size_t(size));
    next += size;
    return push(make(Kind::Text, result.texts.size() - 1));
  }

  Status newList(Pickle::Values values) {
    result.lists.push_back(std::move(values));
    return push(make(Kind::List, result.lists.size() - 1));
  }

  Status newDict() {
    result.dicts.emplace_back();
    return push(make(Kind::Dict, result.dicts.size() - 1));
  }

  /// `items` to the list or dictionary on the stack.
  Status append(Kind kind) {
    if (stack.empty() || stack.back().kind != kind || (kind == Kind::Dict && items.size() % 2))
      return damaged("it fills what is not there");
    Pickle::Values &to =
        kind == Kind::List ? result.lists[stack.back().index] : result.dicts[stack.back().index];
    to.insert(to.end(), items.begin(), items.end());
    return Status();
  }

  Status put(uint8_t op) {
    uint64_t key = memo.size();
    if (op != 0x94)
      INGOT_RETURN_IF_ERROR(number(op == 'q' ? 1 : 4, key));
    if (stack.empty())
      return damaged("it keeps a value that is not there");
    memo[uint32_t(key)] = stack.back();
    return Status();
  }

  Status get(uint8_t op) {
    uint64_t key = 0;
    INGOT_RETURN_IF_ERROR(number(op == 'h' ? 1 : 4, key));
    const auto known = memo.find(uint32_t(key));
    return known == memo.end() ? damaged("it asks for a value that it did not keep")
                               : push(known->second);
  }

  Status global(std::string_view module, std::string_view name) {
    if ((module == "numpy.core.multiarray" || module == "numpy._core.multiarray") &&
        name == "_reconstruct")
      return push(make(Kind::Global, Reconstruct));
    if (module == "numpy" && name == "ndarray")
      return push(make(Kind::Global, NdArray));
    if (module == "numpy" && name == "dtype")
      return push(make(Kind::Global, DTypeClass));
    return Status(StatusCode::Unsupported,
                  "the pickle wants to call '" + std::string(module.substr(0, 80)) + "." +
                      std::string(name.substr(0, 80)) +
                      "'; it is refused: only arrays of NumPy are made from pickles");
  }

  Status globalByLines() {
    std::string_view parts[2];
    for (std::string_view &part : parts) {
      const void *line = std::memchr(next, '\n', size_t(end - next));
      if (!line)
        return damaged("it ends early");
      const auto *at = static_cast<const uint8_t *>(line);
      part = {reinterpret_cast<const char *>(next), size_t(at - next)};
      next = at + 1;
    }
    return global(parts[0], parts[1]);
  }

  Status globalFromStack() {
    INGOT_RETURN_IF_ERROR(popCount(2));
    if (items[0].kind != Kind::Text || items[1].kind != Kind::Text)
      return damaged("a name is no text");
    return global(result.text(items[0]), result.text(items[1]));
  }

  Status reduce() {
    INGOT_RETURN_IF_ERROR(popCount(2));
    if (items[0].kind != Kind::Global || items[1].kind != Kind::List)
      return damaged("it calls what is no function");
    const Pickle::Values &arguments = result.list(items[1]);
    if (items[0].index == DTypeClass && !arguments.empty() && arguments[0].kind == Kind::Text) {
      result.dtypes.push_back({result.text(arguments[0]), '|'});
      return push(make(Kind::DType, result.dtypes.size() - 1));
    }
    if (items[0].index == Reconstruct && !arguments.empty() && arguments[0].kind == Kind::Global &&
        arguments[0].index == NdArray) {
      result.arrays.emplace_back();
      return push(make(Kind::Array, result.arrays.size() - 1));
    }
    return damaged("it calls NumPy in an unknown way");
  }

  Status build() {
    PickleValue state;
    INGOT_RETURN_IF_ERROR(pop(state));
    if (stack.empty() || state.kind != Kind::List)
      return damaged("it sets the state of what is not there");
    const Pickle::Values &values = result.list(state);
    const PickleValue target = stack.back();
    if (target.kind == Kind::DType && values.size() >= 2 && values[1].kind == Kind::Text &&
        result.text(values[1]).size() == 1) {
      result.dtypes[target.index].order = result.text(values[1])[0];
      return Status();
    }
    if (target.kind != Kind::Array || values.size() != 5 || values[1].kind != Kind::List ||
        values[2].kind != Kind::DType || values[3].kind != Kind::Bool ||
        (values[4].kind != Kind::Text && values[4].kind != Kind::List))
      return damaged("an array has an unknown state");
    Pickle::ArrayRecord array;
    for (const PickleValue &extent : result.list(values[1])) {
      if (extent.kind != Kind::Int || extent.integer < 0 || array.shape.size() == 64)
        return damaged("an array has no shape");
      array.shape.push_back(extent.integer);
    }
    array.dtype = values[2].index, array.fortranOrder = values[3].integer != 0;
    array.elements = values[4], array.isBuilt = true;
    result.arrays[target.index] = std::move(array);
    return Status();
  }

  const uint8_t *next, *end;
  bool stopped = false;
  Pickle result;
  Pickle::Values stack, items;
  PickleValue scratch;
  std::vector<size_t> marks;
  std::unordered_map<uint32_t, PickleValue> memo;
};

Result<Pickle> Pickle::parse(const void *data, size_t size) {
  return PickleMachine(static_cast<const uint8_t *>(data), size).run();
}

const PickleValue *Pickle::find(const PickleValue &value, std::string_view key) const {
  const Values &entries = dict(value);
  for (size_t i = 0; i + 1 < entries.size(); i += 2)
    if (entries[i].kind == Kind::Text && text(entries[i]) == key)
      return &entries[i + 1];
  return nullptr;
}

Result<Tensor> Pickle::tensor(const PickleValue &value) const {
  const ArrayRecord &array = arrays[value.index];
  if (!array.isBuilt || array.elements.kind != Kind::Text)
    return damaged("an array has no elements");
  const DTypeRecord &dtype = dtypes[array.dtype];
  const std::string_view bytes = text(array.elements);
  MemorySource source(bytes.data(), bytes.size());
  return readElements(source, dtype.order + std::string(dtype.name), array.fortranOrder,
                      array.shape);
}

const Pickle::Values *Pickle::objects(const PickleValue &value) const {
  const ArrayRecord &array = arrays[value.index];
  return array.isBuilt && array.elements.kind == Kind::List ? &list(array.elements) : nullptr;
}

} // namespace ingot::data
