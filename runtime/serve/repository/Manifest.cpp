// See Manifest.h.
#include "runtime/serve/repository/Manifest.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/serve/repository/Sha256.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace ingot::serve {

using Json = nlohmann::json;

namespace {

constexpr size_t pieceBytes = size_t{128} << 10; // stays in a core's own cache
constexpr size_t mostManifestBytes = size_t{16} << 20;
constexpr int formatVersion = 1;
constexpr const char *format = "ingot-version";

class File {
public:
  explicit File(const std::string &path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {}
  ~File() {
    if (descriptor_ >= 0)
      close(descriptor_);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  operator int() const { return descriptor_; }

private:
  int descriptor_;
};

bool isDigest(const std::string &text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// The member of an object, NULL where there is none of that kind.
const Json *member(const Json &object, const char *key, Json::value_t type) {
  auto found = object.find(key);
  return found != object.end() && found->type() == type ? &*found : nullptr;
}

} // namespace

bool isFileName(std::string_view name) {
  if (name.empty() || name.size() > 4096 || name == manifestName)
    return false;
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = std::min(name.find('/', begin), name.size());
    std::string_view component = name.substr(begin, end - begin);
    if (component.empty() || component == "." || component == ".." || component.size() > 255 ||
        component.find('\0') != std::string_view::npos)
      return false;
    begin = end + 1;
  }
  return true;
}

Status readPieces(const std::string &path,
                  const std::function<Status(const char *data, size_t bytes)> &take) {
  File file(path);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0)
    return errnoStatus("read", path, errno);
  if (!S_ISREG(info.st_mode)) // a pipe would keep whoever reads waiting
    return Status(StatusCode::InvalidArgument, "'" + path + "' is not a file");
  posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  std::string piece(pieceBytes, '\0');
  for (;;) {
    ssize_t count = read(file, piece.data(), piece.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return errnoStatus("read", path, errno);
    if (count == 0)
      return Status();
    INGOT_RETURN_IF_ERROR(take(piece.data(), static_cast<size_t>(count)));
  }
}

Result<std::string> readText(const std::string &path, size_t most) {
  std::string text;
  Status read = readPieces(path, [&](const char *data, size_t bytes) {
    text.append(data, bytes);
    return text.size() <= most
               ? Status()
               : Status(StatusCode::InvalidArgument,
                        "'" + path + "' is larger than " + std::to_string(most) + " bytes");
  });
  if (!read.isOk())
    return read;
  return text;
}

std::string toJson(const Manifest &manifest) {
  Json files = Json::object();
  for (const auto &[name, file] : manifest.files)
    files[name] = {{"bytes", file.bytes}, {"sha256", file.sha256}};
  Json json = {{"format", format},
               {"format_version", formatVersion},
               {"compiler", manifest.compiler},
               {"targets", manifest.targets},
               {"files", files}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Manifest> parseManifest(const std::string &text, const std::string &path) {
  auto wrong = [&](const std::string &what) {
    return Status(StatusCode::InvalidArgument, "'" + path +
                                                   "' is not a manifest that `ingot "
                                                   "compile --publish` writes: " +
                                                   what + "; publish the version again");
  };
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return wrong("it is not a JSON object");
  if (json.value("format", Json()) != format)
    return wrong(std::string("'format' is not \"") + format + "\"");
  if (json.value("format_version", Json()) != formatVersion)
    return wrong("'format_version' is not " + std::to_string(formatVersion) +
                 ", which is what this server reads");
  Manifest manifest;
  if (const Json *compiler = member(json, "compiler", Json::value_t::string))
    manifest.compiler = compiler->get<std::string>();
  if (const Json *targets = member(json, "targets", Json::value_t::array))
    for (const Json &target : *targets)
      if (target.is_string())
        manifest.targets.push_back(target.get<std::string>());
  const Json *files = member(json, "files", Json::value_t::object);
  if (!files)
    return wrong("'files' is not an object");
  for (const auto &[name, entry] : files->items()) {
    if (!isFileName(name))
      return wrong("'" + name + "' is not the name of a file in a version");
    const Json *bytes =
        entry.is_object() ? member(entry, "bytes", Json::value_t::number_unsigned) : nullptr;
    const Json *digest =
        entry.is_object() ? member(entry, "sha256", Json::value_t::string) : nullptr;
    if (!bytes || !digest || !isDigest(digest->get_ref<const std::string &>()))
      return wrong("file '" + name + "' has not both 'bytes' and 'sha256'");
    manifest.files[name] = {bytes->get<uint64_t>(), digest->get<std::string>()};
  }
  if (!manifest.files.count(artifactName))
    return wrong(std::string("it lists no ") + artifactName);
  return manifest;
}

Result<Manifest> readManifest(const std::string &directory) {
  const std::string path = directory + "/" + manifestName;
  INGOT_ASSIGN_OR_RETURN(std::string text, readText(path, mostManifestBytes));
  return parseManifest(text, path);
}

Status checkFiles(const std::string &directory, const Manifest &manifest, const Progress &progress,
                  const TakeBytes &take) {
  auto lost = [&](const std::string &name, const std::string &what) {
    return Status(StatusCode::DataLoss, "'" + directory + "/" + name + "' " + what + " by " +
                                            manifestName +
                                            "; copy the version again, or publish it anew");
  };
  for (const auto &[name, expected] : manifest.files) { // sizes first: they cost nothing
    struct stat info;
    if (stat((directory + "/" + name).c_str(), &info) != 0)
      return errno == ENOENT || errno == ENOTDIR
                 ? lost(name, "is missing, and should be there")
                 : errnoStatus("look at", directory + "/" + name, errno);
    if (static_cast<uint64_t>(info.st_size) != expected.bytes)
      return lost(name, "has " + std::to_string(info.st_size) + " bytes, and should have " +
                            std::to_string(expected.bytes));
  }
  for (const auto &[name, expected] : manifest.files) {
    Sha256 digest;
    INGOT_RETURN_IF_ERROR(readPieces(directory + "/" + name, [&](const char *data, size_t bytes) {
      digest.update(data, bytes);
      if (take)
        INGOT_RETURN_IF_ERROR(take(name, data, bytes));
      return progress ? progress(bytes) : Status();
    }));
    if (digest.finish() != expected.sha256)
      return lost(name, "has other contents (SHA-256) than it should have");
  }
  return Status();
}

} // namespace ingot::serve
