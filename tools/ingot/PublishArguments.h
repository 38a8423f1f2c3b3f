// The options of `ingot compile --publish`: a version in a directory that ingot-serve looks at.
#pragma once
#include "runtime/core/AtomicDirectory.h"
#include "tools/ingot/Cli.h"
#include <optional>

namespace ingot::cli {

struct PublishArguments {
  std::string target; ///< MODEL_DIRECTORY or MODEL_DIRECTORY/VERSION; empty: not asked for
  std::string labels;

  bool isAsked() const { return !target.empty(); }
};

CLI::Option *addPublishOptions(CLI::App &command, PublishArguments &arguments);

/// A version that is being made: the artifact is written beside where it will be, and nothing is
/// left of it unless it is published.
class StagedVersion {
public:
  /// Throws Failure: usage, or what cannot be read or made.
  explicit StagedVersion(const PublishArguments &arguments);
  ~StagedVersion();
  StagedVersion(const StagedVersion &) = delete;
  StagedVersion &operator=(const StagedVersion &) = delete;
  /// Where the compiler puts the artifact.
  std::string artifact() const { return staging->path() + "/model.so"; }
  /// Returns the version's directory.
  std::string publish(const std::string &compilerVersion, const std::vector<std::string> &targets);

private:
  std::string modelDirectory, labels;
  int64_t version = 0;     // 0: the next free one
  bool isNewModel = false; // its directory was not there before
  std::optional<AtomicDirectory> staging;
};

} // namespace ingot::cli
