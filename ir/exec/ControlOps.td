// Control flow of compiled programs: the graph's if, scan and while over tensors with signless
// elements. Regions see the values around them and end in exec.yield; back ends make host code of
// them, around the dispatches of the kernels inside.
#ifndef INGOT_EXEC_CONTROL_OPS_TD
#define INGOT_EXEC_CONTROL_OPS_TD
include "ir/exec/ExecBase.td"

class Exec_Control<string mnemonic, list<Trait> traits = []>
    : Exec_Op<mnemonic, [RecursiveMemoryEffects, SingleBlock] # traits> {
  let hasVerifier = 1;
}

def Exec_IfOp : Exec_Control<"if"> {
  let summary = "what the one region yields where the condition holds, else the other";
  let description = "The regions have no arguments. Only the chosen one runs.";
  let arguments = (ins AnyRankedTensor:$condition);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$thenRegion, SizedRegion<1>:$elseRegion);
  let assemblyFormat = [{
    $condition attr-dict `:` functional-type($condition, $results) $thenRegion `else` $elseRegion
  }];
}

def Exec_ScanOp : Exec_Control<"scan", [AttrSizedOperandSegments]> {
  let summary = "runs its body `trips` times, carrying values and stacking results";
  let description = [{
    The body has the arguments position (a scalar i64), the carried values, and each input's slice at
    the position; it yields the new carried values and then the slices to stack. Results: the last
    carried values, then the stacked ones. See graph.scan.
  }];
  let arguments = (ins Graph_DimsAttr:$trips, Variadic<AnyRankedTensor>:$carried,
                       Variadic<AnyRankedTensor>:$inputs,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $trips `carried` `(` $carried `)` `inputs` `(` $inputs `)` attr-dict
    `:` functional-type(operands, results) $body
  }];
  let extraClassDeclaration = [{
    ::ingot::Dim getTripCount() { return ::ingot::Dim(getTrips().getExprs()[0]); }
  }];
}

def Exec_WhileOp : Exec_Control<"while"> {
  let summary = "runs its body on the carried values as long as the condition holds";
  let description = [{
    `condition` takes the carried values and yields a scalar i1; `body` takes them and yields their
    new values. The results are the values for which the condition did not hold.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$carried);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$condition, SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $carried `)` attr-dict `:` functional-type($carried, $results) $condition `do` $body
  }];
}
#endif
