// See Utils.h.
#include "frontends/keras/Utils.h"
#include "frontends/keras/Throwing.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Picture.h"
#include "ingot/data/Plot.h"

#include <algorithm>
#include <cstring>
#include <iostream>
#include <map>

namespace ingot::keras {

using detail::check;
using detail::valueOf;

data::ImageDirectory utils::imageDatasetFromDirectory(const std::string &directory,
                                                      const data::ImageDirectoryOptions &options) {
  data::ImageDirectory set = valueOf(data::imageDatasetFromDirectory(directory, options));
  std::cout << "Found " << set.fileCount() << " files";
  if (!set.classNames().empty())
    std::cout << " belonging to " << set.classNames().size() << " classes";
  std::cout << ".\n";
  if (!options.subset.empty())
    std::cout << "Using " << set.sampleCount() << " files for " << options.subset << ".\n";
  return set;
}

ingot::Tensor utils::toFloat32(const TensorView &x, Shape shape, double scale) {
  int64_t known = 1, *open = nullptr;
  bool fits = true;
  for (int64_t &extent : shape) {
    if (extent == None && !open)
      open = &extent;
    else
      fits &= !__builtin_mul_overflow(known, extent, &known);
  }
  const int64_t count = elementCount(x);
  if (!fits || (open && (known <= 0 || count % known != 0)))
    throw Error("toFloat32: " + describe(x) + " cannot be brought to " + toString(shape));
  if (open)
    *open = count / known;
  return valueOf(data::toFloat(x, scale, shape));
}

ingot::Tensor utils::rows(const TensorView &x, int64_t begin, int64_t end) {
  if (x.rank < 1 || begin < 0 || begin > end || end > x.dims[0] || elementsPerByte(x.dtype) > 1)
    throw Error("rows: " + describe(x) + " has no rows from " + std::to_string(begin) + " to " +
                std::to_string(end));
  Shape shape(x.dims, x.dims + x.rank);
  shape[0] = end - begin;
  auto result = valueOf(ingot::Tensor::zeros(x.dtype, shape));
  if (result.byteSize())
    std::memcpy(result.rawData(),
                static_cast<const char *>(x.data) + result.byteSize() / (end - begin) * begin,
                result.byteSize());
  return result;
}

std::vector<int64_t> utils::argmax(const ingot::Tensor &x) {
  const auto *values = x.data<float>();
  if (!values || x.rank() < 1 || x.shape().back() == 0)
    throw Error("argmax: expected f32 with a last dimension, got " + describe(x));
  const int64_t width = x.shape().back();
  std::vector<int64_t> result;
  for (int64_t at = 0; at < x.elementCount(); at += width)
    result.push_back(std::max_element(values + at, values + at + width) - (values + at));
  return result;
}

ingot::Tensor utils::loadImg(const std::string &path, const data::LoadPictureOptions &options) {
  return valueOf(data::toFloat(valueOf(data::loadPicture(path, options))));
}

void utils::saveImg(const std::string &path, const TensorView &image, bool scale) {
  check(data::writePicture(path, valueOf(data::arrayToPicture(image, scale))));
}

ingot::Tensor utils::toCategorical(const TensorView &labels, int64_t numClasses) {
  return valueOf(data::toCategorical(labels, numClasses));
}

ingot::Tensor utils::normalize(const TensorView &x, int64_t axis, int order) {
  return valueOf(data::normalize(x, axis, order));
}

ingot::Tensor utils::padSequences(const std::vector<std::vector<int32_t>> &sequences,
                                  const data::PadOptions &options) {
  return valueOf(data::padSequences(sequences, options));
}

data::Split utils::splitDataset(const std::vector<TensorView> &arrays,
                                const data::SplitOptions &options) {
  return valueOf(data::splitDataset(arrays, options));
}

std::string utils::getFile(data::GetFileOptions options) {
  if (!options.report)
    options.report = [](const std::string &message) { std::cerr << message << "\n"; };
  return valueOf(data::getFile(options));
}

void utils::plotHistory(const train::History &history, const std::string &toFile) {
  std::map<std::string, std::vector<double>> metrics;
  for (const auto &[name, values] : history.history)
    metrics[name] = values;
  const int64_t first = history.epoch.empty() ? 1 : history.epoch.front() + 1;
  constexpr size_t most = 32; // panels of a picture
  check(data::plotHistory(toFile, metrics, first, most));
}

} // namespace ingot::keras
