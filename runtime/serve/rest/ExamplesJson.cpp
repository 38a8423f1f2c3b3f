// See ExamplesJson.h.
#include "runtime/serve/rest/ExamplesJson.h"

#include "runtime/serve/rest/Base64.h"
#include "runtime/serve/rest/JsonReader.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/NumberScanner.h"

#include <optional>

namespace ingot::serve::rest {

namespace {

/// An example takes many times more memory than an empty one takes in the body.
constexpr size_t mostExamples = 1000000;

/// The values of one feature. Integers among floats become floats.
class FeatureReader {
public:
  FeatureReader(JsonReader &reader, std::string where)
      : reader_(reader), where_(std::move(where)) {}

  bool read(Feature &feature) {
    if (reader_.peek() == JsonReader::Kind::Array) {
      reader_.beginArray();
      while (reader_.nextElement())
        if (!readOne())
          return false;
    } else if (!readOne()) {
      return false;
    }
    if (!reader_.isOk())
      return false;
    if (!texts_.empty())
      feature = std::move(texts_);
    else if (areFloats_)
      feature = std::move(floats_);
    else
      feature = std::move(integers_);
    return true;
  }

private:
  bool refuse(const std::string &what) {
    return reader_.isOk() &&
           reader_.fail(Status(StatusCode::InvalidArgument,
                               where_ + ": value " + std::to_string(count_) + " " + what));
  }

  bool readOne() {
    const JsonReader::Kind kind = reader_.peek();
    bool isRead = false;
    if (kind == JsonReader::Kind::Number)
      isRead = texts_.empty() ? readNumber() : refuse("is a number, those before it are strings");
    else if (kind == JsonReader::Kind::String || kind == JsonReader::Kind::Object)
      isRead = texts_.size() == count_ ? readText(kind == JsonReader::Kind::Object)
                                       : refuse("is a string, those before it are numbers");
    else
      isRead = refuse("is " + reader_.quoteValue() +
                      ", not a number, a string or {\"b64\": \"<base64>\"}");
    count_ += isRead;
    return isRead;
  }

  bool readNumber() {
    std::string_view text;
    if (!reader_.readNumber(text))
      return false;
    const char *at = text.data(), *end = at + text.size();
    int64_t integer = 0;
    const NumberError error = scanNumber(at, end, integer);
    if (error == NumberError::Range)
      return refuse("is out of the range of i64");
    float value = 0;
    at = text.data();
    if (scanNumber(at, end, value) != NumberError::None)
      return refuse("is out of the range of f32");
    areFloats_ |= error == NumberError::NotInteger;
    integers_.push_back(integer);
    floats_.push_back(value);
    return true;
  }

  bool readText(bool isObject) {
    std::string_view text, key;
    if (!isObject) {
      if (!reader_.readString(text))
        return false;
      texts_.emplace_back(text);
      return true;
    }
    if (!reader_.beginObject() || !reader_.nextKey(key) || key != "b64")
      return refuse("is an object without the key 'b64'");
    Bytes bytes;
    if (!reader_.readString(text))
      return false;
    if (!decodeBase64(text, bytes))
      return refuse("is not base64");
    if (reader_.nextKey(key))
      return refuse("is an object with more than the key 'b64'");
    texts_.emplace_back(bytes.view());
    return reader_.isOk();
  }

  JsonReader &reader_;
  std::string where_;
  size_t count_ = 0;
  bool areFloats_ = false;
  std::vector<std::string> texts_;
  std::vector<int64_t> integers_;
  std::vector<float> floats_;
};

bool readExample(JsonReader &reader, const std::string &what, Example &example) {
  if (!reader.beginObject())
    return false;
  for (std::string_view key; reader.nextKey(key);) {
    std::string name(key);
    if (example.count(name))
      return reader.fail(
          Status(StatusCode::InvalidArgument, what + " has feature '" + name + "' twice"));
    FeatureReader values(reader, what + ", feature '" + name + "'");
    if (!values.read(example[name]))
      return false;
  }
  return reader.isOk();
}

} // namespace

Result<ExamplesRequest> decodeExamples(std::string_view body, int maxDepth) {
  ExamplesRequest request;
  JsonReader reader(body, maxDepth);
  bool hasExamples = false;
  if (reader.beginObject()) {
    for (std::string_view key; reader.nextKey(key);) {
      if (key == "signature_name") {
        reader.readString(request.signatureName);
      } else if (key == "context") {
        readExample(reader, "the context", request.context);
      } else if (key == "examples") {
        hasExamples = true;
        if (reader.beginArray())
          while (reader.nextElement()) {
            if (request.examples.size() == mostExamples)
              return Status(StatusCode::InvalidArgument,
                            "the body has more than " + std::to_string(mostExamples) + " examples");
            readExample(reader, "example " + std::to_string(request.examples.size()),
                        request.examples.emplace_back());
          }
      } else {
        reader.skipValue();
      }
    }
  }
  INGOT_RETURN_IF_ERROR(reader.status());
  if (!hasExamples)
    return Status(StatusCode::InvalidArgument,
                  "the body lacks 'examples', a list of objects with the features by name");
  return request;
}

void encodeClasses(Bytes &out, const std::vector<std::vector<ScoredClass>> &classes) {
  out += "{\"results\":[";
  for (size_t row = 0; row < classes.size(); ++row) {
    out += row > 0 ? ",[" : "[";
    for (size_t i = 0; i < classes[row].size(); ++i) {
      out += i > 0 ? ",[" : "[";
      appendQuoted(out, classes[row][i].label);
      out += ',';
      appendNumber(out, classes[row][i].score);
      out += ']';
    }
    out += ']';
  }
  out += "]}";
}

void encodeValues(Bytes &out, const std::vector<float> &values) {
  out += "{\"results\":[";
  for (size_t i = 0; i < values.size(); ++i) {
    out += i > 0 ? "," : "";
    appendNumber(out, values[i]);
  }
  out += "]}";
}

} // namespace ingot::serve::rest
