// Keras's image_dataset_from_directory: batches of pictures of files, resized as TensorFlow does.
#ifndef INGOT_DATA_IMAGEDIRECTORY_H
#define INGOT_DATA_IMAGEDIRECTORY_H

#include "ingot/DataSource.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ingot::data {

/// Keras's arguments with Keras's defaults.
struct ImageDirectoryOptions {
  /// "inferred": from the subdirectories; "none"; "given": `givenLabels`.
  std::string labels = "inferred";
  std::vector<int32_t> givenLabels = {};    ///< one a file, in the order of sorted paths
  std::string labelMode = "int";            ///< "int", "categorical", "binary", "none"
  std::vector<std::string> classNames = {}; ///< subdirectories and their order; empty: all, sorted
  std::string colorMode = "rgb";            ///< "grayscale", "rgb", "rgba"
  int64_t batchSize = 32;
  std::pair<int64_t, int64_t> imageSize = {256, 256}; ///< height, width
  /// A new order each epoch. The files are first shuffled as Keras does for this seed, so a split
  /// has the files that Keras's has.
  bool shuffle = true;
  std::optional<uint32_t> seed = {};
  double validationSplit = 0;
  std::string subset = {};                ///< "training", "validation"
  std::string interpolation = "bilinear"; ///< as resizeTensorFlow
  bool followLinks = false;
  bool cropToAspectRatio = false;
  bool padToAspectRatio = false;
};

/// Batches of f32 pictures, 0 … 255, and labels: i32 [n] ("int"), f32 [n, classes]
/// ("categorical"), f32 [n, 1] ("binary").
class ImageDirectory : public DataSource {
public:
  int64_t sampleCount() const;
  int64_t batchSize() const;
  std::optional<int64_t> batchCount() const override;
  /// What readPicture says of a file that is broken names its path.
  Result<bool> fill(int64_t epoch, int64_t batch, Batch &out) override;

  const std::vector<std::string> &classNames() const;
  const std::vector<std::string> &filePaths() const;
  /// Files in the directory, also of the other subset.
  int64_t fileCount() const;

  struct Impl;
  explicit ImageDirectory(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}

private:
  std::shared_ptr<const Impl> impl;
};

/// Lists the files: .bmp, .gif, .jpeg, .jpg and .png.
/// InvalidArgument as Keras's ValueErrors, NotFound for the directory.
Result<ImageDirectory> imageDatasetFromDirectory(const std::string &directory,
                                                 const ImageDirectoryOptions &options = {});

} // namespace ingot::data

#endif
