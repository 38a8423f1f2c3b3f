// Lifetimes, in-place variable updates and slot reuse over symbolic sizes. See PlanMemory.h.
#include "compiler/memory/PlanMemory.h"
#include "compiler/fusion/Structure.h"
#include "ingot/artifact.h"
#include "ir/exec/Control.h"
#include "ir/exec/Custom.h"
#include "ir/reference/Tensor.h"
#include <map>
#include <set>

using namespace mlir;

namespace ingot {

namespace {
/// The tensor whose memory the op's result is; null for an op that has memory of its own.
Value viewedBy(Operation *op) {
  if (auto view = llvm::dyn_cast_or_null<exec::ViewOp>(op))
    return view.getX();
  auto bind = llvm::dyn_cast_or_null<exec::BindOp>(op);
  return bind ? bind.getX() : Value();
}
} // namespace

Value storageRoot(Value value) {
  while (Value viewed = viewedBy(value.getDefiningOp()))
    value = viewed;
  return value;
}

Operation *lastUser(Value root) {
  Operation *last = root.getDefiningOp();
  for (Operation *user : root.getUsers()) {
    user = last->getBlock()->findAncestorOpInBlock(*user);
    if (viewedBy(user) == root)
      user = lastUser(user->getResult(0));
    if (last->isBeforeInBlock(user))
      last = user;
  }
  return last;
}

Dim tensorBytes(Type tensor) {
  auto type = llvm::cast<RankedTensorType>(tensor);
  return numElements(tensor.getContext(), dimsOf(type)) *
         reference::elementBytes(type.getElementType());
}

Dim storageBytes(Type tensor) {
  return tensorBytes(tensor).ceilDiv(INGOT_ALIGNMENT) * INGOT_ALIGNMENT;
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

/// How many values a loop carries: the first of its operands and of its results.
size_t carriedCount(Operation *loop) {
  if (auto scan = llvm::dyn_cast<exec::ScanOp>(loop))
    return scan.getCarried().size();
  return loop->getNumResults();
}
Block::BlockArgListType carriedArguments(Block &body) {
  Operation *loop = body.getParentOp();
  return body.getArguments().slice(llvm::isa<exec::ScanOp>(loop) ? 1 : 0, carriedCount(loop));
}
/// Whether a region runs again and again and yields the carried values.
bool isLoopBody(Block &block) {
  auto loop = llvm::dyn_cast<exec::WhileOp>(block.getParentOp());
  return loop ? &block == &loop.getBody().front() : llvm::isa<exec::ScanOp>(block.getParentOp());
}

class Planner {
public:
  Planner(func::FuncOp function, bool debugArena)
      : function(function), block(function.getBody().front()), debugArena(debugArena) {
    exec::forEachBlock(function, [&](Block &block) {
      int64_t position = 0;
      for (Operation &op : block)
        positions[&op] = position++;
    });
  }

  void run() {
    if (!debugArena) {
      placeOutputs();
      placeVariableUpdates();
    }
    placeSlots(block);
    OpBuilder b(function.getContext());
    exec::forEachBlock(function, [&](Block &block) {
      for (Operation &op : block) {
        llvm::SmallVector<Attribute> list;
        for (Value result : op.getResults())
          if (auto it = places.find(result); it != places.end())
            list.push_back(toAttribute(b.getContext(), it->second));
        if (!list.empty())
          op.setAttr("storage", b.getArrayAttr(list));
      }
    });
    llvm::SmallVector<Attribute> sizes;
    for (const Slot &slot : slots)
      sizes.push_back(slot.size.asAttribute());
    function->setAttr("exec.slots", graph::DimsAttr::get(b.getContext(), sizes));
  }

private:
  static bool ownsNewMemory(Operation *op) { return exec::isDispatch(op) || exec::isControl(op); }

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
    if (!isElementwise(kernel))
      return false;
    for (Operation &op : block)
      if (positions[&op] >= positions[kernel] && mayFail(&op))
        return false;
    bool allowed = true;
    function.walk([&](exec::ReadVariableOp read) {
      allowed &= read.getVariable() != variable || readersAllow(read.getResult(), kernel, result);
    });
    return allowed;
  }
  /// Whether every nest is a map over the kernel's domain that reads the others at its own point.
  static bool isElementwise(exec::KernelOp kernel) {
    for (Operation &op : kernel.getBody().front().without_terminator()) {
      auto nest = llvm::dyn_cast<exec::NestOp>(op);
      if (!nest || !isMap(nest) || loopDims(nest) != kernelDomain(kernel))
        return false;
      for (auto [i, input] : llvm::enumerate(nest.getInputs()))
        if (input.getDefiningOp<exec::NestOp>() &&
            !(accessMap(nest, i) && accessMap(nest, i).isIdentity()))
          return false;
    }
    return true;
  }
  static Dims kernelDomain(exec::KernelOp kernel) {
    Dims dims;
    for (Attribute d : kernel.getDomain().getExprs())
      dims.push_back(Dim(d));
    return dims;
  }
  static bool mayFail(Operation *op) {
    return op
        ->walk([](Operation *inner) {
          return llvm::isa<exec::CheckOp, exec::ScatterOp, exec::BindOp, exec::CustomCallOp>(inner)
                     ? WalkResult::interrupt()
                     : WalkResult::advance();
        })
        .wasInterrupted();
  }
  bool readersAllow(Value value, exec::KernelOp kernel, OpResult result) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (viewedBy(user) == value) {
        if (!readersAllow(user->getResult(0), kernel, result))
          return false;
        continue;
      }
      if (positionIn(*kernel->getBlock(), user) > positions[kernel])
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

  /// Where in `block` the op, or the control op around it, stands.
  int64_t positionIn(Block &block, Operation *op) {
    return positions.lookup(block.findAncestorOpInBlock(*op));
  }

  /// Slots for what is made in the block and in the regions inside it. All of them are free again
  /// when the block has run.
  void placeSlots(Block &block) {
    std::multimap<int64_t, size_t> endings; // last use -> slot
    for (Operation &op : block) {
      int64_t now = positions[&op];
      while (!endings.empty() && endings.begin()->first < now) {
        slots[endings.begin()->second].free = true;
        endings.erase(endings.begin());
      }
      if (ownsNewMemory(&op))
        for (Value result : op.getResults()) {
          if (places.count(result))
            continue;
          size_t slot = takeSlot(result.getType());
          places[result] = {Storage::Kind::Slot, static_cast<int64_t>(slot), ""};
          endings.emplace(positions[lastUser(result)], slot);
        }
      if (exec::isControl(&op))
        planRegions(&op);
    }
    if (&block != &this->block && isLoopBody(block))
      for (size_t slot : placeTemporaries(block))
        slots[slot].free = true;
    for (auto &[last, slot] : endings)
      slots[slot].free = true;
  }

  void planRegions(Operation *op) {
    int64_t firstLocal = locals;
    if (auto scan = llvm::dyn_cast<exec::ScanOp>(op)) {
      locals += 1 + scan.getInputs().size() + scan.getNumResults() - scan.getCarried().size();
      op->setAttr("exec.locals", OpBuilder(op).getI64IntegerAttr(firstLocal));
    }
    for (Region &region : op->getRegions()) {
      Block &block = region.front();
      if (!debugArena && (llvm::isa<exec::IfOp>(op) || isLoopBody(block)))
        placeYields(block, firstLocal);
      placeSlots(block);
    }
  }

  /// What the region yields is made in the place of the op's result where nothing else is kept
  /// there.
  void placeYields(Block &block, int64_t firstLocal) {
    Operation *op = block.getParentOp();
    auto scan = llvm::dyn_cast<exec::ScanOp>(op);
    size_t carried = isLoopBody(block) ? carriedCount(op) : 0;
    for (auto [i, yielded] : llvm::enumerate(block.getTerminator()->getOperands())) {
      Value root = storageRoot(yielded);
      Operation *maker = root.getDefiningOp();
      if (!ownsNewMemory(maker) || maker->getBlock() != &block || places.count(root))
        continue;
      if (scan && i >= carried) {
        int64_t local = firstLocal + 1 + scan.getInputs().size() + i - carried;
        places[root] = {Storage::Kind::Local, local, ""};
        continue;
      }
      Storage place = places.at(op->getResult(i)); // by value: the map may grow
      if (i < carried) {
        auto kernel = llvm::dyn_cast<exec::KernelOp>(maker);
        if (kernel && isElementwise(kernel) &&
            readersAllow(carriedArguments(block)[i], kernel, llvm::cast<OpResult>(root)))
          places[root] = place;
      } else {
        places[root] = place;
      }
    }
  }

  /// A carried value that becomes another one must be kept while that one is overwritten.
  llvm::SmallVector<size_t> placeTemporaries(Block &body) {
    llvm::SmallVector<size_t> taken;
    llvm::SmallVector<int64_t> list;
    auto arguments = carriedArguments(body);
    for (auto [i, argument] : llvm::enumerate(arguments)) {
      Value root = storageRoot(body.getTerminator()->getOperand(i));
      list.push_back(-1);
      if (root == argument || !llvm::is_contained(arguments, root))
        continue;
      taken.push_back(takeSlot(argument.getType()));
      list.back() = taken.back();
    }
    body.getParentOp()->setAttr("exec.temporaries", OpBuilder(function).getDenseI64ArrayAttr(list));
    return taken;
  }

  /// The free slot that fits best: equal size first, then the least larger, then one to grow.
  size_t takeSlot(Type tensor) {
    if (debugArena) {
      slots.push_back({tensorBytes(tensor)});
      return slots.size() - 1;
    }
    Dim size = storageBytes(tensor);
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
    slot.size = larger(slot.size, size);
    return *best;
  }

  /// A size that holds both, whatever the symbols' values.
  static Dim larger(Dim a, Dim b) {
    auto isMultiple = [](Dim x, Dim y) {
      auto factor = Dim::exactDiv(x, y);
      return factor && factor->isStatic() && factor->value() >= 1;
    };
    if (a == b || isMultiple(a, b))
      return a;
    return isMultiple(b, a) ? b : Dim::max(a, b);
  }

  /// a / b when both seem to grow alike with the one symbol: a guess that decides which slot is
  /// reused, never how large it is.
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
  bool debugArena;
  llvm::DenseMap<Operation *, int64_t> positions;
  llvm::DenseMap<Value, Storage> places;
  std::vector<Slot> slots;
  int64_t locals = 0;
};

} // namespace

void planMemory(func::FuncOp function, bool debugArena) { Planner(function, debugArena).run(); }

LoopStorage loopStorage(Operation *loop) {
  LoopStorage storage;
  if (auto first = loop->getAttrOfType<IntegerAttr>("exec.locals"))
    storage.firstLocal = first.getInt();
  llvm::append_range(storage.temporaries,
                     loop->getAttrOfType<DenseI64ArrayAttr>("exec.temporaries").asArrayRef());
  return storage;
}

namespace {
Storage storageOfArgument(BlockArgument argument) {
  Operation *owner = argument.getOwner()->getParentOp();
  int64_t number = argument.getArgNumber();
  if (!exec::isControl(owner))
    return {Storage::Kind::Input, number, ""};
  auto carried = carriedArguments(*argument.getOwner());
  if (auto it = llvm::find(carried, argument); it != carried.end())
    return storageOf(owner->getResult(it - carried.begin()));
  // The position, then the slices of a scan.
  int64_t local = number == 0 ? 0 : number - static_cast<int64_t>(carried.size());
  return {Storage::Kind::Local, loopStorage(owner).firstLocal + local, ""};
}
} // namespace

Storage storageOf(Value value) {
  Value root = storageRoot(value);
  if (auto argument = llvm::dyn_cast<BlockArgument>(root))
    return storageOfArgument(argument);
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
