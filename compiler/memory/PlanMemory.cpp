// Lifetimes, in-place variable updates and slot reuse over symbolic sizes. See PlanMemory.h.
#include "compiler/memory/PlanMemory.h"
#include "compiler/fusion/Structure.h"
#include "compiler/memory/ArrangeArena.h"
#include "compiler/memory/GroupLaunches.h"
#include "ingot/artifact.h"
#include "ir/exec/Control.h"
#include "ir/reference/Tensor.h"

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

/// Whether a kernel before the scatter, in its block, has found all of its indices to be inside, as
/// the gather has whose gradient it is: where they are not, the run has ended there.
static bool hasCheckedIndices(exec::ScatterOp scatter) {
  Value indices = storageRoot(scatter.getIndices());
  Dim rows = dimsOf(scatter.getBase())[0];
  auto checks = [&](OpOperand &use) {
    auto kernel = llvm::dyn_cast<exec::KernelOp>(use.getOwner());
    if (!kernel || kernel->getBlock() != scatter->getBlock() || !kernel->isBeforeInBlock(scatter))
      return false;
    Value inside = kernel.getBody().getArgument(use.getOperandNumber());
    return llvm::any_of(inside.getUses(), [&](OpOperand &inner) {
      auto nest = llvm::dyn_cast<exec::NestOp>(inner.getOwner());
      return nest && checksIndices(nest, inner.getOperandNumber(), rows);
    });
  };
  llvm::SmallVector<Value> seen{indices}; // the same elements, seen with other dimensions
  while (!seen.empty()) {
    Value value = seen.pop_back_val();
    if (llvm::any_of(value.getUses(), checks))
      return true;
    for (Operation *user : value.getUsers())
      if (auto view = llvm::dyn_cast<exec::ViewOp>(user))
        seen.push_back(view.getResult());
  }
  return false;
}

bool mayFail(Operation *op) {
  if (mayEndRun(op))
    return true;
  return op
      ->walk([](exec::ScatterOp scatter) {
        return hasCheckedIndices(scatter) ? WalkResult::advance() : WalkResult::interrupt();
      })
      .wasInterrupted();
}

Dims arenaSlots(func::FuncOp function) {
  Dims slots;
  for (Attribute slot : function->getAttrOfType<graph::DimsAttr>("exec.slots").getExprs())
    slots.push_back(Dim(slot));
  return slots;
}

Dim arenaBytes(func::FuncOp function) {
  return Dim(function->getAttrOfType<graph::DimsAttr>("exec.arena").getExprs()[0]);
}

namespace {

Attribute toAttribute(MLIRContext *context, const Storage &storage) {
  Builder b(context);
  return b.getArrayAttr({b.getI64IntegerAttr(static_cast<int64_t>(storage.kind)),
                         b.getI64IntegerAttr(storage.index), b.getStringAttr(storage.variable)});
}

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
    int64_t now = 0;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) { starts[op] = now++; });
    function.walk<WalkOrder::PostOrder>([&](Operation *op) {
      int64_t &end = ends[op] = starts[op];
      for (Region &region : op->getRegions())
        for (Block &block : region)
          if (!block.empty())
            end = std::max(end, ends[&block.back()]);
    });
    function.walk([&](exec::ReadVariableOp read) { reads[read.getVariable()].push_back(read); });
    // Kernels of one launch run at the same time.
    for (Operation &op : block)
      if (isInOneLaunch(op.getPrevNode(), &op))
        starts[&op] = starts[op.getPrevNode()];
    for (Operation &op : llvm::reverse(block))
      if (isInOneLaunch(&op, op.getNextNode()))
        ends[&op] = ends[op.getNextNode()];
  }

  void run() {
    if (!debugArena) {
      placeOutputs();
      placeVariableUpdates();
    }
    placeSlots(block);
    OpBuilder b(function.getContext());
    arrange(b);
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
  }

private:
  /// Whether both may run at the same time.
  static bool isInOneLaunch(Operation *one, Operation *other) {
    return one && other && launchGroup(one) && launchGroup(one) == launchGroup(other);
  }

  /// Gives each stay its offset; those of one offset are one slot.
  void arrange(OpBuilder &b) {
    llvm::SmallVector<Attribute> slots;
    auto set = [&](llvm::StringRef name, llvm::ArrayRef<Attribute> list) {
      function->setAttr(name, graph::DimsAttr::get(b.getContext(), list));
    };
    if (debugArena) {
      for (const Stay &stay : stays)
        slots.push_back(stay.bytes.asAttribute());
      return set("exec.slots", slots);
    }
    Arrangement arrangement = arrangeArena(b.getContext(), stays);
    llvm::SmallVector<int64_t> slotOf;
    llvm::DenseMap<Attribute, int64_t> known;
    for (Dim offset : arrangement.offsets) {
      auto [it, isNew] = known.try_emplace(offset.asAttribute(), slots.size());
      if (isNew)
        slots.push_back(offset.asAttribute());
      slotOf.push_back(it->second);
    }
    for (auto &[value, place] : places)
      if (place.kind == Storage::Kind::Slot)
        place.index = slotOf[place.index];
    for (auto &[loop, slot] : workspaces)
      loop->setAttr("exec.workspace", b.getI64IntegerAttr(slotOf[slot]));
    for (auto &[loop, list] : temporaries) {
      for (int64_t &slot : list)
        slot = slot < 0 ? slot : slotOf[slot];
      loop->setAttr("exec.temporaries", b.getDenseI64ArrayAttr(list));
    }
    set("exec.slots", slots);
    set("exec.arena", arrangement.bytes.asAttribute());
  }

  static bool ownsNewMemory(Operation *op) { return exec::isDispatch(op) || exec::isControl(op); }

  void placeOutputs() {
    for (auto [i, operand] : llvm::enumerate(block.getTerminator()->getOperands())) {
      Value root = storageRoot(operand);
      if (ownsNewMemory(root.getDefiningOp()) && !places.count(root))
        places[root] = {Storage::Kind::Output, static_cast<int64_t>(i), ""};
    }
  }

  /// Whether the update `result` of `kernel` may overwrite the variable while the kernel runs: all
  /// other readers are done, and the kernel reads each element only where it writes it and before.
  bool updatesInPlace(exec::KernelOp kernel, OpResult result, llvm::StringRef variable) {
    if (!isMapOverDomain(kernel, yieldOf(kernel, result)))
      return false;
    return llvm::all_of(reads.lookup(variable), [&](exec::ReadVariableOp read) {
      return readersAllow(read.getResult(), kernel, result);
    });
  }
  static Value yieldOf(exec::KernelOp kernel, OpResult result) {
    return kernel.getBody().front().getTerminator()->getOperand(result.getResultNumber());
  }
  static bool isMapOverDomain(exec::KernelOp kernel, Value made) {
    auto nest = made.getDefiningOp<exec::NestOp>();
    return nest && isMap(nest) && loopDims(nest) == kernelDomain(kernel);
  }
  static Dims kernelDomain(exec::KernelOp kernel) {
    Dims dims;
    for (Attribute d : kernel.getDomain().getExprs())
      dims.push_back(Dim(d));
    return dims;
  }
  bool readersAllow(Value value, exec::KernelOp kernel, OpResult result) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (viewedBy(user) == value) {
        if (!readersAllow(user->getResult(0), kernel, result))
          return false;
        continue;
      }
      if (positionIn(*kernel->getBlock(), user) > positions[kernel] ||
          (user != kernel && isInOneLaunch(user, kernel)))
        return false;
      if (user != kernel)
        continue;
      Value inside = kernel.getBody().getArgument(use.getOperandNumber());
      if (!isReadByPoints(kernel, inside) || !isReadByPoints(kernel, yieldOf(kernel, result)) ||
          isReadAfterWrite(kernel, inside, result))
        return false;
    }
    return true;
  }
  /// Whether all that depends on the value in the kernel are maps over its domain that read it, and
  /// each other, at their own point. What else there is may be computed by several threads
  /// together, and back ends may do all of it first; such maps keep their order.
  static bool isReadByPoints(exec::KernelOp kernel, Value value) {
    llvm::DenseSet<Value> dependent{value};
    for (auto nest : kernel.getBody().front().getOps<exec::NestOp>()) {
      bool depends = false;
      for (auto [i, input] : llvm::enumerate(nest.getInputs()))
        if (dependent.contains(input)) {
          depends = true;
          if (!accessMap(nest, i) || !accessMap(nest, i).isIdentity())
            return false;
        }
      if (!depends)
        continue;
      if (!isMapOverDomain(kernel, nest.getOutputs()[0]))
        return false;
      dependent.insert(nest.getOutputs().begin(), nest.getOutputs().end());
    }
    return true;
  }
  /// Whether a nest that runs after the one that writes `result` reads `argument`, itself or
  /// through nests that are computed where they are used. Where all run over the domain, what
  /// several read at their point is not.
  static bool isReadAfterWrite(exec::KernelOp kernel, Value argument, OpResult result) {
    Block &body = kernel.getBody().front();
    auto yields = body.getTerminator()->getOperands();
    Dims domain = kernelDomain(kernel);
    bool areMaps = llvm::all_of(body.getOps<exec::NestOp>(), [&](exec::NestOp nest) {
      return isMap(nest) && loopDims(nest) == domain;
    });
    Operation *writer = yields[result.getResultNumber()].getDefiningOp();
    llvm::DenseSet<Value> readers{argument};
    for (auto nest : body.getOps<exec::NestOp>()) {
      if (llvm::none_of(nest.getInputs(), [&](Value v) { return readers.contains(v); }))
        continue;
      bool stored =
          llvm::any_of(nest.getOutputs(), [&](Value v) { return llvm::is_contained(yields, v); });
      if (!stored && !(areMaps && isShared(nest, domain)))
        readers.insert(nest.getOutputs().begin(), nest.getOutputs().end());
      else if (writer->isBeforeInBlock(nest))
        return true;
    }
    return false;
  }

  /// Of kernels behind all that may fail.
  void placeVariableUpdates() {
    int64_t lastThatMayFail = -1;
    for (Operation &op : block)
      if (mayFail(&op))
        lastThatMayFail = positions[&op];
    for (auto assign : block.getOps<exec::AssignVariableOp>()) {
      Value root = assign.getX();
      while (auto view = root.getDefiningOp<exec::ViewOp>())
        root = view.getX();
      auto kernel = root.getDefiningOp<exec::KernelOp>();
      if (kernel && positions[kernel] > lastThatMayFail && !places.count(root) &&
          updatesInPlace(kernel, llvm::cast<OpResult>(root), assign.getVariable()))
        places[root] = {Storage::Kind::Variable, -1, assign.getVariable().str()};
    }
  }

  /// Where in `block` the op, or the control op around it, stands.
  int64_t positionIn(Block &block, Operation *op) {
    return positions.lookup(block.findAncestorOpInBlock(*op));
  }

  /// Slots for what is made in the block and in the regions inside it.
  void placeSlots(Block &block) {
    for (Operation &op : block) {
      if (ownsNewMemory(&op))
        for (Value result : op.getResults())
          if (!places.count(result))
            places[result] = takeSlot(result.getType(), starts[&op], ends[lastUser(result)]);
      if (exec::isControl(&op))
        planRegions(&op);
    }
    if (&block != &this->block && isLoopBody(block))
      placeTemporaries(block);
  }

  void planRegions(Operation *op) {
    int64_t firstLocal = locals;
    if (auto scan = llvm::dyn_cast<exec::ScanOp>(op)) {
      locals += 1 + scan.getInputs().size() + scan.getNumResults() - scan.getCarried().size();
      op->setAttr("exec.locals", OpBuilder(op).getI64IntegerAttr(firstLocal));
      if (op->hasAttr(exec::kParallelAttr) && !debugArena && !workspace)
        return planWorkspace(scan, firstLocal);
    }
    planBodies(op, firstLocal);
  }
  void planBodies(Operation *op, int64_t firstLocal) {
    for (Region &region : op->getRegions()) {
      Block &block = region.front();
      if (!debugArena && (llvm::isa<exec::IfOp>(op) || isLoopBody(block)))
        placeYields(block, firstLocal);
      placeSlots(block);
    }
  }

  /// What is made in a body whose iterations run side by side, each task of them by itself.
  void planWorkspace(exec::ScanOp scan, int64_t firstLocal) {
    Workspace here;
    workspace = &here;
    planBodies(scan, firstLocal);
    workspace = nullptr;
    MLIRContext *context = scan.getContext();
    Arrangement arrangement = arrangeArena(context, here.stays);
    llvm::SmallVector<Attribute> dims{arrangement.bytes.asAttribute()};
    for (Dim offset : arrangement.offsets)
      dims.push_back(offset.asAttribute());
    scan->setAttr("exec.workspace_places", graph::DimsAttr::get(context, dims));
    scan->setAttr("exec.workspace_locals", Builder(context).getDenseI64ArrayAttr(here.locals));
    Dim tasks = Dim::min(scan.getTripCount(), Dim::constant(context, LoopStorage::mostTasks));
    workspaces.push_back({scan, static_cast<int64_t>(stays.size())});
    stays.push_back({arrangement.bytes * tasks, starts[scan], ends[scan]});
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
        auto result = llvm::cast<OpResult>(root);
        if (kernel && isMapOverDomain(kernel, yieldOf(kernel, result)) &&
            readersAllow(carriedArguments(block)[i], kernel, result))
          places[root] = place;
      } else {
        places[root] = place;
      }
    }
  }

  /// A carried value that becomes another one must be kept while that one is overwritten.
  void placeTemporaries(Block &body) {
    llvm::SmallVector<int64_t> list;
    auto arguments = carriedArguments(body);
    Operation *end = body.getTerminator();
    for (auto [i, argument] : llvm::enumerate(arguments)) {
      Value root = storageRoot(end->getOperand(i));
      list.push_back(-1);
      if (root != argument && llvm::is_contained(arguments, root))
        list.back() = takeSlot(argument.getType(), starts[end], starts[end]).index;
    }
    Operation *loop = body.getParentOp();
    loop->setAttr("exec.temporaries", OpBuilder(function).getDenseI64ArrayAttr(list));
    temporaries.push_back({loop, list});
  }

  Storage takeSlot(Type tensor, int64_t first, int64_t last) {
    if (workspace) {
      workspace->stays.push_back({tensorBytes(tensor), first, last});
      workspace->locals.push_back(locals);
      return {Storage::Kind::Local, locals++, ""};
    }
    stays.push_back({tensorBytes(tensor), first, last});
    return {Storage::Kind::Slot, static_cast<int64_t>(stays.size()) - 1, ""};
  }

  func::FuncOp function;
  Block &block;
  bool debugArena;
  llvm::DenseMap<Operation *, int64_t> positions;
  llvm::StringMap<llvm::SmallVector<exec::ReadVariableOp, 2>> reads; // by variable
  llvm::DenseMap<Operation *, int64_t> starts, ends;                 // of every op, on one clock
  llvm::DenseMap<Value, Storage> places;
  std::vector<Stay> stays; // by slot until they are arranged
  llvm::SmallVector<std::pair<Operation *, llvm::SmallVector<int64_t>>> temporaries;
  int64_t locals = 0;
  struct Workspace {
    std::vector<Stay> stays;
    llvm::SmallVector<int64_t> locals; // by stay
  };
  Workspace *workspace = nullptr;                                 // of the body being planned
  llvm::SmallVector<std::pair<exec::ScanOp, int64_t>> workspaces; // with their stays
};

} // namespace

void planMemory(func::FuncOp function, bool debugArena) { Planner(function, debugArena).run(); }

LoopStorage loopStorage(Operation *loop) {
  LoopStorage storage;
  if (auto first = loop->getAttrOfType<IntegerAttr>("exec.locals"))
    storage.firstLocal = first.getInt();
  llvm::append_range(storage.temporaries,
                     loop->getAttrOfType<DenseI64ArrayAttr>("exec.temporaries").asArrayRef());
  if (auto slot = loop->getAttrOfType<IntegerAttr>("exec.workspace")) {
    auto dims = loop->getAttrOfType<graph::DimsAttr>("exec.workspace_places").getExprs();
    auto pointers = loop->getAttrOfType<DenseI64ArrayAttr>("exec.workspace_locals").asArrayRef();
    storage.workspace = slot.getInt();
    storage.taskBytes = Dim(dims[0]);
    for (auto [local, offset] : llvm::zip(pointers, dims.drop_front()))
      storage.places.push_back({local, Dim(offset)});
  }
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
