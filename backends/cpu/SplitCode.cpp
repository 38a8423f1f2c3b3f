// Consecutive functions fill a module until it holds its share of the ops; then each module gets
// declarations of what it uses from the others.
#include "backends/cpu/SplitCode.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

// Compiling fewer ops than this takes less time than starting a code generator for them.
constexpr int64_t fewestOps = 4000;
constexpr int64_t mostModules = 16;

int64_t countOps(Operation *op) {
  int64_t count = 0;
  op->walk([&](Operation *) { ++count; });
  return count;
}

using Symbols = llvm::DenseMap<StringAttr, Operation *>;

/// Adds to `part` what its functions use and do not define, and what constants that it takes so
/// point to. `all` holds the symbols of all parts.
void declareUses(ModuleOp part, const Symbols &all) {
  llvm::SmallVector<StringAttr> used;
  auto noteUses = [&](Operation *user) {
    user->walk([&](Operation *op) {
      if (auto call = dyn_cast<LLVM::CallOp>(op)) {
        if (call.getCalleeAttr())
          used.push_back(call.getCalleeAttr().getAttr());
      } else if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
        used.push_back(address.getGlobalNameAttr().getAttr());
      }
    });
  };
  noteUses(part);
  SymbolTable table(part);
  OpBuilder builder = OpBuilder::atBlockEnd(part.getBody());
  for (size_t i = 0; i < used.size(); ++i) {
    StringAttr name = used[i];
    Operation *symbol = all.lookup(name);
    if (!symbol || table.lookup(name))
      continue;
    auto function = dyn_cast<LLVM::LLVMFuncOp>(symbol);
    Operation *copy = function ? symbol->cloneWithoutRegions() : symbol->clone();
    if (function && !function.isExternal())
      cast<LLVM::LLVMFuncOp>(copy).setVisibility_(LLVM::Visibility::Hidden);
    table.insert(builder.insert(copy));
    noteUses(copy);
  }
}

} // namespace

std::vector<OwningOpRef<ModuleOp>> splitCode(ModuleOp code) {
  Symbols all;
  llvm::SmallVector<LLVM::LLVMFuncOp> functions;
  for (Operation &op : *code.getBody()) {
    if (auto name = op.getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName()))
      all[name] = &op;
    if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op); function && !function.isExternal())
      functions.push_back(function);
  }
  const int64_t share = std::max(fewestOps, countOps(code) / mostModules + 1);
  std::vector<OwningOpRef<ModuleOp>> parts;
  int64_t filled = share;
  for (LLVM::LLVMFuncOp function : functions) {
    if (filled >= share) {
      parts.push_back(ModuleOp::create(code.getLoc()));
      (*parts.back())->setAttrs(code->getAttrs());
      filled = 0;
    }
    filled += countOps(function);
    function->moveBefore(parts.back()->getBody(), parts.back()->getBody()->end());
  }
  for (OwningOpRef<ModuleOp> &part : parts)
    declareUses(*part, all);
  return parts;
}

} // namespace ingot::cpu
