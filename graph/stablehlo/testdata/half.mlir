module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf16> {jax.result_info = "result[0]"}, tensor<3xbf16> {jax.result_info = "result[1]"}, tensor<3xf32> {jax.result_info = "result[2]"}, tensor<4xf16> {jax.result_info = "result[3]"}, tensor<3xbf16> {jax.result_info = "result[4]"}) {
    %cst = stablehlo.constant dense<[1.500000e+00, 0x7C00, -2.000000e+00, 5.960460e-08]> : tensor<4xf16>
    %cst_0 = stablehlo.constant dense<[1.500000e+00, 0xFF80, 3.000000e+00]> : tensor<3xbf16>
    %0 = stablehlo.convert %arg0 : (tensor<3xf32>) -> tensor<3xf16>
    %cst_1 = stablehlo.constant dense<5.000000e-01> : tensor<f16>
    %1 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f16>) -> tensor<3xf16>
    %2 = stablehlo.multiply %0, %1 : tensor<3xf16>
    %3 = stablehlo.convert %arg0 : (tensor<3xf32>) -> tensor<3xbf16>
    %cst_2 = stablehlo.constant dense<1.250000e+00> : tensor<bf16>
    %4 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<bf16>) -> tensor<3xbf16>
    %5 = stablehlo.add %3, %4 : tensor<3xbf16>
    %6 = stablehlo.convert %arg0 : (tensor<3xf32>) -> tensor<3xf16>
    %7 = stablehlo.convert %6 : (tensor<3xf16>) -> tensor<3xf32>
    return %2, %5, %7, %cst, %cst_0 : tensor<3xf16>, tensor<3xbf16>, tensor<3xf32>, tensor<4xf16>, tensor<3xbf16>
  }
}
