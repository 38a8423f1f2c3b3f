// Kernels for GPUs on the CPU: an image that clang++ made from the preludes' host meaning
// (backends/gpu/prelude/shim.h, CompileHost.h) is loaded and launched here, a fiber per thread.
//
// What the model promises: a kernel that runs without an error under all schedules keeps the rules
// that the engine knows: all threads meet at the same barriers, whole warps at collectives,
// asynchronous copies are waited for before they are read (their bytes are NaN until then), nothing
// outside of shared memory's arrays is touched, and, in instrumented images, no two threads touch
// the same bytes without a barrier in between. It says nothing of the hardware's rounding or speed.
#pragma once
#include "backends/gpu/prelude/shim_abi.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ingot::shim {

/// In which order threads run. A warp's threads always run until each waits for something.
struct Schedule {
  enum Order {
    Forward,    ///< warps in turn by number, and blocks
    Reverse,    ///< the last first: lanes, warps and blocks
    Random,     ///< by the seed, chosen anew whenever threads wait
    Skewed,     ///< one warp runs until it waits for the whole block, then the next; by the seed
    Interleaved ///< as Random, with two blocks at a time
  };
  Order order = Forward;
  uint64_t seed = 0;
};
/// "skewed 3": for the text of a test that fails.
std::string describe(Schedule schedule);
/// Forward, reverse, and the others with `seeds` seeds each.
std::vector<Schedule> allSchedules(int seeds = 3);

/// The table for ingot_host_bind.
const ShimEngine *engine();

/// Whether all of these bytes of global memory may be touched.
using Bounds = std::function<bool(const void *address, int64_t bytes)>;

/// Runs blocks * kernel.threads threads to their end. parameters[i] points at the i-th parameter's
/// value. The result is empty, or what the kernel did wrong, in which block and thread, and the
/// launch has ended there. A kernel's bad access to memory (SIGSEGV, SIGBUS), a division by zero
/// and an illegal instruction are such errors.
///
/// Of instrumented images, each access to global memory is asked of `bounds`, if there are any.
///
/// One launch at a time runs in a process; others wait. Stacks are known to the address sanitizer,
/// whose findings end the process as ever.
std::string launch(const ShimKernel &kernel, int64_t blocks, int64_t sharedBytes,
                   void *const *parameters, Schedule schedule = {}, Bounds bounds = {});

/// A loaded image. Its kernels must not be used after it.
class HostImage {
public:
  HostImage() = default;
  ~HostImage();
  HostImage(const HostImage &) = delete;
  HostImage &operator=(const HostImage &) = delete;

  /// Loads the shared object. Empty, or what is wrong with it.
  std::string open(const std::string &path);
  /// Null where the image has none of the name.
  const ShimKernel *kernel(const std::string &name) const;
  const std::vector<ShimKernel> &kernels() const { return kernels_; }

private:
  void *handle_ = nullptr;
  std::vector<ShimKernel> kernels_;
};

} // namespace ingot::shim
