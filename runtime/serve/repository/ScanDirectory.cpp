// See ScanDirectory.h.
#include "runtime/serve/repository/ScanDirectory.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/Publish.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <vector>

namespace ingot::serve {

namespace {

constexpr const char *sources[] = {"model.onnx", "model.keras", "model.json"};
// More files than a version has; whoever makes a repository of his home directory is not kept
// waiting.
constexpr size_t mostFiles = 1000;
constexpr int mostDepth = 4;

/// Sorted names; those with a dot first are nobody's but their writer's.
Result<std::vector<std::string>> list(const std::string &directory) {
  std::unique_ptr<DIR, int (*)(DIR *)> stream(opendir(directory.c_str()), closedir);
  if (!stream)
    return errnoStatus("list", directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent *entry = readdir(stream.get()))
    if (entry->d_name[0] != '.')
      names.emplace_back(entry->d_name);
  if (errno != 0)
    return errnoStatus("list", directory, errno);
  std::sort(names.begin(), names.end());
  return names;
}

bool isDirectory(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

int64_t nanoseconds(const timespec &time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::string fingerprintOf(const struct stat &info) {
  return std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
         std::to_string(nanoseconds(info.st_mtim));
}

/// Adds the files below `directory` to the fingerprint. `changed` by the time of the inode, which
/// copying tools cannot set back.
void addFiles(const std::string &directory, const std::string &prefix, int depth,
              FoundVersion &version, std::vector<std::string> &files) {
  auto names = list(directory);
  if (!names.isOk()) {
    version.problem = names.status();
    return;
  }
  for (const std::string &name : *names) {
    const std::string path = directory + "/" + name;
    struct stat info;
    if (stat(path.c_str(), &info) != 0 || files.size() >= mostFiles)
      continue;
    const auto time = std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds(nanoseconds(info.st_ctim))));
    if (S_ISDIR(info.st_mode)) {
      if (depth < mostDepth)
        addFiles(path, prefix + name + "/", depth + 1, version, files);
      continue;
    }
    version.changed = std::max(version.changed, time);
    version.fingerprint += prefix + name + ":" + fingerprintOf(info) + ";";
    files.push_back(prefix + name);
  }
}

Status incomplete(const FoundVersion &version, const std::vector<std::string> &files) {
  const std::string where = "'" + version.directory + "'";
  if (std::binary_search(files.begin(), files.end(), artifactName))
    return Status(StatusCode::FailedPrecondition,
                  where + " holds " + artifactName + " but no " + manifestName +
                      ", so that nobody can tell whether it is complete; `ingot compile MODEL "
                      "--publish MODEL_DIRECTORY` writes versions that have one");
  return Status(StatusCode::FailedPrecondition,
                where + " holds nothing to serve: expected " + manifestName + " with " +
                    artifactName + " (`ingot compile MODEL --publish MODEL_DIRECTORY`), or " +
                    sources[0] + ", " + sources[1] + " or " + sources[2] + " to compile");
}

} // namespace

FoundVersion scanVersion(const std::string &directory, int64_t number) {
  FoundVersion version;
  version.number = number;
  version.directory = directory;
  std::vector<std::string> files;
  addFiles(directory, "", 0, version, files);
  std::sort(files.begin(), files.end());
  auto has = [&](const char *name) { return std::binary_search(files.begin(), files.end(), name); };
  if (!version.problem.isOk())
    return version;
  if (has(manifestName)) {
    version.content = FoundVersion::Content::Published;
    return version;
  }
  for (const char *source : sources)
    if (version.source.empty() && has(source)) {
      version.content = FoundVersion::Content::Source;
      version.source = source;
    }
  if (version.source.empty())
    version.problem = incomplete(version, files);
  return version;
}

Result<FoundModel> scanModel(const std::string &directory) {
  FoundModel model;
  model.directory = directory;
  INGOT_ASSIGN_OR_RETURN(std::vector<std::string> names, list(directory));
  std::string stray;
  for (const std::string &name : names) {
    const std::string path = directory + "/" + name;
    struct stat info;
    if (name == configName && stat(path.c_str(), &info) == 0)
      model.configFingerprint = fingerprintOf(info);
    if (name == artifactName ||
        std::find(std::begin(sources), std::end(sources), name) != std::end(sources))
      stray = name;
    std::optional<int64_t> number = parseVersion(name);
    if (!number || !isDirectory(path))
      continue;
    // "3" before "03": one of them is the version.
    if (!model.versions.count(*number) || name == std::to_string(*number))
      model.versions[*number] = scanVersion(path, *number);
  }
  if (model.versions.empty() && !stray.empty())
    model.problem =
        Status(StatusCode::FailedPrecondition,
               "'" + directory + "/" + stray + "' is not in a version's directory; move it to '" +
                   directory + "/1/'");
  return model;
}

Result<std::map<std::string, FoundModel>> scanRepository(const std::string &directory) {
  INGOT_ASSIGN_OR_RETURN(std::vector<std::string> names, list(directory));
  std::map<std::string, FoundModel> models;
  for (const std::string &name : names) {
    const std::string path = directory + "/" + name;
    if (!isDirectory(path))
      continue;
    Result<FoundModel> model = scanModel(path);
    if (model.isOk() && !model->problem.isOk() && parseVersion(name))
      return Status(StatusCode::InvalidArgument, "'" + directory +
                                                     "' holds versions, not models ('" + path +
                                                     "'): name the directory that it is in");
    if (!model.isOk()) { // known, but nothing about it
      models[name].directory = path;
      models[name].isReadable = false;
      models[name].problem = model.status();
    } else if (!model->versions.empty() || !model->configFingerprint.empty() ||
               !model->problem.isOk()) {
      models.emplace(name, std::move(*model));
    }
  }
  return models;
}

} // namespace ingot::serve
