// See InitialState.h.
#include "backends/cpu/InitialState.h"
#include "backends/cpu/CodeCache.h"
#include "backends/cpu/WeightsObject.h"
#include "compiler/package/Describe.h"
#include "ir/exec/Exec.h"
#include "ir/reference/Tensor.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ThreadPool.h"
#include <algorithm>
#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>

using namespace mlir;

namespace ingot::cpu {
namespace {

/// Threads for memory-bound work: most of the time is the kernel clearing pages, on each of them.
class Workers {
public:
  /// What ingot_run::parallel_for does; `workers` is one of these.
  static void run(void *workers, ingot_task task, void *argument, int64_t count) {
    llvm::DefaultThreadPool &pool = static_cast<Workers *>(workers)->pool;
    std::atomic<int64_t> next = 0;
    for (unsigned t = 0; t < pool.getMaxConcurrency(); ++t)
      pool.async([&] {
        for (int64_t i = next++; i < count; i = next++)
          task(argument, i);
      });
    pool.wait();
  }

private:
  llvm::DefaultThreadPool pool;
};

/// Bytes to be copied, not too many for one thread.
struct Piece {
  static constexpr size_t most = 16 << 20;
  char *to;
  const char *from;
  size_t bytes;

  static void copy(void *pieces, int64_t i) {
    const Piece &piece = static_cast<const Piece *>(pieces)[i];
    std::memcpy(piece.to, piece.from, piece.bytes);
  }
};

void addPieces(char *to, llvm::ArrayRef<char> bytes, std::vector<Piece> &pieces) {
  for (; !bytes.empty(); bytes = bytes.drop_front(pieces.back().bytes), to += pieces.back().bytes)
    pieces.push_back({to, bytes.data(), std::min(bytes.size(), Piece::most)});
}

/// Writes the variable's value, or leaves that to `pieces`.
void copyValue(graph::VariableOp variable, char *to, std::vector<Piece> &pieces) {
  if (auto resource = llvm::dyn_cast_or_null<DenseResourceElementsAttr>(variable.getValueAttr()))
    return addPieces(to, resource.getData(), pieces);
  auto elements = llvm::dyn_cast_or_null<DenseElementsAttr>(variable.getValueAttr());
  if (!elements)
    return;
  Type element = elements.getElementType();
  int64_t bytes = reference::elementBytes(element), count = elements.getNumElements();
  if (element.isInteger(1)) {
    for (bool v : elements.getValues<bool>())
      *to++ = v;
    return;
  }
  if (int64_t perByte = reference::elementsPerByte(element); perByte > 1) {
    unsigned width = 8 / perByte;
    DenseElementsAttr bytesEach = exec::signlessElements(elements);
    for (auto [i, v] : llvm::enumerate(bytesEach.getValues<int8_t>()))
      to[i / perByte] |= static_cast<char>((v & ((1 << width) - 1)) << (i % perByte * width));
    return;
  }
  if (!elements.isSplat())
    return addPieces(to, elements.getRawData(), pieces);
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * bytes, elements.getRawData().data(), bytes);
}

/// Runs the artifact's derive on the block.
LogicalResult runDerive(const std::string &path, char *block, Workers &workers, Location loc) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return emitError(loc, "internal error: the code that packs weights cannot be loaded: ")
           << dlerror();
  llvm::scope_exit close([&] { dlclose(handle); });
  auto open = reinterpret_cast<ingot_artifact_fn>(dlsym(handle, "ingot_artifact"));
  const ingot_function *derive = open()->derive;
  std::vector<int64_t> plan(derive->plan_words);
  int32_t status = derive->plan(nullptr, plan.data());
  char *arena = static_cast<char *>(
      aligned_alloc(INGOT_ALIGNMENT, llvm::alignTo(plan[0] + 1, INGOT_ALIGNMENT)));
  llvm::scope_exit release([&] { std::free(arena); });
  ingot_run run = {};
  run.size = sizeof(run);
  run.plan = plan.data();
  run.state = block;
  run.arena = arena;
  run.parallel_for = Workers::run;
  run.pool = &workers;
  if (status == INGOT_OK)
    status = derive->run(&run);
  if (status != INGOT_OK)
    return emitError(loc, "internal error: packing the weights failed with status ") << status;
  return success();
}

/// Zeros in huge pages, where the system has them: else the kernel spends longer on the pages than
/// all else takes.
std::shared_ptr<char> zeros(uint64_t size) {
  void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  (void)madvise(memory, size, MADV_HUGEPAGE);
  return {static_cast<char *>(memory), [size](char *block) { munmap(block, size); }};
}

void release(const char *from, uint64_t bytes) {
  (void)madvise(const_cast<char *>(from), llvm::alignDown(bytes, pageBytes), MADV_DONTNEED);
}

/// The module with its variables and `derive` alone.
OwningOpRef<ModuleOp> deriveAlone(ModuleOp planned) {
  OwningOpRef<ModuleOp> alone = ModuleOp::create(planned.getLoc());
  for (Operation &op : *planned.getBody())
    if (auto function = llvm::dyn_cast<func::FuncOp>(op);
        !function || function.getName() == "derive")
      alone->push_back(op.clone());
  return alone;
}

/// Compiles `derive` for the baseline and runs it on the block.
LogicalResult fillDerived(ModuleOp alone, const CompileOptions &options, char *block,
                          Workers &workers) {
  CompileOptions plain;
  plain.name = options.name;
  plain.cache = options.cache;
  plain.customCode = options.customCode;
  plain.debugArena = options.debugArena; // the plan is made for it, or not
  auto variant = makeCode(alone, allTargets().front(), plain);
  if (failed(variant))
    return failure();
  llvm::SmallString<128> path;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("ingot-derive", "so", path))
    return alone.emitError("cannot make a temporary file: ") << error.message();
  llvm::scope_exit remove([&] { llvm::sys::fs::remove(path); });
  std::string file(path);
  if (failed(
          writeArtifact(llvm::MutableArrayRef<Variant>(*variant), {}, plain, alone.getLoc(), file)))
    return failure();
  return runDerive(file, block, workers, alone.getLoc());
}

} // namespace

FailureOr<StateBytes> initialState(ModuleOp planned, const CompileOptions &options) {
  OwningOpRef<ModuleOp> alone = deriveAlone(planned);
  ArtifactDescription description = describeArtifact(*alone, options);
  uint64_t size = description.stateBytes;
  std::shared_ptr<char> block = zeros(size + 1); // never of no size
  if (!block)
    return planned.emitError("no memory for ") << size << " bytes of weights";
  std::vector<Piece> pieces;
  for (const VariableDescription &v : description.variables)
    copyValue(planned.lookupSymbol<graph::VariableOp>(v.name), block.get() + v.offset, pieces);
  Workers workers;
  Workers::run(&workers, Piece::copy, pieces.data(), static_cast<int64_t>(pieces.size()));
  if (description.hasDerive && failed(fillDerived(*alone, options, block.get(), workers)))
    return failure();
  return StateBytes{std::move(block), size, release};
}

} // namespace ingot::cpu
