// See Instructions.h. NVIDIA documents the names, not the numbers and fields: these were read off
// code that NVRTC 12.9, 13.0 and 13.5 made for 7.5 to 12.0, next to nvdisasm's listing of it.
#include "backends/gpu/nvrtc/Instructions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
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
    {0x002, "MOV"},       {0x006, "VOTE"},   {0x007, "SEL"},       {0x008, "FSEL"},
    {0x009, "FMNMX"},     {0x00b, "FSETP"},  {0x00c, "ISETP"},     {0x010, "IADD3"},
    {0x011, "LEA"},       {0x012, "LOP3"},   {0x013, "IABS"},      {0x016, "PRMT"},
    {0x017, "IMNMX"},     {0x019, "SHF"},    {0x01c, "PLOP3"},     {0x020, "FMUL"},
    {0x021, "FADD"},      {0x023, "FFMA"},   {0x024, "IMAD"},      {0x025, "IMAD"},
    {0x027, "IMAD"},      {0x028, "DMUL"},   {0x029, "DADD"},      {0x02a, "DSETP"},
    {0x02b, "DFMA"},      {0x02f, "ELECT"},  {0x030, "HADD2"},     {0x031, "HFMA2"},
    {0x036, "VIADD"},     {0x037, "IMMA"},   {0x03b, "LDSM"},      {0x03c, "HMMA"},
    {0x03e, "F2FP"},      {0x03f, "DMMA"},   {0x100, "FLO"},       {0x101, "BREV"},
    {0x102, "FCHK"},      {0x104, "F2F"},    {0x105, "F2I"},       {0x106, "I2F"},
    {0x107, "FRND"},      {0x108, "MUFU"},   {0x109, "POPC"},      {0x110, "F2F"},
    {0x111, "F2I"},       {0x112, "I2F"},    {0x113, "FRND"},      {0x118, "NOP"},
    {0x119, "S2R"},       {0x11a, "DEPBAR"}, {0x11d, "BAR"},       {0x141, "BSYNC"},
    {0x144, "CALL"},      {0x145, "BSSY"},   {0x147, "BRA"},       {0x148, "WARPSYNC"},
    {0x14d, "EXIT"},      {0x150, "RET"},    {0x181, "LDG"},       {0x182, "LDC"},
    {0x183, "LDL"},       {0x184, "LDS"},    {0x186, "STG"},       {0x187, "STL"},
    {0x188, "STS"},       {0x189, "SHFL"},   {0x18e, "RED"},       {0x192, "MEMBAR"},
    {0x1a3, "ATOMG"},     {0x1a7, "SYNCS"},  {0x1a8, "ATOMG"},     {0x1ae, "LDGSTS"},
    {0x1af, "LDGDEPBAR"}, {0x1b2, "SYNCS"},  {0x1b4, "UTMALDG"},   {0x1b5, "UTMASTG"},
    {0x1ba, "UBLKCP"},    {0x1c4, "REDUX"},  {0x1c5, "WARPGROUP"}, {0x1f0, "HGMMA"},
};

constexpr std::array<const char *, kOpcodes> nameTable() {
  std::array<const char *, kOpcodes> table = {};
  for (Opcode opcode : kNames)
    table[opcode.number] = opcode.name;
  return table;
}
constexpr std::array<const char *, kOpcodes> kTable = nameTable();

/// Counts by opcode and variant; names come last, so that no text is made an instruction.
enum Variant {
  Plain,
  Wide64,
  Wide128,
  Matrices2,
  Matrices4,
  Shape1688,
  Shape16816,
  TypeBf16,
  TypeTf32,
  kVariants
};
constexpr const char *kSuffixes[kVariants] = {"",      ".64",    ".128",  ".2",   ".4",
                                              ".1688", ".16816", ".BF16", ".TF32"};
using Counts = std::array<std::array<int64_t, kVariants>, kOpcodes>;

enum : unsigned {
  opLdsm = 0x03b,
  opHmma = 0x03c,
  opDepbar = 0x11a,
  opBra = 0x147,
  opExit = 0x14d,
  opRet = 0x150,
  opLdg = 0x181,
  opLdl = 0x183,
  opLds = 0x184,
  opStg = 0x186,
  opStl = 0x187,
  opSts = 0x188,
  opLdgsts = 0x1ae,
  opHgmma = 0x1f0
};

/// FMNMX, FMUL, FADD, FFMA, DMUL, DADD, DFMA, HMMA, HGMMA.
constexpr unsigned kFloatOperations[] = {0x009, 0x020, 0x021,  0x023,  0x028,
                                         0x029, 0x02b, opHmma, opHgmma};

/// One instruction's bits.
struct Instruction {
  uint64_t low, high;
  unsigned opcode() const { return low % kOpcodes; }
  /// Whether a predicate decides if it is carried out.
  bool isConditional() const { return (low >> 12 & 0xf) != 7; }
};

Instruction instructionAt(StringRef code, size_t number) {
  const char *bytes = code.data() + number * kInstructionBytes;
  return {llvm::support::endian::read64le(bytes), llvm::support::endian::read64le(bytes + 8)};
}

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
  case opLdsm:
    if (uint64_t matrices = (high >> 8) & 3)
      ++counts[opcode][matrices == 1 ? Matrices2 : Matrices4];
    return;
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

/// "HGMMA.64x128x16": of a warp group, 64 rows.
std::string hgmmaName(Instruction instruction) {
  uint64_t lanes = ((instruction.low >> 53 & 31) + 1) * 8;
  const char *depth = instruction.low >> 58 & 1 ? "8" : "16"; // of tf32: 8
  return "HGMMA.64x" + std::to_string(lanes) + "x" + depth;
}

/// Where a branch goes: its distance in units of four bytes, from the next instruction on, is in
/// bits 34 to 81; the low eight of its bits are in bits 16 to 23 since 9.0.
int64_t branchTarget(Instruction branch, int64_t number, int architecture) {
  uint64_t upper = branch.low >> 34 | branch.high << 30;
  int64_t distance = llvm::SignExtend64<48>(upper);
  if (architecture >= 90)
    distance = distance * 256 + static_cast<int64_t>(branch.low >> 16 & 0xff);
  return number + 1 + distance / static_cast<int64_t>(kInstructionBytes / 4);
}

InstructionLoop loopOf(StringRef code, int64_t first, int64_t last, int architecture) {
  StringRef body = code.substr(first * kInstructionBytes, (last + 1 - first) * kInstructionBytes);
  InstructionLoop loop{first, last, countInstructions(body, architecture)};
  for (int64_t i = first; i <= last; ++i)
    if (Instruction instruction = instructionAt(code, i); instruction.opcode() == opDepbar)
      loop.groupsUnderWay =
          std::max(loop.groupsUnderWay, static_cast<int64_t>(instruction.low >> 38 & 0x3f));
  return loop;
}

} // namespace

InstructionCounts countInstructions(StringRef code, int architecture) {
  Counts counts = {};
  InstructionCounts result;
  for (size_t i = 0; i < code.size() / kInstructionBytes; ++i) {
    Instruction instruction = instructionAt(code, i);
    unsigned opcode = instruction.opcode();
    ++counts[opcode][Plain];
    countVariants(counts, opcode, instruction.high, architecture);
    if (opcode == opHgmma)
      ++result[hgmmaName(instruction)];
  }
  for (unsigned opcode = 0; opcode < kOpcodes; ++opcode)
    for (unsigned variant = 0; variant < kVariants; ++variant)
      if (int64_t count = counts[opcode][variant])
        result[nameOf(opcode) + kSuffixes[variant]] += count;
  return result;
}

std::vector<InstructionLoop> findLoops(StringRef code, int architecture) {
  int64_t count = static_cast<int64_t>(code.size() / kInstructionBytes);
  // What is between a branch back and its target is no loop where it ends on the way: it is code
  // that stands behind the rest because it is seldom needed.
  std::vector<int64_t> ends(count + 1), operations(count + 1); // before each instruction
  std::map<int64_t, int64_t> lastOf;                           // by the loop's first
  for (int64_t i = 0; i < count; ++i) {
    Instruction instruction = instructionAt(code, i);
    unsigned opcode = instruction.opcode();
    ends[i + 1] = ends[i] + ((opcode == opExit || opcode == opRet) && !instruction.isConditional());
    operations[i + 1] = operations[i] + llvm::is_contained(kFloatOperations, opcode);
    if (opcode != opBra)
      continue;
    int64_t target = branchTarget(instruction, i, architecture);
    if (target >= 0 && target < i && ends[target] == ends[i] && operations[target] < operations[i])
      lastOf[target] = i;
  }
  std::vector<std::pair<int64_t, int64_t>> byLast; // last, first
  for (auto [first, last] : lastOf)
    byLast.emplace_back(last, first);
  llvm::sort(byLast);
  std::vector<InstructionLoop> loops;
  for (auto [last, first] : byLast)
    if (loops.empty() || first > loops.back().last)
      loops.push_back(loopOf(code, first, last, architecture));
  return loops;
}

} // namespace ingot::gpu
