// Where the files of data sets are, and arrays of them. Private to runtime/data.
#ifndef INGOT_RUNTIME_DATA_DATASETFILES_H
#define INGOT_RUNTIME_DATA_DATASETFILES_H

#include "ingot/data/Datasets.h"
#include "ingot/data/GetFile.h"

namespace ingot::data {

/// A path of the user's own, and no name in the cache.
inline bool isOwnPath(const std::string &path) { return path.find('/') != std::string::npos; }

constexpr const char *kerasOrigin = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/";

/// The path of a data set of one file. The message of a failure says that a path can be given.
Result<std::string> locate(const DatasetSource &source, const std::string &name,
                           const std::string &origin, const std::string &hash);

/// Images and labels to train, images and labels to test, as they are stored, from a directory of
/// IDX files or an .npz. NotFound names what is missing. Defined in ImageDataset.cpp.
Result<std::vector<Tensor>> readImageArrays(const std::string &path);

} // namespace ingot::data

#endif
