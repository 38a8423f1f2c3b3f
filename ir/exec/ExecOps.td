// The exec dialect: the compiled program. A nest is a structured computation (map, reduction,
// contraction, window); a kernel is a DAG of nests over one shared outer tile space. None of these
// is a model's op, and back ends see nothing else.
#ifndef INGOT_EXEC_OPS_TD
#define INGOT_EXEC_OPS_TD
include "ir/exec/ExecBase.td"

def Exec_Combiner : I32EnumAttr<"Combiner", "how a nest combines the values of its reduction loops", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">, I32EnumAttrCase<"UMax", 5, "umax">,
    I32EnumAttrCase<"UMin", 6, "umin">, I32EnumAttrCase<"ArgMax", 7, "argmax">,
    I32EnumAttrCase<"ArgMin", 8, "argmin">, I32EnumAttrCase<"Moments", 9, "moments">]> {
  let cppNamespace = "::ingot::exec";
}

def Exec_NestOp : Exec_Op<"nest", [Pure, SingleBlockImplicitTerminator<"::ingot::exec::YieldOp">]> {
  let summary = "a computation over a rectangular domain of loops";
  let description = [{
    The first `parallel` loops index the results; the others are reduction loops whose yielded values
    are combined, in row-major order up to lane trees, by `combiner`. The block has one index argument
    a loop, then one argument an input: with an affine map in `accesses`, the element at map(loops);
    with a unit attribute, the whole tensor, which the body reads with exec.read. The affine map must
    stay inside the tensor for every point of the domain.
    argmax and argmin yield (value, index) and keep the first of equal values; a NaN wins.
    moments yield (number of values, their mean, sum of their squared deviations from it), of one float
    type: a point (1, x, 0), or what other such nests have.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Graph_DimsAttr:$bounds, I64Attr:$parallel,
                       ArrayAttr:$accesses, Exec_Combiner:$combiner);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $combiner `domain` $bounds `parallel` $parallel `(` $inputs `)` `at` $accesses attr-dict
    `:` functional-type($inputs, $outputs) $body
  }];
}

def Exec_YieldOp : Exec_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "the values of one point of a nest, or the results of a kernel";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Exec_ReadOp : Exec_Op<"read", [Pure, AttrSizedOperandSegments]> {
  let summary = "the element at computed indices, or a default where the guard does not hold";
  let description = [{
    Inside a nest's body. Without a guard the indices are inside the tensor; with one they need be so
    only where it holds.
  }];
  let arguments = (ins AnyRankedTensor:$tensor, Variadic<Index>:$indices, Optional<I1>:$guard,
                       Optional<AnyType>:$otherwise);
  let results = (outs AnyType:$result);
  let assemblyFormat = [{
    $tensor `[` $indices `]` (`if` $guard^ `else` $otherwise `:` type($otherwise))? attr-dict
    `:` type($tensor) `->` type($result)
  }];
}

def Exec_CheckOp : Exec_Op<"check", [MemoryEffects<[MemWrite]>]> {
  let summary = "makes the run return a status naming this op's node unless the condition holds";
  let arguments = (ins I1:$condition);
  let assemblyFormat = "$condition attr-dict";
}

def Exec_ExtentOp : Exec_Op<"extent", [Pure]> {
  let summary = "the value of a dimension expression, inside a nest's body";
  let arguments = (ins Graph_DimsAttr:$dim);
  let results = (outs Index:$result);
  let assemblyFormat = "$dim attr-dict";
}

def Exec_ConstantOp : Exec_Op<"constant", [Pure]> {
  let summary = "a tensor of read-only data that is part of the artifact";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
}

def Exec_ViewOp : Exec_Op<"view", [Pure]> {
  let summary = "the same memory seen with other dimensions (row-major)";
  let description = "`checked`: the plan refuses sizes for which the numbers of elements differ.";
  let arguments = (ins AnyRankedTensor:$x, UnitAttr:$checked);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
}

def Exec_BindOp : Exec_Op<"bind", [MemoryEffects<[MemWrite]>]> {
  let summary = "the first `count` rows of x, the same memory; gives the symbol its value in this run";
  let description = [{
    Up to here, and in the plan, the symbol is the bound: x's leading dimension. A count (a scalar i64)
    outside 0 … bound is a checked error. What is made of the symbol runs after this op. See graph.bind.
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$count, StrAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x `,` $count `as` $symbol attr-dict `:` functional-type(operands, results)";
}

class Exec_Serial<string mnemonic> : Exec_Op<mnemonic, [MemoryEffects<[MemWrite]>]> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Exec_ScatterOp : Exec_Serial<"scatter"> {
  let summary = "base with rows that indices name combined with rows of updates, in order";
  let description = [{
    base (v, d), indices (n) of integers, updates (n, d): result[indices[i], :] becomes it combined
    with updates[i, :], or updates[i, :] alone with the combiner none, for i = 0, 1, …. An index
    outside 0 … v - 1 is a checked error.
  }];
  let arguments = (ins AnyRankedTensor:$base, AnyRankedTensor:$indices, AnyRankedTensor:$updates,
                       Exec_Combiner:$combiner);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_CumulateOp : Exec_Serial<"cumulate"> {
  let summary = "x (o, n, i) combined along n so far: add or mul";
  let description = [{
    result[o, k, i] combines x[o, j, i] for j = 0 … k in order; without k itself when `exclusive`; for
    j = n - 1 … k in that order when `reverse`. Elements are integers or floats of 32 or 64 bits.
  }];
  let arguments = (ins AnyRankedTensor:$x, Exec_Combiner:$combiner, UnitAttr:$exclusive,
                       UnitAttr:$reverse);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_SortOp : Exec_Serial<"sort"> {
  let summary = "positions of each row's keys in increasing order: keys (o, n) -> (o, n) of i64";
  let description = "Keys are signed integers; of equal ones the first comes first.";
  let arguments = (ins AnyRankedTensor:$keys);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_ReadVariableOp : Exec_Op<"read_variable", [MemoryEffects<[MemRead]>]> {
  let summary = "the memory of a variable in the state block";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$variable attr-dict `:` type($result)";
}

def Exec_AssignVariableOp : Exec_Op<"assign_variable", [MemoryEffects<[MemWrite]>]> {
  let summary = "stores a tensor in a variable's memory";
  let arguments = (ins FlatSymbolRefAttr:$variable, AnyRankedTensor:$x);
  let assemblyFormat = "$variable `,` $x attr-dict `:` type($x)";
}

def Exec_KernelOp : Exec_Op<"kernel", [IsolatedFromAbove,
    SingleBlockImplicitTerminator<"::ingot::exec::YieldOp">]> {
  let summary = "nests that run as one dispatch over a shared outer tile space";
  let description = [{
    The first `outer` loops of every nest in the body range over the same domain `domain`; for each of
    its points the nests run in order. A nest's result that leaves the kernel is yielded; one that
    does not lives in per-tile scratch or is computed where it is used. `domain` tasks may run in any
    order and at once.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, StrAttr:$name, Graph_DimsAttr:$domain);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $name `over` $domain `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs) $body
  }];
}
#endif
