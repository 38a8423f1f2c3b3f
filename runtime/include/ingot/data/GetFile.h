// Keras's get_file: a file of the cache, downloaded where it is not there.
//
// A download appears in the cache whole, with the right checksum, or not at all. It ends when it
// stalls for a minute, or when it is larger than `maxBytes`. Only http, https and file URLs are
// read.
#ifndef INGOT_DATA_GETFILE_H
#define INGOT_DATA_GETFILE_H

#include "ingot/Status.h"

#include <cstdint>
#include <functional>
#include <string>

namespace ingot::data {

struct GetFileOptions {
  std::string fname = {};    ///< in the cache; empty: the last part of `origin`
  std::string origin = {};   ///< URL
  std::string fileHash = {}; ///< SHA-256 (64 digits) or MD5 (32); empty: not checked
  std::string cacheSubdir = "datasets";
  std::string cacheDir = {}; ///< empty: cacheDirectory()
  bool forceDownload = false;
  /// Unpacks a tar, tar.gz or zip archive beside; the result is the directory. Links and names that
  /// lead elsewhere are refused.
  bool extract = false;
  uint64_t maxBytes = uint64_t(8) << 30;
  std::function<void(const std::string &)> report = nullptr; ///< hears that a download begins
};

/// $KERAS_HOME, or ~/.keras.
std::string cacheDirectory();

/// The path of the file, or of the directory it was unpacked to. NotFound or IoError when it cannot
/// be had: the message says where to put it by hand. DataLoss for a wrong checksum.
Result<std::string> getFile(const GetFileOptions &options);

} // namespace ingot::data

#endif
