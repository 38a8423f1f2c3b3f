// Looking at directories, and what is asked of the repository: load, unload, reload, other models.
// See RepositoryThread.h.
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/RepositoryThread.h"

#include <algorithm>

namespace ingot::serve {

namespace {
constexpr size_t mostConfigBytes = size_t{1} << 20;

bool isAsked(const std::set<std::string> &asked, const std::string &name) {
  return asked.count("*") || asked.count(name);
}
} // namespace

//===----------------------------------------------------------------------===//
// Looking at directories
//===----------------------------------------------------------------------===//

Status RepositoryThread::scan(const std::set<std::string> &asked) {
  const auto begin = Clock::now();
  Status first;
  auto failed = [&](const Status &status) { first = first.isOk() ? status : first; };
  std::map<std::string, std::string> bases; // of the models that are there
  auto isTaken = [&](const std::string &name, const std::string &base) {
    auto [other, isNew] = bases.emplace(name, base);
    if (isNew || other->second == base)
      return false;
    failed(Status(StatusCode::InvalidArgument,
                  "model '" + name + "' is there twice: " +
                      (other->second.empty() ? "by its name" : "in '" + other->second + "'") +
                      " and in '" + base + "'; the first is served"));
    return true;
  };
  auto named = [&](const std::string &name, const std::string &directory,
                   const std::optional<ModelConfig> &config) {
    bases.emplace(name, "");
    Result<FoundModel> found = scanModel(directory);
    if (!found.isOk()) {
      failed(found.status().withContext("model '" + name + "'"));
      FoundModel nothing;
      nothing.directory = directory;
      nothing.isReadable = false;
      nothing.problem = found.status();
      found = nothing;
    }
    updateModel(name, "", *found, asked);
    models_.at(name)->entry = config;
  };
  for (const ModelEntry &entry : options_.entries)
    named(entry.name, entry.directory, entry.config);
  for (const auto &[name, directory] : options_.models)
    named(name, directory, std::nullopt);
  for (const std::string &directory : options_.directories) {
    auto found = scanRepository(directory);
    if (!found.isOk()) { // perhaps not mounted at the moment: what is loaded goes on
      failed(found.status());
      for (auto &[name, model] : models_)
        if (model->base == directory) {
          bases.emplace(name, directory);
          model->directoryError = found.status();
        }
      continue;
    }
    for (const auto &[name, model] : *found)
      if (!isTaken(name, directory))
        updateModel(name, directory, model, asked);
  }
  for (auto &[name, model] : models_)
    if (!bases.count(name) && (!options_.isExplicit || !model->isWanted || isAsked(asked, name))) {
      model->isListed = false;
      model->vanish();
    }
  // Looking takes a twentieth of the time at most, however many models there are.
  const auto end = Clock::now();
  nextPoll_ = end + std::max<Clock::duration>(options_.pollInterval, 20 * (end - begin));
  return first;
}

void RepositoryThread::updateModel(const std::string &name, const std::string &base,
                                   const FoundModel &found, const std::set<std::string> &asked) {
  std::unique_ptr<ManagedModel> &model = models_[name];
  if (!model) {
    model = std::make_unique<ManagedModel>(name, base);
    model->isWanted = !options_.isExplicit;
  } else if (options_.isExplicit && model->isWanted && !isAsked(asked, name)) {
    return; // it stays as it was when it was loaded
  }
  model->base = base;
  model->isListed = true;
  if (found.isReadable) {
    model->update(found, Clock::now());
    readConfig(*model, found);
  }
  model->directoryError = found.problem;
}

void RepositoryThread::updateError(ManagedModel &model) {
  const Status &error = !model.directoryError.isOk() ? model.directoryError
                        : !model.requested && !model.entry && !model.configError.isOk()
                            ? model.configError
                            : model.refused;
  const bool isNews = !error.isOk() && error.message() != model.error.message();
  model.error = error;
  if (isNews && observe_) {
    LoadEvent event;
    event.model = model.name;
    event.isOfModel = true;
    event.status = error;
    observe_(event);
  }
}

void RepositoryThread::readConfig(ManagedModel &model, const FoundModel &found) {
  if (found.configFingerprint != model.configFingerprint) {
    model.configFingerprint = found.configFingerprint;
    model.configError = Status();
    const std::string path = found.directory + "/" + configName;
    if (found.configFingerprint.empty()) {
      model.fileConfig.reset();
    } else if (auto text = readText(path, mostConfigBytes); !text.isOk()) {
      model.configError = text.status();
    } else if (auto config = parseModelConfig(*text, options_.defaults); config.isOk()) {
      model.fileConfig = *config;
    } else {
      model.configError = config.status().withContext("'" + path + "'");
    }
  }
}

void RepositoryThread::applyConfig(ManagedModel &model) {
  const QueueOptions before = model.config.queue;
  if (model.requested)
    model.config = *model.requested;
  else if (model.entry)
    model.config = *model.entry;
  else if (model.fileConfig)
    model.config = *model.fileConfig;
  else if (model.configError.isOk())
    model.config = options_.defaults;
  model.hasConfig = model.requested || model.entry || model.fileConfig ||
                    model.configError.isOk() || model.hasConfig;
  if (!isEqual(before, model.config.queue)) // which may have been what was wrong
    model.forgetFailures();
  applyToVersions(model);
  updateError(model);
}

/// What serves, and cannot have the config, goes on as it does.
void RepositoryThread::applyToVersions(ManagedModel &model) {
  if (model.refusedConfig && *model.refusedConfig == model.config)
    return;
  model.refusedConfig.reset();
  model.refused = Status();
  for (auto &[number, version] : model.versions) {
    if (!version.serving || version.serving->config == model.config)
      continue;
    auto changed = withConfig(scheduler_, *version.serving, model.config);
    if (changed.isOk()) {
      serve(model.name, number, std::move(*changed));
    } else {
      model.refusedConfig = model.config;
      model.refused = changed.status();
    }
  }
}

//===----------------------------------------------------------------------===//
// Requests
//===----------------------------------------------------------------------===//

void RepositoryThread::wait(const std::set<std::string> &models, bool wantsAVersion,
                            const std::shared_ptr<Answer> &done) {
  waiters_.push_back({models, wantsAVersion, Status(), done});
}

Status RepositoryThread::unknown(const std::string &name) const {
  Snapshot listed;
  for (const auto &[other, model] : models_)
    listed.models.emplace(other, model->snapshot());
  return listed.model(name).status();
}

Status RepositoryThread::load(std::string_view model, const std::optional<ModelConfig> &config) {
  return ask([this, name = std::string(model), config](const auto &done) {
    (void)scan({name});
    auto found = models_.find(name);
    if (found == models_.end() || !found->second->isListed) {
      answers_.emplace_back(done, unknown(name));
      return;
    }
    ManagedModel &managed = *found->second;
    managed.isWanted = true;
    managed.requested = config;
    managed.forgetFailures();
    wait({name}, /*wantsAVersion=*/true, done);
  });
}

Status RepositoryThread::unload(std::string_view model) {
  return ask([this, name = std::string(model)](const auto &done) {
    auto found = models_.find(name);
    if (found == models_.end()) {
      answers_.emplace_back(done, unknown(name));
      return;
    }
    found->second->isWanted = false;
    found->second->requested.reset();
    answers_.emplace_back(done, Status());
  });
}

Status RepositoryThread::reload() {
  return ask([this](const auto &done) {
    const Status scanned = scan({"*"});
    std::set<std::string> all;
    for (auto &[name, model] : models_) {
      model->forgetFailures();
      all.insert(name);
    }
    wait(all, /*wantsAVersion=*/false, done);
    waiters_.back().first = scanned;
  });
}

Status RepositoryThread::checkLabels(const ModelEntry &entry) const {
  auto found = models_.find(entry.name);
  if (found == models_.end() || !found->second->isServing())
    return Status(); // labels lead somewhere once it is loaded
  const ManagedModel &model = *found->second;
  for (const auto &[label, number] : entry.config.labels) {
    auto version = model.versions.find(number);
    if (version == model.versions.end() || !version->second.serving)
      return Status(StatusCode::FailedPrecondition,
                    "label '" + label + "' of model '" + entry.name + "' cannot name version " +
                        std::to_string(number) +
                        ", which is not loaded; load it first, then move the label");
  }
  return Status();
}

Status RepositoryThread::checkEntries(const std::vector<ModelEntry> &entries) const {
  std::set<std::string> names;
  for (const ModelEntry &entry : entries) {
    if (entry.name.empty())
      return Status(StatusCode::InvalidArgument,
                    "the model in '" + entry.directory + "' has no name");
    if (!names.insert(entry.name).second)
      return Status(StatusCode::InvalidArgument, "model '" + entry.name + "' is there twice");
    INGOT_RETURN_IF_ERROR(
        scanModel(entry.directory).status().withContext("model '" + entry.name + "'"));
    INGOT_RETURN_IF_ERROR(checkLabels(entry));
  }
  return Status();
}

Status RepositoryThread::replaceModels(const std::vector<ModelEntry> &models) {
  return ask([this, models](const auto &done) {
    if (Status wrong = checkEntries(models); !wrong.isOk()) {
      answers_.emplace_back(done, wrong);
      return;
    }
    options_.directories.clear();
    options_.models.clear();
    options_.entries = models;
    std::set<std::string> names;
    for (const ModelEntry &entry : models)
      names.insert(entry.name);
    const Status scanned = scan({"*"});
    for (const std::string &name : names) {
      ManagedModel &model = *models_.at(name);
      model.isWanted = true;
      model.requested.reset();
      model.forgetFailures();
    }
    wait(names, /*wantsAVersion=*/false, done);
    waiters_.back().first = scanned;
  });
}

void RepositoryThread::stopLoading() {
  mailbox_->post([this] {
    isLoadingStopped_ = true;
    for (auto &[name, model] : models_)
      for (auto &[number, version] : model->versions)
        if (version.isLoading)
          version.isCancelled->store(true, std::memory_order_relaxed);
  });
}

} // namespace ingot::serve
