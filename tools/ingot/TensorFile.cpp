// See TensorFile.h.
#include "tools/ingot/TensorFile.h"
#include "ingot/data/Npy.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

template <typename T> T load(const void *data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T), sizeof(T));
  return value;
}

double halfToDouble(uint16_t bits) {
  int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  double magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(mantissa, -24)
                                     : std::ldexp(mantissa + 1024, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

double bfloatToDouble(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

struct SmallFloat {
  DType dtype;
  int exponentBits, mantissaBits, bias;
  bool hasInf, isUnsignedZero; // the latter: -0 is NaN, the only one
};
constexpr SmallFloat kSmallFloats[] = {{DType::F8E4M3FN, 4, 3, 7, false, false},
                                       {DType::F8E4M3FNUZ, 4, 3, 8, false, true},
                                       {DType::F8E5M2, 5, 2, 15, true, false},
                                       {DType::F8E5M2FNUZ, 5, 2, 16, false, true},
                                       {DType::F4E2M1FN, 2, 1, 1, false, false}};

double smallFloatToDouble(DType dtype, int bits) {
  if (dtype == DType::F8E8M0FNU)
    return bits == 255 ? NAN : std::ldexp(1.0, bits - 127);
  const auto &type = *std::find_if(std::begin(kSmallFloats), std::end(kSmallFloats),
                                   [&](const SmallFloat &t) { return t.dtype == dtype; });
  int magnitudeBits = type.exponentBits + type.mantissaBits;
  int magnitude = bits & ((1 << magnitudeBits) - 1), most = (1 << magnitudeBits) - 1;
  int exponent = magnitude >> type.mantissaBits;
  int mantissa = magnitude & ((1 << type.mantissaBits) - 1);
  double sign = bits >> magnitudeBits ? -1 : 1;
  if (type.isUnsignedZero && sign < 0 && magnitude == 0)
    return NAN;
  if (type.hasInf && exponent == most >> type.mantissaBits)
    return mantissa ? NAN : sign * INFINITY;
  if (dtype == DType::F8E4M3FN && magnitude == most)
    return NAN;
  return sign * (exponent == 0 ? std::ldexp(mantissa, 1 - type.bias - type.mantissaBits)
                               : std::ldexp(mantissa + (1 << type.mantissaBits),
                                            exponent - type.bias - type.mantissaBits));
}

/// The bits of an element of at most a byte.
int smallBits(const TensorView &tensor, int64_t index) {
  int64_t share = elementsPerByte(tensor.dtype), width = 8 / share;
  return load<uint8_t>(tensor.data, index / share) >> (index % share * width) & ((1 << width) - 1);
}

} // namespace

std::string elementText(const TensorView &tensor, int64_t index) {
  switch (tensor.dtype) {
  case DType::Bool:
    return load<uint8_t>(tensor.data, index) ? "true" : "false";
  case DType::I64:
    return std::to_string(load<int64_t>(tensor.data, index));
  case DType::U64:
    return std::to_string(load<uint64_t>(tensor.data, index));
  case DType::String: // quoted; what is no UTF-8 is replaced
    return Json(textAt(tensor, index)).dump(-1, ' ', false, Json::error_handler_t::replace);
  default:
    return fmt::format("{:.6g}", elementAt(tensor, index));
  }
}

namespace {

Json elementJson(const TensorView &tensor, int64_t index) {
  switch (tensor.dtype) {
  case DType::Bool:
    return load<uint8_t>(tensor.data, index) != 0;
  case DType::U64:
    return load<uint64_t>(tensor.data, index);
  case DType::I64:
    return load<int64_t>(tensor.data, index);
  case DType::String:
    return textAt(tensor, index);
  default:
    double value = elementAt(tensor, index);
    if (!isFloat(tensor.dtype))
      return static_cast<int64_t>(value);
    return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
  }
}

/// Calls leaf(index) at the last axis, and wraps each axis with open/close.
struct TextPrinter {
  const TensorView &tensor;
  std::string out;

  void print(int64_t axis, int64_t first, int64_t stride) {
    constexpr int64_t longest = 10, edge = 3;
    if (axis == tensor.rank) {
      out += elementText(tensor, first);
      return;
    }
    int64_t count = tensor.dims[axis];
    stride = count ? stride / count : 0;
    out += "[";
    for (int64_t i = 0; i < count; ++i) {
      if (i > 0)
        out += axis + 1 == tensor.rank ? ", " : ",\n" + std::string(axis + 1, ' ');
      if (count > longest && i == edge) {
        out += "…";
        i = count - edge - 1;
        continue;
      }
      print(axis + 1, first + i * stride, stride);
    }
    out += "]";
  }
};

Json nested(const TensorView &tensor, int64_t axis, int64_t first, int64_t stride) {
  if (axis == tensor.rank)
    return elementJson(tensor, first);
  Json list = Json::array();
  int64_t count = tensor.dims[axis];
  stride = count ? stride / count : 0;
  for (int64_t i = 0; i < count; ++i)
    list.push_back(nested(tensor, axis + 1, first + i * stride, stride));
  return list;
}

} // namespace

TensorArgument parseTensorArgument(const std::string &option, const std::string &text) {
  TensorArgument argument;
  size_t at = 0;
  if (text.empty() || text[0] != '@') {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || text[equals + 1] != '@')
      throw Failure(kUsage, option + " `" + text + "` is not of the form NAME=@FILE",
                    "for example " + option + " x=@x.npy, or x=@data.npz:key");
    argument.name = text.substr(0, equals);
    at = equals + 1;
  }
  argument.path = text.substr(at + 1);
  size_t colon = argument.path.rfind(':');
  if (colon != std::string::npos && endsWith(argument.path.substr(0, colon), ".npz")) {
    argument.key = argument.path.substr(colon + 1);
    argument.path.resize(colon);
  }
  if (!endsWith(argument.path, ".npy") && !endsWith(argument.path, ".npz"))
    throw Failure(kUsage, option + " `" + text + "`: `" + argument.path + "` is no .npy or .npz");
  return argument;
}

bool isFloat(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 ||
         dtype == DType::F64 || (dtype >= DType::F8E4M3FN && dtype <= DType::F4E2M1FN);
}

Tensor readTensor(const TensorArgument &argument, DType expected) {
  Tensor tensor = readTensor(argument);
  bool isByte = tensor.dtype() == DType::U8 || tensor.dtype() == DType::I8;
  return isByte && expected >= DType::I2 && expected != DType::String
             ? check(data::fromBytesEach(expected, tensor))
             : std::move(tensor);
}

Tensor readTensor(const TensorArgument &argument) {
  if (!endsWith(argument.path, ".npz"))
    return check(data::readNpy(argument.path));
  if (!argument.key.empty())
    return std::move(check(data::readNpz(argument.path, {argument.key})).front().second);
  data::NamedTensors all = check(data::readNpz(argument.path));
  std::vector<std::string> names;
  for (auto &[name, tensor] : all) {
    if (name == argument.name || all.size() == 1)
      return std::move(tensor);
    names.push_back(name);
  }
  throw Failure(kInput,
                "`" + argument.path + "` has no array `" + argument.name + "`: it has " +
                    (names.empty() ? "none" : joined(names)),
                "name one: @" + argument.path + ":KEY");
}

std::vector<std::string> namesOf(const ingot_tensor_info *infos, int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i)
    names.push_back(infos[i].name);
  return names;
}

void TensorWriter::add(const TensorArgument &argument, const TensorView &tensor) {
  if (endsWith(argument.path, ".npz"))
    archives[argument.path].emplace_back(argument.key.empty() ? argument.name : argument.key,
                                         tensor);
  else
    arrays.emplace_back(argument.path, tensor);
}

void TensorWriter::write() {
  for (const auto &[path, tensor] : arrays)
    check(data::writeNpy(path, tensor));
  for (const auto &[path, tensors] : archives)
    check(data::writeNpz(path, tensors));
}

double elementAt(const TensorView &tensor, int64_t index) {
  const void *data = tensor.data;
  switch (tensor.dtype) {
  case DType::Bool:
  case DType::U8:
    return load<uint8_t>(data, index);
  case DType::I8:
    return load<int8_t>(data, index);
  case DType::I16:
    return load<int16_t>(data, index);
  case DType::U16:
    return load<uint16_t>(data, index);
  case DType::I32:
    return load<int32_t>(data, index);
  case DType::U32:
    return load<uint32_t>(data, index);
  case DType::I64:
    return static_cast<double>(load<int64_t>(data, index));
  case DType::U64:
    return static_cast<double>(load<uint64_t>(data, index));
  case DType::F16:
    return halfToDouble(load<uint16_t>(data, index));
  case DType::BF16:
    return bfloatToDouble(load<uint16_t>(data, index));
  case DType::F32:
    return load<float>(data, index);
  case DType::F64:
    return load<double>(data, index);
  case DType::U2:
  case DType::U4:
    return smallBits(tensor, index);
  case DType::I2:
    return (smallBits(tensor, index) ^ 2) - 2;
  case DType::I4:
    return (smallBits(tensor, index) ^ 8) - 8;
  case DType::F8E4M3FN:
  case DType::F8E4M3FNUZ:
  case DType::F8E5M2:
  case DType::F8E5M2FNUZ:
  case DType::F8E8M0FNU:
  case DType::F4E2M1FN:
    return smallFloatToDouble(tensor.dtype, smallBits(tensor, index));
  case DType::String:
    break;
  }
  return 0;
}

std::string textOf(const TensorView &tensor) {
  TextPrinter printer{tensor, ""};
  printer.print(0, 0, elementCount(tensor));
  return printer.out;
}

Json jsonOf(const TensorView &tensor) { return nested(tensor, 0, 0, elementCount(tensor)); }

Json statisticsOf(const TensorView &tensor) {
  if (tensor.dtype == DType::String)
    return Json::object();
  int64_t count = elementCount(tensor), nans = 0;
  double low = INFINITY, high = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = elementAt(tensor, i);
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (count == nans)
    return nans ? Json{{"nan", nans}} : Json::object();
  auto number = [](double v) { return std::isfinite(v) ? Json(v) : Json(fmt::format("{}", v)); };
  return {{"min", number(low)},
          {"max", number(high)},
          {"mean", number(sum / double(count - nans))},
          {"nan", nans}};
}

} // namespace ingot::cli
