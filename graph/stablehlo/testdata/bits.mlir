module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<10xf32>, %arg1: tensor<7xf64>, %arg2: tensor<10xi32>, %arg3: tensor<5xi64>) -> (tensor<10xi32> {jax.result_info = "result[0]"}, tensor<10xui32> {jax.result_info = "result[1]"}, tensor<7xi64> {jax.result_info = "result[2]"}, tensor<10xf32> {jax.result_info = "result[3]"}, tensor<5xf64> {jax.result_info = "result[4]"}) {
    %0 = stablehlo.bitcast_convert %arg0 : (tensor<10xf32>) -> tensor<10xi32>
    %1 = stablehlo.bitcast_convert %arg0 : (tensor<10xf32>) -> tensor<10xui32>
    %2 = stablehlo.bitcast_convert %arg1 : (tensor<7xf64>) -> tensor<7xi64>
    %3 = stablehlo.bitcast_convert %arg2 : (tensor<10xi32>) -> tensor<10xf32>
    %4 = stablehlo.bitcast_convert %arg3 : (tensor<5xi64>) -> tensor<5xf64>
    return %0, %1, %2, %3, %4 : tensor<10xi32>, tensor<10xui32>, tensor<7xi64>, tensor<10xf32>, tensor<5xf64>
  }
}
