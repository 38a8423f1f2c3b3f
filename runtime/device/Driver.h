// What the runtime asks of a driver, CUDA's or OpenCL's: one opened device, its queues, and the
// kernels of an artifact on it. DevicePlace stands on this.
//
// Invariant: no function here waits for the device unless it says so; what a Stream is given runs
// in that order, each when all before it is done. A DeviceDriver may be used by any number of
// threads, a Stream and what belongs to it by one at a time. Everything is destroyed before the
// driver it came from. Errors: ResourceExhausted (memory), Unsupported (images that the driver
// refuses), Internal (all else, in the driver's words).
#ifndef INGOT_RUNTIME_DEVICE_DRIVER_H
#define INGOT_RUNTIME_DEVICE_DRIVER_H

#include "ingot/Device.h"
#include "ingot/artifact.h"

#include <functional>
#include <memory>

namespace ingot {

/// Where the matrices of an ingot_product are on the device; `bias` may be NULL.
struct ProductOperands {
  const void *a, *b, *bias;
  void *d;
};

/// A point in a stream's work.
class Mark {
public:
  virtual ~Mark() = default;
};

/// Work that was recorded from a stream, for it to do again.
class Recording {
public:
  virtual ~Recording() = default;
};

/// Kernels on the device. Any number of streams use them at once.
class DeviceCode {
public:
  virtual ~DeviceCode() = default;
};

class Stream {
public:
  /// Waits for its work.
  virtual ~Stream() = default;

  /// Memory of the device, aligned to 128 at least, for this stream at once and for others after
  /// `wait`.
  virtual Result<void *> allocate(uint64_t bytes) = 0;
  /// When the work until now is done, the memory is gone. No other stream works on it.
  virtual void free(void *address) = 0;

  /// From staging memory and to it (DeviceDriver::allocateStaging), which is left alone until then.
  virtual Status upload(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status download(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status copy(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status store(void *to, int64_t value) = 0;
  virtual Status clear(void *to, uint64_t bytes) = 0;
  /// See ingot_device in artifact.h. Loads the kernel's unit where no kernel of it was launched
  /// before.
  virtual Status launch(DeviceCode &code, int64_t kernel, int64_t blocks,
                        void *const *parameters) = 0;
  /// The same by a library. False: nothing was put, as the artifact wants none for this product, or
  /// none has it.
  virtual Result<bool> multiply(DeviceCode &code, const ingot_product &product,
                                const ProductOperands &operands) = 0;

  /// Waits for all the work there is. An error is of any of it.
  virtual Status wait() = 0;

  virtual Result<std::unique_ptr<Mark>> makeMark(bool isTimed) = 0;
  virtual Status put(Mark &mark) = 0;
  /// Waits for the work before the mark, as it was put last.
  virtual Status wait(Mark &mark) = 0;
  /// What is put into this stream from now on begins when the work before the mark, which is
  /// another stream's, is done.
  virtual Status follow(Mark &mark) = 0;
  /// Between two timed marks that were waited for.
  virtual Result<double> secondsBetween(Mark &from, Mark &to) = 0;

  /// Whether there are recordings.
  virtual bool canRecord() const = 0;
  /// From now on copies, stores, clears, launches and products are recorded, not done, and nothing
  /// else is asked of the stream, until `endRecording`.
  virtual Status beginRecording() = 0;
  virtual Result<std::unique_ptr<Recording>> endRecording() = 0;
  virtual Status replay(Recording &recording) = 0;
};

class DeviceDriver {
public:
  virtual ~DeviceDriver() = default;
  virtual const DeviceInfo &info() const = 0;

  virtual Result<std::unique_ptr<Stream>> makeStream() = 0;

  /// Memory of the host that copies go through.
  virtual Result<void *> allocateStaging(uint64_t bytes) = 0;
  virtual void freeStaging(void *address) = 0;

  /// Whether the device takes images of that kind at all: an INGOT_IMAGE_….
  virtual bool takes(int64_t imageKind) const = 0;
  /// Whether kernels may have tensor maps as parameters.
  virtual bool hasTensorMaps() const = 0;
  /// See ingot_device in artifact.h. Internal: where the driver refuses the tensor, says what it
  /// asks of one.
  virtual Status encodeTensorMap(void *map, const ingot_tensor_map &tensor) = 0;
  /// Kernels of an entry that has images for this device; `code` outlives what is made.
  virtual Result<std::unique_ptr<DeviceCode>> load(const ingot_device_code &code) = 0;

  /// The library that computes products here: "cuBLASLt 13.1.0". Unavailable, Unsupported: why
  /// there is none.
  virtual Result<std::string> productLibrary() = 0;
  /// For measurements: asked about each product that the library has, whether it may compute it.
  /// Set while nothing runs.
  std::function<bool(const ingot_product &)> productWatcher;
};

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_DRIVER_H
