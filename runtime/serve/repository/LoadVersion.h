// LoadVersion: makes a ModelVersion of a version's directory: checks its files, compiles it where
// it is a source, opens it, makes queues, warms it up. Runs on a loader's thread.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_LOADVERSION_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_LOADVERSION_H

#include "runtime/serve/repository/CompileSource.h"
#include "runtime/serve/repository/ModelVersion.h"
#include "runtime/serve/repository/ScanDirectory.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace ingot::serve {

struct LoadRequest {
  std::string model;
  FoundVersion found;
  ModelConfig config;
  bool warmUp = true;
  bool isPaced = false; ///< other models serve meanwhile, and are not to notice
  CompilerOptions compiler;
  /// Set when nobody wants the version any more.
  std::shared_ptr<const std::atomic<bool>> isCancelled;
};

struct LoadResult {
  Status status;
  std::unique_ptr<ModelVersion> version; ///< NULL unless the status is ok
  std::chrono::nanoseconds took{0};
  std::chrono::nanoseconds compiled{0}; ///< of it in the compiler
};

LoadResult loadVersion(Scheduler &scheduler, const LoadRequest &request);

/// The same version under another config: artifact, state and statistics are shared, and so are the
/// queues where their options are the same. What was found out of rows stays; where they were
/// trusted and are not any more, it is found out here, on the calling thread.
Result<std::unique_ptr<ModelVersion>> withConfig(Scheduler &scheduler, const ModelVersion &version,
                                                 const ModelConfig &config);

} // namespace ingot::serve

#endif
