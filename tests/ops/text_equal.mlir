// Cases of graph.text_equal.
func.func @random(%x: tensor<?x!text.string, #graph.dims<[n]>>, %y: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_equal %x, %y : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @matrix(%x: tensor<?x3x!text.string, #graph.dims<[n, 3]>>, %y: tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x3xi1, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 3]}, gradient = false} {
  %r = graph.text_equal %x, %y : (tensor<?x3x!text.string, #graph.dims<[n, 3]>>, tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x3xi1, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xi1, #graph.dims<[n, 3]>>
}

func.func @golden(%x: tensor<6x!text.string>, %y: tensor<6x!text.string>) -> tensor<6xi1> attributes {graph.inputs = [dense<["", "a", "ab", "\C3\A4", "ab\00c", ""]> : tensor<6x!text.string>, dense<["", "A", "ab", "a", "ab\00d", "x"]> : tensor<6x!text.string>], graph.expected = [dense<[true, false, true, false, false, false]> : tensor<6xi1>], gradient = false} {
  %r = graph.text_equal %x, %y : (tensor<6x!text.string>, tensor<6x!text.string>) -> tensor<6xi1>
  return %r : tensor<6xi1>
}
