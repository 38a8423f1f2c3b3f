// LLD runs in process, one link at a time (it is not re-entrant). The C library is not looked for
// on the machine: the only three functions that an artifact may use are declared in a stub of
// libc.so.6 written here, with the versions that every glibc since 2.14 has, so that the artifact
// records the same dependency wherever it is built. No soname is set: the bytes do not depend on
// the file's name.
#include "backends/cpu/Link.h"
#include "lld/Common/Driver.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ELF/ELFConfig.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/ObjectYAML/yaml2obj.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/YAMLTraits.h"
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace ingot::cpu {
namespace {

const char *const libcStub = R"(--- !ELF
FileHeader:
  Class: ELFCLASS64
  Data: ELFDATA2LSB
  Type: ET_DYN
  Machine: EM_X86_64
Sections:
  - Name: .gnu.version
    Type: SHT_GNU_versym
    Flags: [ SHF_ALLOC ]
    Link: .dynsym
    Entries: [ 0, 3, 2, 2 ]
  - Name: .gnu.version_d
    Type: SHT_GNU_verdef
    Flags: [ SHF_ALLOC ]
    Link: .dynstr
    Info: 3
    Entries:
      - { Version: 1, Flags: 1, VersionNdx: 1, Hash: 0x0865f4e6, Names: [ libc.so.6 ] }
      - { Version: 1, Flags: 0, VersionNdx: 2, Hash: 0x09691a75, Names: [ GLIBC_2.2.5 ] }
      - { Version: 1, Flags: 0, VersionNdx: 3, Hash: 0x06969194, Names: [ GLIBC_2.14 ] }
  - Name: .text
    Type: SHT_PROGBITS
    Flags: [ SHF_ALLOC, SHF_EXECINSTR ]
    Size: 16
DynamicSymbols:
  - { Name: memcpy, Type: STT_FUNC, Section: .text, Binding: STB_GLOBAL }
  - { Name: memmove, Type: STT_FUNC, Section: .text, Binding: STB_GLOBAL }
  - { Name: memset, Type: STT_FUNC, Section: .text, Binding: STB_GLOBAL }
...
)";

Error failure(const std::string &action, const std::string &path, std::error_code code) {
  return createStringError("cannot " + action + " '" + path + "': " + code.message());
}

Error lastFailure(const std::string &action, const std::string &path) {
  return failure(action, path, std::error_code(errno, std::generic_category()));
}

void writeLibcStub(llvm::raw_ostream &out) {
  llvm::yaml::Input input(libcStub);
  if (!llvm::yaml::convertYAML(input, out, [](const llvm::Twine &) {}))
    out << "the stub of libc.so.6 is malformed"; // the link then fails and shows this text's file
}

Expected<std::string> linkShared(const ScratchDirectory &scratch,
                                 llvm::ArrayRef<std::string> objects, const CustomObjects &custom,
                                 const CompileOptions &options, const std::string &buildId) {
  auto libc = scratch.write("libc.so.6", writeLibcStub);
  if (!libc)
    return libc.takeError();
  std::string output = scratch.file("artifact.so");
  std::vector<std::string> arguments = {"ld.lld",
                                        "-shared",
                                        "-m",
                                        "elf_x86_64",
                                        "-z",
                                        "now",
                                        "-z",
                                        "relro",
                                        "-z",
                                        "text",
                                        "-z",
                                        "noexecstack",
                                        "--build-id=0x" + buildId,
                                        "--hash-style=gnu",
                                        "--eh-frame-hdr",
                                        "--threads=1",
                                        "-o",
                                        output};
  if (options.sanitize.empty() && !custom.hasNeeds)
    arguments.insert(arguments.end(), {"-z", "defs"});
  arguments.insert(arguments.end(), objects.begin(), objects.end());
  // Found by name, so that dependencies are recorded as "libc.so.6" and not as paths.
  auto add = [&](llvm::StringRef library) {
    arguments.insert(arguments.end(), {"-L", llvm::sys::path::parent_path(library).str(),
                                       "-l:" + llvm::sys::path::filename(library).str()});
  };
  for (const std::string &library : custom.libraries)
    add(library);
  if (!custom.libraryNames.contains("libc.so.6"))
    add(*libc);
  if (Error error = runLinker(arguments))
    return error;
  return output;
}

/// Merges the objects into one whose only global symbol is the exported one.
Expected<std::string> linkObject(const ScratchDirectory &scratch,
                                 llvm::ArrayRef<std::string> objects) {
  std::string merged = scratch.file("merged.o");
  std::vector<std::string> arguments = {"ld.lld",      "-r", "-m",  "elf_x86_64",
                                        "--threads=1", "-o", merged};
  arguments.insert(arguments.end(), objects.begin(), objects.end());
  if (Error error = runLinker(arguments))
    return error;
  auto buffer = llvm::MemoryBuffer::getFile(merged, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("read", merged, buffer.getError());
  auto object = llvm::object::ObjectFile::createELFObjectFile((*buffer)->getMemBufferRef());
  if (!object)
    return object.takeError();
  llvm::objcopy::CommonConfig common;
  llvm::objcopy::ELFConfig elf;
  elf.LocalizeHidden = true;
  Error error = Error::success();
  auto written = scratch.write("artifact.o", [&](llvm::raw_ostream &out) {
    error = llvm::objcopy::elf::executeObjcopyOnBinary(
        common, elf, llvm::cast<llvm::object::ELFObjectFileBase>(**object), out);
  });
  if (error) {
    llvm::consumeError(written.takeError());
    return error;
  }
  return written;
}

Error syncPath(const std::string &path, int flags) {
  int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0)
    return lastFailure("open", path);
  int result = ::fsync(descriptor), code = errno;
  ::close(descriptor);
  if (result != 0)
    return failure("sync", path, std::error_code(code, std::generic_category()));
  return Error::success();
}

} // namespace

/// LLD keeps global state: one link at a time, and none after a crash inside it.
Error runLinker(const std::vector<std::string> &arguments) {
  static std::mutex mutex;
  static bool usable = true;
  std::lock_guard<std::mutex> lock(mutex);
  if (!usable)
    return createStringError("the linker crashed earlier and cannot run again in this process");
  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode != 0)
    return createStringError("linking failed: " + llvm::StringRef(messages).trim().str());
  return Error::success();
}

Expected<ScratchDirectory> ScratchDirectory::create(const std::string &path) {
  if (llvm::sys::fs::is_directory(path))
    return createStringError("cannot write '" + path + "': it is a directory");
  llvm::SmallString<128> directory;
  for (int attempt = 0; attempt < 16; ++attempt) {
    llvm::sys::fs::createUniquePath(path + ".tmp-%%%%%%%%", directory, /*MakeAbsolute=*/false);
    std::error_code code = llvm::sys::fs::create_directory(directory, /*IgnoreExisting=*/false);
    if (!code)
      return ScratchDirectory(directory.str().str());
    if (code != std::errc::file_exists)
      return failure("write", path, code);
  }
  return failure("write", path, std::make_error_code(std::errc::file_exists));
}

ScratchDirectory::~ScratchDirectory() {
  if (!directory.empty())
    llvm::sys::fs::remove_directories(directory);
}

Expected<std::string>
ScratchDirectory::write(const std::string &name,
                        const std::function<void(llvm::raw_ostream &)> &content) const {
  std::string path = file(name);
  std::error_code code;
  llvm::raw_fd_ostream out(path, code, llvm::sys::fs::OF_None);
  if (code)
    return failure("write", path, code);
  content(out);
  out.close();
  if (out.has_error()) {
    code = out.error();
    out.clear_error();
    return failure("write", path, code);
  }
  return path;
}

Expected<std::string> linkObjects(const ScratchDirectory &scratch,
                                  llvm::ArrayRef<std::string> objects, const CustomObjects &custom,
                                  const CompileOptions &options, const std::string &buildId) {
  return options.emit == Emit::SharedLibrary
             ? linkShared(scratch, objects, custom, options, buildId)
             : linkObject(scratch, objects);
}

Expected<std::string> archiveObject(const ScratchDirectory &scratch, const std::string &object,
                                    const std::string &symbol) {
  auto buffer = llvm::MemoryBuffer::getFile(object, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("read", object, buffer.getError());
  std::string name = symbol + ".o";
  llvm::NewArchiveMember member(llvm::MemoryBufferRef((*buffer)->getBuffer(), name));
  Error error = Error::success();
  auto written = scratch.write("artifact.a", [&](llvm::raw_ostream &out) {
    error = llvm::writeArchiveToStream(out, member, llvm::SymtabWritingMode::NormalSymtab,
                                       llvm::object::Archive::K_GNU, /*Deterministic=*/true,
                                       /*Thin=*/false);
  });
  if (error) {
    llvm::consumeError(written.takeError());
    return error;
  }
  return written;
}

Error publish(const std::string &from, const std::string &to) {
  if (Error error = syncPath(from, O_RDONLY))
    return error;
  if (::rename(from.c_str(), to.c_str()) != 0)
    return lastFailure("write", to);
  llvm::StringRef parent = llvm::sys::path::parent_path(to);
  return syncPath(parent.empty() ? "." : parent.str(), O_RDONLY | O_DIRECTORY);
}

} // namespace ingot::cpu
