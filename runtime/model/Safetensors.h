// Reads and writes safetensors files: u64 header length, JSON header, tensors row-major.
//
// Invariant: a SafetensorsFile's entries were checked against each other and the file's size before
// anything was allocated for their data: known dtypes, sizes that match, every byte of the data in
// exactly one tensor, no name twice, header <= 100 MB. Used by State, and by whoever imports
// weights.
#ifndef INGOT_RUNTIME_MODEL_SAFETENSORS_H
#define INGOT_RUNTIME_MODEL_SAFETENSORS_H

#include "ingot/Tensor.h"

#include <string_view>
#include <unordered_map>
#include <utility>

namespace ingot {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;
  uint64_t offset = 0; ///< from the start of the file
  uint64_t bytes = 0;
};

using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

class SafetensorsFile {
public:
  /// Opens and checks. NotFound, IoError, DataLoss (says what is wrong with which tensor),
  /// Unsupported (an element type not known here).
  static Result<SafetensorsFile> open(const std::string &path);
  SafetensorsFile(SafetensorsFile &&other) noexcept;
  SafetensorsFile &operator=(SafetensorsFile &&) = delete;
  ~SafetensorsFile();

  const std::string &path() const { return path_; }
  /// In the order of their data.
  const std::vector<SafetensorsEntry> &entries() const { return entries_; }
  const SafetensorsMetadata &metadata() const { return metadata_; }
  /// NULL when there is none.
  const SafetensorsEntry *find(std::string_view name) const;

  /// Reads an entry's data (entry.bytes bytes) to `out`. IoError; DataLoss when the file shrank.
  Status read(const SafetensorsEntry &entry, void *out) const;

private:
  SafetensorsFile(int descriptor, std::string path);
  int descriptor_;
  std::string path_;
  std::vector<SafetensorsEntry> entries_;
  SafetensorsMetadata metadata_;
  std::unordered_map<std::string_view, size_t> byName_; // into entries_
};

struct NamedTensor {
  std::string name;
  TensorView tensor;
};

/// Writes a file atomically. Names are unique UTF-8 and not "__metadata__"; so are metadata keys.
Status writeSafetensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const SafetensorsMetadata &metadata);

} // namespace ingot

#endif // INGOT_RUNTIME_MODEL_SAFETENSORS_H
