// The exported function: asks CPUID and XGETBV, without any library, which variant can run here,
// and Linux for the state of tiles, where one needs them.
//
// What a variant needs is what LLVM was told it may use, less what every x86-64 CPU has; a feature
// without an entry in the table below is an error when compiling, never a wrong choice when
// running.
#include "backends/cpu/ArtifactTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Module.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <array>

using llvm::Value;

namespace ingot::cpu {
namespace {

enum Word {
  Leaf1Ecx,
  Leaf7Ebx,
  Leaf7Ecx,
  Leaf7Edx,
  Leaf7SecondEax,
  Extended1Ecx,
  StateMask,
  WordCount
};
using Needs = std::array<uint32_t, WordCount>;

struct Feature {
  const char *name;
  Word word;
  int bit;
  uint32_t state = 0; // registers that the operating system must save (XCR0)
};

constexpr uint32_t ymmState = 0x6, zmmState = 0xe6, tileState = 0x60000;
constexpr int osSavesState = 27; // leaf 1, ecx: XGETBV may be used

const Feature features[] = {
    {"sse3", Leaf1Ecx, 0},
    {"ssse3", Leaf1Ecx, 9},
    {"fma", Leaf1Ecx, 12, ymmState},
    {"cx16", Leaf1Ecx, 13},
    {"sse4.1", Leaf1Ecx, 19},
    {"sse4.2", Leaf1Ecx, 20},
    {"crc32", Leaf1Ecx, 20},
    {"movbe", Leaf1Ecx, 22},
    {"popcnt", Leaf1Ecx, 23},
    {"xsave", Leaf1Ecx, 26},
    {"avx", Leaf1Ecx, 28, ymmState},
    {"f16c", Leaf1Ecx, 29, ymmState},
    {"bmi", Leaf7Ebx, 3},
    {"avx2", Leaf7Ebx, 5, ymmState},
    {"bmi2", Leaf7Ebx, 8},
    {"avx512f", Leaf7Ebx, 16, zmmState},
    {"avx512dq", Leaf7Ebx, 17, zmmState},
    {"avx512cd", Leaf7Ebx, 28, zmmState},
    {"avx512bw", Leaf7Ebx, 30, zmmState},
    {"avx512vl", Leaf7Ebx, 31, zmmState},
    {"avx512vnni", Leaf7Ecx, 11, zmmState},
    {"amx-bf16", Leaf7Edx, 22, tileState},
    {"amx-tile", Leaf7Edx, 24, tileState},
    {"amx-int8", Leaf7Edx, 25, tileState},
    {"avxvnni", Leaf7SecondEax, 4, ymmState},
    {"avx512bf16", Leaf7SecondEax, 5, zmmState},
    {"sahf", Extended1Ecx, 0},
    {"lzcnt", Extended1Ecx, 5},
};

llvm::Expected<Needs> needsOf(const CpuTarget &target) {
  llvm::SmallVector<llvm::StringRef> baseline, wanted;
  llvm::X86::getFeaturesForCPU("x86-64", baseline);
  llvm::X86::getFeaturesForCPU(target.llvmCpu, wanted);
  llvm::SmallVector<llvm::StringRef> extra;
  llvm::StringRef(target.features).split(extra, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef feature : extra)
    if (feature.consume_front("+"))
      wanted.push_back(feature);
  Needs needs = {};
  for (llvm::StringRef name : wanted) {
    if (llvm::is_contained(baseline, name))
      continue;
    const Feature *found =
        llvm::find_if(features, [&](const Feature &f) { return name == f.name; });
    if (found == std::end(features))
      return llvm::createStringError("the artifact cannot tell at run time whether a CPU has '" +
                                     name.str() + "', which target " + target.name + " uses");
    needs[found->word] |= 1u << found->bit;
    needs[StateMask] |= found->state;
  }
  return needs;
}

class SelectorBuilder {
public:
  SelectorBuilder(llvm::Module &module, const std::string &symbol)
      : builder(module.getContext()),
        function(llvm::Function::Create(llvm::FunctionType::get(builder.getPtrTy(), false),
                                        llvm::Function::ExternalLinkage, symbol, module)) {
    function->addFnAttr("frame-pointer", "none");
    function->addFnAttr("no-builtins");
    function->setUWTableKind(llvm::UWTableKind::Default);
    function->setDoesNotThrow();
    builder.SetInsertPoint(block("entry"));
  }

  /// Reads the words that any of `all` looks at.
  void readCpu(const Needs &all);
  void returnIf(const Needs &needs, Value *table);
  void finish() { builder.CreateRet(llvm::ConstantPointerNull::get(builder.getPtrTy())); }

private:
  llvm::BasicBlock *block(const char *name) {
    return llvm::BasicBlock::Create(builder.getContext(), name, function);
  }
  /// Field 0-3 of the result: eax, ebx, ecx, edx.
  Value *cpuid(uint32_t leaf, unsigned field, uint32_t part = 0);
  Value *cpuidIfThere(uint32_t leaf, unsigned field, uint32_t part = 0);
  Value *readState();
  /// Whether this process may have the state of tiles from now on.
  Value *requestTiles();

  llvm::IRBuilder<> builder;
  llvm::Function *function;
  std::array<Value *, WordCount> words = {};
};

Value *SelectorBuilder::cpuid(uint32_t leaf, unsigned field, uint32_t part) {
  llvm::Type *word = builder.getInt32Ty();
  auto *result = llvm::StructType::get(word, word, word, word);
  auto *type = llvm::FunctionType::get(result, {word, word}, false);
  auto *instruction =
      llvm::InlineAsm::get(type, "cpuid", "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}",
                           /*hasSideEffects=*/true);
  Value *call =
      builder.CreateCall(type, instruction, {builder.getInt32(leaf), builder.getInt32(part)});
  return builder.CreateExtractValue(call, field);
}

Value *SelectorBuilder::cpuidIfThere(uint32_t leaf, unsigned field, uint32_t part) {
  // The first leaf of a range tells the last one that exists.
  Value *last = cpuid(leaf & 0x80000000u, 0);
  Value *there = builder.CreateICmpUGE(last, builder.getInt32(leaf));
  if (part != 0) // the first part tells the last one
    there = builder.CreateAnd(there, builder.CreateICmpUGE(cpuid(leaf, 0), builder.getInt32(part)));
  return builder.CreateSelect(there, cpuid(leaf, field, part), builder.getInt32(0));
}

Value *SelectorBuilder::readState() {
  llvm::BasicBlock *before = builder.GetInsertBlock(), *read = block("state"),
                   *after = block("known");
  Value *usable = builder.CreateAnd(words[Leaf1Ecx], builder.getInt32(1u << osSavesState));
  builder.CreateCondBr(builder.CreateIsNotNull(usable), read, after);
  builder.SetInsertPoint(read);
  llvm::Type *word = builder.getInt32Ty();
  auto *type = llvm::FunctionType::get(llvm::StructType::get(word, word), {word}, false);
  auto *instruction = llvm::InlineAsm::get(
      type, "xgetbv", "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}", /*hasSideEffects=*/true);
  Value *state =
      builder.CreateExtractValue(builder.CreateCall(type, instruction, {builder.getInt32(0)}), 0);
  builder.CreateBr(after);
  builder.SetInsertPoint(after);
  llvm::PHINode *phi = builder.CreatePHI(word, 2);
  phi->addIncoming(builder.getInt32(0), before);
  phi->addIncoming(state, read);
  return phi;
}

Value *SelectorBuilder::requestTiles() {
  llvm::Type *word = builder.getInt64Ty();
  auto *type = llvm::FunctionType::get(word, {word, word, word}, false);
  auto *instruction = llvm::InlineAsm::get(
      type, "syscall", "={ax},{ax},{di},{si},~{rcx},~{r11},~{memory},~{dirflag},~{fpsr},~{flags}",
      /*hasSideEffects=*/true);
  Value *answer =
      builder.CreateCall(type, instruction,
                         {builder.getInt64(archPrctl), builder.getInt64(requestPermission),
                          builder.getInt64(tileData)});
  return builder.CreateIsNull(answer);
}

void SelectorBuilder::readCpu(const Needs &all) {
  if (all[Leaf1Ecx] || all[StateMask])
    words[Leaf1Ecx] = cpuid(1, 2);
  if (all[Leaf7Ebx])
    words[Leaf7Ebx] = cpuidIfThere(7, 1);
  if (all[Leaf7Ecx])
    words[Leaf7Ecx] = cpuidIfThere(7, 2);
  if (all[Leaf7Edx])
    words[Leaf7Edx] = cpuidIfThere(7, 3);
  if (all[Leaf7SecondEax])
    words[Leaf7SecondEax] = cpuidIfThere(7, 0, 1);
  if (all[Extended1Ecx])
    words[Extended1Ecx] = cpuidIfThere(0x80000001u, 2);
  if (all[StateMask])
    words[StateMask] = readState();
}

void SelectorBuilder::returnIf(const Needs &needs, Value *table) {
  Value *fits = builder.getTrue();
  for (int word = 0; word < WordCount; ++word) {
    if (!needs[word])
      continue;
    Value *bits = builder.getInt32(needs[word]);
    fits =
        builder.CreateAnd(fits, builder.CreateICmpEQ(builder.CreateAnd(words[word], bits), bits));
  }
  llvm::BasicBlock *chosen = block("chosen"), *next = block("next");
  builder.CreateCondBr(fits, chosen, next);
  builder.SetInsertPoint(chosen);
  if (needs[StateMask] & tileState) {
    llvm::BasicBlock *permitted = block("permitted");
    builder.CreateCondBr(requestTiles(), permitted, next);
    builder.SetInsertPoint(permitted);
  }
  builder.CreateRet(table);
  builder.SetInsertPoint(next);
}

} // namespace

llvm::Error addVariantSelector(llvm::Module &module, llvm::ArrayRef<const CpuTarget *> targets,
                               llvm::ArrayRef<llvm::Constant *> tables, const std::string &symbol) {
  std::vector<Needs> needs;
  Needs all = {};
  for (const CpuTarget *target : targets) {
    auto wanted = needsOf(*target);
    if (!wanted)
      return wanted.takeError();
    needs.push_back(*wanted);
    for (int word = 0; word < WordCount; ++word)
      all[word] |= (*wanted)[word];
  }
  SelectorBuilder selector(module, symbol);
  selector.readCpu(all);
  for (auto [wanted, table] : llvm::zip(needs, tables))
    selector.returnIf(wanted, table);
  selector.finish();
  return llvm::Error::success();
}

} // namespace ingot::cpu
