// Reads HDF5 files as Keras and h5py write them: groups, datasets, attributes of text.
//
// A reader of its own, because the file may be hostile and libhdf5 (1.10) was not made for that: it
// crashes on damaged files (docs/KerasFiles.md has the count). Every offset and length is checked
// against the bytes that there are, and what a file can make the reader do is bounded by its size.
// Read are superblocks 0 to 3, object headers 1 and 2, groups as symbol tables and as link
// messages, contiguous, compact and chunked data with deflate, shuffle and fletcher32. What newer
// HDF5 adds on request (dense groups, new chunk indices, virtual data) is refused with a word;
// links to other files are never followed. Called by frontends/keras/files and by tests.
#pragma once
#include "frontends/kerasfile/FileError.h"
#include "ingot/Tensor.h"

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace ingot::kerasfile {

class Hdf5File {
public:
  static bool recognises(std::string_view bytes);

  /// The bytes outlive the reader. Throws FileError, as all that follows.
  explicit Hdf5File(std::string_view bytes);
  ~Hdf5File();
  Hdf5File(Hdf5File &&) noexcept;

  /// Paths are names joined by '/'; "" is the root.
  enum class Kind { None, Group, Dataset };
  Kind kindOf(const std::string &path) const;
  bool isGroup(const std::string &path) const { return kindOf(path) == Kind::Group; }
  bool isDataset(const std::string &path) const { return kindOf(path) == Kind::Dataset; }
  /// Names in a group, in the order of the file (by bytes, as a rule). Soft and external links are
  /// left out.
  std::vector<std::string> children(const std::string &path) const;

  /// An attribute of text: one string of a scalar, or a list's. None where there is no such
  /// attribute.
  std::optional<std::vector<std::string>> texts(const std::string &path,
                                                const std::string &attribute) const;
  /// The first of them, for scalars.
  std::optional<std::string> text(const std::string &path, const std::string &attribute) const;
  /// A list that h5py had to cut into `attribute0`, `attribute1`, … because it is too long for one.
  std::vector<std::string> longTexts(const std::string &path, const std::string &attribute) const;

  struct Dataset {
    DType dtype;
    Shape shape;
  };
  Dataset describe(const std::string &path) const;
  /// Its elements, in the byte order of this machine.
  Tensor read(const std::string &path) const;

  struct Impl;

private:
  std::unique_ptr<Impl> impl;
};

} // namespace ingot::kerasfile
