// See CacheDirectory.h. An entry is a file: a magic line, the BLAKE3 digest of key and bytes, the
// bytes. The time of its last use is its modification time.
#include "compiler/cache/CacheDirectory.h"
#include "runtime/core/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <tuple>

namespace ingot {
namespace {

constexpr llvm::StringLiteral kMagic = "ingot code 1\n";
constexpr size_t kDigestBytes = LLVM_BLAKE3_OUT_LEN;
/// Of what a writer that was killed has left.
constexpr int64_t kOldSeconds = 3600;

std::string digestOf(llvm::ArrayRef<llvm::StringRef> parts) {
  llvm::BLAKE3 hasher;
  for (llvm::StringRef part : parts)
    hasher.update(part);
  auto digest = hasher.final();
  return std::string(digest.begin(), digest.end());
}

/// The build id in the notes of a loaded object; empty without one.
std::string buildIdOf(const dl_phdr_info &object) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const char *notes = reinterpret_cast<const char *>(object.dlpi_addr + segment.p_vaddr);
    size_t alignment = segment.p_align == 8 ? 8 : 4;
    for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= segment.p_memsz;) {
      ElfW(Nhdr) note;
      std::memcpy(&note, notes + at, sizeof(note));
      size_t name = at + sizeof(note), content = name + llvm::alignTo(note.n_namesz, alignment);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          std::memcmp(notes + name, "GNU", 4) == 0)
        return llvm::toHex(llvm::StringRef(notes + content, note.n_descsz));
      at = content + llvm::alignTo(note.n_descsz, alignment);
    }
  }
  return "";
}

/// What stands for an object without a build id: its file, as it is now.
std::string fileIdentity(const char *name) {
  struct stat status = {};
  std::string path = *name ? name : "/proc/self/exe";
  if (::stat(path.c_str(), &status) != 0)
    return path;
  return path + ":" + std::to_string(status.st_size) + ":" + std::to_string(status.st_mtim.tv_sec) +
         ":" + std::to_string(status.st_mtim.tv_nsec);
}

int addIdentity(dl_phdr_info *object, size_t, void *identity) {
  llvm::StringRef name = object->dlpi_name;
  // The kernel's own object is no part of the compiler, nor are artifacts that were opened.
  if (!name.starts_with("linux-vdso")) {
    std::string id = buildIdOf(*object);
    *static_cast<std::string *>(identity) +=
        (id.empty() ? fileIdentity(object->dlpi_name) : id) + "\n";
  }
  return 0;
}

} // namespace

CacheKey &CacheKey::add(llvm::StringRef part) {
  parts += digestOf({part});
  return *this;
}

std::string CacheKey::digest() const { return llvm::toHex(digestOf({parts}), /*LowerCase=*/true); }

const std::string &compilerIdentity() {
  static const std::string identity = [] {
    std::string text;
    dl_iterate_phdr(addIdentity, &text);
    return text;
  }();
  return identity;
}

std::optional<std::string> CacheDirectory::find(const std::string &key) const {
  std::string path = pathOf(key);
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt;
  llvm::StringRef content = (*file)->getBuffer();
  if (!content.consume_front(kMagic) || content.size() < kDigestBytes ||
      digestOf({key, content.drop_front(kDigestBytes)}) != content.take_front(kDigestBytes)) {
    llvm::sys::fs::remove(path);
    return std::nullopt;
  }
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // used now
  return content.drop_front(kDigestBytes).str();
}

std::string CacheDirectory::store(const std::string &key, llvm::StringRef bytes) const {
  uint64_t all = kMagic.size() + kDigestBytes + bytes.size();
  if (all > options.mostBytes)
    return "";
  // What is here is run: it belongs to one user.
  if (std::error_code code = llvm::sys::fs::create_directories(
          options.directory, /*IgnoreExisting=*/true, llvm::sys::fs::owner_all))
    return "cannot make '" + options.directory + "': " + code.message();
  auto file = AtomicFile::create(pathOf(key));
  Status status = file.status();
  std::string digest = digestOf({key, bytes});
  for (llvm::StringRef part : {llvm::StringRef(kMagic), llvm::StringRef(digest), bytes})
    if (status.isOk())
      status = file->write(part.data(), part.size());
  if (status.isOk())
    status = file->commit();
  trim();
  return status.isOk() ? "" : status.message();
}

void CacheDirectory::trim() const {
  using Clock = llvm::sys::TimePoint<>;
  struct Entry {
    Clock used;
    std::string path;
    uint64_t bytes;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  auto now = std::chrono::system_clock::now();
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(options.directory, code), end; it != end && !code;
       it.increment(code)) {
    llvm::StringRef name = llvm::StringRef(it->path()).rsplit('/').second;
    auto [key, rest] = name.split('.');
    if (key.size() != 2 * kDigestBytes || !llvm::all_of(key, llvm::isHexDigit))
      continue; // nobody's business
    llvm::sys::fs::file_status status;
    if (llvm::sys::fs::status(it->path(), status))
      continue;
    auto used = status.getLastModificationTime();
    if (rest.starts_with("tmp-")) {
      if (now - used > std::chrono::seconds(kOldSeconds))
        llvm::sys::fs::remove(it->path());
      continue;
    }
    entries.push_back({used, it->path(), status.getSize()});
    total += status.getSize();
  }
  llvm::sort(entries, [](const Entry &x, const Entry &y) {
    return std::tie(x.used, x.path) < std::tie(y.used, y.path);
  });
  for (const Entry &entry : entries) {
    if (total <= options.mostBytes)
      break;
    llvm::sys::fs::remove(entry.path);
    total -= entry.bytes;
  }
}

} // namespace ingot
