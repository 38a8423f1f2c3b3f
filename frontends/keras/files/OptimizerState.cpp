// An optimizer's state between its variables' names and the numbers Keras gives them: see
// ModelFile.h.
#include "frontends/keras/OptimizerImpl.h"
#include "frontends/keras/files/ModelFile.h"

namespace ingot::keras::detail {

using kerasfile::FileError;

namespace {

/// Paths of the optimizer's arrays in the file, in Keras's order; empty: there are none.
std::vector<std::string> storedPaths(const ModelFile &file) {
  const kerasfile::Hdf5File &arrays = file.arrays();
  std::vector<std::string> paths;
  if (file.kind == ModelFile::Kind::Legacy) {
    if (arrays.isGroup("optimizer_weights"))
      for (const std::string &name : arrays.longTexts("optimizer_weights", "weight_names"))
        paths.push_back("optimizer_weights/" + name);
    return paths;
  }
  const std::string group = "optimizer/vars";
  if (arrays.isGroup(group))
    for (size_t i = 0; arrays.isDataset(group + "/" + std::to_string(i)); ++i)
      paths.push_back(group + "/" + std::to_string(i));
  return paths;
}

/// Keras 2 keeps all of one kind behind those of the kind before, and has no learning rate among
/// them: "iter:0", then "…/m:0" of every weight, then "…/v:0".
bool isFromKeras2(const ModelFile &file) {
  return file.kind == ModelFile::Kind::Legacy && !file.kerasVersion.empty() &&
         file.kerasVersion[0] < '3';
}

/// The value as the state has it: f32, or si64 for counts.
ingot::Tensor asVariable(ingot::Tensor value, bool isInteger) {
  if (!isInteger)
    return toFloat32(std::move(value));
  if (value.dtype() == DType::I64)
    return value;
  if (value.dtype() != DType::I32 || value.elementCount() != 1)
    throw FileError("a number of steps is " + describe(value) + ", expected an integer");
  ingot::Tensor result = ingot::Tensor::zeros(DType::I64, value.shape()).value();
  result.data<int64_t>()[0] = value.data<int32_t>()[0];
  return result;
}

} // namespace

std::vector<OptimizerSlot> optimizerSlots(const ModelImpl &model) {
  std::vector<std::string> names;
  std::vector<Shape> shapes;
  for (const WeightRef &ref : weightsOf(model))
    if (ref.isTrainable()) {
      names.push_back(ref.name());
      shapes.push_back(ref.weight->shape);
    }
  std::vector<OptimizerSlot> slots;
  for (const OptimizerVariable &variable :
       optimizerVariables(specOf(model.training->optimizer), names))
    slots.push_back({variable.name, variable.parameter ? shapes[*variable.parameter] : Shape(),
                     variable.isInteger, variable.initial});
  return slots;
}

void readOptimizerState(ModelImpl &model, const ModelFile &file) {
  try {
    const std::vector<std::string> paths = storedPaths(file);
    const std::vector<OptimizerSlot> slots = optimizerSlots(model);
    // Of an optimizer that never ran Keras keeps its scalars alone.
    const bool isUnused = paths.size() <= 2 && paths.size() < slots.size();
    if (isUnused || isFromKeras2(file))
      return;
    if (paths.size() != slots.size())
      throw FileError("the optimizer's state has " + std::to_string(paths.size()) + " arrays, " +
                      model.training->optimizer.className + " of this model keeps " +
                      std::to_string(slots.size()) + "; load it with .compile = false");
    std::map<std::string, ingot::Tensor> state;
    for (size_t i = 0; i < paths.size(); ++i) {
      const Shape found = file.arrays().describe(paths[i]).shape;
      if (slots[i].shape != found)
        throw FileError("'" + paths[i] + "' has shape " + toString(found) + ", '" + slots[i].name +
                        "' of the optimizer has " + toString(slots[i].shape) +
                        "; load it with .compile = false");
      if (!slots[i].name.empty())
        state.emplace(slots[i].name, asVariable(file.arrays().read(paths[i]), slots[i].isInteger));
    }
    model.held = std::move(state);
  } catch (const FileError &error) {
    throw Error("'" + file.path + "': " + error.what(), error.code());
  }
}

} // namespace ingot::keras::detail
