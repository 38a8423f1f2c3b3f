// See InferJson.h.
#include "runtime/serve/rest/InferJson.h"

#include "runtime/serve/inference/DataTypes.h"
#include "runtime/serve/rest/BinaryTensors.h"
#include "runtime/serve/rest/JsonNumbers.h"
#include "runtime/serve/rest/JsonReader.h"
#include "runtime/serve/rest/StatusMap.h"
#include "runtime/serve/rest/UniqueKeys.h"

#include <deque>

namespace ingot::serve::rest {

namespace {

/// What keeps the data of a request's inputs.
struct Owned {
  std::shared_ptr<const void> body;
  std::deque<Elements> elements;
  std::deque<std::vector<ingot_string>> texts;
  std::deque<Bytes> copies;
};

/// The parameters of an input or output that say where its bytes are.
struct Place {
  std::optional<uint64_t> binarySize;
  std::optional<bool> isBinary;
  std::optional<RegionRange> range;
};

RegionRange &rangeOf(Place &place) { return place.range ? *place.range : place.range.emplace(); }

bool readPlace(JsonReader &reader, Place &place) {
  if (!reader.beginObject())
    return false;
  UniqueKeys keys{"binary_data_size", "binary_data", "shared_memory_region", "shared_memory_offset",
                  "shared_memory_byte_size"};
  for (std::string_view key; reader.nextKey(key);) {
    uint64_t number = 0;
    bool flag = false;
    if (keys.repeats(key))
      return reader.fail(invalid("the parameter '" + std::string(key) + "' is there twice"));
    if (key == "binary_data_size") {
      if (reader.readInteger(number, "a number of bytes for 'binary_data_size'"))
        place.binarySize = number;
    } else if (key == "binary_data") {
      if (reader.readBool(flag))
        place.isBinary = flag;
    } else if (key == "shared_memory_region") {
      reader.readString(rangeOf(place).region);
    } else if (key == "shared_memory_offset") {
      reader.readInteger(rangeOf(place).offset, "a number of bytes for 'shared_memory_offset'");
    } else if (key == "shared_memory_byte_size") {
      reader.readInteger(rangeOf(place).bytes, "a number of bytes for 'shared_memory_byte_size'");
    } else if (key == "classification") {
      return reader.fail(Status(StatusCode::Unsupported,
                                "the parameter 'classification' is not supported: ask for the "
                                "scores, or call :classify of the TF Serving API"));
    } else {
      reader.skipValue();
    }
  }
  if (reader.isOk() && place.range && place.range->region.empty())
    return reader.fail(invalid("parameters of shared memory lack 'shared_memory_region'"));
  return reader.isOk();
}

class Decoder {
public:
  Decoder(std::string_view json, std::string_view binary, std::shared_ptr<const void> body,
          const SharedMemory &sharedMemory, const Limits &limits)
      : reader_(json, limits.jsonDepth), binary_(binary), sharedMemory_(sharedMemory),
        copiesLeft_(limits.decompressedBytes), owned_(std::make_shared<Owned>()) {
    owned_->body = std::move(body);
  }

  Result<InferRequest> decode() {
    bool hasInputs = false;
    UniqueKeys keys{"id", "parameters", "inputs", "outputs"};
    if (reader_.beginObject()) {
      for (std::string_view key; reader_.nextKey(key);) {
        if (keys.repeats(key))
          return invalid("'" + std::string(key) + "' is there twice");
        if (key == "id") {
          reader_.readString(request_.id);
        } else if (key == "parameters") {
          readParameters();
        } else if (key == "inputs") {
          hasInputs = true;
          if (reader_.beginArray())
            while (reader_.nextElement() && isFew(request_.inputs.inputs.size(), "inputs"))
              readInput();
        } else if (key == "outputs") {
          if (reader_.beginArray())
            while (reader_.nextElement() && isFew(request_.outputs.size(), "outputs"))
              readOutput();
        } else {
          reader_.skipValue();
        }
      }
    }
    INGOT_RETURN_IF_ERROR(reader_.status());
    if (!hasInputs)
      return invalid("the body lacks 'inputs', a list of tensors");
    if (!binary_.empty())
      return invalid(std::to_string(binary_.size()) +
                     " bytes are left behind the binary data of the inputs: the "
                     "'binary_data_size' of all inputs must add up to what follows the JSON");
    request_.inputs.owner = owned_;
    return std::move(request_);
  }

private:
  struct Input {
    NamedInput tensor;
    bool hasShape = false, hasType = false;
    Place place;
    int64_t count = 0;
  };

  /// Small tensors take more memory here than in the body.
  bool isFew(size_t count, const char *what) {
    constexpr size_t most = 4096;
    return count < most ||
           reader_.fail(invalid("the body has more than " + std::to_string(most) + " " + what));
  }

  void readParameters() {
    if (!reader_.beginObject())
      return;
    UniqueKeys keys{"binary_data_output", "function",       "priority",    "timeout",
                    "sequence_id",        "sequence_start", "sequence_end"};
    for (std::string_view key; reader_.nextKey(key);) {
      uint64_t number = 0;
      if (keys.repeats(key)) {
        reader_.fail(invalid("the parameter '" + std::string(key) + "' is there twice"));
        return;
      }
      if (key == "binary_data_output") {
        reader_.readBool(request_.areOutputsBinary);
      } else if (key == "function") {
        reader_.readString(request_.function);
      } else if (key == "priority") {
        // 1 is most urgent, 0 leaves it to the server.
        if (reader_.readInteger(number, "a number for 'priority'"))
          request_.priority = static_cast<int>(std::min<uint64_t>(number, 1 << 20));
        request_.priority -= request_.priority > 0;
      } else if (key == "timeout") {
        if (reader_.readInteger(number, "a number of microseconds for 'timeout'"))
          request_.timeout =
              std::chrono::microseconds(std::min<uint64_t>(number, uint64_t{1} << 50));
      } else if (key == "sequence_id") {
        readSequence();
      } else if (key == "sequence_start") {
        reader_.readBool(request_.sequenceStart);
      } else if (key == "sequence_end") {
        reader_.readBool(request_.sequenceEnd);
      } else {
        reader_.skipValue();
      }
    }
  }

  /// A number other than 0, or a text.
  void readSequence() {
    if (reader_.peek() != JsonReader::Kind::Number) {
      reader_.readString(request_.sequence);
      return;
    }
    uint64_t number = 0;
    if (reader_.readInteger(number, "a number or a string for 'sequence_id'"))
      request_.sequence = number == 0 ? "" : std::to_string(number);
  }

  void readInput() {
    Input input;
    std::optional<JsonReader> data; // where it stands, if it came too early to be read
    bool isRead = false;
    if (!reader_.beginObject())
      return;
    UniqueKeys keys{"name", "shape", "datatype", "parameters", "data"};
    for (std::string_view key; reader_.nextKey(key);) {
      if (keys.repeats(key)) {
        refuse(input, "has '" + std::string(key) + "' twice");
        return;
      }
      if (key == "name") {
        reader_.readString(input.tensor.name);
      } else if (key == "shape") {
        readShape(input);
      } else if (key == "datatype") {
        readType(input);
      } else if (key == "parameters") {
        readPlace(reader_, input.place);
      } else if (key == "data") {
        if (!input.tensor.name.empty() && input.hasShape && input.hasType) {
          isRead = readData(reader_, input);
        } else {
          data = reader_;
          reader_.skipValue();
        }
      } else {
        reader_.skipValue();
      }
    }
    if (!reader_.isOk())
      return;
    if (input.tensor.name.empty())
      reader_.fail(
          invalid("input " + std::to_string(request_.inputs.inputs.size()) + " lacks 'name'"));
    else if (!input.hasShape || !input.hasType)
      refuse(input, input.hasShape ? "lacks 'datatype'" : "lacks 'shape'");
    else if (isRead || data)
      finishData(input, data, isRead);
    else
      takeBytes(input);
    if (reader_.isOk())
      request_.inputs.inputs.push_back(std::move(input.tensor));
  }

  bool refuse(const Input &input, const std::string &what) {
    std::string message = "input '" + input.tensor.name + "'";
    if (input.hasShape && input.hasType)
      message += std::string(" (") + openInferenceName(input.tensor.dtype) + " " +
                 ingot::toString(input.tensor.shape) + ")";
    return reader_.fail(invalid(message + " " + what));
  }

  void readShape(Input &input) {
    if (!reader_.beginArray())
      return;
    while (reader_.nextElement()) {
      int64_t extent = 0;
      if (!reader_.readInteger(extent, "a whole number in 'shape'"))
        return;
      if (extent < 0) {
        refuse(input, "has the negative dimension " + std::to_string(extent));
        return;
      }
      input.tensor.shape.push_back(extent);
      if (input.tensor.shape.size() > 64) {
        refuse(input, "has more than 64 dimensions");
        return;
      }
    }
    input.hasShape = true;
    checkCount(input);
  }

  void readType(Input &input) {
    std::string_view name;
    if (!reader_.readString(name))
      return;
    const std::optional<DType> dtype = fromOpenInferenceName(name);
    if (!dtype) {
      refuse(input, "has the unknown datatype '" + std::string(name.substr(0, 40)) +
                        "': known are BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, "
                        "UINT64, FP16, BF16, FP32, FP64 and BYTES");
      return;
    }
    input.tensor.dtype = *dtype;
    input.hasType = true;
    checkCount(input);
  }

  void checkCount(Input &input) {
    if (!input.hasShape || !input.hasType)
      return;
    const Result<int64_t> count = countElements(input.tensor.dtype, input.tensor.shape.data(),
                                                static_cast<int64_t>(input.tensor.shape.size()));
    if (count.isOk())
      input.count = *count;
    else
      refuse(input, "is too large: " + count.status().message());
  }

  void finishData(Input &input, std::optional<JsonReader> &data, bool isRead) {
    if (input.place.binarySize || input.place.range) {
      refuse(input, "has both 'data' and parameters that say its bytes are elsewhere");
      return;
    }
    if (isRead)
      return;
    if (!readData(*data, input) && reader_.isOk())
      reader_.fail(data->status());
  }

  /// Lists in lists, or one flat list, in row-major order.
  bool readData(JsonReader &reader, Input &input) {
    const DType dtype = input.tensor.dtype;
    const std::string count = std::to_string(input.count);
    if (dtype == DType::F16 || dtype == DType::BF16)
      return refuse(input, "cannot be sent as JSON: send its bytes ('binary_data_size')");
    Elements &elements = owned_->elements.emplace_back(dtype, TextForm::Plain);
    elements.reserve(static_cast<size_t>(input.count));
    const auto readOne = [&] {
      Problem problem;
      const std::string index = std::to_string(elements.count());
      return elements.readOne(reader, problem) ||
             (reader.isOk() && refuse(input, "element " + index + " " + problem));
    };
    if (reader.peek() != JsonReader::Kind::Array) {
      if (!readOne())
        return false;
    } else {
      int depth = 1;
      reader.beginArray();
      while (depth > 0 && reader.isOk()) {
        if (!reader.nextElement()) {
          --depth;
        } else if (reader.peek() == JsonReader::Kind::Array) {
          depth += reader.beginArray();
        } else {
          if (!readOne())
            return false;
          elements.readRun(reader);
          if (elements.count() > static_cast<size_t>(input.count))
            return refuse(input, "takes " + count + " elements, 'data' has more");
        }
      }
      if (!reader.isOk())
        return false;
    }
    if (elements.count() != static_cast<size_t>(input.count))
      return refuse(input,
                    "takes " + count + " elements, 'data' has " + std::to_string(elements.count()));
    input.tensor.data = elements.finish();
    return true;
  }

  /// Of an input without 'data'.
  void takeBytes(Input &input) {
    std::string_view bytes;
    if (input.place.range) {
      const RegionRange &range = *input.place.range;
      const Result<std::shared_ptr<const SharedMemory::Region>> region =
          sharedMemory_.find(range.region);
      if (!region.isOk()) {
        reader_.fail(region.status().withContext("input '" + input.tensor.name + "'"));
        return;
      }
      // Inputs may name one region many times.
      if (range.bytes > copiesLeft_) {
        refuse(input, "and those before it take more bytes of shared memory than a body may have");
        return;
      }
      copiesLeft_ -= range.bytes;
      Bytes &copy = owned_->copies.emplace_back();
      copy.resize(range.bytes);
      if (Status status = (*region)->read(range.offset, copy.data(), range.bytes); !status.isOk()) {
        reader_.fail(status.withContext("input '" + input.tensor.name + "'"));
        return;
      }
      bytes = {copy.data(), copy.size()};
    } else if (input.place.binarySize) {
      const uint64_t size = *input.place.binarySize;
      if (size > binary_.size()) {
        refuse(input, "has 'binary_data_size' " + std::to_string(size) + ", but " +
                          std::to_string(binary_.size()) +
                          " bytes follow the JSON, whose length the header "
                          "Inference-Header-Content-Length must give");
        return;
      }
      bytes = binary_.substr(0, size);
      binary_.remove_prefix(size);
    } else {
      refuse(input, "has neither 'data' nor 'binary_data_size' nor 'shared_memory_region'");
      return;
    }
    std::vector<ingot_string> &texts = owned_->texts.emplace_back();
    if (Status status = checkBinary(bytes, input.tensor.dtype, input.count, texts);
        !status.isOk()) {
      refuse(input, status.message());
      return;
    }
    input.tensor.data = input.tensor.dtype == DType::String
                            ? static_cast<const void *>(texts.data())
                            : static_cast<const void *>(bytes.data());
  }

  void readOutput() {
    RequestedOutput output;
    Place place;
    if (!reader_.beginObject())
      return;
    UniqueKeys keys{"name", "parameters"};
    for (std::string_view key; reader_.nextKey(key);) {
      if (keys.repeats(key)) {
        reader_.fail(invalid("output " + std::to_string(request_.outputs.size()) + " has '" +
                             std::string(key) + "' twice"));
        return;
      }
      if (key == "name")
        reader_.readString(output.name);
      else if (key == "parameters")
        readPlace(reader_, place);
      else
        reader_.skipValue();
    }
    if (!reader_.isOk())
      return;
    if (output.name.empty()) {
      reader_.fail(invalid("output " + std::to_string(request_.outputs.size()) + " lacks 'name'"));
      return;
    }
    output.isBinary = place.isBinary;
    output.range = std::move(place.range);
    request_.outputs.push_back(std::move(output));
  }

  JsonReader reader_;
  std::string_view binary_; ///< what no input has taken yet
  const SharedMemory &sharedMemory_;
  uint64_t copiesLeft_; ///< bytes that may still be copied out of shared memory
  std::shared_ptr<Owned> owned_;
  InferRequest request_;
};

} // namespace

Result<InferRequest> decodeInfer(std::string_view json, std::string_view binary,
                                 std::shared_ptr<const void> body, const SharedMemory &sharedMemory,
                                 const Limits &limits) {
  return Decoder(json, binary, std::move(body), sharedMemory, limits).decode();
}

} // namespace ingot::serve::rest
