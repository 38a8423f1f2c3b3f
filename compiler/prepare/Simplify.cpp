// Makes a graph smaller without changing a bit of any result; see Prepare.h.
//
// What is exact is said by the ops' own folders. Here: constants are computed through the reference
// interpreter, equal ops are merged, what nothing uses is erased.
#include "compiler/prepare/Prepare.h"
#include "ir/Builder.h"
#include "ir/Text.h"
#include "ir/reference/Interpreter.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace ingot {
namespace {

/// A constant computed when compiling takes at most this many elements, of an operand or a result:
/// more would make the artifact larger for a computation that `derive` does once.
constexpr int64_t kFoldLimit = 4096;

int64_t elementsOf(Value v) {
  auto type = llvm::cast<RankedTensorType>(v.getType());
  return type.hasStaticShape() ? type.getNumElements() : kFoldLimit + 1;
}

/// What is known of an op's operands when compiling.
struct Operands {
  bool allConstant = true, allSplat = true, small = true;
  explicit Operands(Operation *op) {
    for (Value v : op->getOperands()) {
      auto constant = v.getDefiningOp<graph::ConstantOp>();
      allConstant &= static_cast<bool>(constant);
      allSplat &= constant && graph::splatOf(constant.getValue());
      small &= elementsOf(v) <= kFoldLimit;
    }
  }
};

DenseElementsAttr attributeOf(const reference::Tensor &tensor) {
  auto type = RankedTensorType::get(tensor.shape(), tensor.element());
  llvm::SmallVector<Attribute> values;
  for (int64_t i = 0, e = tensor.numElements(); i < e; ++i)
    if (reference::isText(tensor.element()))
      values.push_back(StringAttr::get(reference::textOf(tensor.get(i)), tensor.element()));
    else if (tensor.isFloat())
      values.push_back(FloatAttr::get(tensor.element(), tensor.real(i)));
    else
      values.push_back(IntegerAttr::get(
          tensor.element(), llvm::APInt(tensor.element().getIntOrFloatBitWidth(),
                                        static_cast<uint64_t>(tensor.integer(i)), false, true)));
  return DenseElementsAttr::get(type, values);
}

/// Runs a copy of `op` over copies of its constant operands on the reference interpreter. With
/// `asScalars`, on one element of each splat. Failure when the op fails.
FailureOr<llvm::SmallVector<DenseElementsAttr>> evaluate(Operation *op, bool asScalars) {
  OpBuilder b(op->getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(b, op->getLoc());
  b.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(b, op->getLoc(), "fold", b.getFunctionType({}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  auto scalarType = [](Type type) {
    return RankedTensorType::get({}, llvm::cast<RankedTensorType>(type).getElementType());
  };
  IRMapping mapping;
  for (Value v : op->getOperands()) {
    Operation *copy = b.clone(*v.getDefiningOp());
    if (asScalars) {
      auto constant = llvm::cast<graph::ConstantOp>(copy);
      constant.setValueAttr(graph::scalarElements(graph::splatOf(constant.getValue())));
      constant.getResult().setType(scalarType(v.getType()));
    }
    mapping.map(v, copy->getResult(0));
  }
  Operation *copy = b.clone(*op, mapping);
  if (asScalars)
    for (OpResult result : copy->getResults())
      result.setType(scalarType(result.getType()));
  func::ReturnOp::create(b, op->getLoc(), copy->getResults());
  auto values = reference::Interpreter(*module).run("fold", {});
  if (failed(values))
    return failure();
  return llvm::map_to_vector(*values, attributeOf);
}

/// Elementwise ops of splats become splats, of whatever shape; other pure ops of small constants
/// are computed.
struct FoldConstants : RewritePattern {
  explicit FoldConstants(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    bool scalar = llvm::isa<graph::Scalar>(op);
    if (!(scalar || llvm::isa<graph::Evaluable>(op)) || op->getNumOperands() == 0 ||
        op->getNumRegions() != 0 || !isPure(op))
      return failure();
    Operands operands(op);
    bool asScalars = scalar && operands.allSplat;
    bool small = operands.small && llvm::all_of(op->getResults(), [](Value v) {
                   return elementsOf(v) <= kFoldLimit;
                 });
    if (!operands.allConstant || !(asScalars || small))
      return failure();
    auto values = evaluate(op, asScalars);
    if (failed(values))
      return failure();
    llvm::SmallVector<Value> constants;
    for (auto [result, value] : llvm::zip_equal(op->getResults(), *values))
      constants.push_back(
          graph::ConstantOp::create(rewriter, op->getLoc(), result.getType(), value));
    rewriter.replaceOp(op, constants);
    return success();
  }
};

} // namespace

LogicalResult simplify(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<FoldConstants>(module.getContext());
  FrozenRewritePatternSet frozen(std::move(patterns));
  IRRewriter rewriter(module.getContext());
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    DominanceInfo dominance(function);
    eliminateCommonSubExpressions(rewriter, dominance, function);
    if (failed(applyPatternsGreedily(function, frozen)))
      return function.emitError("internal error: simplification of `")
             << function.getName() << "` does not come to an end";
    DominanceInfo after(function);
    eliminateCommonSubExpressions(rewriter, after, function);
  }
  return success();
}

} // namespace ingot
