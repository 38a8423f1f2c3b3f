// Keras's data sets: keras.datasets.<name>.load_data(). Part of Keras.h.
//
// Each is looked for where `path` says, else in the cache ($KERAS_HOME or ~/.keras), else
// downloaded there, and its checksum is compared (ingot/data/Datasets.h). Throws Error, with a
// message that says which file to put where when it cannot be had.
#pragma once
#include "frontends/keras/Layer.h"
#include "ingot/data/Datasets.h"

#include <map>

namespace ingot::keras::datasets {

/// Samples and their labels; the first dimension counts samples.
struct Arrays {
  ingot::Tensor x, y;
};
/// auto [train, test] = datasets::mnist::loadData();
struct Split {
  Arrays train, test;
};

namespace mnist {
/// u8 (60000, 28, 28) and u8 (60000,); 10000 to test. `path`: an .npz or a directory of IDX files.
Split loadData(const std::string &path = {});
} // namespace mnist
namespace fashion_mnist {
/// The same shapes; Debian's package dataset-fashion-mnist is taken where the cache has none.
Split loadData(const std::string &path = {});
} // namespace fashion_mnist
namespace cifar10 {
/// u8 (50000, 32, 32, 3) and u8 (50000, 1); 10000 to test.
Split loadData(const std::string &path = {});
} // namespace cifar10
namespace cifar100 {
/// The same shapes. `labelMode` is "fine" or "coarse".
Split loadData(const std::string &labelMode = "fine", const std::string &path = {});
} // namespace cifar100
namespace boston_housing {
Split loadData(const data::HousingOptions &options = {}, const std::string &path = {});
} // namespace boston_housing
namespace california_housing {
Split loadData(const std::string &version = "large", const data::HousingOptions &options = {},
               const std::string &path = {});
} // namespace california_housing

/// Texts as lists of words' indices; utils::padSequences makes an array of them.
struct Texts {
  data::Sequences x;
  ingot::Tensor y;
};
struct TextSplit {
  Texts train, test;
};
namespace imdb {
TextSplit loadData(const data::TextOptions &options = {}, const std::string &path = {});
/// Words and their indices, by frequency from 1; loadData adds its indexFrom.
std::map<std::string, int64_t> getWordIndex(const std::string &path = {});
} // namespace imdb
namespace reuters {
TextSplit loadData(const data::TextOptions &options = {}, const std::string &path = {});
std::map<std::string, int64_t> getWordIndex(const std::string &path = {});
/// The names of its 46 classes.
std::vector<std::string> getLabelNames();
} // namespace reuters

} // namespace ingot::keras::datasets
