// See ExamplesJson.h.
#include "runtime/serve/rest/ExamplesJson.h"

#include "runtime/serve/rest/JsonNumbers.h"
#include "runtime/serve/rest/JsonReader.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/NumberScanner.h"
#include "runtime/serve/rest/StatusMap.h"
#include "runtime/serve/rest/UniqueKeys.h"

namespace ingot::serve::rest {

namespace {

/// A feature takes many times more memory here than in the body, where 7 bytes may be one, and so
/// does a string, or an example. This many there may be of all three together.
constexpr size_t mostObjects = 2000000;

/// What is left of that.
class Budget {
public:
  bool take(JsonReader &reader) {
    if (left_ > 0) {
      --left_;
      return true;
    }
    return reader.fail(invalid("the body has more than " + std::to_string(mostObjects) +
                               " examples, features and strings: send fewer examples"));
  }

private:
  size_t left_ = mostObjects;
};

/// The values of one feature. Integers among floats become floats.
class FeatureReader {
public:
  FeatureReader(JsonReader &reader, Budget &budget, std::string where)
      : reader_(reader), budget_(budget), where_(std::move(where)) {}

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
    else if (!floats_.empty())
      feature = std::move(floats_);
    else
      feature = std::move(integers_);
    return true;
  }

private:
  bool refuse(const std::string &what) {
    return reader_.isOk() &&
           reader_.fail(invalid(where_ + ": value " + std::to_string(count_) + " " + what));
  }

  bool readOne() {
    const JsonReader::Kind kind = reader_.peek();
    bool isRead = false;
    if (kind == JsonReader::Kind::Number)
      isRead = texts_.empty() ? readNumber() : refuse("is a number, those before it are strings");
    else if (kind == JsonReader::Kind::String || kind == JsonReader::Kind::Object)
      isRead = texts_.size() == count_ ? readString()
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
    if (error == NumberError::None && floats_.empty()) {
      integers_.push_back(integer);
      return true;
    }
    float value = 0;
    at = text.data();
    if (scanNumber(at, end, value) != NumberError::None)
      return refuse("is out of the range of f32");
    // The first float: an integer is rounded once, whether it comes from its text or its value.
    if (floats_.empty()) {
      floats_.assign(integers_.begin(), integers_.end());
      integers_ = {};
    }
    floats_.push_back(value);
    return true;
  }

  bool readString() {
    Problem problem;
    bytes_.clear();
    if (!budget_.take(reader_) || !readText(reader_, TextForm::OrBase64, bytes_, problem))
      return problem.empty() ? false : refuse(problem);
    texts_.emplace_back(bytes_.view());
    return true;
  }

  JsonReader &reader_;
  Budget &budget_;
  std::string where_;
  size_t count_ = 0;
  Bytes bytes_;
  std::vector<std::string> texts_;
  std::vector<int64_t> integers_;
  std::vector<float> floats_;
};

bool readExample(JsonReader &reader, Budget &budget, const std::string &what, Example &example) {
  if (!budget.take(reader) || !reader.beginObject())
    return false;
  for (std::string_view key; reader.nextKey(key);) {
    std::string name(key);
    if (example.count(name))
      return reader.fail(invalid(what + " has feature '" + name + "' twice"));
    FeatureReader values(reader, budget, what + ", feature '" + name + "'");
    if (!budget.take(reader) || !values.read(example[name]))
      return false;
  }
  return reader.isOk();
}

} // namespace

Result<ExamplesRequest> decodeExamples(std::string_view body, int maxDepth) {
  ExamplesRequest request;
  JsonReader reader(body, maxDepth);
  Budget budget;
  bool hasExamples = false;
  UniqueKeys keys{"signature_name", "context", "examples"};
  if (reader.beginObject()) {
    for (std::string_view key; reader.nextKey(key);) {
      if (keys.repeats(key))
        return invalid("'" + std::string(key) + "' is there twice");
      if (key == "signature_name") {
        reader.readString(request.signatureName);
      } else if (key == "context") {
        readExample(reader, budget, "the context", request.context);
      } else if (key == "examples") {
        hasExamples = true;
        if (reader.beginArray())
          while (reader.nextElement())
            readExample(reader, budget, "example " + std::to_string(request.examples.size()),
                        request.examples.emplace_back());
      } else {
        reader.skipValue();
      }
    }
  }
  INGOT_RETURN_IF_ERROR(reader.status());
  if (!hasExamples)
    return invalid("the body lacks 'examples', a list of objects with the features by name");
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
