// AtomicFile: writes a file that appears complete or not at all.
//
// Invariant: the final name refers either to what it did before or to everything written, synced to
// disk; a writer that dies or is destroyed before commit() leaves no file of the final name behind.
// Used by State::save and by whoever writes checkpoints.
#ifndef INGOT_RUNTIME_CORE_ATOMICFILE_H
#define INGOT_RUNTIME_CORE_ATOMICFILE_H

#include "ingot/Status.h"

#include <cstddef>
#include <string>

namespace ingot {

/// Status of a failed system call: "cannot <action> '<path>': <errno's words>"; NotFound for
/// ENOENT, ResourceExhausted, with what to do, for ENOSPC and EDQUOT, else IoError.
Status errnoStatus(const char *action, const std::string &path, int error);

class AtomicFile {
public:
  /// Opens a temporary file beside `path` ("<path>.tmp-<pid>-<n>"). Errors name `path`.
  static Result<AtomicFile> create(const std::string &path);
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  Status write(const void *data, size_t bytes);
  /// Syncs, renames to the final name and syncs the directory. Call it once, last.
  Status commit();

private:
  AtomicFile(int descriptor, std::string path, std::string temporary);
  int descriptor_;
  std::string path_;
  std::string temporary_;
};

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_ATOMICFILE_H
