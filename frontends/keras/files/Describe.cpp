// See KerasFiles.h.
#include "frontends/keras/files/KerasFiles.h"
#include "frontends/keras/files/ModelFile.h"

namespace ingot::keras {

namespace {

using kerasfile::Hdf5File;

/// A file may name one group many times over: what is looked at is bounded.
constexpr size_t kMostObjects = 1 << 20;
constexpr int kMostDepth = 64;

void list(const Hdf5File &file, const std::string &group, int depth, size_t &objects,
          KerasFileInfo &info) {
  if (depth > kMostDepth)
    throw kerasfile::FileError("its groups are nested too deeply");
  for (const std::string &name : file.children(group)) {
    if (++objects > kMostObjects)
      throw kerasfile::FileError("it has too many groups and arrays");
    const std::string path = group.empty() ? name : group + "/" + name;
    if (file.isGroup(path)) {
      list(file, path, depth + 1, objects, info);
    } else if (file.isDataset(path)) {
      const Hdf5File::Dataset dataset = file.describe(path);
      info.arrays.push_back({path, dataset.dtype, dataset.shape});
    }
  }
}

} // namespace

KerasFileInfo describeKerasFile(const std::string &path) {
  const detail::ModelFile file = detail::openModelFile(path);
  KerasFileInfo info;
  info.kerasVersion = file.kerasVersion;
  info.dateSaved = file.dateSaved;
  info.hasModel = file.config.is_object();
  info.isCompiled = file.training.is_object() && !file.training.empty();
  const bool isLegacy = file.kind == detail::ModelFile::Kind::Legacy;
  info.format = file.kind == detail::ModelFile::Kind::Archive ? "Keras 3 archive (.keras)"
                : !isLegacy                                   ? "Keras 3 weights (.weights.h5)"
                : info.hasModel                               ? "legacy HDF5 model (.h5)"
                                                              : "legacy HDF5 weights (.h5)";
  if (info.hasModel && file.config.contains("class_name") && file.config["class_name"].is_string())
    info.modelClass = file.config["class_name"].get<std::string>();
  try {
    size_t objects = 0;
    list(file.arrays(), "", 0, objects, info);
  } catch (const kerasfile::FileError &error) {
    throw Error("'" + path + "': " + error.what(), error.code());
  }
  return info;
}

} // namespace ingot::keras
