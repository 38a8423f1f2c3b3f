// Keras's data sets, with the shapes, types and order of Keras's load_data().
//
// Each is looked for where `path` says, else in the cache ($KERAS_HOME or ~/.keras, `datasets/`),
// else downloaded there with its checksum checked. A `path` with a '/' is a file (or directory) of
// yours, taken as it is; one without is a name in the cache. Messages say what to put where.
#ifndef INGOT_DATA_DATASETS_H
#define INGOT_DATA_DATASETS_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ingot::data {

/// `(x_train, y_train), (x_test, y_test)`.
struct ArrayDataset {
  Tensor xTrain, yTrain, xTest, yTest;
};

/// Texts as indices of words; labels are i64.
using Sequences = std::vector<std::vector<int32_t>>;
struct TextDataset {
  Sequences xTrain;
  Tensor yTrain;
  Sequences xTest;
  Tensor yTest;
};

struct DatasetSource {
  std::string path = {};                                     ///< empty: Keras's name in the cache
  std::function<void(const std::string &)> report = nullptr; ///< hears that a download begins
};

/// u8 [60000, 28, 28] and u8 [60000]; 10000 to test. An .npz, or a directory of IDX files.
Result<ArrayDataset> loadMnist(const DatasetSource &source = {});

/// The same shapes. A directory of IDX files; that of Debian's package dataset-fashion-mnist is
/// taken where the cache has none.
Result<ArrayDataset> loadFashionMnist(const DatasetSource &source = {});

/// u8 [50000, 32, 32, 3] and u8 [50000, 1]; 10000 to test. The .tar.gz, or the directory in it.
Result<ArrayDataset> loadCifar10(const DatasetSource &source = {});

/// The same shapes. `labelMode` is "fine" (100 classes) or "coarse" (20); labels are i64.
Result<ArrayDataset> loadCifar100(const std::string &labelMode = "fine",
                                  const DatasetSource &source = {});

/// Keras's arguments.
struct TextOptions {
  std::optional<int64_t> numWords = {}; ///< rarer words become oovChar
  int64_t skipTop = 0;                  ///< so do the most frequent
  std::optional<int64_t> maxlen = {};   ///< longer texts are left out
  uint32_t seed = 113;
  std::optional<int32_t> startChar = 1; ///< put before each text
  std::optional<int32_t> oovChar = 2;   ///< none: such words are left out
  int32_t indexFrom = 3;                ///< added to each word
  double testSplit = 0.2;               ///< of Reuters
};

/// 25000 reviews and 25000 to test; labels 0 and 1.
Result<TextDataset> loadImdb(const TextOptions &options = {}, const DatasetSource &source = {});

/// 11228 newswires in 46 classes.
Result<TextDataset> loadReuters(const TextOptions &options = {}, const DatasetSource &source = {});

struct HousingOptions {
  double testSplit = 0.2;
  uint32_t seed = 113;
};

/// f64 [404, 13] and f64 [404]; 102 to test.
Result<ArrayDataset> loadBostonHousing(const HousingOptions &options = {},
                                       const DatasetSource &source = {});

/// Keras's "large" version: f32 [16512, 8]; 4128 to test. "small": the first 600 blocks.
Result<ArrayDataset> loadCaliforniaHousing(const std::string &version = "large",
                                           const HousingOptions &options = {},
                                           const DatasetSource &source = {});

} // namespace ingot::data

#endif
