// Where NVRTC may be on this machine. Called by Nvrtc alone.
#pragma once
#include <string>
#include <vector>

namespace ingot::gpu {

struct NvrtcPlace {
  std::string why;       ///< "CUDA_HOME", "python3's packages"
  std::string directory; ///< not necessarily there
};

struct NvrtcSearch {
  /// The library that INGOT_NVRTC names; empty: not set. With it, nothing else is tried.
  std::string chosen;
  /// Directories to look into, in this order.
  std::vector<NvrtcPlace> places;
  /// What to look for in each of them, and at last wherever the system's loader looks.
  std::vector<std::string> names;
};

/// By the environment: $CUDA_HOME, $CUDA_PATH, the wheel nvidia-cuda-nvrtc in the packages of
/// $VIRTUAL_ENV and of the first python3 on PATH, /usr/local/cuda; the newest library first. The
/// last name is CUDA 11's, which is found to be told that it is too old. No program is run for it.
NvrtcSearch searchNvrtc();

} // namespace ingot::gpu
