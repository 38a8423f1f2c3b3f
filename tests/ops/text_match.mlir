// Cases of graph.text_match; more patterns are in tests/unit/ir/RegexTest.cpp.
func.func @words(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_match %x {pattern = "[a-z]+( [a-z]+)*"} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @unicode(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_match %x {pattern = ".*[\C3\A4\C3\B6\C3\BC].?"} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @anything(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_match %x {pattern = "(?s).*"} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @never(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_match %x {pattern = "[^\5Cx00-\5Cx{10FFFF}]"} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @golden(%x: tensor<6x!text.string>) -> tensor<6xi1> attributes {graph.inputs = [dense<["www.google.com", "www.facebook.com", "www.bbc.co.uk", "wwwbbc", "www.", ""]> : tensor<6x!text.string>], graph.expected = [dense<[true, true, true, false, false, false]> : tensor<6xi1>], gradient = false} {
  %r = graph.text_match %x {pattern = "(www\5C.[\5Cw.-]+)"} : (tensor<6x!text.string>) -> tensor<6xi1>
  return %r : tensor<6xi1>
}
