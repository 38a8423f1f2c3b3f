// A network that calls the op: relu(x w), then the cube root.
func.func @predict(%x: tensor<?x3xf32, #graph.dims<[batch, 3]>> {graph.name = "x"})
    -> (tensor<?x2xf32, #graph.dims<[batch, 2]>> {graph.name = "y"}) {
  %w = graph.constant dense<[[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]]> : tensor<3x2xf32> : tensor<3x2xf32>
  %0 = graph.matmul %x, %w : (tensor<?x3xf32, #graph.dims<[batch, 3]>>, tensor<3x2xf32>)
      -> tensor<?x2xf32, #graph.dims<[batch, 2]>> loc("dense")
  %1 = graph.custom_call @"com.example::CubeRoot"(%0) with {scale = 2.0 : f32}
      : (tensor<?x2xf32, #graph.dims<[batch, 2]>>) -> tensor<?x2xf32, #graph.dims<[batch, 2]>> loc("root")
  return %1 : tensor<?x2xf32, #graph.dims<[batch, 2]>>
}
