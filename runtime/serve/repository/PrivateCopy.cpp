// See PrivateCopy.h.
#include "runtime/serve/repository/PrivateCopy.h"

#include "runtime/core/AtomicFile.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace ingot::serve {

Result<PrivateCopy> PrivateCopy::create(const std::string &name) {
  int descriptor = memfd_create(name.substr(0, 200).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0)
    return errnoStatus("make a copy in memory of", name, errno);
  return PrivateCopy(descriptor);
}

PrivateCopy::PrivateCopy(PrivateCopy &&other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

PrivateCopy::~PrivateCopy() {
  if (descriptor_ >= 0)
    close(descriptor_);
}

Status PrivateCopy::append(const char *data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = write(descriptor_, data, bytes);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errnoStatus("write", "a copy in memory", errno);
    data += written;
    bytes -= static_cast<size_t>(written);
  }
  return Status();
}

Status PrivateCopy::seal() {
  if (fcntl(descriptor_, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
      0)
    return errnoStatus("seal", "a copy in memory", errno);
  if (access(path().c_str(), R_OK) != 0) // in a bare chroot
    return errnoStatus("open", path() + " (is /proc mounted?)", errno);
  return Status();
}

std::string PrivateCopy::path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

} // namespace ingot::serve
