// error: variable `v` has a resource of 4 bytes as its value, which 'tensor<2xf32>' does not take; give the elements, dense<…>
// error: variable `w` has a resource of 0 bytes as its value
graph.variable @v {role = "trainable", value = dense_resource<four> : tensor<2xf32>} : tensor<2xf32>
graph.variable @w {role = "trainable", value = dense_resource<missing> : tensor<2xf32>} : tensor<2xf32>
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  %v = graph.read @v : tensor<2xf32>
  %w = graph.read @w : tensor<2xf32>
  %0 = graph.add %x, %v : tensor<2xf32>
  %1 = graph.add %0, %w : tensor<2xf32>
  return %1 : tensor<2xf32>
}
{-#
  dialect_resources: {
    builtin: {
      four: "0x040000000000803F"
    }
  }
#-}
