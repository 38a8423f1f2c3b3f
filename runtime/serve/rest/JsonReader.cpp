// The grammar of JSON, by hand. See JsonReader.h.
#include "runtime/serve/rest/JsonReader.h"

#include "runtime/serve/rest/Text.h"
#include "runtime/serve/rest/Utf8.h"

#include <charconv>
#include <cstdint>
#include <cstring>

namespace ingot::serve::rest {

namespace {

void appendUtf8(std::string &text, uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | code >> 18);
    text += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// The four digits of \uXXXX.
bool readHex(const char *at, const char *end, uint32_t &value) {
  if (end - at < 4)
    return false;
  value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const uint32_t digit = isDigit(c)             ? static_cast<uint32_t>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                                                  : 16;
    if (digit == 16)
      return false;
    value = value << 4 | digit;
  }
  return true;
}

/// The first byte at or behind `at` that ends a plain run of a string: a quote, a backslash, a
/// control character or what is not ASCII. Eight bytes at a time.
const char *endOfPlain(const char *at, const char *end) {
  constexpr uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  while (end - at >= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    const uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
    const uint64_t found =
        ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (word - ones * 0x20) | word;
    if (found & highs)
      break;
    at += 8;
  }
  while (at < end && static_cast<unsigned char>(*at) >= 0x20 && static_cast<signed char>(*at) > 0 &&
         *at != '"' && *at != '\\')
    ++at;
  return at;
}

} // namespace

void JsonReader::skipSpace() {
  while (cursor_ < end_ && isJsonSpace(*cursor_))
    ++cursor_;
}

bool JsonReader::fail(Status status) {
  if (status_.isOk())
    status_ = std::move(status);
  cursor_ = end_;
  return false;
}

bool JsonReader::failHere(const std::string &problem) {
  return fail(Status(StatusCode::InvalidArgument,
                     "malformed JSON: " + problem + " at byte " + std::to_string(offset())));
}

bool JsonReader::expected(const std::string &what) {
  const size_t at = offset();
  const std::string got = quoteValue();
  if (!isOk())
    return false;
  return fail(Status(StatusCode::InvalidArgument,
                     "expected " + what + ", got " + got + " at byte " + std::to_string(at)));
}

std::string JsonReader::quoteValue() {
  const Kind kind = peek();
  const char *from = cursor_;
  switch (kind) {
  case Kind::Object:
    return "an object";
  case Kind::Array:
    return "a list";
  case Kind::Null:
    return "null";
  case Kind::Invalid:
    return "nothing";
  case Kind::Bool:
    return *from == 't' ? "true" : "false";
  case Kind::Number:
  case Kind::String:
    break;
  }
  std::string_view value;
  if (kind == Kind::Number ? !readNumber(value) : !readString(value))
    return "nothing";
  std::string quoted(value.substr(0, 40));
  // Not within a character: messages are UTF-8.
  while (value.size() > 40 && !quoted.empty() && (value[quoted.size()] & 0xc0) == 0x80)
    quoted.pop_back();
  quoted += value.size() > 40 ? "..." : "";
  return kind == Kind::Number ? quoted : "the string '" + quoted + "'";
}

JsonReader::Kind JsonReader::peek() {
  if (!isOk())
    return Kind::Invalid;
  skipSpace();
  if (cursor_ == end_) {
    failHere("a value is missing");
    return Kind::Invalid;
  }
  switch (*cursor_) {
  case '{':
    return Kind::Object;
  case '[':
    return Kind::Array;
  case '"':
    return Kind::String;
  case 't':
  case 'f':
    return Kind::Bool;
  case 'n':
    return Kind::Null;
  default:
    if (isDigit(*cursor_) || *cursor_ == '-' || *cursor_ == 'N' || *cursor_ == 'I')
      return Kind::Number;
    failHere("a value is expected");
    return Kind::Invalid;
  }
}

bool JsonReader::enter(char bracket, const char *what) {
  const Kind kind = peek();
  if (kind == Kind::Invalid)
    return false;
  if (*cursor_ != bracket)
    return expected(what);
  if (depthLeft_ == 0)
    return failHere("more than " + std::to_string(maxDepth_) + " levels of lists and objects");
  --depthLeft_;
  ++cursor_;
  isFirst_ = true;
  return true;
}

bool JsonReader::leave() {
  ++cursor_;
  ++depthLeft_;
  isFirst_ = false;
  return false;
}

bool JsonReader::beginObject() { return enter('{', "an object"); }
bool JsonReader::beginArray() { return enter('[', "a list"); }

bool JsonReader::nextElement() {
  if (!isOk())
    return false;
  skipSpace();
  if (cursor_ == end_)
    return failHere("a list has no end, ']' is missing");
  if (*cursor_ == ']')
    return leave();
  if (!isFirst_) {
    if (*cursor_ != ',')
      return failHere("',' or ']' is expected");
    ++cursor_;
    skipSpace();
    if (cursor_ < end_ && *cursor_ == ']')
      return failHere("a value is expected after ','");
  }
  isFirst_ = false;
  return true;
}

bool JsonReader::nextKey(std::string_view &key) {
  if (!isOk())
    return false;
  skipSpace();
  if (cursor_ == end_)
    return failHere("an object has no end, '}' is missing");
  if (*cursor_ == '}')
    return leave();
  if (!isFirst_) {
    if (*cursor_ != ',')
      return failHere("',' or '}' is expected");
    ++cursor_;
    skipSpace();
  }
  if (cursor_ == end_ || *cursor_ != '"')
    return failHere("a key in quotes is expected");
  if (!readString(key))
    return false;
  skipSpace();
  if (cursor_ == end_ || *cursor_ != ':')
    return failHere("':' is expected after a key");
  ++cursor_;
  isFirst_ = false;
  return true;
}

bool JsonReader::readString(std::string_view &value) {
  const Kind kind = peek();
  if (kind != Kind::String)
    return kind != Kind::Invalid && expected("a string");
  const char *start = ++cursor_;
  cursor_ = endOfPlain(cursor_, end_);
  if (cursor_ < end_ && *cursor_ == '"') {
    value = {start, static_cast<size_t>(cursor_ - start)};
    ++cursor_;
    return true;
  }
  if (!readEscaped(start))
    return false;
  value = unescaped_;
  return true;
}

bool JsonReader::readString(std::string &value) {
  std::string_view view;
  if (!readString(view))
    return false;
  value.assign(view);
  return true;
}

/// A string with escapes or characters beyond ASCII, from `start` to its closing quote.
bool JsonReader::readEscaped(const char *start) {
  unescaped_.assign(start, cursor_);
  for (;;) {
    const char *plain = cursor_;
    cursor_ = endOfPlain(cursor_, end_);
    unescaped_.append(plain, cursor_);
    if (cursor_ == end_)
      return failHere("a string has no end, '\"' is missing");
    const unsigned char c = static_cast<unsigned char>(*cursor_);
    if (c == '"') {
      ++cursor_;
      return true;
    }
    if (c < 0x20)
      return failHere("a control character within a string, which must be escaped,");
    if (c >= 0x80) {
      const size_t length = utf8Length({cursor_, static_cast<size_t>(end_ - cursor_)});
      if (length == 0)
        return failHere("a string is not UTF-8");
      unescaped_.append(cursor_, length);
      cursor_ += length;
      continue;
    }
    static constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const char letter = end_ - cursor_ > 1 ? cursor_[1] : '\0';
    if (letter != 'u') {
      const size_t which = letters.find(letter);
      if (letter == '\0' || which == std::string_view::npos)
        return failHere("an unknown escape");
      unescaped_ += meanings[which];
      cursor_ += 2;
      continue;
    }
    uint32_t code = 0, low = 0;
    if (!readHex(cursor_ + 2, end_, code))
      return failHere("four hexadecimal digits are expected after \\u");
    if (code >= 0xd800 && code <= 0xdfff) {
      if (code >= 0xdc00 || end_ - cursor_ < 8 || cursor_[6] != '\\' || cursor_[7] != 'u' ||
          !readHex(cursor_ + 8, end_, low) || low < 0xdc00 || low > 0xdfff)
        return failHere("half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      cursor_ += 6;
    }
    cursor_ += 6;
    appendUtf8(unescaped_, code);
  }
}

bool JsonReader::readLiteral(std::string_view literal) {
  if (std::string_view(cursor_, static_cast<size_t>(end_ - cursor_)).substr(0, literal.size()) !=
      literal)
    return failHere("a value is expected");
  cursor_ += literal.size();
  return true;
}

bool JsonReader::readBool(bool &value) {
  const Kind kind = peek();
  if (kind != Kind::Bool)
    return kind != Kind::Invalid && expected("true or false");
  value = *cursor_ == 't';
  return readLiteral(value ? "true" : "false");
}

bool JsonReader::scanDigits(const char *&at) {
  const char *from = at;
  while (at < end_ && isDigit(*at))
    ++at;
  return at > from;
}

bool JsonReader::readNumber(std::string_view &text) {
  const Kind kind = peek();
  if (kind != Kind::Number)
    return kind != Kind::Invalid && expected("a number");
  const char *start = cursor_, *at = cursor_;
  at += *at == '-';
  if (at < end_ && (*at == 'N' || *at == 'I')) {
    if (*at == 'N' && at != start)
      return failHere("a value is expected");
    cursor_ = at;
    if (!readLiteral(*at == 'N' ? "NaN" : "Infinity"))
      return false;
  } else {
    const char *digits = at;
    if (!scanDigits(at))
      return failHere("a digit is expected after '-'");
    if (*digits == '0' && at - digits > 1)
      return failHere("a number begins with 0");
    if (at < end_ && *at == '.') {
      ++at;
      if (!scanDigits(at))
        return failHere("a digit is expected after '.', in the number");
    }
    if (at < end_ && (*at == 'e' || *at == 'E')) {
      ++at;
      if (at < end_ && (*at == '+' || *at == '-'))
        ++at;
      if (!scanDigits(at))
        return failHere("a digit is expected in the exponent of the number");
    }
    cursor_ = at;
  }
  text = {start, static_cast<size_t>(cursor_ - start)};
  return true;
}

template <typename T> bool JsonReader::readInteger(T &value, const char *what) {
  const size_t at = offset();
  std::string_view text;
  if (peek() != Kind::Number)
    return isOk() && expected(what);
  if (!readNumber(text))
    return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Status(StatusCode::InvalidArgument, std::string("expected ") + what + ", got " +
                                                        std::string(text.substr(0, 40)) +
                                                        " at byte " + std::to_string(at)));
  return true;
}
template bool JsonReader::readInteger(int64_t &, const char *);
template bool JsonReader::readInteger(uint64_t &, const char *);

bool JsonReader::skipValue() {
  std::string_view ignored;
  bool flag = false;
  // Not recursive: the depth is the client's.
  std::string open;
  do {
    if (!open.empty()) {
      const bool more = open.back() == '{' ? nextKey(ignored) : nextElement();
      if (!isOk())
        return false;
      if (!more) {
        open.pop_back();
        continue;
      }
    }
    switch (peek()) {
    case Kind::Object:
      beginObject();
      open += isOk() ? "{" : "";
      break;
    case Kind::Array:
      beginArray();
      open += isOk() ? "[" : "";
      break;
    case Kind::String:
      readString(ignored);
      break;
    case Kind::Number:
      readNumber(ignored);
      break;
    case Kind::Bool:
      readBool(flag);
      break;
    case Kind::Null:
      readLiteral("null");
      break;
    case Kind::Invalid:
      break;
    }
    if (!isOk())
      return false;
  } while (!open.empty());
  return true;
}

} // namespace ingot::serve::rest
