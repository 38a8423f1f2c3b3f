// Reads symbols, version needs, sections and program headers back from the file.
#include "backends/cpu/CheckArtifact.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"

using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;
using namespace llvm::object;

namespace ingot::cpu {
namespace {

const StringRef allowedWritable[] = {".data.rel.ro", ".dynamic", ".got", ".got.plt",
                                     ".relro_padding"};

constexpr unsigned newestGlibcMinor = 17; // enterprise systems of 2014 and later

/// "GLIBC_2.14" -> 14; anything that is not a GLIBC_2.x version is newer than all of them.
unsigned glibcMinor(StringRef version) {
  unsigned minor;
  if (!version.consume_front("GLIBC_2.") || version.split('.').first.getAsInteger(10, minor))
    return ~0u;
  return minor;
}

template <typename Symbols>
Error checkSymbols(Symbols symbols, const CustomObjects &custom, const CompileOptions &options) {
  std::vector<std::string> defined;
  for (const ELFSymbolRef symbol : symbols) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return createStringError("its symbols cannot be read");
    if (!(*flags & SymbolRef::SF_Global) || name->empty())
      continue;
    if (!(*flags & SymbolRef::SF_Undefined))
      defined.push_back(name->str());
    else if (!custom.allowed.contains(*name) && options.sanitize.empty())
      return createStringError("it needs the symbol '" + name->str() +
                               "'; only memcpy, memmove and memset may be undefined, and what "
                               "custom ops declare");
  }
  if (defined.size() != 1 || defined.front() != options.symbol)
    return createStringError("it defines " + std::to_string(defined.size()) + " symbols (" +
                             llvm::join(defined, ", ") + "), expected " + options.symbol +
                             " alone");
  return Error::success();
}

Error checkVersions(const ELFObjectFile<ELF64LE> &object, const CustomObjects &custom) {
  const ELFFile<ELF64LE> &file = object.getELFFile();
  auto sections = file.sections();
  if (!sections)
    return sections.takeError();
  for (const auto &section : *sections) {
    if (section.sh_type != llvm::ELF::SHT_GNU_verneed)
      continue;
    auto needs = file.getVersionDependencies(section);
    if (!needs)
      return needs.takeError();
    for (const VerNeed &library : *needs)
      for (const VernAux &version : library.AuxV) {
        // LLVM's strings keep the terminator.
        StringRef file = library.File.c_str(), name = version.Name.c_str();
        if (custom.libraryNames.contains(file))
          continue; // the user's choice
        if (file != "libc.so.6" || glibcMinor(name) > newestGlibcMinor)
          return createStringError("it needs " + name.str() + " of " + file.str() +
                                   "; GLIBC_2.17 of libc.so.6 is the newest allowed");
      }
  }
  return Error::success();
}

Error checkSections(const ELFObjectFile<ELF64LE> &object, const CustomObjects &custom) {
  for (ELFSectionRef section : object.sections()) {
    auto name = section.getName();
    if (!name)
      return name.takeError();
    bool constructor = section.getType() == llvm::ELF::SHT_INIT_ARRAY ||
                       section.getType() == llvm::ELF::SHT_FINI_ARRAY;
    bool writable = (section.getFlags() & llvm::ELF::SHF_WRITE) && !custom.staticData;
    if (constructor || (section.getFlags() & llvm::ELF::SHF_TLS) ||
        (writable && section.getSize() && !llvm::is_contained(allowedWritable, *name)))
      return createStringError("its section '" + name->str() +
                               "' is writable, thread-local or holds constructors");
  }
  return Error::success();
}

} // namespace

Error checkArtifact(const std::string &path, const CustomObjects &custom,
                    const CompileOptions &options) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::errorCodeToError(buffer.getError());
  auto object = ObjectFile::createELFObjectFile((*buffer)->getMemBufferRef());
  if (!object)
    return object.takeError();
  auto *elf = llvm::dyn_cast<ELFObjectFile<ELF64LE>>(object->get());
  if (!elf)
    return createStringError("it is not a 64-bit little-endian ELF file");
  if (options.emit != Emit::SharedLibrary)
    return checkSymbols(elf->symbols(), custom, options);
  if (Error error = checkSymbols(elf->getDynamicSymbolIterators(), custom, options))
    return error;
  if (Error error = checkVersions(*elf, custom))
    return error;
  return checkSections(*elf, custom);
}

} // namespace ingot::cpu
