// See ZipFile.h. The format is libzip's business.
#include "frontends/kerasfile/ZipFile.h"

#include <map>
#include <zip.h>

namespace ingot::kerasfile {

namespace {

constexpr uint64_t kMostMembers = 1 << 16;
/// What deflate can make of a byte at most.
constexpr uint64_t kMostExpansion = 1032;

struct Discard {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

/// A zip_error_t with its words.
struct Problem {
  zip_error_t error;
  Problem() { zip_error_init(&error); }
  ~Problem() { zip_error_fini(&error); }
  Problem(const Problem &) = delete;
  std::string words() { return zip_error_strerror(&error); }
};

zip_source_t *makeSource(const void *data, uint64_t size) {
  Problem problem;
  zip_source_t *source = zip_source_buffer_create(data, size, 0, &problem.error);
  if (!source)
    throw FileError("the archive cannot be opened: " + problem.words(),
                    StatusCode::ResourceExhausted);
  return source;
}

bool leadsOutside(std::string_view name) {
  return name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos ||
         name == ".." || name.substr(0, 3) == "../" || name.find("/../") != std::string_view::npos;
}

struct Entry {
  zip_uint64_t index, size;
};

} // namespace

struct ZipFile::Impl {
  Archive archive;
  std::vector<std::string> names;
  std::map<std::string, Entry, std::less<>> entries;

  void list(uint64_t archiveBytes);
  void add(zip_uint64_t index, uint64_t archiveBytes);
};

void ZipFile::Impl::add(zip_uint64_t index, uint64_t archiveBytes) {
  zip_stat_t stat;
  constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                  ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(archive.get(), index, 0, &stat) != 0 || (stat.valid & needed) != needed)
    throw FileError("the archive's directory is damaged at entry " + std::to_string(index));
  std::string name = stat.name;
  if (leadsOutside(name))
    throw FileError("the archive has a member '" + name.substr(0, 200) +
                    "', whose name leads out of the archive");
  if (stat.encryption_method != ZIP_EM_NONE)
    throw FileError("member '" + name + "' is encrypted", StatusCode::Unsupported);
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
    throw FileError("member '" + name + "' is compressed by method " +
                        std::to_string(stat.comp_method) + "; stored and deflated ones are read",
                    StatusCode::Unsupported);
  const uint64_t most = stat.comp_method == ZIP_CM_STORE ? 1 : kMostExpansion;
  if (stat.comp_size > archiveBytes || stat.size / most > stat.comp_size)
    throw FileError("member '" + name + "' claims " + std::to_string(stat.size) +
                    " bytes, more than its " + std::to_string(stat.comp_size) +
                    " in an archive of " + std::to_string(archiveBytes) + " can hold");
  entries.emplace(name, Entry{index, stat.size});
  names.push_back(std::move(name));
}

void ZipFile::Impl::list(uint64_t archiveBytes) {
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count < 0 || static_cast<uint64_t>(count) > kMostMembers)
    throw FileError("the archive has too many members");
  for (zip_int64_t i = 0; i < count; ++i)
    add(static_cast<zip_uint64_t>(i), archiveBytes);
}

bool ZipFile::recognises(std::string_view bytes) {
  return bytes.substr(0, 4) == std::string_view("PK\3\4", 4);
}

ZipFile::ZipFile(std::string_view bytes) : impl(std::make_unique<Impl>()) {
  zip_source_t *source = makeSource(bytes.data(), bytes.size());
  Problem problem;
  impl->archive.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &problem.error));
  if (!impl->archive) {
    zip_source_free(source);
    throw FileError("the zip archive is damaged or cut off: " + problem.words());
  }
  impl->list(bytes.size());
}
ZipFile::~ZipFile() = default;
ZipFile::ZipFile(ZipFile &&) noexcept = default;

const std::vector<std::string> &ZipFile::names() const { return impl->names; }

bool ZipFile::contains(std::string_view name) const { return impl->entries.count(name) > 0; }

std::string ZipFile::read(std::string_view name, uint64_t most) const {
  auto found = impl->entries.find(name);
  if (found == impl->entries.end())
    throw FileError("the archive has no member '" + std::string(name) + "'", StatusCode::NotFound);
  const Entry &entry = found->second;
  auto damaged = [&](const std::string &words) {
    return FileError("member '" + std::string(name) + "' is damaged: " + words);
  };
  if (entry.size > most)
    throw FileError("member '" + std::string(name) + "' has " + std::to_string(entry.size) +
                    " bytes, at most " + std::to_string(most) + " are read");
  struct Close {
    void operator()(zip_file_t *file) const { zip_fclose(file); }
  };
  std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(impl->archive.get(), entry.index, 0));
  if (!file)
    throw damaged(zip_strerror(impl->archive.get()));
  std::string bytes(entry.size, '\0');
  char beyond = 0;
  uint64_t done = 0;
  while (true) { // to the end, where the checksum is compared
    const bool isFull = done == bytes.size();
    const zip_int64_t got = zip_fread(file.get(), isFull ? &beyond : bytes.data() + done,
                                      isFull ? 1 : bytes.size() - done);
    if (got < 0)
      throw damaged(zip_error_strerror(zip_file_get_error(file.get())));
    if (got == 0)
      break;
    if (isFull)
      throw damaged("it is longer than it says");
    done += static_cast<uint64_t>(got);
  }
  if (done != bytes.size())
    throw damaged("it is shorter than it says");
  return bytes;
}

std::string writeZip(const std::vector<ZipMember> &members) {
  zip_source_t *sink = makeSource(nullptr, 0);
  zip_source_keep(sink); // beyond the archive's own hold
  std::unique_ptr<zip_source_t, decltype(&zip_source_free)> held(sink, zip_source_free);
  Problem problem;
  Archive archive(zip_open_from_source(sink, ZIP_TRUNCATE, &problem.error));
  if (!archive) {
    zip_source_free(sink);
    throw FileError("cannot make an archive: " + problem.words(), StatusCode::ResourceExhausted);
  }
  auto check = [&](bool isGood) {
    if (!isGood)
      throw FileError(std::string("cannot make an archive: ") + zip_strerror(archive.get()),
                      StatusCode::ResourceExhausted);
  };
  for (const ZipMember &member : members) {
    zip_source_t *source =
        zip_source_buffer(archive.get(), member.bytes.data(), member.bytes.size(), 0);
    check(source);
    const zip_int64_t index =
        zip_file_add(archive.get(), member.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0)
      zip_source_free(source);
    check(index >= 0);
    check(zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE,
                                   0) == 0);
  }
  check(zip_close(archive.get()) == 0);
  archive.release(); // closed
  zip_stat_t stat;
  if (zip_source_stat(sink, &stat) != 0 || zip_source_open(sink) != 0)
    throw FileError("cannot make an archive", StatusCode::Internal);
  std::string bytes(stat.size, '\0');
  uint64_t done = 0;
  for (zip_int64_t got = 1; got > 0 && done < bytes.size(); done += static_cast<uint64_t>(got)) {
    got = zip_source_read(sink, bytes.data() + done, bytes.size() - done);
    if (got <= 0)
      throw FileError("cannot make an archive", StatusCode::Internal);
  }
  zip_source_close(sink);
  return bytes;
}

} // namespace ingot::kerasfile
