// Cases of graph.cast.
func.func @f32_to_f64(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf64, #graph.dims<[n]>>
  return %r : tensor<?xf64, #graph.dims<[n]>>
}

func.func @f64_to_f32(%x: tensor<?xf64, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf64, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f32_to_si32(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @f32_to_ui8(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xui8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xui8, #graph.dims<[n]>>
  return %r : tensor<?xui8, #graph.dims<[n]>>
}

func.func @f32_to_si8(%x: tensor<?xf32, #graph.dims<[n]>> {graph.domain = [-300.0, 300.0]}) -> tensor<?xsi8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xsi8, #graph.dims<[n]>>
  return %r : tensor<?xsi8, #graph.dims<[n]>>
}

func.func @si32_to_f32(%x: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-1000000, 1000000]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @ui8_to_f32(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xui8, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @si32_to_si8(%x: tensor<?xsi32, #graph.dims<[n]>> {graph.domain = [-1000, 1000]}) -> tensor<?xsi8, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi32, #graph.dims<[n]>> to tensor<?xsi8, #graph.dims<[n]>>
  return %r : tensor<?xsi8, #graph.dims<[n]>>
}

func.func @si8_to_si64(%x: tensor<?xsi8, #graph.dims<[n]>> {graph.domain = [-128, 127]}) -> tensor<?xsi64, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xsi8, #graph.dims<[n]>> to tensor<?xsi64, #graph.dims<[n]>>
  return %r : tensor<?xsi64, #graph.dims<[n]>>
}

func.func @ui8_to_si32(%x: tensor<?xui8, #graph.dims<[n]>> {graph.domain = [0, 255]}) -> tensor<?xsi32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xui8, #graph.dims<[n]>> to tensor<?xsi32, #graph.dims<[n]>>
  return %r : tensor<?xsi32, #graph.dims<[n]>>
}

func.func @i1_to_f32(%x: tensor<?xi1, #graph.dims<[n]>>) -> tensor<?xf32, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xi1, #graph.dims<[n]>> to tensor<?xf32, #graph.dims<[n]>>
  return %r : tensor<?xf32, #graph.dims<[n]>>
}

func.func @f32_to_i1(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xi1, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xi1, #graph.dims<[n]>>
  return %r : tensor<?xi1, #graph.dims<[n]>>
}

func.func @f32_to_f16(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xf16, #graph.dims<[n]>>
  return %r : tensor<?xf16, #graph.dims<[n]>>
}

func.func @f32_to_bf16(%x: tensor<?xf32, #graph.dims<[n]>>) -> tensor<?xbf16, #graph.dims<[n]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.cast %x : tensor<?xf32, #graph.dims<[n]>> to tensor<?xbf16, #graph.dims<[n]>>
  return %r : tensor<?xbf16, #graph.dims<[n]>>
}

func.func @saturates(%x: tensor<5xf32>) -> tensor<5xsi8> attributes {graph.inputs = [dense<[1000.0, -1000.0, 0x7FC00000, -1.9, 0x7F800000]> : tensor<5xf32>], graph.expected = [dense<[127, -128, 0, -1, 127]> : tensor<5xsi8>], gradient = false} {
  %r = graph.cast %x : tensor<5xf32> to tensor<5xsi8>
  return %r : tensor<5xsi8>
}
