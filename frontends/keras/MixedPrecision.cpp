// Dtype policies: what layers compute in, and what their weights are kept in. Names and meaning are
// Keras's (keras.config.set_dtype_policy). See Layer.h.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Names.h"

#include <mutex>

namespace ingot::keras {

namespace {
std::mutex mutex;
std::string global = "float32";
} // namespace

void detail::checkDtypePolicy(const std::string &name) {
  static const std::vector<std::string> known = {"float32", "mixed_bfloat16", "mixed_float16"};
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw Error(unknownName("dtype policy", name, known));
}

std::string detail::computeDtype(const std::string &policy) {
  constexpr const char *mixed = "mixed_";
  return policy.rfind(mixed, 0) == 0 ? policy.substr(std::string(mixed).size()) : policy;
}

void config::setDtypePolicy(const std::string &policy) {
  detail::checkDtypePolicy(policy);
  std::lock_guard<std::mutex> lock(mutex);
  global = policy;
}

std::string config::dtypePolicy() {
  std::lock_guard<std::mutex> lock(mutex);
  return global;
}

const std::string &Layer::dtypePolicy() const { return layer->dtypePolicy; }

void Layer::setDtypePolicy(const std::string &policy) {
  detail::checkDtypePolicy(policy);
  if (layer->calls > 0)
    layer->fail("was called already; set its dtype policy before that");
  layer->dtypePolicy = policy;
  for (const auto &sublayer : layer->sublayers())
    Layer(sublayer).setDtypePolicy(policy);
}

} // namespace ingot::keras
