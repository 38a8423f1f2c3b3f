// Cases of graph.text_case: simple mappings, one character to one.
func.func @lower(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_case %x {upper = false} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}

func.func @upper(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %r = graph.text_case %x {upper = true} : (tensor<?x!text.string, #graph.dims<[n]>>) -> tensor<?x!text.string, #graph.dims<[n]>>
  return %r : tensor<?x!text.string, #graph.dims<[n]>>
}

func.func @goldenLower(%x: tensor<10x!text.string>) -> tensor<10x!text.string> attributes {graph.inputs = [dense<["", "ABC z", "\C3\84\C3\96\C3\9C\C3\9F", "\C4\B0", "\C8\BA", "\CE\A3\CE\91\CE\A3", "\C7\85", "\F0\90\90\80", "A\FF\C3", "\D0\96\00\D0\91"]> : tensor<10x!text.string>], graph.expected = [dense<["", "abc z", "\C3\A4\C3\B6\C3\BC\C3\9F", "i", "\E2\B1\A5", "\CF\83\CE\B1\CF\83", "\C7\86", "\F0\90\90\A8", "a\FF\C3", "\D0\B6\00\D0\B1"]> : tensor<10x!text.string>], gradient = false} {
  %r = graph.text_case %x {upper = false} : (tensor<10x!text.string>) -> tensor<10x!text.string>
  return %r : tensor<10x!text.string>
}

func.func @goldenUpper(%x: tensor<8x!text.string>) -> tensor<8x!text.string> attributes {graph.inputs = [dense<["stra\C3\9Fe", "\C5\BF\C4\B1", "\C3\BF", "\C7\86", "\E2\B1\A5", "\E1\BE\B3", "a\E2\82", "\C5\89"]> : tensor<8x!text.string>], graph.expected = [dense<["STRA\C3\9FE", "SI", "\C5\B8", "\C7\84", "\C8\BA", "\E1\BE\BC", "A\E2\82", "\C5\89"]> : tensor<8x!text.string>], gradient = false} {
  %r = graph.text_case %x {upper = true} : (tensor<8x!text.string>) -> tensor<8x!text.string>
  return %r : tensor<8x!text.string>
}
