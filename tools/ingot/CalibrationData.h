// Samples to calibrate on: arrays of files, cut into runs of a model. Used by quantize.
#pragma once
#include "ingot/Model.h"
#include "tools/ingot/TensorFile.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace ingot::cli {

class CalibrationData {
public:
  /// `sources`: FILE.npz with arrays by input, a directory of .npz files or, for a model of one
  /// input, of .npy files, or NAME=@FILE.npy. An array has the input's shape, more along its first
  /// axis, or one axis more; of the first `limit` samples (0: all). Throws Failure.
  CalibrationData(const ingot_function &function, const std::vector<std::string> &sources,
                  int64_t limit);
  /// visit(inputs) for every run.
  void forEachRun(llvm::function_ref<void(const std::vector<TensorView> &)> visit) const;
  int64_t sampleCount() const { return samples; }

private:
  using Arrays = std::map<std::string, Tensor>; // by input
  void takeArchive(const std::string &path);
  void takeDirectory(const std::string &path);
  void takeArray(Arrays &arrays, const TensorArgument &argument);
  void addRuns(const Arrays &arrays, int64_t limit);

  const ingot_function &function;
  std::vector<Arrays> sets;
  std::vector<std::vector<Tensor>> runs; // views of the arrays
  int64_t samples = 0;
};

} // namespace ingot::cli
