// See CompileUnits.h. A program is a text and a target; units may have the same ones.
#include "backends/gpu/nvrtc/CompileUnits.h"
#include "backends/gpu/nvrtc/CheckKernel.h"
#include "backends/gpu/nvrtc/Nvrtc.h"
#include "compiler/cache/CacheDirectory.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ThreadPool.h"
#include <map>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace ingot::gpu {
namespace {

struct Program {
  StringRef source;
  std::string target;
  std::string bytes, error; // one of them
  bool isNew = false;       // compiled now, not found in the cache
};

class Compilation {
public:
  Compilation(llvm::ArrayRef<Unit> units, llvm::ArrayRef<Architecture> architectures,
              const CompileUnitsOptions &options, const Nvrtc &nvrtc)
      : units(units), architectures(architectures.begin(), architectures.end()), options(options),
        nvrtc(nvrtc) {
    llvm::sort(this->architectures);
    this->architectures.erase(std::unique(this->architectures.begin(), this->architectures.end()),
                              this->architectures.end());
    if (options.ptx)
      fallback = ptxFallback(architectures);
  }
  Expected<CompiledUnits> run();

private:
  /// The number of the program, which is added when it is new.
  size_t program(StringRef source, const std::string &target);
  std::string keyOf(const Program &program) const;
  void findInCache();
  void compileNew();
  std::string storeInCache();
  /// What became of a unit's kernels for an architecture.
  void check(int64_t unit, Architecture architecture, const Cubin &cubin);
  void addCubin(int64_t unit, Architecture architecture, const Program &program);
  void addImages(int64_t unit);
  /// Keeps the first of the messages about the same thing.
  void fail(const std::string &about, const std::string &message);

  llvm::ArrayRef<Unit> units;
  std::vector<Architecture> architectures;
  const CompileUnitsOptions &options;
  const Nvrtc &nvrtc;
  std::optional<Architecture> fallback;
  std::vector<Program> programs;
  std::map<std::pair<StringRef, std::string>, size_t> numbers;
  CompiledUnits result;
  llvm::StringMap<bool> failedBefore;
  std::string failures;
};

void Compilation::fail(const std::string &about, const std::string &message) {
  if (failedBefore.try_emplace(about, true).second)
    failures += (failures.empty() ? "" : "\n") + message;
}

size_t Compilation::program(StringRef source, const std::string &target) {
  auto [it, isNew] = numbers.try_emplace({source, target}, programs.size());
  if (isNew)
    programs.push_back({source, target, "", "", true});
  return it->second;
}

std::string Compilation::keyOf(const Program &program) const {
  CacheKey key;
  key.add("nvrtc").add(nvrtc.identity()).add(program.target).add(program.source);
  for (StringRef flag : Nvrtc::flags())
    key.add(flag);
  return key.digest();
}

void Compilation::findInCache() {
  if (!options.cache || options.cache->directory.empty())
    return;
  CacheDirectory directory(*options.cache);
  for (Program &program : programs)
    if (auto bytes = directory.find(keyOf(program))) {
      program.bytes = std::move(*bytes);
      program.isNew = false;
    }
}

void Compilation::compileNew() {
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(options.threads));
  for (Program &program : programs) {
    if (!program.isNew)
      continue;
    ++result.compiled;
    pool.async([this, &program] {
      auto compiled = nvrtc.compile(program.source, program.target);
      if (compiled)
        program.bytes = std::move(compiled->bytes);
      else
        program.error = llvm::toString(compiled.takeError());
    });
  }
  pool.wait();
}

std::string Compilation::storeInCache() {
  if (!options.cache || options.cache->directory.empty())
    return "";
  CacheDirectory directory(*options.cache);
  std::string failure;
  for (const Program &program : programs)
    if (program.isNew && program.error.empty() && failure.empty())
      failure = directory.store(keyOf(program), program.bytes);
  return failure;
}

void Compilation::check(int64_t unit, Architecture architecture, const Cubin &cubin) {
  llvm::StringMap<const KernelResources *> bySymbol;
  for (const KernelResources &kernel : cubin.kernels)
    bySymbol[kernel.symbol] = &kernel;
  for (auto [i, kernel] : llvm::enumerate(units[unit].kernels)) {
    const KernelResources *resources = bySymbol.lookup(kernel.symbol);
    if (!resources) {
      fail(kernel.symbol, "kernel " + kernel.symbol + " (node " + kernel.node +
                              ") is not in the code for " + architecture.name());
      continue;
    }
    BlockNeeds needs{kernel.threads, resources->registers,
                     resources->sharedBytes + kernel.sharedBytes};
    KernelUse use{unit, static_cast<int64_t>(i), architecture, *resources,
                  occupancy(needs, architecture)};
    bool mayUseLocalMemory = llvm::is_contained(options.mayUseLocalMemory, kernel.symbol);
    if (std::string wrong = checkKernel(kernel, use, mayUseLocalMemory); !wrong.empty())
      fail(kernel.symbol, wrong);
    result.uses.push_back(std::move(use));
  }
}

void Compilation::addCubin(int64_t unit, Architecture architecture, const Program &program) {
  auto cubin = readCubin(program.bytes);
  if (!cubin)
    return fail("unit " + std::to_string(unit), "unit " + std::to_string(unit) + " for " +
                                                    architecture.name() + ": " +
                                                    llvm::toString(cubin.takeError()));
  check(unit, architecture, *cubin);
  result.images.push_back({INGOT_IMAGE_CUBIN, program.target, unit, program.bytes});
}

void Compilation::addImages(int64_t unit) {
  auto compiled = [&](const std::string &target) -> const Program * {
    const Program &made = programs[program(units[unit].source, target)];
    if (!made.error.empty())
      fail("unit " + std::to_string(unit), made.error);
    return made.error.empty() ? &made : nullptr;
  };
  for (Architecture architecture : architectures)
    if (const Program *made = compiled(architecture.name()))
      addCubin(unit, architecture, *made);
  if (fallback)
    if (const Program *made = compiled(fallback->ptxTarget()))
      result.images.push_back({INGOT_IMAGE_PTX, made->target, unit, made->bytes});
}

Expected<CompiledUnits> Compilation::run() {
  for (const Unit &unit : units) {
    for (Architecture architecture : architectures)
      program(unit.source, architecture.name());
    if (fallback)
      program(unit.source, fallback->ptxTarget());
  }
  findInCache();
  compileNew();
  result.cacheFailure = storeInCache();
  for (size_t unit = 0; unit < units.size(); ++unit)
    addImages(static_cast<int64_t>(unit));
  if (!failures.empty())
    return createStringError(failures);
  return std::move(result);
}

} // namespace

Expected<CompiledUnits> compileUnits(llvm::ArrayRef<Unit> units,
                                     llvm::ArrayRef<Architecture> architectures,
                                     const CompileUnitsOptions &options) {
  const Nvrtc *nvrtc = options.nvrtc;
  if (!nvrtc) {
    auto found = Nvrtc::get();
    if (!found)
      return found.takeError();
    nvrtc = *found;
  }
  if (Error error = nvrtc->check(architectures))
    return error;
  return Compilation(units, architectures, options, *nvrtc).run();
}

} // namespace ingot::gpu
