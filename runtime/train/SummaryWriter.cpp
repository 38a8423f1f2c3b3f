// See SummaryWriter.h. Field numbers: event.proto, summary.proto and tensor.proto of TensorFlow.
#include "ingot/train/SummaryWriter.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/ProtoWriter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <vector>

namespace ingot::train {

using namespace proto;

namespace {

namespace field {
enum Event { wallTime = 1, step = 2, fileVersion = 3, graphDef = 4, summary = 5 };
enum Summary { value = 1 };
enum Value { tag = 1, simpleValue = 2, image = 4, histogram = 5, tensor = 8, metadata = 9 };
enum Image { height = 1, width = 2, colourspace = 3, encoded = 4 };
enum Histogram { least = 1, most = 2, number = 3, sum = 4, squares = 5, limit = 6, bucket = 7 };
enum Tensor { dtype = 1, shape = 2, strings = 8 };
enum Metadata { plugin = 1, dataClass = 4 };
enum Plugin { pluginName = 1, content = 2 };
} // namespace field

constexpr int64_t stringType = 7;      // DT_STRING
constexpr int64_t tensorDataClass = 2; // DATA_CLASS_TENSOR

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string valueWithTag(std::string_view tag) {
  std::string value;
  putBytes(value, field::tag, tag);
  return value;
}

/// The finite ones.
std::vector<double> finiteValues(const TensorView &tensor) {
  std::vector<double> values;
  for (int64_t i = 0, count = elementCount(tensor); i < count; ++i) {
    const double value = tensor.dtype == DType::F64
                             ? static_cast<const double *>(tensor.data)[i]
                             : double(static_cast<const float *>(tensor.data)[i]);
    if (std::isfinite(value))
      values.push_back(value);
  }
  return values;
}

std::string histogramOf(const std::vector<double> &values) {
  constexpr size_t buckets = 30;
  std::string histogram;
  if (values.empty())
    return histogram;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  double sum = 0, squares = 0;
  const double range = *most - *least, // beyond the largest number, perhaps
      width = std::isfinite(range) ? range / double(buckets)
                                   : *most / double(buckets) - *least / double(buckets);
  std::vector<double> limits(width > 0 ? buckets : 1), counts(limits.size());
  for (const double value : values) {
    sum += value;
    squares += value * value;
    const double at = width > 0 ? (value - *least) / width : 0;
    ++counts[size_t(std::clamp(at, 0.0, double(counts.size() - 1)))];
  }
  for (size_t i = 0; i < limits.size(); ++i)
    limits[i] = i + 1 == limits.size() ? *most : *least + width * double(i + 1);
  putDouble(histogram, field::least, *least);
  putDouble(histogram, field::most, *most);
  putDouble(histogram, field::number, double(values.size()));
  putDouble(histogram, field::sum, sum);
  putDouble(histogram, field::squares, squares);
  putDoubles(histogram, field::limit, limits);
  putDoubles(histogram, field::bucket, counts);
  return histogram;
}

uint32_t bigEndian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value = value << 8 | uint8_t(bytes[at + i]);
  return value;
}

} // namespace

uint32_t maskedCrc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> made = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0);
      made[i] = value;
    }
    return made;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ uint8_t(byte)) & 0xFF];
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

//===----------------------------------------------------------------------===//
// The file

Result<SummaryWriter> SummaryWriter::create(const std::string &directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return errnoStatus("make", directory, error.value());
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  static std::atomic<int> counter{0};
  const std::string path = directory + "/events.out.tfevents." +
                           std::to_string(int64_t(wallSeconds())) + "." + host + "." +
                           std::to_string(getpid()) + "." + std::to_string(counter++) + ".v2";
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return errnoStatus("create", path, errno);
  SummaryWriter writer(descriptor, path);
  std::string fields;
  putBytes(fields, field::fileVersion, "brain.Event:2");
  INGOT_RETURN_IF_ERROR(writer.addEvent(fields));
  INGOT_RETURN_IF_ERROR(writer.flush());
  return writer;
}

SummaryWriter::SummaryWriter(SummaryWriter &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)), path_(std::move(other.path_)),
      pending(std::move(other.pending)) {}

SummaryWriter::~SummaryWriter() {
  if (descriptor < 0)
    return;
  (void)flush();
  close(descriptor);
}

Status SummaryWriter::flush() {
  const char *next = pending.data();
  for (size_t left = pending.size(); left > 0;) {
    const ssize_t written = write(descriptor, next, left);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errnoStatus("write", path_, errno);
    next += written;
    left -= size_t(written);
  }
  pending.clear();
  return Status();
}

Status SummaryWriter::addEvent(const std::string &fields) {
  std::string event;
  putDouble(event, field::wallTime, wallSeconds());
  event += fields;
  std::string length;
  putFixed(length, uint64_t(event.size()));
  pending += length;
  putFixed(pending, maskedCrc32c(length));
  pending += event;
  putFixed(pending, maskedCrc32c(event));
  return pending.size() > (1u << 20) ? flush() : Status();
}

Status SummaryWriter::addValue(const std::string &value, int64_t step) {
  std::string summary, fields;
  putBytes(summary, field::value, value);
  putNumber(fields, field::step, step);
  putBytes(fields, field::summary, summary);
  return addEvent(fields);
}

//===----------------------------------------------------------------------===//
// What can be added

Status SummaryWriter::addScalar(std::string_view tag, double number, int64_t step) {
  std::string value = valueWithTag(tag);
  putFloat(value, field::simpleValue, float(number));
  return addValue(value, step);
}

Status SummaryWriter::addHistogram(std::string_view tag, const TensorView &values, int64_t step) {
  if (values.dtype != DType::F32 && values.dtype != DType::F64)
    return Status(StatusCode::Unsupported, "histogram '" + std::string(tag) + "' of " +
                                               describe(values) + ": only f32 and f64 have one");
  std::string value = valueWithTag(tag);
  putBytes(value, field::histogram, histogramOf(finiteValues(values)));
  return addValue(value, step);
}

Status SummaryWriter::addImage(std::string_view tag, std::string_view png, int64_t step) {
  constexpr std::string_view signature = "\x89PNG\r\n\x1a\n";
  if (png.size() < 33 || png.substr(0, signature.size()) != signature)
    return Status(StatusCode::InvalidArgument, "image '" + std::string(tag) + "' is no PNG file");
  static constexpr int channels[] = {1, 0, 3, 3, 2, 0, 4}; // by PNG's colour type
  const auto type = uint8_t(png[25]);
  std::string image, value = valueWithTag(tag);
  putNumber(image, field::width, int64_t(bigEndian(png, 16)));
  putNumber(image, field::height, int64_t(bigEndian(png, 20)));
  putNumber(image, field::colourspace, type < 7 ? channels[type] : 0);
  putBytes(image, field::encoded, png);
  putBytes(value, field::image, image);
  return addValue(value, step);
}

Status SummaryWriter::addTextTensor(std::string_view tag, std::string_view text,
                                    std::string_view plugin, std::string_view content,
                                    int64_t step) {
  std::string pluginData, metadata, tensor, value = valueWithTag(tag);
  putBytes(pluginData, field::pluginName, plugin);
  if (!content.empty())
    putBytes(pluginData, field::content, content);
  putBytes(metadata, field::plugin, pluginData);
  putNumber(metadata, field::dataClass, tensorDataClass);
  putNumber(tensor, field::dtype, stringType);
  putBytes(tensor, field::shape, ""); // a scalar
  putBytes(tensor, field::strings, text);
  putBytes(value, field::tensor, tensor);
  putBytes(value, field::metadata, metadata);
  return addValue(value, step);
}

Status SummaryWriter::addText(std::string_view tag, std::string_view text, int64_t step) {
  return addTextTensor(tag, text, "text", "", step);
}

Status SummaryWriter::addKerasModel(std::string_view tag, std::string_view json, int64_t step) {
  return addTextTensor(tag, json, "graph_keras_model", "1", step);
}

Status SummaryWriter::addGraph(std::string_view graphDef) {
  std::string fields;
  putBytes(fields, field::graphDef, graphDef);
  return addEvent(fields);
}

} // namespace ingot::train
