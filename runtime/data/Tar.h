// Tar archives (ustar, GNU and pax names are not needed: entries with long names keep their short
// ones), read from front to back. Used by Datasets.cpp and GetFile.cpp.
// Invariant: an entry's claimed size is compared with what its source can still give.
#ifndef INGOT_RUNTIME_DATA_TAR_H
#define INGOT_RUNTIME_DATA_TAR_H

#include "runtime/data/ByteSource.h"

#include <optional>

namespace ingot::data {

struct TarEntry {
  std::string name;
  bool isFile = false;
  bool isDirectory = false; ///< neither: a link, a device, an extension
  uint64_t size = 0;
};

class TarReader {
public:
  explicit TarReader(ByteSource &source) : source(source) {}

  /// The next entry; what was not read of the one before is skipped. None at the end. DataLoss.
  Result<std::optional<TarEntry>> next();

  /// What the entry holds, once.
  Result<std::vector<uint8_t>> contents();

private:
  Status skip(uint64_t bytes);

  ByteSource &source;
  uint64_t left = 0;    // of the entry
  uint64_t padding = 0; // behind it
};

} // namespace ingot::data

#endif
