// A module of variables alone. (The file's name follows.)
// error: `/
graph.variable @kernel {role = "trainable"} : tensor<2xf32>
