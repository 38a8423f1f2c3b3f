// Layout of the file: header, weights, symbols, names, section headers.
#include "backends/cpu/WeightsObject.h"
#include "ingot/artifact.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace llvm::ELF;

namespace ingot::cpu {
namespace {

enum Section { None, Weights, Stack, Symbols, Names, SectionCount };

template <typename T> void put(llvm::raw_ostream &out, const T &value) {
  out.write(reinterpret_cast<const char *>(&value), sizeof(T));
}

Elf64_Ehdr makeHeader(uint64_t sectionHeaders) {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ElfMagic, 4);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_shoff = sectionHeaders;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = SectionCount;
  header.e_shstrndx = Names;
  return header;
}

/// `bytes` are missing where the section only has a size.
void writeObject(llvm::raw_ostream &out, const std::string &symbol, uint64_t size,
                 llvm::StringRef bytes, uint64_t alignment) {
  const std::string sectionNames("\0.ingot.weights\0.note.GNU-stack\0.symtab\0.strtab\0", 48);
  const std::string names = sectionNames + symbol + '\0';
  const uint64_t weights = llvm::alignTo(sizeof(Elf64_Ehdr), INGOT_ALIGNMENT);
  const uint64_t symbols = llvm::alignTo(weights + bytes.size(), 8);
  const uint64_t strings = symbols + 2 * sizeof(Elf64_Sym);
  const uint64_t headers = llvm::alignTo(strings + names.size(), 8);

  auto section = [&](const char *name, uint32_t type, uint64_t offset, uint64_t size) {
    Elf64_Shdr header = {};
    header.sh_name = sectionNames.find(std::string(1, '\0') + name) + 1;
    header.sh_type = type;
    header.sh_offset = offset;
    header.sh_size = size;
    header.sh_addralign = 1;
    return header;
  };
  Elf64_Shdr sections[SectionCount] = {};
  bool isPlaceholder = bytes.size() != size;
  sections[Weights] =
      section(".ingot.weights", isPlaceholder ? SHT_NOBITS : SHT_PROGBITS, weights, size);
  sections[Weights].sh_flags = SHF_ALLOC;
  sections[Weights].sh_addralign = alignment;
  sections[Stack] = section(".note.GNU-stack", SHT_PROGBITS, symbols, 0);
  sections[Symbols] = section(".symtab", SHT_SYMTAB, symbols, 2 * sizeof(Elf64_Sym));
  sections[Symbols].sh_link = Names;
  sections[Symbols].sh_info = 1; // the first symbol that is not local
  sections[Symbols].sh_entsize = sizeof(Elf64_Sym);
  sections[Symbols].sh_addralign = 8;
  sections[Names] = section(".strtab", SHT_STRTAB, strings, names.size());

  Elf64_Sym entry = {};
  entry.st_name = sectionNames.size();
  entry.setBindingAndType(STB_GLOBAL, STT_OBJECT);
  entry.st_other = STV_HIDDEN;
  entry.st_shndx = Weights;
  entry.st_size = size;

  put(out, makeHeader(headers));
  out.write_zeros(weights - sizeof(Elf64_Ehdr));
  out.write(bytes.data(), bytes.size());
  out.write_zeros(symbols - weights - bytes.size());
  put(out, Elf64_Sym{});
  put(out, entry);
  out << names;
  out.write_zeros(headers - strings - names.size());
  for (const Elf64_Shdr &header : sections)
    put(out, header);
}

} // namespace

void writeWeightsObject(llvm::raw_ostream &out, const std::string &symbol, llvm::StringRef bytes) {
  writeObject(out, symbol, bytes.size(), bytes, INGOT_ALIGNMENT);
}

void writeWeightsPlaceholder(llvm::raw_ostream &out, const std::string &symbol, uint64_t size) {
  writeObject(out, symbol, size, "", pageBytes);
}

} // namespace ingot::cpu
