// See VersionPolicy.h.
#include "runtime/serve/repository/VersionPolicy.h"

namespace ingot::serve {

std::set<int64_t> wantedVersions(const ModelConfig &config, const std::set<int64_t> &able,
                                 const std::map<std::string, int64_t> &labelsInUse) {
  std::set<int64_t> wanted;
  auto want = [&](int64_t version) {
    if (able.count(version))
      wanted.insert(version);
  };
  switch (config.versions.kind) {
  case VersionPolicy::Kind::Latest:
    for (auto it = able.rbegin();
         it != able.rend() && static_cast<int64_t>(wanted.size()) < config.versions.count; ++it)
      wanted.insert(*it);
    break;
  case VersionPolicy::Kind::All:
    wanted = able;
    break;
  case VersionPolicy::Kind::Specific:
    for (int64_t version : config.versions.versions)
      want(version);
    break;
  }
  for (const auto &[label, version] : config.labels)
    want(version);
  for (const auto &[label, version] : labelsInUse)
    if (config.labels.count(label))
      want(version);
  return wanted;
}

} // namespace ingot::serve
