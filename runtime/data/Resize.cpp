// Resizing in two passes of weighted sums. What differs between the libraries is where the taps of
// an output coordinate lie, what they weigh, and the arithmetic: Pillow sums bytes in fixed point
// and rounds to bytes between the passes; TensorFlow sums floats.
#include "ingot/data/Resize.h"
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace ingot::data {

namespace {

double sinc(double x) { return x == 0 ? 1 : std::sin(x * M_PI) / (x * M_PI); }

double triangle(double x) { return std::abs(x) < 1 ? 1 - std::abs(x) : 0; }

/// Keys's cubic with a = -1/2.
double cubic(double x) {
  x = std::abs(x);
  if (x < 1)
    return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

double hamming(double x) {
  return std::abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * std::cos(x * M_PI));
}

template <int Lobes> double lanczos(double x) {
  return std::abs(x) < Lobes ? sinc(x) * sinc(x / Lobes) : 0;
}

double gaussian(double x) {
  constexpr double radius = 1.5, sigma = radius / 3;
  x = std::abs(x);
  return x >= radius ? 0 : std::exp(-x * x / (2 * sigma * sigma));
}

double mitchell(double x) {
  x = std::abs(x);
  if (x >= 2)
    return 0;
  if (x >= 1)
    return ((-7.0 / 18 * x + 2) * x - 10.0 / 3) * x + 16.0 / 9;
  return (7.0 / 6 * x - 2) * x * x + 8.0 / 9;
}

struct Filter {
  const char *name;
  double radius; // 0: the nearest pixel
  double (*weight)(double);
};
constexpr Filter pillowFilters[] = {{"nearest", 0, nullptr}, {"bilinear", 1, triangle},
                                    {"bicubic", 2, cubic},   {"hamming", 1, hamming},
                                    {"box", 0.5, box},       {"lanczos", 3, lanczos<3>}};
constexpr Filter tensorFlowFilters[] = {
    {"nearest", 0, nullptr},     {"bilinear", 1, triangle},     {"bicubic", 2, cubic},
    {"area", 0, nullptr},        {"lanczos3", 3, lanczos<3>},   {"lanczos5", 5, lanczos<5>},
    {"gaussian", 1.5, gaussian}, {"mitchellcubic", 2, mitchell}};

template <size_t N>
Result<const Filter *> findFilter(const Filter (&filters)[N], const std::string &name) {
  std::string names;
  for (const Filter &filter : filters) {
    if (filter.name == name)
      return &filter;
    names += std::string(names.empty() ? "\"" : ", \"") + filter.name + "\"";
  }
  return Status(StatusCode::InvalidArgument, "interpolation '" + name + "' is none of " + names);
}

/// What one output coordinate is made of: input coordinates from `first` on, with weights that add
/// up to 1 (or none, where it lies outside).
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;
};
using AllTaps = std::vector<Taps>;

void normalize(std::vector<double> &weights) {
  double sum = 0;
  for (double weight : weights)
    sum += weight;
  if (std::abs(sum) > 1e-30)
    for (double &weight : weights)
      weight /= sum;
}

AllTaps pillowTaps(const Filter &filter, int64_t begin, int64_t length, int64_t inExtent,
                   int64_t outExtent) {
  AllTaps all(static_cast<size_t>(outExtent));
  const double scale = double(length) / double(outExtent);
  const double stretch = std::max(scale, 1.0), reach = filter.radius * stretch;
  for (int64_t i = 0; i < outExtent; ++i) {
    Taps &taps = all[size_t(i)];
    const double center = double(begin) + (double(i) + 0.5) * scale;
    taps.first = std::max<int64_t>(int64_t(center - reach + 0.5), 0);
    const int64_t end = std::min(int64_t(center + reach + 0.5), inExtent);
    for (int64_t k = taps.first; k < end; ++k)
      taps.weights.push_back(filter.weight((double(k) - center + 0.5) * (1 / stretch)));
    normalize(taps.weights);
  }
  return all;
}

/// Overlap of input pixels with the area of an output pixel.
AllTaps areaTaps(int64_t inExtent, int64_t outExtent) {
  AllTaps all(static_cast<size_t>(outExtent));
  const float scale = float(inExtent) / float(outExtent);
  for (int64_t i = 0; i < outExtent; ++i) {
    const double begin = float(i) * scale, end = float(i + 1) * scale;
    Taps &taps = all[size_t(i)];
    taps.first = std::min(int64_t(begin), inExtent - 1);
    for (int64_t k = taps.first; k < std::min(int64_t(std::ceil(end)), inExtent); ++k)
      taps.weights.push_back(std::min(double(k + 1), end) - std::max(double(k), begin));
    normalize(taps.weights);
  }
  return all;
}

/// Bilinear and bicubic: TensorFlow's own kernels, in floats; the cubic's weights are from a table
/// of 1024 steps, those outside the picture are left out.
AllTaps kernelTaps(bool isCubic, int64_t inExtent, int64_t outExtent) {
  AllTaps all(static_cast<size_t>(outExtent));
  const float scale = float(inExtent) / float(outExtent);
  for (int64_t i = 0; i < outExtent; ++i) {
    const float place = (float(i) + 0.5f) * scale - 0.5f;
    const float below = std::floor(place);
    Taps &taps = all[size_t(i)];
    if (!isCubic) {
      const int64_t low = std::max<int64_t>(int64_t(below), 0);
      const int64_t high = std::min(int64_t(std::ceil(place)), inExtent - 1);
      taps.first = std::min(low, high);
      taps.weights = low == high ? std::vector<double>{1}
                                 : std::vector<double>{1 - double(place - below), place - below};
      continue;
    }
    const double offset = double(std::lrintf((place - below) * 1024)) / 1024;
    const int64_t first = int64_t(below) - 1;
    taps.first = std::max<int64_t>(first, 0);
    for (int64_t k = taps.first; k < std::min(first + 4, inExtent); ++k)
      taps.weights.push_back(cubic(double(k - first - 1) - offset));
    normalize(taps.weights);
  }
  return all;
}

/// TensorFlow's scale_and_translate without antialiasing.
AllTaps spanTaps(const Filter &filter, int64_t inExtent, int64_t outExtent) {
  AllTaps all(static_cast<size_t>(outExtent));
  const float scale = float(outExtent) / float(inExtent), inverse = 1 / scale;
  for (int64_t i = 0; i < outExtent; ++i) {
    const float place = (float(i) + 0.5f) * inverse;
    const auto radius = float(filter.radius);
    const auto last = float(inExtent - 1);
    Taps &taps = all[size_t(i)];
    taps.first = int64_t(std::clamp(std::ceil(place - radius - 0.5f), 0.0f, last));
    const auto end = int64_t(std::clamp(std::floor(place + radius - 0.5f), 0.0f, last));
    for (int64_t k = taps.first; k <= end; ++k)
      taps.weights.push_back(filter.weight(double(float(k) + 0.5f - place)));
    normalize(taps.weights);
  }
  return all;
}

/// A picture's extents, and where its elements are.
struct Source {
  int64_t height, width, channels;
  PictureBox box;
};

Result<Source> checkResize(const TensorView &picture, int64_t height, int64_t width,
                           PictureBox box) {
  if (picture.dtype != DType::U8 || picture.rank != 3 || elementCount(picture) == 0 ||
      picture.dims[2] > 4)
    return Status(StatusCode::InvalidArgument,
                  describe(picture) + " is no picture: expected u8[height, width, 1 to 4]");
  if (!isPictureSize(height, width))
    return Status(StatusCode::InvalidArgument, "a picture cannot be resized to " +
                                                   std::to_string(height) + " x " +
                                                   std::to_string(width));
  Source source{picture.dims[0], picture.dims[1], picture.dims[2], box};
  if (box.height == 0 && box.width == 0)
    source.box = {0, 0, source.height, source.width};
  const PictureBox &part = source.box;
  if (part.top < 0 || part.left < 0 || part.height <= 0 || part.width <= 0 ||
      part.top + part.height > source.height || part.left + part.width > source.width)
    return Status(StatusCode::InvalidArgument, "the box lies outside of " + describe(picture));
  return source;
}

/// Pillow's nearest: coordinates are added up, in this order, so that they round alike.
std::vector<int64_t> pillowNearest(int64_t begin, int64_t length, int64_t inExtent,
                                   int64_t outExtent) {
  std::vector<int64_t> result;
  const double step = double(length) / double(outExtent);
  double place = double(begin) + step * 0.5;
  for (int64_t i = 0; i < outExtent; ++i, place += step)
    result.push_back(std::clamp<int64_t>(int64_t(place), 0, inExtent - 1));
  return result;
}

Result<Tensor> takePixels(const TensorView &picture, const std::vector<int64_t> &rows,
                          const std::vector<int64_t> &columns) {
  const int64_t width = picture.dims[1], channels = picture.dims[2];
  Tensor result;
  INGOT_RETURN_IF_ERROR(
      result.resize(DType::U8, {int64_t(rows.size()), int64_t(columns.size()), channels}));
  const auto *from = static_cast<const uint8_t *>(picture.data);
  uint8_t *to = result.data<uint8_t>();
  for (int64_t row : rows)
    for (int64_t column : columns) {
      std::memcpy(to, from + (row * width + column) * channels, size_t(channels));
      to += channels;
    }
  return result;
}

/// Sums along columns (`step` = channels) or rows (`step` = a row), for bytes in fixed point.
struct FixedTaps {
  int64_t first;
  std::vector<int32_t> weights;
};
constexpr int fixedBits = 22;

std::vector<FixedTaps> toFixed(const AllTaps &all) {
  std::vector<FixedTaps> result;
  for (const Taps &taps : all) {
    result.push_back({taps.first, {}});
    for (double weight : taps.weights)
      result.back().weights.push_back(
          int32_t((weight < 0 ? -0.5 : 0.5) + weight * (1 << fixedBits)));
  }
  return result;
}

uint8_t sumFixed(const FixedTaps &taps, const uint8_t *from, int64_t step) {
  int32_t sum = 1 << (fixedBits - 1);
  for (size_t k = 0; k < taps.weights.size(); ++k)
    sum += from[(taps.first + int64_t(k)) * step] * taps.weights[k];
  return uint8_t(std::clamp(sum >> fixedBits, 0, 255));
}

Result<Tensor> sumColumns(const TensorView &picture, const std::vector<FixedTaps> &taps) {
  const int64_t height = picture.dims[0], width = picture.dims[1], channels = picture.dims[2];
  Tensor result;
  INGOT_RETURN_IF_ERROR(result.resize(DType::U8, {height, int64_t(taps.size()), channels}));
  uint8_t *to = result.data<uint8_t>();
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t *row = static_cast<const uint8_t *>(picture.data) + y * width * channels;
    for (const FixedTaps &each : taps)
      for (int64_t c = 0; c < channels; ++c)
        *to++ = sumFixed(each, row + c, channels);
  }
  return result;
}

Result<Tensor> sumRows(const TensorView &picture, const std::vector<FixedTaps> &taps) {
  const int64_t line = picture.dims[1] * picture.dims[2];
  Tensor result;
  INGOT_RETURN_IF_ERROR(
      result.resize(DType::U8, {int64_t(taps.size()), picture.dims[1], picture.dims[2]}));
  uint8_t *to = result.data<uint8_t>();
  for (const FixedTaps &each : taps)
    for (int64_t x = 0; x < line; ++x)
      *to++ = sumFixed(each, static_cast<const uint8_t *>(picture.data) + x, line);
  return result;
}

uint8_t multiplyBytes(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return uint8_t(((product >> 8) + product) >> 8);
}

/// Colours are weighed by their alpha, so that what is transparent does not bleed.
void premultiply(Tensor &picture) {
  uint8_t *pixel = picture.data<uint8_t>();
  for (int64_t i = picture.elementCount() / 4; i > 0; --i, pixel += 4)
    for (int c = 0; c < 3; ++c)
      pixel[c] = multiplyBytes(pixel[c], pixel[3]);
}

void unpremultiply(Tensor &picture) {
  uint8_t *pixel = picture.data<uint8_t>();
  for (int64_t i = picture.elementCount() / 4; i > 0; --i, pixel += 4)
    for (int c = 0; c < 3 && pixel[3] != 0 && pixel[3] != 255; ++c)
      pixel[c] = uint8_t(std::min(255 * pixel[c] / pixel[3], 255));
}

Result<Tensor> copyPicture(const TensorView &picture) {
  Tensor copy;
  INGOT_RETURN_IF_ERROR(copy.resize(DType::U8, picture.dims, picture.rank));
  std::memcpy(copy.rawData(), picture.data, copy.byteSize());
  return copy;
}

/// Since version 13 Pillow takes the rows first where they become fewer by more than twice what the
/// columns do. The threshold was found by trying: 2923 of 2923 random sizes.
bool isRowsFirst(const Source &source, int64_t height, int64_t width) {
  return height < source.height && 2 * (source.width - width) < source.height - height;
}

Result<Tensor> resizeFixed(const TensorView &picture, const Source &source, const Filter &filter,
                           int64_t height, int64_t width) {
  INGOT_ASSIGN_OR_RETURN(Tensor result, copyPicture(picture));
  if (source.channels == 4)
    premultiply(result);
  const PictureBox &part = source.box;
  const bool rowsFirst = isRowsFirst(source, height, width);
  for (const bool isRows : {rowsFirst, !rowsFirst}) {
    const int64_t begin = isRows ? part.top : part.left;
    const int64_t length = isRows ? part.height : part.width;
    const int64_t extent = isRows ? source.height : source.width;
    const int64_t wanted = isRows ? height : width;
    if (begin == 0 && length == extent && wanted == extent)
      continue;
    const std::vector<FixedTaps> taps = toFixed(pillowTaps(filter, begin, length, extent, wanted));
    INGOT_ASSIGN_OR_RETURN(result, isRows ? sumRows(result, taps) : sumColumns(result, taps));
  }
  if (source.channels == 4)
    unpremultiply(result);
  return result;
}

AllTaps tensorFlowTaps(const Filter &filter, int64_t inExtent, int64_t outExtent) {
  const std::string name = filter.name;
  if (name == "area")
    return areaTaps(inExtent, outExtent);
  if (name == "bilinear" || name == "bicubic")
    return kernelTaps(name == "bicubic", inExtent, outExtent);
  if (name != "nearest")
    return spanTaps(filter, inExtent, outExtent);
  AllTaps all(static_cast<size_t>(outExtent));
  const float scale = float(inExtent) / float(outExtent);
  for (int64_t i = 0; i < outExtent; ++i)
    all[size_t(i)] = {std::min(int64_t(std::floor((float(i) + 0.5f) * scale)), inExtent - 1), {1}};
  return all;
}

/// Rows first, then columns, of the part of the picture.
Result<Tensor> sumFloats(const TensorView &picture, const Source &source, const AllTaps &rows,
                         const AllTaps &columns) {
  const int64_t channels = source.channels, line = source.box.width * channels;
  Tensor result;
  INGOT_RETURN_IF_ERROR(
      result.resize(DType::F32, {int64_t(rows.size()), int64_t(columns.size()), channels}));
  float *to = result.data<float>();
  std::vector<float> sums(static_cast<size_t>(line));
  const auto *from = static_cast<const uint8_t *>(picture.data) +
                     (source.box.top * source.width + source.box.left) * channels;
  for (const Taps &row : rows) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (size_t k = 0; k < row.weights.size(); ++k) {
      const uint8_t *pixels = from + (row.first + int64_t(k)) * source.width * channels;
      const auto weight = float(row.weights[k]);
      for (size_t x = 0; x < sums.size(); ++x)
        sums[x] += weight * float(pixels[x]);
    }
    for (const Taps &column : columns)
      for (int64_t c = 0; c < channels; ++c) {
        float sum = 0;
        for (size_t k = 0; k < column.weights.size(); ++k)
          sum +=
              float(column.weights[k]) * sums[size_t((column.first + int64_t(k)) * channels + c)];
        *to++ = sum;
      }
  }
  return result;
}

} // namespace

Result<Tensor> resizePillow(const TensorView &picture, int64_t height, int64_t width,
                            const std::string &interpolation, PictureBox box) {
  INGOT_ASSIGN_OR_RETURN(const Filter *filter, findFilter(pillowFilters, interpolation));
  INGOT_ASSIGN_OR_RETURN(const Source source, checkResize(picture, height, width, box));
  const PictureBox &part = source.box;
  if (height == source.height && width == source.width && part.height == height &&
      part.width == width)
    return copyPicture(picture);
  if (filter->radius == 0)
    return takePixels(picture, pillowNearest(part.top, part.height, source.height, height),
                      pillowNearest(part.left, part.width, source.width, width));
  return resizeFixed(picture, source, *filter, height, width);
}

Result<Tensor> resizeTensorFlow(const TensorView &picture, int64_t height, int64_t width,
                                const std::string &interpolation, PictureBox box) {
  INGOT_ASSIGN_OR_RETURN(const Filter *filter, findFilter(tensorFlowFilters, interpolation));
  INGOT_ASSIGN_OR_RETURN(const Source source, checkResize(picture, height, width, box));
  return sumFloats(picture, source, tensorFlowTaps(*filter, source.box.height, height),
                   tensorFlowTaps(*filter, source.box.width, width));
}

PictureBox cropToAspectRatio(int64_t pictureHeight, int64_t pictureWidth, int64_t height,
                             int64_t width, bool isPillow) {
  const auto divided = [&](int64_t product, int64_t by) {
    // TensorFlow casts the product to f32 first.
    return isPillow ? product / by : int64_t(float(product) / float(by));
  };
  PictureBox box;
  box.height = std::min(pictureHeight, divided(pictureWidth * height, width));
  box.width = std::min(pictureWidth, divided(pictureHeight * width, height));
  box.height = std::max<int64_t>(box.height, 1), box.width = std::max<int64_t>(box.width, 1);
  box.top = (pictureHeight - box.height) / 2, box.left = (pictureWidth - box.width) / 2;
  return box;
}

} // namespace ingot::data
