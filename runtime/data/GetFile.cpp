// Downloads through libcurl, straight into a temporary file beside the cache's.
#include "ingot/data/GetFile.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/data/Digest.h"
#include "runtime/data/Extract.h"

#include <cstdlib>
#include <curl/curl.h>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>

namespace ingot::data {

namespace fs = std::filesystem;

namespace {

struct CleanUp {
  void operator()(CURL *curl) const { curl_easy_cleanup(curl); }
};

/// Where the bytes of a download go.
struct Sink {
  AtomicFile &file;
  std::optional<Digest> digest;
  uint64_t left;
  Status status;

  static size_t write(char *data, size_t, size_t size, void *sink) {
    auto &self = *static_cast<Sink *>(sink);
    if (size > self.left)
      self.status = Status(StatusCode::ResourceExhausted, "it is larger than allowed (maxBytes)");
    else
      self.status = self.file.write(data, size);
    if (!self.status.isOk())
      return 0;
    self.left -= size;
    if (self.digest)
      self.digest->update(data, size);
    return size;
  }
};

Status setUp(CURL *curl, const GetFileOptions &options, Sink &sink, char *error) {
  bool ok = true;
  const auto set = [&](CURLoption option, auto value) {
    ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK;
  };
  set(CURLOPT_URL, options.origin.c_str());
  set(CURLOPT_ERRORBUFFER, error);
  set(CURLOPT_WRITEFUNCTION, &Sink::write);
  set(CURLOPT_WRITEDATA, static_cast<void *>(&sink));
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 8L);
  set(CURLOPT_PROTOCOLS_STR, "http,https,file");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_CONNECTTIMEOUT, 30L);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L); // bytes a second, for
  set(CURLOPT_LOW_SPEED_TIME, 60L);
  set(CURLOPT_MAXFILESIZE_LARGE, curl_off_t(options.maxBytes));
  set(CURLOPT_USERAGENT, "ingot");
  return ok ? Status() : Status(StatusCode::Internal, "libcurl refuses an option");
}

/// The file appears at `target` only when all of it came, with the right checksum.
Status download(const GetFileOptions &options, const std::string &target) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, CleanUp> curl(curl_easy_init());
  if (!curl)
    return Status(StatusCode::ResourceExhausted, "no memory for a download");
  INGOT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(target));
  Sink sink{file, std::nullopt, options.maxBytes, Status()};
  if (!options.fileHash.empty())
    sink.digest.emplace(options.fileHash.size());
  char error[CURL_ERROR_SIZE] = "";
  INGOT_RETURN_IF_ERROR(setUp(curl.get(), options, sink, error));
  const CURLcode code = curl_easy_perform(curl.get());
  INGOT_RETURN_IF_ERROR(sink.status);
  if (code != CURLE_OK) {
    long answer = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer);
    return Status(answer == 404 ? StatusCode::NotFound : StatusCode::IoError,
                  *error ? error : curl_easy_strerror(code));
  }
  if (sink.digest)
    if (const std::string got = sink.digest->finish(); got != options.fileHash)
      return Status(StatusCode::DataLoss,
                    "its checksum is " + got + ", expected " + options.fileHash);
  return file.commit();
}

std::string nameOf(const std::string &origin) {
  const std::string path = origin.substr(0, origin.find_first_of("?#"));
  return path.substr(path.find_last_of('/') + 1);
}

Status checkArguments(const GetFileOptions &options, const std::string &name) {
  if (options.origin.empty())
    return Status(StatusCode::InvalidArgument, "get_file needs an origin, the URL of the file");
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    return Status(StatusCode::InvalidArgument, "get_file: fname '" + name +
                                                   "' is no file name; directories are given by "
                                                   "cache_dir and cache_subdir");
  if (!options.fileHash.empty() && !Digest::knows(options.fileHash.size()))
    return Status(StatusCode::InvalidArgument, "get_file: file_hash has " +
                                                   std::to_string(options.fileHash.size()) +
                                                   " digits; SHA-256 has 64, MD5 32");
  return Status();
}

/// Whether the file is there, with the right checksum; what is wrong with it else.
Result<bool> isCached(const GetFileOptions &options, const std::string &path, std::string &wrong) {
  std::error_code error;
  if (options.forceDownload || !fs::is_regular_file(path, error))
    return false;
  if (options.fileHash.empty())
    return true;
  INGOT_ASSIGN_OR_RETURN(const std::string got, digestOfFile(path, options.fileHash.size()));
  if (got != options.fileHash)
    wrong = "; the file that is there has the checksum " + got;
  return got == options.fileHash;
}

} // namespace

std::string cacheDirectory() {
  if (const char *home = std::getenv("KERAS_HOME"); home && *home)
    return home;
  const char *home = std::getenv("HOME");
  return std::string(home && *home ? home : ".") + "/.keras";
}

Result<std::string> getFile(const GetFileOptions &options) {
  const std::string name = options.fname.empty() ? nameOf(options.origin) : options.fname;
  INGOT_RETURN_IF_ERROR(checkArguments(options, name));
  const fs::path directory =
      fs::path(options.cacheDir.empty() ? cacheDirectory() : options.cacheDir) /
      options.cacheSubdir;
  const bool hasDot = name.find('.') != std::string::npos;
  // Keras's names for archives and what is in them.
  std::string target = (directory / name).string(), unpacked;
  if (options.extract) {
    unpacked =
        (directory /
         (hasDot && !options.fname.empty() ? name.substr(0, name.find('.')) + "_extracted" : name))
            .string();
    if (!hasDot || options.fname.empty())
      target += "_archive";
  }
  std::string wrong;
  INGOT_ASSIGN_OR_RETURN(const bool cached, isCached(options, target, wrong));
  if (!cached) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (options.report)
      options.report("Downloading data from " + options.origin);
    const Status status = download(options, target);
    if (!status.isOk())
      return Status(
          status.code(),
          "cannot download '" + options.origin + "': " + status.message() +
              "; without a network, get the file elsewhere and put it at '" + target + "'" +
              (options.fileHash.empty() ? "" : " (checksum " + options.fileHash + ")") + wrong);
  }
  if (!options.extract)
    return target;
  std::error_code error;
  if (!cached || !fs::is_directory(unpacked, error))
    INGOT_RETURN_IF_ERROR(extractArchive(target, unpacked));
  return unpacked;
}

} // namespace ingot::data
