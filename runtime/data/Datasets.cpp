// MNIST, Fashion-MNIST, CIFAR and the housing prices: arrays.
#include "ingot/data/Datasets.h"
#include "ingot/data/Npy.h"
#include "runtime/data/DatasetFiles.h"
#include "runtime/data/NumPyRandom.h"
#include "runtime/data/Pickle.h"
#include "runtime/data/Rows.h"
#include "runtime/data/Tar.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <numeric>
#include <system_error>

namespace ingot::data {

namespace {

Status misfit(const std::string &what) { return Status(StatusCode::DataLoss, what); }

bool isDirectory(const std::string &path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

Result<ArrayDataset> imagesOf(const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(std::vector<Tensor> arrays, readImageArrays(path));
  for (size_t i = 0; i < 4; i += 2)
    if (arrays[i].dtype() != DType::U8 || arrays[i].rank() != 3 || arrays[i + 1].rank() != 1 ||
        arrays[i].dim(0) != arrays[i + 1].dim(0))
      return misfit("'" + path + "' holds images " + describe(arrays[i]) + " and labels " +
                    describe(arrays[i + 1]) + ", expected u8[n, 28, 28] and [n]");
  return ArrayDataset{std::move(arrays[0]), std::move(arrays[1]), std::move(arrays[2]),
                      std::move(arrays[3])};
}

// CIFAR

/// Which set it is, and what Keras calls it.
struct Cifar {
  const char *directory; // inside the archive
  const char *cacheName; // Keras unpacks it there
  const char *origin, *hash;
  std::vector<std::string> train;
  std::string test, labels;
};

using Files = std::map<std::string, std::vector<uint8_t>>;

bool isWanted(const Cifar &cifar, const std::string &name) {
  return name == cifar.test ||
         std::find(cifar.train.begin(), cifar.train.end(), name) != cifar.train.end();
}

Result<Files> filesOfArchive(const Cifar &cifar, const std::string &path) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, readWholeFile(path));
  std::unique_ptr<ByteSource> source = std::make_unique<MemorySource>(bytes.data(), bytes.size());
  if (looksLikeGzip(bytes.data(), bytes.size())) {
    INGOT_ASSIGN_OR_RETURN(source, openGzip(bytes.data(), bytes.size()));
  }
  TarReader reader(*source);
  Files files;
  for (;;) {
    INGOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, reader.next());
    if (!entry)
      return files;
    const std::string name = std::filesystem::path(entry->name).filename().string();
    if (!entry->isFile || !isWanted(cifar, name))
      continue;
    INGOT_ASSIGN_OR_RETURN(files[name], reader.contents());
  }
}

Result<Files> filesOfDirectory(const Cifar &cifar, std::string path) {
  if (isDirectory(path + "/" + cifar.directory))
    path += std::string("/") + cifar.directory;
  Files files;
  for (const std::string &name : cifar.train) {
    INGOT_ASSIGN_OR_RETURN(files[name], readWholeFile(path + "/" + name));
  }
  INGOT_ASSIGN_OR_RETURN(files[cifar.test], readWholeFile(path + "/" + cifar.test));
  return files;
}

/// Images as they are stored, [n, 3072], and labels.
struct CifarBatch {
  Tensor data;
  std::vector<int64_t> labels;
};

Result<CifarBatch> parseBatch(const Cifar &cifar, const std::vector<uint8_t> &bytes) {
  INGOT_ASSIGN_OR_RETURN(const Pickle pickle, Pickle::parse(bytes.data(), bytes.size()));
  using Kind = PickleValue::Kind;
  if (pickle.root().kind != Kind::Dict)
    return misfit("the pickle is no dictionary");
  const PickleValue *data = pickle.find(pickle.root(), "data");
  const PickleValue *labels = pickle.find(pickle.root(), cifar.labels);
  if (!data || data->kind != Kind::Array || !labels || labels->kind != Kind::List)
    return misfit("the pickle lacks the array 'data' or the list '" + cifar.labels + "'");
  CifarBatch batch;
  INGOT_ASSIGN_OR_RETURN(batch.data, pickle.tensor(*data));
  for (const PickleValue &label : pickle.list(*labels)) {
    if (label.kind != Kind::Int || label.integer < 0 || label.integer > 255)
      return misfit("a label is no number from 0 to 255");
    batch.labels.push_back(label.integer);
  }
  if (batch.data.dtype() != DType::U8 || batch.data.rank() != 2 || batch.data.dim(1) != 3072 ||
      batch.data.dim(0) != int64_t(batch.labels.size()))
    return misfit("'data' is " + describe(batch.data) + " with " +
                  std::to_string(batch.labels.size()) + " labels, expected u8[n, 3072] with n");
  return batch;
}

/// Planes of red, green and blue to pixels.
void toPixels(const uint8_t *from, uint8_t *to, int64_t images) {
  constexpr int64_t pixels = 32 * 32;
  for (int64_t image = 0; image < images; ++image, from += 3 * pixels)
    for (int64_t i = 0; i < pixels; ++i)
      for (int64_t c = 0; c < 3; ++c)
        *to++ = from[c * pixels + i];
}

/// The named batches one after another. Labels are u8 [n, 1], or i64 where `wide`.
Result<std::pair<Tensor, Tensor>> joinBatches(const Cifar &cifar, const Files &files,
                                              const std::vector<std::string> &names, bool wide) {
  std::vector<CifarBatch> batches;
  int64_t images = 0;
  for (const std::string &name : names) {
    const auto file = files.find(name);
    if (file == files.end())
      return Status(StatusCode::NotFound, "there is no file '" + name + "'");
    Result<CifarBatch> batch = parseBatch(cifar, file->second);
    if (!batch.isOk())
      return batch.status().withContext("'" + name + "'");
    images += batch->data.dim(0);
    batches.push_back(std::move(*batch));
  }
  std::pair<Tensor, Tensor> result;
  INGOT_RETURN_IF_ERROR(result.first.resize(DType::U8, {images, 32, 32, 3}));
  INGOT_RETURN_IF_ERROR(result.second.resize(wide ? DType::I64 : DType::U8, {images, 1}));
  int64_t at = 0;
  for (const CifarBatch &batch : batches) {
    const int64_t count = batch.data.dim(0);
    toPixels(batch.data.data<uint8_t>(), result.first.data<uint8_t>() + at * 3072, count);
    for (int64_t i = 0; i < count; ++i)
      if (wide)
        result.second.data<int64_t>()[at + i] = batch.labels[size_t(i)];
      else
        result.second.data<uint8_t>()[at + i] = uint8_t(batch.labels[size_t(i)]);
    at += count;
  }
  return result;
}

Result<ArrayDataset> loadCifar(const Cifar &cifar, const DatasetSource &source, bool wide) {
  std::string path = source.path;
  if (!isOwnPath(path)) {
    path = cacheDirectory() + "/datasets/" + cifar.cacheName;
    if (!isDirectory(path)) {
      INGOT_ASSIGN_OR_RETURN(path, locate(source, std::string(cifar.cacheName) + "_archive",
                                          cifar.origin, cifar.hash));
    }
  }
  const auto load = [&]() -> Result<ArrayDataset> {
    INGOT_ASSIGN_OR_RETURN(const Files files, isDirectory(path) ? filesOfDirectory(cifar, path)
                                                                : filesOfArchive(cifar, path));
    INGOT_ASSIGN_OR_RETURN(auto train, joinBatches(cifar, files, cifar.train, wide));
    INGOT_ASSIGN_OR_RETURN(auto test, joinBatches(cifar, files, {cifar.test}, wide));
    return ArrayDataset{std::move(train.first), std::move(train.second), std::move(test.first),
                        std::move(test.second)};
  };
  Result<ArrayDataset> set = load();
  if (!set.isOk())
    return set.status().withContext("'" + path + "'");
  return set;
}

// Housing

Result<ArrayDataset> loadHousing(const std::string &path, const HousingOptions &options,
                                 int64_t most) {
  if (!(options.testSplit >= 0 && options.testSplit < 1))
    return Status(StatusCode::InvalidArgument, "test_split " + std::to_string(options.testSplit) +
                                                   " is not from 0 up to, but not, 1");
  INGOT_ASSIGN_OR_RETURN(const NamedTensors arrays, readNpz(path, {"x", "y"}));
  const Tensor &x = *findTensor(arrays, "x"), &y = *findTensor(arrays, "y");
  if (x.rank() != 2 || y.rank() < 1 || x.dim(0) != y.dim(0) || x.dtype() == DType::String ||
      y.dtype() == DType::String)
    return misfit("'" + path + "' holds x " + describe(x) + " and y " + describe(y) +
                  ", expected a row of features and a price a sample");
  std::vector<int64_t> order(size_t(std::min(x.dim(0), most)));
  std::iota(order.begin(), order.end(), int64_t(0));
  NumPyRandom(options.seed).shuffle(order);
  const auto split = ptrdiff_t(double(order.size()) * (1 - options.testSplit));
  const std::vector<int64_t> train(order.begin(), order.begin() + split);
  const std::vector<int64_t> test(order.begin() + split, order.end());
  ArrayDataset set;
  INGOT_ASSIGN_OR_RETURN(set.xTrain, takeRows(x, train));
  INGOT_ASSIGN_OR_RETURN(set.yTrain, takeRows(y, train));
  INGOT_ASSIGN_OR_RETURN(set.xTest, takeRows(x, test));
  INGOT_ASSIGN_OR_RETURN(set.yTest, takeRows(y, test));
  return set;
}

} // namespace

Result<std::string> locate(const DatasetSource &source, const std::string &name,
                           const std::string &origin, const std::string &hash) {
  if (isOwnPath(source.path))
    return source.path;
  GetFileOptions options;
  options.fname = source.path.empty() ? name : source.path;
  options.origin = origin, options.fileHash = hash, options.report = source.report;
  Result<std::string> path = getFile(options);
  if (!path.isOk())
    return Status(path.status().code(),
                  path.status().message() + ", or give the path of a file of yours");
  return path;
}

Result<ArrayDataset> loadMnist(const DatasetSource &source) {
  INGOT_ASSIGN_OR_RETURN(
      const std::string path,
      locate(source, "mnist.npz", std::string(kerasOrigin) + "mnist.npz",
             "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"));
  return imagesOf(path);
}

Result<ArrayDataset> loadFashionMnist(const DatasetSource &source) {
  if (isOwnPath(source.path))
    return imagesOf(source.path);
  const std::string cached =
      cacheDirectory() + "/datasets/" + (source.path.empty() ? "fashion-mnist" : source.path);
  if (Result<ArrayDataset> set = imagesOf(cached); set.isOk())
    return set;
  constexpr const char *debian = "/usr/share/datasets/fashion-mnist";
  if (isDirectory(debian))
    return imagesOf(debian);
  for (const char *name : {"train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz",
                           "t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"}) {
    GetFileOptions options;
    options.fname = name, options.origin = std::string(kerasOrigin) + name;
    options.cacheSubdir = "datasets/fashion-mnist", options.report = source.report;
    const Status status = getFile(options).status();
    if (!status.isOk())
      return Status(status.code(),
                    status.message() + ", or install Debian's package dataset-fashion-mnist");
  }
  return imagesOf(cached);
}

Result<ArrayDataset> loadCifar10(const DatasetSource &source) {
  return loadCifar(
      {"cifar-10-batches-py",
       "cifar-10-batches-py-target",
       "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
       "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
       "test_batch",
       "labels"},
      source, false);
}

Result<ArrayDataset> loadCifar100(const std::string &labelMode, const DatasetSource &source) {
  if (labelMode != "fine" && labelMode != "coarse")
    return Status(StatusCode::InvalidArgument,
                  "label_mode '" + labelMode + "' is neither \"fine\" nor \"coarse\"");
  return loadCifar({"cifar-100-python",
                    "cifar-100-python-target",
                    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
                    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                    {"train"},
                    "test",
                    labelMode + "_labels"},
                   source, true);
}

Result<ArrayDataset> loadBostonHousing(const HousingOptions &options, const DatasetSource &source) {
  INGOT_ASSIGN_OR_RETURN(
      const std::string path,
      locate(source, "boston_housing.npz", std::string(kerasOrigin) + "boston_housing.npz",
             "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"));
  return loadHousing(path, options, INT64_MAX);
}

Result<ArrayDataset> loadCaliforniaHousing(const std::string &version,
                                           const HousingOptions &options,
                                           const DatasetSource &source) {
  if (version != "large" && version != "small")
    return Status(StatusCode::InvalidArgument,
                  "version '" + version + "' is neither \"large\" nor \"small\"");
  INGOT_ASSIGN_OR_RETURN(
      const std::string path,
      locate(source, "california_housing.npz", std::string(kerasOrigin) + "california_housing.npz",
             "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"));
  return loadHousing(path, options, version == "small" ? 600 : INT64_MAX);
}

} // namespace ingot::data
