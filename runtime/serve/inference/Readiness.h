// What Triton's repository index says of a version, in both protocols.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_READINESS_H
#define INGOT_RUNTIME_SERVE_INFERENCE_READINESS_H

#include "runtime/serve/repository/Repository.h"

#include <string>
#include <utility>

namespace ingot::serve {

/// Triton's word for the state ("READY", …), and the reason where a version is not ready.
std::pair<const char *, std::string> tritonReadiness(const VersionStatus &version);

} // namespace ingot::serve

#endif
