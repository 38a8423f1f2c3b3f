// State that lives between runs.
#ifndef INGOT_VARIABLE_TD
#define INGOT_VARIABLE_TD
include "ir/GraphBase.td"

def Graph_VariableOp : Graph_Op<"variable", [Symbol]> {
  let summary = "declares a variable of the module";
  let description = [{
    `sym_name` is the variable's canonical name ("dense/kernel"). `role` is "trainable", "state"
    (batch-norm statistics), "optimizer" or "control" (learning rate, step, seed). `value`, if given,
    is the initial or the frozen value.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, StrAttr:$role,
                       OptionalAttr<ElementsAttr>:$value);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
}

def Graph_ReadOp : Graph_Op<"read", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    MemoryEffects<[MemRead]>]> {
  let summary = "the variable's value at this point of the program";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$variable attr-dict `:` type($result)";
}

def Graph_AssignOp : Graph_Op<"assign", [DeclareOpInterfaceMethods<Graph_Evaluable>,
    MemoryEffects<[MemWrite]>]> {
  let summary = "gives the variable a new value, visible to later reads";
  let arguments = (ins FlatSymbolRefAttr:$variable, Graph_Tensor:$x);
  let assemblyFormat = "$variable `,` $x attr-dict `:` type($x)";
}
#endif
