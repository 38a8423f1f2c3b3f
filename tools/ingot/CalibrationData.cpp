// See CalibrationData.h.
#include "tools/ingot/CalibrationData.h"
#include "tools/ingot/CompareInputs.h"
#include "tools/ingot/LoadModel.h"
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace ingot::cli {
namespace {
constexpr int64_t kRowsOfRun = 16; // where the model takes any number
constexpr const char *kForms =
    "--data takes FILE.npz with arrays called as the inputs, a directory of such files or of .npy "
    "files, or NAME=@FILE.npy";

/// Rows [first, first + count) of the array: the array's own memory.
Tensor rowsOf(const Tensor &array, int64_t first, int64_t count, bool dropsAxis) {
  Shape shape = array.shape();
  size_t rowBytes = array.byteSize() / static_cast<size_t>(std::max<int64_t>(array.dim(0), 1));
  shape[0] = count;
  if (dropsAxis)
    shape.erase(shape.begin());
  auto *data = static_cast<char *>(const_cast<void *>(array.rawData()));
  return check(Tensor::borrow(array.dtype(), shape, data + static_cast<size_t>(first) * rowBytes));
}
} // namespace

CalibrationData::CalibrationData(const ingot_function &function,
                                 const std::vector<std::string> &sources, int64_t limit)
    : function(function) {
  Arrays named;
  for (const std::string &source : sources) {
    if (source.find("=@") != std::string::npos)
      takeArray(named, parseTensorArgument("--data", source));
    else if (std::filesystem::is_directory(source))
      takeDirectory(source);
    else if (hasExtension(source, ".npz"))
      takeArchive(source);
    else
      throw Failure(kUsage, "`" + source + "` for --data is none of what can be read", kForms);
  }
  if (!named.empty())
    sets.push_back(std::move(named));
  for (const Arrays &arrays : sets)
    addRuns(arrays, limit);
  if (runs.empty())
    throw Failure(kInput, "there is no sample to calibrate on", kForms);
}

void CalibrationData::takeArray(Arrays &arrays, const TensorArgument &argument) {
  std::vector<std::string> names = namesOf(function.inputs, function.input_count);
  auto it = std::find(names.begin(), names.end(), argument.name);
  if (it == names.end())
    throw Failure(kInput, "the model has no input `" + argument.name + "`",
                  suggest(argument.name, names));
  auto dtype = static_cast<DType>(function.inputs[it - names.begin()].dtype);
  arrays[argument.name] = readTensor(argument, dtype);
}

void CalibrationData::takeArchive(const std::string &path) {
  checkExists(path);
  ReferenceArchive archive(path);
  Arrays arrays;
  for (int64_t i = 0; i < function.input_count; ++i) {
    const ingot_tensor_info &input = function.inputs[i];
    if (auto array = archive.find("in/", input.name, static_cast<DType>(input.dtype)))
      arrays[input.name] = std::move(*array);
  }
  if (arrays.empty())
    throw Failure(kInput,
                  "no array of `" + path + "` is called as an input of the model: " +
                      joined(namesOf(function.inputs, function.input_count)),
                  "its arrays are: " + joined(archive.names()));
  sets.push_back(std::move(arrays));
}

void CalibrationData::takeDirectory(const std::string &path) {
  std::vector<std::string> files;
  for (const auto &entry : std::filesystem::directory_iterator(path))
    files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  for (const std::string &file : files)
    if (hasExtension(file, ".npz")) {
      takeArchive(file);
    } else if (hasExtension(file, ".npy")) {
      if (function.input_count != 1)
        throw Failure(kInput,
                      fmt::format("`{}` is one array, and the model has {} inputs", file,
                                  function.input_count),
                      "samples of several inputs are .npz files with arrays called as the inputs");
      Arrays arrays;
      takeArray(arrays, {function.inputs[0].name, file, ""});
      sets.push_back(std::move(arrays));
    }
}

/// Cuts the arrays into runs: along an axis more than the inputs have, or along their first.
void CalibrationData::addRuns(const Arrays &arrays, int64_t limit) {
  int64_t count = -1, rows = 1;
  bool hasAxis = true, cuts = true;
  for (int64_t i = 0; i < function.input_count; ++i) {
    const ingot_tensor_info &input = function.inputs[i];
    auto it = arrays.find(input.name);
    if (it == arrays.end())
      throw Failure(kInput, fmt::format("there is nothing for input `{}`", input.name), kForms);
    const Tensor &array = it->second;
    bool isScalar = input.rank == 0 || array.rank() == 0;
    hasAxis &= array.rank() == input.rank + 1;
    cuts &= !isScalar && array.rank() == input.rank && (count < 0 || array.dim(0) == count);
    if (i == 0 && array.rank() > 0)
      count = array.dim(0);
    hasAxis &= array.rank() > 0 && array.dim(0) == count;
    if (!isScalar)
      rows = std::max(rows, input.dims[0].size < 0 ? kRowsOfRun : input.dims[0].size);
  }
  if (!hasAxis && !cuts) { // one run, as they are
    count = rows = 1;
  } else if (hasAxis) {
    rows = 1;
  }
  bool isDynamic = function.input_count > 0 && function.inputs[0].rank > 0 &&
                   function.inputs[0].dims[0].size < 0;
  for (int64_t first = 0; first < count && (limit == 0 || samples < limit); first += rows) {
    int64_t here = std::min(rows, count - first);
    if (here < rows && !isDynamic && first > 0)
      break; // a last batch that is not full
    std::vector<Tensor> run;
    for (int64_t i = 0; i < function.input_count; ++i) {
      const Tensor &array = arrays.at(function.inputs[i].name);
      run.push_back(hasAxis || cuts ? rowsOf(array, first, here, hasAxis)
                                    : check(Tensor::borrow(array.dtype(), array.shape(),
                                                           const_cast<void *>(array.rawData()))));
    }
    runs.push_back(std::move(run));
    samples += here;
  }
}

void CalibrationData::forEachRun(
    llvm::function_ref<void(const std::vector<TensorView> &)> visit) const {
  for (const std::vector<Tensor> &run : runs)
    visit(std::vector<TensorView>(run.begin(), run.end()));
}

} // namespace ingot::cli
