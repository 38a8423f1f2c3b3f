// Walks with std::filesystem; errors inside the tree leave out what cannot be read, as os.walk
// does.
#include "runtime/data/ImageFiles.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace ingot::data {

namespace fs = std::filesystem;

namespace {

bool endsInOneOf(std::string name, const std::vector<std::string> &endings) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return std::any_of(endings.begin(), endings.end(), [&](const std::string &ending) {
    return name.size() >= ending.size() &&
           name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
  });
}

struct Walk {
  const std::vector<std::string> &endings;
  bool followLinks;
  /// Directory relative to the root ("" is the root) and its files.
  std::vector<std::pair<std::string, std::vector<std::string>>> found;
  std::vector<fs::path> above; // what is being walked, with links resolved

  void visit(const fs::path &directory, const std::string &relative) {
    std::error_code error;
    const fs::path real = fs::canonical(directory, error);
    if (error || std::find(above.begin(), above.end(), real) != above.end())
      return;
    above.push_back(real);
    std::vector<std::string> files, directories;
    fs::directory_iterator entries(directory, error);
    for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
      std::error_code ignored;
      const std::string name = entries->path().filename().string();
      if (!entries->is_directory(ignored)) {
        if (endsInOneOf(name, endings))
          files.push_back(name);
      } else if (followLinks || !entries->is_symlink(ignored)) {
        directories.push_back(name);
      }
    }
    std::sort(files.begin(), files.end());
    found.emplace_back(relative, std::move(files));
    for (const std::string &name : directories)
      visit(directory / name, relative.empty() ? name : relative + "/" + name);
    above.pop_back();
  }
};

} // namespace

Result<std::vector<std::string>> listSubdirectories(const std::string &directory, bool hidden) {
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  std::vector<std::string> names;
  for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
    std::error_code ignored;
    const std::string name = entries->path().filename().string();
    if (entries->is_directory(ignored) && (hidden || name[0] != '.'))
      names.push_back(name);
  }
  if (error)
    return Status(error == std::errc::no_such_file_or_directory ? StatusCode::NotFound
                                                                : StatusCode::IoError,
                  "cannot read the directory '" + directory + "': " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> listFiles(const std::string &directory,
                                   const std::vector<std::string> &endings, bool followLinks) {
  Walk walk{endings, followLinks, {}, {}};
  walk.visit(directory, "");
  std::sort(walk.found.begin(), walk.found.end());
  std::vector<std::string> files;
  for (const auto &[path, names] : walk.found)
    for (const std::string &name : names)
      files.push_back(path.empty() ? name : path + "/" + name);
  return files;
}

void setOneHot(Tensor &target, int64_t row, int64_t index) {
  float *values = target.data<float>() + row * target.dim(1);
  std::fill(values, values + target.dim(1), 0.0f);
  values[index] = 1;
}

} // namespace ingot::data
