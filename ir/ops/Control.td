// Control flow: choice, counted and conditional iteration. Regions see the values around them.
#ifndef INGOT_CONTROL_TD
#define INGOT_CONTROL_TD
include "ir/GraphBase.td"

def Graph_YieldOp : Graph_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["IfOp", "ScanOp", "WhileOp"]>]> {
  let summary = "the values of one run of a control op's region";
  let arguments = (ins Variadic<Graph_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

class Graph_Control<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, [RecursiveMemoryEffects, SingleBlock,
        DeclareOpInterfaceMethods<Graph_Evaluable>] # traits> {
  let hasVerifier = 1;
}

def Graph_IfOp : Graph_Control<"if"> {
  let summary = "what the one region yields where the condition holds, else the other";
  let description = "The regions have no arguments. Only the chosen one runs.";
  let arguments = (ins Graph_BoolTensor:$condition);
  let results = (outs Variadic<Graph_Tensor>:$results);
  let regions = (region SizedRegion<1>:$thenRegion, SizedRegion<1>:$elseRegion);
  let assemblyFormat = [{
    $condition attr-dict `:` functional-type($condition, $results) $thenRegion `else` $elseRegion
  }];
}

def Graph_ScanOp : Graph_Control<"scan", [AttrSizedOperandSegments]> {
  let summary = "runs its body `trips` times, carrying values and stacking results";
  let description = [{
    The body has the arguments: position (a scalar si64), one a carried value, one an input: its slice
    at the position, without the leading dimension, which is `trips`. It yields the new carried values,
    then the values to stack. Results: the last carried values (the given ones when trips is 0), then
    the stacked ones with leading dimension `trips`. Positions run 0, 1, … trips - 1; with `reverse`
    they run down, and slices and stacked values are still at their position.
  }];
  let arguments = (ins Graph_DimsAttr:$trips, Variadic<Graph_Tensor>:$carried,
                       Variadic<Graph_Tensor>:$inputs,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Variadic<Graph_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $trips `carried` `(` $carried `)` `inputs` `(` $inputs `)` attr-dict
    `:` functional-type(operands, results) $body
  }];
  let extraClassDeclaration = [{
    ::ingot::Dim getTripCount() { return ::ingot::Dim(getTrips().getExprs()[0]); }
    /// The last values of what is carried, and the stacked results.
    ::mlir::ResultRange getCarriedResults() { return getResults().take_front(getCarried().size()); }
    ::mlir::ResultRange getStackedResults() { return getResults().drop_front(getCarried().size()); }
    /// The body's arguments.
    ::mlir::BlockArgument getPosition() { return getBody().getArgument(0); }
    ::mlir::Block::BlockArgListType getCarriedArguments() {
      return getBody().getArguments().slice(1, getCarried().size());
    }
    ::mlir::Block::BlockArgListType getInputArguments() {
      return getBody().getArguments().drop_front(1 + getCarried().size());
    }
  }];
}

def Graph_WhileOp : Graph_Control<"while"> {
  let summary = "runs its body on the carried values as long as the condition holds";
  let description = [{
    `condition` takes the carried values and yields a bool scalar; `body` takes them and yields their
    new values. The results are the values for which the condition did not hold.
  }];
  let arguments = (ins Variadic<Graph_Tensor>:$carried);
  let results = (outs Variadic<Graph_Tensor>:$results);
  let regions = (region SizedRegion<1>:$condition, SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $carried `)` attr-dict `:` functional-type($carried, $results) $condition `do` $body
  }];
}
#endif
