// Matrix products.
#ifndef INGOT_MATMUL_TD
#define INGOT_MATMUL_TD
include "ir/GraphBase.td"

def Graph_MatMulOp : Graph_Inferred<"matmul", [SameOperandsElementType,
    DeclareOpInterfaceMethods<Graph_Evaluable>, DeclareOpInterfaceMethods<Graph_Structured>,
    DeclareOpInterfaceMethods<Graph_Differentiable>]> {
  let summary = "(…, m, k) x (…, k, n) -> (…, m, n)";
  let description = [{
    Both operands have the same rank >= 2 and equal leading dimensions. `transposeLhs` and
    `transposeRhs` read the operand's last two dimensions swapped. Over k = 0 the result is 0.
  }];
  let arguments = (ins Graph_NumberTensor:$lhs, Graph_NumberTensor:$rhs,
      DefaultValuedAttr<BoolAttr, "false">:$transposeLhs,
      DefaultValuedAttr<BoolAttr, "false">:$transposeRhs);
  let results = (outs Graph_NumberTensor:$result);
}
#endif
