// Attention heads: hidden dimensions taken apart into heads, and products of query heads with the
// key and value heads that several of them share. Used by the attention operators.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// An attribute that counts heads. Invalid when it is left out or not positive.
int64_t headCount(Node &node, llvm::StringRef attribute);
/// (B, S, heads * d) -> (B, heads, S, d). Invalid when `heads` does not divide the last dimension.
graph::Expr splitHeads(Node &node, mlir::Value x, int64_t heads);
/// (B, heads, S, d) -> (B, S, heads * d)
graph::Expr mergeHeads(Node &node, mlir::Value x);
/// x (B, h * g, S, d) times y (B, h, d, n), or y (B, h, n, d) transposed, head i with y's i / g:
/// (B, h * g, S, n). The g heads of a group are rows of one product: y is not repeated.
graph::Expr groupedProduct(Node &node, graph::Expr x, graph::Expr y, bool transposeRhs);
/// x times `scale` where that is not 0, else over the root of x's last dimension.
graph::Expr scaledByHead(Node &node, graph::Expr x, double scale);

} // namespace ingot::onnx
