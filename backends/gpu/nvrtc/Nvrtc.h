// NVRTC, NVIDIA's compiler of CUDA C++, as a library that may or may not be on this machine: it is
// no dependency of the build, and needs neither a GPU nor a driver. Called by CompileUnits.
//
// It is found in this order (each in docs/Dependencies.md): the file that INGOT_NVRTC names, where
// set, and nothing else then; $CUDA_HOME and $CUDA_PATH; the wheel nvidia-cuda-nvrtc in the
// packages of $VIRTUAL_ENV and of python3 on PATH; /usr/local/cuda; the loader's own places.
#pragma once
#include "backends/gpu/nvrtc/Architecture.h"
#include "backends/gpu/nvrtc/NvrtcSearch.h"
#include <memory>

namespace ingot::gpu {

class Nvrtc {
public:
  /// The one of this process, searched for at the first call and never unloaded. The error lists
  /// what was tried, and says what to do. Safe from any thread.
  static llvm::Expected<const Nvrtc *> get();
  /// The first that can be used.
  static llvm::Expected<std::unique_ptr<Nvrtc>> find(const NvrtcSearch &search);
  /// Loads this library. CUDA 12.0 is the oldest that will do.
  static llvm::Expected<std::unique_ptr<Nvrtc>> open(const std::string &path);
  ~Nvrtc();

  const std::string &path() const { return libraryPath; }
  std::string version() const; ///< "13.5"
  /// For keys of caches: another one for every library whose code may differ.
  const std::string &identity() const { return libraryIdentity; }
  /// Compute capabilities times ten, ascending, as the library tells them.
  llvm::ArrayRef<int> architectures() const { return supported; }
  /// An error, with a remedy, if this library is too old or too new for one of them.
  llvm::Error check(llvm::ArrayRef<Architecture> wanted) const;

  struct Compiled {
    /// A cubin; or PTX with a 0 behind it, which is counted, as the driver wants it.
    std::string bytes;
    std::string log; ///< warnings
  };
  /// CUDA C++ for "sm_80" (a cubin) or "compute_80" (PTX), with flags() and more. The same bytes
  /// for the same arguments. The error is the compiler's log, shortened, and names the kernel of
  /// each line that it is about. Thread-safe.
  llvm::Expected<Compiled> compile(llvm::StringRef source, llvm::StringRef target,
                                   llvm::ArrayRef<std::string> more = {}) const;

  /// What every unit is compiled with: no contraction, denormals kept, division and square root
  /// correctly rounded.
  static llvm::ArrayRef<llvm::StringRef> flags();

private:
  struct Functions;
  Nvrtc(std::string path, std::unique_ptr<Functions> functions);

  std::string libraryPath, libraryIdentity;
  std::unique_ptr<Functions> functions;
  int major = 0, minor = 0;
  std::vector<int> supported;
};

} // namespace ingot::gpu
