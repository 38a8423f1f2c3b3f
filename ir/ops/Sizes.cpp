// Meaning and lowering of sizes that are known only while the program runs.
#include "ir/Builder.h"
#include "ir/exec/Exec.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;
using reference::EvalContext;
using reference::Tensor;

LogicalResult BindOp::verify() {
  auto function = llvm::dyn_cast<func::FuncOp>(getOperation()->getParentOp());
  if (!function)
    return emitOpError("stands in a region; sizes are bound in the function's body");
  if (getCount().getType() !=
      RankedTensorType::get({}, IntegerType::get(getContext(), 64, IntegerType::Signed)))
    return emitOpError("takes a count of type tensor<si64>, is given ") << getCount().getType();
  Dims given = dimsOf(getX());
  auto lets = function->getAttrOfType<ArrayAttr>("graph.lets");
  for (Attribute entry : lets ? lets.getValue() : llvm::ArrayRef<Attribute>()) {
    auto let = llvm::dyn_cast<ArrayAttr>(entry);
    auto value = let && let.size() == 2 ? llvm::dyn_cast<DimsAttr>(let[1]) : DimsAttr();
    if (!value || let[0] != getSymbolAttr() || value.getExprs().size() != 1)
      continue;
    if (given.empty() || !(given[0] == Dim(value.getExprs()[0])))
      return emitOpError("binds `")
             << getSymbol() << "`, at most " << Dim(value.getExprs()[0]).str()
             << ", to rows of a tensor of shape " << str(given);
    given[0] = Dim::symbol(getContext(), getSymbol());
    if (getResult().getType() != tensorType(given, elementType(getX())))
      return emitOpError("gives ")
             << tensorType(given, elementType(getX())) << ", not " << getResult().getType();
    return success();
  }
  return emitOpError("binds `") << getSymbol() << "`, which graph.lets does not define";
}

LogicalResult BindOp::evaluate(EvalContext &context, llvm::ArrayRef<Tensor> operands,
                               llvm::MutableArrayRef<Tensor> results) {
  int64_t count = operands[1].integer(0), bound = operands[0].shape()[0];
  if (count < 0 || count > bound)
    return context.fail("the size " + std::to_string(count) + " is outside 0 ... " +
                        std::to_string(bound));
  context.bindSymbol(getSymbol(), count);
  llvm::SmallVector<int64_t> shape(operands[0].shape());
  shape[0] = count;
  results[0] = Tensor(elementType(getX()), shape);
  for (int64_t i = 0, e = results[0].numElements(); i < e; ++i)
    results[0].set(i, operands[0].get(i));
  return success();
}

void BindOp::emitStructured(OpBuilder &b, ValueRange operands,
                            llvm::SmallVectorImpl<Value> &results) {
  results.push_back(exec::BindOp::create(b, getLoc(), exec::signless(getResult().getType()),
                                         operands[0], operands[1], getSymbolAttr()));
}
