// Replaces the names in MLIR's locations by what the translation to LLVM IR understands.
#include "backends/cpu/DebugLocations.h"
#include "ir/Graph.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/BinaryFormat/Dwarf.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

class LocationWriter {
public:
  explicit LocationWriter(ModuleOp code)
      : context(code.getContext()), file(makeFile("ingot")),
        unit(LLVM::DICompileUnitAttr::get(DistinctAttr::create(UnitAttr::get(context)),
                                          llvm::dwarf::DW_LANG_C99, file,
                                          StringAttr::get(context, "ingot"), /*isOptimized=*/true,
                                          LLVM::DIEmissionKind::LineTablesOnly)) {}

  void write(LLVM::LLVMFuncOp function) {
    auto name = StringAttr::get(context, function.getSymName());
    auto type = LLVM::DISubroutineTypeAttr::get(context, llvm::dwarf::DW_CC_normal, {});
    LLVM::DIFileAttr own = fileOf(function.getLoc());
    auto flags = LLVM::DISubprogramFlags::Definition | LLVM::DISubprogramFlags::Optimized;
    auto scope = LLVM::DISubprogramAttr::get(context, DistinctAttr::create(UnitAttr::get(context)),
                                             unit, own, name, name, own, /*line=*/1,
                                             /*scopeLine=*/1, flags, type, {}, {});
    function.walk([&](Operation *op) {
      if (op == function)
        return;
      LLVM::DIFileAttr node = fileOf(op->getLoc());
      auto block = LLVM::DILexicalBlockFileAttr::get(scope, node, /*discriminator=*/0);
      op->setLoc(at(node, block));
    });
    function->setLoc(at(own, scope));
  }

private:
  LLVM::DIFileAttr makeFile(llvm::StringRef name) {
    return LLVM::DIFileAttr::get(context, name, "");
  }
  LLVM::DIFileAttr fileOf(Location location) {
    std::string name = graph::layerName(location);
    return name.empty() ? file : makeFile(name);
  }
  Location at(LLVM::DIFileAttr node, Attribute scope) {
    Location line = FileLineColLoc::get(node.getName(), /*line=*/1, /*column=*/0);
    return FusedLoc::get(context, {line}, scope);
  }

  MLIRContext *context;
  LLVM::DIFileAttr file;
  LLVM::DICompileUnitAttr unit;
};

} // namespace

void addDebugLocations(ModuleOp code) {
  LocationWriter writer(code);
  code.walk([&](LLVM::LLVMFuncOp function) {
    if (!function.isExternal())
      writer.write(function);
  });
}

} // namespace ingot::cpu
