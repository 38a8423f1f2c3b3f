// One library beside others in tests/bench/peers: a model with bound inputs, called from C. A side
// throws std::runtime_error where its library refuses; Sides.cpp turns that into a message. Peers
// come as the shared libraries of their Python wheels. No headers are needed: each file declares
// the few functions that it calls, by the vendor's documentation of its C interface. Only PyTorch,
// which has none but in C++, is built against its wheel's headers (TorchSide.cpp).
#pragma once
#include "ingot/ingot.h"
#include <dlfcn.h>
#include <memory>
#include <stdexcept>
#include <string>

namespace ingot::bench {

/// What is asked of a side; all pointers stay the caller's, and valid while the side exists.
struct Request {
  const char *library;  // the peer's shared library
  const char *model;    // an .onnx file, our artifact, a GraphDef; see each side
  const char *function; // of our artifact
  int32_t threads;
  int32_t count; // of the inputs
  const ingot_tensor *inputs;
};

class Side {
public:
  virtual ~Side() = default;
  virtual void run() = 0;
  /// The first output of the last run, f32; dims and data live until the next run.
  virtual ingot_tensor output() = 0;
};

std::unique_ptr<Side> openIngot(const Request &request);
std::unique_ptr<Side> openOnnxRuntime(const Request &request);
std::unique_ptr<Side> openOpenVino(const Request &request);
std::unique_ptr<Side> openTensorFlow(const Request &request);

/// Of the library that is linked: CSides.cpp in libingot_peer_calls.so, TorchSide.cpp in
/// libingot_torch_calls.so.
std::unique_ptr<Side> openSide(const std::string &kind, const Request &request);

/// The library's function of that name; `Function` is its type.
template <typename Function> Function *symbolOf(void *library, const char *name) {
  void *symbol = dlsym(library, name);
  if (!symbol)
    throw std::runtime_error(std::string("no function ") + name +
                             ": another version of the library?");
  return reinterpret_cast<Function *>(symbol);
}

/// Opened for good: such libraries do not survive being unloaded.
inline void *openLibrary(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(dlerror());
  return library;
}

inline int64_t elementsOf(const ingot_tensor &tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor.rank; ++i)
    count *= tensor.dims[i];
  return count;
}

} // namespace ingot::bench

// What Python calls, through ctypes. `message` is of kMessage bytes, and written where a call
// fails.
extern "C" {
enum { kMessage = 1024 };
/// The side of that name (sides.py) with its inputs bound; NULL where it cannot be.
ingot::bench::Side *ingot_bench_open(const char *kind, const ingot::bench::Request *request,
                                     char *message);
/// Seconds of a run, the mean of as many as fit into `window` after one that warms up; of a run
/// that is long beside it, just its own. Negative where a run fails.
double ingot_bench_time(ingot::bench::Side *side, double window, char *message);
/// `runs` runs; 0 where one fails.
int ingot_bench_run(ingot::bench::Side *side, int64_t runs, char *message);
/// The first output; 0 where there is none.
int ingot_bench_output(ingot::bench::Side *side, ingot_tensor *output, char *message);
void ingot_bench_close(ingot::bench::Side *side);
}
