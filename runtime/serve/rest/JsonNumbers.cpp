// Elements of JSON into typed memory. See JsonNumbers.h.
#include "runtime/serve/rest/JsonNumbers.h"

#include "runtime/serve/rest/Base64.h"
#include "runtime/serve/rest/NumberScanner.h"
#include "runtime/serve/rest/SmallFloats.h"
#include "runtime/serve/rest/Text.h"

#include <algorithm>
#include <limits>

namespace ingot::serve::rest {

namespace {

/// f16 and bf16 are read as floats.
struct Half {
  using Read = float;
  static uint16_t store(float value) { return toF16(value); }
};
struct BFloat {
  using Read = float;
  static uint16_t store(float value) { return toBf16(value); }
};
template <typename T> struct Plain {
  using Read = T;
  static T store(T value) { return value; }
};

/// Calls `with(Format{})` for the element types that are numbers; false for others.
template <typename With> bool forNumber(DType dtype, With &&with) {
  switch (dtype) {
  case DType::I8:
    return with(Plain<int8_t>{}), true;
  case DType::I16:
    return with(Plain<int16_t>{}), true;
  case DType::I32:
    return with(Plain<int32_t>{}), true;
  case DType::I64:
    return with(Plain<int64_t>{}), true;
  case DType::U8:
    return with(Plain<uint8_t>{}), true;
  case DType::U16:
    return with(Plain<uint16_t>{}), true;
  case DType::U32:
    return with(Plain<uint32_t>{}), true;
  case DType::U64:
    return with(Plain<uint64_t>{}), true;
  case DType::F16:
    return with(Half{}), true;
  case DType::BF16:
    return with(BFloat{}), true;
  case DType::F32:
    return with(Plain<float>{}), true;
  case DType::F64:
    return with(Plain<double>{}), true;
  default:
    return false;
  }
}

template <typename T> void push(Bytes &data, T value) {
  std::memcpy(data.room(sizeof(T)), &value, sizeof(T));
  data.advance(sizeof(T));
}

bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::F64 || dtype == DType::F16 || dtype == DType::BF16;
}

Problem explain(NumberError error, DType dtype, std::string_view text) {
  const std::string is = "is " + std::string(text.substr(0, 40));
  if (error == NumberError::NotInteger)
    return is + ", not an integer";
  Problem problem = is + ", out of the range of " + ingot::toString(dtype);
  forNumber(dtype, [&](auto format) {
    using T = typename decltype(format)::Read;
    if constexpr (std::is_integral_v<T>)
      problem += " (" + std::to_string(std::numeric_limits<T>::min()) + " to " +
                 std::to_string(std::numeric_limits<T>::max()) + ")";
  });
  return problem;
}

Problem isNot(JsonReader &reader, const char *what) {
  const std::string value = reader.quoteValue();
  return reader.isOk() ? "is " + value + ", not " + what : Problem();
}

const char *skipSpace(const char *at, const char *end) {
  while (at < end && isJsonSpace(*at))
    ++at;
  return at;
}

} // namespace

bool readText(JsonReader &reader, TextForm form, Bytes &bytes, Problem &problem) {
  const JsonReader::Kind kind = reader.peek();
  std::string_view text;
  if (kind == JsonReader::Kind::String) {
    if (!reader.readString(text))
      return false;
    bytes.append(text);
    return true;
  }
  if (kind != JsonReader::Kind::Object || form != TextForm::OrBase64) {
    problem = isNot(reader, "a string");
    return false;
  }
  std::string_view key;
  if (!reader.beginObject() || !reader.nextKey(key) || key != "b64") {
    problem = reader.isOk() ? "is an object without the key 'b64', not a string or {\"b64\": "
                              "\"<base64>\"}"
                            : "";
    return false;
  }
  if (!reader.readString(text))
    return false;
  if (!decodeBase64(text, bytes)) {
    problem = "is not base64";
    return false;
  }
  if (reader.nextKey(key)) {
    problem = "is an object with the key '" + std::string(key) + "' beside 'b64'";
    return false;
  }
  return reader.isOk();
}

Problem Elements::checkType(DType dtype) {
  if (dtype == DType::Bool || dtype == DType::String || forNumber(dtype, [](auto) {}))
    return {};
  return std::string("elements of type ") + ingot::toString(dtype) +
         " cannot be sent as JSON: call a function of the model that takes another type";
}

void Elements::reserve(size_t count) {
  // What a client declares may be too much; what it sends is paid by its bytes.
  const size_t most = size_t{1} << 22;
  data_.room(std::min(count, most) * (dtype_ == DType::String ? 0 : byteSize(dtype_)));
}

bool Elements::readOne(JsonReader &reader, Problem &problem) {
  const JsonReader::Kind kind = reader.peek();
  if (kind == JsonReader::Kind::Invalid)
    return false;
  if (dtype_ == DType::String) {
    const size_t start = textBytes_.size();
    if (!readText(reader, texts_, textBytes_, problem))
      return false;
    textStarts_.push_back(start);
    ++count_;
    return true;
  }
  if (dtype_ == DType::Bool) {
    bool value = false;
    if (kind != JsonReader::Kind::Bool) {
      problem = isNot(reader, "true or false");
      return false;
    }
    if (!reader.readBool(value))
      return false;
    push(data_, static_cast<uint8_t>(value));
    ++count_;
    return true;
  }
  if (kind != JsonReader::Kind::Number) {
    problem = isNot(reader, isFloat(dtype_) ? "a number" : "an integer");
    return false;
  }
  bool isRead = false;
  forNumber(dtype_, [&](auto format) {
    typename decltype(format)::Read value{};
    const char *start = reader.cursor(), *at = start;
    const NumberError error = scanNumber(at, reader.end(), value);
    if (error == NumberError::Syntax) {
      std::string_view ignored;
      reader.readNumber(ignored); // says what is wrong with it, and where
      return;
    }
    if (error != NumberError::None) {
      problem = explain(error, dtype_, {start, static_cast<size_t>(at - start)});
      return;
    }
    push(data_, format.store(value));
    ++count_;
    reader.setCursor(at);
    isRead = true;
  });
  return isRead;
}

void Elements::readRun(JsonReader &reader) {
  forNumber(dtype_, [&](auto format) {
    const char *const end = reader.end();
    const char *done = reader.cursor();
    for (;;) {
      const char *at = skipSpace(done, end);
      if (at == end || *at != ',')
        break;
      at = skipSpace(at + 1, end);
      typename decltype(format)::Read value{};
      if (scanNumber(at, end, value) != NumberError::None)
        break;
      push(data_, format.store(value));
      ++count_;
      done = at;
    }
    reader.setCursor(done);
  });
}

const void *Elements::finish() {
  if (dtype_ != DType::String)
    return data_.data();
  data_.clear();
  for (size_t i = 0; i < count_; ++i) {
    const size_t end = i + 1 < count_ ? textStarts_[i + 1] : textBytes_.size();
    push(data_, ingot_string{textBytes_.data() + textStarts_[i], end - textStarts_[i]});
  }
  return data_.data();
}

} // namespace ingot::serve::rest
