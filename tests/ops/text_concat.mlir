// Cases of graph.text_concat.
func.func @random(%x: tensor<?x!text.string, #graph.dims<[n]>>, %y: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_concat %x, %y : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}

func.func @matrix(%x: tensor<?x3x!text.string, #graph.dims<[n, 3]>>, %y: tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x3x!text.string, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 3]}, gradient = false} {
  %r = graph.text_concat %x, %y : (tensor<?x3x!text.string, #graph.dims<[n, 3]>>, tensor<?x3x!text.string, #graph.dims<[n, 3]>>) -> tensor<?x3x!text.string, #graph.dims<[n, 3]>>
  return %r : tensor<?x3x!text.string, #graph.dims<[n, 3]>>
}

func.func @golden(%x: tensor<6x!text.string>, %y: tensor<6x!text.string>) -> tensor<6x!text.string> attributes {graph.inputs = [dense<["", "a", "ab", "\C3\A4", "ab\00c", ""]> : tensor<6x!text.string>, dense<["", "A", "ab", "a", "ab\00d", "x"]> : tensor<6x!text.string>], graph.expected = [dense<["", "aA", "abab", "\C3\A4a", "ab\00cab\00d", "x"]> : tensor<6x!text.string>], gradient = false} {
  %r = graph.text_concat %x, %y : (tensor<6x!text.string>, tensor<6x!text.string>) -> tensor<6x!text.string>
  return %r : tensor<6x!text.string>
}

// Text that is made of text that was made, and of the artifact's; each piece twice.
func.func @chained(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %c = graph.constant dense<", "> : tensor<!text.string> : tensor<?x!text.string, #graph.dims<[n]>>
  %a = graph.text_concat %x, %c : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  %b = graph.text_concat %a, %x : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  %d = graph.text_concat %b, %b : (tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %b, %d : tensor<?x!text.string, #graph.dims<[n]>>, tensor<?x!text.string, #graph.dims<[n]>>
}

// Text grows in a loop: each round of it may find the buffer too short.
func.func @inLoop(%x: tensor<5x!text.string>) -> (tensor<!text.string>, tensor<5x!text.string>) attributes {gradient = false} {
  %none = graph.constant dense<""> : tensor<!text.string> : tensor<!text.string>
  %r:2 = graph.scan <[5]> carried(%none) inputs(%x) : (tensor<!text.string>, tensor<5x!text.string>) -> (tensor<!text.string>, tensor<5x!text.string>) {
  ^bb0(%i: tensor<si64>, %c: tensor<!text.string>, %s: tensor<!text.string>):
    %a = graph.text_concat %c, %s : (tensor<!text.string>, tensor<!text.string>) -> tensor<!text.string>
    graph.yield %a, %a : tensor<!text.string>, tensor<!text.string>
  }
  return %r#0, %r#1 : tensor<!text.string>, tensor<5x!text.string>
}
