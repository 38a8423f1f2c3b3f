// Regions of POSIX shared memory that clients registered. See SharedMemory.h.
#include "runtime/serve/inference/SharedMemory.h"

#include "runtime/core/AtomicFile.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ingot::serve {

namespace {
Status invalid(const std::string &name, const std::string &what) {
  return Status(StatusCode::InvalidArgument, "shared memory region '" + name + "': " + what);
}
} // namespace

SharedMemory::Region::~Region() {
  if (file_ >= 0)
    ::close(file_);
}

Status SharedMemory::Region::open() {
  file_ = ::shm_open(key.c_str(), O_RDWR | O_CLOEXEC, 0);
  if (file_ < 0)
    return errnoStatus("open shared memory", key, errno);
  return check(0, bytes);
}

Status SharedMemory::Region::check(uint64_t at, uint64_t size) const {
  if (at > bytes || size > bytes - at)
    return invalid(name, std::to_string(size) + " bytes at offset " + std::to_string(at) +
                             " are beyond its " + std::to_string(bytes) + " bytes");
  struct stat about{};
  if (::fstat(file_, &about) != 0)
    return errnoStatus("look at shared memory", key, errno);
  auto there = static_cast<uint64_t>(about.st_size);
  if (offset > there || at + size > there - offset)
    return invalid(name, std::to_string(size) + " bytes at offset " + std::to_string(offset + at) +
                             " are beyond '" + key + "', which has " + std::to_string(there) +
                             " bytes");
  return Status::ok();
}

Status SharedMemory::Region::read(uint64_t at, void *data, uint64_t size) const {
  INGOT_RETURN_IF_ERROR(check(at, size));
  for (uint64_t done = 0; done < size;) {
    ssize_t n = ::pread(file_, static_cast<char *>(data) + done, size - done,
                        static_cast<off_t>(offset + at + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errnoStatus("read shared memory", key, errno);
    if (n == 0)
      return invalid(name, "'" + key + "' was made shorter while it was read");
    done += static_cast<uint64_t>(n);
  }
  return Status::ok();
}

Status SharedMemory::Region::write(uint64_t at, const void *data, uint64_t size) const {
  INGOT_RETURN_IF_ERROR(check(at, size));
  for (uint64_t done = 0; done < size;) {
    ssize_t n = ::pwrite(file_, static_cast<const char *>(data) + done, size - done,
                         static_cast<off_t>(offset + at + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errnoStatus("write shared memory", key, errno);
    done += static_cast<uint64_t>(n);
  }
  return Status::ok();
}

Status SharedMemory::add(const std::string &name, const std::string &key, uint64_t offset,
                         uint64_t bytes) {
  if (name.empty())
    return Status(StatusCode::InvalidArgument, "a shared memory region needs a name");
  if (bytes == 0 || bytes > uint64_t{1} << 62 || offset > uint64_t{1} << 62)
    return invalid(name, "byte_size must be at least 1, offset and byte_size at most 2^62");
  if (key.empty() || key.find('/', 1) != std::string::npos || key.find('\0') != std::string::npos)
    return invalid(name, "'" + key + "' is no name of POSIX shared memory, such as \"/input\"");
  auto region = std::make_shared<Region>();
  region->name = name;
  region->key = key;
  region->offset = offset;
  region->bytes = bytes;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    INGOT_RETURN_IF_ERROR(checkRoom()); // before a file is opened, and again when it is kept
  }
  INGOT_RETURN_IF_ERROR(region->open());
  std::lock_guard<std::mutex> lock(mutex_);
  INGOT_RETURN_IF_ERROR(checkRoom());
  if (!regions_.emplace(name, std::move(region)).second)
    return invalid(name, "there is one of that name already; unregister it first");
  return Status::ok();
}

Status SharedMemory::checkRoom() const {
  if (regions_.size() < mostRegions)
    return Status::ok();
  return Status(StatusCode::ResourceExhausted,
                "there are " + std::to_string(mostRegions) +
                    " shared memory regions already; unregister those that are not needed");
}

void SharedMemory::remove(const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (name.empty())
    regions_.clear();
  else
    regions_.erase(name);
}

Result<std::vector<std::shared_ptr<const SharedMemory::Region>>>
SharedMemory::list(const std::string &name) const {
  std::vector<std::shared_ptr<const Region>> regions;
  if (!name.empty()) {
    INGOT_ASSIGN_OR_RETURN(auto region, find(name));
    regions.push_back(std::move(region));
    return regions;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto &entry : regions_)
    regions.push_back(entry.second);
  return regions;
}

Result<std::shared_ptr<const SharedMemory::Region>>
SharedMemory::find(const std::string &name) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = regions_.find(name);
  if (it == regions_.end())
    return Status(StatusCode::NotFound,
                  "there is no shared memory region '" + name + "'; register it first");
  return it->second;
}

} // namespace ingot::serve
