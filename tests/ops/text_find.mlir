// Cases of graph.text_find.
func.func @random(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xsi64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_find %x {keys = ["b", "a", "", "ab", "a", "\C3\A4\C3\9F", "longer text, of more than sixteen bytes"]} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xsi64, #graph.dims<[n]>>
  return %r : tensor<?xsi64, #graph.dims<[n]>>
}

func.func @noKeys(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xsi64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_find %x {keys = []} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xsi64, #graph.dims<[n]>>
  return %r : tensor<?xsi64, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<8x!text.string>) -> tensor<8xsi64> attributes {graph.inputs = [dense<["a", "b", "ab", "abc", "", "\C3\A4", "\FF", "aa"]> : tensor<8x!text.string>], graph.expected = [dense<[1, 0, 3, -1, -1, 5, 2, -1]> : tensor<8xsi64>], gradient = false} {
  %r = graph.text_find %x {keys = ["b", "a", "\FF", "ab", "a", "\C3\A4"]} : (tensor<8x!text.string>) -> tensor<8xsi64>
  return %r : tensor<8xsi64>
}
