// Functions for tests of codecs: nothing runs, only their inputs and outputs count.
#ifndef INGOT_TESTS_UNIT_RUNTIME_SERVE_REST_SIGNATURES_H
#define INGOT_TESTS_UNIT_RUNTIME_SERVE_REST_SIGNATURES_H

#include "runtime/serve/rest/Signature.h"

#include <cstring>

namespace ingot::serve::rest {

/// FixtureServed's functions, found by name.
class Signatures {
public:
  Signatures() : artifact(Artifact::open(FIXTURESERVED).value()) {
    for (int64_t i = 0; i < artifact->table().function_count; ++i)
      functions.emplace_back(*artifact, artifact->table().functions[i]);
  }

  /// `preferred` is the default one.
  SignatureLookup lookup(std::string preferred) const {
    return [this, preferred](std::string_view name) -> Result<Signature> {
      if (name.empty() || name == "serving_default")
        name = preferred;
      for (const ServedFunction &served : functions)
        if (name == served.function->name)
          return Signature::of(served);
      return Status(StatusCode::InvalidArgument, "no signature '" + std::string(name) + "'");
    };
  }
  Signature of(const std::string &name) const { return lookup(name)("").value(); }

  std::shared_ptr<const Artifact> artifact;
  std::vector<ServedFunction> functions;
};

/// "x f32[2, 3] 1 2 3 4 5 6": an input in one line.
inline std::string describeInput(const NamedInput &input) {
  const TensorView view{input.dtype, static_cast<int64_t>(input.shape.size()), input.shape.data(),
                        input.data};
  std::string text = input.name + " " + ingot::describe(view);
  for (int64_t i = 0, n = elementCount(view); i < n; ++i) {
    text += ' ';
    const auto at = [&](auto value) {
      std::memcpy(&value, static_cast<const char *>(view.data) + i * int64_t{sizeof value},
                  sizeof value);
      return value;
    };
    switch (view.dtype) {
    case DType::String:
      text += textAt(view, i);
      break;
    case DType::F32: {
      char number[32];
      std::snprintf(number, sizeof number, "%g", static_cast<double>(at(float())));
      text += number;
      break;
    }
    case DType::F64: {
      char number[32];
      std::snprintf(number, sizeof number, "%g", at(double()));
      text += number;
      break;
    }
    case DType::I8:
      text += std::to_string(at(int8_t()));
      break;
    case DType::I16:
      text += std::to_string(at(int16_t()));
      break;
    case DType::I32:
      text += std::to_string(at(int32_t()));
      break;
    case DType::I64:
      text += std::to_string(at(int64_t()));
      break;
    case DType::U16:
    case DType::F16:
    case DType::BF16:
      text += std::to_string(at(uint16_t()));
      break;
    case DType::U32:
      text += std::to_string(at(uint32_t()));
      break;
    case DType::U64:
      text += std::to_string(at(uint64_t()));
      break;
    default:
      text += std::to_string(at(uint8_t()));
    }
  }
  return text;
}

/// One line for all, with "; " between them; or what went wrong.
inline std::string describeInputs(const DecodedInputs &decoded) {
  std::string text;
  for (const NamedInput &input : decoded.inputs)
    text += (text.empty() ? "" : "; ") + describeInput(input);
  return text;
}

} // namespace ingot::serve::rest

#endif
