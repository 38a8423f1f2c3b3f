// Cases of graph.text_split.
func.func @space(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>) attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %p, %c = graph.text_split %x {delimiter = ""} : (tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>)
  return %p, %c : tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>
}

func.func @comma(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>) attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %p, %c = graph.text_split %x {delimiter = ","} : (tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>)
  return %p, %c : tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>
}

func.func @two(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>) attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %p, %c = graph.text_split %x {delimiter = "  ", maxsplit = 1 : i64} : (tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>)
  return %p, %c : tensor<?x24x!text.string, #graph.dims<[n, 24]>>, tensor<?xsi64, #graph.dims<[n]>>
}

func.func @goldenSpace(%x: tensor<7x!text.string>) -> (tensor<7x3x!text.string>, tensor<7xsi64>) attributes {graph.inputs = [dense<["a b", " x  y ", "", "  ", "tab\09end\E3\80\80.", "a\E2\80\83b\C2\A0c", "a\1Cb"]> : tensor<7x!text.string>], graph.expected = [dense<[["a", "b", ""], ["x", "y", ""], ["", "", ""], ["", "", ""], ["tab", "end", "."], ["a", "b", "c"], ["a", "b", ""]]> : tensor<7x3x!text.string>, dense<[2, 2, 0, 0, 3, 3, 2]> : tensor<7xsi64>], gradient = false} {
  %p, %c = graph.text_split %x {delimiter = ""} : (tensor<7x!text.string>) -> (tensor<7x3x!text.string>, tensor<7xsi64>)
  return %p, %c : tensor<7x3x!text.string>, tensor<7xsi64>
}

func.func @goldenSpaceOnce(%x: tensor<7x!text.string>) -> (tensor<7x3x!text.string>, tensor<7xsi64>) attributes {graph.inputs = [dense<["a b", " x  y ", "", "  ", "tab\09end\E3\80\80.", "a\E2\80\83b\C2\A0c", "a\1Cb"]> : tensor<7x!text.string>], graph.expected = [dense<[["a", "b", ""], ["x", "y ", ""], ["", "", ""], ["", "", ""], ["tab", "end\E3\80\80.", ""], ["a", "b\C2\A0c", ""], ["a", "b", ""]]> : tensor<7x3x!text.string>, dense<[2, 2, 0, 0, 2, 2, 2]> : tensor<7xsi64>], gradient = false} {
  %p, %c = graph.text_split %x {delimiter = "", maxsplit = 1 : i64} : (tensor<7x!text.string>) -> (tensor<7x3x!text.string>, tensor<7xsi64>)
  return %p, %c : tensor<7x3x!text.string>, tensor<7xsi64>
}

func.func @goldenNever(%x: tensor<2x!text.string>) -> (tensor<2x1x!text.string>, tensor<2xsi64>) attributes {graph.inputs = [dense<["a-b", ""]> : tensor<2x!text.string>], graph.expected = [dense<[["a-b"], [""]]> : tensor<2x1x!text.string>, dense<[1, 1]> : tensor<2xsi64>], gradient = false} {
  %p, %c = graph.text_split %x {delimiter = "-", maxsplit = 0 : i64} : (tensor<2x!text.string>) -> (tensor<2x1x!text.string>, tensor<2xsi64>)
  return %p, %c : tensor<2x1x!text.string>, tensor<2xsi64>
}

func.func @golden(%x: tensor<5x!text.string>) -> (tensor<5x4x!text.string>, tensor<5xsi64>) attributes {graph.inputs = [dense<["a--b", "", "----", "a-b--c--", "---x"]> : tensor<5x!text.string>], graph.expected = [dense<[["a", "b", "", ""], ["", "", "", ""], ["", "", "", ""], ["a-b", "c", "", ""], ["", "-x", "", ""]]> : tensor<5x4x!text.string>, dense<[2, 1, 3, 3, 2]> : tensor<5xsi64>], gradient = false} {
  %p, %c = graph.text_split %x {delimiter = "--"} : (tensor<5x!text.string>) -> (tensor<5x4x!text.string>, tensor<5xsi64>)
  return %p, %c : tensor<5x4x!text.string>, tensor<5xsi64>
}

func.func @goldenTwice(%x: tensor<2x!text.string>) -> (tensor<2x3x!text.string>, tensor<2xsi64>) attributes {graph.inputs = [dense<["a,b,c,d", ",,,"]> : tensor<2x!text.string>], graph.expected = [dense<[["a", "b", "c,d"], ["", "", ","]]> : tensor<2x3x!text.string>, dense<[3, 3]> : tensor<2xsi64>], gradient = false} {
  %p, %c = graph.text_split %x {delimiter = ",", maxsplit = 2 : i64} : (tensor<2x!text.string>) -> (tensor<2x3x!text.string>, tensor<2xsi64>)
  return %p, %c : tensor<2x3x!text.string>, tensor<2xsi64>
}

// Two pieces, room for one.
func.func @tooMany(%x: tensor<1x!text.string>) -> (tensor<1x1x!text.string>, tensor<1xsi64>) attributes {graph.inputs = [dense<["a,b"]> : tensor<1x!text.string>], graph.error = "2 pieces of a text are more than 1", gradient = false} {
  %p, %c = graph.text_split %x {delimiter = ","} : (tensor<1x!text.string>) -> (tensor<1x1x!text.string>, tensor<1xsi64>)
  return %p, %c : tensor<1x1x!text.string>, tensor<1xsi64>
}
