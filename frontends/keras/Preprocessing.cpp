// See Preprocessing.h.
#include "frontends/keras/Preprocessing.h"

namespace ingot::keras {

namespace {

void check(const Status &status) {
  if (!status.isOk())
    throw Error(status);
}

template <typename T> T valueOf(Result<T> result) {
  check(result.status());
  return std::move(*result);
}

} // namespace

namespace preprocessing::image {

ImageDataGenerator::ImageDataGenerator(data::ImageDataGeneratorOptions options)
    : generator(valueOf(data::ImageDataGenerator::create(std::move(options)))) {}

void ImageDataGenerator::fit(const TensorView &images, const data::FitGeneratorOptions &options) {
  check(generator.fit(images, options));
}

data::ImageFlow ImageDataGenerator::flow(const TensorView &x, const TensorView &y,
                                         const data::FlowOptions &options) const {
  return valueOf(generator.flow(x, y, options));
}

data::DirectoryFlow
ImageDataGenerator::flowFromDirectory(const std::string &directory,
                                      const data::FlowFromDirectoryOptions &options) const {
  return valueOf(generator.flowFromDirectory(directory, options));
}

ingot::Tensor ImageDataGenerator::applyTransform(const TensorView &image,
                                                 const data::TransformParameters &how) const {
  return valueOf(generator.applyTransform(image, how));
}

ingot::Tensor ImageDataGenerator::randomTransform(const TensorView &image, uint64_t seed) const {
  return valueOf(generator.randomTransform(image, seed));
}

void ImageDataGenerator::standardize(ingot::Tensor &image) const {
  check(generator.standardize(image));
}

} // namespace preprocessing::image

} // namespace ingot::keras
