// Unpacks archives below a directory. Used by GetFile.cpp.
#ifndef INGOT_RUNTIME_DATA_EXTRACT_H
#define INGOT_RUNTIME_DATA_EXTRACT_H

#include "ingot/Status.h"

#include <string>

namespace ingot::data {

/// Unpacks `archive` (tar, tar.gz or zip, told by content) into `directory`, which appears whole or
/// not at all. Unsupported for another format, DataLoss for names that lead out of the directory.
Status extractArchive(const std::string &archive, const std::string &directory);

} // namespace ingot::data

#endif
