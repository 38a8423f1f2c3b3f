// See FitBudget.h. What to repeat is chosen over numbers (ChooseRepeats) that are taken from a plan
// of the function as it is; the arena that counts is that of a plan with the choice in place.
#include "compiler/memory/FitBudget.h"
#include "compiler/fusion/Work.h"
#include "compiler/memory/ChooseRepeats.h"
#include "compiler/memory/PlanMemory.h"
#include "compiler/memory/RepeatKernels.h"
#include "ingot/artifact.h"
#include "ir/exec/Control.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr llvm::StringLiteral kAttribute = "exec.recomputation";
/// Operations that a core does while it moves a byte to or from memory, as in ChooseWinograd.
constexpr double kFlopsPerByte = 6.4;
/// How often the target is lowered since the arena came out larger than the model's peak.
constexpr int kRounds = 8;
/// How many of the tensors at the peak an error names.
constexpr size_t kNamed = 5;

std::string humanBytes(int64_t bytes) {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (bytes < 1024)
    out << bytes << " bytes";
  else if (bytes < 1 << 20)
    out << llvm::format("%.1f KiB", static_cast<double>(bytes) / 1024);
  else
    out << llvm::format("%.1f MiB", static_cast<double>(bytes) / 1024 / 1024);
  return text;
}

/// What the op needs of the arena while it runs, beside its results: what is made in its regions.
int64_t innerBytes(Operation *op, llvm::function_ref<int64_t(Dim)> sizeOf) {
  if (!exec::isControl(op))
    return 0;
  if (auto scan = llvm::dyn_cast<exec::ScanOp>(op))
    if (LoopStorage storage = loopStorage(op); storage.workspace >= 0)
      return sizeOf(storage.taskBytes) *
             std::min(sizeOf(scan.getTripCount()), LoopStorage::mostTasks);
  int64_t most = 0;
  for (Region &region : op->getRegions()) {
    llvm::DenseSet<Value> yielded; // these have the places of the op's results
    for (Value value : region.front().getTerminator()->getOperands())
      yielded.insert(storageRoot(value));
    int64_t now = 0;
    llvm::DenseMap<Operation *, int64_t> ending; // bytes, by the last user
    for (Operation &inner : region.front()) {
      for (Value result : inner.getResults())
        if ((exec::isDispatch(&inner) || exec::isControl(&inner)) && !yielded.contains(result) &&
            storageOf(result).kind == Storage::Kind::Slot) {
          int64_t bytes = sizeOf(tensorBytes(result.getType()));
          now += bytes;
          ending[lastUser(result)] += bytes;
        }
      most = std::max(most, now + innerBytes(&inner, sizeOf));
      now -= ending.lookup(&inner);
    }
  }
  return most;
}

/// Of all kernels in the op.
Work workIn(Operation *op) {
  Dim none = Dim::constant(op->getContext(), 0);
  Work all{none, none};
  op->walk([&](Operation *inner) {
    if (!exec::isDispatch(inner))
      return;
    Work work = workOf(inner);
    all = {all.flops + work.flops, all.bytes + work.bytes};
  });
  return all;
}

class BudgetFitter {
public:
  BudgetFitter(func::FuncOp function, const MemoryBudget &budget)
      : function(function),
        limit(static_cast<int64_t>(std::min<uint64_t>(budget.bytes, INT64_MAX))) {
    if (auto bounds = function->getAttrOfType<ArrayAttr>("graph.bounds"))
      for (auto bound : bounds.getAsRange<ArrayAttr>())
        sizes[llvm::cast<StringAttr>(bound[0])] =
            llvm::cast<DenseI64ArrayAttr>(bound[1]).asArrayRef()[1];
    for (const auto &[name, size] : budget.sizes)
      sizes[name] = size;
    if (auto list = function->getAttrOfType<ArrayAttr>("graph.lets"))
      for (auto let : list.getAsRange<ArrayAttr>())
        lets[llvm::cast<StringAttr>(let[0])] =
            Dim(llvm::cast<graph::DimsAttr>(let[1]).getExprs()[0]);
  }

  LogicalResult run() {
    func::FuncOp planned = plan({});
    Dim arena = arenaBytes(planned);
    LogicalResult known = checkSizes(arena);
    before = failed(known) ? 0 : sizeOf(arena);
    std::optional<Repeats> chosen;
    if (succeeded(known) && before > limit) {
      program = makeProgram(planned);
      chosen = choose();
    }
    planned.erase();
    if (failed(known) || (before > limit && !chosen))
      return failure();
    int64_t after = before;
    if (chosen) {
      after = arenaWith(*chosen);
      repeatKernels(function, chosen->from, program);
    }
    record(after);
    return success();
  }

private:
  /// About the function, which is no layer.
  InFlightDiagnostic error() { return function->getParentOp()->emitError(); }

  int64_t sizeOf(Dim d) const {
    return d.evaluate([&](llvm::StringRef name) -> int64_t {
      if (auto it = sizes.find(name); it != sizes.end())
        return it->second;
      auto let = lets.find(name);
      return let == lets.end() ? 1 : sizeOf(let->second);
    });
  }

  /// The symbols that the expression depends on in the end.
  void collectSymbols(Dim d, llvm::StringSet<> &names) const {
    d.collectSymbols([&](llvm::StringRef name) {
      if (auto let = lets.find(name); let != lets.end() && !sizes.contains(name))
        collectSymbols(let->second, names);
      else
        names.insert(name);
    });
  }
  LogicalResult checkSizes(Dim arena) {
    llvm::StringSet<> names;
    collectSymbols(arena, names);
    for (const auto &name : names) {
      if (sizes.contains(name.getKey())) {
        used.emplace_back(name.getKey().str(), sizes[name.getKey()]);
        continue;
      }
      return error() << "`" << function.getName() << "` takes an arena of " << arena.str()
                     << " bytes: a memory budget needs the size of `" << name.getKey()
                     << "` that it is meant for; give it with the budget (--size " << name.getKey()
                     << "=32), or an upper bound (--shape " << name.getKey() << "=1..32)";
    }
    llvm::sort(used);
    return success();
  }

  /// A copy of the function with these repetitions, planned; to be erased.
  func::FuncOp plan(const std::vector<int> &from) {
    auto copy = llvm::cast<func::FuncOp>(function->clone());
    if (!from.empty())
      repeatKernels(copy, from, program);
    planMemory(copy);
    return copy;
  }
  int64_t arenaWith(const Repeats &repeats) {
    func::FuncOp planned = plan(repeats.from);
    int64_t bytes = sizeOf(arenaBytes(planned));
    planned.erase();
    return bytes;
  }

  StepProgram makeProgram(func::FuncOp planned);
  std::optional<Repeats> choose();
  void reportLeast(const Repeats &least, int64_t bytes);
  void record(int64_t after);

  func::FuncOp function;
  int64_t limit, before = 0;
  llvm::StringMap<int64_t> sizes;
  llvm::StringMap<Dim> lets;
  std::vector<std::pair<std::string, int64_t>> used; // sizes that the arena depends on
  StepProgram program;
  std::vector<std::string> layerOf; // by value
};

/// Steps are the ops of the function's block, by position.
StepProgram BudgetFitter::makeProgram(func::FuncOp planned) {
  StepProgram made;
  llvm::DenseMap<Value, int> numbers;
  llvm::StringMap<int> updates; // of variables in their own memory: the first step
  for (auto [position, op] : llvm::enumerate(planned.getBody().front())) {
    StepProgram::Step step;
    bool isPlain = !exec::isDispatch(&op) && !exec::isControl(&op);
    bool isEnd = op.getNumResults() == 0 || llvm::isa<exec::BindOp>(op);
    for (Value read : exec::valuesUsedBy(&op)) {
      Value root = storageRoot(read);
      if (auto it = numbers.find(root); it != numbers.end() && (!isPlain || isEnd))
        (isEnd ? step.holds : step.reads).push_back(it->second);
    }
    for (Value result : isPlain ? ValueRange() : ValueRange(op.getResults())) {
      Storage storage = storageOf(result);
      if (storage.kind == Storage::Kind::Variable)
        updates.try_emplace(storage.variable, static_cast<int>(position));
      int64_t bytes =
          storage.kind != Storage::Kind::Slot ? 0 : sizeOf(tensorBytes(result.getType()));
      numbers[result] = static_cast<int>(made.values.size());
      step.results.push_back(numbers[result]);
      made.values.push_back({static_cast<int>(position),
                             static_cast<int64_t>(llvm::alignTo(bytes, INGOT_ALIGNMENT)),
                             isRepeatedAlone(llvm::cast<OpResult>(result))});
      layerOf.push_back(graph::layerName(op.getLoc()));
    }
    step.mayRepeat = canRepeat(&op);
    if (int64_t inner = innerBytes(&op, [&](Dim d) { return sizeOf(d); })) {
      step.results.push_back(static_cast<int>(made.values.size()));
      made.values.push_back({static_cast<int>(position), inner, false});
      layerOf.push_back(graph::layerName(op.getLoc()));
    }
    if (step.mayRepeat) {
      Work work = workIn(&op);
      step.cost = static_cast<double>(sizeOf(work.flops)) +
                  kFlopsPerByte * static_cast<double>(sizeOf(work.bytes));
    }
    made.steps.push_back(std::move(step));
  }
  // A kernel that reads a variable runs again only where that has its old value.
  for (auto [op, step] : llvm::zip(planned.getBody().front(), made.steps))
    for (Value value : exec::valuesUsedBy(&op))
      if (auto read = storageRoot(value).getDefiningOp<exec::ReadVariableOp>())
        if (auto it = updates.find(read.getVariable()); it != updates.end())
          step.repeatBefore = std::min(step.repeatBefore, it->second);
  return made;
}

std::optional<Repeats> BudgetFitter::choose() {
  int64_t target = limit;
  for (int round = 0; round < kRounds && target > 0; ++round) {
    std::optional<Repeats> repeats = chooseRepeats(program, target);
    if (!repeats)
      break;
    int64_t arena = arenaWith(*repeats);
    if (arena <= limit)
      return repeats;
    target -= arena - limit;
  }
  std::optional<Repeats> least;
  int64_t leastBytes = before;
  for (const Repeats &repeats : repeatsTowardsLeast(program)) {
    int64_t arena = arenaWith(repeats);
    if (arena <= limit) {
      Repeats fewer = withoutNeedless(program, repeats);
      return arenaWith(fewer) <= limit ? fewer : repeats;
    }
    if (arena < leastBytes) {
      leastBytes = arena;
      least = repeats;
    }
  }
  if (!least)
    least = {std::vector<int>(program.steps.size(), INT32_MAX), 0, 0};
  reportLeast(*least, leastBytes);
  return std::nullopt;
}

void BudgetFitter::reportLeast(const Repeats &least, int64_t bytes) {
  std::string at;
  for (const auto &[name, size] : used)
    at += (at.empty() ? " at " : ", ") + name + "=" + std::to_string(size);
  llvm::StringMap<int64_t> byLayer;
  for (int v : valuesAtPeak(program, least))
    if (program.values[v].bytes > 0)
      byLayer[layerOf[v].empty() ? "(unnamed)" : layerOf[v]] += program.values[v].bytes;
  llvm::SmallVector<std::pair<int64_t, std::string>> layers;
  for (const auto &entry : byLayer)
    layers.emplace_back(-entry.second, entry.getKey().str());
  llvm::sort(layers);
  std::string largest;
  for (const auto &[size, layer] : llvm::ArrayRef(layers).take_front(kNamed))
    largest += (largest.empty() ? "" : ", ") + ("`" + layer + "` " + humanBytes(-size));
  error() << "`" << function.getName() << "` takes at least " << humanBytes(bytes) << " of memory"
          << at << " even when all that may be is computed again (" << humanBytes(before)
          << " without); the budget is " << humanBytes(limit)
          << ". Largest at that moment: " << largest << ". Give a budget of " << bytes
          << " bytes or more, or smaller sizes";
}

void BudgetFitter::record(int64_t after) {
  Builder b(function.getContext());
  int64_t flops = 0, again = 0;
  llvm::SmallVector<Attribute> kernels, at;
  function.walk([&](Operation *op) {
    if (!exec::isDispatch(op))
      return;
    int64_t its = sizeOf(workOf(op).flops);
    flops += its;
    if (!isRepetition(op))
      return;
    again += its;
    kernels.push_back(b.getStringAttr(llvm::cast<exec::KernelOp>(op).getName()));
  });
  for (const auto &[name, size] : used)
    at.push_back(b.getArrayAttr({b.getStringAttr(name), b.getI64IntegerAttr(size)}));
  auto number = [&](llvm::StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  };
  function->setAttr(
      kAttribute,
      b.getDictionaryAttr({number("budget", limit), number("before", before),
                           number("after", after), number("flops", flops), number("again", again),
                           b.getNamedAttr("sizes", b.getArrayAttr(at)),
                           b.getNamedAttr("kernels", b.getArrayAttr(kernels))}));
}

} // namespace

LogicalResult fitBudget(func::FuncOp function, const MemoryBudget &budget) {
  return BudgetFitter(function, budget).run();
}

RecomputationDescription recomputationOf(func::FuncOp function) {
  RecomputationDescription description;
  auto fields = function->getAttrOfType<DictionaryAttr>(kAttribute);
  if (!fields)
    return description;
  auto number = [&](llvm::StringRef name) {
    return static_cast<uint64_t>(llvm::cast<IntegerAttr>(fields.get(name)).getInt());
  };
  description.budget = number("budget");
  description.arenaBefore = number("before");
  description.arenaAfter = number("after");
  description.flops = number("flops");
  description.flopsAgain = number("again");
  for (auto size : llvm::cast<ArrayAttr>(fields.get("sizes")).getAsRange<ArrayAttr>())
    description.sizes.emplace_back(llvm::cast<StringAttr>(size[0]).str(),
                                   llvm::cast<IntegerAttr>(size[1]).getInt());
  for (auto name : llvm::cast<ArrayAttr>(fields.get("kernels")).getAsRange<StringAttr>())
    description.kernels.push_back(name.str());
  return description;
}

} // namespace ingot
