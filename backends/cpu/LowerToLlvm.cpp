// Math becomes arithmetic (MathExpansion), then three steps: multi-dimensional vectors and compound
// arithmetic become simple ops, structured control flow becomes branches, then one full conversion
// takes everything to the LLVM dialect.
#include "backends/cpu/LowerToLlvm.h"
#include "backends/cpu/MathExpansion.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

/// Ops that the conversion to the LLVM dialect does not take as they are.
bool needsExpansion(Operation *op) {
  return isa_and_present<vector::VectorDialect>(op->getDialect()) ||
         isa<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

LogicalResult expandCompoundOps(ModuleOp code) {
  SmallVector<Operation *> ops;
  code.walk([&](Operation *op) {
    if (needsExpansion(op))
      ops.push_back(op);
  });
  RewritePatternSet patterns(code.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorMaskOpLoweringPatterns(patterns);
  vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/false);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorTransposeLoweringPatterns(patterns,
                                                  vector::VectorTransposeLowering::Shuffle1D);
  vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  vector::populateVectorRankReducingFMAPattern(patterns);
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false).setStrictness(
      GreedyRewriteStrictness::ExistingAndNewOps);
  return applyOpPatternsGreedily(ops, std::move(patterns), config);
}

LogicalResult lowerControlFlow(ModuleOp code) {
  RewritePatternSet patterns(code.getContext());
  populateSCFToControlFlowConversionPatterns(patterns);
  ConversionTarget target(*code.getContext());
  target.addIllegalOp<scf::ForOp, scf::ForallOp, scf::IfOp, scf::IndexSwitchOp, scf::ParallelOp,
                      scf::WhileOp, scf::ExecuteRegionOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  return applyPartialConversion(code, target, std::move(patterns));
}

LogicalResult convertToLlvmDialect(ModuleOp code) {
  MLIRContext *context = code.getContext();
  LowerToLLVMOptions options(context);
  options.overrideIndexBitwidth(64);
  LLVMTypeConverter types(context, options);
  SymbolTableCollection symbols;
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  index::populateIndexToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns, /*approximateLog1p=*/false);
  ub::populateUBToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns, &symbols);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(code, target, std::move(patterns));
}

/// A task function's address is written as a cast of `func.constant` to a pointer.
void foldPointerCasts(ModuleOp code) {
  SmallVector<UnrealizedConversionCastOp> casts;
  code.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
}

} // namespace

LogicalResult lowerToLlvm(ModuleOp code, const CpuTarget &target, bool fastMath) {
  code.getContext()
      ->loadDialect<LLVM::LLVMDialect, cf::ControlFlowDialect, arith::ArithDialect,
                    vector::VectorDialect>();
  expandMath(code, target, fastMath);
  if (failed(expandCompoundOps(code)) || failed(lowerControlFlow(code)))
    return code.emitError("internal error: generated code cannot be simplified for ")
           << target.name;
  if (failed(convertToLlvmDialect(code)))
    return failure();
  foldPointerCasts(code);
  return success();
}

} // namespace ingot::cpu
