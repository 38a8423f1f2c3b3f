// Writing files atomically: temporary name, fsync, rename, fsync of the directory. See
// AtomicFile.h.
#include "runtime/core/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace ingot {

Status errnoStatus(const char *action, const std::string &path, int error) {
  StatusCode code = StatusCode::IoError;
  const char *remedy = "";
  if (error == ENOENT || error == ENOTDIR) {
    code = StatusCode::NotFound;
  } else if (error == ENOSPC || error == EDQUOT) {
    code = StatusCode::ResourceExhausted;
    remedy = "; make room there, or choose a path on another disk";
  }
  return Status(code, std::string("cannot ") + action + " '" + path +
                          "': " + std::generic_category().message(error) + remedy);
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  static std::atomic<unsigned> counter{0};
  const std::string head = path + ".tmp-" + std::to_string(getpid()) + "-";
  for (;;) { // until a name is free: an earlier process of this id may have been killed
    std::string temporary = head + std::to_string(counter.fetch_add(1, std::memory_order_relaxed));
    int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0)
      return AtomicFile(descriptor, path, std::move(temporary));
    if (errno != EEXIST)
      return errnoStatus("create", path, errno);
  }
}

AtomicFile::AtomicFile(int descriptor, std::string path, std::string temporary)
    : descriptor_(descriptor), path_(std::move(path)), temporary_(std::move(temporary)) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0)
    return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

Status AtomicFile::write(const void *data, size_t bytes) {
  const char *next = static_cast<const char *>(data);
  while (bytes != 0) {
    ssize_t written = ::write(descriptor_, next, bytes);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errnoStatus("write", path_, errno);
    next += written;
    bytes -= static_cast<size_t>(written);
  }
  return Status::ok();
}

Status AtomicFile::commit() {
  if (fsync(descriptor_) != 0)
    return errnoStatus("sync", path_, errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0)
    return errnoStatus("rename the new file to", path_, errno);
  close(std::exchange(descriptor_, -1));
  // The rename itself is on disk once the directory is; a file system that cannot sync a directory
  // has still done the rename.
  size_t slash = path_.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  int handle = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle >= 0) {
    fsync(handle);
    close(handle);
  }
  return Status::ok();
}

} // namespace ingot
