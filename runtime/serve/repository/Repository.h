// Repository: the models that are served, and the thread that loads and unloads their versions.
//
//   <directory>/<model>/config.json            how it is served (optional, ModelConfig.h)
//   <directory>/<model>/<version>/MANIFEST.json, model.so, …    docs/Serving.md
//
// Invariant: what `find` returns is loaded, warmed up and complete. A version is loaded beside the
// one that serves, takes its place in one step, and the old one is let go when its last request is
// done; loading never runs on a thread that serves. A version that cannot be loaded changes nothing
// for the others.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_REPOSITORY_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_REPOSITORY_H

#include "runtime/serve/repository/ModelConfig.h"
#include "runtime/serve/repository/ModelVersion.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

/// Which version of a model a request wants.
struct VersionChoice {
  enum class Kind { Latest, Number, Label };
  Kind kind = Kind::Latest;
  int64_t number = 0;
  std::string label;
  static VersionChoice latest() { return {}; }
  static VersionChoice of(int64_t number) { return {Kind::Number, number, {}}; }
  static VersionChoice labelled(std::string label) { return {Kind::Label, 0, std::move(label)}; }
};

/// TF Serving's states, with its numbers.
enum class VersionState { Start = 10, Loading = 20, Available = 30, Unloading = 40, End = 50 };
const char *toString(VersionState state); // "AVAILABLE"

struct VersionStatus {
  int64_t version = 0;
  VersionState state = VersionState::Start;
  /// Why it could not be loaded; then the state is End, or Available where what was loaded before
  /// from the same directory still serves.
  Status error;
  /// Labels that name it.
  std::vector<std::string> labels;
};

struct ModelStatus {
  std::string model;
  Status error; ///< of its config or directory; then nothing changes until it is mended
  std::vector<VersionStatus> versions; ///< ascending; those once seen too, as long as the model is
};

/// A model with a config of its own, as from a TF Serving model_config_file.
struct ModelEntry {
  std::string name, directory;
  ModelConfig config;
};

/// What a repository starts with.
struct RepositoryOptions {
  /// Directories of models; a model of the same name in two is refused.
  std::vector<std::string> directories;
  /// Models elsewhere: name -> base directory (TF Serving's --model_base_path).
  std::map<std::string, std::string> models;
  /// The same with configs, which count instead of config.json.
  std::vector<ModelEntry> entries;
  ModelConfig defaults;
  /// How often directories are looked at; zero: only on request (reload, load, unload).
  std::chrono::milliseconds pollInterval{1000};
  /// A source, which may be in the middle of being copied, is taken when its files have not changed
  /// for so long.
  std::chrono::milliseconds sourceSettleTime{2000};
  /// True: nothing is loaded but what `load` is called for (Triton's explicit mode).
  bool isExplicit = false;
  /// Models that are loaded at first in explicit mode; "*" is all.
  std::vector<std::string> loadAtStart;
  int maxLoadRetries = 5;
  std::chrono::milliseconds loadRetryInterval{60000};
  int loadThreads = 1;
  bool warmUp = true;
  /// For versions that hold a source (model.onnx, model.keras, model.json): the program that
  /// compiles them, "" finds `ingot` beside this one; where its results are kept; its limits.
  std::string compiler;
  std::string compileCacheDirectory; ///< "": below $XDG_CACHE_HOME or ~/.cache
  uint64_t compileCacheBytes = uint64_t{32} << 30;
  uint64_t compileMemoryBytes = uint64_t{8} << 30;
  std::chrono::seconds compileTimeout{600};
};

/// How a version was loaded, or not, or what is wrong with a model: for metrics and logs.
struct LoadEvent {
  std::string model;
  int64_t version = 0; ///< 0 where it is of the model
  bool isUnload = false;
  Status status;
  std::chrono::nanoseconds took{0};
  std::chrono::nanoseconds compiled{0}; ///< of it in `ingot compile`; zero: not needed, or cached
  /// Nothing was loaded or unloaded: `status` is of the model's directory or config.
  bool isOfModel = false;
};

class Repository {
public:
  /// Scans, and returns at once; versions are loaded behind it (see isReady). The scheduler
  /// outlives the repository. `observe` is called on the repository's thread, which does nothing
  /// else meanwhile: it must not call load, unload, reload or replaceModels. IoError, NotFound (a
  /// directory, a model to load), InvalidArgument (options). A model with a config.json that cannot
  /// be read is not served, which its status says.
  static Result<std::unique_ptr<Repository>>
  open(Scheduler &scheduler, RepositoryOptions options,
       std::function<void(const LoadEvent &)> observe = {});
  virtual ~Repository() = default; ///< unloads everything

  /// NotFound (model, version, label; the message lists what there is), Unavailable (it is being
  /// loaded, or could not be: with the reason).
  virtual Result<std::shared_ptr<const ModelVersion>> find(std::string_view model,
                                                           const VersionChoice &choice) const = 0;
  /// NotFound.
  virtual Result<ModelStatus> status(std::string_view model) const = 0;
  /// Every model that is known, loaded or not, by name.
  virtual std::vector<ModelStatus> index() const = 0;
  /// All versions that serve now.
  virtual std::vector<std::shared_ptr<const ModelVersion>> loaded() const = 0;
  /// True from the moment on when all versions that should serve, of the models that were there at
  /// first, do, or were tried and cannot. What comes later does not undo it.
  virtual bool isReady() const = 0;
  /// Waits for isReady. False: not by `deadline`.
  virtual bool awaitReady(Clock::time_point deadline) const = 0;

  /// Loads a model now, or what has changed of it, and waits for it; with another config where one
  /// is given, instead of its own until the next load. NotFound, FailedPrecondition (no version of
  /// it can be loaded), InvalidArgument (config), and what loading says.
  virtual Status load(std::string_view model, const std::optional<ModelConfig> &config) = 0;
  /// Takes a model out of service and returns once no new request gets it; it stays so until it is
  /// loaded again. NotFound.
  virtual Status unload(std::string_view model) = 0;
  /// Looks at all directories and config files now, and waits until what changed is loaded, each
  /// model tried once. The first error, if any; models without errors are served all the same.
  virtual Status reload() = 0;
  /// Replaces the set of models and their configs (TF Serving's HandleReloadConfigRequest) and
  /// waits as `reload` does: those not named are unloaded, directories of models no longer looked
  /// at. Of a model that serves, labels may only name versions that do: else FailedPrecondition,
  /// and nothing changes. InvalidArgument, NotFound (a directory): nothing changes.
  using ModelEntry = serve::ModelEntry;
  virtual Status replaceModels(const std::vector<ModelEntry> &models) = 0;
  /// From now on nothing is loaded: what is being loaded or compiled is given up, and whoever waits
  /// for it is told so (Unavailable). What serves goes on. Returns at once.
  virtual void stopLoading() {}

protected:
  Repository() = default;
};

} // namespace ingot::serve

#endif
