// .npz archives through libzip: each member is one .npy array.
// Invariant: what the directory claims is compared with the archive's own size before anything is
// allocated, for each member and for their sum, so that overlapping members cannot multiply it.
#include "ingot/data/Npy.h"
#include "runtime/data/NpyFormat.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <set>
#include <zip.h>

namespace ingot::data {

namespace {

struct DiscardZip {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
using ZipHandle = std::unique_ptr<zip_t, DiscardZip>;

class ZipMember : public ByteSource {
public:
  ZipMember(zip_file_t *file, uint64_t size) : file(file), left(size) {}
  ~ZipMember() override { zip_fclose(file); }

  Result<size_t> readSome(void *to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const zip_int64_t got = zip_fread(file, static_cast<char *>(to) + done, size - done);
      if (got < 0)
        return Status(StatusCode::DataLoss, std::string("the archive is corrupt: ") +
                                                zip_error_strerror(zip_file_get_error(file)));
      if (got == 0)
        break;
      done += size_t(got);
    }
    left -= std::min<uint64_t>(left, done);
    return done;
  }
  uint64_t bound() const override { return left; }

private:
  zip_file_t *file;
  uint64_t left;
};

std::string arrayName(const char *member) {
  const std::string name = member;
  const bool npy = name.size() > 4 && name.compare(name.size() - 4, 4, ".npy") == 0;
  return npy ? name.substr(0, name.size() - 4) : name;
}

Status corrupt(const std::string &what) { return Status(StatusCode::DataLoss, what); }

struct Member {
  zip_uint64_t index;
  std::string name;
  uint64_t size;
};

/// The directory, with every claimed size checked against what `archiveBytes` can hold.
Result<std::vector<Member>> listMembers(zip_t *archive, uint64_t archiveBytes) {
  std::vector<Member> members;
  uint64_t sum = 0;
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    if (zip_stat_index(archive, zip_uint64_t(i), 0, &stat) != 0 || (stat.valid & needed) != needed)
      return corrupt("the archive's directory is corrupt at entry " + std::to_string(i));
    if (stat.comp_size > archiveBytes || stat.size / maxDeflateRatio > stat.comp_size ||
        __builtin_add_overflow(sum, stat.size, &sum) || sum / maxDeflateRatio > archiveBytes)
      return corrupt("member '" + arrayName(stat.name) + "' claims " + std::to_string(stat.size) +
                     " bytes, more than an archive of " + std::to_string(archiveBytes) +
                     " bytes can hold");
    members.push_back({zip_uint64_t(i), arrayName(stat.name), stat.size});
  }
  return members;
}

Result<Tensor> readMember(zip_t *archive, const Member &member) {
  zip_file_t *file = zip_fopen_index(archive, member.index, 0);
  if (!file)
    return corrupt(std::string("cannot be opened: ") + zip_strerror(archive));
  ZipMember source(file, member.size);
  return readNpyFrom(source);
}

Result<NamedTensors> readArchive(zip_t *archive, uint64_t archiveBytes,
                                 const std::vector<std::string> &names) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<Member> members, listMembers(archive, archiveBytes));
  std::string available;
  std::set<std::string> there;
  for (const Member &member : members) {
    if (!there.insert(member.name).second)
      return corrupt("array '" + member.name + "' is there twice");
    available += (available.empty() ? "" : ", ") + member.name;
  }
  for (const std::string &name : names)
    if (!there.count(name))
      return Status(StatusCode::NotFound,
                    "there is no array '" + name + "'; there are: " + available);
  NamedTensors tensors;
  for (const Member &member : members) {
    if (!names.empty() && std::find(names.begin(), names.end(), member.name) == names.end())
      continue;
    Result<Tensor> tensor = readMember(archive, member);
    if (!tensor.isOk())
      return tensor.status().withContext("array '" + member.name + "'");
    tensors.emplace_back(member.name, std::move(*tensor));
  }
  return tensors;
}

Result<std::vector<uint8_t>> memberBytes(zip_t *archive, uint64_t archiveBytes,
                                         const std::string &name) {
  INGOT_ASSIGN_OR_RETURN(const std::vector<Member> members, listMembers(archive, archiveBytes));
  for (const Member &member : members) {
    if (member.name != name)
      continue;
    zip_file_t *file = zip_fopen_index(archive, member.index, 0);
    if (!file)
      return corrupt(std::string("cannot be opened: ") + zip_strerror(archive));
    ZipMember source(file, member.size);
    std::vector<uint8_t> bytes;
    try {
      bytes.resize(size_t(member.size));
    } catch (const std::bad_alloc &) {
      return Status(StatusCode::ResourceExhausted,
                    "array '" + name + "' needs " + std::to_string(member.size) + " bytes");
    }
    INGOT_RETURN_IF_ERROR(source.read(bytes.data(), bytes.size(), "the member"));
    INGOT_RETURN_IF_ERROR(source.expectEnd()); // libzip checks the sum there
    return bytes;
  }
  return Status(StatusCode::NotFound, "there is no array '" + name + "'");
}

/// Opens the archive and gives it to `use`, with the number of its bytes.
template <typename Use>
auto withArchive(zip_source_t *source, uint64_t bytes, const Use &use)
    -> decltype(use(static_cast<zip_t *>(nullptr))) {
  if (bytes < 22) { // of an empty archive; libzip takes an empty file for one as well
    zip_source_free(source);
    return corrupt("not a .npz archive: it has " + std::to_string(bytes) + " bytes");
  }
  zip_error_t error;
  zip_error_init(&error);
  ZipHandle archive(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!archive) {
    zip_source_free(source);
    const Status status = corrupt(std::string("not a .npz archive: ") + zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
  }
  return use(archive.get());
}

template <typename T> Result<T> named(Result<T> result, const std::string &name) {
  if (result.isOk())
    return result;
  return result.status().withContext("'" + name + "'");
}

/// withArchive for a file.
template <typename Use>
auto withFile(const std::string &path, const Use &use)
    -> decltype(use(static_cast<zip_t *>(nullptr), uint64_t())) {
  uint64_t bytes = 0;
  {
    INGOT_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> file, openFile(path));
    bytes = file->bound();
  }
  zip_source_t *source = zip_source_file_create(path.c_str(), 0, -1, nullptr);
  if (!source)
    return Status(StatusCode::ResourceExhausted, "no memory to read '" + path + "'");
  return named(withArchive(source, bytes, [&](zip_t *archive) { return use(archive, bytes); }),
               path);
}

} // namespace

const Tensor *findTensor(const NamedTensors &tensors, const std::string &name) {
  for (const auto &[key, tensor] : tensors)
    if (key == name)
      return &tensor;
  return nullptr;
}

Result<NamedTensors> parseNpz(const void *data, size_t size, const std::string &name,
                              const std::vector<std::string> &names) {
  zip_source_t *source = zip_source_buffer_create(data, size, 0, nullptr);
  if (!source)
    return Status(StatusCode::ResourceExhausted, "no memory to read '" + name + "'");
  return named(
      withArchive(source, size, [&](zip_t *archive) { return readArchive(archive, size, names); }),
      name);
}

Result<NamedTensors> readNpz(const std::string &path, const std::vector<std::string> &names) {
  return withFile(
      path, [&](zip_t *archive, uint64_t bytes) { return readArchive(archive, bytes, names); });
}

Result<std::vector<uint8_t>> readNpzMember(const std::string &path, const std::string &name) {
  return withFile(
      path, [&](zip_t *archive, uint64_t bytes) { return memberBytes(archive, bytes, name); });
}

Result<std::vector<std::string>> listNpz(const std::string &path) {
  return withFile(path, [](zip_t *archive, uint64_t bytes) -> Result<std::vector<std::string>> {
    INGOT_ASSIGN_OR_RETURN(const std::vector<Member> members, listMembers(archive, bytes));
    std::vector<std::string> names;
    for (const Member &member : members)
      names.push_back(member.name);
    return names;
  });
}

/// Adds one member; the archive owns a copy of its bytes until it is closed.
static bool addMember(zip_t *archive, const std::string &name, const TensorView &tensor,
                      bool compress) {
  const std::string header = npyHeader(tensor);
  const size_t bytes = byteSizeOf(tensor);
  const std::vector<uint8_t> unpacked = bytesEach(tensor);
  auto *block = static_cast<char *>(std::malloc(header.size() + bytes));
  if (!block)
    return false;
  std::memcpy(block, header.data(), header.size());
  if (bytes)
    std::memcpy(block + header.size(), unpacked.empty() ? tensor.data : unpacked.data(), bytes);
  zip_source_t *source = zip_source_buffer(archive, block, header.size() + bytes, 1);
  if (!source) {
    std::free(block);
    return false;
  }
  const zip_int64_t index =
      zip_file_add(archive, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return false;
  }
  constexpr zip_uint16_t firstOfJanuary1980 = 1 << 5 | 1;
  return zip_set_file_compression(archive, zip_uint64_t(index),
                                  compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_dostime(archive, zip_uint64_t(index), 0, firstOfJanuary1980, 0) == 0;
}

Status writeNpz(const std::string &path,
                const std::vector<std::pair<std::string, TensorView>> &tensors, bool compress) {
  std::set<std::string> seen;
  for (const auto &[name, tensor] : tensors)
    if (name.empty() || !seen.insert(name).second)
      return Status(StatusCode::InvalidArgument, "cannot write '" + path + "': array name '" +
                                                     name + "' is " +
                                                     (name.empty() ? "empty" : "there twice"));
  for (const auto &[name, tensor] : tensors)
    if (Status writable = checkWritable(tensor); !writable.isOk())
      return writable.withContext("cannot write '" + name + "' of '" + path + "'");
  int code = 0;
  ZipHandle archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  const auto failed = [&](const char *why) {
    return Status(StatusCode::IoError, "cannot write '" + path + "': " + why);
  };
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const Status status = failed(zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
  }
  for (const auto &[name, tensor] : tensors)
    if (!addMember(archive.get(), name, tensor, compress))
      return failed(zip_strerror(archive.get()));
  if (zip_close(archive.get()) != 0)
    return failed(zip_strerror(archive.get()));
  archive.release(); // zip_close freed it
  return Status();
}

} // namespace ingot::data
