// A model compiled into a temporary file and run in this process. Used by compare.
#pragma once
#include "ingot/Model.h"
#include "tools/ingot/ChildProcess.h"
#include "tools/ingot/LoadModel.h"

namespace ingot::cli {

class CompiledModel {
public:
  /// Compiles `predict`, weights inside. Throws Failure with every error of the model.
  CompiledModel(const std::string &path, const LoadOptions &options, const std::string &targetCpu,
                int threads);
  const ingot_function &function() const { return *artifact->findFunction("predict"); }
  std::vector<std::string> inputNames() const;
  std::vector<std::string> outputNames() const;
  /// Inputs in the function's order. The outputs are valid until the next run.
  void run(const std::vector<TensorView> &inputs);
  const Tensor &output(size_t index) const { return session->output(index); }

private:
  TemporaryDirectory directory;
  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<State> state;
  ThreadPool pool;
  std::unique_ptr<Session> session;
};

} // namespace ingot::cli
