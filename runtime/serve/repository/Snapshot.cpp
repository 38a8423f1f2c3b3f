// See Snapshot.h.
#include "runtime/serve/repository/Snapshot.h"

#include <algorithm>
#include <atomic>

namespace ingot::serve {

namespace {

std::string listed(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 20; ++i)
    text += (i ? ", " : "") + names[i];
  if (names.size() > 20)
    text += " and " + std::to_string(names.size() - 20) + " more";
  return text.empty() ? "none" : text;
}

template <typename Map> std::string numbers(const Map &versions) {
  std::vector<std::string> names;
  for (const auto &entry : versions)
    names.push_back(std::to_string(entry.first));
  return listed(names);
}

/// Why this version serves nobody now; ok: that is not known.
Status whyNot(const std::string &model, const VersionStatus &version) {
  const std::string what =
      "version " + std::to_string(version.version) + " of model '" + model + "'";
  switch (version.state) {
  case VersionState::Start:
  case VersionState::Loading:
    return Status(StatusCode::Unavailable, what + " is being loaded");
  case VersionState::Available:
  case VersionState::Unloading:
    break;
  case VersionState::End:
    if (!version.error.isOk())
      return Status(StatusCode::Unavailable,
                    what + " could not be loaded: " + version.error.message());
  }
  return Status();
}

} // namespace

const char *toString(VersionState state) {
  switch (state) {
  case VersionState::Start:
    return "START";
  case VersionState::Loading:
    return "LOADING";
  case VersionState::Available:
    return "AVAILABLE";
  case VersionState::Unloading:
    return "UNLOADING";
  case VersionState::End:
    return "END";
  }
  return "UNKNOWN";
}

Result<std::shared_ptr<const ModelVersion>> ModelSnapshot::findLatest() const {
  if (!available.empty())
    return available.rbegin()->second;
  const std::string what = "model '" + status.model + "'";
  if (!status.error.isOk())
    return Status(StatusCode::Unavailable, what + " cannot be served: " + status.error.message());
  if (isUnloaded)
    return Status(StatusCode::NotFound, what + " is not loaded; a load request loads it");
  Status reason;
  for (auto it = status.versions.rbegin(); it != status.versions.rend(); ++it)
    if (Status why = whyNot(status.model, *it); !why.isOk()) {
      if (reason.isOk() || it->state != VersionState::End)
        reason = why; // one that is being loaded rather than one that could not be
    }
  return reason.isOk() ? Status(StatusCode::NotFound,
                                what + " has no version to serve (policy: " + policy + ")")
                       : reason;
}

Result<std::shared_ptr<const ModelVersion>> ModelSnapshot::findNumber(int64_t number) const {
  if (auto found = available.find(number); found != available.end())
    return found->second;
  for (const VersionStatus &version : status.versions)
    if (version.version == number)
      INGOT_RETURN_IF_ERROR(whyNot(status.model, version));
  return Status(StatusCode::NotFound, "model '" + status.model + "' does not serve version " +
                                          std::to_string(number) + "; it serves " +
                                          numbers(available) + " (policy: " + policy + ")");
}

Result<std::shared_ptr<const ModelVersion>> ModelSnapshot::findLabel(std::string_view label) const {
  if (auto found = labelled.find(label); found != labelled.end())
    return found->second;
  const std::string what = "label '" + std::string(label) + "' of model '" + status.model + "'";
  if (auto configured = labels.find(label); configured != labels.end()) {
    for (const VersionStatus &version : status.versions)
      if (version.version == configured->second)
        INGOT_RETURN_IF_ERROR(whyNot(status.model, version).withContext(what));
    return Status(StatusCode::Unavailable, what + " names version " +
                                               std::to_string(configured->second) +
                                               ", which is not loaded");
  }
  std::vector<std::string> names;
  for (const auto &entry : labels)
    names.push_back(entry.first);
  return Status(StatusCode::NotFound, "model '" + status.model + "' has no label '" +
                                          std::string(label) + "'; it has " + listed(names));
}

Result<std::shared_ptr<const ModelVersion>> ModelSnapshot::find(const VersionChoice &choice) const {
  switch (choice.kind) {
  case VersionChoice::Kind::Latest:
    break;
  case VersionChoice::Kind::Number:
    return findNumber(choice.number);
  case VersionChoice::Kind::Label:
    return findLabel(choice.label);
  }
  return findLatest();
}

Result<const ModelSnapshot *> Snapshot::model(std::string_view name) const {
  if (auto found = models.find(name); found != models.end() && !found->second->isGone)
    return found->second.get();
  std::vector<std::string> names;
  for (const auto &[other, model] : models)
    if (!model->isGone)
      names.push_back(other);
  return Status(StatusCode::NotFound,
                "there is no model '" + std::string(name) + "'; there are " + listed(names));
}

NewestSnapshot::NewestSnapshot() { set(std::make_shared<const Snapshot>()); }

std::shared_ptr<const Snapshot> NewestSnapshot::get() const {
  static std::atomic<unsigned> threads{0};
  thread_local const unsigned own = threads.fetch_add(1, std::memory_order_relaxed);
  const Copy &copy = copies_[own % copies_.size()];
  std::lock_guard lock(copy.mutex);
  return copy.snapshot;
}

void NewestSnapshot::set(const std::shared_ptr<const Snapshot> &snapshot) {
  using Holder = std::shared_ptr<const Snapshot>;
  for (Copy &copy : copies_) {
    // A control block for each, so that counting readers of one does not slow down the others.
    auto holder = std::make_shared<Holder>(snapshot);
    Holder next(holder, snapshot.get());
    {
      std::lock_guard lock(copy.mutex);
      copy.snapshot.swap(next);
    }
  }
}

} // namespace ingot::serve
