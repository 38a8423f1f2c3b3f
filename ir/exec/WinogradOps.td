// The convolution that is computed between transforms instead of as a sum over its window.
#ifndef INGOT_EXEC_WINOGRAD_OPS_TD
#define INGOT_EXEC_WINOGRAD_OPS_TD
include "ir/exec/ExecBase.td"

def Exec_WinogradOp : Exec_Op<"winograd", [Pure]> {
  let summary = "a 3 x 3 convolution with stride 1 by Winograd's F(m x m, 3 x 3); see Winograd.h";
  let description = [{
    x (n, h, w, ci) and the transformed kernel (panels, m + 2, m + 2, ci, 16) give (n, oh, ow, co):
    output (r, s) is the window of x from row r - low[0] and column s - low[1] on; x is zero outside.
    Filter f is lane f mod 16 of panel f floordiv 16; what is beyond the last filter is zero.
    An m x m tile of outputs is output^T (sum over ci of (input^T d input) * kernel) output, d being
    the (m + 2)^2 inputs under it; m is 2 or 4.

    Tiles are numbered row-major over (n, rows, columns) and taken in blocks of `blockTiles`; the
    filters of a block are computed in `parts`. `workspace` (tasks, elements) is what each task may
    write on meanwhile: its values mean nothing.
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$kernel, I64Attr:$outputs,
                       DenseI64ArrayAttr:$low, I64Attr:$blockTiles, I64Attr:$parts);
  let results = (outs AnyRankedTensor:$result, AnyRankedTensor:$workspace);
  let hasVerifier = 1;
  let assemblyFormat = "$x `,` $kernel attr-dict `:` functional-type(operands, results)";
}
#endif
