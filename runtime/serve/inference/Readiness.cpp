// See Readiness.h.
#include "runtime/serve/inference/Readiness.h"

namespace ingot::serve {

std::pair<const char *, std::string> tritonReadiness(const VersionStatus &version) {
  switch (version.state) {
  case VersionState::Available:
    return {"READY", version.error.message()};
  case VersionState::Start:
  case VersionState::Loading:
    return {"LOADING", ""};
  case VersionState::Unloading:
    return {"UNLOADING", ""};
  case VersionState::End:
    break;
  }
  return {"UNAVAILABLE", version.error.isOk() ? "unloaded" : version.error.message()};
}

} // namespace ingot::serve
