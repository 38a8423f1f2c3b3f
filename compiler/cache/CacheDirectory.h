// The compile cache on disk: bytes by the digest of all that they were made from. Any number of
// processes use one directory at once: an entry appears whole or not at all, what is damaged counts
// as missing, and what one process removes another one goes on reading. Called by back ends.
#pragma once
#include "compiler/Compile.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace ingot {

/// Collects what an entry is made from. Parts do not run into one another.
class CacheKey {
public:
  CacheKey &add(llvm::StringRef part);
  /// 64 hexadecimal digits.
  std::string digest() const;

private:
  std::string parts; // digests
};

/// What tells this compiler from every other one: the build ids of the program and of the libraries
/// that it has loaded, never a version number. Programs that were linked anew have another one.
const std::string &compilerIdentity();

class CacheDirectory {
public:
  explicit CacheDirectory(const CompileCache &options) : options(options) {}

  /// The bytes, as they were stored. What cannot be read, or is not as it was written, is nothing.
  std::optional<std::string> find(const std::string &key) const;
  /// Keeps the bytes, then removes what was not used for longest as long as all take more than they
  /// may. What went wrong, or nothing: a full disk is no reason not to go on.
  std::string store(const std::string &key, llvm::StringRef bytes) const;

private:
  void trim() const;
  std::string pathOf(const std::string &key) const { return options.directory + "/" + key; }
  const CompileCache &options;
};

} // namespace ingot
