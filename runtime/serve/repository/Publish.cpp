// See Publish.h.
#include "runtime/serve/repository/Publish.h"
#include "runtime/core/AtomicDirectory.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/serve/repository/Manifest.h"
#include "runtime/serve/repository/Sha256.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace ingot::serve {

namespace fs = std::filesystem;

namespace {

Status writeAll(int file, const char *data, size_t bytes, const std::string &path) {
  while (bytes != 0) {
    ssize_t written = write(file, data, bytes);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errnoStatus("write", path, errno);
    data += written;
    bytes -= static_cast<size_t>(written);
  }
  return Status();
}

/// A new file, filled by `fill`, which is given how to write.
template <typename Fill> Status writeFile(const std::string &path, const Fill &fill) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0)
    return errnoStatus("write", path, errno);
  Status written =
      fill([&](const char *data, size_t bytes) { return writeAll(file, data, bytes, path); });
  // Versions do not change: writing into one is a mistake that is better refused.
  struct stat info;
  if (written.isOk() && fstat(file, &info) == 0)
    fchmod(file, info.st_mode & 0444);
  if (close(file) != 0 && written.isOk())
    written = errnoStatus("write", path, errno);
  return written;
}

Result<ManifestFile> copyFile(const std::string &source, const std::string &target) {
  ManifestFile copied;
  Sha256 digest;
  INGOT_RETURN_IF_ERROR(writeFile(target, [&](const auto &write) {
    return readPieces(source, [&](const char *data, size_t bytes) {
      digest.update(data, bytes);
      copied.bytes += bytes;
      return write(data, bytes);
    });
  }));
  copied.sha256 = digest.finish();
  if (copied.sha256.empty())
    return Status(StatusCode::Internal, "SHA-256 of '" + source + "' cannot be computed");
  return copied;
}

/// One more than the highest number that is taken, by whatever it is.
Result<int64_t> nextVersion(const std::string &modelDirectory) {
  int64_t highest = 0;
  std::error_code error;
  for (fs::directory_iterator entry(modelDirectory, error), end; !error && entry != end;
       entry.increment(error))
    if (auto number = parseVersion(entry->path().filename().string()))
      highest = std::max(highest, *number);
  if (error && error != std::errc::no_such_file_or_directory)
    return errnoStatus("list", modelDirectory, error.value());
  if (highest == INT64_MAX)
    return Status(StatusCode::InvalidArgument,
                  "'" + modelDirectory + "' has the highest version that there can be; name one");
  return highest + 1;
}

std::string versionDirectory(const std::string &modelDirectory, int64_t version) {
  return (fs::path(modelDirectory) / std::to_string(version)).string();
}

Status isThere(const std::string &directory) {
  return Status(StatusCode::InvalidArgument,
                "'" + directory +
                    "' is there already; versions are not changed once they are "
                    "published: take another number, or none for the next free one");
}

Status checkNames(const std::vector<PublishFile> &files) {
  bool hasArtifact = false;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string &name = files[i].name;
    hasArtifact |= name == artifactName;
    if (!isFileName(name))
      return Status(StatusCode::InvalidArgument,
                    "'" + name + "' cannot be the name of a file in a version");
    for (size_t k = 0; k < i; ++k)
      if (files[k].name == name)
        return Status(StatusCode::InvalidArgument, "two files for '" + name + "' in a version");
  }
  return hasArtifact ? Status()
                     : Status(StatusCode::InvalidArgument,
                              std::string("a version needs a file '") + artifactName + "'");
}

} // namespace

std::optional<int64_t> parseVersion(std::string_view name) {
  int64_t number = 0;
  const char *end = name.data() + name.size();
  auto [last, problem] = std::from_chars(name.data(), end, number);
  if (name.empty() || name[0] == '-' || problem != std::errc() || last != end)
    return std::nullopt;
  return number;
}

Result<int64_t> publishVersion(const std::string &modelDirectory, int64_t version,
                               const std::vector<PublishFile> &files,
                               const std::string &compilerVersion,
                               const std::vector<std::string> &targets) {
  if (version < 0)
    return Status(StatusCode::InvalidArgument,
                  "versions count from 1, got " + std::to_string(version));
  INGOT_RETURN_IF_ERROR(checkNames(files));
  int64_t number = version;
  if (version == 0) {
    INGOT_ASSIGN_OR_RETURN(number, nextVersion(modelDirectory));
  }
  std::string target = versionDirectory(modelDirectory, number);
  std::error_code error;
  if (version != 0 && fs::exists(target, error)) // before anything is copied
    return isThere(target);
  INGOT_ASSIGN_OR_RETURN(AtomicDirectory directory, AtomicDirectory::create(target));
  Manifest manifest{compilerVersion, targets, {}};
  for (const PublishFile &file : files) {
    const std::string path = (fs::path(directory.path()) / file.name).string();
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error)
      return errnoStatus("make", fs::path(path).parent_path().string(), error.value());
    INGOT_ASSIGN_OR_RETURN(manifest.files[file.name], copyFile(file.source, path));
  }
  INGOT_RETURN_IF_ERROR(writeFile(directory.path() + "/" + manifestName, [&](const auto &write) {
    const std::string text = toJson(manifest);
    return write(text.data(), text.size());
  }));
  for (;;) {
    INGOT_ASSIGN_OR_RETURN(bool isDone, directory.commitNew(target));
    if (isDone)
      return number;
    if (version != 0)
      return isThere(target);
    INGOT_ASSIGN_OR_RETURN(number, nextVersion(modelDirectory)); // another writer was faster
    target = versionDirectory(modelDirectory, number);
  }
}

Status checkVersion(const std::string &directory) {
  INGOT_ASSIGN_OR_RETURN(Manifest manifest, readManifest(directory));
  return checkFiles(directory, manifest);
}

} // namespace ingot::serve
