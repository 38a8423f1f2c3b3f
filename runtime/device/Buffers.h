// Memory that grows: of a device, for one stream, and of the host, for copies to it and from it.
#ifndef INGOT_RUNTIME_DEVICE_BUFFERS_H
#define INGOT_RUNTIME_DEVICE_BUFFERS_H

#include "runtime/device/Driver.h"

#include <cstdint>
#include <string>

namespace ingot {

/// The stream outlives it.
class DeviceBuffer {
public:
  explicit DeviceBuffer(Stream &stream) : stream_(stream) {}
  ~DeviceBuffer() { release(); }
  DeviceBuffer(const DeviceBuffer &) = delete;
  DeviceBuffer &operator=(const DeviceBuffer &) = delete;

  /// What is put into the stream from now on finds so many bytes here; contents are lost where it
  /// grows. ResourceExhausted: there is nothing then.
  Status reserve(uint64_t bytes) {
    if (hasRoomFor(bytes))
      return Status::ok();
    release(); // the old one first: both may not fit
    INGOT_ASSIGN_OR_RETURN(address_, stream_.allocate(bytes));
    capacity_ = bytes;
    return Status::ok();
  }
  bool hasRoomFor(uint64_t bytes) const { return address_ && bytes <= capacity_; }
  char *data() const { return static_cast<char *>(address_); }
  uint64_t capacity() const { return capacity_; }

private:
  void release() {
    if (address_)
      stream_.free(address_);
    address_ = nullptr;
    capacity_ = 0;
  }

  Stream &stream_;
  void *address_ = nullptr;
  uint64_t capacity_ = 0;
};

/// The driver outlives it. No copy is under way when it grows or goes.
class StagingBuffer {
public:
  explicit StagingBuffer(DeviceDriver &driver) : driver_(driver) {}
  ~StagingBuffer() { release(); }
  StagingBuffer(const StagingBuffer &) = delete;
  StagingBuffer &operator=(const StagingBuffer &) = delete;

  /// Sees to so many bytes; contents are lost where it grows. ResourceExhausted.
  Status reserve(uint64_t bytes) {
    if (bytes <= capacity_)
      return Status::ok();
    release();
    INGOT_ASSIGN_OR_RETURN(address_, driver_.allocateStaging(bytes));
    capacity_ = bytes;
    return Status::ok();
  }
  char *data() const { return static_cast<char *>(address_); }
  uint64_t capacity() const { return capacity_; }

private:
  void release() {
    if (address_)
      driver_.freeStaging(address_);
    address_ = nullptr;
    capacity_ = 0;
  }

  DeviceDriver &driver_;
  void *address_ = nullptr;
  uint64_t capacity_ = 0;
};

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_BUFFERS_H
