// Looks at the ELF headers of a file before dlopen does. See Checks.h.
#include "runtime/core/AtomicFile.h"
#include "runtime/model/Checks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace ingot {

namespace {
#if defined(__x86_64__)
constexpr int hostMachine = EM_X86_64;
constexpr const char *hostName = "x86-64";
#elif defined(__aarch64__)
constexpr int hostMachine = EM_AARCH64;
constexpr const char *hostName = "aarch64";
#else
#error "name this machine's ELF number here"
#endif

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0)
      close(value);
  }
};

bool readAt(int descriptor, void *out, size_t bytes, uint64_t offset) {
  return pread(descriptor, out, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
}

Status truncated(const std::string &path, uint64_t expected, uint64_t size) {
  return Status(StatusCode::DataLoss, "'" + path + "' is truncated: its headers speak of " +
                                          std::to_string(expected) + " bytes, the file has " +
                                          std::to_string(size) + "; copy or compile it again");
}
} // namespace

Status checkSharedObject(const std::string &path) {
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat info;
  if (file.value < 0 || fstat(file.value, &info) != 0)
    return errnoStatus("open", path, errno);
  if (!S_ISREG(info.st_mode))
    return Status(StatusCode::Unsupported, "'" + path + "' is not a file");
  auto size = static_cast<uint64_t>(info.st_size);
  Elf64_Ehdr header;
  if (size < sizeof(header) || !readAt(file.value, &header, sizeof(header), 0) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return Status(StatusCode::Unsupported,
                  "'" + path +
                      "' is not a shared object; `ingot compile MODEL -o model.so` makes one");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != hostMachine)
    return Status(StatusCode::Unsupported,
                  "'" + path + "' is made for another machine (ELF machine " +
                      std::to_string(header.e_machine) + "), this one is " + hostName);
  if (header.e_type != ET_DYN)
    return Status(StatusCode::Unsupported, "'" + path +
                                               "' is an ELF file but no shared object (type " +
                                               std::to_string(header.e_type) + ")");
  if (header.e_phentsize != sizeof(Elf64_Phdr))
    return Status(StatusCode::DataLoss, "'" + path + "' has a damaged ELF header");
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  uint64_t segmentBytes = segments.size() * sizeof(Elf64_Phdr);
  if (header.e_phoff > size || segmentBytes > size - header.e_phoff)
    return truncated(path, header.e_phoff + segmentBytes, size);
  if (!readAt(file.value, segments.data(), segmentBytes, header.e_phoff))
    return errnoStatus("read", path, EIO);
  for (const Elf64_Phdr &segment : segments)
    if (segment.p_filesz != 0 &&
        (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
      return truncated(path, segment.p_offset + segment.p_filesz, size);
  return Status::ok();
}

} // namespace ingot
