module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4xui64>, %arg1: tensor<4xui64>) -> (tensor<4xui64> {jax.result_info = "result[0]"}, tensor<4xui64> {jax.result_info = "result[1]"}, tensor<4xui64> {jax.result_info = "result[2]"}, tensor<4xui64> {jax.result_info = "result[3]"}, tensor<4xui64> {jax.result_info = "result[4]"}, tensor<4xui64> {jax.result_info = "result[5]"}, tensor<4xui64> {jax.result_info = "result[6]"}, tensor<4xui64> {jax.result_info = "result[7]"}, tensor<4xui32> {jax.result_info = "result[8]"}, tensor<4xi32> {jax.result_info = "result[9]"}, tensor<4xi1> {jax.result_info = "result[10]"}, tensor<2xui64> {jax.result_info = "result[11]"}, tensor<2x4xui64> {jax.result_info = "result[12]"}) {
    %0 = stablehlo.add %arg0, %arg1 : tensor<4xui64>
    %1 = stablehlo.multiply %arg0, %arg1 : tensor<4xui64>
    %2 = stablehlo.xor %arg0, %arg1 : tensor<4xui64>
    %3 = stablehlo.not %arg0 : tensor<4xui64>
    %c = stablehlo.constant dense<3> : tensor<ui64>
    %4 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<ui64>) -> tensor<4xui64>
    %5 = stablehlo.shift_left %arg0, %4 : tensor<4xui64>
    %c_0 = stablehlo.constant dense<63> : tensor<ui64>
    %6 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<ui64>) -> tensor<4xui64>
    %7 = stablehlo.and %arg1, %6 : tensor<4xui64>
    %8 = stablehlo.shift_right_logical %arg0, %7 : tensor<4xui64>
    %9 = stablehlo.popcnt %arg0 : tensor<4xui64>
    %10 = stablehlo.count_leading_zeros %arg0 : tensor<4xui64>
    %11 = stablehlo.convert %arg0 : (tensor<4xui64>) -> tensor<4xui32>
    %12 = stablehlo.convert %arg0 : (tensor<4xui64>) -> tensor<4xi32>
    %13 = stablehlo.compare EQ, %arg0, %arg1, UNSIGNED : (tensor<4xui64>, tensor<4xui64>) -> tensor<4xi1>
    %14 = stablehlo.slice %arg0 [1:3] : (tensor<4xui64>) -> tensor<2xui64>
    %15 = stablehlo.broadcast_in_dim %arg0, dims = [1] : (tensor<4xui64>) -> tensor<1x4xui64>
    %16 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<4xui64>) -> tensor<1x4xui64>
    %17 = stablehlo.concatenate %15, %16, dim = 0 : (tensor<1x4xui64>, tensor<1x4xui64>) -> tensor<2x4xui64>
    return %0, %1, %2, %3, %5, %8, %9, %10, %11, %12, %13, %14, %17 : tensor<4xui64>, tensor<4xui64>, tensor<4xui64>, tensor<4xui64>, tensor<4xui64>, tensor<4xui64>, tensor<4xui64>, tensor<4xui64>, tensor<4xui32>, tensor<4xi32>, tensor<4xi1>, tensor<2xui64>, tensor<2x4xui64>
  }
}
