// See Preprocessing.h.
#include "frontends/keras/Preprocessing.h"
#include "frontends/keras/Throwing.h"

#include <iostream>

namespace ingot::keras {

using detail::check;
using detail::valueOf;

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

data::ImageFlow ImageDataGenerator::flow(const TensorView &x,
                                         const data::FlowOptions &options) const {
  return valueOf(generator.flow(x, {}, options));
}

data::TransformParameters ImageDataGenerator::getRandomTransform(const Shape &imageShape,
                                                                 uint64_t seed) const {
  if (imageShape.size() != 3)
    throw Error(
        "getRandomTransform takes the shape of one picture, (height, width, channels), not " +
        toString(imageShape));
  return generator.getRandomTransform(imageShape[0], imageShape[1], seed);
}

data::DirectoryFlow
ImageDataGenerator::flowFromDirectory(const std::string &directory,
                                      const data::FlowFromDirectoryOptions &options) const {
  data::DirectoryFlow flow = valueOf(generator.flowFromDirectory(directory, options));
  std::cout << "Found " << flow.sampleCount() << " images belonging to " << flow.classNames().size()
            << " classes.\n";
  return flow;
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
