// Snapshot: what is served at a moment, as readers see it; and where they find the newest.
//
// Invariant: a snapshot is immutable. Reading takes no lock that another serving thread is likely
// to want: each thread has one of several copies of the pointer to the newest.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_SNAPSHOT_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_SNAPSHOT_H

#include "runtime/serve/repository/Repository.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

struct ModelSnapshot {
  ModelStatus status;
  std::string policy;      ///< which versions are served, in words
  bool isGone = false;     ///< from its repository; only what drains is left
  bool isUnloaded = false; ///< by request, or not loaded yet where all is by request
  std::map<int64_t, std::shared_ptr<const ModelVersion>> available;
  std::map<std::string, int64_t, std::less<>> labels; ///< all that the config has
  /// Where they lead now: a label that is to move stays until the version is loaded.
  std::map<std::string, std::shared_ptr<const ModelVersion>, std::less<>> labelled;

  Result<std::shared_ptr<const ModelVersion>> find(const VersionChoice &choice) const;

private:
  Result<std::shared_ptr<const ModelVersion>> findLatest() const;
  Result<std::shared_ptr<const ModelVersion>> findNumber(int64_t number) const;
  Result<std::shared_ptr<const ModelVersion>> findLabel(std::string_view label) const;
};

struct Snapshot {
  std::map<std::string, std::shared_ptr<const ModelSnapshot>, std::less<>> models;

  /// NotFound, and those there are.
  Result<const ModelSnapshot *> model(std::string_view name) const;
};

class NewestSnapshot {
public:
  NewestSnapshot();
  std::shared_ptr<const Snapshot> get() const;
  /// One thread at a time.
  void set(const std::shared_ptr<const Snapshot> &snapshot);

private:
  struct alignas(64) Copy {
    mutable std::mutex mutex;
    std::shared_ptr<const Snapshot> snapshot; ///< with a count of its own
  };
  std::array<Copy, 16> copies_;
};

} // namespace ingot::serve

#endif
