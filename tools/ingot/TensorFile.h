// Tensors in files as the command line names them: NAME=@file.npy, NAME=@file.npz[:key]; and
// tensors as text and JSON. Used by run and inspect.
#pragma once
#include "ingot/Tensor.h"
#include "tools/ingot/Cli.h"
#include <map>
#include <nlohmann/json.hpp>

namespace ingot::cli {

using Json = nlohmann::ordered_json;

/// One --input, --output or --expect.
struct TensorArgument {
  std::string name, path, key; // name may be empty; key is of an archive
};

/// Parses "NAME=@path[:key]" or "@path[:key]". Throws a usage Failure that names `option`.
TensorArgument parseTensorArgument(const std::string &option, const std::string &text);

/// Reads the tensor; of an archive the one called `key`, else `name`, else its only one.
Tensor readTensor(const TensorArgument &argument);
/// The same; bytes where elements of at most a byte are expected, which .npy has no names for, are
/// taken for those.
Tensor readTensor(const TensorArgument &argument, DType expected);
bool isFloat(DType dtype);

std::vector<std::string> namesOf(const ingot_tensor_info *infos, int64_t count);

/// Collects the tensors to write; those for one archive are written together.
class TensorWriter {
public:
  void add(const TensorArgument &argument, const TensorView &tensor);
  void write();

private:
  std::map<std::string, std::vector<std::pair<std::string, TensorView>>> archives;
  std::vector<std::pair<std::string, TensorView>> arrays;
};

/// Element `index` as a number, floats of every width too; 0 for text.
double elementAt(const TensorView &tensor, int64_t index);
/// Element `index` for a message; text in quotes, what is no UTF-8 replaced.
std::string elementText(const TensorView &tensor, int64_t index);
/// Values in nested brackets, texts in quotes, long axes cut in the middle as NumPy does.
std::string textOf(const TensorView &tensor);
/// Nested arrays of all values; NaN and infinities as strings.
Json jsonOf(const TensorView &tensor);
/// {"min", "max", "mean", "nan"} of the elements; empty for no elements, and for texts.
Json statisticsOf(const TensorView &tensor);

} // namespace ingot::cli
