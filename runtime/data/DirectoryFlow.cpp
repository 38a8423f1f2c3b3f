// ImageDataGenerator::flowFromDirectory.
#include "ingot/data/Arrays.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Picture.h"
#include "ingot/data/Resize.h"
#include "runtime/data/GeneratorImpl.h"
#include "runtime/data/ImageFiles.h"
#include "runtime/data/PictureFormats.h"

#include <algorithm>
#include <cstring>

namespace ingot::data {

struct DirectoryFlow::Impl {
  Impl(ImageDataGenerator generator, std::string directory, FlowFromDirectoryOptions options,
       ColorMode mode)
      : generator(std::move(generator)), directory(std::move(directory)),
        options(std::move(options)), mode(mode) {}

  ImageDataGenerator generator;
  std::string directory;
  FlowFromDirectoryOptions options;
  ColorMode mode;
  std::vector<std::string> classNames, filenames;
  std::vector<int32_t> classes;
  std::unique_ptr<EpochOrders> orders;

  Status load(int64_t sample, int64_t epoch, float *to) const;
};

namespace {

Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

Status checkOptions(const FlowFromDirectoryOptions &options) {
  const std::string &mode = options.classMode;
  if (mode != "categorical" && mode != "binary" && mode != "sparse" && mode != "input" &&
      mode != "none")
    return invalid("class_mode '" + mode +
                   "' is none of \"categorical\", \"binary\", \"sparse\", \"input\", \"none\"");
  const auto [height, width] = options.targetSize;
  if (!isPictureSize(height, width))
    return invalid("target_size (" + std::to_string(height) + ", " + std::to_string(width) +
                   ") is no size of a picture");
  if (options.batchSize < 1)
    return invalid("batch_size " + std::to_string(options.batchSize) + " is not positive");
  // Resizes a picture of one pixel, to hear of a method that there is not.
  uint8_t pixel = 0;
  INGOT_ASSIGN_OR_RETURN(const Tensor dot, Tensor::borrow(DType::U8, {1, 1, 1}, &pixel));
  return resizePillow(dot, 1, 1, options.interpolation).status();
}

} // namespace

Result<DirectoryFlow>
ImageDataGenerator::flowFromDirectory(const std::string &directory,
                                      const FlowFromDirectoryOptions &options) const {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  INGOT_ASSIGN_OR_RETURN(const ColorMode mode, parseColorMode(options.colorMode));
  auto flow = std::make_shared<DirectoryFlow::Impl>(*this, directory, options, mode);
  INGOT_ASSIGN_OR_RETURN(flow->classNames, listSubdirectories(directory, true));
  if (!options.classes.empty())
    flow->classNames = options.classes;
  static const std::vector<std::string> endings = {"png", "jpg", "jpeg", "bmp",
                                                   "ppm", "tif", "tiff"};
  for (size_t index = 0; index < flow->classNames.size(); ++index) {
    const std::string &name = flow->classNames[index];
    const std::vector<std::string> files =
        listFiles(directory + "/" + name, endings, options.followLinks);
    INGOT_ASSIGN_OR_RETURN(
        const BatchRange range,
        subsetRange(options.subset, impl->options.validationSplit, int64_t(files.size())));
    for (int64_t i = range.begin; i < range.end; ++i) {
      flow->filenames.push_back(name + "/" + files[size_t(i)]);
      flow->classes.push_back(int32_t(index));
    }
  }
  if (flow->filenames.empty())
    return invalid(
        "'" + directory + "' has no pictures" +
        (options.subset.empty() ? "" : " for the " + options.subset + " subset") +
        "; expected one subdirectory a class, with .png, .jpg, .jpeg, .bmp or .ppm files");
  flow->orders =
      std::make_unique<EpochOrders>(int64_t(flow->filenames.size()), options.shuffle, options.seed);
  return DirectoryFlow(std::move(flow));
}

int64_t DirectoryFlow::sampleCount() const { return int64_t(impl->filenames.size()); }
int64_t DirectoryFlow::batchSize() const { return impl->options.batchSize; }
std::optional<int64_t> DirectoryFlow::batchCount() const {
  return countBatches(sampleCount(), batchSize());
}
const std::vector<std::string> &DirectoryFlow::classNames() const { return impl->classNames; }
const std::vector<int32_t> &DirectoryFlow::classes() const { return impl->classes; }
const std::vector<std::string> &DirectoryFlow::filenames() const { return impl->filenames; }

Status DirectoryFlow::Impl::load(int64_t sample, int64_t epoch, float *to) const {
  INGOT_ASSIGN_OR_RETURN(const Tensor picture,
                         loadPicture(directory + "/" + filenames[size_t(sample)],
                                     {options.colorMode, options.targetSize, options.interpolation,
                                      options.keepAspectRatio}));
  INGOT_ASSIGN_OR_RETURN(const Tensor image, toFloat(picture));
  INGOT_RETURN_IF_ERROR(augmentInto(generator, image, options.seed, epoch, sample, to));
  const SavedImages saved = {options.saveToDir, options.savePrefix, options.saveFormat,
                             options.seed};
  return saveImage({DType::F32, 3, image.shape().data(), to}, saved, epoch, sample);
}

Result<bool> DirectoryFlow::fill(int64_t epoch, int64_t batch, Batch &out) {
  INGOT_ASSIGN_OR_RETURN(const BatchRange range,
                         batchRange(sampleCount(), batchSize(), epoch, batch));
  const std::shared_ptr<const std::vector<int64_t>> order = impl->orders->of(epoch);
  const int64_t count = range.end - range.begin, channels = int64_t(impl->mode);
  const auto [height, width] = impl->options.targetSize;
  const std::string &mode = impl->options.classMode;
  out.inputs.resize(1), out.targets.resize(mode != "none"), out.sampleWeights.clear();
  INGOT_RETURN_IF_ERROR(out.inputs[0].resize(DType::F32, {count, height, width, channels}));
  for (int64_t i = 0; i < count; ++i)
    INGOT_RETURN_IF_ERROR(impl->load((*order)[size_t(range.begin + i)], epoch,
                                     out.inputs[0].data<float>() + i * height * width * channels));
  if (mode == "none")
    return true;
  if (mode == "input") {
    INGOT_ASSIGN_OR_RETURN(out.targets[0], out.inputs[0].clone());
    return true;
  }
  const bool isOneHot = mode == "categorical", isIndex = mode == "sparse";
  const auto classes = int64_t(impl->classNames.size());
  INGOT_RETURN_IF_ERROR(out.targets[0].resize(isIndex ? DType::I64 : DType::F32,
                                              isOneHot ? Shape{count, classes} : Shape{count}));
  for (int64_t i = 0; i < count; ++i) {
    const int32_t label = impl->classes[size_t((*order)[size_t(range.begin + i)])];
    if (isOneHot)
      setOneHot(out.targets[0], i, label);
    else if (isIndex)
      out.targets[0].data<int64_t>()[i] = label;
    else
      out.targets[0].data<float>()[i] = float(label);
  }
  return true;
}

} // namespace ingot::data
