// See Signature.h.
#include "runtime/serve/rest/Signature.h"

namespace ingot::serve::rest {

Signature Signature::of(const ServedFunction &served) {
  const ingot_function &function = *served.function;
  Signature signature;
  signature.function = &served;
  signature.inputs = served.inputs;
  for (int64_t i = 0; i < function.output_count; ++i)
    signature.outputs.push_back(&function.outputs[i]);
  return signature;
}

std::string describeAll(const std::vector<const ingot_tensor_info *> &infos) {
  std::string text;
  for (const ingot_tensor_info *info : infos)
    text += (text.empty() ? "'" : ", '") + std::string(info->name) + "' " + ingot::describe(*info);
  return text.empty() ? "none" : text;
}

} // namespace ingot::serve::rest
