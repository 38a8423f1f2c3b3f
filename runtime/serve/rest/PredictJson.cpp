// See PredictJson.h. The signature decides types, and may come after the data: bodies are read with
// the default one at first, and once more where they turn out to want another.
#include "runtime/serve/rest/PredictJson.h"

#include "runtime/serve/rest/JsonReader.h"
#include "runtime/serve/rest/JsonWriter.h"
#include "runtime/serve/rest/StatusMap.h"
#include "runtime/serve/rest/TensorReader.h"
#include "runtime/serve/rest/UniqueKeys.h"

#include <deque>

namespace ingot::serve::rest {

namespace {

/// The inputs of one request as they are read.
class InputsReader {
public:
  InputsReader(JsonReader &reader, const Signature &signature)
      : reader_(reader), signature_(signature), tensors_(std::make_shared<Tensors>()) {
    for (const ingot_tensor_info *info : signature.inputs)
      tensors_->emplace_back(*info);
    seen_.resize(signature.inputs.size());
  }

  /// The value of "instances".
  bool readRows() {
    for (const TensorReader &tensor : *tensors_)
      if (Status status = tensor.checkRows(); !status.isOk())
        return reader_.fail(std::move(status));
    if (!reader_.beginArray())
      return false;
    bool isNamed = tensors_->size() != 1;
    for (rows_ = 0; reader_.nextElement(); ++rows_) {
      if (rows_ == 0)
        isNamed = isNamedForm();
      const bool isRead = isNamed ? readNamed("instance " + std::to_string(rows_), true)
                                  : tensors_->front().readRow(reader_, rows_);
      if (!isRead)
        return false;
    }
    return reader_.isOk();
  }

  /// The value of "inputs".
  bool readColumns() {
    return isNamedForm() ? readNamed("'inputs'", false) : tensors_->front().readAll(reader_);
  }

  DecodedInputs finish(bool isRowForm) {
    DecodedInputs decoded;
    for (TensorReader &tensor : *tensors_)
      decoded.inputs.push_back(isRowForm ? tensor.finishRows(rows_) : tensor.finish());
    decoded.owner = tensors_;
    return decoded;
  }

private:
  using Tensors = std::deque<TensorReader>;

  /// Whether what comes names inputs. With one input it may be the value itself, which for text may
  /// be {"b64": …}.
  bool isNamedForm() const {
    if (tensors_->size() != 1)
      return true;
    JsonReader ahead = reader_;
    std::string_view key;
    if (ahead.peek() != JsonReader::Kind::Object || !ahead.beginObject() || !ahead.nextKey(key))
      return false;
    const ingot_tensor_info &only = *signature_.inputs.front();
    return !(only.dtype == INGOT_STRING && key == "b64" && key != only.name);
  }

  /// {"x": value, …}: every input once.
  bool readNamed(const std::string &what, bool isRow) {
    if (reader_.peek() != JsonReader::Kind::Object)
      return reader_.isOk() &&
             reader_.fail(invalid(what + " is " + reader_.quoteValue() +
                                  ", not an object of the inputs by name: the model takes " +
                                  describeAll(signature_.inputs)));
    if (!reader_.beginObject())
      return false;
    seen_.assign(seen_.size(), false);
    for (std::string_view key; reader_.nextKey(key);) {
      size_t which = 0;
      while (which < seen_.size() && key != signature_.inputs[which]->name)
        ++which;
      if (which == seen_.size())
        return reader_.fail(invalid(what + " has '" + std::string(key) +
                                    "', which is no input of the model: it takes " +
                                    describeAll(signature_.inputs)));
      if (seen_[which])
        return reader_.fail(invalid(what + " has input '" + std::string(key) + "' twice"));
      seen_[which] = true;
      TensorReader &tensor = (*tensors_)[which];
      if (!(isRow ? tensor.readRow(reader_, rows_) : tensor.readAll(reader_)))
        return false;
    }
    for (size_t i = 0; reader_.isOk() && i < seen_.size(); ++i)
      if (!seen_[i])
        return reader_.fail(invalid(what + " lacks input '" + signature_.inputs[i]->name +
                                    "': the model takes " + describeAll(signature_.inputs)));
    return reader_.isOk();
  }

  JsonReader &reader_;
  const Signature &signature_;
  std::shared_ptr<Tensors> tensors_;
  std::vector<bool> seen_;
  int64_t rows_ = 0;
};

/// Reads the body as one for `signature`. `name` is what it says of the signature, so far as read.
Status read(std::string_view body, int maxDepth, PredictRequest &request, std::string &name) {
  for (const ingot_tensor_info *info : request.signature.inputs)
    if (Problem problem = Elements::checkType(static_cast<DType>(info->dtype)); !problem.empty())
      return invalid("input '" + std::string(info->name) + "': " + problem);
  JsonReader reader(body, maxDepth);
  InputsReader inputs(reader, request.signature);
  bool hasRows = false, hasColumns = false;
  UniqueKeys keys{"signature_name"};
  if (reader.beginObject()) {
    for (std::string_view key; reader.nextKey(key);) {
      if (keys.repeats(key))
        return invalid("'" + std::string(key) + "' is there twice");
      if (key == "signature_name") {
        reader.readString(name);
      } else if (key == "instances" || key == "inputs") {
        if (hasRows || hasColumns)
          return invalid("the body has more than one of 'instances' and 'inputs': send rows as "
                         "'instances' or whole tensors as 'inputs'");
        (key == "instances" ? hasRows : hasColumns) = true;
        hasRows ? inputs.readRows() : inputs.readColumns();
      } else {
        reader.skipValue();
      }
    }
  }
  INGOT_RETURN_IF_ERROR(reader.status());
  if (!hasRows && !hasColumns)
    return invalid("Missing 'inputs' or 'instances' key");
  request.isRowForm = hasRows;
  request.inputs = inputs.finish(hasRows);
  return {};
}

Status lacksRows(const char *name, const std::string &description) {
  return invalid("output '" + std::string(name) + "' is " + description +
                 ", which has no row for each instance: send 'inputs' instead of 'instances'");
}

/// Whether the outputs can be given in this form at all; before the model runs.
Status checkOutputs(const Signature &signature, bool isRowForm) {
  for (const ingot_tensor_info *info : signature.outputs) {
    if (Problem problem = Elements::checkType(static_cast<DType>(info->dtype)); !problem.empty())
      return invalid("output '" + std::string(info->name) + "': " + problem);
    if (isRowForm && info->rank == 0)
      return lacksRows(info->name, ingot::describe(*info));
  }
  return {};
}

TextStyle styleOf(const ingot_tensor_info &info) {
  const std::string_view name = info.name;
  return name.size() >= 6 && name.substr(name.size() - 6) == "_bytes" ? TextStyle::Base64
                                                                      : TextStyle::Either;
}

} // namespace

std::string findSignatureName(std::string_view body, int maxDepth) {
  JsonReader reader(body, maxDepth);
  std::string name;
  if (reader.beginObject())
    for (std::string_view key; reader.nextKey(key);)
      key == "signature_name" ? reader.readString(name) : reader.skipValue();
  return name;
}

Result<PredictRequest> decodePredict(std::string_view body, const SignatureLookup &lookup,
                                     int maxDepth) {
  PredictRequest request;
  std::string name;
  INGOT_ASSIGN_OR_RETURN(request.signature, lookup(""));
  Status status = read(body, maxDepth, request, name);
  if (!status.isOk())
    name = findSignatureName(body, maxDepth);
  if (!name.empty()) {
    INGOT_ASSIGN_OR_RETURN(Signature named, lookup(name));
    if (named.function != request.signature.function) {
      request.signature = std::move(named);
      status = read(body, maxDepth, request, name);
    }
  }
  INGOT_RETURN_IF_ERROR(std::move(status));
  INGOT_RETURN_IF_ERROR(checkOutputs(request.signature, request.isRowForm));
  return request;
}

Status encodePredict(Bytes &out, const InferenceResponse &response, bool isRowForm) {
  const ingot_tensor_info *infos = response.function->function->outputs;
  const std::vector<Tensor> &outputs = response.outputs;
  const bool isNamed = outputs.size() != 1;
  if (!isRowForm) {
    out += "{\"outputs\":";
    out += isNamed ? "{" : "";
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (isNamed) {
        out += i > 0 ? "," : "";
        appendQuoted(out, infos[i].name);
        out += ':';
      }
      appendNested(out, outputs[i], 0, 0, styleOf(infos[i]));
    }
    out += isNamed ? "}}" : "}";
    return {};
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].rank() == 0 || outputs[i].dim(0) != outputs[0].dim(0))
      return lacksRows(infos[i].name, ingot::describe(outputs[i]));
  out += "{\"predictions\":[";
  const int64_t rows = outputs.empty() ? 0 : outputs[0].dim(0);
  for (int64_t row = 0; row < rows; ++row) {
    out += row > 0 ? "," : "";
    out += isNamed ? "{" : "";
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (isNamed) {
        out += i > 0 ? "," : "";
        appendQuoted(out, infos[i].name);
        out += ':';
      }
      const int64_t step = outputs[i].elementCount() / rows;
      appendNested(out, outputs[i], 1, row * step, styleOf(infos[i]));
    }
    out += isNamed ? "}" : "";
  }
  out += "]}";
  return {};
}

} // namespace ingot::serve::rest
