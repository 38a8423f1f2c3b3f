// See ManagedModel.h.
#include "runtime/serve/repository/ManagedModel.h"
#include "runtime/serve/repository/VersionPolicy.h"

#include <algorithm>
#include <set>

namespace ingot::serve {

namespace {

using Content = FoundVersion::Content;

// Versions that are gone and stay in the status.
constexpr size_t mostGone = 32;

/// May trying again help, although the files are the same?
bool isTransient(StatusCode code) {
  return code == StatusCode::IoError || code == StatusCode::ResourceExhausted ||
         code == StatusCode::Unavailable || code == StatusCode::Internal;
}

bool canLoad(const ManagedVersion &version, Clock::time_point now) {
  const bool hasFailed =
      version.failures != 0 && version.failedFingerprint == version.found.fingerprint;
  return version.isOnDisk && version.found.content != Content::Nothing &&
         (!hasFailed || now >= version.nextTry);
}

/// From when on its files may be taken.
Clock::time_point settledAt(const ManagedVersion &version, Clock::time_point now,
                            Clock::duration settleTime) {
  if (version.found.content != Content::Source)
    // A manifest says that the rest is there. Where it lied, somebody is copying: no haste.
    return version.failures == 0 ? now : version.firstSeen + settleTime;
  const auto age = std::chrono::system_clock::now() - version.found.changed;
  if (age >= settleTime) // also where we have just started, and the files are old
    return now;
  return version.firstSeen + settleTime;
}

} // namespace

VersionState ManagedVersion::state() const {
  if (serving)
    return VersionState::Available;
  if (isLoading)
    return VersionState::Loading;
  if (isAwaited)
    return VersionState::Start;
  return loadedObjects != 0 ? VersionState::Unloading : VersionState::End;
}

void ManagedModel::update(const FoundModel &found, Clock::time_point now) {
  directory = found.directory;
  for (auto &[number, version] : versions)
    version.isOnDisk = false;
  for (const auto &[number, seen] : found.versions) {
    ManagedVersion &version = versions[number];
    if (version.found.fingerprint != seen.fingerprint ||
        version.found.directory != seen.directory || version.firstSeen == Clock::time_point())
      version.firstSeen = now;
    version.found = seen;
    version.isOnDisk = true;
  }
  forgetOldVersions();
}

void ManagedModel::vanish() {
  for (auto &[number, version] : versions)
    version.isOnDisk = false;
}

void ManagedModel::forgetOldVersions() {
  size_t gone = 0;
  for (auto it = versions.rbegin(); it != versions.rend();) {
    const ManagedVersion &version = it->second;
    if (!version.isOnDisk && version.state() == VersionState::End && ++gone > mostGone)
      it = decltype(it)(versions.erase(std::next(it).base()));
    else
      ++it;
  }
}

void ManagedModel::forgetFailures() {
  for (auto &[number, version] : versions)
    version.failures = 0;
  refusedConfig.reset();
}

void ManagedModel::loadFailed(int64_t number, const Status &status, Clock::time_point now,
                              const Retries &retries) {
  ManagedVersion &version = versions[number];
  version.failures =
      version.failedFingerprint == version.loadingFingerprint ? version.failures + 1 : 1;
  version.failedFingerprint = version.loadingFingerprint;
  version.error = status;
  const bool isTriedAgain = isTransient(status.code()) && version.failures <= retries.most;
  version.nextTry = isTriedAgain ? now + retries.interval : Clock::time_point::max();
}

void ManagedModel::moveLabels() {
  auto isServed = [&](int64_t number) {
    auto version = versions.find(number);
    return version != versions.end() && version->second.serving;
  };
  for (const auto &[label, target] : config.labels)
    if (isServed(target))
      labelsInUse[label] = target;
  for (auto it = labelsInUse.begin(); it != labelsInUse.end();)
    if (config.labels.count(it->first) && isServed(it->second))
      ++it;
    else
      it = labelsInUse.erase(it);
}

ManagedModel::Plan ManagedModel::plan(Clock::time_point now, Clock::duration settleTime) {
  moveLabels();
  std::set<int64_t> able;
  for (const auto &[number, version] : versions)
    if ((version.serving && version.isOnDisk) || canLoad(version, now))
      able.insert(number);
  std::set<int64_t> wanted;
  if (isWanted && isListed && hasConfig)
    wanted = wantedVersions(config, able, labelsInUse);
  Plan plan;
  bool isComplete = true, servesWanted = false; // of those that are wanted
  for (auto &[number, version] : versions) {
    version.isAwaited = false;
    if (!wanted.count(number)) {
      if (version.isLoading)
        version.isCancelled->store(true, std::memory_order_relaxed);
      // One that waits for its next try.
      if (isWanted && version.isOnDisk && version.failures != 0 &&
          version.failedFingerprint == version.found.fingerprint)
        plan.wake = std::min(plan.wake, version.nextTry);
      continue;
    }
    const bool isDue =
        !version.isLoading && canLoad(version, now) &&
        (!version.serving || version.servingFingerprint != version.found.fingerprint);
    if (isDue) {
      const Clock::time_point settled = settledAt(version, now, settleTime);
      version.isAwaited = settled > now;
      if (version.isAwaited)
        plan.wake = std::min(plan.wake, settled);
      else
        plan.load.push_back(number);
    }
    plan.isPending |= isDue || version.isLoading;
    isComplete &= version.serving || !(isDue || version.isLoading);
    servesWanted |= version.serving != nullptr;
  }
  // The newest first: it is what most are waiting for.
  std::reverse(plan.load.begin(), plan.load.end());
  for (const auto &[number, version] : versions)
    // A version goes when another can do its work, unless it is gone itself.
    if (version.serving && !wanted.count(number) &&
        (!isWanted || (isComplete && (servesWanted || !version.isOnDisk))))
      plan.unload.push_back(number);
  return plan;
}

bool ManagedModel::isServing() const {
  return std::any_of(versions.begin(), versions.end(),
                     [](const auto &entry) { return entry.second.serving != nullptr; });
}

bool ManagedModel::isIdle() const {
  return std::all_of(versions.begin(), versions.end(), [](const auto &entry) {
    return !entry.second.isLoading && entry.second.loadedObjects == 0;
  });
}

std::shared_ptr<const ModelSnapshot> ManagedModel::snapshot() const {
  auto snapshot = std::make_shared<ModelSnapshot>();
  snapshot->status.model = name;
  snapshot->status.error = error;
  snapshot->policy = describe(config.versions);
  snapshot->isGone = !isListed;
  snapshot->isUnloaded = !isWanted;
  snapshot->labels = {config.labels.begin(), config.labels.end()};
  for (const auto &[number, version] : versions) {
    VersionStatus status;
    status.version = number;
    status.state = version.state();
    const bool isFailed =
        version.failures != 0 && version.failedFingerprint == version.found.fingerprint;
    if (!version.isLoading && version.isOnDisk)
      status.error = isFailed ? version.error : version.found.problem;
    for (const auto &[label, target] : labelsInUse)
      if (target == number)
        status.labels.push_back(label);
    snapshot->status.versions.push_back(std::move(status));
    if (version.serving)
      snapshot->available.emplace(number, version.serving);
  }
  for (const auto &[label, target] : labelsInUse)
    if (auto found = snapshot->available.find(target); found != snapshot->available.end())
      snapshot->labelled.emplace(label, found->second);
  return snapshot;
}

Status ManagedModel::whyNothing() const {
  if (!error.isOk())
    return error;
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    const ManagedVersion &version = it->second;
    if (version.isOnDisk && version.failures != 0)
      return version.error;
    if (version.isOnDisk && !version.found.problem.isOk())
      return version.found.problem;
  }
  return Status(StatusCode::FailedPrecondition, "'" + directory +
                                                    "' has no version that the policy (" +
                                                    describe(config.versions) + ") takes");
}

} // namespace ingot::serve
