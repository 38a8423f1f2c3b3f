// Calls of users' C functions in compiled programs. In C++ they are in ir/exec/Custom.h.
#ifndef INGOT_EXEC_CUSTOM_OPS_TD
#define INGOT_EXEC_CUSTOM_OPS_TD
include "ir/exec/ExecBase.td"

def Exec_CustomCallOp : Exec_Op<"custom_call", [MemoryEffects<[MemWrite]>]> {
  let summary = "calls a user's C function; see runtime/include/ingot/custom_op.h and graph.custom_call";
  let description = [{
    `elements` are the graph's element types of the inputs and then of the outputs. A result more than
    outputs is the workspace, bytes that live during the call. `parameters` are [name, value] in the
    order of the declaration `callee`; a value is an i64, an f32, an array of these, or a string.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, StrAttr:$callee, StrAttr:$function,
                       TypeArrayAttr:$elements, ArrayAttr:$parameters, BoolAttr:$thread_safe,
                       BoolAttr:$deterministic, BoolAttr:$parallel);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)";
  let extraClassDeclaration = [{
    unsigned getNumOutputs() { return getElements().size() - getInputs().size(); }
  }];
}
#endif
