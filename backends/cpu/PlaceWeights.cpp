// See PlaceWeights.h. Everything about the file is checked before it is changed.
#include "backends/cpu/PlaceWeights.h"
#include "backends/cpu/WeightsObject.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>
#include <fcntl.h>
#include <vector>

using namespace llvm::ELF;
using llvm::createStringError;
using llvm::Error;

namespace ingot::cpu {
namespace {

constexpr size_t partBytes = 32 << 20;

/// The parts of the file that change.
struct Headers {
  Elf64_Ehdr file = {};
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections;
  size_t weights = 0; // number of the section
  uint64_t bytes = 0; // of the file
};

template <typename T> bool readArray(llvm::StringRef file, uint64_t offset, std::vector<T> &out) {
  uint64_t bytes = out.size() * sizeof(T);
  if (offset > file.size() || bytes > file.size() - offset)
    return false;
  std::memcpy(out.data(), file.data() + offset, bytes);
  return true;
}

Error unexpected(const char *what) {
  return createStringError(std::string("the linker's file is not as expected: ") + what);
}

Error readHeaders(const std::string &path, Headers &headers) {
  auto buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::errorCodeToError(buffer.getError());
  llvm::StringRef file = (*buffer)->getBuffer();
  headers.bytes = file.size();
  if (file.size() < sizeof(Elf64_Ehdr))
    return unexpected("it has no header");
  std::memcpy(&headers.file, file.data(), sizeof(Elf64_Ehdr));
  headers.segments.resize(headers.file.e_phnum);
  headers.sections.resize(headers.file.e_shnum);
  if (!readArray(file, headers.file.e_phoff, headers.segments) ||
      !readArray(file, headers.file.e_shoff, headers.sections) ||
      headers.file.e_shstrndx >= headers.sections.size())
    return unexpected("it has no tables");
  llvm::StringRef names = file.substr(headers.sections[headers.file.e_shstrndx].sh_offset);
  for (size_t i = 0; i < headers.sections.size(); ++i) {
    llvm::StringRef name = names.substr(headers.sections[i].sh_name);
    if (name.substr(0, name.find('\0')) == ".ingot.weights")
      headers.weights = i;
  }
  return headers.weights ? Error::success() : unexpected("it has no section for weights");
}

/// Makes the section a segment with bytes from `offset` of the file on.
Error makeSegment(Headers &headers, uint64_t offset) {
  Elf64_Shdr &section = headers.sections[headers.weights];
  std::vector<Elf64_Phdr> &segments = headers.segments;
  if (section.sh_type != SHT_NOBITS || section.sh_addr % pageBytes != 0)
    return unexpected("the section for weights has bytes, or no page of its own");
  if (segments.empty() || segments.front().p_type != PT_PHDR)
    return unexpected("its program headers do not start with PT_PHDR");
  // The section is the end of its segment, the part that is in no file.
  for (size_t i = 1; i < segments.size(); ++i) {
    Elf64_Phdr &segment = segments[i];
    if (segment.p_type != PT_LOAD || section.sh_addr < segment.p_vaddr + segment.p_filesz ||
        section.sh_addr + section.sh_size != segment.p_vaddr + segment.p_memsz)
      continue;
    segment.p_memsz = segment.p_filesz;
    Elf64_Phdr added = {};
    added.p_type = PT_LOAD;
    added.p_flags = PF_R;
    added.p_offset = offset;
    added.p_vaddr = added.p_paddr = section.sh_addr;
    added.p_filesz = added.p_memsz = section.sh_size;
    added.p_align = pageBytes;
    segments.insert(segments.begin() + static_cast<ptrdiff_t>(i) + 1, added);
    segments.erase(segments.begin());
    section.sh_type = SHT_PROGBITS;
    section.sh_offset = offset;
    return Error::success();
  }
  return unexpected("the section for weights is not the end of a segment");
}

} // namespace

Error placeWeights(const std::string &path, llvm::ArrayRef<StateBytes> blocks) {
  Headers headers;
  if (Error error = readHeaders(path, headers))
    return error;
  uint64_t offset = llvm::alignTo(headers.bytes, pageBytes), size = 0;
  for (const StateBytes &block : blocks)
    size = llvm::alignTo(size, pageBytes) + block.size;
  if (headers.sections[headers.weights].sh_size != size)
    return unexpected("the section for weights has another size");
  if (Error error = makeSegment(headers, offset))
    return error;
  int descriptor = -1;
  std::error_code code = llvm::sys::fs::openFile(path, descriptor, llvm::sys::fs::CD_OpenExisting,
                                                 llvm::sys::fs::FA_Write, llvm::sys::fs::OF_None);
  if (code)
    return createStringError("cannot write '" + path + "': " + code.message());
  llvm::raw_fd_ostream out(descriptor, /*shouldClose=*/true);
  auto put = [&](const auto &table, uint64_t at) {
    out.seek(at);
    out.write(reinterpret_cast<const char *>(table.data()), table.size() * sizeof(table[0]));
  };
  put(headers.segments, headers.file.e_phoff);
  put(headers.sections, headers.file.e_shoff);
  out.seek(headers.bytes);
  out.write_zeros(static_cast<unsigned>(offset - headers.bytes));
  for (const StateBytes &block : blocks) {
    out.write_zeros(static_cast<unsigned>(
        llvm::offsetToAlignment(out.tell() - offset, llvm::Align(pageBytes))));
    for (llvm::StringRef rest = contentOf(block); !rest.empty();) {
      llvm::StringRef part = rest.take_front(partBytes);
      uint64_t at = out.tell();
      out << part;
      out.flush();
      // The disk works while the next part is written; else the sync at the end waits for all.
      (void)::sync_file_range(descriptor, static_cast<off_t>(at), static_cast<off_t>(part.size()),
                              SYNC_FILE_RANGE_WRITE);
      if (block.release && !out.has_error())
        block.release(part.data(), part.size());
      rest = rest.drop_front(part.size());
    }
  }
  out.close();
  if (!out.has_error())
    return Error::success();
  code = out.error();
  out.clear_error();
  return createStringError("cannot write '" + path + "': " + code.message());
}

} // namespace ingot::cpu
