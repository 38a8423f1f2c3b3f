// See Cubin.h. A cubin is an ELF file: for each kernel K a symbol, its code in .text.K, its static
// shared memory as the size of .nv.shared.K, and a list of attributes in .nv.info.K; attributes
// that name a symbol are in .nv.info. NVIDIA documents neither; names and numbers of attributes are
// those that cuobjdump prints, and were compared with what ptxas says of the same kernels.
#include "backends/gpu/nvrtc/Cubin.h"
#include "backends/gpu/nvrtc/Instructions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/Endian.h"
#include <optional>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

namespace ingot::gpu {
namespace {

using Elf = llvm::object::ELFFile<llvm::object::ELF64LE>;
using Section = Elf::Elf_Shdr;

constexpr uint8_t kEntrySymbol = 0x10; // of st_other: a kernel, not a function that kernels call
/// What code for 9.0 and later counts as the kernel's, but the system uses.
constexpr uint64_t kReservedShared = 1024;
constexpr int kOldestArchitecture = 75;
constexpr size_t kParameterBytes = 12;

enum Attribute : uint8_t {
  MaxThreads = 0x05, // three extents of a block at most
  ExactThreads = 0x10,
  FrameSize = 0x11,    // symbol, bytes
  MinStackSize = 0x12, // symbol, bytes, with those of the functions it calls
  Parameter = 0x17,    // index, ordinal and offset of 16 bits each, size in the last 14 bits
  Registers = 0x2f,    // symbol, count
};

/// One of .nv.info*: a byte for the format, one for the attribute, then 16 bits of value, or of the
/// size of the bytes that follow.
struct Info {
  uint8_t attribute;
  StringRef payload; ///< empty where the value is in the header
};
constexpr uint8_t kFormats = 4, kSizedFormat = 4;
constexpr size_t kInfoHeader = 4;

Expected<Info> takeInfo(StringRef &rest) {
  if (rest.size() < kInfoHeader)
    return createStringError("an attribute is cut off");
  auto format = static_cast<uint8_t>(rest[0]);
  if (format == 0 || format > kFormats)
    return createStringError("an attribute has an unknown format");
  Info info{static_cast<uint8_t>(rest[1]), {}};
  size_t size = format == kSizedFormat ? read16le(rest.data() + 2) : 0;
  rest = rest.drop_front(kInfoHeader);
  if (rest.size() < size)
    return createStringError("an attribute is cut off");
  info.payload = rest.take_front(size);
  rest = rest.drop_front(size);
  return info;
}

class Reader {
public:
  explicit Reader(const Elf &elf, size_t bytes) : elf(elf), unreadBytes(bytes) {}
  Expected<Cubin> read();

private:
  /// What .nv.info says of a symbol.
  struct SymbolInfo {
    std::optional<int64_t> registers;
    int64_t localBytes = 0;
  };

  Error readArchitecture();
  Error readSections();
  Error readSymbolInfos();
  Expected<KernelResources> readKernel(StringRef symbol, const SymbolInfo &info);
  Error readAttributes(StringRef attributes, KernelResources &kernel) const;
  const Section *find(const std::string &name) const { return byName.lookup(name); }
  /// No part of the file is read twice for attributes or code, so that sections which overlap
  /// cannot make reading slow.
  Expected<StringRef> contents(const Section &section);

  const Elf &elf;
  size_t unreadBytes;
  Cubin cubin;
  llvm::StringMap<const Section *> byName;
  const Section *symbols = nullptr;
  std::map<uint32_t, SymbolInfo> symbolInfos;
};

Error Reader::readArchitecture() {
  const auto &header = elf.getHeader();
  if (header.e_machine != llvm::ELF::EM_CUDA)
    return createStringError("it is not for NVIDIA's GPUs");
  // CUDA 12 has version 7 for GPUs up to 9.0; everything later has 8.
  unsigned version = header.e_ident[llvm::ELF::EI_ABIVERSION];
  if (version != 7 && version != 8)
    return createStringError("its version is not known here: " + std::to_string(version));
  cubin.architecture =
      static_cast<int>((version == 7 ? header.e_flags : header.e_flags >> 8) & 0xff);
  if (cubin.architecture < kOldestArchitecture)
    return createStringError("it is for GPUs older than 7.5");
  return Error::success();
}

Error Reader::readSections() {
  auto sections = elf.sections();
  if (!sections)
    return sections.takeError();
  for (const Section &section : *sections) {
    auto name = elf.getSectionName(section);
    if (!name)
      return name.takeError();
    if (section.sh_type == llvm::ELF::SHT_SYMTAB)
      symbols = &section;
    if (!name->empty() && !byName.try_emplace(*name, &section).second &&
        (name->starts_with(".text.") || name->starts_with(".nv.info")))
      return createStringError("two sections are called " + name->str());
  }
  if (!symbols)
    return createStringError("it has no symbols");
  return Error::success();
}

Expected<StringRef> Reader::contents(const Section &section) {
  auto bytes = elf.getSectionContents(section);
  if (!bytes)
    return bytes.takeError();
  if (bytes->size() > unreadBytes)
    return createStringError("its sections overlap");
  unreadBytes -= bytes->size();
  return StringRef(reinterpret_cast<const char *>(bytes->data()), bytes->size());
}

Error Reader::readSymbolInfos() {
  const Section *section = find(".nv.info");
  if (!section)
    return createStringError("it has no attributes");
  auto rest = contents(*section);
  if (!rest)
    return rest.takeError();
  while (!rest->empty()) {
    auto info = takeInfo(*rest);
    if (!info)
      return info.takeError();
    if (info->payload.size() != 8)
      continue;
    SymbolInfo &symbol = symbolInfos[read32le(info->payload.data())];
    int64_t value = read32le(info->payload.data() + 4);
    if (info->attribute == Registers)
      symbol.registers = value;
    else if (info->attribute == FrameSize || info->attribute == MinStackSize)
      symbol.localBytes = std::max(symbol.localBytes, value);
  }
  return Error::success();
}

Error Reader::readAttributes(StringRef attributes, KernelResources &kernel) const {
  while (!attributes.empty()) {
    auto info = takeInfo(attributes);
    if (!info)
      return info.takeError();
    const char *payload = info->payload.data();
    if (info->attribute == Parameter && info->payload.size() == kParameterBytes) {
      KernelParameter parameter{read16le(payload + 6), read32le(payload + 8) >> 18};
      kernel.parameters.push_back(parameter);
    } else if ((info->attribute == MaxThreads || info->attribute == ExactThreads) &&
               info->payload.size() == 12) {
      int64_t threads = 1;
      for (size_t at : {0, 4, 8})
        threads *= std::min<int64_t>(read32le(payload + at), 1 << 16);
      kernel.maxThreads = threads;
    }
  }
  llvm::sort(kernel.parameters, [](const KernelParameter &x, const KernelParameter &y) {
    return x.offset < y.offset;
  });
  return Error::success();
}

Expected<KernelResources> Reader::readKernel(StringRef symbol, const SymbolInfo &info) {
  KernelResources kernel;
  kernel.symbol = symbol.str();
  if (!info.registers)
    return createStringError("it does not say how many registers " + kernel.symbol + " takes");
  kernel.registers = *info.registers;
  kernel.localBytes = info.localBytes;
  if (const Section *shared = find(".nv.shared." + kernel.symbol))
    kernel.sharedBytes = static_cast<int64_t>(
        std::min<uint64_t>(shared->sh_size, 1 << 30) -
        (cubin.architecture >= 90 ? std::min<uint64_t>(shared->sh_size, kReservedShared) : 0));
  const Section *code = find(".text." + kernel.symbol);
  const Section *attributes = find(".nv.info." + kernel.symbol);
  if (!code || !attributes)
    return createStringError("it has no code or no attributes of " + kernel.symbol);
  auto attributeBytes = contents(*attributes);
  if (!attributeBytes)
    return attributeBytes.takeError();
  if (Error error = readAttributes(*attributeBytes, kernel))
    return error;
  auto codeBytes = contents(*code);
  if (!codeBytes)
    return codeBytes.takeError();
  if (codeBytes->empty() || codeBytes->size() % kInstructionBytes)
    return createStringError("the code of " + kernel.symbol + " is not a number of instructions");
  kernel.instructions = countInstructions(*codeBytes, cubin.architecture);
  kernel.loops = findLoops(*codeBytes, cubin.architecture);
  return kernel;
}

Expected<Cubin> Reader::read() {
  if (Error error = readArchitecture())
    return error;
  if (Error error = readSections())
    return error;
  if (Error error = readSymbolInfos())
    return error;
  auto table = elf.symbols(symbols);
  auto names = elf.getStringTableForSymtab(*symbols);
  if (!table || !names)
    return llvm::joinErrors(table.takeError(), names.takeError());
  for (const auto &[index, symbol] : llvm::enumerate(*table)) {
    if (symbol.getType() != llvm::ELF::STT_FUNC || !(symbol.st_other & kEntrySymbol))
      continue;
    auto name = symbol.getName(*names);
    if (!name)
      return name.takeError();
    auto kernel = readKernel(*name, symbolInfos[static_cast<uint32_t>(index)]);
    if (!kernel)
      return kernel.takeError();
    cubin.kernels.push_back(std::move(*kernel));
  }
  llvm::sort(cubin.kernels, [](const KernelResources &x, const KernelResources &y) {
    return x.symbol < y.symbol;
  });
  return std::move(cubin);
}

} // namespace

static int64_t countOf(const InstructionCounts &counts, StringRef instruction) {
  auto found = counts.find(instruction.str());
  return found == counts.end() ? 0 : found->second;
}

int64_t InstructionLoop::count(StringRef instruction) const {
  return countOf(instructions, instruction);
}
int64_t KernelResources::count(StringRef instruction) const {
  return countOf(instructions, instruction);
}

Expected<Cubin> readCubin(StringRef bytes) {
  auto explain = [](Error error) {
    return createStringError("the machine code cannot be read: " +
                             llvm::toString(std::move(error)));
  };
  auto elf = Elf::create(bytes);
  if (!elf)
    return explain(elf.takeError());
  const auto &header = elf->getHeader();
  if (!header.checkMagic() || header.getFileClass() != llvm::ELF::ELFCLASS64 ||
      header.getDataEncoding() != llvm::ELF::ELFDATA2LSB)
    return explain(createStringError("it is no 64-bit little-endian ELF file"));
  auto cubin = Reader(*elf, bytes.size()).read();
  if (!cubin)
    return explain(cubin.takeError());
  return cubin;
}

} // namespace ingot::gpu
