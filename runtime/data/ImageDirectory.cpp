// image_dataset_from_directory: indexes files as Keras's index_directory, reads them as TensorFlow.
#include "ingot/data/ImageDirectory.h"
#include "ingot/data/Picture.h"
#include "ingot/data/Resize.h"
#include "runtime/data/GeneratorImpl.h"
#include "runtime/data/ImageFiles.h"
#include "runtime/data/NumPyRandom.h"
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace ingot::data {

struct ImageDirectory::Impl {
  ImageDirectoryOptions options;
  ColorMode mode = ColorMode::Rgb;
  bool hasLabels = true;
  int64_t files = 0;
  std::vector<std::string> classNames, paths;
  std::vector<int32_t> labels;
  std::unique_ptr<EpochOrders> orders;

  Status load(int64_t sample, float *to) const;
  Status padded(const Tensor &picture, float *to) const;
};

namespace {

Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

Status checkSplit(const ImageDirectoryOptions &options) {
  const bool splits = options.validationSplit != 0;
  if (splits && !(options.validationSplit > 0 && options.validationSplit < 1))
    return invalid("validation_split " + std::to_string(options.validationSplit) +
                   " is not strictly between 0 and 1");
  if (splits == options.subset.empty())
    return invalid("validation_split and subset belong together: give both or neither");
  if (splits && options.subset != "training" && options.subset != "validation")
    return invalid("subset '" + options.subset + "' is neither \"training\" nor \"validation\"");
  if (splits && options.shuffle && !options.seed)
    return invalid("with validation_split and shuffle, give a seed: otherwise the subsets of two "
                   "calls would overlap");
  return Status();
}

Status checkOptions(const ImageDirectoryOptions &options) {
  const std::string &mode = options.labelMode;
  if (mode != "int" && mode != "categorical" && mode != "binary" && mode != "none")
    return invalid("label_mode '" + mode +
                   "' is none of \"int\", \"categorical\", \"binary\", \"none\"");
  if (options.labels != "inferred" && options.labels != "none" && options.labels != "given")
    return invalid("labels '" + options.labels + "' is none of \"inferred\", \"none\", \"given\"");
  if (options.labels != "inferred" && !options.classNames.empty())
    return invalid("class_names can be given only with labels \"inferred\"");
  const auto [height, width] = options.imageSize;
  if (!isPictureSize(height, width) || options.batchSize < 1)
    return invalid("image_size (" + std::to_string(height) + ", " + std::to_string(width) +
                   ") and batch_size " + std::to_string(options.batchSize) +
                   " must be positive, and pictures at most " + std::to_string(maxPictureExtent) +
                   " high and wide");
  if (options.cropToAspectRatio && options.padToAspectRatio)
    return invalid("only one of pad_to_aspect_ratio and crop_to_aspect_ratio can be set");
  uint8_t pixel = 0;
  INGOT_ASSIGN_OR_RETURN(const Tensor dot, Tensor::borrow(DType::U8, {1, 1, 1}, &pixel));
  INGOT_RETURN_IF_ERROR(resizeTensorFlow(dot, 1, 1, options.interpolation).status());
  return checkSplit(options);
}

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

/// Fills in class names, paths and labels, in the order of the directory.
Status indexFiles(const std::string &directory, ImageDirectory::Impl &set) {
  static const std::vector<std::string> endings = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};
  const ImageDirectoryOptions &options = set.options;
  INGOT_ASSIGN_OR_RETURN(std::vector<std::string> subdirectories,
                         listSubdirectories(directory, false));
  if (options.labels != "inferred") {
    for (const std::string &file : listFiles(directory, endings, options.followLinks))
      set.paths.push_back(directory + "/" + file);
    if (!set.hasLabels)
      return Status();
    if (options.givenLabels.size() != set.paths.size())
      return invalid(std::to_string(options.givenLabels.size()) + " labels are given, but '" +
                     directory + "' has " + std::to_string(set.paths.size()) + " pictures");
    set.labels = options.givenLabels;
    const std::set<int32_t> values(set.labels.begin(), set.labels.end());
    for (int32_t value : values) {
      if (value < 0)
        return invalid("label " + std::to_string(value) + " is negative");
      set.classNames.push_back(std::to_string(value));
    }
    return Status();
  }
  for (const std::string &name : options.classNames)
    if (std::find(subdirectories.begin(), subdirectories.end(), name) == subdirectories.end())
      return invalid("class_names has '" + name + "', but the subdirectories of '" + directory +
                     "' are " + joined(subdirectories));
  set.classNames = options.classNames.empty() ? std::move(subdirectories) : options.classNames;
  for (size_t index = 0; index < set.classNames.size(); ++index) {
    const std::string inside = directory + "/" + set.classNames[index];
    for (const std::string &file : listFiles(inside, endings, options.followLinks)) {
      set.paths.push_back(inside + "/" + file);
      set.labels.push_back(int32_t(index));
    }
  }
  if (!set.hasLabels)
    set.labels.clear();
  return Status();
}

/// Keras's split: the last files are the validation's.
template <typename T>
void keepSubset(std::vector<T> &values, const ImageDirectoryOptions &options) {
  if (options.subset.empty())
    return;
  const auto validation = ptrdiff_t(options.validationSplit * double(values.size()));
  if (options.subset == "training")
    values.erase(values.end() - validation, values.end());
  else
    values.erase(values.begin(), values.end() - validation);
}

} // namespace

Result<ImageDirectory> imageDatasetFromDirectory(const std::string &directory,
                                                 const ImageDirectoryOptions &options) {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  auto set = std::make_shared<ImageDirectory::Impl>();
  set->options = options;
  INGOT_ASSIGN_OR_RETURN(set->mode, parseColorMode(options.colorMode));
  set->hasLabels = options.labels != "none" && options.labelMode != "none";
  INGOT_RETURN_IF_ERROR(indexFiles(directory, *set));
  if (set->hasLabels && options.labelMode == "binary" && set->classNames.size() != 2)
    return invalid("label_mode \"binary\" takes two classes, '" + directory + "' has " +
                   std::to_string(set->classNames.size()) + ": " + joined(set->classNames));
  for (int32_t label : set->labels)
    if (options.labelMode == "categorical" && size_t(label) >= set->classNames.size())
      return invalid("label " + std::to_string(label) +
                     " with label_mode \"categorical\": there are " +
                     std::to_string(set->classNames.size()) + " classes");
  set->files = int64_t(set->paths.size());
  const uint32_t seed = options.seed.value_or(0);
  if (options.shuffle) {
    NumPyRandom(seed).shuffle(set->paths);
    NumPyRandom(seed).shuffle(set->labels);
  }
  keepSubset(set->paths, options);
  keepSubset(set->labels, options);
  if (set->paths.empty())
    return invalid("no pictures found in '" + directory + "'" +
                   (options.subset.empty() ? "" : " for the " + options.subset + " subset") +
                   "; looked for .bmp, .gif, .jpeg, .jpg and .png files");
  set->orders = std::make_unique<EpochOrders>(int64_t(set->paths.size()), options.shuffle, seed);
  return ImageDirectory(std::move(set));
}

int64_t ImageDirectory::sampleCount() const { return int64_t(impl->paths.size()); }
int64_t ImageDirectory::batchSize() const { return impl->options.batchSize; }
std::optional<int64_t> ImageDirectory::batchCount() const {
  return countBatches(sampleCount(), batchSize());
}
const std::vector<std::string> &ImageDirectory::classNames() const { return impl->classNames; }
const std::vector<std::string> &ImageDirectory::filePaths() const { return impl->paths; }
int64_t ImageDirectory::fileCount() const { return impl->files; }

/// TensorFlow's resize_with_pad: as large as fits, black around it.
Status ImageDirectory::Impl::padded(const Tensor &picture, float *to) const {
  const auto [height, width] = options.imageSize;
  const auto ratio =
      std::max(float(picture.dim(1)) / float(width), float(picture.dim(0)) / float(height));
  const float exactHeight = float(picture.dim(0)) / ratio;
  const float exactWidth = float(picture.dim(1)) / ratio;
  const int64_t innerHeight = std::max<int64_t>(int64_t(exactHeight), 1);
  const int64_t innerWidth = std::max<int64_t>(int64_t(exactWidth), 1);
  const auto top = std::max<int64_t>(int64_t(std::floor((float(height) - exactHeight) / 2)), 0);
  const auto left = std::max<int64_t>(int64_t(std::floor((float(width) - exactWidth) / 2)), 0);
  INGOT_ASSIGN_OR_RETURN(const Tensor inner,
                         resizeTensorFlow(picture, innerHeight, innerWidth, options.interpolation));
  const int64_t channels = picture.dim(2), line = innerWidth * channels;
  std::fill(to, to + height * width * channels, 0.0f);
  for (int64_t y = 0; y < innerHeight; ++y)
    std::memcpy(to + ((top + y) * width + left) * channels, inner.data<float>() + y * line,
                size_t(line) * sizeof(float));
  return Status();
}

Status ImageDirectory::Impl::load(int64_t sample, float *to) const {
  const auto [height, width] = options.imageSize;
  INGOT_ASSIGN_OR_RETURN(const Tensor picture,
                         readPicture(paths[size_t(sample)], mode, Decoder::TensorFlow));
  if (options.padToAspectRatio)
    return padded(picture, to);
  PictureBox box;
  if (options.cropToAspectRatio)
    box = cropToAspectRatio(picture.dim(0), picture.dim(1), height, width, false);
  INGOT_ASSIGN_OR_RETURN(const Tensor resized,
                         resizeTensorFlow(picture, height, width, options.interpolation, box));
  std::memcpy(to, resized.rawData(), resized.byteSize());
  return Status();
}

Result<bool> ImageDirectory::fill(int64_t epoch, int64_t batch, Batch &out) {
  INGOT_ASSIGN_OR_RETURN(const BatchRange range,
                         batchRange(sampleCount(), batchSize(), epoch, batch));
  const std::shared_ptr<const std::vector<int64_t>> order = impl->orders->of(epoch);
  const int64_t count = range.end - range.begin, channels = int64_t(impl->mode);
  const auto [height, width] = impl->options.imageSize;
  out.inputs.resize(1), out.targets.resize(impl->hasLabels), out.sampleWeights.clear();
  INGOT_RETURN_IF_ERROR(out.inputs[0].resize(DType::F32, {count, height, width, channels}));
  const bool isInt = impl->options.labelMode == "int";
  const bool isOneHot = impl->options.labelMode == "categorical";
  if (impl->hasLabels) {
    const int64_t wide = isOneHot ? int64_t(impl->classNames.size()) : 1;
    INGOT_RETURN_IF_ERROR(out.targets[0].resize(isInt ? DType::I32 : DType::F32,
                                                isInt ? Shape{count} : Shape{count, wide}));
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = (*order)[size_t(range.begin + i)];
    INGOT_RETURN_IF_ERROR(
        impl->load(sample, out.inputs[0].data<float>() + i * height * width * channels));
    if (!impl->hasLabels)
      continue;
    const int32_t label = impl->labels[size_t(sample)];
    if (isOneHot)
      setOneHot(out.targets[0], i, label);
    else if (isInt)
      out.targets[0].data<int32_t>()[i] = label;
    else
      out.targets[0].data<float>()[i] = float(label);
  }
  return true;
}

} // namespace ingot::data
