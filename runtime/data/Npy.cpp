// The .npy format, versions 1 to 3: magic, version, header length, a Python dictionary literal with
// the keys descr, fortran_order and shape, then the elements.
// Specification: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "ingot/data/Npy.h"
#include "runtime/data/NpyFormat.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

namespace ingot::data {

namespace {

constexpr size_t maxHeaderBytes = 1 << 20;
constexpr size_t maxRank = 64;

Status corrupt(const std::string &what) { return Status(StatusCode::DataLoss, what); }

struct ElementName {
  std::string_view name; // descr without its byte order
  DType dtype;
};
constexpr ElementName elementNames[] = {
    {"b1", DType::Bool}, {"i1", DType::I8},  {"i2", DType::I16}, {"i4", DType::I32},
    {"i8", DType::I64},  {"u1", DType::U8},  {"u2", DType::U16}, {"u4", DType::U32},
    {"u8", DType::U64},  {"f2", DType::F16}, {"f4", DType::F32}, {"f8", DType::F64},
    {"V2", DType::BF16}, // ml_dtypes
};

struct Header {
  DType dtype = DType::F32;
  bool bigEndian = false;
  bool fortranOrder = false;
  int64_t textWidth = 0; // bytes of an element in the file, where it is text
  bool isUnicode = false;
  Shape shape;
};

/// `<U5` is five UCS-4 characters, `|S5` five bytes.
bool parseTextDescr(std::string_view descr, Header &header) {
  if (descr.size() < 3 || descr.size() > 12 || (descr[1] != 'U' && descr[1] != 'S') ||
      !std::all_of(descr.begin() + 2, descr.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  header.dtype = DType::String;
  header.isUnicode = descr[1] == 'U';
  header.bigEndian = descr[0] == '>';
  header.textWidth = std::stoll(std::string(descr.substr(2))) * (header.isUnicode ? 4 : 1);
  return true;
}

Status parseDescr(std::string_view descr, Header &header) {
  if (!descr.empty() && std::strchr("<>|=", descr[0])) {
    if (parseTextDescr(descr, header))
      return Status();
    for (const ElementName &element : elementNames)
      if (element.name == descr.substr(1)) {
        header.dtype = element.dtype;
        header.bigEndian = descr[0] == '>';
        return Status();
      }
  }
  if (descr == "|V1" || descr == "<V1" || descr == "<f1") { // ml_dtypes; which type is not said
    header.dtype = DType::U8;
    return Status();
  }
  return Status(
      StatusCode::Unsupported,
      "element type '" + std::string(descr.substr(0, 40)) +
          "' is not read; convert the array with astype to bool, an integer, a float or str");
}

/// Reads the dictionary literal. Positions only go forward, and never past the end.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  Result<Header> parse() {
    Header header;
    bool seen[3] = {};
    if (!take('{'))
      return fail("'{'");
    while (!take('}')) {
      const std::optional<std::string_view> key = quoted();
      if (!key || !take(':'))
        return fail("a quoted key and ':'");
      static constexpr std::string_view keys[] = {"descr", "fortran_order", "shape"};
      const auto index = size_t(std::find(keys, keys + 3, *key) - keys);
      if (index == 3 || seen[index])
        return corrupt("the header has the key '" + std::string(key->substr(0, 40)) +
                       (index == 3 ? "', which no array has" : "' twice"));
      seen[index] = true;
      INGOT_RETURN_IF_ERROR(value(index, header));
      if (!take(',') && !at('}'))
        return fail("',' or '}'");
    }
    skipSpace();
    if (position != text.size())
      return fail("the end of the header");
    if (!seen[0] || !seen[1] || !seen[2])
      return corrupt("the header lacks one of descr, fortran_order and shape");
    return header;
  }

private:
  Status value(size_t index, Header &header) {
    if (index == 0) {
      const std::optional<std::string_view> descr = quoted();
      if (!descr)
        return Status(StatusCode::Unsupported,
                      "records and sub-arrays are not read; save each field as its own array");
      return parseDescr(*descr, header);
    }
    if (index == 1) {
      header.fortranOrder = word("True");
      return header.fortranOrder || word("False") ? Status() : fail("True or False");
    }
    return shape(header.shape);
  }

  Status shape(Shape &shape) {
    if (!take('('))
      return fail("'('");
    while (!take(')')) {
      int64_t extent = 0;
      if (!integer(extent))
        return fail("an extent");
      if (shape.size() == maxRank)
        return corrupt("the shape has more than " + std::to_string(maxRank) + " dimensions");
      shape.push_back(extent);
      if (!take(',') && !at(')'))
        return fail("',' or ')'");
    }
    return Status();
  }

  bool integer(int64_t &value) {
    skipSpace();
    const size_t start = position;
    for (value = 0; position < text.size() && text[position] >= '0' && text[position] <= '9';
         ++position)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text[position] - '0', &value))
        return false;
    const bool any = position > start;
    if (position < text.size() && text[position] == 'L') // Python 2 wrote longs so
      ++position;
    return any;
  }

  std::optional<std::string_view> quoted() {
    skipSpace();
    if (position == text.size() || (text[position] != '\'' && text[position] != '"'))
      return std::nullopt;
    const size_t end = text.find(text[position], position + 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    const std::string_view content = text.substr(position + 1, end - position - 1);
    position = end + 1;
    return content;
  }

  bool word(std::string_view expected) {
    skipSpace();
    if (text.substr(position, expected.size()) != expected)
      return false;
    position += expected.size();
    return true;
  }

  bool at(char expected) {
    skipSpace();
    return position < text.size() && text[position] == expected;
  }

  bool take(char expected) {
    const bool there = at(expected);
    position += there;
    return there;
  }

  void skipSpace() {
    while (position < text.size() && std::strchr(" \t\r\n", text[position]) && text[position])
      ++position;
  }

  Status fail(const char *expected) const {
    return corrupt("the header is malformed at byte " + std::to_string(position) + ": expected " +
                   expected);
  }

  std::string_view text;
  size_t position = 0;
};

Result<std::string> readHeaderText(ByteSource &source) {
  uint8_t magic[8];
  INGOT_RETURN_IF_ERROR(source.read(magic, sizeof magic, "the magic number"));
  if (std::memcmp(magic, "\x93NUMPY", 6) != 0)
    return corrupt("not a .npy array: it does not begin with \\x93NUMPY");
  if (magic[6] < 1 || magic[6] > 3)
    return Status(StatusCode::Unsupported, "format version " + std::to_string(magic[6]) + "." +
                                               std::to_string(magic[7]) +
                                               " is not read, 1.0 to 3.0 are");
  uint8_t length[4] = {};
  INGOT_RETURN_IF_ERROR(source.read(length, magic[6] == 1 ? 2 : 4, "the header's length"));
  const size_t bytes =
      length[0] | size_t(length[1]) << 8 | size_t(length[2]) << 16 | size_t(length[3]) << 24;
  if (bytes > maxHeaderBytes || bytes > source.bound())
    return corrupt("the header claims " + std::to_string(bytes) + " bytes");
  std::string text(bytes, '\0');
  INGOT_RETURN_IF_ERROR(source.read(text.data(), bytes, "the header"));
  return text;
}

Result<Header> readHeader(ByteSource &source) {
  INGOT_ASSIGN_OR_RETURN(const std::string text, readHeaderText(source));
  return HeaderParser(text).parse();
}

/// Copies `count` column-major elements of `width` bytes into row-major order.
void copyTransposed(const uint8_t *from, uint8_t *out, int64_t count, const Shape &shape,
                    size_t width) {
  const size_t rank = shape.size();
  std::vector<size_t> strides(rank, 1), index(rank, 0);
  for (size_t axis = 1; axis < rank; ++axis)
    strides[axis] = strides[axis - 1] * size_t(shape[axis - 1]);
  size_t offset = 0;
  for (int64_t i = 0; i < count; ++i, out += width) {
    std::memcpy(out, from + offset * width, width);
    for (size_t axis = rank; axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < size_t(shape[axis]))
        break;
      offset -= strides[axis] * index[axis];
      index[axis] = 0;
    }
  }
}

uint32_t load32(const uint8_t *bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void appendUtf8(std::string &text, uint32_t code) {
  if (code < 0x80) {
    text += char(code);
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint32_t leads[] = {0, 0xC0, 0xE0, 0xF0};
  text += char(leads[more] | code >> (6 * more));
  while (more-- > 0)
    text += char(0x80 | (code >> (6 * more) & 0x3F));
}

/// The code points of UTF-8; nothing where it is none.
std::optional<std::vector<uint32_t>> codesOf(std::string_view text) {
  std::vector<uint32_t> codes;
  for (size_t i = 0; i < text.size();) {
    const uint8_t lead = uint8_t(text[i++]);
    const size_t more = lead < 0x80 ? 0 : lead < 0xC2 ? 4 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (more > 3 || lead > 0xF4 || text.size() - i < more)
      return std::nullopt;
    uint32_t code = more ? lead & (0x3Fu >> more) : lead;
    for (size_t k = 0; k < more; ++k, ++i) {
      if ((uint8_t(text[i]) & 0xC0) != 0x80)
        return std::nullopt;
      code = code << 6 | (uint8_t(text[i]) & 0x3F);
    }
    constexpr uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return std::nullopt;
    codes.push_back(code);
  }
  return codes;
}

/// Text of `width` bytes an element; zeros at the end are filling.
Result<Tensor> readTexts(ByteSource &source, const Header &header) {
  const auto width = size_t(header.textWidth);
  INGOT_ASSIGN_OR_RETURN(const int64_t count, countElements(DType::String, header.shape.data(),
                                                            int64_t(header.shape.size())));
  uint64_t bytes = 0;
  // A text takes 16 bytes here, and may take none in the file.
  if (__builtin_mul_overflow(uint64_t(count), uint64_t(width), &bytes) || bytes > source.bound() ||
      (width == 0 && count > int64_t{1} << 24))
    return corrupt("truncated: shape " + toString(header.shape) + " of texts of " +
                   std::to_string(width) + " bytes needs more than the " +
                   std::to_string(source.bound()) + " that can follow");
  std::vector<uint8_t> raw(bytes), rowMajor;
  INGOT_RETURN_IF_ERROR(source.read(raw.data(), bytes, "the array"));
  INGOT_RETURN_IF_ERROR(source.expectEnd());
  if (header.isUnicode && header.bigEndian)
    swapBytes(raw.data(), bytes / 4, 4);
  if (header.fortranOrder && header.shape.size() > 1) {
    rowMajor.resize(bytes);
    copyTransposed(raw.data(), rowMajor.data(), count, header.shape, width);
    raw.swap(rowMajor);
  }
  std::string all;
  std::vector<size_t> ends;
  for (size_t i = 0; i < size_t(count); ++i) {
    const uint8_t *first = raw.data() + i * width;
    size_t size = width;
    if (!header.isUnicode) {
      while (size > 0 && first[size - 1] == 0)
        --size;
      all.append(reinterpret_cast<const char *>(first), size);
    } else {
      while (size > 0 && load32(first + size - 4) == 0)
        size -= 4;
      for (size_t k = 0; k < size; k += 4) {
        const uint32_t code = load32(first + k);
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
          return corrupt("element " + std::to_string(i) + " has the character " +
                         std::to_string(code) + ", which Unicode has not");
        appendUtf8(all, code);
      }
    }
    ends.push_back(all.size());
  }
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < ends.size(); ++i) {
    const size_t start = i ? ends[i - 1] : 0;
    texts.push_back(std::string_view(all).substr(start, ends[i] - start));
  }
  return Tensor::ofTexts(header.shape, texts);
}

/// Characters of the longest text; 1 at least, as NumPy has it.
size_t textWidth(const TensorView &tensor) {
  size_t width = 1;
  for (int64_t i = 0, count = elementCount(tensor); i < count; ++i)
    if (const auto codes = codesOf(textAt(tensor, i)))
      width = std::max(width, codes->size());
  return width;
}

} // namespace

Status checkWritable(const TensorView &tensor) {
  for (int64_t i = 0; tensor.dtype == DType::String && i < elementCount(tensor); ++i) {
    const std::string_view text = textAt(tensor, i);
    if (!codesOf(text))
      return Status(StatusCode::InvalidArgument,
                    "element " + std::to_string(i) + " is no UTF-8, which .npy needs");
    if (!text.empty() && text.back() == 0)
      return Status(StatusCode::InvalidArgument,
                    "element " + std::to_string(i) + " ends in a zero byte, which .npy drops");
  }
  return Status();
}

void swapBytes(void *data, size_t count, size_t width) {
  auto *element = static_cast<uint8_t *>(data);
  for (size_t i = 0; i < count; ++i, element += width)
    std::reverse(element, element + width);
}

size_t byteSizeOf(const TensorView &tensor) {
  const bool isText = tensor.dtype == DType::String;
  return size_t(elementCount(tensor)) * (isText ? 4 * textWidth(tensor) : byteSize(tensor.dtype));
}

std::vector<uint8_t> bytesEach(const TensorView &tensor) {
  if (tensor.dtype == DType::String) {
    std::vector<uint8_t> bytes(byteSizeOf(tensor));
    const size_t width = 4 * textWidth(tensor);
    for (size_t i = 0; i * width < bytes.size(); ++i)
      if (const auto codes = codesOf(textAt(tensor, int64_t(i))); codes && !codes->empty())
        std::memcpy(bytes.data() + i * width, codes->data(), codes->size() * 4);
    return bytes;
  }
  const int64_t share = elementsPerByte(tensor.dtype);
  std::vector<uint8_t> bytes(share == 1 ? 0 : byteSizeOf(tensor));
  const unsigned width = unsigned(8 / share);
  const bool isSigned = tensor.dtype == DType::I2 || tensor.dtype == DType::I4;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint8_t packed = static_cast<const uint8_t *>(tensor.data)[i / size_t(share)];
    const auto high = uint8_t(packed << (8 - width - i % size_t(share) * width));
    bytes[i] = isSigned ? uint8_t(int8_t(high) >> (8 - width)) : uint8_t(high >> (8 - width));
  }
  return bytes;
}

Result<Tensor> fromBytesEach(DType dtype, const TensorView &bytes) {
  Tensor tensor;
  INGOT_RETURN_IF_ERROR(tensor.resize(dtype, bytes.dims, bytes.rank));
  const auto share = size_t(elementsPerByte(dtype));
  const unsigned width = unsigned(8 / share);
  auto *to = static_cast<uint8_t *>(tensor.rawData());
  std::fill(to, to + tensor.byteSize(), uint8_t(0));
  for (size_t i = 0, count = size_t(tensor.elementCount()); i < count; ++i) {
    const uint8_t byte = static_cast<const uint8_t *>(bytes.data)[i];
    to[i / share] |= uint8_t((byte & ((1u << width) - 1)) << (i % share * width));
  }
  return tensor;
}

Result<Tensor> allocateChecked(DType dtype, const Shape &shape, uint64_t bytesThere) {
  INGOT_ASSIGN_OR_RETURN(const int64_t count,
                         countElements(dtype, shape.data(), int64_t(shape.size())));
  const uint64_t bytes = uint64_t(count) * byteSize(dtype);
  if (bytes > bytesThere)
    return corrupt("truncated: shape " + toString(shape) + " of " + toString(dtype) + " needs " +
                   std::to_string(bytes) + " bytes, no more than " + std::to_string(bytesThere) +
                   " can follow");
  Tensor tensor;
  INGOT_RETURN_IF_ERROR(tensor.resize(dtype, shape));
  return tensor;
}

static Result<Tensor> readBody(ByteSource &source, const Header &header) {
  if (header.dtype == DType::String)
    return readTexts(source, header);
  INGOT_ASSIGN_OR_RETURN(Tensor tensor,
                         allocateChecked(header.dtype, header.shape, source.bound()));
  INGOT_RETURN_IF_ERROR(source.read(tensor.rawData(), tensor.byteSize(), "the array"));
  INGOT_RETURN_IF_ERROR(source.expectEnd());
  const size_t width = byteSize(header.dtype), count = size_t(tensor.elementCount());
  if (header.bigEndian)
    swapBytes(tensor.rawData(), count, width);
  if (header.dtype == DType::Bool)
    for (auto *byte = static_cast<uint8_t *>(tensor.rawData()), *end = byte + count; byte != end;
         ++byte)
      *byte = *byte != 0;
  if (!header.fortranOrder || header.shape.size() < 2)
    return tensor;
  Tensor rowMajor;
  INGOT_RETURN_IF_ERROR(rowMajor.resize(header.dtype, header.shape));
  copyTransposed(static_cast<const uint8_t *>(tensor.rawData()),
                 static_cast<uint8_t *>(rowMajor.rawData()), tensor.elementCount(), header.shape,
                 width);
  return rowMajor;
}

Result<Tensor> readNpyFrom(ByteSource &source) {
  INGOT_ASSIGN_OR_RETURN(const Header header, readHeader(source));
  return readBody(source, header);
}

Result<Tensor> readElements(ByteSource &source, const std::string &descr, bool fortranOrder,
                            const Shape &shape) {
  Header header;
  INGOT_RETURN_IF_ERROR(parseDescr(descr, header));
  header.fortranOrder = fortranOrder, header.shape = shape;
  return readBody(source, header);
}

Result<size_t> findPickle(const void *data, size_t size) {
  MemorySource source(data, size);
  INGOT_ASSIGN_OR_RETURN(const std::string text, readHeaderText(source));
  if (text.find("'descr': '|O'") == std::string::npos)
    return Status(StatusCode::Unsupported, "not an array of objects");
  return size - size_t(source.bound());
}

std::string npyHeader(const TensorView &tensor) {
  std::string descr = "|V1"; // as ml_dtypes names its types of a byte
  if (tensor.dtype == DType::String)
    descr = "<U" + std::to_string(textWidth(tensor));
  for (const ElementName &element : elementNames)
    if (element.dtype == tensor.dtype)
      descr = (byteSize(tensor.dtype) == 1 ? "|" : "<") + std::string(element.name);
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (int64_t axis = 0; axis < tensor.rank; ++axis)
    text += std::to_string(tensor.dims[axis]) + (axis + 1 < tensor.rank ? ", " : "");
  text += tensor.rank == 1 ? ",), }" : "), }";
  // The elements begin at a multiple of 64; the header ends with a newline. At most 64 extents of
  // 20 digits: always below the 65535 bytes of version 1.
  text.append(63 - (text.size() + 10) % 64, ' ');
  text += '\n';
  std::string prefix("\x93NUMPY\x01\x00", 8);
  prefix += char(text.size() & 255);
  prefix += char(text.size() >> 8);
  return prefix + text;
}

Result<Tensor> parseNpy(const void *data, size_t size, const std::string &name) {
  MemorySource source(data, size);
  Result<Tensor> tensor = readNpyFrom(source);
  if (!tensor.isOk())
    return tensor.status().withContext("'" + name + "'");
  return tensor;
}

Result<Tensor> readNpy(const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> file, openFile(path));
  Result<Tensor> tensor = readNpyFrom(*file);
  if (!tensor.isOk())
    return tensor.status().withContext("'" + path + "'");
  return tensor;
}

Status writeNpy(const std::string &path, const TensorView &tensor) {
  if (tensor.rank > int64_t(maxRank))
    return Status(StatusCode::InvalidArgument, "cannot write '" + path +
                                                   "': " + std::to_string(tensor.rank) +
                                                   " dimensions, at most 64 can be written");
  if (Status writable = checkWritable(tensor); !writable.isOk())
    return writable.withContext("cannot write '" + path + "'");
  FILE *file = std::fopen(path.c_str(), "wbe");
  bool written = file != nullptr;
  if (file) {
    const std::string header = npyHeader(tensor);
    const size_t bytes = byteSizeOf(tensor);
    const std::vector<uint8_t> unpacked = bytesEach(tensor);
    const void *data = unpacked.empty() ? tensor.data : unpacked.data();
    written = std::fwrite(header.data(), 1, header.size(), file) == header.size() &&
              (bytes == 0 || std::fwrite(data, 1, bytes, file) == bytes);
    const int error = errno;
    const bool closed = std::fclose(file) == 0;
    errno = written ? errno : error;
    written = written && closed;
  }
  if (written)
    return Status();
  return Status(StatusCode::IoError, "cannot write '" + path + "': " + std::strerror(errno));
}

} // namespace ingot::data
