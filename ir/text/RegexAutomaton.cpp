// From a pattern to an automaton without choices: characters become sequences of UTF-8's bytes,
// then sets of places in the pattern become states. See Regex.h.
//
// Assertions hold between two bytes. A state therefore remembers, where there are any, what the
// byte before it was like; they are decided when the next byte is known.
#include "ir/text/Case.h"
#include "ir/text/Regex.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <map>

namespace ingot::text {
namespace {

constexpr size_t kMaxPlaces = 200'000;
constexpr int64_t kMaxWork = 100'000'000; // visits of places: about a second

struct TooLarge {
  std::string reason;
};

struct Place {
  enum Kind { Byte, Fork, Check, Accept } kind = Accept;
  unsigned char low = 0, high = 0; // Byte
  Assertion assertion = Assertion::TextStart;
  int out = -1, other = -1; // Fork has both
};

/// The pattern as places, each made after what follows it.
class Places {
public:
  explicit Places(const Pattern &pattern) { start = build(pattern, add({})); }
  std::vector<Place> all;
  int start;

private:
  int add(Place place) {
    if (all.size() >= kMaxPlaces)
      throw TooLarge{"its repetitions and classes are too many"};
    all.push_back(place);
    return static_cast<int>(all.size()) - 1;
  }
  int fork(int one, int other) {
    Place place;
    place.kind = Place::Fork;
    place.out = one;
    place.other = other;
    return add(place);
  }
  int byte(unsigned low, unsigned high, int next) {
    Place place;
    place.kind = Place::Byte;
    place.low = static_cast<unsigned char>(low);
    place.high = static_cast<unsigned char>(high);
    place.out = next;
    return add(place);
  }
  int build(const Pattern &pattern, int next);
  int repeat(const Pattern &pattern, int next);
  int characters(const CharSet &set, int next);
  void addRange(uint32_t first, uint32_t last, int next, std::vector<int> &starts);
};

/// Characters whose encodings differ in trailing bytes that run over all of their values are one
/// sequence of ranges of bytes; others are split where they are not.
void Places::addRange(uint32_t first, uint32_t last, int next, std::vector<int> &starts) {
  for (uint32_t limit : {0x80u, 0x800u, 0xD800u, 0xE000u, 0x10000u})
    if (first < limit && last >= limit) {
      addRange(first, limit - 1, next, starts);
      return addRange(limit, last, next, starts);
    }
  if (first >= 0xD800 && first < 0xE000)
    return; // surrogates are no characters
  for (int shift = 6; shift <= 18 && first >= 0x80; shift += 6) {
    uint32_t block = (1u << shift) - 1;
    if ((first & ~block) == (last & ~block))
      break;
    if ((first & block) != 0) {
      addRange(first, first | block, next, starts);
      return addRange((first | block) + 1, last, next, starts);
    }
    if ((last & block) != block) {
      addRange(first, (last & ~block) - 1, next, starts);
      return addRange(last & ~block, last, next, starts);
    }
  }
  std::string low, high;
  append(low, first);
  append(high, last);
  int at = next;
  for (size_t i = low.size(); i-- > 0;)
    at = byte(static_cast<unsigned char>(low[i]), static_cast<unsigned char>(high[i]), at);
  starts.push_back(at);
}

int Places::characters(const CharSet &set, int next) {
  std::vector<int> starts;
  for (auto [first, last] : set.ranges)
    addRange(first, last, next, starts);
  if (starts.empty()) // no character: a byte that never comes in UTF-8
    return byte(0xFF, 0xFE, next);
  int at = starts[0];
  for (int other : llvm::ArrayRef<int>(starts).drop_front())
    at = fork(at, other);
  return at;
}

int Places::repeat(const Pattern &pattern, int next) {
  const Pattern &part = pattern.parts[0];
  int at = next;
  if (pattern.most < 0) {
    at = fork(-1, next);
    int again = build(part, at);
    all[at].out = again;
  }
  for (int64_t i = pattern.least; i < pattern.most; ++i)
    at = fork(build(part, at), next);
  for (int64_t i = 0; i < pattern.least; ++i)
    at = build(part, at);
  return at;
}

int Places::build(const Pattern &pattern, int next) {
  switch (pattern.kind) {
  case Pattern::Kind::Chars:
    return characters(pattern.chars, next);
  case Pattern::Kind::Assert: {
    Place place;
    place.kind = Place::Check;
    place.assertion = pattern.assertion;
    place.out = next;
    return add(place);
  }
  case Pattern::Kind::Sequence:
    for (const Pattern &part : llvm::reverse(pattern.parts))
      next = build(part, next);
    return next;
  case Pattern::Kind::Choice: {
    int at = build(pattern.parts[0], next);
    for (const Pattern &part : llvm::drop_begin(pattern.parts))
      at = fork(at, build(part, next));
    return at;
  }
  case Pattern::Kind::Repeat:
    return repeat(pattern, next);
  }
  return next;
}

/// Places that text up to here may be at, and, where there are assertions, a byte like the last
/// one: -1 at the start.
struct State {
  std::vector<int> places; // bytes, checks and the end; sorted
  int before = -1;
  bool operator<(const State &other) const {
    return std::tie(before, places) < std::tie(other.before, other.places);
  }
};

class Builder {
public:
  explicit Builder(const Pattern &pattern) : places(pattern), seen(places.all.size(), 0) {
    hasChecks = llvm::any_of(places.all, [](const Place &p) { return p.kind == Place::Check; });
    chooseClasses();
  }
  Automaton build();

private:
  void chooseClasses();
  void beginSet() { ++round; }
  /// Adds the place and what forks lead to; with `after`, also what holding checks lead to.
  void reach(int place, std::vector<int> &set, int before, std::optional<int> after);
  std::vector<int> expanded(const State &state, int after);
  State next(const State &state, int byte);
  int32_t numberOf(State state);

  Places places;
  std::vector<int> seen; // the round in which a place was last added to a set
  int round = 0;
  int64_t work = 0;
  bool hasChecks;
  Automaton automaton;
  std::vector<int> byteOf; // one of each class
  std::map<State, int32_t> numbers;
  std::vector<const State *> states;
};

void Builder::chooseClasses() {
  std::array<bool, 257> begins{};
  begins[0] = true;
  auto cut = [&](int low, int high) { begins[low] = begins[high + 1] = true; };
  for (const Place &place : places.all)
    if (place.kind == Place::Byte && place.low <= place.high)
      cut(place.low, place.high);
  if (hasChecks)
    for (auto [low, high] : {std::pair('\n', '\n'), std::pair('0', '9'), std::pair('A', 'Z'),
                             std::pair('_', '_'), std::pair('a', 'z')})
      cut(low, high);
  for (int byte = 0; byte < 256; ++byte) {
    if (begins[byte])
      byteOf.push_back(byte);
    automaton.classes[byte] = static_cast<int32_t>(byteOf.size()) - 1;
  }
  automaton.classCount = static_cast<int32_t>(byteOf.size());
}

void Builder::reach(int first, std::vector<int> &set, int before, std::optional<int> after) {
  std::vector<int> stack = {first};
  while (!stack.empty()) {
    int at = stack.back();
    stack.pop_back();
    if (++work > kMaxWork)
      throw TooLarge{"its automaton takes too long to make"};
    if (std::exchange(seen[at], round) == round)
      continue;
    const Place &place = places.all[at];
    if (place.kind == Place::Fork) {
      stack.push_back(place.out);
      stack.push_back(place.other);
    } else if (place.kind == Place::Check && after) {
      if (holdsBetween(place.assertion, before, *after))
        stack.push_back(place.out);
    } else {
      set.push_back(at);
    }
  }
}

/// The bytes, and the end, that the state is at when the byte `after` (-1: none) comes.
std::vector<int> Builder::expanded(const State &state, int after) {
  std::vector<int> set;
  beginSet();
  for (int place : state.places)
    reach(place, set, state.before, after);
  return set;
}

State Builder::next(const State &state, int byte) {
  std::vector<int> from = hasChecks ? expanded(state, byte) : state.places;
  State result;
  beginSet();
  work += static_cast<int64_t>(from.size());
  for (int at : from)
    if (const Place &place = places.all[at];
        place.kind == Place::Byte && place.low <= byte && byte <= place.high)
      reach(place.out, result.places, -1, std::nullopt);
  llvm::sort(result.places);
  if (hasChecks && !result.places.empty())
    result.before = isWordByte(byte) ? 'a' : byte == '\n' ? '\n' : ' ';
  return result;
}

int32_t Builder::numberOf(State state) {
  auto [it, isNew] = numbers.try_emplace(std::move(state), static_cast<int32_t>(states.size()));
  if (isNew) {
    if (states.size() == kMaxAutomatonStates)
      throw TooLarge{"its automaton has more than " + std::to_string(kMaxAutomatonStates) +
                     " states; shorten its repetitions"};
    states.push_back(&it->first);
  }
  return it->second;
}

Automaton Builder::build() {
  State start;
  beginSet();
  reach(places.start, start.places, -1, std::nullopt);
  llvm::sort(start.places);
  numberOf(std::move(start));
  for (size_t i = 0; i < states.size(); ++i) {
    const State &state = *states[i];
    std::vector<int> atEnd = expanded(state, -1);
    automaton.accepts.push_back(
        llvm::any_of(atEnd, [&](int at) { return places.all[at].kind == Place::Accept; }));
    for (int byte : byteOf)
      automaton.next.push_back(numberOf(next(state, byte)));
  }
  return std::move(automaton);
}

} // namespace

llvm::Expected<Automaton> automatonOf(const Pattern &pattern) {
  try {
    return Builder(pattern).build();
  } catch (TooLarge &tooLarge) {
    return llvm::createStringError(tooLarge.reason);
  }
}

} // namespace ingot::text
