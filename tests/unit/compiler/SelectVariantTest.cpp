// The exported function's choice, on CPUs made up by the test: right on any machine.
#include "ArtifactFixture.h"
#include <csignal>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <ucontext.h>

namespace ingot::cpu {
namespace {

// A CPU that exists only in this test: the artifact's CPUID, XGETBV and SYSCALL instructions are
// replaced by an undefined one of the same length, whose signal handler answers instead.
struct FakeCpu {
  uint32_t lastLeaf, leaf1Ecx, leaf7Ebx, extended1Ecx, xcr0;
  uint32_t leaf7Ecx = 0, leaf7Second = 0; // the latter: part 1, eax
  uint32_t leaf7Edx = 0;
  int64_t tileAnswer = 0; // the system's, to the request for tile state
};
FakeCpu fakeCpu;
int tileRequests = 0;
std::vector<const uint8_t *> systemCalls; // instructions that were SYSCALL

void answerForCpu(int, siginfo_t *, void *context) {
  auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  auto *instruction = reinterpret_cast<const uint8_t *>(registers[REG_RIP]);
  if (llvm::is_contained(systemCalls, instruction)) {
    EXPECT_EQ(registers[REG_RAX], 158); // arch_prctl
    EXPECT_EQ(registers[REG_RDI], 0x1023);
    EXPECT_EQ(registers[REG_RSI], 18);
    ++tileRequests;
    registers[REG_RAX] = fakeCpu.tileAnswer;
    registers[REG_RIP] += 2;
    return;
  }
  if (instruction[2] == 0xd0) { // was xgetbv
    registers[REG_RAX] = fakeCpu.xcr0;
    registers[REG_RDX] = 0;
    registers[REG_RIP] += 3;
    return;
  }
  uint32_t leaf = registers[REG_RAX], part = registers[REG_RCX];
  registers[REG_RAX] = leaf == 0             ? fakeCpu.lastLeaf
                       : leaf == 0x80000000u ? 0x80000001u
                       : leaf != 7           ? 0
                       : part == 0           ? 1
                                             : fakeCpu.leaf7Second;
  // Beyond the last leaf a CPU answers nonsense.
  bool beyond = leaf < 0x80000000u && leaf > fakeCpu.lastLeaf;
  registers[REG_RBX] = beyond ? ~0u : leaf == 7 ? fakeCpu.leaf7Ebx : 0;
  registers[REG_RCX] = leaf == 1             ? fakeCpu.leaf1Ecx
                       : leaf == 7           ? fakeCpu.leaf7Ecx
                       : leaf == 0x80000001u ? fakeCpu.extended1Ecx
                                             : 0;
  registers[REG_RDX] = leaf == 7 && !beyond ? fakeCpu.leaf7Edx : 0;
  registers[REG_RIP] += 2;
}

/// The name of the variant that the artifact chooses on the CPU; "none" for NULL.
std::string variantOn(const FakeCpu &cpu, const std::string &path) {
  fakeCpu = cpu;
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto *function = reinterpret_cast<uint8_t *>(dlsym(handle, "ingot_artifact"));
  Dl_info info;
  const Elf64_Sym *symbol = nullptr;
  dladdr1(function, &info, const_cast<void **>(reinterpret_cast<const void **>(&symbol)),
          RTLD_DL_SYMENT);
  uintptr_t page = reinterpret_cast<uintptr_t>(function) & ~uintptr_t(4095);
  size_t length = reinterpret_cast<uintptr_t>(function) + symbol->st_size - page;
  mprotect(reinterpret_cast<void *>(page), length, PROT_READ | PROT_WRITE | PROT_EXEC);
  systemCalls.clear();
  for (uint8_t *p = function, *end = p + symbol->st_size - 2; p < end; ++p) {
    if (p[0] != 0x0f)
      continue;
    if (p[1] == 0x05)
      systemCalls.push_back(p);
    if (p[1] == 0x05 || p[1] == 0xa2 || (p[1] == 0x01 && p[2] == 0xd0))
      p[1] = 0x0b;
  }
  struct sigaction action = {}, before;
  action.sa_sigaction = answerForCpu;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, &before);
  const ingot_artifact_table *table = reinterpret_cast<ingot_artifact_fn>(function)();
  sigaction(SIGILL, &before, nullptr);
  std::string variant = table ? table->variant : "none";
  dlclose(handle);
  return variant;
}

std::vector<const CpuTarget *> everyLevel() {
  std::vector<const CpuTarget *> all;
  for (const CpuTarget &target : allTargets())
    all.push_back(&target);
  return all;
}

TEST_F(ArtifactWriting, choosesTheBestVariantThatCpuAndSystemSupport) {
  ASSERT_TRUE(write(file("all.so"), everyLevel())) << messages;
  ASSERT_TRUE(write(file("v3.so"), {lookupTarget("x86-64-v3")})) << messages;
  const uint32_t everything = ~0u, noOsXsave = ~(1u << 27), noAvx512Bw = ~(1u << 30);
  FakeCpu full = {7, everything, everything, everything, 0xe7};
  EXPECT_EQ(variantOn(full, file("all.so")), "x86-64-v4");
  EXPECT_EQ(variantOn(full, file("v3.so")), "x86-64-v3");
  const uint32_t avx512Vnni = 1u << 11, avxVnni = 1u << 4;
  EXPECT_EQ(variantOn({7, everything, everything, everything, 0xe7, avx512Vnni, 0}, file("all.so")),
            "x86-64-v4+vnni");
  EXPECT_EQ(variantOn({7, everything, everything, everything, 0xe7, 0, avxVnni}, file("all.so")),
            "x86-64-v4");
  EXPECT_EQ(variantOn({7, everything, noAvx512Bw, everything, 0xe7, 0, avxVnni}, file("all.so")),
            "x86-64-v3+vnni");
  EXPECT_EQ(
      variantOn({7, everything, everything, everything, 0x7, avx512Vnni, avxVnni}, file("all.so")),
      "x86-64-v3+vnni");
  EXPECT_EQ(variantOn({7, everything, noAvx512Bw, everything, 0xe7}, file("all.so")), "x86-64-v3");
  EXPECT_EQ(variantOn({7, everything, everything, everything, 0x7}, file("all.so")), "x86-64-v3");
  EXPECT_EQ(variantOn({7, everything, everything, everything, 0x3}, file("all.so")), "x86-64-v2");
  EXPECT_EQ(variantOn({7, noOsXsave, everything, everything, 0xe7}, file("all.so")), "x86-64-v2");
  EXPECT_EQ(variantOn({1, everything, 0, everything, 0xe7}, file("all.so")), "x86-64-v2");
  EXPECT_EQ(variantOn({7, 0, 0, 0, 0}, file("all.so")), "x86-64");
  EXPECT_EQ(variantOn({7, 0, 0, 0, 0}, file("v3.so")), "none");
}

TEST_F(ArtifactWriting, choosesProductsOfBf16AndTilesWhereCpuAndSystemHaveThem) {
  ASSERT_TRUE(write(file("all.so"), everyLevel())) << messages;
  const uint32_t everything = ~0u, avx512Vnni = 1u << 11, avx512Bf16 = 1u << 5,
                 tiles = 1u << 22 | 1u << 24 | 1u << 25;
  FakeCpu full = {7, everything, everything, everything, 0x600e7, avx512Vnni, avx512Bf16, tiles};
  auto chosen = [&](auto change) {
    FakeCpu cpu = full;
    change(cpu);
    return variantOn(cpu, file("all.so"));
  };
  tileRequests = 0;
  EXPECT_EQ(chosen([](FakeCpu &) {}), "x86-64-v4+amx");
  EXPECT_EQ(tileRequests, 1);
  EXPECT_EQ(chosen([](FakeCpu &cpu) { cpu.tileAnswer = -95; }), "x86-64-v4+bf16");
  EXPECT_EQ(tileRequests, 2);
  for (uint32_t bit : {22, 24, 25})
    EXPECT_EQ(chosen([&](FakeCpu &cpu) { cpu.leaf7Edx &= ~(1u << bit); }), "x86-64-v4+bf16");
  for (uint32_t state : {0x400e7, 0x200e7, 0xe7})
    EXPECT_EQ(chosen([&](FakeCpu &cpu) { cpu.xcr0 = state; }), "x86-64-v4+bf16");
  EXPECT_EQ(chosen([](FakeCpu &cpu) { cpu.leaf7Second = 0; }), "x86-64-v4+vnni");
  EXPECT_EQ(chosen([](FakeCpu &cpu) { cpu.leaf7Ecx = 0; }), "x86-64-v4");
  EXPECT_EQ(tileRequests, 2) << "nobody asks for what the CPU lacks";
}

} // namespace
} // namespace ingot::cpu
