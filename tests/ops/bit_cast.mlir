// Cases of graph.bit_cast.
func.func @f32_to_si32(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @si32_to_f32(%x: tensor<?xsi32, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f64_to_ui64(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xui64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xui64, #graph.dims<[n]>>
  return %r : tensor<?xui64, #graph.dims<[n]>>
}

func.func @f16_to_ui16(%x: tensor<?xf16, #graph.dims<[n]>>) -> tensor<?xui16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xf16, #graph.dims<[n]>> to tensor<?xui16, #graph.dims<[n]>>
  return %r : tensor<?xui16, #graph.dims<[n]>>
}

func.func @bf16_to_f16(%x: tensor<?xbf16, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xbf16, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f8E5M2_to_ui8(%x: tensor<?xf8E5M2, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xf8E5M2, #graph.dims<[n]>> to tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @si8_to_f8E4M3FN(%x: tensor<5xsi8>) -> tensor<5xf8E4M3FN> attributes {graph.inputs = [dense<[0, 1, 56, 126, -128]> : tensor<5xsi8>], graph.expected = [dense<[0x00, 0x01, 0x38, 0x7E, 0x80]> : tensor<5xf8E4M3FN>], gradient = false} {
  %r = graph.bit_cast %x : tensor<5xsi8> to tensor<5xf8E4M3FN>
  return %r : tensor<5xf8E4M3FN>
}

func.func @i1_to_ui8(%x: tensor<?xi1, #graph.dims<[n]>>) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xi1, #graph.dims<[n]>> to tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @ui8_to_i1(%x: tensor<?xui8, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.bit_cast %x : tensor<?xui8, #graph.dims<[n]>> to tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @si4_to_ui4(%x: tensor<5xsi4>) -> tensor<5xui4> attributes {graph.inputs = [dense<[-8, -1, 0, 1, 7]> : tensor<5xsi4>], graph.expected = [dense<[8, 15, 0, 1, 7]> : tensor<5xui4>], gradient = false} {
  %r = graph.bit_cast %x : tensor<5xsi4> to tensor<5xui4>
  return %r : tensor<5xui4>
}

func.func @f4_to_si4(%x: tensor<5xf4E2M1FN>) -> tensor<5xsi4> attributes {graph.inputs = [dense<[0.5, -0.5, 6.0, -6.0, -0.0]> : tensor<5xf4E2M1FN>], graph.expected = [dense<[1, -7, 7, -1, -8]> : tensor<5xsi4>], gradient = false} {
  %r = graph.bit_cast %x : tensor<5xf4E2M1FN> to tensor<5xsi4>
  return %r : tensor<5xsi4>
}
