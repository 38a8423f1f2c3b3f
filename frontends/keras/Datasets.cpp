// Keras's names for what runtime/data loads: see Datasets.h.
#include "frontends/keras/Datasets.h"

#include <iostream>

namespace ingot::keras::datasets {

namespace {

template <typename T> T valueOf(Result<T> result) {
  if (!result.isOk())
    throw Error(result.status());
  return std::move(*result);
}

Split splitOf(Result<data::ArrayDataset> loaded) {
  data::ArrayDataset all = valueOf(std::move(loaded));
  return {{std::move(all.xTrain), std::move(all.yTrain)},
          {std::move(all.xTest), std::move(all.yTest)}};
}

TextSplit splitOf(Result<data::TextDataset> loaded) {
  data::TextDataset all = valueOf(std::move(loaded));
  return {{std::move(all.xTrain), std::move(all.yTrain)},
          {std::move(all.xTest), std::move(all.yTest)}};
}

/// As Keras, a download is announced.
data::DatasetSource sourceOf(const std::string &path) {
  return {path, [](const std::string &message) { std::cerr << message << "\n"; }};
}

} // namespace

Split mnist::loadData(const std::string &path) { return splitOf(data::loadMnist(sourceOf(path))); }
Split fashion_mnist::loadData(const std::string &path) {
  return splitOf(data::loadFashionMnist(sourceOf(path)));
}
Split cifar10::loadData(const std::string &path) {
  return splitOf(data::loadCifar10(sourceOf(path)));
}
Split cifar100::loadData(const std::string &labelMode, const std::string &path) {
  return splitOf(data::loadCifar100(labelMode, sourceOf(path)));
}
Split boston_housing::loadData(const data::HousingOptions &options, const std::string &path) {
  return splitOf(data::loadBostonHousing(options, sourceOf(path)));
}
Split california_housing::loadData(const std::string &version, const data::HousingOptions &options,
                                   const std::string &path) {
  return splitOf(data::loadCaliforniaHousing(version, options, sourceOf(path)));
}
TextSplit imdb::loadData(const data::TextOptions &options, const std::string &path) {
  return splitOf(data::loadImdb(options, sourceOf(path)));
}
TextSplit reuters::loadData(const data::TextOptions &options, const std::string &path) {
  return splitOf(data::loadReuters(options, sourceOf(path)));
}

} // namespace ingot::keras::datasets
