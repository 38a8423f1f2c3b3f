// Memory of a device for states, and runners for functions. See DevicePlace.h.
//
// What states ask for goes through one stream, of which each function here is done when it returns:
// other streams may use the memory at once.
#include "runtime/device/DevicePlace.h"
#include "runtime/device/Buffers.h"
#include "runtime/device/DeviceRunner.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace ingot {

namespace {

/// Copies of any size go through staging memory in pieces of at most this size.
constexpr uint64_t pieceBytes = 8 << 20;

class DevicePlace : public Place {
public:
  DevicePlace(std::shared_ptr<Device> device, std::unique_ptr<Stream> stream)
      : device_(std::move(device)), stream_(std::move(stream)), staging_(device_->driver()) {}
  ~DevicePlace() override { constants_.reset(); }

  Status load(const ingot_device_code &code);

  Result<PlacedBlock> allocate(uint64_t bytes) override;
  void free(void *block) override;
  Status write(void *to, const void *from, uint64_t bytes) override;
  Status read(void *to, const void *from, uint64_t bytes) override;
  Status clear(void *to, uint64_t bytes) override;
  void *onHost(void *) const override { return nullptr; }
  Result<std::unique_ptr<Runner>> makeRunner(const ingot_artifact_table &table,
                                             const ingot_function &function) override {
    return DeviceRunner::make(device_->driver(), *code_, constants_.get(), table, function);
  }

private:
  std::shared_ptr<Device> device_;
  std::unique_ptr<DeviceCode> code_;
  std::mutex mutex_; // of what follows
  std::unique_ptr<Stream> stream_;
  StagingBuffer staging_;
  PlacedBlock constants_;
};

Status DevicePlace::load(const ingot_device_code &code) {
  INGOT_ASSIGN_OR_RETURN(code_, device_->driver().load(code));
  if (code.constant_bytes == 0)
    return Status::ok();
  Result<PlacedBlock> block = allocate(code.constant_bytes);
  if (!block.isOk())
    return block.status().withContext("the constants");
  constants_ = std::move(*block);
  return write(constants_.get(), code.constants, code.constant_bytes);
}

Result<PlacedBlock> DevicePlace::allocate(uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  INGOT_ASSIGN_OR_RETURN(void *address, stream_->allocate(bytes));
  PlacedBlock block(address, {this});
  if (Status waited = stream_->wait(); !waited.isOk()) {
    stream_->free(block.release());
    return waited;
  }
  return block;
}

void DevicePlace::free(void *block) {
  std::lock_guard<std::mutex> lock(mutex_);
  stream_->free(block);
}

Status DevicePlace::write(void *to, const void *from, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  INGOT_RETURN_IF_ERROR(staging_.reserve(std::min(bytes, pieceBytes)));
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t piece = std::min(bytes - done, pieceBytes);
    std::memcpy(staging_.data(), static_cast<const char *>(from) + done, piece);
    INGOT_RETURN_IF_ERROR(stream_->upload(static_cast<char *>(to) + done, staging_.data(), piece));
    INGOT_RETURN_IF_ERROR(stream_->wait());
    done += piece;
  }
  return Status::ok();
}

Status DevicePlace::read(void *to, const void *from, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  INGOT_RETURN_IF_ERROR(staging_.reserve(std::min(bytes, pieceBytes)));
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t piece = std::min(bytes - done, pieceBytes);
    INGOT_RETURN_IF_ERROR(
        stream_->download(staging_.data(), static_cast<const char *>(from) + done, piece));
    INGOT_RETURN_IF_ERROR(stream_->wait());
    std::memcpy(static_cast<char *>(to) + done, staging_.data(), piece);
    done += piece;
  }
  return Status::ok();
}

Status DevicePlace::clear(void *to, uint64_t bytes) {
  if (bytes == 0)
    return Status::ok();
  std::lock_guard<std::mutex> lock(mutex_);
  INGOT_RETURN_IF_ERROR(stream_->clear(to, bytes));
  return stream_->wait();
}

} // namespace

Result<std::shared_ptr<Place>> makeDevicePlace(std::shared_ptr<Device> device,
                                               const ingot_device_code &code) {
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream, device->driver().makeStream());
  auto place = std::make_shared<DevicePlace>(std::move(device), std::move(stream));
  INGOT_RETURN_IF_ERROR(place->load(code));
  return std::shared_ptr<Place>(std::move(place));
}

} // namespace ingot
