// See LoadVersion.h.
#include "runtime/serve/repository/LoadVersion.h"
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/Pace.h"
#include "runtime/serve/repository/PrivateCopy.h"
#include "runtime/serve/repository/WarmUp.h"

#include <algorithm>
#include <sstream>
#include <sys/stat.h>

namespace ingot::serve {

namespace {

constexpr const char *weightsName = "variables.safetensors";
constexpr const char *labelsName = "assets/labels.txt";
constexpr size_t mostLabelBytes = size_t{64} << 20;

using Content = FoundVersion::Content;

/// Types that the protocols have names for: no 4-bit integers, no 8-bit floats.
bool isProtocolType(int32_t dtype) {
  return (dtype >= INGOT_BOOL && dtype <= INGOT_F64) || dtype == INGOT_STRING;
}

/// Why clients cannot call a function; empty: they can.
std::string whyNotServed(const ingot_function &function) {
  if (function.flags & INGOT_FUNCTION_WRITES_STATE)
    return "it writes the state";
  auto check = [](const ingot_tensor_info *infos, int64_t count, const char *what) {
    for (int64_t i = 0; i < count; ++i)
      if (!isProtocolType(infos[i].dtype))
        return std::string(what) + " '" + infos[i].name + "' is " + ingot::describe(infos[i]) +
               ", which no protocol has; let the function cast it";
    return std::string();
  };
  std::string inputs = check(function.inputs, function.input_count, "input");
  return inputs.empty() ? check(function.outputs, function.output_count, "output") : inputs;
}

Result<std::shared_ptr<State>> makeState(const std::shared_ptr<const Artifact> &artifact,
                                         const std::string &directory) {
  if (artifact->hasWeights()) {
    INGOT_ASSIGN_OR_RETURN(std::unique_ptr<State> state, State::readOnly(artifact));
    return std::shared_ptr<State>(std::move(state));
  }
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<State> state, State::create(artifact));
  if (artifact->table().variable_count != 0) {
    BindOptions options;
    options.allowExtra = true; // a training's optimizer state is no harm
    const Status bound = state->bind(directory + "/" + weightsName, options);
    if (bound.code() == StatusCode::NotFound)
      return Status(StatusCode::FailedPrecondition,
                    bound.message() + "; the artifact carries no weights, so they must be in '" +
                        directory + "/" + weightsName + "'");
    INGOT_RETURN_IF_ERROR(bound);
  }
  INGOT_RETURN_IF_ERROR(state->derive());
  return std::shared_ptr<State>(std::move(state));
}

bool isDefault(const ServedFunction &served) {
  return std::string_view(served.function->name) == "predict";
}

Status addQueue(Scheduler &scheduler, const ModelVersion &version, ServedFunction &served,
                std::function<Status()> goOn) {
  const QueueOptions &options = version.config.queue;
  INGOT_ASSIGN_OR_RETURN(
      served.queue,
      scheduler.createQueue(
          version.artifact, version.state, served.function->name, options,
          [statistics = served.statistics](const RunRecord &record) { statistics->addRun(record); },
          {served.areRowsIndependent, std::move(goOn)}));
  if (!options.trustRows)
    served.areRowsIndependent = served.queue->isBatched();
  return Status::ok();
}

Status addFunctions(Scheduler &scheduler, ModelVersion &version, const Progress &progress) {
  const ingot_artifact_table &table = version.artifact->table();
  for (int64_t i = 0; i < table.function_count; ++i) {
    const ingot_function &function = table.functions[i];
    std::string refused = whyNotServed(function);
    if (refused.empty()) {
      ServedFunction served(*version.artifact, function);
      Status made = addQueue(scheduler, version, served, [&] { return progress(0); });
      if (made.isOk()) {
        version.functions.push_back(std::move(served));
        continue;
      }
      if (made.code() != StatusCode::Unsupported)
        return made;
      refused = made.message();
    }
    version.notServed[function.name] = refused;
  }
  auto first = std::find_if(version.functions.begin(), version.functions.end(), isDefault);
  if (first != version.functions.end())
    std::rotate(version.functions.begin(), first, first + 1);
  if (!version.functions.empty())
    return Status();
  std::string text = "no function of '" + std::string(table.name) + "' can be served";
  for (const auto &[name, why] : version.notServed)
    text += "; " + name + ": " + why;
  return Status(StatusCode::Unsupported, text);
}

Result<std::vector<std::string>> readLabels(const std::string &directory) {
  auto text = readText(directory + "/" + labelsName, mostLabelBytes);
  std::vector<std::string> names;
  if (text.status().code() == StatusCode::NotFound)
    return names;
  INGOT_RETURN_IF_ERROR(text.status());
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    names.push_back(line);
  }
  return names;
}

uint64_t fileBytes(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

class Load {
public:
  Load(Scheduler &scheduler, const LoadRequest &request)
      : scheduler_(scheduler), request_(request), progress_([this](size_t) { return goOn(); }) {}

  LoadResult run() {
    LoadResult result;
    const auto begin = Clock::now();
    auto loaded = load();
    result.status = loaded.status();
    if (loaded.isOk()) {
      result.version = std::move(*loaded);
      result.version->loadTime = Clock::now() - begin - result.version->warmUpTime;
    }
    result.took = Clock::now() - begin;
    result.compiled = compiled_;
    return result;
  }

private:
  Status goOn() {
    if (request_.isPaced)
      pace_.pause();
    return request_.isCancelled && request_.isCancelled->load(std::memory_order_relaxed)
               ? Status(StatusCode::Cancelled, "the version is no longer wanted")
               : Status();
  }

  /// Where the published files are: the version, or the cache of compiled ones.
  Result<std::string> publishedDirectory() {
    const FoundVersion &found = request_.found;
    switch (found.content) {
    case Content::Nothing:
      return found.problem;
    case Content::Published:
      return found.directory;
    case Content::Source:
      break;
    }
    INGOT_ASSIGN_OR_RETURN(CompiledSource compiled, compileSource(found.directory, found.source,
                                                                  request_.compiler, progress_));
    compiled_ = compiled.took;
    return compiled.directory;
  }

  /// What the cache has just given may be taken away by another server, which finds it full: then
  /// trying again helps.
  Status whileCached(const Status &status) const {
    const bool isLost =
        status.code() == StatusCode::NotFound || status.code() == StatusCode::DataLoss;
    return isLost && request_.found.content == Content::Source
               ? Status(StatusCode::Unavailable,
                        "what was compiled left the cache while it was loaded: " + status.message())
               : status;
  }

  Result<std::unique_ptr<ModelVersion>> load() {
    const FoundVersion &found = request_.found;
    INGOT_ASSIGN_OR_RETURN(std::string directory, publishedDirectory());
    auto read = readManifest(directory);
    if (!read.isOk())
      return whileCached(read.status());
    const Manifest &manifest = *read;
    if (manifest.files.count(artifactName) == 0)
      return Status(StatusCode::InvalidArgument, "'" + directory + "/" + manifestName +
                                                     "' does not list " + artifactName +
                                                     "; publish the version anew");
    INGOT_ASSIGN_OR_RETURN(PrivateCopy copy,
                           PrivateCopy::create(request_.model + "/" + artifactName));
    auto keep = [&](const std::string &name, const char *data, size_t bytes) {
      return name == artifactName ? copy.append(data, bytes) : Status();
    };
    INGOT_RETURN_IF_ERROR(whileCached(checkFiles(directory, manifest, progress_, keep)));
    INGOT_RETURN_IF_ERROR(copy.seal());
    auto version = std::make_unique<ModelVersion>();
    version->model = request_.model;
    version->version = found.number;
    version->directory = found.directory;
    version->config = request_.config;
    const std::string path = directory + "/" + artifactName;
    auto artifact = Artifact::open(copy.path());
    if (!artifact.isOk())
      return withTargets(artifact.status(), manifest).withContext("'" + path + "'");
    version->artifact = std::move(*artifact);
    INGOT_ASSIGN_OR_RETURN(version->state, makeState(version->artifact, directory));
    INGOT_ASSIGN_OR_RETURN(version->classNames, readLabels(found.directory));
    version->memoryBytes =
        fileBytes(path) +
        (version->artifact->hasWeights() ? 0 : version->artifact->table().state_bytes);
    INGOT_RETURN_IF_ERROR(addFunctions(scheduler_, *version, progress_));
    INGOT_RETURN_IF_ERROR(warm(*version));
    // What was checked and what was opened are the same only if nobody exchanged them in between.
    if (scanVersion(found.directory, found.number).fingerprint != found.fingerprint)
      return Status(StatusCode::Unavailable,
                    "'" + found.directory + "' changed while it was loaded");
    return version;
  }

  static Status withTargets(const Status &status, const Manifest &manifest) {
    if (status.code() != StatusCode::Unsupported || manifest.targets.empty())
      return status;
    std::string text = status.message() + " (it was compiled for ";
    for (size_t i = 0; i < manifest.targets.size(); ++i)
      text += (i ? ", " : "") + manifest.targets[i];
    return Status(status.code(), text + ")");
  }

  Status warm(ModelVersion &version) {
    if (!request_.warmUp)
      return Status();
    const auto begin = Clock::now();
    INGOT_RETURN_IF_ERROR(touchWeights(*version.artifact, progress_));
    for (const ServedFunction &served : version.functions)
      // A function that is not thread-safe may be running for another version.
      if (!(served.function->flags & INGOT_FUNCTION_EXCLUSIVE))
        INGOT_RETURN_IF_ERROR(
            warmUp(version.artifact, *version.state, served, progress_)
                .withContext(std::string("warming up '") + served.function->name + "'"));
    version.warmUpTime = Clock::now() - begin;
    return Status();
  }

  Scheduler &scheduler_;
  const LoadRequest &request_;
  Pace pace_;
  Progress progress_;
  std::chrono::nanoseconds compiled_{0};
};

} // namespace

ServedFunction::ServedFunction(const Artifact &artifact, const ingot_function &served)
    : function(&served), statistics(std::make_shared<FunctionStatistics>()) {
  const std::vector<ingot_carry> carries = artifact.carries(served);
  for (int64_t i = 0; i < served.input_count; ++i)
    if (std::none_of(carries.begin(), carries.end(),
                     [i](const ingot_carry &carry) { return carry.input == i; }))
      inputs.push_back(&served.inputs[i]);
}

const ServedFunction *ModelVersion::find(std::string_view name) const {
  for (const ServedFunction &served : functions)
    if (name == served.function->name)
      return &served;
  return name.empty() || name == "serving_default" ? &functions.front() : nullptr;
}

LoadResult loadVersion(Scheduler &scheduler, const LoadRequest &request) {
  return Load(scheduler, request).run();
}

Result<std::unique_ptr<ModelVersion>> withConfig(Scheduler &scheduler, const ModelVersion &version,
                                                 const ModelConfig &config) {
  auto copy = std::make_unique<ModelVersion>(version);
  copy->config = config;
  if (!isEqual(config.queue, version.config.queue))
    for (ServedFunction &served : copy->functions)
      INGOT_RETURN_IF_ERROR(addQueue(scheduler, *copy, served, {}));
  return copy;
}

} // namespace ingot::serve
