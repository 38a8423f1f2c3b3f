// SummaryWriter: writes the event files that TensorBoard shows.
//
// A file is a sequence of records, each a protobuf message `Event` between checksums; the reader of
// TensorBoard takes every prefix of whole records, so a training that is killed leaves a good file
// but for what was not flushed. One thread uses a writer.
#ifndef INGOT_TRAIN_SUMMARYWRITER_H
#define INGOT_TRAIN_SUMMARYWRITER_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <string>
#include <string_view>

namespace ingot::train {

class SummaryWriter {
public:
  /// Opens a new file in `directory`, which is made if need be:
  /// `events.out.tfevents.<seconds>.<host>.<pid>.<n>.v2`.
  static Result<SummaryWriter> create(const std::string &directory);
  SummaryWriter(SummaryWriter &&other) noexcept;
  SummaryWriter &operator=(SummaryWriter &&) = delete;
  /// Flushes; a failure is lost.
  ~SummaryWriter();

  const std::string &path() const { return path_; }

  Status addScalar(std::string_view tag, double value, int64_t step);
  /// 30 buckets of equal width between the smallest and the largest finite value; `values` are F32
  /// or F64.
  Status addHistogram(std::string_view tag, const TensorView &values, int64_t step);
  /// `png`: the bytes of a PNG file.
  Status addImage(std::string_view tag, std::string_view png, int64_t step);
  /// Markdown, shown in the Text tab.
  Status addText(std::string_view tag, std::string_view text, int64_t step);
  /// The bytes of a TensorFlow GraphDef, shown in the Graphs tab.
  Status addGraph(std::string_view graphDef);
  /// A model's Keras configuration (JSON), shown in the Graphs tab as its conceptual graph.
  Status addKerasModel(std::string_view tag, std::string_view json, int64_t step);

  /// Hands what was added to the system. Also done whenever a mebibyte has gathered.
  Status flush();

private:
  SummaryWriter(int descriptor, std::string path)
      : descriptor(descriptor), path_(std::move(path)) {}
  Status addValue(const std::string &value, int64_t step);
  Status addTextTensor(std::string_view tag, std::string_view text, std::string_view plugin,
                       std::string_view content, int64_t step);
  Status addEvent(const std::string &fields);

  int descriptor;
  std::string path_, pending;
};

/// CRC-32C (Castagnoli) of the bytes, masked as event files want it.
uint32_t maskedCrc32c(std::string_view bytes);

} // namespace ingot::train

#endif
