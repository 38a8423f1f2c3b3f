// One function of a compiled model, ready to be called: artifact, state, session and inputs. Used
// by bench and profile; run shares the first steps.
#pragma once
#include "ingot/Model.h"
#include "tools/ingot/CompareInputs.h"

namespace ingot::cli {

/// The name asked for; without one the only function, else `predict`. Throws Failure.
std::string functionName(const Artifact &artifact, const std::string &asked);

/// Opens an artifact for the device ("cuda", "opencl:0"), or for the CPU where none is named.
/// Throws Failure.
std::shared_ptr<const Artifact> openArtifact(const std::string &path, const std::string &symbol,
                                             const std::string &device);
/// --device.
void addDevice(CLI::App &command, std::string &device);

/// A state with the values of the files; an empty path is none. Throws Failure where the function
/// needs weights and there are none.
std::unique_ptr<State> makeState(const std::shared_ptr<const Artifact> &artifact,
                                 const ingot_function &function, const std::string &weights,
                                 const std::string &checkpoint);

struct CallArguments {
  std::string artifact, symbol = "ingot_artifact", device, function, weights, state;
  std::vector<std::string> inputs, sizes;
};
/// ARTIFACT, --device, --function, --input, --shape, --weights, --state and --symbol.
void addCallOptions(CLI::App &command, CallArguments &arguments);

/// Inputs without a file are made up, and a training artifact without weights initializes them.
class Callable {
public:
  explicit Callable(const CallArguments &arguments);

  const Artifact &artifact() const { return *loaded; }
  const ingot_function &function() const { return *called; }
  /// From now on runs on the pool, with the callbacks of `options`.
  void use(const SessionOptions &options) { session->setOptions(options); }
  /// One run. Throws Failure.
  void run() { check(session->run(*state, views)); }
  int64_t arenaBytes() const { return session->arenaBytes(); }
  const std::vector<int64_t> &symbolValues() const { return session->symbolValues(); }
  /// "batch=8"; empty where every size is fixed.
  std::string sizes() const;
  /// "model.so predict batch=8, x86-64-v3"
  std::string title() const;
  /// Floating-point operations and bytes of operands of kernel `index` in a run, as planned.
  double flopsOf(int64_t kernel) const { return numberOf(called->kernels[kernel].flops); }
  double bytesOf(int64_t kernel) const { return numberOf(called->kernels[kernel].bytes); }

private:
  double numberOf(const char *formula) const;

  std::shared_ptr<const Artifact> loaded;
  const ingot_function *called;
  std::unique_ptr<State> state;
  std::optional<Session> session;
  ModelInputs inputs;
  std::vector<TensorView> views;
};

} // namespace ingot::cli
