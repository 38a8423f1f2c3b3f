// VersionPolicy: which versions of a model are to serve, of those that can.
#ifndef INGOT_RUNTIME_SERVE_REPOSITORY_VERSIONPOLICY_H
#define INGOT_RUNTIME_SERVE_REPOSITORY_VERSIONPOLICY_H

#include "runtime/serve/repository/ModelConfig.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace ingot::serve {

/// `able`: the versions that serve, or may when they are loaded. A version that a label names is
/// wanted as well, both where labels are to go and where they are (`labelsInUse`) until they do.
std::set<int64_t> wantedVersions(const ModelConfig &config, const std::set<int64_t> &able,
                                 const std::map<std::string, int64_t> &labelsInUse);

} // namespace ingot::serve

#endif
