// error: layer `neg`: `graph.neg`
func.func @predict(%x: tensor<2xf8E4M3FN>) -> tensor<2xf8E4M3FN> {
  %y = graph.neg %x : tensor<2xf8E4M3FN> loc("neg")
  return %y : tensor<2xf8E4M3FN>
}
