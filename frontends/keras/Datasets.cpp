// Keras's names for what runtime/data loads: see Datasets.h.
#include "frontends/keras/Datasets.h"
#include "frontends/keras/Throwing.h"
#include "ingot/data/GetFile.h"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace ingot::keras::datasets {

using detail::valueOf;

namespace {

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
void announce(const std::string &message) { std::cerr << message << "\n"; }

data::DatasetSource sourceOf(const std::string &path) { return {path, announce}; }

/// Both lists of words are one JSON object of numbers.
std::map<std::string, int64_t> readWordIndex(const std::string &path, const std::string &name,
                                             const std::string &hash) {
  std::string file = path;
  if (path.find('/') == std::string::npos) {
    data::GetFileOptions options;
    options.fname = path.empty() ? name : path, options.fileHash = hash;
    options.origin = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/" + name;
    options.report = announce;
    file = valueOf(data::getFile(options));
  }
  std::ifstream stream(file, std::ios::binary);
  const nlohmann::json words = nlohmann::json::parse(stream, nullptr, false);
  if (!words.is_object())
    throw Error("'" + file + "' is no JSON object of words and their indices",
                stream.is_open() ? StatusCode::DataLoss : StatusCode::NotFound);
  std::map<std::string, int64_t> index;
  for (const auto &[word, number] : words.items()) {
    if (!number.is_number_integer())
      throw Error("'" + file + "': the index of '" + word + "' is no integer",
                  StatusCode::DataLoss);
    index[word] = number.get<int64_t>();
  }
  return index;
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

std::map<std::string, int64_t> imdb::getWordIndex(const std::string &path) {
  return readWordIndex(path, "imdb_word_index.json", "bfafd718b763782e994055a2d397834f");
}

std::map<std::string, int64_t> reuters::getWordIndex(const std::string &path) {
  return readWordIndex(path, "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921");
}

std::vector<std::string> reuters::getLabelNames() {
  return {"cocoa",        "grain",   "veg-oil",   "earn",
          "acq",          "wheat",   "copper",    "housing",
          "money-supply", "coffee",  "sugar",     "trade",
          "reserves",     "ship",    "cotton",    "carcass",
          "crude",        "nat-gas", "cpi",       "money-fx",
          "interest",     "gnp",     "meal-feed", "alum",
          "oilseed",      "gold",    "tin",       "strategic-metal",
          "livestock",    "retail",  "ipi",       "iron-steel",
          "rubber",       "heat",    "jobs",      "lei",
          "bop",          "zinc",    "orange",    "pet-chem",
          "dlr",          "gas",     "silver",    "wpi",
          "hog",          "lead"};
}

} // namespace ingot::keras::datasets
