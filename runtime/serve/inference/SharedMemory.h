// SharedMemory: regions of POSIX shared memory (shm_open) that clients on this machine registered,
// so that tensors need not travel through a socket. Triton's extension "system shared memory";
// there is no CUDA memory here.
//
// Invariant: what is read and written is checked against the region's size, never against the
// client's word. Regions are read and written as files, not mapped: a client that truncates its
// object gets an error, where a mapping would kill the server (SIGBUS); nor can it change an input
// while a model computes with it.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_SHAREDMEMORY_H
#define INGOT_RUNTIME_SERVE_INFERENCE_SHAREDMEMORY_H

#include "ingot/Status.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ingot::serve {

class SharedMemory {
public:
  static constexpr size_t mostRegions = 1024;

  class Region {
  public:
    std::string name, key;
    uint64_t offset = 0, bytes = 0; ///< of the region within the object

    Region() = default;
    Region(const Region &) = delete;
    Region &operator=(const Region &) = delete;
    ~Region();

    /// Copies bytes at `at` of the region. InvalidArgument: beyond its end, or of what its object
    /// still has; IoError.
    Status read(uint64_t at, void *data, uint64_t size) const;
    Status write(uint64_t at, const void *data, uint64_t size) const;

  private:
    friend class SharedMemory;
    Status open();
    Status check(uint64_t at, uint64_t size) const;
    int file_ = -1;
  };

  /// InvalidArgument (a name that is taken, a range outside the object), NotFound (no such object),
  /// ResourceExhausted (there are as many as may be: each holds a file open), IoError.
  Status add(const std::string &name, const std::string &key, uint64_t offset, uint64_t bytes);
  /// Of one region or, with "", all. No error where there is none.
  void remove(const std::string &name);
  /// All, or the one of that name. NotFound.
  Result<std::vector<std::shared_ptr<const Region>>> list(const std::string &name) const;
  /// The region of that name; it stays usable after it was removed. NotFound.
  Result<std::shared_ptr<const Region>> find(const std::string &name) const;

private:
  Status checkRoom() const; ///< with mutex_
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Region>> regions_;
};

} // namespace ingot::serve

#endif
