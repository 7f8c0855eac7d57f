module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4xf64>, %arg1: tensor<i32>) -> (tensor<4xf64> {jax.result_info = "result[0]"}, tensor<4xf64> {jax.result_info = "result[1]"}) {
    %0 = stablehlo.slice %arg0 [0:1] : (tensor<4xf64>) -> tensor<1xf64>
    %1 = stablehlo.reshape %0 : (tensor<1xf64>) -> tensor<f64>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %2 = stablehlo.compare GT, %1, %cst, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
    %3 = stablehlo.convert %2 : (tensor<i1>) -> tensor<i32>
    %4 = "stablehlo.case"(%3) ({
      %7 = stablehlo.cosine %arg0 : tensor<4xf64>
      stablehlo.return %7 : tensor<4xf64>
    }, {
      %7 = stablehlo.sine %arg0 : tensor<4xf64>
      stablehlo.return %7 : tensor<4xf64>
    }) : (tensor<i32>) -> tensor<4xf64>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %c_0 = stablehlo.constant dense<2> : tensor<i32>
    %5 = stablehlo.clamp %c, %arg1, %c_0 : tensor<i32>
    %6 = "stablehlo.case"(%5) ({
      %7 = stablehlo.exponential %arg0 : tensor<4xf64>
      stablehlo.return %7 : tensor<4xf64>
    }, {
      %7 = stablehlo.tanh %arg0 : tensor<4xf64>
      stablehlo.return %7 : tensor<4xf64>
    }, {
      %cst_1 = stablehlo.constant dense<2.000000e+00> : tensor<f64>
      %7 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f64>) -> tensor<4xf64>
      %8 = stablehlo.multiply %arg0, %7 : tensor<4xf64>
      stablehlo.return %8 : tensor<4xf64>
    }) : (tensor<i32>) -> tensor<4xf64>
    return %4, %6 : tensor<4xf64>, tensor<4xf64>
  }
}
