// See GroupLaunches.h. Groups are found from the end, so that what reads a kernel's results has its
// place when the kernel looks for one.
#include "compiler/memory/GroupLaunches.h"
#include "compiler/fusion/FormAttention.h"
#include "compiler/fusion/Structure.h"
#include "compiler/memory/PlanMemory.h"
#include "ir/exec/Control.h"

using namespace mlir;

namespace ingot {
namespace {

/// Results of a kernel that leaves most of a GPU idle.
constexpr int64_t mostResults = 1 << 16;
/// What all moves together may keep longer than it was needed.
constexpr int64_t mostKeptBytes = 8 << 20;
/// What the kernels that go up to the first may make.
constexpr int64_t mostFirstBytes = 4 << 20;
constexpr size_t mostMembers = 64;

/// The variable that the value is read from, itself or through views; empty: none.
llvm::StringRef variableOf(Value value) {
  auto read = storageRoot(value).getDefiningOp<exec::ReadVariableOp>();
  return read ? read.getVariable() : llvm::StringRef();
}

bool isSmall(exec::KernelOp kernel) {
  if (kernel->hasAttr(kStreamedAttr) || mayFail(kernel))
    return false;
  auto isFew = [](Type type) {
    Dim count = numElements(type.getContext(), dimsOf(type));
    return count.isStatic() && count.value() <= mostResults;
  };
  return llvm::all_of(kernel->getResultTypes(), isFew) &&
         llvm::none_of(kernel.getBody().getOps<exec::NestOp>(),
                       [](exec::NestOp nest) { return matchContraction(nest).has_value(); });
}

class LaunchGrouper {
public:
  explicit LaunchGrouper(Block &block) : block(block) {
    for (auto assign : block.getOps<exec::AssignVariableOp>())
      if (Operation *writer = storageRoot(assign.getX()).getDefiningOp()) {
        writers[assign.getVariable()].push_back(writer);
        writes[writer].push_back(assign.getVariable());
      }
    for (auto kernel : block.getOps<exec::KernelOp>())
      if (isSmall(kernel))
        kernels.push_back(kernel);
    for (auto bind : block.getOps<exec::BindOp>())
      for (const auto &symbol : exec::symbolsBoundBy(bind))
        bound.insert(symbol.getKey());
  }

  void run() {
    gatherFirst();
    for (exec::KernelOp kernel : llvm::reverse(kernels))
      if (!isFirst.contains(kernel))
        place(kernel);
    int64_t number = 0;
    groups.push_back(std::move(first));
    for (const Group &group : groups)
      if (group.size() > 1) {
        for (Operation *member : group)
          member->setAttr(kLaunchAttr, OpBuilder(member).getI64IntegerAttr(number));
        ++number;
      }
  }

private:
  using Group = llvm::SmallVector<Operation *>; // in the order of the block

  /// Whether nothing has to run before the op.
  bool isReadyAtStart(Operation *op) {
    bool isBound = false;
    exec::forEachSymbol(op, [&](llvm::StringRef name) { isBound |= bound.contains(name); });
    return !isBound && llvm::all_of(op->getOperands(), [](Value operand) {
      while (auto view = operand.getDefiningOp<exec::ViewOp>())
        operand = view.getX();
      Operation *maker = operand.getDefiningOp();
      return !maker || llvm::isa<exec::ReadVariableOp, exec::ConstantOp>(maker);
    });
  }

  void gatherFirst() {
    int64_t bytes = 0;
    for (exec::KernelOp kernel : kernels) {
      if (first.size() == mostMembers || writes.contains(kernel) || !isReadyAtStart(kernel))
        continue;
      for (Type made : kernel->getResultTypes())
        bytes += tensorBytes(made).value();
      if (bytes > mostFirstBytes)
        return;
      if (!first.empty()) {
        bringOperandsBefore(kernel, first.front());
        kernel->moveAfter(first.back());
      }
      first.push_back(kernel);
      isFirst.insert(kernel);
    }
  }

  static void bringOperandsBefore(Operation *op, Operation *place) {
    for (Value operand : op->getOperands())
      if (Operation *maker = operand.getDefiningOp(); maker && place->isBeforeInBlock(maker)) {
        bringOperandsBefore(maker, place);
        maker->moveBefore(place);
      }
  }

  /// Puts the kernel in front of the last group that can take it, or begins one where it is.
  void place(exec::KernelOp kernel) {
    llvm::SmallVector<Operation *> views;
    collectViews(kernel, views);
    Operation *user = firstUser(kernel, views);
    llvm::SmallVector<Need> needs = needsOf(kernel);
    for (Group &group : groups) {
      if (group.size() == mostMembers || !group.back()->isBeforeInBlock(user))
        continue;
      std::optional<int64_t> bytes = bytesKept(needs, group);
      if (!bytes || keptBytes + *bytes > mostKeptBytes || keepsVariables(kernel, group))
        continue;
      keptBytes += *bytes;
      kernel->moveBefore(group.front());
      for (Operation *view : llvm::reverse(views))
        view->moveAfter(group.back());
      group.insert(group.begin(), kernel);
      return;
    }
    begin(kernel);
  }
  void begin(exec::KernelOp kernel) { groups.push_back({kernel}); }

  /// Views in the block of what the op makes, and views of these, in order.
  static void collectViews(Operation *op, llvm::SmallVectorImpl<Operation *> &views) {
    for (Operation *user : op->getUsers())
      if (llvm::isa<exec::ViewOp>(user) && user->getBlock() == op->getBlock()) {
        views.push_back(user);
        collectViews(user, views);
      }
  }

  Operation *firstUser(Operation *kernel, llvm::ArrayRef<Operation *> views) {
    Operation *earliest = block.getTerminator();
    auto look = [&](Operation *op) {
      for (Operation *user : op->getUsers()) {
        user = block.findAncestorOpInBlock(*user);
        if (!llvm::is_contained(views, user) && user->isBeforeInBlock(earliest))
          earliest = user;
      }
    };
    look(kernel);
    for (Operation *view : views)
      look(view);
    return earliest;
  }

  /// Whether the move, or running together, would keep a variable from being updated in place.
  bool keepsVariables(exec::KernelOp kernel, const Group &group) {
    for (Value operand : kernel->getOperands())
      if (llvm::StringRef variable = variableOf(operand); !variable.empty())
        for (Operation *writer : writers.lookup(variable))
          if (writer != kernel && !group.back()->isBeforeInBlock(writer))
            return true;
    auto written = writes.find(kernel);
    return written != writes.end() && llvm::any_of(group, [&](Operation *member) {
             return llvm::any_of(member->getOperands(), [&](Value operand) {
               return llvm::is_contained(written->second, variableOf(operand));
             });
           });
  }

  /// A tensor of the arena that a kernel reads.
  struct Need {
    Operation *last; // that reads it
    Dim bytes;
  };
  static llvm::SmallVector<Need> needsOf(exec::KernelOp kernel) {
    llvm::SmallVector<Need> needs;
    llvm::DenseSet<Value> seen;
    for (Value operand : kernel->getOperands()) {
      Value root = storageRoot(operand);
      Operation *maker = root.getDefiningOp();
      if (maker && !llvm::isa<exec::ReadVariableOp, exec::ConstantOp>(maker) &&
          seen.insert(root).second)
        needs.push_back({lastUser(root), tensorBytes(root.getType())});
    }
    return needs;
  }

  /// What is needed longer than before when the kernel comes to stand before the group; nothing
  /// where that is not known.
  static std::optional<int64_t> bytesKept(llvm::ArrayRef<Need> needs, const Group &group) {
    int64_t bytes = 0;
    for (const Need &need : needs) {
      if (!need.last->isBeforeInBlock(group.front()))
        continue;
      if (!need.bytes.isStatic())
        return std::nullopt;
      bytes += need.bytes.value();
    }
    return bytes;
  }

  Block &block;
  llvm::SmallVector<exec::KernelOp> kernels; // the small ones
  llvm::StringSet<> bound;                   // symbols that are valued while running
  llvm::StringMap<llvm::SmallVector<Operation *, 1>> writers;
  llvm::DenseMap<Operation *, llvm::SmallVector<llvm::StringRef, 1>> writes; // variables
  Group first;
  llvm::DenseSet<Operation *> isFirst;
  llvm::SmallVector<Group> groups; // each before those that were found earlier
  int64_t keptBytes = 0;
};

} // namespace

std::optional<int64_t> launchGroup(Operation *op) {
  auto number = op->getAttrOfType<IntegerAttr>(kLaunchAttr);
  return number ? std::optional(number.getInt()) : std::nullopt;
}

void groupLaunches(func::FuncOp function) { LaunchGrouper(function.getBody().front()).run(); }

} // namespace ingot
