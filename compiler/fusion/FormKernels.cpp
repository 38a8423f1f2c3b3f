// Grouping by structure: who is inlined, who shares a kernel. See FormKernels.h.
#include "compiler/fusion/FormKernels.h"
#include "compiler/fusion/Structure.h"
#include "compiler/fusion/Transposition.h"
#include "ir/exec/Control.h"
#include "ir/exec/Winograd.h"
#include "ir/reference/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// A kernel in the making: nests in program order and the outer loops they share.
struct Group {
  llvm::SmallVector<Operation *> members; // nests; the first may be an exec.winograd
  int64_t size = 0;                       // members, and what is inlined into them
  Dims domain;
  bool contraction = false; // the first member is one, or a Winograd; the others are its epilogue
  bool isTransposition = false; // the only member is one

  auto nests() const {
    return llvm::map_range(
        llvm::make_filter_range(members, [](Operation *op) { return llvm::isa<exec::NestOp>(op); }),
        [](Operation *op) { return llvm::cast<exec::NestOp>(op); });
  }
  bool isAllMaps() const {
    return !contraction && llvm::all_of(nests(), [](exec::NestOp nest) { return isMap(nest); });
  }
};

/// Bounds on what one kernel takes in, far above what layers and optimizers need: emission recurses
/// through it, and LLVM's time grows faster than a function does.
constexpr int64_t maxInlined = 64; // nests below one that are computed in place, itself included
constexpr int64_t maxInKernel = 256;
constexpr int64_t maxKeptBytes = 32 << 10; // of a row, on the stack of a host's thread

bool isHeavy(exec::NestOp nest) {
  for (Operation &op : nest.getBody().front())
    if (op.getDialect()->getNamespace() == math::MathDialect::getDialectNamespace() ||
        llvm::isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(
            op))
      return true;
  return false;
}

/// Whether what the op makes takes little memory for a while longer.
bool isFewElements(Operation *op) {
  constexpr int64_t few = 1 << 14;
  return llvm::all_of(op->getResultTypes(), [](Type type) {
    int64_t count = 1;
    for (Dim d : dimsOf(llvm::cast<RankedTensorType>(type)))
      count *= estimate(d);
    return count <= few;
  });
}

bool isIdentityPrefix(AffineMap map, unsigned count) {
  if (map.getNumResults() < count)
    return false;
  for (unsigned d = 0; d < count; ++d) {
    auto dim = llvm::dyn_cast<AffineDimExpr>(map.getResult(d));
    if (!dim || dim.getPosition() != d)
      return false;
  }
  return true;
}

/// Forms the kernels of one block. Control flow inside it is one op that needs all its regions
/// capture; its regions' blocks have formers of their own.
class KernelFormer {
public:
  explicit KernelFormer(Block &block) : block(block) {}

  void run() {
    for (auto nest : block.getOps<exec::NestOp>())
      if (int64_t weight = inlinedBelow(nest) + 1; weight <= maxInlined && isInlined(nest))
        inlined[nest] = weight;
    for (Operation &op : block) {
      if (auto nest = llvm::dyn_cast<exec::NestOp>(op); nest && !inlined.contains(nest))
        place(nest);
      else if (auto winograd = llvm::dyn_cast<exec::WinogradOp>(op))
        begin(winograd, dimsOf(winograd.getResult()), true);
    }
    emit();
  }

private:
  int64_t inlinedBelow(Operation *op) {
    int64_t sum = 0;
    for (Value input : op->getOperands())
      sum += inlined.lookup(input.getDefiningOp());
    return sum;
  }

  /// Whether the map is computed at its uses. All of them must be nests that can take it.
  bool isInlined(exec::NestOp nest) {
    if (!isMap(nest) || nest.getNumResults() != 1 || hasChecks(nest) || nest->use_empty())
      return false;
    if (narrowsSums(nest))
      return false;
    bool constant = nest.getInputs().empty();
    bool cheap = constant || isMovement(nest) || !isHeavy(nest);
    bool scalar = nest.getParallel() == 0 && !constant;
    if (scalar)
      return false;
    // What is read across the lanes is turned by a kernel that does nothing else.
    bool turns = transpositionOf(nest).has_value();
    if (turns && llvm::any_of(nest->getUsers(), [](Operation *user) {
          return !llvm::isa<exec::NestOp>(user) || !isMovement(llvm::cast<exec::NestOp>(user));
        }))
      return false;
    int64_t uses = 0;
    for (OpOperand &use : nest->getUses()) {
      auto user = llvm::dyn_cast<exec::NestOp>(use.getOwner());
      if (!user || user->getBlock() != &block || matchContraction(user))
        return false;
      ++uses;
      // Indices computed in a body may be outside where their guard does not hold.
      if (!accessMap(user, use.getOperandNumber()) && !constant)
        return false;
      if (isPaddingOfWindow(nest, user, use.getOperandNumber()))
        continue;
      bool repeats = repeatsElements(user, use.getOperandNumber());
      if (repeats && !constant && !(isMovement(nest) && isBroadcast(nest)))
        return false;
    }
    if (constant || (isMovement(nest) && isBroadcast(nest)))
      return true;
    return uses == 1 || (cheap && uses == 2 && bodySize(nest) <= 3 && inputsAreStored(nest));
  }

  /// Whether the nest puts zeros around what windows read, so that they are found inside it for
  /// whole vectors of lanes: most windows are within the tensor and need not look.
  static bool isPaddingOfWindow(exec::NestOp nest, exec::NestOp user, unsigned input) {
    Dims loops = loopDims(user);
    AffineMap map = accessMap(user, input);
    if (isMap(user) || !map || !isSmallWindow(llvm::ArrayRef(loops).drop_front(user.getParallel())))
      return false;
    auto padding = paddingOf(nest);
    int64_t lane = static_cast<int64_t>(user.getParallel()) - 1;
    while (lane > 0 && isConstant(loops[lane], 1))
      --lane;
    if (!padding || lane < 0)
      return false;
    for (unsigned d = 0; d < map.getNumResults(); ++d)
      if (padding->isChecked[d] && map.getResult(d).isFunctionOfDim(lane))
        return false;
    return true;
  }

  /// Whether the user reads some element of this input more than once.
  static bool repeatsElements(exec::NestOp user, unsigned input) {
    AffineMap map = accessMap(user, input);
    if (!map)
      return true;
    Dims loops = loopDims(user);
    for (unsigned l = 0; l < loops.size(); ++l)
      if (!(loops[l].isStatic() && loops[l].value() == 1) && !map.isFunctionOfDim(l))
        return true;
    return !map.isProjectedPermutation(/*allowZeroInResults=*/true);
  }
  /// A movement from a tensor of lower rank: reading the source is as cheap as reading the copy.
  static bool isBroadcast(exec::NestOp nest) {
    Dims loops = loopDims(nest);
    AffineMap map = accessMap(nest, 0);
    for (unsigned l = 0; l < loops.size(); ++l)
      if (!(loops[l].isStatic() && loops[l].value() == 1) && !map.isFunctionOfDim(l))
        return true;
    return false;
  }
  static size_t bodySize(exec::NestOp nest) {
    return nest.getBody().front().getOperations().size() - 1;
  }
  static bool inputsAreStored(exec::NestOp nest) {
    return llvm::all_of(nest.getInputs(), [](Value v) { return !v.getDefiningOp<exec::NestOp>(); });
  }

  void place(exec::NestOp nest) {
    if (Group *group = bestGroup(nest)) {
      add(nest, *group);
      return;
    }
    Dims loops = loopDims(nest);
    begin(nest, Dims(loops.begin(), loops.begin() + nest.getParallel()),
          matchContraction(nest).has_value());
    groups.back()->isTransposition = turns(nest);
  }
  void begin(Operation *op, Dims domain, bool isContraction) {
    groups.push_back(std::make_unique<Group>());
    groups.back()->domain = std::move(domain);
    groups.back()->contraction = isContraction;
    add(op, *groups.back());
  }
  void add(Operation *op, Group &group) {
    group.members.push_back(op);
    group.size += inlinedBelow(op) + 1;
    groupOf[op] = &group;
  }

  Group *bestGroup(exec::NestOp nest) {
    if (matchContraction(nest) || turns(nest))
      return nullptr;
    llvm::SetVector<Group *> candidates;
    for (auto &[producer, map] : storedInputs(nest))
      if (auto it = groupOf.find(producer); it != groupOf.end())
        candidates.insert(it->second);
    for (Group *group : llvm::reverse(candidates))
      if (joins(nest, *group))
        return group;
    // Maps over one domain with no dependence: updates of one variable, masks of one activation.
    if (isMap(nest))
      for (auto &group : llvm::reverse(groups))
        if (!group->contraction && !candidates.contains(group.get()) && sharesInput(nest, *group) &&
            joins(nest, *group))
          return group.get();
    return nullptr;
  }

  bool sharesInput(exec::NestOp nest, Group &group) {
    for (exec::NestOp member : group.nests())
      if (isMap(member) && loopDims(member) == loopDims(nest))
        for (Value input : nest.getInputs())
          if (llvm::is_contained(member.getInputs(), input) &&
              rank(input) == rank(nest.getOutputs()[0]) && rank(input) > 0)
            return true;
    return false;
  }
  static int64_t rank(Value v) { return llvm::cast<RankedTensorType>(v.getType()).getRank(); }

  /// The nests outside `inlined` that this one reads, with the composed map; null map: read whole.
  llvm::SmallVector<std::pair<Operation *, AffineMap>> storedInputs(exec::NestOp nest) {
    llvm::SmallVector<std::pair<Operation *, AffineMap>> result;
    collectInputs(nest, AffineMap(), result);
    return result;
  }
  void collectInputs(exec::NestOp nest, AffineMap outer,
                     llvm::SmallVectorImpl<std::pair<Operation *, AffineMap>> &result) {
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      Operation *producer = nest.getInputs()[i].getDefiningOp();
      auto producerNest = llvm::dyn_cast_or_null<exec::NestOp>(producer);
      AffineMap map = accessMap(nest, i);
      if (map && outer)
        map = map.compose(outer);
      if (producerNest && inlined.contains(producerNest)) {
        if (!map) {
          // Everything below is read at computed places.
          llvm::SmallVector<std::pair<Operation *, AffineMap>> below;
          collectInputs(producerNest, AffineMap(), below);
          for (auto &[op, m] : below)
            result.push_back({op, AffineMap()});
        } else {
          collectInputs(producerNest, map, result);
        }
      } else if (producer) {
        result.push_back({producer, map});
      }
    }
  }

  /// Whether the nest's kernel is a transposition, by itself or of movements computed in it.
  bool turns(exec::NestOp nest) {
    if (!isMovement(nest))
      return false;
    AffineMap map = accessMap(nest, 0);
    Value source = nest.getInputs()[0];
    while (inlined.contains(source.getDefiningOp())) {
      auto inner = llvm::cast<exec::NestOp>(source.getDefiningOp());
      if (!isMovement(inner))
        return false;
      map = accessMap(inner, 0).compose(map);
      source = inner.getInputs()[0];
    }
    return transpositionOf(nest, source, map).has_value();
  }

  /// Whether `nest` may become the group's last member; shrinks the group's domain if it must.
  bool joins(exec::NestOp nest, Group &group) {
    if (group.isTransposition)
      return false;
    if (group.size + inlinedBelow(nest) + 1 > maxInKernel || dependsThroughOthers(nest, group))
      return false;
    Dims loops = loopDims(nest);
    Dims parallel(loops.begin(), loops.begin() + nest.getParallel());
    if (group.contraction && (!isMap(nest) || parallel != group.domain))
      return false;
    size_t shared = 0;
    while (shared < parallel.size() && shared < group.domain.size() &&
           parallel[shared] == group.domain[shared])
      ++shared;
    for (auto &[producer, map] : storedInputs(nest)) {
      auto it = groupOf.find(producer);
      if (it == groupOf.end() || it->second != &group)
        continue;
      if (!map)
        return false;
      while (shared > 0 && !isIdentityPrefix(map, shared))
        --shared;
    }
    if (group.contraction)
      return shared == group.domain.size();
    if (isMap(nest) && group.isAllMaps())
      return shared == group.domain.size() && shared == parallel.size();
    if (shared == 0)
      return false;
    if (!rowsAreWorthIt(loops, shared))
      return false;
    group.domain.truncate(shared);
    return true;
  }

  /// Row kernels keep what crosses nests in cache: an outer point must not touch too much.
  static bool rowsAreWorthIt(const Dims &loops, size_t shared) {
    int64_t row = 1;
    for (Dim d : llvm::ArrayRef<Dim>(loops).drop_front(shared)) {
      if (!d.isStatic())
        return false;
      row *= d.value();
    }
    return row <= (1 << 16);
  }

  /// Whether `nest` needs something outside the group that itself needs the group.
  bool dependsThroughOthers(exec::NestOp nest, Group &group) {
    llvm::SmallVector<Operation *> work;
    llvm::DenseSet<Operation *> seen;
    auto push = [&](Operation *op) {
      if (op && op->getBlock() == &block && seen.insert(op).second)
        work.push_back(op);
    };
    auto inGroup = [&](Operation *op) {
      auto it = groupOf.find(op);
      return it != groupOf.end() && it->second == &group;
    };
    // Direct inputs may be in the group; what is reached beyond an outside op may not.
    for (auto &[producer, map] : storedInputs(nest))
      if (!inGroup(producer))
        push(producer);
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      // A kernel runs as a whole: whatever its other members need is needed too.
      llvm::SmallVector<Operation *> together{op};
      if (auto it = groupOf.find(op); it != groupOf.end())
        llvm::append_range(together, it->second->members);
      for (Operation *part : together)
        for (Value used : exec::valuesUsedBy(part)) {
          Operation *producer = used.getDefiningOp();
          if (producer && inGroup(producer))
            return true;
          push(producer);
        }
    }
    return false;
  }

  /// Whether anything outside the group reads the value, directly or through nests computed in
  /// place.
  bool leaves(Value value, Group &group) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      if (inlined.contains(user))
        return leaves(user->getResult(0), group);
      return !llvm::is_contained(group.members, user);
    });
  }

  /// Where results of the op are assigned to variables: the ops that read these, and those that may
  /// make the run fail.
  llvm::SmallVector<Operation *> opsBefore(Operation *op);
  /// Whether the op, or what it is in a kernel with, uses what one of `others` makes.
  bool needs(Operation *op, const llvm::DenseSet<Operation *> &others);
  /// The ops that value symbols which the op computes with.
  void forEachBinder(Operation *op, llvm::function_ref<void(Operation *)> visit);
  void emit();
  void emitKernel(Group &group, OpBuilder &b);
  /// Marks the member as one whose result is kept for one outer point, and counts its bytes; false
  /// where that would be too much.
  static bool keeps(Operation *member, Value output, const Group &group, int64_t &bytes);
  void cloneInto(Operation *op, OpBuilder &b, IRMapping &mapping, llvm::SetVector<Value> &inputs,
                 exec::KernelOp kernel);

  Block &block;
  llvm::DenseMap<Operation *, int64_t> inlined; // to the nests inlined with it
  std::vector<std::unique_ptr<Group>> groups;
  llvm::DenseMap<Operation *, Group *> groupOf;
  llvm::DenseSet<Value> leaving; // outputs of members that others read
  /// Ops that may end the run, and whose results are small enough to come early.
  llvm::SmallVector<Operation *> endingRun;
  llvm::StringMap<llvm::SmallVector<Operation *, 1>> binders; // of symbols valued while running
};

/// Copies the op and, before it, the inlined nests it reads; everything else becomes an input.
void KernelFormer::cloneInto(Operation *op, OpBuilder &b, IRMapping &mapping,
                             llvm::SetVector<Value> &inputs, exec::KernelOp kernel) {
  for (Value operand : op->getOperands()) {
    if (mapping.contains(operand))
      continue;
    auto producer = operand.getDefiningOp<exec::NestOp>();
    if (producer && inlined.contains(producer)) {
      cloneInto(producer, b, mapping, inputs, kernel);
      continue;
    }
    inputs.insert(operand);
    mapping.map(operand, kernel.getBody().addArgument(operand.getType(), operand.getLoc()));
  }
  b.clone(*op, mapping);
}

bool KernelFormer::keeps(Operation *member, Value output, const Group &group, int64_t &bytes) {
  int64_t size = reference::elementBytes(getElementTypeOrSelf(output));
  Dims dims = dimsOf(output);
  for (Dim d : llvm::ArrayRef<Dim>(dims).drop_front(group.domain.size())) {
    if (!d.isStatic())
      return false;
    size *= std::max<int64_t>(d.value(), 1);
  }
  if (bytes + size > maxKeptBytes)
    return false;
  bytes += size;
  member->setAttr(kKeptAttr, UnitAttr::get(member->getContext()));
  return true;
}

void KernelFormer::emitKernel(Group &group, OpBuilder &b) {
  llvm::SmallVector<Value> results;
  llvm::SmallVector<Type> types;
  // What crosses nests in a row kernel is kept for one row; elsewhere it stays in registers.
  bool inRegisters = group.contraction || group.isAllMaps();
  int64_t keptBytes = 0;
  for (Operation *member : group.members) {
    for (Value output : member->getResults()) {
      if (!leaving.contains(output) && (inRegisters || keeps(member, output, group, keptBytes)))
        continue;
      results.push_back(output);
      types.push_back(output.getType());
    }
  }
  llvm::SmallVector<Attribute> domain;
  for (Dim d : group.domain)
    domain.push_back(d.asAttribute());
  auto kernel = exec::KernelOp::create(b, group.members.front()->getLoc(), types, ValueRange{},
                                       b.getStringAttr(kernelName(group.members)),
                                       graph::DimsAttr::get(b.getContext(), domain));
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&kernel.getBody());
  IRMapping mapping;
  llvm::SetVector<Value> inputs;
  for (Operation *member : group.members)
    cloneInto(member, b, mapping, inputs, kernel);
  llvm::SmallVector<Value> yields;
  for (Value result : results)
    yields.push_back(mapping.lookup(result));
  exec::YieldOp::create(b, kernel.getLoc(), yields);
  kernel->setOperands(inputs.getArrayRef());
  for (auto [result, output] : llvm::zip(results, kernel.getOutputs()))
    result.replaceAllUsesWith(output);
}

llvm::SmallVector<Operation *> KernelFormer::opsBefore(Operation *op) {
  llvm::SmallVector<Operation *> ops;
  bool isUpdate = false;
  std::function<void(Value)> collect = [&](Value value) {
    for (Operation *user : value.getUsers()) {
      user = block.findAncestorOpInBlock(*user);
      if (user && (inlined.contains(user) || llvm::isa<exec::ViewOp>(user)))
        collect(user->getResult(0));
      else if (user && user != op)
        ops.push_back(user);
    }
  };
  std::function<void(Value)> follow = [&](Value value) {
    for (Operation *user : value.getUsers())
      if (auto view = llvm::dyn_cast<exec::ViewOp>(user))
        follow(view.getResult());
      else if (auto assign = llvm::dyn_cast<exec::AssignVariableOp>(user)) {
        isUpdate = true;
        for (auto read : block.getOps<exec::ReadVariableOp>())
          if (read.getVariable() == assign.getVariable())
            collect(read.getResult());
      }
  };
  for (Value result : op->getResults())
    follow(result);
  llvm::erase_if(ops, [](Operation *reader) {
    return llvm::isa<exec::AssignVariableOp>(reader) || reader->hasTrait<OpTrait::IsTerminator>();
  });
  if (isUpdate)
    llvm::copy_if(endingRun, std::back_inserter(ops), [&](Operation *each) { return each != op; });
  return ops;
}

bool KernelFormer::needs(Operation *op, const llvm::DenseSet<Operation *> &others) {
  llvm::SmallVector<Operation *> work{op};
  llvm::DenseSet<Operation *> seen{op};
  while (!work.empty()) {
    Operation *next = work.pop_back_val();
    llvm::SmallVector<Operation *> together{next};
    if (auto it = groupOf.find(next); it != groupOf.end())
      together.assign(it->second->members.begin(), it->second->members.end());
    for (Operation *part : together) {
      if (others.contains(part))
        return true;
      auto push = [&](Operation *producer) {
        if (producer && producer->getBlock() == &block && seen.insert(producer).second)
          work.push_back(producer);
      };
      for (Value used : exec::valuesUsedBy(part))
        push(used.getDefiningOp());
      forEachBinder(part, push);
    }
  }
  return false;
}

void KernelFormer::forEachBinder(Operation *op, llvm::function_ref<void(Operation *)> visit) {
  if (!binders.empty())
    exec::forEachSymbol(op, [&](llvm::StringRef name) {
      if (auto it = binders.find(name); it != binders.end())
        for (Operation *bind : it->second)
          visit(bind);
    });
}

/// Groups are emitted where all their inputs are ready: at the first member's place everything that
/// is not yet there moves up. A topological order over groups and single ops gives that.
void KernelFormer::emit() {
  for (auto &group : groups) // before anything is replaced
    for (Operation *member : group->members) {
      for (Value output : member->getResults())
        if (leaves(output, *group))
          leaving.insert(output);
      if (auto winograd = llvm::dyn_cast<exec::WinogradOp>(member))
        leaving.insert(winograd.getWorkspace()); // it needs a place
    }
  for (Operation &op : block)
    if (mayEndRun(&op) && isFewElements(&op))
      endingRun.push_back(&op);
  llvm::SmallVector<Operation *> order;
  llvm::DenseSet<Operation *> done;
  for (auto bind : block.getOps<exec::BindOp>())
    for (const auto &symbol : exec::symbolsBoundBy(bind))
      binders[symbol.getKey()].push_back(bind);
  // An update comes after the other readers of its variable and after what may fail, so that it can
  // be made in place; what is under way may not wait for them.
  llvm::DenseSet<Operation *> underWay;
  std::function<void(Operation *)> visit = [&](Operation *op) {
    if (!op || op->getBlock() != &block || inlined.contains(op) || done.contains(op)) {
      if (op && inlined.contains(op))
        for (Value operand : op->getOperands())
          visit(operand.getDefiningOp());
      return;
    }
    llvm::SmallVector<Operation *> together{op};
    if (auto it = groupOf.find(op); it != groupOf.end())
      together.assign(it->second->members.begin(), it->second->members.end());
    for (Operation *part : together) {
      done.insert(part);
      underWay.insert(part);
    }
    for (Operation *part : together)
      for (Operation *other : opsBefore(part))
        if (!done.contains(other) && !needs(other, underWay))
          visit(other);
    for (Operation *part : together) {
      for (Value used : exec::valuesUsedBy(part))
        if (Operation *producer = used.getDefiningOp();
            producer && !llvm::is_contained(together, producer))
          visit(producer);
      forEachBinder(part, visit);
    }
    order.append(together.begin(), together.end());
    for (Operation *part : together)
      underWay.erase(part);
  };
  // Side effects keep their order and come after everything that reads.
  llvm::SmallVector<Operation *> effects;
  for (Operation &op : block.without_terminator()) {
    if (llvm::isa<exec::AssignVariableOp>(op))
      effects.push_back(&op);
    else
      visit(&op);
  }
  order.append(effects.begin(), effects.end());
  for (Operation *op : order)
    op->moveBefore(block.getTerminator());

  for (auto &group : groups) {
    OpBuilder b(group->members.back());
    emitKernel(*group, b);
  }
  // What is in kernels now goes; uses that are left are of each other.
  llvm::SmallVector<Operation *> copied;
  for (auto &group : groups)
    copied.append(group->members.begin(), group->members.end());
  for (auto &[nest, weight] : inlined)
    copied.push_back(nest);
  for (Operation *nest : copied)
    nest->dropAllReferences();
  for (Operation *nest : copied)
    nest->erase();
}

/// A constant that a region's nests use is made there, so that it is computed where it is used.
void sinkConstants(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> constants;
  function.walk([&](exec::NestOp nest) {
    if (nest.getInputs().empty() && !hasChecks(nest))
      constants.push_back(nest);
  });
  for (exec::NestOp nest : constants)
    for (OpOperand &use : llvm::make_early_inc_range(nest->getUses()))
      if (Operation *user = use.getOwner();
          llvm::isa<exec::NestOp>(user) && user->getBlock() != nest->getBlock())
        use.set(OpBuilder(user).clone(*nest)->getResult(
            llvm::cast<OpResult>(use.get()).getResultNumber()));
}

} // namespace

std::string kernelName(llvm::ArrayRef<Operation *> members) {
  std::string name;
  for (Operation *member : members) {
    std::string layer = graph::layerName(member->getLoc());
    if (!layer.empty() && name.find(layer) == std::string::npos && name.size() < 60)
      name += (name.empty() ? "" : "+") + layer;
  }
  return name.empty() ? "kernel" : name;
}

void formKernels(func::FuncOp function) {
  sinkConstants(function);
  exec::forEachBlock(function, [](Block &block) {
    // Nothing reads a dead nest: they go first, from the end.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() &&
          (exec::isControl(&op) ||
           llvm::isa<exec::NestOp, exec::ViewOp, exec::ConstantOp, exec::ReadVariableOp>(op)))
        op.erase();
    KernelFormer(block).run();
  });
}

} // namespace ingot
