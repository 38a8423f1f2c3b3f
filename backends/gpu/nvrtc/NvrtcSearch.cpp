// See NvrtcSearch.h.
#include "backends/gpu/nvrtc/NvrtcSearch.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <cstdlib>

namespace ingot::gpu {
namespace {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

std::string joined(llvm::StringRef directory, llvm::StringRef rest) {
  llvm::SmallString<256> whole = directory;
  path::append(whole, rest);
  return whole.str().str();
}

/// "lib/python3.11", "lib/python3" … of a prefix, sorted, so that the order is not the disk's.
std::vector<std::string> pythonLibraries(llvm::StringRef prefix) {
  std::vector<std::string> found;
  for (llvm::StringRef lib : {"lib", "local/lib"}) {
    std::error_code code;
    for (fs::directory_iterator it(joined(prefix, lib), code), end; it != end && !code;
         it.increment(code))
      if (path::filename(it->path()).starts_with("python3"))
        found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Where the wheels of CUDA 13 and of CUDA 12 put it.
void addWheels(std::vector<NvrtcPlace> &places, const std::string &why, llvm::StringRef prefix) {
  for (const std::string &library : pythonLibraries(prefix))
    for (llvm::StringRef packages : {"site-packages", "dist-packages"})
      for (llvm::StringRef wheel : {"nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"}) {
        std::string directory = joined(joined(library, packages), wheel);
        if (fs::is_directory(directory))
          places.push_back({why, directory});
      }
}

/// The prefixes of the first python3 on PATH: of its name, which may be a virtual environment's,
/// and of the file that this stands for; and where `pip install --user` puts things.
std::vector<std::string> pythonPrefixes() {
  llvm::SmallVector<llvm::StringRef> directories;
  std::string all = environment("PATH");
  llvm::StringRef(all).split(directories, ':');
  std::vector<std::string> prefixes;
  for (llvm::StringRef directory : directories) {
    std::string python = joined(directory, "python3");
    if (directory.empty() || !fs::can_execute(python))
      continue;
    prefixes.push_back(path::parent_path(directory).str());
    llvm::SmallString<256> real;
    if (!fs::real_path(python, real)) {
      std::string prefix = path::parent_path(path::parent_path(real)).str();
      if (prefix != prefixes.front())
        prefixes.push_back(prefix);
    }
    break;
  }
  if (std::string home = environment("HOME"); !home.empty())
    prefixes.push_back(joined(home, ".local"));
  return prefixes;
}

} // namespace

NvrtcSearch searchNvrtc() {
  NvrtcSearch search;
  search.chosen = environment("INGOT_NVRTC");
  search.names = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"};
  std::vector<NvrtcPlace> &places = search.places;
  for (const char *name : {"CUDA_HOME", "CUDA_PATH"})
    if (std::string root = environment(name); !root.empty())
      for (llvm::StringRef lib : {"lib64", "lib"})
        places.push_back({name, joined(root, lib)});
  if (std::string prefix = environment("VIRTUAL_ENV"); !prefix.empty())
    addWheels(places, "VIRTUAL_ENV", prefix);
  for (const std::string &prefix : pythonPrefixes())
    addWheels(places, "python3's packages", prefix);
  places.push_back({"the toolkit's usual place", "/usr/local/cuda/lib64"});
  return search;
}

} // namespace ingot::gpu
