// Ops whose computation is a user's C function. In C++ they are in ir/ops/Custom.h, apart from the other
// families: few files know them.
#ifndef INGOT_CUSTOM_TD
#define INGOT_CUSTOM_TD
include "ir/GraphBase.td"

def Graph_CustomOpOp : Graph_Op<"custom_op", [Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "declares a C function as an op: its signature, shape rule and contract";
  let description = [{
    `sym_name` is the op's full name ("com.example::Cube"), `function` the symbol of its code, which the
    module does not hold (CompileOptions::customCode).

    inputs: [{name = "x", types = [f32, f64], shape = #graph.dims<[n, m]>} ]. A name in `shape` that was
    not seen before stands for the dimension; other expressions, and names seen before, are what the
    dimension must be. `shape = "x"` is the shape of an earlier input; without `shape` it is any.
    parameters: [{name = "scale", kind = "float", default = 1.0 : f32} ], kinds being int, float, ints,
    floats and string; without a default the call must give it.
    outputs: [{name = "y", type = f32, shape = #graph.dims<[n, m * 2]>} ]; `type = "x"` and `shape = "x"`
    are those of an input. Expressions are over the inputs' dimensions, int parameters, and
    `x.elements`, the number of elements of a tensor. `workspace` is a number of bytes, over these and
    the outputs' `elements`.

    `gradient` is a custom op from inputs, outputs and the gradients of the outputs that are floats to
    the gradients of the inputs that are floats.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$function, ArrayAttr:$inputs,
                       ArrayAttr:$outputs, ArrayAttr:$parameters, Graph_DimsAttr:$workspace,
                       BoolAttr:$thread_safe, DefaultValuedAttr<BoolAttr, "true">:$deterministic,
                       DefaultValuedAttr<BoolAttr, "false">:$parallel,
                       OptionalAttr<FlatSymbolRefAttr>:$gradient);
  let assemblyFormat = "$sym_name attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// What a call with inputs of certain types is.
    struct Signature {
      ::llvm::SmallVector<::ingot::Dims> inputs; ///< the shapes that the inputs must have
      ::llvm::SmallVector<::mlir::Type> results;
      ::ingot::Dim workspace;
    };
    /// Failure, with a message, where types or ranks do not fit or static dimensions differ. Where
    /// symbolic ones differ, `inputs` have other dimensions than were given.
    ::mlir::FailureOr<Signature>
    signature(::mlir::TypeRange inputs, ::mlir::DictionaryAttr parameters,
              ::llvm::function_ref<::mlir::InFlightDiagnostic()> emitError);
    /// All parameters of a call that gives these: with the defaults of the others. Failure, with a
    /// message, where one is missing, unknown or of another kind.
    ::mlir::FailureOr<::mlir::DictionaryAttr>
    completeParameters(::mlir::DictionaryAttr given,
                       ::llvm::function_ref<::mlir::InFlightDiagnostic()> emitError);
  }];
}

def Graph_CustomCallOp : Graph_Op<"custom_call", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>,
    DeclareOpInterfaceMethods<Graph_Differentiable>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "calls the C function of a graph.custom_op";
  let description = [{
    `parameters` has every parameter of the declaration. Types are those of its signature. A call of an
    op that is not deterministic is an effect: it is neither merged with an equal one nor left out. The
    interpreter does not run native code. A status that the function returns makes the run fail with
    one that names the node.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<Graph_Tensor>:$inputs,
                       DictionaryAttr:$parameters);
  let results = (outs Variadic<Graph_Tensor>:$results);
  let assemblyFormat = [{
    $callee `(` $inputs `)` `with` $parameters attr-dict `:` functional-type($inputs, $results)
  }];
}
#endif
