// A file system of a few pages, so that a test meets a disk that is really full (ENOSPC).
//
// It is mounted for the calling thread alone and goes with it. Mounting needs a privilege: a test
// asks isMounted() and skips itself with the reason.
#pragma once
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace ingot::tests {

class SmallDisk {
public:
  /// Over a directory that is there.
  SmallDisk(std::string directory, int kibibytes) : directory(std::move(directory)) {
    const std::string size = "size=" + std::to_string(kibibytes) + "k";
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", this->directory.c_str(), "tmpfs", 0, size.c_str()) != 0)
      problem = std::string("no small file system can be mounted here: ") + std::strerror(errno);
  }
  ~SmallDisk() {
    if (isMounted())
      umount2(directory.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk &) = delete;

  bool isMounted() const { return problem.empty(); }
  const std::string &whyNot() const { return problem; }

  /// Writes a file that takes all the room there is.
  void fill() const {
    const int file = open(ballast().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const std::string page(4096, 'x');
    while (write(file, page.data(), page.size()) > 0) {
    }
    close(file);
  }
  /// Makes room again.
  void clear() const { unlink(ballast().c_str()); }

private:
  std::string ballast() const { return directory + "/ballast"; }
  std::string directory, problem;
};

} // namespace ingot::tests
