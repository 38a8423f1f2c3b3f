// Writing directories atomically: temporary name, fsync of all, one rename or exchange, fsync of
// the parent. See AtomicDirectory.h.
#include "runtime/core/AtomicDirectory.h"
#include "runtime/core/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace ingot {

namespace fs = std::filesystem;

namespace {

std::string parentOf(const std::string &path) {
  fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

Status syncPath(const std::string &path, int flags) {
  const int handle = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (handle < 0)
    return errnoStatus("open", path, errno);
  const int error = fsync(handle) == 0 ? 0 : errno;
  close(handle);
  // A file system that cannot sync a directory has its names on disk or nowhere.
  if (error == 0 || (error == EINVAL && (flags & O_DIRECTORY)))
    return Status();
  return errnoStatus("sync", path, error);
}

Status syncAll(const std::string &directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    INGOT_RETURN_IF_ERROR(fs::is_directory(entry->symlink_status()) ? syncAll(path)
                                                                    : syncPath(path, O_NOFOLLOW));
  }
  if (error)
    return errnoStatus("list", directory, error.value());
  return syncPath(directory, O_DIRECTORY);
}

/// Makes the directories that are not there, and syncs those that hold the new names.
Status makeParents(const std::string &directory) {
  std::vector<std::string> changed;
  std::error_code error;
  for (std::string at = directory; !fs::exists(at, error) && at != parentOf(at);) {
    at = parentOf(at);
    changed.push_back(at);
  }
  fs::create_directories(directory, error);
  if (error)
    return errnoStatus("make", directory, error.value());
  for (const std::string &holder : changed)
    INGOT_RETURN_IF_ERROR(syncPath(holder, O_DIRECTORY));
  return Status();
}

void removeAll(const std::string &directory) {
  std::error_code ignored; // what cannot be removed stays, under a name that readers pass by
  fs::remove_all(directory, ignored);
}

/// renameat2 by its number: Debian 12's glibc has a wrapper, older ones do not.
int renameWith(const std::string &from, const std::string &to, unsigned flags) {
  return static_cast<int>(
      syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags));
}

} // namespace

Result<AtomicDirectory> AtomicDirectory::create(const std::string &target) {
  const std::string parent = parentOf(target);
  INGOT_RETURN_IF_ERROR(makeParents(parent));
  static std::atomic<unsigned> counter{0};
  const std::string head =
      (fs::path(parent) / (".tmp-" + fs::path(target).filename().string() + "-")).string() +
      std::to_string(getpid()) + "-";
  for (;;) { // until a name is free: an earlier process of this id may have been killed
    std::string temporary = head + std::to_string(counter.fetch_add(1, std::memory_order_relaxed));
    if (mkdir(temporary.c_str(), 0777) == 0)
      return AtomicDirectory(target, std::move(temporary));
    if (errno != EEXIST)
      return errnoStatus("make", temporary, errno);
  }
}

AtomicDirectory::AtomicDirectory(std::string target, std::string temporary)
    : target_(std::move(target)), temporary_(std::move(temporary)) {}

AtomicDirectory::AtomicDirectory(AtomicDirectory &&other) noexcept
    : target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})) {}

AtomicDirectory::~AtomicDirectory() {
  if (!temporary_.empty())
    removeAll(temporary_);
}

std::string AtomicDirectory::previousName(const std::string &target) {
  return (fs::path(parentOf(target)) / (".previous-" + fs::path(target).filename().string()))
      .string();
}

Status AtomicDirectory::replaceByRenames(const std::string &temporary, const std::string &target) {
  const std::string previous = previousName(target);
  removeAll(previous); // the target is there, so this is of a writer that finished or gave up
  if (rename(target.c_str(), previous.c_str()) != 0)
    return errnoStatus("rename the old version of", target, errno);
  if (rename(temporary.c_str(), target.c_str()) != 0) {
    const int error = errno;
    rename(previous.c_str(), target.c_str()); // back; if not, readers find it where it is
    return errnoStatus("rename the new version to", target, error);
  }
  INGOT_RETURN_IF_ERROR(syncPath(parentOf(target), O_DIRECTORY));
  removeAll(previous);
  return Status();
}

Status AtomicDirectory::commit() {
  INGOT_RETURN_IF_ERROR(syncAll(temporary_));
  // Another writer may make or take away the target between two looks at it.
  for (int attempt = 0;; ++attempt) {
    if (rename(temporary_.c_str(), target_.c_str()) == 0) { // new, or an empty directory
      temporary_.clear();
      break;
    }
    if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
      return errnoStatus("rename the new version to", target_, errno);
    if (renameWith(temporary_, target_, RENAME_EXCHANGE) == 0)
      break; // temporary_ is what the target was: the destructor removes it
    if (errno == EINVAL || errno == ENOSYS || errno == EPERM) {
      INGOT_RETURN_IF_ERROR(replaceByRenames(temporary_, target_));
      temporary_.clear();
      return Status();
    }
    if (errno != ENOENT || attempt == 100)
      return errnoStatus("exchange the old and the new version of", target_, errno);
  }
  INGOT_RETURN_IF_ERROR(syncPath(parentOf(target_), O_DIRECTORY));
  removeAll(previousName(target_)); // of a writer that was killed
  return Status();
}

Result<bool> AtomicDirectory::commitNew(const std::string &target) {
  INGOT_RETURN_IF_ERROR(syncAll(temporary_));
  // Without RENAME_NOREPLACE, which not every file system has: a directory that is not empty is
  // never replaced by a rename.
  if (rename(temporary_.c_str(), target.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
      return false;
    return errnoStatus("rename the new version to", target, errno);
  }
  temporary_.clear();
  INGOT_RETURN_IF_ERROR(syncPath(parentOf(target), O_DIRECTORY));
  return true;
}

} // namespace ingot
