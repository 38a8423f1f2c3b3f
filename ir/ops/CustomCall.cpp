// Calls of custom ops: checks, gradient and lowering. Declarations are in Custom.cpp.
#include "ir/Builder.h"
#include "ir/exec/Custom.h"
#include "ir/ops/Custom.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;

namespace {

CustomOpOp declarationOf(CustomCallOp call) {
  return SymbolTable::lookupNearestSymbolFrom<CustomOpOp>(call, call.getCalleeAttr());
}

/// Those of the call that `declaration` has too: a gradient takes its op's.
DictionaryAttr parametersFor(CustomOpOp declaration, DictionaryAttr given) {
  llvm::SmallVector<NamedAttribute> kept;
  for (Attribute parameter : declaration.getParameters()) {
    auto name = llvm::cast<DictionaryAttr>(parameter).getAs<StringAttr>("name");
    if (Attribute value = given.get(name))
      kept.emplace_back(name, value);
  }
  return DictionaryAttr::get(given.getContext(), kept);
}

bool isFloat(Value v) { return llvm::isa<FloatType>(elementType(v)); }

} // namespace

LogicalResult CustomCallOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto declaration = symbols.lookupNearestSymbolFrom<CustomOpOp>(*this, getCalleeAttr());
  if (!declaration)
    return emitOpError("calls `") << getCallee()
                                  << "`, which is not declared: give its description with "
                                     "--custom-op";
  auto error = [&] { return emitError(); };
  auto parameters = declaration.completeParameters(getParameters(), error);
  if (failed(parameters))
    return failure();
  if (*parameters != getParameters())
    return emitOpError("does not give all parameters of `") << getCallee() << "`";
  auto signature = declaration.signature(getInputs().getTypes(), *parameters, error);
  if (failed(signature))
    return failure();
  for (auto [i, input] : llvm::enumerate(getInputs()))
    if (dimsOf(input) != signature->inputs[i])
      return emitOpError("has an input of shape ")
             << str(dimsOf(input)) << " where `" << getCallee() << "` takes "
             << str(signature->inputs[i]);
  if (signature->results != llvm::to_vector(getResultTypes()))
    return emitOpError("has results of other types than the rule of `") << getCallee() << "` gives";
  return success();
}

void CustomCallOp::getEffects(
    llvm::SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  CustomOpOp declaration = declarationOf(*this);
  if (!declaration || !declaration.getDeterministic())
    effects.emplace_back(MemoryEffects::Write::get());
}

LogicalResult CustomCallOp::evaluate(reference::EvalContext &context,
                                     llvm::ArrayRef<reference::Tensor>,
                                     llvm::MutableArrayRef<reference::Tensor>) {
  return context.fail("the custom op `" + getCallee().str() +
                      "` is native code, which the interpreter does not run");
}

void CustomCallOp::emitStructured(OpBuilder &b, ValueRange operands,
                                  llvm::SmallVectorImpl<Value> &results) {
  CustomOpOp declaration = declarationOf(*this);
  auto signature =
      declaration.signature(getInputs().getTypes(), getParameters(), [&] { return emitError(); });
  assert(succeeded(signature) && "the verifier has seen it");
  llvm::SmallVector<Type> types;
  llvm::SmallVector<Attribute> elements, parameters;
  for (Value input : getInputs())
    elements.push_back(TypeAttr::get(elementType(input)));
  for (Type type : signature->results) {
    types.push_back(exec::signless(type));
    elements.push_back(TypeAttr::get(llvm::cast<RankedTensorType>(type).getElementType()));
  }
  Dim workspace = signature->workspace;
  if (!workspace.isStatic() || workspace.value() != 0)
    types.push_back(tensorType({workspace}, b.getI8Type()));
  for (Attribute parameter : declaration.getParameters()) {
    auto name = llvm::cast<DictionaryAttr>(parameter).getAs<StringAttr>("name");
    parameters.push_back(b.getArrayAttr({name, getParameters().get(name)}));
  }
  auto call = exec::CustomCallOp::create(
      b, getLoc(), types, operands, declaration.getSymNameAttr(), declaration.getFunctionAttr(),
      b.getArrayAttr(elements), b.getArrayAttr(parameters), declaration.getThreadSafeAttr(),
      declaration.getDeterministicAttr(), declaration.getParallelAttr());
  llvm::append_range(results, call.getResults().take_front(getNumResults()));
}

/// A call of the declaration's gradient; nothing, and a message, where there is none that fits.
Values CustomCallOp::gradient(OpBuilder &b, ValueRange dResults) {
  CustomOpOp declaration = declarationOf(*this);
  FlatSymbolRefAttr symbol = declaration.getGradientAttr();
  auto error = [&] { return emitError("the custom op `") << getCallee() << "` "; };
  if (!symbol) {
    error() << "has no gradient, and the loss depends on a value to be trained through it; name a "
               "custom op that computes it as `gradient` in its description";
    return {};
  }
  auto gradient = SymbolTable::lookupNearestSymbolFrom<CustomOpOp>(*this, symbol);
  auto misfit = [&] { return error() << "has the gradient `" << symbol.getValue() << "`: "; };
  Values operands(getInputs());
  llvm::append_range(operands, getResults());
  for (auto [result, d] : llvm::zip(getResults(), dResults))
    if (isFloat(result))
      operands.push_back(d ? d : splat(b, getLoc(), elementType(result), dimsOf(result), 0));
  auto parameters = gradient.completeParameters(parametersFor(gradient, getParameters()), misfit);
  auto signature = failed(parameters)
                       ? FailureOr<CustomOpOp::Signature>(failure())
                       : gradient.signature(ValueRange(operands).getTypes(), *parameters, misfit);
  if (failed(signature))
    return {};
  for (auto [operand, dims] : llvm::zip(operands, signature->inputs))
    if (dimsOf(operand) != dims) {
      misfit() << "it takes an input of shape " << str(dims) << " where it is given one of shape "
               << str(dimsOf(operand));
      return {};
    }
  auto call = CustomCallOp::create(b, getLoc(), signature->results, symbol, operands, *parameters);
  Values gradients;
  unsigned next = 0;
  for (Value input : getInputs()) {
    gradients.push_back(isFloat(input) ? call.getResult(next++) : Value());
    if (gradients.back() && gradients.back().getType() != input.getType()) {
      misfit() << "it gives " << gradients.back().getType() << " for an input of "
               << input.getType();
      return {};
    }
  }
  return gradients;
}
