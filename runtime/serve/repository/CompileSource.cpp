// See CompileSource.h.
#include "runtime/serve/repository/CompileSource.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/ThisProgram.h"
#include "runtime/serve/repository/ChildProcess.h"
#include "runtime/serve/repository/Publish.h"
#include "runtime/serve/repository/Sha256.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace ingot::serve {

namespace fs = std::filesystem;

namespace {

bool isProgram(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

/// The compiler's path; NotFound: the places where it is not.
Result<std::string> findCompiler(const std::string &program) {
  std::vector<std::string> places;
  if (!program.empty()) {
    places.push_back(program);
  } else {
    places.push_back(besideThisProgram("ingot"));
    const char *path = std::getenv("PATH");
    const std::string all = path ? path : "";
    for (size_t begin = 0; path && begin <= all.size();) {
      const size_t end = std::min(all.find(':', begin), all.size());
      if (end != begin)
        places.push_back(fs::path(all.substr(begin, end - begin)) / "ingot");
      begin = end + 1;
    }
  }
  for (const std::string &place : places)
    if (isProgram(place))
      return place;
  return Status(StatusCode::NotFound, program.empty()
                                          ? "no program `ingot` beside this one or in PATH"
                                          : "'" + program + "' is no program");
}

Result<std::string> makeCacheDirectory(const std::string &given) {
  const char *cache = std::getenv("XDG_CACHE_HOME");
  const char *home = std::getenv("HOME");
  fs::path path = given;
  if (given.empty() && cache && *cache == '/')
    path = fs::path(cache) / "ingot" / "served";
  else if (given.empty() && home && *home == '/')
    path = fs::path(home) / ".cache" / "ingot" / "served";
  if (path.empty())
    return Status(StatusCode::FailedPrecondition,
                  "there is no directory to keep compiled models in: neither XDG_CACHE_HOME nor "
                  "HOME is set; name one for the compile cache");
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return errnoStatus("make", path.string(), error.value());
  // What lies here is loaded as code. Made by us, it is ours alone.
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return errnoStatus("look at", path.string(), errno);
  if (info.st_uid != geteuid() || (info.st_mode & S_IWOTH))
    return Status(StatusCode::FailedPrecondition,
                  "'" + path.string() +
                      "' belongs to somebody else or may be written by everybody; compiled models "
                      "are not kept there: name another directory for the compile cache");
  return path.string();
}

/// What the host's code depends on: `--target-cpu host` of two machines need not be one.
std::string cpuFlags() {
  std::ifstream info("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(info, line) && flags.size() < 2;)
    for (const char *key : {"flags", "Features"})
      if (line.rfind(key, 0) == 0)
        flags = line;
  return flags;
}

/// Names and contents of the sources, without what the compiler does not read.
Status addSources(const std::string &directory, Sha256 &digest, const Progress &progress) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = fs::relative(entry->path(), directory, error).string();
    if (!error && entry->is_regular_file(error) && name != artifactName && name[0] != '.')
      names.push_back(name);
  }
  if (error)
    return errnoStatus("list", directory, error.value());
  std::sort(names.begin(), names.end());
  for (const std::string &name : names) {
    Sha256 contents;
    INGOT_RETURN_IF_ERROR(readPieces(directory + "/" + name, [&](const char *data, size_t bytes) {
      contents.update(data, bytes);
      return progress ? progress(bytes) : Status();
    }));
    digest.update(name + "\n" + contents.finish() + "\n");
  }
  return Status();
}

/// A directory in the cache to compile in. It is locked as long as it is used, by the kernel, so
/// that one whose server was killed is known, and removed by the next that compiles.
class WorkDirectory {
public:
  static Result<std::unique_ptr<WorkDirectory>> create(const std::string &cache) {
    for (;;) {
      std::string path = cache + "/" + prefix + "XXXXXX";
      if (!mkdtemp(path.data()))
        return errnoStatus("make", path, errno);
      const int lock = locked(path, LOCK_EX);
      if (lock < 0 && errno == ENOENT) // another has just taken it for an abandoned one
        continue;
      // Network file systems need not lock directories; there none is taken for abandoned.
      return std::make_unique<WorkDirectory>(std::move(path), lock);
    }
  }
  /// Those whose servers are no more.
  static void removeAbandoned(const std::string &cache) {
    std::error_code error, ignored;
    for (fs::directory_iterator it(cache, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename().string().rfind(prefix, 0) != 0)
        continue;
      if (const int lock = locked(it->path(), LOCK_EX | LOCK_NB); lock >= 0) {
        fs::remove_all(it->path(), ignored);
        close(lock);
      }
    }
  }

  WorkDirectory(std::string path, int lock) : path(std::move(path)), lock_(lock) {}
  ~WorkDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
    if (lock_ >= 0)
      close(lock_);
  }
  WorkDirectory(const WorkDirectory &) = delete;
  WorkDirectory &operator=(const WorkDirectory &) = delete;
  const std::string path;

private:
  static constexpr const char *prefix = ".tmp-";

  /// Below zero, and errno: it could not be locked; ENOENT: it is gone.
  static int locked(const std::string &path, int how) {
    const int file = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
      return -1;
    struct stat info;
    if (flock(file, how) == 0 && stat(path.c_str(), &info) == 0)
      return file;
    const int error = errno;
    close(file);
    errno = error;
    return -1;
  }
  const int lock_;
};

std::string shortened(std::string output) {
  while (!output.empty() && (output.back() == '\n' || output.back() == ' '))
    output.pop_back();
  constexpr size_t most = 2000;
  return output.size() <= most ? output : output.substr(0, most) + " …";
}

class Compilation {
public:
  Compilation(std::string directory, std::string source, CompilerOptions options,
              const Progress &progress)
      : directory_(std::move(directory)), source_(std::move(source)), options_(std::move(options)),
        progress_(progress) {}

  Result<CompiledSource> run() {
    auto program = findCompiler(options_.program);
    if (!program.isOk())
      return Status(
          StatusCode::FailedPrecondition,
          "'" + directory_ + "/" + source_ +
              "' must be compiled, and no compiler is installed: " + program.status().message() +
              "; install Ingot's compiler here, or compile it elsewhere: `ingot compile " +
              modelPath() + " --publish " + fs::path(directory_).parent_path().string() + "`");
    program_ = *program;
    INGOT_ASSIGN_OR_RETURN(cache_, makeCacheDirectory(options_.cacheDirectory));
    INGOT_ASSIGN_OR_RETURN(std::string version, compilerVersion());
    INGOT_ASSIGN_OR_RETURN(std::string key, keyOf(version));
    const std::string entry = cache_ + "/" + key;
    CompiledSource compiled{entry + "/1", {}};
    if (checkVersion(compiled.directory).isOk()) {
      utimensat(AT_FDCWD, entry.c_str(), nullptr, 0); // used now
      return compiled;
    }
    std::error_code ignored; // damaged, or not there
    fs::remove_all(entry, ignored);
    const auto begin = std::chrono::steady_clock::now();
    INGOT_RETURN_IF_ERROR(compileInto(entry, version));
    compiled.took = std::chrono::steady_clock::now() - begin;
    INGOT_ASSIGN_OR_RETURN(std::string after, keyOf(version));
    if (after != key) { // what was compiled is not what the key says
      fs::remove_all(entry, ignored);
      return Status(StatusCode::Unavailable, "'" + directory_ + "' changed while it was compiled");
    }
    evict(entry);
    return compiled;
  }

private:
  std::string modelPath() const {
    return source_ == "model.json" ? directory_ : directory_ + "/" + source_;
  }

  ChildOptions limits() const {
    ChildOptions limits;
    limits.memoryBytes = options_.memoryBytes;
    limits.timeout = options_.timeout;
    limits.shouldGoOn = [this] { return progress_ ? progress_(0) : Status(); };
    return limits;
  }

  /// What it says, and which build it is: two builds of one version may compile differently.
  Result<std::string> compilerVersion() {
    INGOT_ASSIGN_OR_RETURN(ChildResult said, runProgram({program_, "--version"}, limits()));
    if (said.exitCode != 0 || said.isTimedOut)
      return Status(StatusCode::FailedPrecondition,
                    "`" + program_ + " --version` failed: " + shortened(said.output));
    return shortened(said.output);
  }

  Result<std::string> keyOf(const std::string &version) {
    Sha256 digest;
    struct stat info;
    if (stat(program_.c_str(), &info) != 0)
      return errnoStatus("look at", program_, errno);
    digest.update(version + "\n" + std::to_string(info.st_size) + " " +
                  std::to_string(info.st_mtim.tv_sec) + "\n" + cpuFlags() + "\n" + source_ + "\n");
    INGOT_RETURN_IF_ERROR(addSources(directory_, digest, progress_));
    return digest.finish();
  }

  Status compileInto(const std::string &entry, const std::string &version) {
    WorkDirectory::removeAbandoned(cache_);
    INGOT_ASSIGN_OR_RETURN(std::unique_ptr<WorkDirectory> work, WorkDirectory::create(cache_));
    const std::string output = work->path + "/" + artifactName;
    INGOT_ASSIGN_OR_RETURN(ChildResult result,
                           runProgram({program_, "compile", modelPath(), "-o", output}, limits()));
    const std::string what = "'" + modelPath() + "' cannot be compiled: ";
    if (result.isTimedOut)
      return Status(StatusCode::DeadlineExceeded,
                    what + "it took more than " + std::to_string(options_.timeout.count()) +
                        " s; allow more time, or publish a compiled version");
    if (result.exitCode < 0)
      return Status(StatusCode::ResourceExhausted,
                    what + "the compiler was ended by signal " + std::to_string(-result.exitCode) +
                        " (it may use " + std::to_string(options_.memoryBytes >> 20) +
                        " MiB of memory): " + shortened(result.output));
    if (result.exitCode != 0)
      return Status(StatusCode::InvalidArgument, what + shortened(result.output));
    // Published where nobody looks, so that the entry is there as a whole or not at all.
    const std::string published = work->path + "/published";
    INGOT_RETURN_IF_ERROR(publishVersion(published, 1, {{artifactName, output}}, version).status());
    if (rename(published.c_str(), entry.c_str()) == 0)
      return Status();
    if (errno == ENOTEMPTY || errno == EEXIST) // another server was faster, with the same bytes
      return checkVersion(entry + "/1");
    return errnoStatus("make", entry, errno);
  }

  /// Takes away what was not used for longest until the cache is small enough. A version that is
  /// loaded from there goes on: its file stays on disk until it is closed.
  void evict(const std::string &keep) const {
    struct Entry {
      fs::file_time_type used;
      uint64_t bytes;
      fs::path path;
    };
    std::vector<Entry> entries;
    uint64_t total = 0;
    std::error_code error;
    for (fs::directory_iterator it(cache_, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (it->path().filename().string().size() != 64) // not an entry
        continue;
      const fs::file_time_type used = it->last_write_time(ignored);
      std::error_code missing;
      const uint64_t bytes = fs::file_size(it->path() / "1" / artifactName, missing);
      entries.push_back({used, missing ? 0 : bytes, it->path()});
      total += entries.back().bytes;
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry &a, const Entry &b) { return a.used < b.used; });
    for (const Entry &entry : entries) {
      if (total <= options_.cacheBytes)
        break;
      if (entry.path == keep)
        continue;
      fs::remove_all(entry.path, error);
      total -= entry.bytes;
    }
  }

  const std::string directory_, source_;
  const CompilerOptions options_;
  const Progress &progress_;
  std::string program_, cache_;
};

} // namespace

Result<CompiledSource> compileSource(const std::string &directory, const std::string &source,
                                     const CompilerOptions &options, const Progress &progress) {
  return Compilation(directory, source, options, progress).run();
}

} // namespace ingot::serve
