// AtomicDirectory: writes a directory of files that appears complete or not at all.
//
// Invariant: the final name refers either to what it did before or to everything written, synced to
// disk, whatever happens to the writer: a failure, a full disk, a kill. Used by whoever saves model
// directories.
#ifndef INGOT_RUNTIME_CORE_ATOMICDIRECTORY_H
#define INGOT_RUNTIME_CORE_ATOMICDIRECTORY_H

#include "ingot/Status.h"

#include <string>

namespace ingot {

class AtomicDirectory {
public:
  /// Makes a directory of its own beside `target` ("<parent>/.tmp-<name>-<pid>-<n>"), and the
  /// parents that are not there. A writer that is killed leaves it behind; readers know it by its
  /// dot.
  static Result<AtomicDirectory> create(const std::string &target);
  AtomicDirectory(AtomicDirectory &&other) noexcept;
  AtomicDirectory &operator=(AtomicDirectory &&) = delete;
  /// Without a commit before, removes what was written.
  ~AtomicDirectory();

  /// Where to put the files.
  const std::string &path() const { return temporary_; }

  /// Syncs every file and directory in it, gives it the target's name in one step, syncs the parent
  /// and removes what had that name before. Where the file system cannot exchange two names
  /// (renameat2's RENAME_EXCHANGE), what was there is first renamed to previousName(target), and
  /// is there, whole, if the writer is killed before the next rename. Call it once, last.
  Status commit();

  /// The same under a name that nobody has yet, "<parent>/<name>" of the same parent. False: the
  /// name is taken by now, and nothing happened; it may be called again with another.
  Result<bool> commitNew(const std::string &target);

  /// "<parent>/.previous-<name>": see commit. Readers that miss `target` look there.
  static std::string previousName(const std::string &target);
  /// commit's second way of taking a name that is in use; for file systems that need it, and tests.
  static Status replaceByRenames(const std::string &temporary, const std::string &target);

private:
  AtomicDirectory(std::string target, std::string temporary);
  std::string target_, temporary_; // temporary_ empty: nothing to remove
};

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_ATOMICDIRECTORY_H
