// What a function is fed: arrays of a reference, of --input, or made up from a seed. Used by
// compare, bench and profile.
#pragma once
#include "ingot/Model.h"
#include "ingot/data/Npy.h"
#include "tools/ingot/TensorFile.h"
#include <optional>

namespace ingot::cli {

/// An archive of named arrays, read one by one; others in it may be of any kind. An array is called
/// as its tensor, or with "in/" or "out/" before that.
class ReferenceArchive {
public:
  explicit ReferenceArchive(std::string path);
  /// The array for the tensor `name`, or nothing.
  std::optional<Tensor> find(const std::string &prefix, const std::string &name,
                             DType expected) const;
  const std::vector<std::string> &names() const { return keys; }
  const std::string &path() const { return file; }

private:
  std::string file;
  std::vector<std::string> keys;
};

struct InputSources {
  const ReferenceArchive *reference = nullptr;
  std::vector<std::string> inputs; ///< NAME=@FILE; without NAME an archive with inputs by name
  std::vector<std::string> sizes;  ///< NAME=SIZE of dynamic dimensions
  uint64_t seed = 0;
  bool mayMakeUp = false;
  int64_t defaultSize = -1; ///< of dynamic dimensions without one; -1: they are missing
};

/// The inputs of one or more runs. Of several, each tensor has one more axis before its own.
struct ModelInputs {
  std::vector<Tensor> tensors;
  int64_t steps = 1;
  bool isStepped = false;

  std::vector<TensorView> ofStep(int64_t step) const;
};

/// Values of the function's symbols by --size NAME=SIZE, `otherwise` for those that none names.
/// Throws Failure for what is no such text, and for names that the function has not.
std::vector<int64_t> symbolValues(const ingot_function &function,
                                  const std::vector<std::string> &options, int64_t otherwise);

/// Throws Failure that names every input for which there is nothing.
ModelInputs gatherInputs(const ingot_function &function, const InputSources &sources);

/// The tensor without its first axis, of which it is element `step`.
TensorView sliceOf(const Tensor &tensor, int64_t step);

} // namespace ingot::cli
