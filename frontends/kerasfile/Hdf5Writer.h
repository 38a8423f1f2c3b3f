// Writes HDF5 files as h5py does for Keras, through libhdf5: in memory, taken out as bytes.
//
// Invariant: the same calls give the same bytes; nothing is printed. libhdf5 is not thread-safe, so
// writers of one process take turns. Called by frontends/keras/files and by tests.
#pragma once
#include "frontends/kerasfile/FileError.h"
#include "ingot/Tensor.h"

#include <memory>
#include <vector>

namespace ingot::kerasfile {

class Hdf5Writer {
public:
  Hdf5Writer();
  ~Hdf5Writer();

  /// Paths are names joined by '/'; groups above are made as needed. "" is the root, which is
  /// there.
  void group(const std::string &path);
  void dataset(const std::string &path, const TensorView &value);
  /// A scalar text attribute of a group or dataset, as h5py writes a str (of variable length), or
  /// with `isBytes` a bytes object (of fixed length).
  void text(const std::string &path, const std::string &name, const std::string &value,
            bool isBytes = false);
  /// A list of texts; cut into `name0`, `name1`, … where it is too long for one attribute.
  void texts(const std::string &path, const std::string &name,
             const std::vector<std::string> &values);

  /// The whole file. Nothing is written afterwards.
  std::string finish();

  struct Impl;

private:
  std::unique_ptr<Impl> impl;
};

} // namespace ingot::kerasfile
