// JsonReader: pulls JSON apart where the reader of a request knows what comes next. RapidJSON's
// SAX pushes, so that a reader would be a state machine a key; it has no way past its own parser of
// numbers, which is where the time goes (JsonNumbers.h); and release 1.1 takes "[NaN.5]" and lone
// surrogates, and offsets null pointers.
//
//   if (reader.beginObject())
//     for (std::string_view key; reader.nextKey(key);)
//       key == "id" ? reader.readString(id) : reader.skipValue();
//   return reader.status();
//
// Invariant: after the first failure every function returns false and the status stays; so loops
// end and one look at the status is enough. Accepted is JSON (RFC 8259) and the numbers NaN,
// Infinity, -Infinity; strings are checked UTF-8. What follows the outermost value is not looked
// at, as in TF Serving.
#ifndef INGOT_RUNTIME_SERVE_REST_JSONREADER_H
#define INGOT_RUNTIME_SERVE_REST_JSONREADER_H

#include "ingot/Status.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace ingot::serve::rest {

class JsonReader {
public:
  enum class Kind { Object, Array, String, Number, Bool, Null, Invalid };

  /// The text outlives the reader.
  JsonReader(std::string_view text, int maxDepth)
      : begin_(text.data()), cursor_(text.data()), end_(text.data() + text.size()),
        depthLeft_(maxDepth), maxDepth_(maxDepth) {}

  /// What begins here. Invalid fails the reader.
  Kind peek();

  bool beginObject();
  /// False at the end of the object, which is then behind us. The key is valid until the next call.
  bool nextKey(std::string_view &key);
  bool beginArray();
  /// False at the end of the array, which is then behind us.
  bool nextElement();

  /// Valid until the next call; a part of the text where nothing in it is escaped.
  bool readString(std::string_view &value);
  bool readString(std::string &value);
  bool readBool(bool &value);
  /// The text of a number, checked.
  bool readNumber(std::string_view &text);
  /// A number without fraction and exponent, in the range of T.
  template <typename T> bool readInteger(T &value, const char *what);
  bool skipValue();

  /// Where we are; for messages, and to read a part again (JsonReader(text.substr(offset)…)).
  size_t offset() const { return static_cast<size_t>(cursor_ - begin_); }
  /// The element that begins here, as a message quotes it: `"abc"`, `1.5`, `a list`.
  std::string quoteValue();

  const Status &status() const { return status_; }
  bool isOk() const { return status_.isOk(); }
  bool fail(Status status);
  /// InvalidArgument: "<problem> at byte <offset>".
  bool failHere(const std::string &problem);
  /// InvalidArgument: "expected <what>, got <value>".
  bool expected(const std::string &what);

  /// For those who read elements by themselves (JsonNumbers.h): within an array, where the element
  /// stands; they leave it behind an element.
  const char *cursor() const { return cursor_; }
  const char *end() const { return end_; }
  void setCursor(const char *cursor) { cursor_ = cursor; }

private:
  bool enter(char bracket, const char *what);
  bool leave();
  void skipSpace();
  bool readEscaped(const char *start);
  bool readLiteral(std::string_view literal);
  bool scanDigits(const char *&at);

  const char *begin_, *cursor_, *end_;
  int depthLeft_, maxDepth_;
  bool isFirst_ = false; ///< nothing of the innermost container was read yet
  std::string unescaped_;
  Status status_;
};

} // namespace ingot::serve::rest

#endif
