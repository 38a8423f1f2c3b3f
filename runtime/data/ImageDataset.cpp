// Finds the four arrays of an image data set and checks that they fit together.
#include "ingot/data/ImageDataset.h"
#include "ingot/data/Idx.h"
#include "ingot/data/Npy.h"
#include "runtime/data/DatasetFiles.h"
#include "runtime/data/NpyFormat.h"

#include <algorithm>
#include <cstring>
#include <sys/stat.h>

namespace ingot::data {

namespace {

constexpr const char *idxFiles[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr const char *npzArrays[] = {"x_train", "y_train", "x_test", "y_test"};

constexpr const char *fashionClasses[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                          "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                          "Bag",         "Ankle boot"};
/// How the test labels of Fashion-MNIST begin; MNIST's begin 7 2 1 0 4.
constexpr int64_t fashionTestLabels[] = {9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5, 7, 3, 4, 1};

bool isThere(const std::string &path, bool directory) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) == directory;
}

/// The four arrays, in the order of `idxFiles`.
Result<std::vector<Tensor>> loadDirectory(const std::string &path) {
  std::vector<std::string> files;
  std::string missing;
  for (const char *name : idxFiles) {
    const std::string plain = path + "/" + name;
    if (isThere(plain, false))
      files.push_back(plain);
    else if (isThere(plain + ".gz", false))
      files.push_back(plain + ".gz");
    else
      missing += (missing.empty() ? "" : ", ") + std::string(name) + "[.gz]";
  }
  if (!missing.empty())
    return Status(StatusCode::NotFound,
                  "directory '" + path + "' lacks " + missing +
                      "; a data set is four IDX files, as Debian's package dataset-fashion-mnist "
                      "installs them in /usr/share/datasets/fashion-mnist");
  std::vector<Tensor> arrays;
  for (const std::string &file : files) {
    INGOT_ASSIGN_OR_RETURN(Tensor array, readIdx(file));
    arrays.push_back(std::move(array));
  }
  return arrays;
}

Result<std::vector<Tensor>> loadArchive(const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(
      NamedTensors tensors,
      readNpz(path, std::vector<std::string>(std::begin(npzArrays), std::end(npzArrays))));
  std::vector<Tensor> arrays;
  for (const char *name : npzArrays)
    for (auto &[key, tensor] : tensors)
      if (key == name)
        arrays.push_back(std::move(tensor));
  return arrays;
}

Status mismatch(const std::string &what) { return Status(StatusCode::DataLoss, what); }

/// Calls `use` with the elements as their C++ type; false for those below f32 and i8.
template <typename Use> bool withElements(const TensorView &values, Use use) {
  switch (values.dtype) {
  case DType::Bool:
  case DType::U8:
    return use(static_cast<const uint8_t *>(values.data)), true;
  case DType::I8:
    return use(static_cast<const int8_t *>(values.data)), true;
  case DType::I16:
    return use(static_cast<const int16_t *>(values.data)), true;
  case DType::U16:
    return use(static_cast<const uint16_t *>(values.data)), true;
  case DType::I32:
    return use(static_cast<const int32_t *>(values.data)), true;
  case DType::U32:
    return use(static_cast<const uint32_t *>(values.data)), true;
  case DType::I64:
    return use(static_cast<const int64_t *>(values.data)), true;
  case DType::U64:
    return use(static_cast<const uint64_t *>(values.data)), true;
  case DType::F32:
    return use(static_cast<const float *>(values.data)), true;
  case DType::F64:
    return use(static_cast<const double *>(values.data)), true;
  default:
    return false;
  }
}

/// Labels as i64, whatever integers they were stored as.
Result<Tensor> labelsOf(const Tensor &stored, const char *name) {
  if (stored.dtype() == DType::F32 || stored.dtype() == DType::F64 || stored.rank() != 1)
    return mismatch(std::string(name) + " holds " + describe(stored) +
                    ", expected one integer class index a sample");
  Tensor labels;
  INGOT_RETURN_IF_ERROR(labels.resize(DType::I64, stored.shape()));
  int64_t *out = labels.data<int64_t>();
  const bool known = withElements(stored, [&](const auto *values) {
    for (int64_t i = 0; i < stored.elementCount(); ++i)
      out[i] = int64_t(values[i]);
  });
  if (!known)
    return mismatch(std::string(name) + " holds " + describe(stored) + ", expected integers");
  for (int64_t i = 0; i < labels.elementCount(); ++i)
    if (out[i] < 0 || out[i] > 65535)
      return mismatch(std::string(name) + "[" + std::to_string(i) + "] is " +
                      std::to_string(out[i]) + ", expected a class index from 0 to 65535");
  return labels;
}

Status checkPair(const Tensor &images, const Tensor &labels, const char *imagesName,
                 const char *labelsName) {
  if (images.dtype() != DType::U8 || images.rank() != 3)
    return mismatch(std::string(imagesName) + " holds " + describe(images) +
                    ", expected u8[samples, height, width]");
  if (images.dim(0) != labels.dim(0))
    return mismatch(std::string(imagesName) + " has " + std::to_string(images.dim(0)) +
                    " images, " + labelsName + " has " + std::to_string(labels.dim(0)) + " labels");
  return Status();
}

std::vector<std::string> classNamesOf(const Tensor &trainLabels, const Tensor &testLabels) {
  int64_t last = -1;
  for (const Tensor *labels : {&trainLabels, &testLabels})
    for (int64_t i = 0; i < labels->elementCount(); ++i)
      last = std::max(last, labels->data<int64_t>()[i]);
  constexpr auto known = int64_t(std::size(fashionTestLabels));
  if (last == 9 && testLabels.elementCount() >= known &&
      std::equal(fashionTestLabels, fashionTestLabels + known, testLabels.data<int64_t>()))
    return {std::begin(fashionClasses), std::end(fashionClasses)};
  std::vector<std::string> names;
  for (int64_t i = 0; i <= last; ++i)
    names.push_back(std::to_string(i));
  return names;
}

Result<ImageDataset> assemble(std::vector<Tensor> arrays, const char *const *names) {
  ImageDataset set;
  set.trainImages = std::move(arrays[0]);
  set.testImages = std::move(arrays[2]);
  INGOT_ASSIGN_OR_RETURN(set.trainLabels, labelsOf(arrays[1], names[1]));
  INGOT_ASSIGN_OR_RETURN(set.testLabels, labelsOf(arrays[3], names[3]));
  INGOT_RETURN_IF_ERROR(checkPair(set.trainImages, set.trainLabels, names[0], names[1]));
  INGOT_RETURN_IF_ERROR(checkPair(set.testImages, set.testLabels, names[2], names[3]));
  for (int64_t axis = 1; axis < 3; ++axis)
    if (set.trainImages.dim(axis) != set.testImages.dim(axis))
      return mismatch(std::string(names[0]) + " holds " + describe(set.trainImages) + " and " +
                      names[2] + " holds " + describe(set.testImages) +
                      ": the images have different sizes");
  set.classNames = classNamesOf(set.trainLabels, set.testLabels);
  return set;
}

} // namespace

Result<std::vector<Tensor>> readImageArrays(const std::string &path) {
  return isThere(path, true) ? loadDirectory(path) : loadArchive(path);
}

Result<ImageDataset> loadImageDataset(const std::string &path) {
  const bool directory = isThere(path, true);
  INGOT_ASSIGN_OR_RETURN(std::vector<Tensor> arrays, readImageArrays(path));
  Result<ImageDataset> set = assemble(std::move(arrays), directory ? idxFiles : npzArrays);
  if (!set.isOk())
    return set.status().withContext("'" + path + "'");
  return set;
}

Result<Tensor> toFloat(const TensorView &values, double scale, Shape shape) {
  const Shape own(values.dims, values.dims + values.rank);
  if (shape.empty())
    shape = own;
  INGOT_ASSIGN_OR_RETURN(const int64_t count,
                         countElements(DType::F32, own.data(), int64_t(own.size())));
  INGOT_ASSIGN_OR_RETURN(const int64_t wanted,
                         countElements(DType::F32, shape.data(), int64_t(shape.size())));
  if (count != wanted)
    return Status(StatusCode::InvalidArgument, describe(values) + " cannot take the shape " +
                                                   toString(shape) + ": " + std::to_string(count) +
                                                   " and " + std::to_string(wanted) + " elements");
  Tensor result;
  INGOT_RETURN_IF_ERROR(result.resize(DType::F32, shape));
  float *out = result.data<float>();
  const bool known = withElements(values, [&](const auto *from) {
    for (int64_t i = 0; i < count; ++i)
      out[i] = float(double(from[i]) * scale);
  });
  if (!known)
    return Status(StatusCode::InvalidArgument,
                  describe(values) + " cannot be converted to f32 here");
  return result;
}

} // namespace ingot::data
