// See JsonWriter.h.
#include "runtime/serve/rest/JsonWriter.h"

#include "runtime/serve/rest/Base64.h"
#include "runtime/serve/rest/SmallFloats.h"
#include "runtime/serve/rest/Utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace ingot::serve::rest {

namespace {

constexpr size_t longestNumber = 32; // -2.2250738585072014e-308 has 24

template <typename T> char *writeInteger(char *at, T value) {
  return std::to_chars(at, at + longestNumber, value).ptr;
}

/// The shortest digits that read back as `value`, laid out as Python does: from 0.0001 to below
/// 1e16 without an exponent. A whole number is told from an integer by its .0, as TF Serving does.
template <typename T> char *writeFloat(char *at, T value) {
  if (!std::isfinite(value)) {
    const std::string_view name = std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    std::memcpy(at, name.data(), name.size());
    return at + name.size();
  }
  // Most values: where digits are not padded, a fixed form is as short.
  constexpr T exactBelow = std::is_same_v<T, float> ? T(1 << 24) : T(int64_t{1} << 53);
  if (const T magnitude = std::fabs(value);
      (magnitude >= T(0.0001) && magnitude < exactBelow) || magnitude == 0) {
    char *end = std::to_chars(at, at + longestNumber, value, std::chars_format::fixed).ptr;
    if (std::find(at, end, '.') == end) {
      *end++ = '.';
      *end++ = '0';
    }
    return end;
  }
  // "d.ddde-xx"
  char text[longestNumber];
  const char *const end =
      std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  const char *const e = std::find(static_cast<const char *>(text), end, 'e');
  int power = 0;
  std::from_chars(e + 2, end, power);
  power = e[1] == '-' ? -power : power;
  if (std::signbit(value))
    *at++ = '-';
  if (power < -4 || power > 15)
    return std::copy(static_cast<const char *>(text), end, at);
  const char *const rest = e - text > 2 ? text + 2 : e; // digits behind the first
  const auto count = static_cast<int>(e - rest);
  if (power < 0) {
    *at++ = '0';
    *at++ = '.';
    at = std::fill_n(at, -power - 1, '0');
    *at++ = text[0];
    return std::copy(rest, e, at);
  }
  *at++ = text[0];
  at = std::copy(rest, rest + std::min(count, power), at);
  at = std::fill_n(at, std::max(power - count, 0), '0');
  *at++ = '.';
  if (count <= power)
    *at++ = '0';
  else
    at = std::copy(rest + power, e, at);
  return at;
}

template <typename Stored, typename Write>
void appendMany(Bytes &out, const TensorView &tensor, int64_t first, int64_t count,
                const Write &write) {
  const char *data = static_cast<const char *>(tensor.data) + first * int64_t{sizeof(Stored)};
  for (int64_t done = 0; done < count;) {
    const int64_t piece = std::min<int64_t>(count - done, 64);
    char *at = out.room(static_cast<size_t>(piece) * (longestNumber + 1)), *from = at;
    for (int64_t i = 0; i < piece; ++i, ++done) {
      if (done > 0)
        *at++ = ',';
      Stored value;
      std::memcpy(&value, data + done * int64_t{sizeof(Stored)}, sizeof(Stored));
      at = write(at, value);
    }
    out.advance(static_cast<size_t>(at - from));
  }
}

void appendText(Bytes &out, std::string_view text, TextStyle style) {
  if (style == TextStyle::Quoted || (style == TextStyle::Either && isUtf8(text))) {
    appendQuoted(out, text);
    return;
  }
  out += "{\"b64\":\"";
  encodeBase64(text, out);
  out += "\"}";
}

} // namespace

bool isUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const size_t length = utf8Length(text.substr(at));
    if (length == 0)
      return false;
    at += length;
  }
  return true;
}

void appendQuoted(Bytes &out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (size_t at = 0; at < text.size();) {
    size_t plain = at;
    while (plain < text.size() && static_cast<unsigned char>(text[plain]) >= 0x20 &&
           static_cast<unsigned char>(text[plain]) < 0x80 && text[plain] != '"' &&
           text[plain] != '\\')
      ++plain;
    out += text.substr(at, plain - at);
    at = plain;
    if (at == text.size())
      break;
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t length = utf8Length(text.substr(at));
      out += length ? text.substr(at, length) : std::string_view("\xef\xbf\xbd");
      at += length ? length : 1;
      continue;
    }
    static constexpr std::string_view meanings = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    if (const size_t which = meanings.find(c); which != std::string_view::npos) {
      const char escape[] = {'\\', letters[which]};
      out += std::string_view(escape, 2);
    } else {
      const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
      out += std::string_view(escape, 6);
    }
    ++at;
  }
  out += '"';
}

template <typename Write> static void appendOne(Bytes &out, const Write &write) {
  char *at = out.room(longestNumber + 2);
  out.advance(static_cast<size_t>(write(at) - at));
}
void appendNumber(Bytes &out, int64_t value) {
  appendOne(out, [&](char *at) { return writeInteger(at, value); });
}
void appendNumber(Bytes &out, uint64_t value) {
  appendOne(out, [&](char *at) { return writeInteger(at, value); });
}
void appendNumber(Bytes &out, float value) {
  appendOne(out, [&](char *at) { return writeFloat(at, value); });
}
void appendNumber(Bytes &out, double value) {
  appendOne(out, [&](char *at) { return writeFloat(at, value); });
}

void appendElements(Bytes &out, const TensorView &tensor, int64_t first, int64_t count,
                    TextStyle texts) {
  const auto integer = [](char *at, auto value) { return writeInteger(at, value); };
  const auto floating = [](char *at, auto value) { return writeFloat(at, value); };
  switch (tensor.dtype) {
  case DType::Bool:
    return appendMany<uint8_t>(out, tensor, first, count, [](char *at, uint8_t value) {
      const std::string_view text = value ? "true" : "false";
      std::memcpy(at, text.data(), text.size());
      return at + text.size();
    });
  case DType::I8:
    return appendMany<int8_t>(out, tensor, first, count, integer);
  case DType::I16:
    return appendMany<int16_t>(out, tensor, first, count, integer);
  case DType::I32:
    return appendMany<int32_t>(out, tensor, first, count, integer);
  case DType::I64:
    return appendMany<int64_t>(out, tensor, first, count, integer);
  case DType::U8:
    return appendMany<uint8_t>(out, tensor, first, count, integer);
  case DType::U16:
    return appendMany<uint16_t>(out, tensor, first, count, integer);
  case DType::U32:
    return appendMany<uint32_t>(out, tensor, first, count, integer);
  case DType::U64:
    return appendMany<uint64_t>(out, tensor, first, count, integer);
  case DType::F32:
    return appendMany<float>(out, tensor, first, count, floating);
  case DType::F64:
    return appendMany<double>(out, tensor, first, count, floating);
  case DType::F16:
    return appendMany<uint16_t>(out, tensor, first, count, [](char *at, uint16_t bits) {
      return writeFloat(at, fromF16(bits));
    });
  case DType::BF16:
    return appendMany<uint16_t>(out, tensor, first, count, [](char *at, uint16_t bits) {
      return writeFloat(at, fromBf16(bits));
    });
  case DType::String:
    for (int64_t i = 0; i < count; ++i) {
      if (i > 0)
        out += ',';
      appendText(out, textAt(tensor, first + i), texts);
    }
    return;
  default:
    return;
  }
}

void appendNested(Bytes &out, const TensorView &tensor, int64_t axis, int64_t first,
                  TextStyle texts) {
  if (axis == tensor.rank)
    return appendElements(out, tensor, first, 1, texts);
  out += '[';
  const int64_t extent = tensor.dims[axis];
  if (axis + 1 == tensor.rank) {
    appendElements(out, tensor, first, extent, texts);
  } else {
    int64_t step = 1;
    for (int64_t inner = axis + 1; inner < tensor.rank; ++inner)
      step *= tensor.dims[inner];
    for (int64_t i = 0; i < extent; ++i) {
      if (i > 0)
        out += ',';
      appendNested(out, tensor, axis + 1, first + i * step, texts);
    }
  }
  out += ']';
}

void appendShape(Bytes &out, const int64_t *dims, int64_t rank) {
  out += '[';
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (axis > 0)
      out += ',';
    appendNumber(out, dims[axis]);
  }
  out += ']';
}

void appendError(Bytes &out, std::string_view message) {
  out += "{\"error\":";
  appendQuoted(out, message);
  out += '}';
}

} // namespace ingot::serve::rest
