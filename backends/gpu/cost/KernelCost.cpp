// See KernelCost.h.
#include "backends/gpu/cost/KernelCost.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <array>

namespace ingot::gpu {
namespace {

using llvm::StringRef;

constexpr int64_t kWarp = 32;
/// Instructions that a multiprocessor issues in a cycle: one of each of its four parts.
constexpr double kIssueSlots = 4;
/// Results of special functions and conversions a cycle (Programming Guide, as in GpuMachine.cpp).
constexpr double kSpecialLanes = 16;
/// From a load to its value, out of memory: 466 cycles were measured on an A100, 479 on an H100,
/// 542 on an RTX 4090 (Luo et al., as in GpuMachine.cpp).
constexpr double kLoadCycles = 500;
/// What a kernel takes in a graph of CUDA beside its own time (Gray, "Getting Started with CUDA
/// Graphs", 2019: 3.4 instead of 2.9 us).
constexpr double kLaunchSeconds = 0.5e-6;

enum Pipe { Fp32, Fp64, Tensor, Integers, Special, LoadStore, kPipes };
constexpr const char *kPipeNames[kPipes] = {
    "FP32", "FP64", "tensor cores", "integers", "special functions", "loads and stores"};

/// Whose pipe an instruction takes; those of none take an issue slot alone. Products of integers go
/// where those of f32 do.
int pipeOf(StringRef name) {
  return llvm::StringSwitch<int>(name)
      .Cases({"FFMA", "FMUL", "FADD", "IMAD", "HADD2", "HFMA2"}, Fp32)
      .Cases({"DFMA", "DMUL", "DADD", "DSETP"}, Fp64)
      .Cases({"HMMA", "HGMMA"}, Tensor)
      .Cases({"IADD3", "VIADD", "LEA", "LOP3", "SHF", "ISETP", "PRMT", "SEL", "IMNMX", "VIMNMX"},
             Integers)
      .Cases({"FSETP", "FSEL", "FMNMX", "IABS", "PLOP3", "MOV", "F2FP"}, Integers)
      .Cases({"MUFU", "F2F", "F2I", "I2F", "FRND", "FLO", "BREV", "POPC"}, Special)
      .Cases({"LDG", "STG", "LDS", "STS", "LDSM", "LDL", "STL", "LDGSTS", "SHFL", "RED", "ATOMG"},
             LoadStore)
      .Default(-1);
}

/// Operations of a thread by one instruction.
double flopsOfThread(StringRef name) {
  return llvm::StringSwitch<double>(name)
      .Cases({"FFMA", "DFMA"}, 2)
      .Cases({"FMUL", "FADD", "FMNMX", "DMUL", "DADD"}, 1)
      .Default(0);
}

/// A warp's part of a warp group's product: "HGMMA.64x128x16".
double flopsOfGroupProduct(StringRef shape) {
  double product = 2;
  for (StringRef extent : llvm::split(shape, 'x')) {
    int64_t size = 0;
    extent.getAsInteger(10, size);
    product *= static_cast<double>(size);
  }
  return product / 4;
}

/// What a warp needs for a piece of code.
struct Needs {
  double instructions = 0, arithmetic = 0; ///< arithmetic: instructions that are operations
  double flops = 0;
  double halfFlops = 0, tf32Flops = 0;    ///< of tensor cores, among these
  std::array<double, kPipes> cycles = {}; ///< of a multiprocessor's pipes
  bool hasLoads = false;                  ///< that are waited for
  bool hasCopies = false;                 ///< asynchronous ones, by LDGSTS
};

/// The instructions that are not in the part.
InstructionCounts without(InstructionCounts whole, const InstructionCounts &part) {
  for (const auto &[name, number] : part)
    if (int64_t &left = whole[name]; (left -= number) == 0)
      whole.erase(name);
  return whole;
}

class NeedsCounter {
public:
  NeedsCounter(const GpuMachine &machine) : machine(machine) {}

  Needs count(const InstructionCounts &counts) const {
    Needs needs;
    for (const auto &[key, number] : counts) {
      auto [name, variant] = StringRef(key).split('.');
      if (variant.empty())
        addPlain(needs, name, static_cast<double>(number));
      else
        addVariant(needs, name, variant, static_cast<double>(number));
    }
    return needs;
  }

private:
  double lanesOf(int pipe) const {
    switch (pipe) {
    case Fp32:
      return static_cast<double>(machine.fp32Lanes);
    case Fp64:
      return static_cast<double>(machine.fp64Lanes);
    case Integers:
      return static_cast<double>(machine.integerLanes);
    case Special:
      return kSpecialLanes;
    default:
      return kWarp; // addresses of loads and stores
    }
  }

  void addPlain(Needs &needs, StringRef name, double number) const {
    int pipe = pipeOf(name);
    double flops = kWarp * flopsOfThread(name);
    needs.instructions += number;
    needs.flops += number * flops;
    if (flops > 0 || pipe == Tensor)
      needs.arithmetic += number;
    if (pipe >= 0 && pipe != Tensor) // whose time depends on the variant
      needs.cycles[pipe] += number * kWarp / lanesOf(pipe);
    needs.hasLoads |= name == "LDG";
    needs.hasCopies |= name == "LDGSTS";
  }

  /// What an instruction needs more than its plain form does.
  void addVariant(Needs &needs, StringRef name, StringRef variant, double number) const {
    if (name == "HMMA")
      return addProducts(needs, variant, number);
    if (name == "HGMMA")
      return addTensor(needs, variant.ends_with("x8") ? needs.tf32Flops : needs.halfFlops,
                       variant.ends_with("x8") ? 2 : 1, number * flopsOfGroupProduct(variant),
                       machine.tensorFlops);
    // 128 bytes a cycle. Stores of a warp are of different places; what its loads share is read
    // once.
    if (name == "STS")
      needs.cycles[LoadStore] += number * (variant == "128" ? 3 : 1);
    // Each matrix has 128 bytes.
    if (name == "LDSM")
      needs.cycles[LoadStore] += number * (variant == "4" ? 3 : 1);
  }

  /// HMMA: of f16 and bf16 16 x 8 x 16 or 16 x 8 x 8; what is of tf32 is counted as the latter,
  /// too.
  void addProducts(Needs &needs, StringRef variant, double number) const {
    constexpr double kSmall = 2 * 16 * 8 * 8;
    double warpFlops = static_cast<double>(machine.warpTensorFlops);
    if (variant == "16816")
      addTensor(needs, needs.halfFlops, 1, number * 2 * kSmall, warpFlops);
    else if (variant == "1688")
      addTensor(needs, needs.halfFlops, 1, number * kSmall, warpFlops);
    else if (variant == "TF32") {
      addTensor(needs, needs.halfFlops, 1, -number * kSmall, warpFlops);
      addTensor(needs, needs.tf32Flops, 2, number * kSmall, warpFlops);
    }
  }

  void addTensor(Needs &needs, double &kind, double slower, double flops, double rate) const {
    kind += flops;
    needs.flops += flops;
    needs.cycles[Tensor] += slower * flops / rate;
  }

  const GpuMachine &machine;
};

/// Operations a second of the whole machine, of the kind that the kernel has.
struct Peak {
  double flops;
  Pipe pipe;
};

Peak peakOf(const Needs &whole, const GpuMachine &machine) {
  if (whole.halfFlops > 0 || whole.tf32Flops > 0)
    return {machine.cycles() * static_cast<double>(machine.tensorFlops) /
                (whole.tf32Flops > whole.halfFlops ? 2 : 1),
            Tensor};
  if (whole.cycles[Fp64] > 0)
    return {machine.cycles() * 2 * static_cast<double>(machine.fp64Lanes), Fp64};
  return {machine.fp32Flops(), Fp32};
}

/// Takes the bound where it is the largest yet.
struct Largest {
  double seconds = 0;
  const char *bound = "";
  void add(double candidate, const char *name) {
    if (candidate > seconds) {
      seconds = candidate;
      bound = name;
    }
  }
};

void setExpected(KernelCost &cost, const Largest &largest) {
  cost.seconds = kLaunchSeconds + largest.seconds;
  cost.bound = largest.seconds > kLaunchSeconds ? largest.bound : "launch";
}

} // namespace

KernelCost kernelCost(const KernelResources &kernel, const KernelLaunch &launch,
                      Architecture architecture) {
  const GpuMachine &machine = gpuMachine(architecture);
  NeedsCounter counter(machine);
  Needs loop;
  const InstructionLoop *mainLoop = nullptr; // which most operations are in
  for (const InstructionLoop &each : kernel.loops)
    if (Needs needs = counter.count(each.instructions); needs.flops > loop.flops) {
      loop = needs;
      mainLoop = &each;
    }
  Needs whole = counter.count(kernel.instructions);
  Needs rest =
      mainLoop ? counter.count(without(kernel.instructions, mainLoop->instructions)) : whole;

  KernelCost cost;
  cost.occupancy = occupancy(
      {launch.threads, kernel.registers, kernel.sharedBytes + launch.sharedBytes}, architecture);
  double memory = launch.bytes / machine.bytesPerSecond;
  const Peak peak = peakOf(whole, machine);
  double arithmetic = launch.flops / peak.flops;
  cost.roofline = std::max(memory, arithmetic);

  int64_t warps = llvm::divideCeil(launch.threads, kWarp);
  if (mainLoop)
    cost.loopTrips =
        std::max(1.0, launch.wholeTilesFlops / (loop.flops * static_cast<double>(launch.blocks) *
                                                static_cast<double>(warps)));
  cost.loopInstructions = static_cast<int64_t>(loop.instructions);
  cost.loopArithmetic = static_cast<int64_t>(loop.arithmetic);
  auto ofWarp = [&](double inLoop, double outside) { return cost.loopTrips * inLoop + outside; };

  // The multiprocessor with the most blocks is done last.
  int64_t blocks = llvm::divideCeil(launch.blocks, machine.multiprocessors);
  int64_t waves = llvm::divideCeil(blocks, std::max<int64_t>(cost.occupancy.blocks, 1));
  double warpsThere = static_cast<double>(blocks * warps);
  Largest largest;
  largest.add(memory, "memory");
  largest.add(arithmetic, kPipeNames[peak.pipe]);
  for (size_t pipe = 0; pipe < kPipes; ++pipe)
    largest.add(warpsThere * ofWarp(loop.cycles[pipe], rest.cycles[pipe]) / machine.clock,
                kPipeNames[pipe]);
  largest.add(warpsThere * ofWarp(loop.instructions, rest.instructions) / kIssueSlots /
                  machine.clock,
              "issue");
  // A warp issues an instruction a cycle at most, and goes on when what it loads is there; a copy
  // has as many iterations for that as groups may be under way.
  double wait = loop.hasLoads    ? kLoadCycles
                : loop.hasCopies ? kLoadCycles / static_cast<double>(mainLoop->groupsUnderWay + 1)
                                 : 0;
  double alone = ofWarp(std::max(loop.instructions, wait),
                        rest.instructions + (rest.hasLoads ? kLoadCycles : 0));
  largest.add(static_cast<double>(waves) * alone / machine.clock, "latency");
  setExpected(cost, largest);
  return cost;
}

KernelCost copyCost(double bytes, Architecture architecture) {
  KernelCost cost;
  cost.roofline = 2 * bytes / gpuMachine(architecture).bytesPerSecond;
  Largest largest;
  largest.add(cost.roofline, "memory");
  setExpected(cost, largest);
  return cost;
}

} // namespace ingot::gpu
