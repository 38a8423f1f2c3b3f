// See HoistDerived.h.
#include "compiler/layout/HoistDerived.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/FixedOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

class Hoister {
public:
  explicit Hoister(ModuleOp module) : module(module), b(module.getContext()) {}

  void run() {
    for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
      hoistFrom(FixedOps(function));
    if (!derive)
      return;
    b.setInsertionPointToEnd(&derive.getBody().front());
    for (auto &[name, value] : results)
      exec::AssignVariableOp::create(b, derive.getLoc(),
                                     FlatSymbolRefAttr::get(b.getContext(), name), value);
    func::ReturnOp::create(b, derive.getLoc());
  }

private:
  void hoistFrom(const FixedOps &fixed) {
    llvm::DenseSet<Operation *> repeated; // the ones computed in each run all the same
    // Not part of the fixed computation where it is used outside of it.
    auto staysIn = [&](Operation *user) {
      return fixed.all.contains(user) && !repeated.contains(user);
    };
    for (Operation *op : llvm::reverse(fixed.all)) {
      auto nest = llvm::dyn_cast<exec::NestOp>(op);
      if (nest && expands(nest) && !llvm::all_of(op->getUsers(), staysIn))
        repeated.insert(op);
    }
    for (Operation *op : fixed.all) {
      bool worth =
          llvm::isa<exec::NestOp>(op) && op->getNumOperands() > 0 && !repeated.contains(op);
      if (!worth)
        continue;
      for (Value result : op->getResults())
        if (!llvm::all_of(result.getUsers(), staysIn))
          replace(result, staysIn);
    }
  }

  /// A map that makes much more than it reads, such as a bias repeated over an image. Kernels
  /// compute it where they use it; stored it would be memory to read, and bytes of the artifact.
  static bool expands(exec::NestOp nest) {
    constexpr int64_t kFactor = 4, kSmall = 1024;
    int64_t read = 0, made = 0;
    for (Value input : nest.getInputs())
      read += llvm::cast<RankedTensorType>(input.getType()).getNumElements();
    for (Value result : nest.getResults())
      made += llvm::cast<RankedTensorType>(result.getType()).getNumElements();
    return isMap(nest) && made > std::max(kSmall, kFactor * read);
  }

  /// Everything but the fixed computation itself reads the derived variable.
  void replace(Value result, llvm::function_ref<bool(Operation *)> staysIn) {
    std::string name = derivedVariable(result);
    OpBuilder here(result.getContext());
    here.setInsertionPointAfter(result.getDefiningOp());
    Value read = exec::ReadVariableOp::create(here, result.getLoc(), result.getType(),
                                              FlatSymbolRefAttr::get(here.getContext(), name));
    result.replaceUsesWithIf(read, [&](OpOperand &use) { return !staysIn(use.getOwner()); });
  }

  std::string derivedVariable(Value result) {
    Value inDerive = cloneToDerive(result);
    for (auto &[name, value] : results)
      if (value == inDerive)
        return name;
    std::string name = "derived/" + std::to_string(results.size());
    b.setInsertionPointToStart(module.getBody());
    graph::VariableOp::create(b, result.getLoc(), b.getStringAttr(name),
                              TypeAttr::get(result.getType()), b.getStringAttr("derived"),
                              ElementsAttr());
    results.push_back({name, inDerive});
    return name;
  }

  /// The same computation in `derive`; an equal op that is already there serves.
  Value cloneToDerive(Value value) {
    if (auto it = cloned.find(value); it != cloned.end())
      return it->second;
    Value clone = cloneOnce(value);
    cloned[value] = clone;
    return clone;
  }

  Value cloneOnce(Value value) {
    Operation *op = value.getDefiningOp();
    llvm::SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(cloneToDerive(operand));
    ensureDerive();
    for (Operation &existing : derive.getBody().front())
      if (isSame(*op, existing, operands))
        return existing.getResult(llvm::cast<OpResult>(value).getResultNumber());
    b.setInsertionPointToEnd(&derive.getBody().front());
    IRMapping mapping;
    mapping.map(op->getOperands(), operands);
    return b.clone(*op, mapping)->getResult(llvm::cast<OpResult>(value).getResultNumber());
  }

  static bool isSame(Operation &op, Operation &existing, llvm::ArrayRef<Value> operands) {
    if (op.getName() != existing.getName() ||
        llvm::ArrayRef<Value>(llvm::to_vector(existing.getOperands())) != operands)
      return false;
    // Operands agree; compare the rest with both reading the same values.
    llvm::SmallVector<Value> own = llvm::to_vector(op.getOperands());
    op.setOperands(operands);
    bool same =
        OperationEquivalence::isEquivalentTo(&op, &existing, OperationEquivalence::IgnoreLocations);
    op.setOperands(own);
    return same;
  }

  void ensureDerive() {
    if (derive)
      return;
    b.setInsertionPointToEnd(module.getBody());
    derive = func::FuncOp::create(b, module.getLoc(), "derive", b.getFunctionType({}, {}));
    derive->setAttr("exec.inputs", b.getArrayAttr({}));
    derive->setAttr("exec.outputs", b.getArrayAttr({}));
    derive.addEntryBlock();
  }

  ModuleOp module;
  OpBuilder b;
  func::FuncOp derive;
  llvm::DenseMap<Value, Value> cloned; // of the functions' values, which stay in place meanwhile
  llvm::SmallVector<std::pair<std::string, Value>> results;
};

} // namespace

void hoistDerived(ModuleOp module) { Hoister(module).run(); }

} // namespace ingot
