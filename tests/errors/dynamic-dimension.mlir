// A `?` without a name.
// error: input `input_0` of `predict` is of type tensor<?xf32>, which does not say what its `?` are
// error: the result of `graph.neg` is of type tensor<?xf32>
func.func @predict(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = graph.neg %x : tensor<?xf32>
  return %y : tensor<?xf32>
}
