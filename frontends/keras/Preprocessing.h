// Keras's ImageDataGenerator: keras.preprocessing.image over runtime/data. Part of Keras.h. Throws
// Error where that returns a Status.
#pragma once
#include "frontends/keras/Layer.h"
#include "ingot/data/ImageDataGenerator.h"

namespace ingot::keras {

namespace preprocessing::image {

/// Random rotations, shifts, shears, zooms, flips and brightness of pictures f32 (samples, height,
/// width, channels); see ingot/data/ImageDataGenerator.h. What flow gives is a DataSource for fit.
class ImageDataGenerator {
public:
  explicit ImageDataGenerator(data::ImageDataGeneratorOptions options = {});

  /// Mean, deviation and whitening for the feature-wise options.
  void fit(const TensorView &images, const data::FitGeneratorOptions &options = {});
  /// Both arrays are borrowed for as long as the flow is used.
  data::ImageFlow flow(const TensorView &x, const TensorView &y,
                       const data::FlowOptions &options = {}) const;
  /// Pictures alone.
  data::ImageFlow flow(const TensorView &x, const data::FlowOptions &options = {}) const;
  /// Prints how many pictures of how many classes were found, as Keras does.
  data::DirectoryFlow flowFromDirectory(const std::string &directory,
                                        const data::FlowFromDirectoryOptions &options = {}) const;
  ingot::Tensor applyTransform(const TensorView &image, const data::TransformParameters &how) const;
  /// `imageShape` is (height, width, channels).
  data::TransformParameters getRandomTransform(const Shape &imageShape, uint64_t seed) const;
  ingot::Tensor randomTransform(const TensorView &image, uint64_t seed) const;
  void standardize(ingot::Tensor &image) const;

private:
  data::ImageDataGenerator generator;
};

} // namespace preprocessing::image

} // namespace ingot::keras
