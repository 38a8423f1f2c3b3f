// See Nvrtc.h. The library's functions are declared here by their documented signatures, so that no
// header of CUDA is needed.
#include "backends/gpu/nvrtc/Nvrtc.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <dlfcn.h>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace ingot::gpu {

struct Nvrtc::Functions {
  using Program = struct ProgramOfNvrtc *;
  int (*version)(int *major, int *minor);
  int (*countArchitectures)(int *count);
  int (*listArchitectures)(int *numbers);
  int (*create)(Program *program, const char *source, const char *name, int headerCount,
                const char *const *headers, const char *const *headerNames);
  int (*destroy)(Program *program);
  int (*compile)(Program program, int optionCount, const char *const *options);
  int (*cubinSize)(Program program, size_t *size);
  int (*cubin)(Program program, char *bytes);
  int (*ptxSize)(Program program, size_t *size);
  int (*ptx)(Program program, char *text);
  int (*logSize)(Program program, size_t *size);
  int (*log)(Program program, char *text);
  const char *(*errorName)(int code);

  /// The name of the function that the library lacks, or nothing.
  std::string load(void *library);
  /// What one of the pairs of functions above gives: its size, then its bytes.
  std::string read(int (*size)(Program, size_t *), int (*bytes)(Program, char *),
                   Program program) const;
};

namespace {

constexpr int kOldestMajor = 12;
constexpr const char *kRemedy =
    "`pip install nvidia-cuda-nvrtc` brings it, without a GPU or driver; or set INGOT_NVRTC to the "
    "path of a libnvrtc.so.13";
/// NVRTC names the source so in its messages.
constexpr const char *kSourceName = "kernels";
constexpr size_t kMostLogLines = 40;

constexpr StringRef kFlags[] = {
    "--std=c++17",     "--fmad=false",     "--ftz=false",
    "--prec-div=true", "--prec-sqrt=true", "-default-device",
};

/// A line of the source, and the kernel it is in; both empty for what is not there.
struct Place {
  StringRef line, kernel;
};

/// Lines are counted from 1.
Place placeOf(StringRef source, size_t line) {
  Place place;
  for (size_t at = 1; at <= line && !source.empty(); ++at) {
    std::tie(place.line, source) = source.split('\n');
    size_t found = place.line.find("K_KERNEL(");
    if (found != StringRef::npos && !place.line.ltrim().starts_with("#"))
      place.kernel = place.line.substr(found + 9)
                         .take_until([](char c) { return c == ',' || c == ')'; })
                         .trim();
  }
  return place;
}

/// The place that a line of the log is about: "kernels(12): error: …".
std::optional<Place> placeInLog(StringRef line, StringRef source) {
  size_t number;
  if (!line.consume_front(kSourceName) || !line.consume_front("(") ||
      line.consumeInteger(10, number) || !line.starts_with(")"))
    return std::nullopt;
  return placeOf(source, number);
}

/// The log's first lines, with the kernels' names, and with the lines of the source where the log
/// does not show them (CUDA 12.0's does not).
std::string explainLog(StringRef log, StringRef source) {
  std::string result;
  size_t lines = 0;
  for (StringRef line : llvm::split(log.trim(), '\n')) {
    if (lines++ == kMostLogLines)
      return result + "\n…";
    result += "\n" + line.rtrim().str();
    std::optional<Place> place = placeInLog(line, source);
    if (!place)
      continue;
    if (!place->kernel.empty())
      result += " [kernel " + place->kernel.str() + "]";
    if (!log.contains(place->line.trim()))
      result += "\n" + place->line.str();
  }
  return result;
}

/// NVRTC opens a second library by its bare name when it compiles. It is beside the first one,
/// where the loader looks unless a sanitizer stands between; opened before, it is found by its
/// name.
void openBuiltins(const std::string &path, const std::string &version) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return;
  std::string builtins = path.substr(0, slash) + "/libnvrtc-builtins.so." + version;
  dlopen(builtins.c_str(), RTLD_NOW | RTLD_LOCAL); // if not: NVRTC says so when it compiles
}

/// The version tells neither a build's last number ("13.5.37") nor a distribution's changes. The
/// size of the library's file nearly always does.
std::string identityOf(const std::string &version, const void *function) {
  Dl_info info = {};
  uint64_t size = 0;
  if (dladdr(function, &info) && info.dli_fname)
    (void)llvm::sys::fs::file_size(info.dli_fname, size);
  return version + ", " + std::to_string(size) + " bytes";
}

} // namespace

std::string Nvrtc::Functions::load(void *library) {
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    return function ? "" : name;
  };
  for (const char *missing :
       {find(version, "nvrtcVersion"), find(countArchitectures, "nvrtcGetNumSupportedArchs"),
        find(listArchitectures, "nvrtcGetSupportedArchs"), find(create, "nvrtcCreateProgram"),
        find(destroy, "nvrtcDestroyProgram"), find(compile, "nvrtcCompileProgram"),
        find(cubinSize, "nvrtcGetCUBINSize"), find(cubin, "nvrtcGetCUBIN"),
        find(ptxSize, "nvrtcGetPTXSize"), find(ptx, "nvrtcGetPTX"),
        find(logSize, "nvrtcGetProgramLogSize"), find(log, "nvrtcGetProgramLog"),
        find(errorName, "nvrtcGetErrorString")})
    if (*missing)
      return missing;
  return "";
}

std::string Nvrtc::Functions::read(int (*size)(Program, size_t *), int (*bytes)(Program, char *),
                                   Program program) const {
  size_t count = 0;
  if (size(program, &count) != 0)
    return "";
  std::string result(count, '\0');
  return bytes(program, result.data()) == 0 ? result : "";
}

Nvrtc::Nvrtc(std::string path, std::unique_ptr<Functions> functions)
    : libraryPath(std::move(path)), functions(std::move(functions)) {}
Nvrtc::~Nvrtc() = default;

Expected<std::unique_ptr<Nvrtc>> Nvrtc::open(const std::string &path) {
  // Never closed: it may leave threads and handlers behind.
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return createStringError(std::string(dlerror()));
  auto functions = std::make_unique<Functions>();
  std::string missing = functions->load(library);
  if (!missing.empty())
    return createStringError("it has no function " + missing);
  std::unique_ptr<Nvrtc> nvrtc(new Nvrtc(path, std::move(functions)));
  const Functions &f = *nvrtc->functions;
  int count = 0;
  if (f.version(&nvrtc->major, &nvrtc->minor) != 0)
    return createStringError("it does not tell its version");
  if (nvrtc->major < kOldestMajor)
    return createStringError("it is CUDA " + nvrtc->version() + "'s, which is too old; CUDA " +
                             std::to_string(kOldestMajor) + ".0 is the oldest that will do");
  openBuiltins(path, nvrtc->version());
  nvrtc->libraryIdentity = identityOf(nvrtc->version(), reinterpret_cast<const void *>(f.version));
  if (f.countArchitectures(&count) != 0 || count <= 0)
    return createStringError("it does not tell its architectures");
  nvrtc->supported.resize(count);
  if (f.listArchitectures(nvrtc->supported.data()) != 0)
    return createStringError("it does not tell its architectures");
  return nvrtc;
}

Expected<std::unique_ptr<Nvrtc>> Nvrtc::find(const NvrtcSearch &search) {
  if (!search.chosen.empty()) {
    auto chosen = open(search.chosen);
    if (!chosen)
      return createStringError("INGOT_NVRTC names '" + search.chosen +
                               "', which cannot be used: " + llvm::toString(chosen.takeError()));
    return chosen;
  }
  std::string tried;
  auto tryOpen = [&](const std::string &path) -> std::unique_ptr<Nvrtc> {
    auto nvrtc = open(path);
    if (nvrtc)
      return std::move(*nvrtc);
    tried += "\n  " + path + ": " + llvm::toString(nvrtc.takeError());
    return nullptr;
  };
  for (const NvrtcPlace &place : search.places) {
    bool isThere = false;
    for (const std::string &name : search.names) {
      std::string path = place.directory + "/" + name;
      if (!llvm::sys::fs::exists(path))
        continue;
      isThere = true;
      if (auto nvrtc = tryOpen(path))
        return nvrtc;
    }
    if (!isThere)
      tried += "\n  " + place.directory + " (" + place.why + "): it is not there";
  }
  for (const std::string &name : search.names)
    if (auto nvrtc = tryOpen(name))
      return nvrtc;
  return createStringError(
      "compiling for GPUs takes NVRTC, NVIDIA's compiler as a library, and none was found; " +
      std::string(kRemedy) + ". Tried were:" + tried);
}

Expected<const Nvrtc *> Nvrtc::get() {
  struct Found {
    std::unique_ptr<Nvrtc> nvrtc;
    std::string error;
  };
  static const Found found = [] {
    auto nvrtc = find(searchNvrtc());
    return nvrtc ? Found{std::move(*nvrtc), ""} : Found{nullptr, llvm::toString(nvrtc.takeError())};
  }();
  if (!found.nvrtc)
    return createStringError(found.error);
  return found.nvrtc.get();
}

std::string Nvrtc::version() const { return std::to_string(major) + "." + std::to_string(minor); }

Error Nvrtc::check(llvm::ArrayRef<Architecture> wanted) const {
  std::vector<Architecture> missing;
  for (Architecture architecture : wanted)
    if (!llvm::is_contained(supported, architecture.number))
      missing.push_back(architecture);
  if (missing.empty())
    return Error::success();
  auto names = llvm::map_range(supported, [](int it) { return "sm_" + std::to_string(it); });
  return createStringError("NVRTC " + version() + " (" + libraryPath + ") has no " +
                           architectureNames(missing) + ", but " + llvm::join(names, " ") +
                           "; leave that out of --gpu, or use another NVRTC: " + kRemedy);
}

llvm::ArrayRef<StringRef> Nvrtc::flags() { return kFlags; }

Expected<Nvrtc::Compiled> Nvrtc::compile(StringRef source, StringRef target,
                                         llvm::ArrayRef<std::string> more) const {
  const Functions &f = *functions;
  Functions::Program program = nullptr;
  int code = f.create(&program, source.str().c_str(), kSourceName, 0, nullptr, nullptr);
  if (code != 0)
    return createStringError("NVRTC " + version() + " takes no program: " + f.errorName(code));
  llvm::scope_exit destroy([&] { f.destroy(&program); });

  std::vector<std::string> options = {"--gpu-architecture=" + target.str()};
  options.insert(options.end(), std::begin(kFlags), std::end(kFlags));
  options.insert(options.end(), more.begin(), more.end());
  std::vector<const char *> pointers;
  for (const std::string &option : options)
    pointers.push_back(option.c_str());
  code = f.compile(program, static_cast<int>(pointers.size()), pointers.data());
  std::string log = f.read(f.logSize, f.log, program);
  log.resize(log.find('\0') == std::string::npos ? log.size() : log.find('\0'));
  if (code != 0)
    return createStringError("NVRTC " + version() + " does not compile this for " + target.str() +
                             " (" + f.errorName(code) + "):" + explainLog(log, source));
  bool isPtx = target.starts_with("compute_");
  std::string bytes =
      isPtx ? f.read(f.ptxSize, f.ptx, program) : f.read(f.cubinSize, f.cubin, program);
  if (bytes.empty())
    return createStringError("NVRTC " + version() + " gives no code for " + target.str());
  return Compiled{std::move(bytes), std::move(log)};
}

} // namespace ingot::gpu
