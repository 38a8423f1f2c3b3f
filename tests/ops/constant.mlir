// Cases of graph.constant.
func.func @splatOfSymbolicShape(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %c = graph.constant dense<2.5> : tensor<f32> : tensor<?xf32, #graph.dims<[n]>>
  %r = graph.mul %x, %c : tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @content(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %c = graph.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> : tensor<2x3xf32>
  %r = graph.add %x, %c : tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

func.func @integers() -> tensor<3xsi16> attributes {graph.expected = [dense<[-1, 0, 300]> : tensor<3xsi16>], gradient = false} {
  %c = graph.constant dense<[-1, 0, 300]> : tensor<3xsi16> : tensor<3xsi16>
  return %c : tensor<3xsi16>
}

func.func @smallElements() -> (tensor<3xsi4>, tensor<5xui2>, tensor<3xf8E5M2>, tensor<2xf8E8M0FNU>, tensor<3xf4E2M1FN>, tensor<5xf4E2M1FN>) attributes {graph.expected = [dense<[-1, 0, 7]> : tensor<3xsi4>, dense<[3, 0, 1, 2, 3]> : tensor<5xui2>, dense<[-1.5, 0.0, 0x7C]> : tensor<3xf8E5M2>, dense<[0x00, 0xFF]> : tensor<2xf8E8M0FNU>, dense<[6.0, -0.5, 1.0]> : tensor<3xf4E2M1FN>, dense<-1.5> : tensor<5xf4E2M1FN>], gradient = false} {
  %a = graph.constant dense<[-1, 0, 7]> : tensor<3xsi4> : tensor<3xsi4>
  %b = graph.constant dense<[3, 0, 1, 2, 3]> : tensor<5xui2> : tensor<5xui2>
  %c = graph.constant dense<[-1.5, 0.0, 0x7C]> : tensor<3xf8E5M2> : tensor<3xf8E5M2>
  %d = graph.constant dense<[0x00, 0xFF]> : tensor<2xf8E8M0FNU> : tensor<2xf8E8M0FNU>
  %e = graph.constant dense<[6.0, -0.5, 1.0]> : tensor<3xf4E2M1FN> : tensor<3xf4E2M1FN>
  %f = graph.constant dense<-1.5> : tensor<f4E2M1FN> : tensor<5xf4E2M1FN>
  return %a, %b, %c, %d, %e, %f : tensor<3xsi4>, tensor<5xui2>, tensor<3xf8E5M2>, tensor<2xf8E8M0FNU>, tensor<3xf4E2M1FN>, tensor<5xf4E2M1FN>
}

func.func @strings(%x: tensor<?x!text.string, #graph.dims<[n]>>) -> (tensor<2x2x!text.string>, tensor<?x!text.string, #graph.dims<[n]>>, tensor<0x!text.string>) attributes {graph.sizes = {n = [0, 1, 7, 130]}, gradient = false} {
  %c = graph.constant dense<[["a", ""], ["\C3\A4\00", "long enough to be no short string"]]> : tensor<2x2x!text.string> : tensor<2x2x!text.string>
  %s = graph.constant dense<"same"> : tensor<!text.string> : tensor<?x!text.string, #graph.dims<[n]>>
  %e = graph.constant dense<[]> : tensor<0x!text.string> : tensor<0x!text.string>
  return %c, %s, %e : tensor<2x2x!text.string>, tensor<?x!text.string, #graph.dims<[n]>>, tensor<0x!text.string>
}
