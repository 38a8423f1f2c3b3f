// Files and directories alone: links and devices are left out, as Keras's filter leaves them out.
#include "runtime/data/Extract.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/data/Tar.h"

#include <cstring>
#include <filesystem>
#include <functional>
#include <new>
#include <system_error>
#include <unistd.h>
#include <zip.h>

namespace ingot::data {

namespace fs = std::filesystem;

namespace {

/// `name` below `root`; empty where it leads elsewhere.
fs::path placeOf(const fs::path &root, const std::string &name) {
  const fs::path relative = fs::path(name).lexically_normal();
  if (name.empty() || relative.is_absolute() || relative.empty() || *relative.begin() == "..")
    return {};
  return root / relative;
}

Status makeDirectory(const fs::path &path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? Status(StatusCode::IoError,
                        "cannot make the directory '" + path.string() + "': " + error.message())
               : Status();
}

Status writeEntry(const fs::path &root, const std::string &name, bool isDirectory,
                  const std::function<Result<std::vector<uint8_t>>()> &contents) {
  const fs::path path = placeOf(root, name);
  if (path.empty())
    return Status(StatusCode::DataLoss, "the archive has the name '" + name.substr(0, 200) +
                                            "', which leads out of its directory");
  if (isDirectory)
    return makeDirectory(path);
  INGOT_RETURN_IF_ERROR(makeDirectory(path.parent_path()));
  INGOT_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, contents());
  INGOT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path.string()));
  INGOT_RETURN_IF_ERROR(file.write(bytes.data(), bytes.size()));
  return file.commit();
}

Status extractTar(const std::vector<uint8_t> &bytes, const fs::path &root) {
  std::unique_ptr<ByteSource> source = std::make_unique<MemorySource>(bytes.data(), bytes.size());
  if (looksLikeGzip(bytes.data(), bytes.size())) {
    INGOT_ASSIGN_OR_RETURN(source, openGzip(bytes.data(), bytes.size()));
  }
  TarReader reader(*source);
  for (;;) {
    INGOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, reader.next());
    if (!entry)
      return Status();
    if (entry->isFile || entry->isDirectory)
      INGOT_RETURN_IF_ERROR(
          writeEntry(root, entry->name, entry->isDirectory, [&] { return reader.contents(); }));
  }
}

struct DiscardZip {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};

/// The contents of an entry. Its size, and the sum of all so far, are compared with what the
/// archive can hold: entries that overlap do not multiply it.
Result<std::vector<uint8_t>> zipContents(zip_t *archive, zip_uint64_t index, size_t archiveBytes,
                                         uint64_t &sum) {
  zip_stat_t info;
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
  if (zip_stat_index(archive, index, 0, &info) != 0 || (info.valid & needed) != needed ||
      info.comp_size > archiveBytes || info.size / maxDeflateRatio > info.comp_size ||
      __builtin_add_overflow(sum, info.size, &sum) || sum / maxDeflateRatio > archiveBytes)
    return Status(StatusCode::DataLoss, "the zip archive's directory is damaged");
  std::vector<uint8_t> bytes;
  try {
    bytes.resize(size_t(info.size));
  } catch (const std::bad_alloc &) {
    return Status(StatusCode::ResourceExhausted,
                  "an entry of the zip archive does not fit in memory");
  }
  zip_file_t *file = zip_fopen_index(archive, index, 0);
  if (!file)
    return Status(StatusCode::DataLoss, zip_strerror(archive));
  const zip_int64_t got = zip_fread(file, bytes.data(), bytes.size());
  uint8_t beyond;
  const bool isWhole = got == zip_int64_t(bytes.size()) && zip_fread(file, &beyond, 1) == 0;
  zip_fclose(file);
  return isWhole ? Result<std::vector<uint8_t>>(std::move(bytes))
                 : Status(StatusCode::DataLoss, "an entry of the zip archive is damaged");
}

Status extractZip(const std::string &path, size_t archiveBytes, const fs::path &root) {
  int code = 0;
  const std::unique_ptr<zip_t, DiscardZip> archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!archive)
    return Status(StatusCode::DataLoss, "the zip archive is damaged");
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  uint64_t sum = 0;
  for (zip_int64_t i = 0; i < count; ++i) {
    const char *name = zip_get_name(archive.get(), zip_uint64_t(i), 0);
    if (!name)
      return Status(StatusCode::DataLoss, "the zip archive's directory is damaged");
    const bool isDirectory = *name && name[std::strlen(name) - 1] == '/';
    INGOT_RETURN_IF_ERROR(writeEntry(root, name, isDirectory, [&] {
      return zipContents(archive.get(), zip_uint64_t(i), archiveBytes, sum);
    }));
  }
  return Status();
}

} // namespace

Status extractArchive(const std::string &archive, const std::string &directory) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, readWholeFile(archive));
  const bool isZip = bytes.size() >= 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0;
  const bool isTar = looksLikeGzip(bytes.data(), bytes.size()) ||
                     (bytes.size() > 262 && std::memcmp(bytes.data() + 257, "ustar", 5) == 0);
  if (!isZip && !isTar)
    return Status(StatusCode::Unsupported,
                  "'" + archive + "' is neither a tar, a tar.gz nor a zip archive");
  const fs::path temporary = directory + ".tmp-" + std::to_string(getpid());
  std::error_code error;
  fs::remove_all(temporary, error);
  INGOT_RETURN_IF_ERROR(makeDirectory(temporary));
  Status status =
      isZip ? extractZip(archive, bytes.size(), temporary) : extractTar(bytes, temporary);
  if (status.isOk()) {
    fs::remove_all(directory, error);
    fs::rename(temporary, directory, error);
    if (error)
      status = Status(StatusCode::IoError,
                      "cannot make the directory '" + directory + "': " + error.message());
  }
  if (!status.isOk())
    fs::remove_all(temporary, error);
  return status.withContext("unpacking '" + archive + "'");
}

} // namespace ingot::data
