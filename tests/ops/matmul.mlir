// Cases of graph.matmul.
func.func @plain(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %y: tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @transposedLhs(%x: tensor<5x?xf32, #graph.dims<[5, n]>>, %y: tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y {transposeLhs = true} : (tensor<5x?xf32, #graph.dims<[5, n]>>, tensor<5x3xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @transposedRhs(%x: tensor<?x5xf32, #graph.dims<[n, 5]>>, %y: tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<?x5xf32, #graph.dims<[n, 5]>>, tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @transposedBoth(%x: tensor<5x?xf32, #graph.dims<[5, n]>>, %y: tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y {transposeLhs = true, transposeRhs = true} : (tensor<5x?xf32, #graph.dims<[5, n]>>, tensor<3x5xf32>) -> tensor<?x3xf32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xf32, #graph.dims<[n, 3]>>
}

func.func @batched(%x: tensor<?x2x3x4xf32, #graph.dims<[n, 2, 3, 4]>>, %y: tensor<?x2x4x5xf32, #graph.dims<[n, 2, 4, 5]>>) -> tensor<?x2x3x5xf32, #graph.dims<[n, 2, 3, 5]>> attributes {graph.sizes = {n = [0, 1, 2]}} {
  %r = graph.matmul %x, %y : (tensor<?x2x3x4xf32, #graph.dims<[n, 2, 3, 4]>>, tensor<?x2x4x5xf32, #graph.dims<[n, 2, 4, 5]>>) -> tensor<?x2x3x5xf32, #graph.dims<[n, 2, 3, 5]>>
  return %r : tensor<?x2x3x5xf32, #graph.dims<[n, 2, 3, 5]>>
}

func.func @emptyInner(%x: tensor<3x?xf32, #graph.dims<[3, n]>>, %y: tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<3x2xf32> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<3x?xf32, #graph.dims<[3, n]>>, tensor<?x2xf32, #graph.dims<[n, 2]>>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

func.func @oddSizes(%x: tensor<7x33xf32>, %y: tensor<33x17xf32>) -> tensor<7x17xf32> {
  %r = graph.matmul %x, %y : (tensor<7x33xf32>, tensor<33x17xf32>) -> tensor<7x17xf32>
  return %r : tensor<7x17xf32>
}

func.func @integers(%x: tensor<?x5xsi32, #graph.dims<[n, 5]>>, %y: tensor<5x3xsi32>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %r = graph.matmul %x, %y : (tensor<?x5xsi32, #graph.dims<[n, 5]>>, tensor<5x3xsi32>) -> tensor<?x3xsi32, #graph.dims<[n, 3]>>
  return %r : tensor<?x3xsi32, #graph.dims<[n, 3]>>
}

func.func @halves(%x: tensor<?x300xf16, #graph.dims<[n, 300]>>, %y: tensor<300x17xf16>) -> tensor<?x17xf16, #graph.dims<[n, 17]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<?x300xf16, #graph.dims<[n, 300]>>, tensor<300x17xf16>) -> tensor<?x17xf16, #graph.dims<[n, 17]>>
  return %r : tensor<?x17xf16, #graph.dims<[n, 17]>>
}

func.func @brains(%x: tensor<?x300xbf16, #graph.dims<[n, 300]>>, %y: tensor<300x17xbf16>) -> tensor<?x17xbf16, #graph.dims<[n, 17]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}} {
  %r = graph.matmul %x, %y : (tensor<?x300xbf16, #graph.dims<[n, 300]>>, tensor<300x17xbf16>) -> tensor<?x17xbf16, #graph.dims<[n, 17]>>
  return %r : tensor<?x17xbf16, #graph.dims<[n, 17]>>
}

// Large operands are packed in panels of lanes, which vectors of some targets cross.
func.func @panels(%x: tensor<?x520xf32, #graph.dims<[n, 520]>>, %y: tensor<48x520xf32>) -> tensor<?x48xf32, #graph.dims<[n, 48]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<?x520xf32, #graph.dims<[n, 520]>>, tensor<48x520xf32>) -> tensor<?x48xf32, #graph.dims<[n, 48]>>
  return %r : tensor<?x48xf32, #graph.dims<[n, 48]>>
}

func.func @panelsWithARest(%x: tensor<?x520xf32, #graph.dims<[n, 520]>>, %y: tensor<520x55xf32>) -> tensor<?x55xf32, #graph.dims<[n, 55]>> attributes {graph.sizes = {n = [0, 1, 7]}, gradient = false} {
  %t = graph.transpose %y {permutation = array<i64: 1, 0>} : (tensor<520x55xf32>) -> tensor<55x520xf32>
  %c = graph.add %t, %t : tensor<55x520xf32>
  %r = graph.matmul %x, %c {transposeRhs = true} : (tensor<?x520xf32, #graph.dims<[n, 520]>>, tensor<55x520xf32>) -> tensor<?x55xf32, #graph.dims<[n, 55]>>
  return %r : tensor<?x55xf32, #graph.dims<[n, 55]>>
}

func.func @panelsOfDoubles(%x: tensor<?x300xf64, #graph.dims<[n, 300]>>, %y: tensor<48x300xf64>) -> tensor<?x48xf64, #graph.dims<[n, 48]>> attributes {graph.sizes = {n = [1, 7]}, gradient = false} {
  %r = graph.matmul %x, %y {transposeRhs = true} : (tensor<?x300xf64, #graph.dims<[n, 300]>>, tensor<48x300xf64>) -> tensor<?x48xf64, #graph.dims<[n, 48]>>
  return %r : tensor<?x48xf64, #graph.dims<[n, 48]>>
}

// More than any level's cache holds, so that lanes are walked before rows.
func.func @lanesOutermost(%x: tensor<?x910xf32, #graph.dims<[n, 910]>>, %y: tensor<910x160xf32>) -> tensor<?x160xf32, #graph.dims<[n, 160]>> attributes {graph.sizes = {n = [0, 1, 3]}, gradient = false} {
  %r = graph.matmul %x, %y : (tensor<?x910xf32, #graph.dims<[n, 910]>>, tensor<910x160xf32>) -> tensor<?x160xf32, #graph.dims<[n, 160]>>
  return %r : tensor<?x160xf32, #graph.dims<[n, 160]>>
}

func.func @manyRowsOfBatches(%x: tensor<2x7x520xf32>, %y: tensor<520x144xf32>) -> tensor<2x7x144xf32> attributes {gradient = false} {
  %b = graph.broadcast %y {axes = array<i64: 1, 2>} : tensor<520x144xf32> to tensor<2x520x144xf32>
  %r = graph.matmul %x, %b : (tensor<2x7x520xf32>, tensor<2x520x144xf32>) -> tensor<2x7x144xf32>
  return %r : tensor<2x7x144xf32>
}

// Batches of matrices that one operand has in another order.
func.func @turnedBatches(%x: tensor<3x?x4x5xf32, #graph.dims<[3, n, 4, 5]>>, %y: tensor<?x5x6xf32, #graph.dims<[n * 3, 5, 6]>>) -> tensor<3x?x4x6xf32, #graph.dims<[3, n, 4, 6]>> attributes {graph.sizes = {n = [0, 1, 4]}} {
  %t = graph.transpose %x {permutation = array<i64: 1, 0, 2, 3>} : (tensor<3x?x4x5xf32, #graph.dims<[3, n, 4, 5]>>) -> tensor<?x3x4x5xf32, #graph.dims<[n, 3, 4, 5]>>
  %a = graph.reshape %t : tensor<?x3x4x5xf32, #graph.dims<[n, 3, 4, 5]>> to tensor<?x4x5xf32, #graph.dims<[n * 3, 4, 5]>>
  %m = graph.matmul %a, %y : (tensor<?x4x5xf32, #graph.dims<[n * 3, 4, 5]>>, tensor<?x5x6xf32, #graph.dims<[n * 3, 5, 6]>>) -> tensor<?x4x6xf32, #graph.dims<[n * 3, 4, 6]>>
  %v = graph.reshape %m : tensor<?x4x6xf32, #graph.dims<[n * 3, 4, 6]>> to tensor<?x3x4x6xf32, #graph.dims<[n, 3, 4, 6]>>
  %r = graph.transpose %v {permutation = array<i64: 1, 0, 2, 3>} : (tensor<?x3x4x6xf32, #graph.dims<[n, 3, 4, 6]>>) -> tensor<3x?x4x6xf32, #graph.dims<[3, n, 4, 6]>>
  return %r : tensor<3x?x4x6xf32, #graph.dims<[3, n, 4, 6]>>
}

// Rows that a transposition has put in another order, and what goes back behind the product.
func.func @turnedRows(%x: tensor<3x?x5xf32, #graph.dims<[3, n, 5]>>, %y: tensor<5x6xf32>) -> tensor<3x?x6xf32, #graph.dims<[3, n, 6]>> attributes {graph.sizes = {n = [0, 1, 4]}} {
  %t = graph.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<3x?x5xf32, #graph.dims<[3, n, 5]>>) -> tensor<?x3x5xf32, #graph.dims<[n, 3, 5]>>
  %a = graph.reshape %t : tensor<?x3x5xf32, #graph.dims<[n, 3, 5]>> to tensor<?x5xf32, #graph.dims<[n * 3, 5]>>
  %m = graph.matmul %a, %y : (tensor<?x5xf32, #graph.dims<[n * 3, 5]>>, tensor<5x6xf32>) -> tensor<?x6xf32, #graph.dims<[n * 3, 6]>>
  %v = graph.reshape %m : tensor<?x6xf32, #graph.dims<[n * 3, 6]>> to tensor<?x3x6xf32, #graph.dims<[n, 3, 6]>>
  %r = graph.transpose %v {permutation = array<i64: 1, 0, 2>} : (tensor<?x3x6xf32, #graph.dims<[n, 3, 6]>>) -> tensor<3x?x6xf32, #graph.dims<[3, n, 6]>>
  return %r : tensor<3x?x6xf32, #graph.dims<[3, n, 6]>>
}

// Products of bytes, extended: all pairs of signs, sums that end inside a group, inside a tile and
// behind several blocks.
func.func @unsignedBySignedBytes(%x: tensor<?x67xui8, #graph.dims<[n, 67]>> {graph.domain = [0, 255]}, %y: tensor<67x37xsi8> {graph.domain = [-128, 127]}) -> tensor<?x37xsi32, #graph.dims<[n, 37]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %a = graph.cast %x : tensor<?x67xui8, #graph.dims<[n, 67]>> to tensor<?x67xsi32, #graph.dims<[n, 67]>>
  %b = graph.cast %y : tensor<67x37xsi8> to tensor<67x37xsi32>
  %r = graph.matmul %a, %b : (tensor<?x67xsi32, #graph.dims<[n, 67]>>, tensor<67x37xsi32>) -> tensor<?x37xsi32, #graph.dims<[n, 37]>>
  return %r : tensor<?x37xsi32, #graph.dims<[n, 37]>>
}
func.func @signedBytes(%x: tensor<?x130xsi8, #graph.dims<[n, 130]>> {graph.domain = [-128, 127]}, %y: tensor<130x55xsi8> {graph.domain = [-128, 127]}) -> tensor<?x55xsi32, #graph.dims<[n, 55]>> attributes {graph.sizes = {n = [0, 1, 17]}, gradient = false} {
  %a = graph.cast %x : tensor<?x130xsi8, #graph.dims<[n, 130]>> to tensor<?x130xsi32, #graph.dims<[n, 130]>>
  %b = graph.cast %y : tensor<130x55xsi8> to tensor<130x55xsi32>
  %r = graph.matmul %a, %b : (tensor<?x130xsi32, #graph.dims<[n, 130]>>, tensor<130x55xsi32>) -> tensor<?x55xsi32, #graph.dims<[n, 55]>>
  return %r : tensor<?x55xsi32, #graph.dims<[n, 55]>>
}
func.func @unsignedBytes(%x: tensor<?x131xui8, #graph.dims<[n, 131]>> {graph.domain = [0, 255]}, %y: tensor<131x55xui8> {graph.domain = [0, 255]}) -> tensor<?x55xsi32, #graph.dims<[n, 55]>> attributes {graph.sizes = {n = [1, 5, 17, 40]}, gradient = false} {
  %a = graph.cast %x : tensor<?x131xui8, #graph.dims<[n, 131]>> to tensor<?x131xsi32, #graph.dims<[n, 131]>>
  %b = graph.cast %y : tensor<131x55xui8> to tensor<131x55xsi32>
  %r = graph.matmul %a, %b : (tensor<?x131xsi32, #graph.dims<[n, 131]>>, tensor<131x55xsi32>) -> tensor<?x55xsi32, #graph.dims<[n, 55]>>
  return %r : tensor<?x55xsi32, #graph.dims<[n, 55]>>
}
func.func @signedByUnsignedBytes(%x: tensor<?x5xsi8, #graph.dims<[n, 5]>> {graph.domain = [-128, 127]}, %y: tensor<5x70xui8> {graph.domain = [0, 255]}) -> tensor<?x70xsi32, #graph.dims<[n, 70]>> attributes {graph.sizes = {n = [1, 16]}, gradient = false} {
  %a = graph.cast %x : tensor<?x5xsi8, #graph.dims<[n, 5]>> to tensor<?x5xsi32, #graph.dims<[n, 5]>>
  %b = graph.cast %y : tensor<5x70xui8> to tensor<5x70xsi32>
  %r = graph.matmul %a, %b : (tensor<?x5xsi32, #graph.dims<[n, 5]>>, tensor<5x70xsi32>) -> tensor<?x70xsi32, #graph.dims<[n, 70]>>
  return %r : tensor<?x70xsi32, #graph.dims<[n, 70]>>
}
func.func @longSumsOfBytes(%x: tensor<?x3001xui8, #graph.dims<[n, 3001]>> {graph.domain = [0, 255]}, %y: tensor<3001x20xsi8> {graph.domain = [-128, 127]}) -> tensor<?x20xsi32, #graph.dims<[n, 20]>> attributes {graph.sizes = {n = [2, 35]}, gradient = false} {
  %a = graph.cast %x : tensor<?x3001xui8, #graph.dims<[n, 3001]>> to tensor<?x3001xsi32, #graph.dims<[n, 3001]>>
  %b = graph.cast %y : tensor<3001x20xsi8> to tensor<3001x20xsi32>
  %r = graph.matmul %a, %b : (tensor<?x3001xsi32, #graph.dims<[n, 3001]>>, tensor<3001x20xsi32>) -> tensor<?x20xsi32, #graph.dims<[n, 20]>>
  return %r : tensor<?x20xsi32, #graph.dims<[n, 20]>>
}

// Of bf16, which are read as they are and summed in f32.
func.func @brainsInPairs(%x: tensor<?x67xbf16, #graph.dims<[n, 67]>>, %y: tensor<67x37xbf16>) -> tensor<?x37xf32, #graph.dims<[n, 37]>> attributes {graph.sizes = {n = [0, 1, 7, 33]}, gradient = false} {
  %a = graph.cast %x : tensor<?x67xbf16, #graph.dims<[n, 67]>> to tensor<?x67xf32, #graph.dims<[n, 67]>>
  %b = graph.cast %y : tensor<67x37xbf16> to tensor<67x37xf32>
  %r = graph.matmul %a, %b : (tensor<?x67xf32, #graph.dims<[n, 67]>>, tensor<67x37xf32>) -> tensor<?x37xf32, #graph.dims<[n, 37]>>
  return %r : tensor<?x37xf32, #graph.dims<[n, 37]>>
}
func.func @brainsInTiles(%x: tensor<?x96xbf16, #graph.dims<[n, 96]>>, %y: tensor<96x64xbf16>) -> tensor<?x64xf32, #graph.dims<[n, 64]>> attributes {graph.sizes = {n = [1, 32, 49]}, gradient = false} {
  %a = graph.cast %x : tensor<?x96xbf16, #graph.dims<[n, 96]>> to tensor<?x96xf32, #graph.dims<[n, 96]>>
  %b = graph.cast %y : tensor<96x64xbf16> to tensor<96x64xf32>
  %r = graph.matmul %a, %b : (tensor<?x96xf32, #graph.dims<[n, 96]>>, tensor<96x64xf32>) -> tensor<?x64xf32, #graph.dims<[n, 64]>>
  return %r : tensor<?x64xf32, #graph.dims<[n, 64]>>
}
func.func @longSumsOfBrains(%x: tensor<?x1801xbf16, #graph.dims<[n, 1801]>>, %y: tensor<1801x20xbf16>) -> tensor<?x20xf32, #graph.dims<[n, 20]>> attributes {graph.sizes = {n = [2, 35]}, gradient = false} {
  %a = graph.cast %x : tensor<?x1801xbf16, #graph.dims<[n, 1801]>> to tensor<?x1801xf32, #graph.dims<[n, 1801]>>
  %b = graph.cast %y : tensor<1801x20xbf16> to tensor<1801x20xf32>
  %r = graph.matmul %a, %b : (tensor<?x1801xf32, #graph.dims<[n, 1801]>>, tensor<1801x20xf32>) -> tensor<?x20xf32, #graph.dims<[n, 20]>>
  return %r : tensor<?x20xf32, #graph.dims<[n, 20]>>
}
// Weights that are known, of any kind: sin(0), sin(1), …
func.func @oneRowOfBrains(%x: tensor<1x300xbf16>) -> tensor<1x150xf32> attributes {gradient = false} {
  %i = graph.iota {axis = 0 : i64} : tensor<45000xf32>
  %s = graph.sin %i : tensor<45000xf32>
  %w = graph.cast %s : tensor<45000xf32> to tensor<45000xbf16>
  %y = graph.reshape %w : tensor<45000xbf16> to tensor<300x150xbf16>
  %a = graph.cast %x : tensor<1x300xbf16> to tensor<1x300xf32>
  %b = graph.cast %y : tensor<300x150xbf16> to tensor<300x150xf32>
  %r = graph.matmul %a, %b : (tensor<1x300xf32>, tensor<300x150xf32>) -> tensor<1x150xf32>
  return %r : tensor<1x150xf32>
}
func.func @batchesOfBrains(%x: tensor<3x70x33xbf16>, %y: tensor<3x33x40xbf16>) -> tensor<3x70x40xbf16> attributes {gradient = false} {
  %r = graph.matmul %x, %y : (tensor<3x70x33xbf16>, tensor<3x33x40xbf16>) -> tensor<3x70x40xbf16>
  return %r : tensor<3x70x40xbf16>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @wholeVectors(%x: tensor<?x20xf32, #graph.dims<[n, 20]>>, %y: tensor<20x36xf32>) -> tensor<?x36xf32, #graph.dims<[n, 36]>> attributes {graph.sizes = {n = [1, 36]}, gradient = false} {
  %r = graph.matmul %x, %y : (tensor<?x20xf32, #graph.dims<[n, 20]>>, tensor<20x36xf32>) -> tensor<?x36xf32, #graph.dims<[n, 36]>>
  return %r : tensor<?x36xf32, #graph.dims<[n, 36]>>
}

// Channels and columns in whole vectors of 16 bytes.
func.func @wholeVectorsOfBothTransposed(%x: tensor<20x36xf32>, %y: tensor<36x20xf32>) -> tensor<36x36xf32> attributes {gradient = false} {
  %r = graph.matmul %x, %y {transposeLhs = true, transposeRhs = true} : (tensor<20x36xf32>, tensor<36x20xf32>) -> tensor<36x36xf32>
  return %r : tensor<36x36xf32>
}

// Cut into parts for a GPU.
func.func @longSumOfFewResults(%x: tensor<512x8xf32>, %y: tensor<512x8xf32>) -> tensor<8x8xf32> attributes {gradient = false} {
  %r = graph.matmul %x, %y {transposeLhs = true} : (tensor<512x8xf32>, tensor<512x8xf32>) -> tensor<8x8xf32>
  return %r : tensor<8x8xf32>
}
