// One relocatable link for each set of files, then checks and renaming. See CustomCode.h.
#include "backends/cpu/CustomCode.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ELF/ELFConfig.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Path.h"
#include <map>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using namespace llvm::object;

namespace ingot::cpu {
namespace {

using Elf = ELFObjectFile<ELF64LE>;

/// The ops whose code is the same files.
struct Unit {
  std::vector<std::string> files;
  std::vector<const CustomOpDescription *> ops;
  bool staticData = false;
  /// "custom op `a`" for messages.
  std::string what() const { return "custom op `" + ops.front()->name + "`"; }
};

/// In the order of the options, which customSymbol counts by.
std::map<std::vector<std::string>, size_t> unitNumbers(const CompileOptions &options) {
  std::map<std::vector<std::string>, size_t> numbers;
  for (const auto &[op, code] : options.customCode)
    numbers.try_emplace(code.files, numbers.size());
  return numbers;
}

Expected<OwningBinary<ObjectFile>> openElf(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot read '" + path + "': " + buffer.getError().message());
  auto object = ObjectFile::createELFObjectFile((*buffer)->getMemBufferRef());
  if (!object)
    return object.takeError();
  if (!llvm::isa<Elf>(object->get()))
    return createStringError("'" + path + "' is no 64-bit ELF file");
  return OwningBinary<ObjectFile>(std::move(*object), std::move(*buffer));
}

/// The names that the library defines go to `symbols`; its own name, as programs record it.
Expected<std::string> readLibrary(const std::string &path, llvm::StringSet<> &symbols) {
  auto binary = openElf(path);
  if (!binary)
    return binary.takeError();
  const Elf &elf = *llvm::cast<Elf>(binary->getBinary());
  for (const ELFSymbolRef symbol : elf.getDynamicSymbolIterators()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return createStringError("the symbols of '" + path + "' cannot be read");
    if (!(*flags & SymbolRef::SF_Undefined))
      symbols.insert(*name);
  }
  auto entries = elf.getELFFile().dynamicEntries();
  if (!entries)
    return entries.takeError();
  uint64_t strings = 0, soname = 0;
  for (const auto &entry : *entries) {
    if (entry.d_tag == llvm::ELF::DT_STRTAB)
      strings = entry.getPtr();
    if (entry.d_tag == llvm::ELF::DT_SONAME)
      soname = entry.getVal();
  }
  if (!strings || !soname)
    return llvm::sys::path::filename(path).str();
  auto text = elf.getELFFile().toMappedAddr(strings + soname);
  if (!text)
    return text.takeError();
  return std::string(reinterpret_cast<const char *>(*text));
}

Error checkSections(const Unit &unit, const Elf &elf) {
  for (ELFSectionRef section : elf.sections()) {
    auto name = section.getName();
    if (!name)
      return name.takeError();
    if (section.getSize() == 0)
      continue;
    if (section.getType() == llvm::ELF::SHT_INIT_ARRAY ||
        section.getType() == llvm::ELF::SHT_FINI_ARRAY || name->starts_with(".ctors"))
      return createStringError(unit.what() + ": its code has constructors (section '" +
                               name->str() + "'), which an artifact does not run");
    if (section.getFlags() & llvm::ELF::SHF_TLS)
      return createStringError(unit.what() + ": its code has thread-local variables (section '" +
                               name->str() + "'); keep what it needs in the workspace");
    if ((section.getFlags() & llvm::ELF::SHF_WRITE) && !name->starts_with(".data.rel.ro") &&
        !unit.staticData)
      return createStringError(
          unit.what() + ": its code has variables that it can change (section '" + name->str() +
          "'); make them const, keep them in the workspace, or say \"static_data\": true");
  }
  return Error::success();
}

/// A library of the C library's that has the symbol, for a hint.
std::string hintFor(StringRef symbol) {
  for (const char *path : {"/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6",
                           "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"}) {
    llvm::StringSet<> symbols;
    auto name = readLibrary(path, symbols);
    if (!name)
      llvm::consumeError(name.takeError());
    else if (symbols.contains(symbol))
      return " (" + *name + " has it)";
  }
  return "";
}

Error checkSymbols(const Unit &unit, const Elf &elf, const llvm::StringSet<> &allowed) {
  std::vector<std::string> functions;
  for (const ELFSymbolRef symbol : elf.symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return createStringError(unit.what() + ": the symbols of its code cannot be read");
    if (!(*flags & SymbolRef::SF_Global) || name->empty())
      continue;
    if (!(*flags & SymbolRef::SF_Undefined)) {
      if (symbol.getELFType() == llvm::ELF::STT_FUNC)
        functions.push_back(name->str());
    } else if (!allowed.contains(*name) && *name != "_GLOBAL_OFFSET_TABLE_" &&
               llvm::none_of(unit.ops, [&](const CustomOpDescription *op) {
                 return *name == op->function; // said below
               })) {
      return createStringError(unit.what() + ": its code needs the symbol '" + name->str() +
                               "'; name the shared library that has it in \"link\"" +
                               hintFor(*name) +
                               ", or the symbol in \"needs\" if the program that loads the "
                               "artifact defines it");
    }
  }
  for (const CustomOpDescription *op : unit.ops)
    if (!llvm::is_contained(functions, op->function))
      return createStringError("custom op `" + op->name + "`: its code defines no function '" +
                               op->function + "' that is not static; it defines " +
                               (functions.empty() ? "none" : llvm::join(functions, ", ")));
  return Error::success();
}

/// Only the ops' functions stay global, hidden and renamed.
Expected<std::string> rename(const ScratchDirectory &scratch, const Unit &unit, size_t number,
                             Elf &elf, const CompileOptions &options) {
  llvm::objcopy::CommonConfig common;
  llvm::objcopy::ELFConfig special;
  auto exact = [](StringRef name) {
    return llvm::objcopy::NameOrPattern::create(name, llvm::objcopy::MatchStyle::Literal,
                                                [](Error error) { return error; });
  };
  llvm::objcopy::NameMatcher all;
  std::vector<std::string> names; // the configuration keeps references
  names.reserve(unit.ops.size());
  for (const CustomOpDescription *op : unit.ops) {
    names.push_back(customSymbol(options, op->name, op->function));
    common.SymbolsToRename[op->function] = names.back();
    if (Error error = common.SymbolsToKeepGlobal.addMatcher(exact(op->function)))
      return error;
    if (Error error = all.addMatcher(exact(op->function)))
      return error;
  }
  special.SymbolsToSetVisibility.emplace_back(std::move(all), uint8_t{llvm::ELF::STV_HIDDEN});
  Error error = Error::success();
  auto written =
      scratch.write("custom" + std::to_string(number) + ".o", [&](llvm::raw_ostream &out) {
        error = llvm::objcopy::elf::executeObjcopyOnBinary(common, special, elf, out);
      });
  if (error) {
    llvm::consumeError(written.takeError());
    return error;
  }
  return written;
}

Expected<std::string> linkUnit(const ScratchDirectory &scratch, const Unit &unit, size_t number,
                               const CustomObjects &custom, const CompileOptions &options) {
  std::string path = scratch.file("unit" + std::to_string(number) + ".o");
  std::vector<std::string> arguments = {"ld.lld",      "-r", "-m", "elf_x86_64",
                                        "--threads=1", "-o", path};
  for (const CustomOpDescription *op : unit.ops)
    arguments.insert(arguments.end(), {"-u", op->function});
  arguments.insert(arguments.end(), unit.files.begin(), unit.files.end());
  if (Error error = runLinker(arguments))
    return createStringError(unit.what() + ": " + llvm::toString(std::move(error)));
  auto binary = openElf(path);
  if (!binary)
    return binary.takeError();
  Elf &elf = *llvm::cast<Elf>(binary->getBinary());
  if (Error error = checkSections(unit, elf))
    return error;
  if (Error error = checkSymbols(unit, elf, custom.allowed))
    return error;
  return rename(scratch, unit, number, elf, options);
}

} // namespace

std::string customSymbol(const CompileOptions &options, StringRef op, StringRef function) {
  size_t unit = unitNumbers(options).at(options.customCode.at(op.str()).files);
  return options.symbol + ".custom" + std::to_string(unit) + "." + function.str();
}

Expected<CustomObjects> linkCustomCode(const ScratchDirectory &scratch,
                                       llvm::ArrayRef<CustomOpDescription> ops,
                                       const CompileOptions &options) {
  CustomObjects custom;
  for (StringRef symbol : {"memcpy", "memmove", "memset"})
    custom.allowed.insert(symbol);
  auto numbers = unitNumbers(options);
  std::map<size_t, Unit> units;
  for (const CustomOpDescription &op : ops) {
    const CustomCode &code = options.customCode.at(op.name);
    Unit &unit = units[numbers.at(code.files)];
    unit.files = code.files;
    unit.ops.push_back(&op);
    unit.staticData |= code.staticData;
    custom.staticData |= code.staticData;
    for (const std::string &symbol : code.needs)
      custom.allowed.insert(symbol);
    custom.hasNeeds |= !code.needs.empty();
    for (const std::string &library : code.libraries) {
      if (llvm::is_contained(custom.libraries, library))
        continue;
      auto name = readLibrary(library, custom.allowed);
      if (!name)
        return createStringError("custom op `" + op.name +
                                 "`: " + llvm::toString(name.takeError()));
      custom.libraries.push_back(library);
      custom.libraryNames.insert(*name);
    }
  }
  for (const auto &[number, unit] : units) {
    auto object = linkUnit(scratch, unit, number, custom, options);
    if (!object)
      return object.takeError();
    custom.objects.push_back(std::move(*object));
  }
  return custom;
}

} // namespace ingot::cpu
