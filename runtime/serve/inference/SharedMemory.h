// SharedMemory: regions of System V style POSIX shared memory (shm_open) that clients on this
// machine registered, so that tensors need not travel through a socket. Triton's extension "system
// shared memory"; there is no CUDA memory here.
//
// Invariant: a region stays mapped while somebody has it (Region is shared), also after it was
// unregistered. What is read and written is checked against its size, never against the client's
// word.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_SHAREDMEMORY_H
#define INGOT_RUNTIME_SERVE_INFERENCE_SHAREDMEMORY_H

#include "ingot/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ingot::serve {

class SharedMemory {
public:
  struct Region {
    std::string name, key;
    uint64_t offset = 0, bytes = 0; ///< of the region within the object
    char *data = nullptr;           ///< its first byte
    ~Region();
    void *mapped = nullptr;
    uint64_t mappedBytes = 0;
  };

  /// InvalidArgument (a name that is taken, a range outside the object), NotFound (no such object),
  /// IoError.
  Status add(const std::string &name, const std::string &key, uint64_t offset, uint64_t bytes);
  /// Of one region or, with "", all. No error where there is none.
  void remove(const std::string &name);
  /// All, or the one of that name. NotFound.
  Result<std::vector<std::shared_ptr<const Region>>> list(const std::string &name) const;
  /// `bytes` bytes at `offset` of the region: their address, and the region that keeps them there.
  /// NotFound, InvalidArgument.
  struct Range {
    std::shared_ptr<const Region> region;
    char *data = nullptr;
  };
  Result<Range> range(const std::string &name, uint64_t offset, uint64_t bytes) const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Region>> regions_;
};

} // namespace ingot::serve

#endif
