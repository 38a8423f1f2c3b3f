// The safetensors reader and writer. See Safetensors.h.
#include "runtime/model/Safetensors.h"
#include "runtime/core/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

namespace ingot {

namespace {
constexpr uint64_t maxHeaderBytes = 100'000'000;
constexpr size_t maxRank = 64;
constexpr const char *metadataKey = "__metadata__";

struct NamedDType {
  const char *name;
  DType dtype;
};
constexpr NamedDType dtypeNames[] = {
    {"BOOL", DType::Bool},
    {"I8", DType::I8},
    {"I16", DType::I16},
    {"I32", DType::I32},
    {"I64", DType::I64},
    {"U8", DType::U8},
    {"U16", DType::U16},
    {"U32", DType::U32},
    {"U64", DType::U64},
    {"F16", DType::F16},
    {"BF16", DType::BF16},
    {"F32", DType::F32},
    {"F64", DType::F64},
    {"F8_E4M3", DType::F8E4M3FN},
    {"F8_E4M3FNUZ", DType::F8E4M3FNUZ},
    {"F8_E5M2", DType::F8E5M2},
    {"F8_E5M2FNUZ", DType::F8E5M2FNUZ},
    {"F8_E8M0", DType::F8E8M0FNU},
    {"F4", DType::F4E2M1FN},
    // Not in the specification, which has no integers below a byte.
    {"I2", DType::I2},
    {"U2", DType::U2},
    {"I4", DType::I4},
    {"U4", DType::U4}};

/// Takes the events of the JSON parser and accepts exactly the header's grammar:
/// {name: {"dtype": string, "shape": [n…], "data_offsets": [n, n]}…, "__metadata__": {key:
/// string…}}
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
public:
  std::vector<SafetensorsEntry> entries; // offset: still from the start of the data
  SafetensorsMetadata metadata;
  Status status;

  bool start_object(size_t) override {
    if (level_ == Level::File)
      return enter(Level::Header);
    if (level_ == Level::Header && key_ == metadataKey)
      return enter(Level::Metadata);
    if (level_ == Level::Header) {
      entries.emplace_back().name = key_;
      fields_ = 0;
      return enter(Level::Tensor);
    }
    return refuse("an object where none belongs");
  }

  bool key(std::string &key) override {
    key_ = key;
    if (level_ == Level::Tensor)
      return true;
    auto &seen = level_ == Level::Metadata ? metadataKeys_ : names_;
    return seen.insert(key).second || refuse("the key occurs twice");
  }

  bool end_object() override {
    if (level_ == Level::Tensor) {
      key_ = entries.back().name;
      return fields_ == AllFields ? enter(Level::Header)
                                  : refuse("dtype, shape or data_offsets is missing");
    }
    return enter(level_ == Level::Metadata ? Level::Header : Level::Done);
  }

  bool start_array(size_t) override {
    if (level_ != Level::Tensor)
      return refuse("an array where none belongs");
    numbers_.clear();
    if (key_ == "shape")
      return field(Shape_) && enter(Level::ShapeNumbers);
    if (key_ == "data_offsets")
      return field(Offsets) && enter(Level::OffsetNumbers);
    return refuse("an array where none belongs");
  }

  bool end_array() override {
    SafetensorsEntry &entry = entries.back();
    if (level_ == Level::ShapeNumbers) {
      for (uint64_t number : numbers_) {
        if (number > INT64_MAX)
          return refuse("an extent over 2^63");
        entry.shape.push_back(static_cast<int64_t>(number));
      }
      return enter(Level::Tensor);
    }
    if (numbers_.size() != 2 || numbers_[0] > numbers_[1])
      return refuse("data_offsets is not [begin, end]");
    entry.offset = numbers_[0];
    entry.bytes = numbers_[1] - numbers_[0];
    return enter(Level::Tensor);
  }

  bool number_unsigned(uint64_t value) override {
    if (level_ != Level::ShapeNumbers && level_ != Level::OffsetNumbers)
      return refuse("a number where none belongs");
    if (numbers_.size() == maxRank)
      return refuse("over 64 dimensions");
    numbers_.push_back(value);
    return true;
  }

  bool string(std::string &value) override {
    if (level_ == Level::Metadata) {
      metadata.emplace_back(key_, value);
      return true;
    }
    if (level_ != Level::Tensor || key_ != "dtype")
      return refuse("a string where none belongs");
    for (const NamedDType &named : dtypeNames)
      if (value == named.name) {
        entries.back().dtype = named.dtype;
        return field(DTypeField);
      }
    key_ = entries.back().name;
    refuse("");
    status = Status(StatusCode::Unsupported,
                    "tensor '" + key_ + "': element type '" + value + "' is not supported");
    return false;
  }

  bool null() override { return refuse("null where a value belongs"); }
  bool boolean(bool) override { return refuse("a truth value where none belongs"); }
  bool number_integer(int64_t) override { return refuse("a negative number"); }
  bool number_float(double, const std::string &) override {
    return refuse("a number that is no integer of 64 bits");
  }
  bool binary(nlohmann::json::binary_t &) override { return refuse("binary data"); }
  bool parse_error(size_t position, const std::string &,
                   const nlohmann::json::exception &) override {
    status = Status(StatusCode::DataLoss,
                    "the header is no valid JSON at byte " + std::to_string(position));
    return false;
  }

private:
  enum class Level { File, Header, Metadata, Tensor, ShapeNumbers, OffsetNumbers, Done };
  enum Field { DTypeField = 1, Shape_ = 2, Offsets = 4, AllFields = 7 };

  bool enter(Level level) {
    level_ = level;
    return true;
  }

  bool field(Field field) {
    if (fields_ & field)
      return refuse("the key occurs twice");
    fields_ |= field;
    return true;
  }

  bool refuse(const char *problem) {
    std::string where = level_ == Level::File ? "the header" : "header entry '" + key_ + "'";
    status = Status(StatusCode::DataLoss, where + ": " + problem);
    return false;
  }

  Level level_ = Level::File;
  std::string key_;
  int fields_ = 0;
  std::vector<uint64_t> numbers_;
  std::unordered_set<std::string> names_, metadataKeys_;
};

/// Checks sizes, and that the tensors cover the data without overlap or hole; makes offsets
/// absolute.
Status checkEntries(std::vector<SafetensorsEntry> &entries, uint64_t dataStart,
                    uint64_t dataBytes) {
  for (const SafetensorsEntry &entry : entries) {
    auto count = countElements(entry.dtype, entry.shape.data(), int64_t(entry.shape.size()));
    if (!count.isOk())
      return Status(StatusCode::DataLoss,
                    "tensor '" + entry.name + "': " + count.status().message());
    uint64_t expected = byteSize(entry.dtype, *count);
    if (expected != entry.bytes)
      return Status(StatusCode::DataLoss,
                    "tensor '" + entry.name + "' of " + toString(entry.dtype) +
                        toString(entry.shape) + " takes " + std::to_string(expected) +
                        " bytes, its data_offsets hold " + std::to_string(entry.bytes));
  }
  std::sort(entries.begin(), entries.end(), [](const auto &a, const auto &b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  uint64_t end = 0;
  for (SafetensorsEntry &entry : entries) {
    if (entry.bytes > dataBytes || entry.offset > dataBytes - entry.bytes)
      return Status(StatusCode::DataLoss, "tensor '" + entry.name + "' ends at byte " +
                                              std::to_string(entry.offset + entry.bytes) +
                                              " of the data, the file holds " +
                                              std::to_string(dataBytes));
    if (entry.offset != end)
      return Status(StatusCode::DataLoss,
                    "tensor '" + entry.name +
                        (entry.offset < end ? "' overlaps another" : "' leaves a hole before it"));
    end = entry.offset + entry.bytes;
    entry.offset += dataStart;
  }
  if (end != dataBytes)
    return Status(StatusCode::DataLoss,
                  std::to_string(dataBytes - end) + " bytes at the end belong to no tensor");
  return Status::ok();
}

Status readExactly(int descriptor, const std::string &path, void *out, uint64_t bytes,
                   uint64_t offset) {
  char *next = static_cast<char *>(out);
  while (bytes != 0) {
    ssize_t got =
        pread(descriptor, next, std::min<uint64_t>(bytes, 1u << 30), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errnoStatus("read", path, errno);
    if (got == 0)
      return Status(StatusCode::DataLoss, "'" + path + "' ended while it was read");
    next += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
  return Status::ok();
}

uint64_t loadLittleEndian(const unsigned char *bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i)
    value = value << 8 | bytes[i];
  return value;
}

Result<std::string> readHeader(int descriptor, const std::string &path, uint64_t fileBytes) {
  unsigned char length[8];
  if (fileBytes < sizeof(length))
    return Status(StatusCode::DataLoss, "a file of " + std::to_string(fileBytes) +
                                            " bytes is too short to be safetensors");
  INGOT_RETURN_IF_ERROR(readExactly(descriptor, path, length, sizeof(length), 0));
  uint64_t headerBytes = loadLittleEndian(length);
  if (headerBytes > maxHeaderBytes || headerBytes > fileBytes - sizeof(length))
    return Status(StatusCode::DataLoss, "a header of " + std::to_string(headerBytes) +
                                            " bytes in a file of " + std::to_string(fileBytes) +
                                            ": truncated, or not a safetensors file");
  std::string header(headerBytes, '\0');
  INGOT_RETURN_IF_ERROR(readExactly(descriptor, path, header.data(), headerBytes, sizeof(length)));
  if (header.empty() || header[0] != '{')
    return Status(StatusCode::DataLoss, "the header does not begin with '{'");
  return header;
}

void appendQuoted(std::string &out, const std::string &text) {
  out += '"';
  for (char c : text) {
    static const char digits[] = "0123456789abcdef";
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (byte < 0x20)
      ((out += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
    else
      out += c;
  }
  out += '"';
}

const char *nameOf(DType dtype) {
  for (const NamedDType &named : dtypeNames)
    if (named.dtype == dtype)
      return named.name;
  return nullptr;
}
} // namespace

SafetensorsFile::SafetensorsFile(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

SafetensorsFile::SafetensorsFile(SafetensorsFile &&other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)),
      entries_(std::move(other.entries_)), metadata_(std::move(other.metadata_)),
      byName_(std::move(other.byName_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (descriptor_ >= 0)
    close(descriptor_);
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  SafetensorsFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
  struct stat info;
  if (file.descriptor_ < 0 || fstat(file.descriptor_, &info) != 0)
    return errnoStatus("open", path, errno);
  if (!S_ISREG(info.st_mode))
    return Status(StatusCode::InvalidArgument, "'" + path + "' is not a file");
  auto fileBytes = static_cast<uint64_t>(info.st_size);
  auto header = readHeader(file.descriptor_, path, fileBytes);
  if (!header.isOk())
    return header.status().withContext("'" + path + "'");

  HeaderReader reader;
  if (!nlohmann::json::sax_parse(*header, &reader))
    return reader.status.withContext("'" + path + "'");
  file.entries_ = std::move(reader.entries);
  file.metadata_ = std::move(reader.metadata);
  uint64_t dataStart = sizeof(uint64_t) + header->size();
  INGOT_RETURN_IF_ERROR(
      checkEntries(file.entries_, dataStart, fileBytes - dataStart).withContext("'" + path + "'"));
  for (size_t i = 0; i < file.entries_.size(); ++i)
    file.byName_.emplace(file.entries_[i].name, i);
  return file;
}

const SafetensorsEntry *SafetensorsFile::find(std::string_view name) const {
  auto found = byName_.find(name);
  return found == byName_.end() ? nullptr : &entries_[found->second];
}

Status SafetensorsFile::read(const SafetensorsEntry &entry, void *out) const {
  return readExactly(descriptor_, path_, out, entry.bytes, entry.offset);
}

Status writeSafetensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const SafetensorsMetadata &metadata) {
  // Wide elements first, so that every tensor is aligned to its element.
  std::vector<const NamedTensor *> order;
  for (const NamedTensor &tensor : tensors)
    order.push_back(&tensor);
  auto rank = [](const NamedTensor *tensor) { return -int(byteSize(tensor->tensor.dtype)); };
  std::sort(order.begin(), order.end(), [&](const auto *a, const auto *b) {
    return std::make_pair(rank(a), a) < std::make_pair(rank(b), b);
  });

  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto &[key, value] : metadata) {
      header += header.back() == '{' ? "" : ",";
      appendQuoted(header, key);
      header += ":";
      appendQuoted(header, value);
    }
    header += "}";
  }
  uint64_t offset = 0;
  std::vector<uint64_t> sizes;
  for (const NamedTensor *tensor : order) {
    const TensorView &view = tensor->tensor;
    INGOT_ASSIGN_OR_RETURN(int64_t count, countElements(view.dtype, view.dims, view.rank));
    sizes.push_back(byteSize(view.dtype, count));
    header += header.size() == 1 ? "" : ",";
    appendQuoted(header, tensor->name);
    header += std::string(":{\"dtype\":\"") + nameOf(view.dtype) +
              "\",\"shape\":" + toString(view.dims, view.rank) + ",\"data_offsets\":[" +
              std::to_string(offset) + "," + std::to_string(offset + sizes.back()) + "]}";
    offset += sizes.back();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > maxHeaderBytes)
    return Status(StatusCode::InvalidArgument,
                  "'" + path + "': too many tensors for one safetensors file");

  INGOT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  unsigned char length[8];
  for (int i = 0; i < 8; ++i)
    length[i] = static_cast<unsigned char>(header.size() >> (8 * i));
  INGOT_RETURN_IF_ERROR(file.write(length, sizeof(length)));
  INGOT_RETURN_IF_ERROR(file.write(header.data(), header.size()));
  for (size_t i = 0; i < order.size(); ++i)
    INGOT_RETURN_IF_ERROR(file.write(order[i]->tensor.data, sizes[i]));
  return file.commit();
}

} // namespace ingot
