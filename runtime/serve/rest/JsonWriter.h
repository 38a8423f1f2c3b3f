// JSON as replies are made of: quoted text, numbers in their shortest form that reads back as the
// same value, tensors as nested or flat lists. No tree: text is appended.
#ifndef INGOT_RUNTIME_SERVE_REST_JSONWRITER_H
#define INGOT_RUNTIME_SERVE_REST_JSONWRITER_H

#include "ingot/Tensor.h"
#include "runtime/serve/rest/Bytes.h"

#include <cstdint>
#include <string_view>

namespace ingot::serve::rest {

/// `text` in quotes. Bytes that are not UTF-8 become U+FFFD, so that every reply is JSON.
void appendQuoted(Bytes &out, std::string_view text);
bool isUtf8(std::string_view text);

void appendNumber(Bytes &out, int64_t value);
void appendNumber(Bytes &out, uint64_t value);
/// "1.0", "0.1", "100000.0", "1e+20", NaN, Infinity, -Infinity; of both types alike.
void appendNumber(Bytes &out, float value);
void appendNumber(Bytes &out, double value);

/// How text elements are written.
enum class TextStyle {
  Quoted, ///< as a string
  Base64, ///< {"b64": "…"}
  Either  ///< as a string, what is not UTF-8 as base64
};

/// Elements first … first + count of a tensor, with commas between them. The element type is one
/// that Elements::checkType takes.
void appendElements(Bytes &out, const TensorView &tensor, int64_t first, int64_t count,
                    TextStyle texts);
/// The part of a tensor below `axis` that begins at element `first`: nested lists, or one element.
void appendNested(Bytes &out, const TensorView &tensor, int64_t axis, int64_t first,
                  TextStyle texts);
/// "[1,784]".
void appendShape(Bytes &out, const int64_t *dims, int64_t rank);

/// {"error": "…"}: what every error is told in, in both protocols.
void appendError(Bytes &out, std::string_view message);

} // namespace ingot::serve::rest

#endif
