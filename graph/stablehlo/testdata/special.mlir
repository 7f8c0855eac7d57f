module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<6xf64>) -> (tensor<6xf64> {jax.result_info = "result[0]"}, tensor<6xf64> {jax.result_info = "result[1]"}, tensor<6xf64> {jax.result_info = "result[2]"}, tensor<6xf64> {jax.result_info = "result[3]"}, tensor<6xf64> {jax.result_info = "result[4]"}, tensor<6xf64> {jax.result_info = "result[5]"}, tensor<6xf64> {jax.result_info = "result[6]"}, tensor<6xf64> {jax.result_info = "result[7]"}, tensor<6xf64> {jax.result_info = "result[8]"}, tensor<6xf64> {jax.result_info = "result[9]"}, tensor<6xf64> {jax.result_info = "result[10]"}, tensor<6xf64> {jax.result_info = "result[11]"}, tensor<6xf64> {jax.result_info = "result[12]"}) {
    %0 = chlo.erf %arg0 : tensor<6xf64> -> tensor<6xf64>
    %1 = chlo.erfc %arg0 : tensor<6xf64> -> tensor<6xf64>
    %cst = stablehlo.constant dense<3.000000e+00> : tensor<f64>
    %2 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %3 = stablehlo.divide %arg0, %2 : tensor<6xf64>
    %4 = chlo.erf_inv %3 : tensor<6xf64> -> tensor<6xf64>
    %5 = chlo.lgamma %arg0 : tensor<6xf64> -> tensor<6xf64>
    %6 = chlo.digamma %arg0 : tensor<6xf64> -> tensor<6xf64>
    %7 = chlo.sinh %arg0 : tensor<6xf64> -> tensor<6xf64>
    %8 = chlo.cosh %arg0 : tensor<6xf64> -> tensor<6xf64>
    %9 = chlo.asinh %arg0 : tensor<6xf64> -> tensor<6xf64>
    %10 = chlo.atan %arg0 : tensor<6xf64> -> tensor<6xf64>
    %cst_0 = stablehlo.constant dense<3.000000e+00> : tensor<f64>
    %11 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %12 = stablehlo.divide %arg0, %11 : tensor<6xf64>
    %13 = chlo.asin %12 : tensor<6xf64> -> tensor<6xf64>
    %cst_1 = stablehlo.constant dense<3.000000e+00> : tensor<f64>
    %14 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %15 = stablehlo.divide %arg0, %14 : tensor<6xf64>
    %16 = chlo.acos %15 : tensor<6xf64> -> tensor<6xf64>
    %cst_2 = stablehlo.constant dense<3.000000e+00> : tensor<f64>
    %17 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %18 = stablehlo.divide %arg0, %17 : tensor<6xf64>
    %19 = chlo.atanh %18 : tensor<6xf64> -> tensor<6xf64>
    %20 = stablehlo.abs %arg0 : tensor<6xf64>
    %cst_3 = stablehlo.constant dense<1.000000e+00> : tensor<f64>
    %21 = stablehlo.broadcast_in_dim %cst_3, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %22 = stablehlo.add %20, %21 : tensor<6xf64>
    %23 = call @arccosh(%22) : (tensor<6xf64>) -> tensor<6xf64>
    return %0, %1, %4, %5, %6, %7, %8, %9, %10, %13, %16, %19, %23 : tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>
  }
  func.func private @arccosh(%arg0: tensor<6xf64>) -> tensor<6xf64> {
    %0 = chlo.acosh %arg0 : tensor<6xf64> -> tensor<6xf64>
    return %0 : tensor<6xf64>
  }
}
