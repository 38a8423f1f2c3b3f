// Lifetimes, in-place variable updates and slot reuse over symbolic sizes. See PlanMemory.h.
#include "compiler/memory/PlanMemory.h"
#include "compiler/fusion/Structure.h"
#include "ingot/artifact.h"
#include "ir/reference/Tensor.h"
#include <map>
#include <set>

using namespace mlir;

namespace ingot {

Value storageRoot(Value value) {
  while (auto view = value.getDefiningOp<exec::ViewOp>())
    value = view.getX();
  return value;
}

Dim storageBytes(Type tensor) {
  auto type = llvm::cast<RankedTensorType>(tensor);
  Dim bytes = numElements(tensor.getContext(), dimsOf(type)) *
              reference::elementBytes(type.getElementType());
  return bytes.ceilDiv(INGOT_ALIGNMENT) * INGOT_ALIGNMENT;
}

Dims slotSizes(func::FuncOp function) {
  Dims sizes;
  if (auto attr = function->getAttrOfType<graph::DimsAttr>("exec.slots"))
    for (Attribute size : attr.getExprs())
      sizes.push_back(Dim(size));
  return sizes;
}

namespace {

Attribute toAttribute(MLIRContext *context, const Storage &storage) {
  Builder b(context);
  return b.getArrayAttr({b.getI64IntegerAttr(static_cast<int64_t>(storage.kind)),
                         b.getI64IntegerAttr(storage.index), b.getStringAttr(storage.variable)});
}

struct Slot {
  Dim size;
  bool free = false;
};

class Planner {
public:
  explicit Planner(func::FuncOp function) : function(function), block(function.getBody().front()) {
    int64_t position = 0;
    for (Operation &op : block)
      positions[&op] = position++;
  }

  void run() {
    placeOutputs();
    placeVariableUpdates();
    placeSlots();
    OpBuilder b(function.getContext());
    for (Operation &op : block) {
      llvm::SmallVector<Attribute> list;
      for (Value result : op.getResults())
        if (auto it = places.find(result); it != places.end())
          list.push_back(toAttribute(b.getContext(), it->second));
      if (!list.empty())
        op.setAttr("storage", b.getArrayAttr(list));
    }
    llvm::SmallVector<Attribute> sizes;
    for (const Slot &slot : slots)
      sizes.push_back(slot.size.asAttribute());
    function->setAttr("exec.slots", graph::DimsAttr::get(b.getContext(), sizes));
  }

private:
  static bool ownsNewMemory(Operation *op) {
    return llvm::isa_and_nonnull<exec::KernelOp, exec::ScatterAddOp>(op);
  }

  void placeOutputs() {
    for (auto [i, operand] : llvm::enumerate(block.getTerminator()->getOperands())) {
      Value root = storageRoot(operand);
      if (ownsNewMemory(root.getDefiningOp()) && !places.count(root))
        places[root] = {Storage::Kind::Output, static_cast<int64_t>(i), ""};
    }
  }

  /// Whether the update `result` of `kernel` may overwrite the variable while the kernel runs: all
  /// other readers are done, the kernel reads each element only where it writes it and before, and
  /// nothing that may fail is left.
  bool updatesInPlace(exec::KernelOp kernel, OpResult result, llvm::StringRef variable) {
    for (auto nest : kernel.getBody().getOps<exec::NestOp>())
      if (!isMap(nest) || loopDims(nest) != kernelDomain(kernel))
        return false;
    for (Operation &op : block)
      if (positions[&op] >= positions[kernel] && mayFail(&op))
        return false;
    for (auto read : block.getOps<exec::ReadVariableOp>())
      if (read.getVariable() == variable && !readersAllow(read.getResult(), kernel, result))
        return false;
    return true;
  }
  static Dims kernelDomain(exec::KernelOp kernel) {
    Dims dims;
    for (Attribute d : kernel.getDomain().getExprs())
      dims.push_back(Dim(d));
    return dims;
  }
  static bool mayFail(Operation *op) {
    bool found = llvm::isa<exec::ScatterAddOp>(op);
    op->walk([&](exec::CheckOp) { found = true; });
    return found;
  }
  bool readersAllow(Value value, exec::KernelOp kernel, OpResult result) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (auto view = llvm::dyn_cast<exec::ViewOp>(user)) {
        if (!readersAllow(view.getResult(), kernel, result))
          return false;
        continue;
      }
      if (positions[user] > positions[kernel])
        return false;
      if (user != kernel)
        continue;
      Value inside = kernel.getBody().getArgument(use.getOperandNumber());
      for (OpOperand &inner : inside.getUses()) {
        auto nest = llvm::dyn_cast<exec::NestOp>(inner.getOwner());
        AffineMap map = nest ? accessMap(nest, inner.getOperandNumber()) : AffineMap();
        if (!map || !map.isIdentity())
          return false;
      }
      if (isReadAfterWrite(kernel, inside, result))
        return false;
    }
    return true;
  }
  /// Whether a nest that runs after the one that writes `result` reads `argument`, itself or
  /// through nests that are computed where they are used.
  static bool isReadAfterWrite(exec::KernelOp kernel, Value argument, OpResult result) {
    Block &body = kernel.getBody().front();
    auto yields = body.getTerminator()->getOperands();
    Operation *writer = yields[result.getResultNumber()].getDefiningOp();
    llvm::DenseSet<Value> readers{argument};
    for (auto nest : body.getOps<exec::NestOp>()) {
      if (llvm::none_of(nest.getInputs(), [&](Value v) { return readers.contains(v); }))
        continue;
      bool stored =
          llvm::any_of(nest.getOutputs(), [&](Value v) { return llvm::is_contained(yields, v); });
      if (!stored)
        readers.insert(nest.getOutputs().begin(), nest.getOutputs().end());
      else if (writer->isBeforeInBlock(nest))
        return true;
    }
    return false;
  }

  void placeVariableUpdates() {
    for (auto assign : block.getOps<exec::AssignVariableOp>()) {
      Value root = storageRoot(assign.getX());
      auto kernel = root.getDefiningOp<exec::KernelOp>();
      if (kernel && !places.count(root) && root == assign.getX() &&
          updatesInPlace(kernel, llvm::cast<OpResult>(root), assign.getVariable()))
        places[root] = {Storage::Kind::Variable, -1, assign.getVariable().str()};
    }
  }

  int64_t lastUse(Value root) {
    int64_t last = positions[root.getDefiningOp()];
    for (Operation *user : root.getUsers()) {
      last = std::max(last, positions[user]);
      if (auto view = llvm::dyn_cast<exec::ViewOp>(user))
        last = std::max(last, lastUse(view.getResult()));
    }
    return last;
  }

  void placeSlots() {
    std::multimap<int64_t, size_t> endings; // last use -> slot
    for (Operation &op : block) {
      int64_t now = positions[&op];
      while (!endings.empty() && endings.begin()->first < now) {
        slots[endings.begin()->second].free = true;
        endings.erase(endings.begin());
      }
      if (!ownsNewMemory(&op))
        continue;
      for (Value result : op.getResults()) {
        if (places.count(result))
          continue;
        size_t slot = takeSlot(storageBytes(result.getType()));
        places[result] = {Storage::Kind::Slot, static_cast<int64_t>(slot), ""};
        endings.emplace(lastUse(result), slot);
      }
    }
  }

  /// The free slot that fits best: equal size first, then the least larger, then one to grow.
  size_t takeSlot(Dim size) {
    std::optional<size_t> best;
    auto ratio = [&](Dim a) -> std::optional<double> {
      if (a.isStatic() && size.isStatic())
        return size.value() ? double(a.value()) / size.value() : 1.0;
      return proportion(a, size);
    };
    double bestScore = 1e300;
    for (auto [i, slot] : llvm::enumerate(slots)) {
      if (!slot.free)
        continue;
      auto r = ratio(slot.size);
      if (!r)
        continue;
      double score = *r >= 1 ? *r : 2 / *r;
      if (score < bestScore) {
        bestScore = score;
        best = i;
      }
    }
    if (!best) {
      slots.push_back({size, false});
      return slots.size() - 1;
    }
    Slot &slot = slots[*best];
    slot.free = false;
    if (auto r = ratio(slot.size); *r < 1)
      slot.size = size;
    return *best;
  }

  /// a / b when both grow alike with every symbol; sampled, since sizes are monotone in each.
  std::optional<double> proportion(Dim a, Dim b) {
    std::optional<double> result;
    for (int64_t sample : {64, 4096}) {
      double x = a.evaluate([&](llvm::StringRef) { return sample; });
      double y = b.evaluate([&](llvm::StringRef) { return sample; });
      if (x <= 0 || y <= 0)
        return std::nullopt;
      if (result && std::abs(*result - x / y) > 1e-9)
        return std::nullopt;
      result = x / y;
    }
    return sameSymbols(a, b) ? result : std::nullopt;
  }
  static bool sameSymbols(Dim a, Dim b) {
    std::set<std::string> left, right;
    a.collectSymbols([&](llvm::StringRef s) { left.insert(s.str()); });
    b.collectSymbols([&](llvm::StringRef s) { right.insert(s.str()); });
    return left == right && left.size() == 1;
  }

  func::FuncOp function;
  Block &block;
  llvm::DenseMap<Operation *, int64_t> positions;
  llvm::DenseMap<Value, Storage> places;
  std::vector<Slot> slots;
};

} // namespace

void planMemory(func::FuncOp function) { Planner(function).run(); }

Storage storageOf(Value value) {
  Value root = storageRoot(value);
  if (auto argument = llvm::dyn_cast<BlockArgument>(root))
    return {Storage::Kind::Input, argument.getArgNumber(), ""};
  Operation *op = root.getDefiningOp();
  if (auto read = llvm::dyn_cast<exec::ReadVariableOp>(op))
    return {Storage::Kind::Variable, -1, read.getVariable().str()};
  if (llvm::isa<exec::ConstantOp>(op))
    return {Storage::Kind::Constant, -1, ""};
  auto list = op->getAttrOfType<ArrayAttr>("storage");
  auto fields = llvm::cast<ArrayAttr>(list[llvm::cast<OpResult>(root).getResultNumber()]);
  return {static_cast<Storage::Kind>(llvm::cast<IntegerAttr>(fields[0]).getInt()),
          llvm::cast<IntegerAttr>(fields[1]).getInt(), llvm::cast<StringAttr>(fields[2]).str()};
}

} // namespace ingot
