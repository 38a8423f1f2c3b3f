// What an op promises. Passes and back ends ask these interfaces and know no op by name.
// An op that declares a contract and forgets a method fails to link, naming the method.
#ifndef INGOT_CONTRACTS_TD
#define INGOT_CONTRACTS_TD
include "mlir/IR/OpBase.td"

def Graph_Evaluable : OpInterface<"Evaluable"> {
  let cppNamespace = "::ingot::graph";
  let description = [{
    The meaning of the op, as slow and obvious as it can be said. Floats are held in f64 and rounded
    to the element type by the interpreter after each op; integers are exact.
  }];
  let methods = [InterfaceMethod<[{
      Computes the results, which come with type and shape set. On a run-time error (an index out of
      range) describes it with `context.fail` and returns failure.
    }], "::llvm::LogicalResult", "evaluate",
    (ins "::ingot::reference::EvalContext &":$context,
         "::llvm::ArrayRef<::ingot::reference::Tensor>":$operands,
         "::llvm::MutableArrayRef<::ingot::reference::Tensor>":$results)>];
}

def Graph_Scalar : OpInterface<"Scalar"> {
  let cppNamespace = "::ingot::graph";
  let description = [{
    The op computes each element of its one result from the elements at the same place of its
    operands, which all have the result's shape.
  }];
  let methods = [
    InterfaceMethod<"The meaning on one element.",
      "::ingot::reference::Number", "applyScalar",
      (ins "::llvm::ArrayRef<::ingot::reference::Number>":$args)>,
    InterfaceMethod<[{
      The same as arith and math ops on signless scalars, which a back end may widen to vectors: only
      ops that work elementwise. Total: no operand value may be undefined behaviour or poison.
    }], "::mlir::Value", "emitScalar",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc, "::mlir::ValueRange":$args)>];
}

def Graph_Structured : OpInterface<"Structured"> {
  let cppNamespace = "::ingot::graph";
  let description = "The op is lowered to exec.nest and its kin, once for all targets.";
  let methods = [InterfaceMethod<[{
      Emits the op over `operands` (signless element types) and fills `results`, one a result.
    }], "void", "emitStructured",
    (ins "::mlir::OpBuilder &":$b, "::mlir::ValueRange":$operands,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>];
}

def Graph_Composite : OpInterface<"Composite"> {
  let cppNamespace = "::ingot::graph";
  let description = "The op is a formula over other graph ops.";
  let methods = [InterfaceMethod<[{
      Emits the formula and returns one value a result. The interpreter, the gradient and the
      lowering follow from it unless the op gives its own.
    }], "::llvm::SmallVector<::mlir::Value>", "decompose", (ins "::mlir::OpBuilder &":$b)>];
}

def Graph_Differentiable : OpInterface<"Differentiable"> {
  let cppNamespace = "::ingot::graph";
  let description = "The op has a gradient, itself made of graph ops.";
  let methods = [InterfaceMethod<[{
      Given the gradient of each result (null where nothing depends on it), returns the gradient of
      each operand, of the operand's type; null where there is none. May use operands and results.
    }], "::llvm::SmallVector<::mlir::Value>", "gradient",
    (ins "::mlir::OpBuilder &":$b, "::mlir::ValueRange":$dResults)>];
}
#endif
