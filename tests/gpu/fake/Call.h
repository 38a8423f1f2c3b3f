// What each function of the fake driver begins with: the lock, the count, and the checks that hold
// for all of them.
#pragma once
#include "tests/gpu/fake/Machine.h"

namespace ingot::fake {

/// Contexts of this thread, the current one last. A context is its device.
inline thread_local std::vector<Device *> contexts;
inline thread_local char threadIdentity;

enum Needs {
  Nothing = 0,
  Started = 1,
  Context = 3,       ///< and one that is not lost
  NoCapture = 4 | 3, ///< cannot be called while this thread captures
};

struct Call {
  Call(const char *name, int needs) : name(name), lock(machine.mutex) {
    ++machine.counts[name];
    if ((needs & Started) && !machine.isStarted)
      error = wrong(CUDA_ERROR_NOT_INITIALIZED, "before cuInit");
    else if (needs >= Context && contexts.empty())
      error = wrong(CUDA_ERROR_INVALID_CONTEXT, "without a context");
    else if (needs >= Context && device()->retained == 0)
      error = wrong(CUDA_ERROR_CONTEXT_IS_DESTROYED, "in a context that was released");
    else if (needs == NoCapture && breakCapture())
      error = wrong(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "while a stream captures");
    else if (needs >= Context)
      error = device()->lostBy;
    if (error == CUDA_SUCCESS && needs >= Context)
      machine.somebodyElseRuns();
  }

  CUresult wrong(CUresult code, const std::string &text) {
    return machine.misuse(code, std::string(name) + ": " + text);
  }
  Device *device() { return contexts.back(); }
  /// Null: writes down that the handle is none, in `error`.
  template <typename T> T *find(Handles<T> &handles, const void *handle, const char *what) {
    T *found = handles.find(handle);
    if (!found)
      error = wrong(CUDA_ERROR_INVALID_HANDLE, std::string("no ") + what + " has this handle");
    return found;
  }
  Stream *stream(CUstream handle) {
    Stream *found = find(machine.streams, handle, "stream");
    if (found && found->device != device()) {
      error = wrong(CUDA_ERROR_INVALID_HANDLE, "the stream is of another device");
      return nullptr;
    }
    return found;
  }

  Machine &machine = Machine::instance();
  const char *name;
  std::lock_guard<std::recursive_mutex> lock;
  CUresult error = CUDA_SUCCESS;

private:
  /// Whether a capture keeps this thread from such calls; it is over then.
  bool breakCapture() {
    bool isBroken = false;
    for (auto &[handle, stream] : machine.streams)
      if (stream->isCapturing && stream->captureMode != CU_STREAM_CAPTURE_MODE_RELAXED &&
          (stream->captureMode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
           stream->captureThread == &threadIdentity))
        isBroken = stream->isBroken = true;
    return isBroken;
  }
};

/// The first line of a function of the driver.
#define FAKE_CALL(needs)                                                                           \
  ::ingot::fake::Call call(__func__, needs);                                                       \
  if (call.error != CUDA_SUCCESS)                                                                  \
  return call.error
#define FAKE_API extern "C" __attribute__((visibility("default")))

} // namespace ingot::fake
