// Files of Keras's for the command line: whether a file is one, and what it says of itself. Models
// are read by keras::loadModel and, for compilers, by keras::loadModelDirectory.
#pragma once
#include "ingot/Tensor.h"

#include <string>
#include <vector>

namespace ingot::keras {

/// Whether the file's content is HDF5 or a zip archive with a model's config, whatever its name.
bool isKerasFile(const std::string &path);

struct KerasFileInfo {
  std::string format;       ///< "Keras 3 archive (.keras)", …
  std::string kerasVersion; ///< empty: not said
  std::string dateSaved;    ///< empty: not said
  bool hasModel = false;    ///< false: weights alone
  bool isCompiled = false;  ///< it says how the model was compiled
  std::string modelClass;   ///< "Functional"
  struct Array {
    std::string path;
    DType dtype;
    Shape shape;
  };
  std::vector<Array> arrays; ///< weights, optimizer state: what the file has, by path
};
/// Throws Error, naming the file.
KerasFileInfo describeKerasFile(const std::string &path);

} // namespace ingot::keras
