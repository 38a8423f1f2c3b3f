// From relocatable objects to the file that the user asked for: a shared object, one object, or an
// archive. Links with LLD inside this process; needs no compiler, C library or start files on the
// machine. Called by writeArtifact.
#pragma once
#include "backends/cpu/EmitObject.h"
#include "compiler/Compile.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>

namespace ingot::cpu {

/// A directory beside `path` for unfinished files, so that a rename can publish the finished one.
/// Its destructor removes it with all that is in it.
class ScratchDirectory {
public:
  static llvm::Expected<ScratchDirectory> create(const std::string &path);
  ScratchDirectory(ScratchDirectory &&other) noexcept : directory(std::move(other.directory)) {
    other.directory.clear();
  }
  ScratchDirectory &operator=(ScratchDirectory &&) = delete;
  ~ScratchDirectory();

  std::string file(const std::string &name) const { return directory + "/" + name; }
  /// Writes a file of the directory and returns its path.
  llvm::Expected<std::string> write(const std::string &name,
                                    const std::function<void(llvm::raw_ostream &)> &content) const;

private:
  explicit ScratchDirectory(std::string directory) : directory(std::move(directory)) {}
  std::string directory;
};

/// The code of custom ops, as CustomCode makes it, and what it may use.
struct CustomObjects {
  std::vector<std::string> objects;   // files
  std::vector<std::string> libraries; // files of shared libraries that the artifact needs
  llvm::StringSet<> libraryNames;     // as it records them
  llvm::StringSet<> allowed;          // symbols that may stay undefined
  bool hasNeeds = false;              // some of which no library has
  bool staticData = false;            // writable data may be there
};

/// Runs LLD with these arguments, the first being its name.
llvm::Error runLinker(const std::vector<std::string> &arguments);

/// Links the objects' files into `scratch` and returns the path of the result. Undefined symbols
/// are errors that name the symbol, except under a sanitizer, whose runtime the program brings. A
/// shared object has `buildId`, hexadecimal digits.
llvm::Expected<std::string> linkObjects(const ScratchDirectory &scratch,
                                        llvm::ArrayRef<std::string> objects,
                                        const CustomObjects &custom, const CompileOptions &options,
                                        const std::string &buildId);

/// An archive in `scratch` of the one object, as the member "<symbol>.o".
llvm::Expected<std::string> archiveObject(const ScratchDirectory &scratch,
                                          const std::string &object, const std::string &symbol);

/// Syncs `from`, renames it to `to` and syncs the directory.
llvm::Error publish(const std::string &from, const std::string &to);

} // namespace ingot::cpu
