// TensorReader: nested lists of JSON into the memory of one input, checked against its signature as
// they come: what is wrong is told with the input, what is expected, and the index.
#ifndef INGOT_RUNTIME_SERVE_REST_TENSORREADER_H
#define INGOT_RUNTIME_SERVE_REST_TENSORREADER_H

#include "runtime/serve/inference/InferenceService.h"
#include "runtime/serve/rest/JsonNumbers.h"

namespace ingot::serve::rest {

class TensorReader {
public:
  /// `info` outlives the reader.
  explicit TensorReader(const ingot_tensor_info &info);

  const ingot_tensor_info &info() const { return info_; }
  /// The whole tensor. False: the reader has failed, and says why.
  bool readAll(JsonReader &reader) { return read(reader, 0); }
  /// One row, the next; the tensor has at least one dimension (see checkRows).
  bool readRow(JsonReader &reader, int64_t row);
  Status checkRows() const;

  /// After the last element; the data lives as long as this.
  NamedInput finish();
  /// The same of a tensor that was read in rows.
  NamedInput finishRows(int64_t rows);

private:
  bool read(JsonReader &reader, int32_t axis);
  bool readInnermost(JsonReader &reader, int32_t axis);
  bool closeList(JsonReader &reader, int32_t axis, int64_t extent);
  bool refuse(JsonReader &reader, int32_t axis, const std::string &what);

  const ingot_tensor_info &info_;
  Elements elements_;
  Shape shape_; ///< -1: no list of that dimension was read yet
  Shape index_; ///< of the list or element that is being read
};

} // namespace ingot::serve::rest

#endif
