// Pictures in directories: which files there are, in Keras's order.
// Used by DirectoryFlow.cpp and ImageDirectory.cpp.
#ifndef INGOT_RUNTIME_DATA_IMAGEFILES_H
#define INGOT_RUNTIME_DATA_IMAGEFILES_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <string>
#include <vector>

namespace ingot::data {

/// Names of the subdirectories, sorted; links to directories count. NotFound, IoError.
Result<std::vector<std::string>> listSubdirectories(const std::string &directory, bool hidden);

/// Files under `directory` whose lower-case names end in one of `endings`: directories sorted by
/// path, files by name. Paths are relative to `directory`. Links to directories are followed only
/// where asked, and never in circles. None where the directory is not there.
std::vector<std::string> listFiles(const std::string &directory,
                                   const std::vector<std::string> &endings, bool followLinks);

/// Sets row `row` of `target` (f32 [batch, classes]) to zeros and a one.
void setOneHot(Tensor &target, int64_t row, int64_t index);

} // namespace ingot::data

#endif
