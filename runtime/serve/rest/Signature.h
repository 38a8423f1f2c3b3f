// What a function takes from clients: its inputs without those that a stream carries.
#ifndef INGOT_RUNTIME_SERVE_REST_SIGNATURE_H
#define INGOT_RUNTIME_SERVE_REST_SIGNATURE_H

#include "runtime/serve/inference/InferenceService.h"

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

struct Signature {
  const ServedFunction *function = nullptr;
  std::vector<const ingot_tensor_info *> inputs, outputs;

  static Signature of(const ServedFunction &function);
};

/// "'x' f32[batch, 784], 'mask' bool[batch]", for messages.
std::string describeAll(const std::vector<const ingot_tensor_info *> &infos);

/// By name ("" is the default one). InvalidArgument: there is none.
using SignatureLookup = std::function<Result<Signature>(std::string_view name)>;

/// Inputs out of a body, and what keeps their data.
struct DecodedInputs {
  std::vector<NamedInput> inputs;
  std::shared_ptr<const void> owner;
};

} // namespace ingot::serve::rest

#endif
