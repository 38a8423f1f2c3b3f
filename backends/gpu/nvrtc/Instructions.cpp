// See Instructions.h. NVIDIA documents the names, not the numbers: these were read off code that
// NVRTC 12.9, 13.0 and 13.5 made for 7.5 to 12.0, next to nvdisasm's listing of it.
#include "backends/gpu/nvrtc/Instructions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include <array>

namespace ingot::gpu {
namespace {

using llvm::StringRef;

/// Bits 0 to 8 say what is done; the three above them, where the operands are.
constexpr unsigned kOpcodes = 512;

struct Opcode {
  unsigned number;
  const char *name;
};

constexpr Opcode kNames[] = {
    {0x002, "MOV"},    {0x006, "VOTE"},      {0x007, "SEL"},      {0x008, "FSEL"},
    {0x009, "FMNMX"},  {0x00b, "FSETP"},     {0x00c, "ISETP"},    {0x010, "IADD3"},
    {0x011, "LEA"},    {0x012, "LOP3"},      {0x013, "IABS"},     {0x016, "PRMT"},
    {0x017, "IMNMX"},  {0x019, "SHF"},       {0x01c, "PLOP3"},    {0x020, "FMUL"},
    {0x021, "FADD"},   {0x023, "FFMA"},      {0x024, "IMAD"},     {0x025, "IMAD"},
    {0x027, "IMAD"},   {0x028, "DMUL"},      {0x029, "DADD"},     {0x02a, "DSETP"},
    {0x02b, "DFMA"},   {0x02f, "ELECT"},     {0x030, "HADD2"},    {0x031, "HFMA2"},
    {0x037, "IMMA"},   {0x03b, "LDSM"},      {0x03c, "HMMA"},     {0x03e, "F2FP"},
    {0x03f, "DMMA"},   {0x100, "FLO"},       {0x101, "BREV"},     {0x102, "FCHK"},
    {0x104, "F2F"},    {0x105, "F2I"},       {0x106, "I2F"},      {0x107, "FRND"},
    {0x108, "MUFU"},   {0x109, "POPC"},      {0x110, "F2F"},      {0x111, "F2I"},
    {0x112, "I2F"},    {0x113, "FRND"},      {0x118, "NOP"},      {0x119, "S2R"},
    {0x11a, "DEPBAR"}, {0x11d, "BAR"},       {0x141, "BSYNC"},    {0x144, "CALL"},
    {0x145, "BSSY"},   {0x147, "BRA"},       {0x148, "WARPSYNC"}, {0x14d, "EXIT"},
    {0x150, "RET"},    {0x181, "LDG"},       {0x182, "LDC"},      {0x183, "LDL"},
    {0x184, "LDS"},    {0x186, "STG"},       {0x187, "STL"},      {0x188, "STS"},
    {0x189, "SHFL"},   {0x18e, "RED"},       {0x192, "MEMBAR"},   {0x1a3, "ATOMG"},
    {0x1a7, "SYNCS"},  {0x1a8, "ATOMG"},     {0x1ae, "LDGSTS"},   {0x1af, "LDGDEPBAR"},
    {0x1b2, "SYNCS"},  {0x1b4, "UTMALDG"},   {0x1b5, "UTMASTG"},  {0x1ba, "UBLKCP"},
    {0x1c4, "REDUX"},  {0x1c5, "WARPGROUP"}, {0x1f0, "HGMMA"},
};

constexpr std::array<const char *, kOpcodes> nameTable() {
  std::array<const char *, kOpcodes> table = {};
  for (Opcode opcode : kNames)
    table[opcode.number] = opcode.name;
  return table;
}
constexpr std::array<const char *, kOpcodes> kTable = nameTable();

/// Counts by opcode and variant; names come last, so that no text is made an instruction.
enum Variant { Plain, Wide64, Wide128, Shape1688, Shape16816, TypeBf16, TypeTf32, kVariants };
constexpr const char *kSuffixes[kVariants] = {"",       ".64",   ".128", ".1688",
                                              ".16816", ".BF16", ".TF32"};
using Counts = std::array<std::array<int64_t, kVariants>, kOpcodes>;

enum : unsigned {
  opHmma = 0x03c,
  opLdg = 0x181,
  opLdl = 0x183,
  opLds = 0x184,
  opStg = 0x186,
  opStl = 0x187,
  opSts = 0x188,
  opLdgsts = 0x1ae
};

void countWidth(std::array<int64_t, kVariants> &counts, uint64_t code) {
  if (code == 5)
    ++counts[Wide64];
  else if (code == 6)
    ++counts[Wide128];
}

void countVariants(Counts &counts, unsigned opcode, uint64_t high, int architecture) {
  uint64_t width = (high >> 9) & 7; // 4: 32 bits, 5: 64, 6: 128
  switch (opcode) {
  case opLdg:
  case opLds:
  case opLdl:
  case opStg:
  case opSts:
  case opStl:
    return countWidth(counts[opcode], width);
  case opLdgsts: // which has 0, 1 and 2 for them since 10.0, and the bit above means another thing
    return countWidth(counts[opcode], architecture < 100 ? width : (width >> 1) + 4);
  case opHmma:
    ++counts[opcode][((high >> 11) & 3) == 3 ? Shape16816 : Shape1688];
    if (high >> 18 & 1)
      ++counts[opcode][TypeBf16];
    if (high >> 19 & 1)
      ++counts[opcode][TypeTf32];
    return;
  default:
    return;
  }
}

std::string nameOf(unsigned opcode) {
  if (kTable[opcode])
    return kTable[opcode];
  std::string digits = llvm::utohexstr(opcode, /*LowerCase=*/true);
  return "?" + std::string(3 - digits.size(), '0') + digits;
}

} // namespace

std::map<std::string, int64_t> countInstructions(StringRef code, int architecture) {
  Counts counts = {};
  for (; code.size() >= kInstructionBytes; code = code.drop_front(kInstructionBytes)) {
    auto opcode = static_cast<unsigned>(llvm::support::endian::read64le(code.data()) % kOpcodes);
    ++counts[opcode][Plain];
    countVariants(counts, opcode, llvm::support::endian::read64le(code.data() + 8), architecture);
  }
  std::map<std::string, int64_t> result;
  for (unsigned opcode = 0; opcode < kOpcodes; ++opcode)
    for (unsigned variant = 0; variant < kVariants; ++variant)
      if (int64_t count = counts[opcode][variant])
        result[nameOf(opcode) + kSuffixes[variant]] += count;
  return result;
}

} // namespace ingot::gpu
