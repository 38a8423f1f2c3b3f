// Elements of tensors out of JSON: where the time of a large request goes, so numbers are scanned
// eight digits at a time where they stand, into the block that the model reads. 150,528 floats (3
// MB) take about 3 ms; std::from_chars is the fallback for what the fast path cannot round rightly.
#ifndef INGOT_RUNTIME_SERVE_REST_JSONNUMBERS_H
#define INGOT_RUNTIME_SERVE_REST_JSONNUMBERS_H

#include "ingot/Tensor.h"
#include "runtime/serve/rest/Bytes.h"
#include "runtime/serve/rest/JsonReader.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace ingot::serve::rest {

/// What is wrong with an element, for a message: "is 1.5, not an integer". Empty: nothing.
using Problem = std::string;

/// How strings come: as text alone (Open Inference), or {"b64": …} as well (TF Serving).
enum class TextForm { Plain, OrBase64 };

/// Appends the bytes of a string, or of {"b64": …} where that is a form of it. False: see
/// `problem`, or, where that is empty, the reader's status.
bool readText(JsonReader &reader, TextForm form, Bytes &bytes, Problem &problem);

/// The elements of one tensor as they are read, in row-major order.
class Elements {
public:
  Elements(DType dtype, TextForm texts) : dtype_(dtype), texts_(texts) {}

  /// Whether JSON can carry this element type; else what is to be said.
  static Problem checkType(DType dtype);

  void reserve(size_t count);
  size_t count() const { return count_; }

  /// Reads one element. False: see `problem`, or, where that is empty, the reader's status.
  bool readOne(JsonReader &reader, Problem &problem);
  /// Within an array: reads elements until one is not a plain number or the array ends; the reader
  /// then stands before nextElement() as if it had read them. Does nothing for types that have no
  /// fast path.
  void readRun(JsonReader &reader);

  /// The elements in memory; call once, after the last.
  const void *finish();

private:
  DType dtype_;
  TextForm texts_;
  size_t count_ = 0;
  Bytes data_;
  /// Of strings: their bytes, and where each begins (data_ gets its pointers at the end).
  Bytes textBytes_;
  std::vector<size_t> textStarts_;
};

} // namespace ingot::serve::rest

#endif
