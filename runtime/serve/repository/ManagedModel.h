// ManagedModel: what the repository's thread knows of one model, and what follows from it: which
// versions to load and to unload, where labels lead. Decides and does nothing; touches no file.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_MANAGEDMODEL_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_MANAGEDMODEL_H

#include "runtime/serve/repository/ScanDirectory.h"
#include "runtime/serve/repository/Snapshot.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ingot::serve {

struct ManagedVersion {
  bool isOnDisk = false;
  FoundVersion found;          ///< as it was when it was last seen
  Clock::time_point firstSeen; ///< since when it has this fingerprint

  std::shared_ptr<const ModelVersion> serving; ///< NULL: not loaded
  std::string servingFingerprint;
  int loadedObjects = 0; ///< ModelVersions that are not freed yet: one serves, others drain

  bool isAwaited = false; ///< it will be loaded when its files are at rest
  bool isLoading = false;
  std::string loadingFingerprint;
  std::shared_ptr<std::atomic<bool>> isCancelled; ///< of the load

  Status error;                  ///< of the last load
  std::string failedFingerprint; ///< what could not be loaded
  int failures = 0;              ///< in a row
  Clock::time_point nextTry;     ///< max: not before its files change

  VersionState state() const;
};

class ManagedModel {
public:
  ManagedModel(std::string name, std::string base) : name(std::move(name)), base(std::move(base)) {}

  const std::string name;
  std::string base; ///< the repository that it is in; "": it was named by itself
  std::string directory;
  Status error;          ///< the first of the next three, as it was told
  Status directoryError; ///< as it was last looked at
  Status configError;    ///< of config.json
  Status refused;        ///< why `refusedConfig` cannot be applied to what serves
  std::optional<ModelConfig> refusedConfig;
  bool isListed = true;     ///< false: it is gone, and forgotten when nothing of it is left
  bool isWanted = true;     ///< false: unloaded by request
  bool isCountedIn = false; ///< readiness waits for it
  std::map<int64_t, ManagedVersion> versions;

  /// What counts is the first of: a load request's config, an entry's, config.json, defaults.
  std::optional<ModelConfig> requested, entry;
  std::string configFingerprint; ///< of config.json as it was read
  std::optional<ModelConfig> fileConfig;
  ModelConfig config;
  bool hasConfig = false; ///< false: config.json never could be read, and nothing is served

  std::map<std::string, int64_t> labelsInUse;

  /// Takes over what a scan has found.
  void update(const FoundModel &found, Clock::time_point now);
  /// Nothing of it is on disk any more.
  void vanish();
  /// All that failed or was refused is tried again at once.
  void forgetFailures();
  /// A load came to its end with `status`, which is of the files of `loadingFingerprint`.
  struct Retries {
    int most = 5;
    Clock::duration interval{};
  };
  void loadFailed(int64_t number, const Status &status, Clock::time_point now,
                  const Retries &retries);

  struct Plan {
    std::vector<int64_t> load, unload;
    bool isPending = false; ///< something is loading, or will be without anybody's doing
    Clock::time_point wake = Clock::time_point::max(); ///< when to ask again
  };
  /// Moves labels whose version is loaded, then decides.
  Plan plan(Clock::time_point now, Clock::duration settleTime);

  bool isServing() const;
  /// Nothing is loaded, loading or draining.
  bool isIdle() const;
  std::shared_ptr<const ModelSnapshot> snapshot() const;
  /// Why no version serves, as far as it is known.
  Status whyNothing() const;

private:
  void moveLabels();
  void forgetOldVersions();
};

} // namespace ingot::serve

#endif
