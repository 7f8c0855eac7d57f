module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3x4xf64>, %arg1: tensor<4x2xf64>, %arg2: tensor<2x3x3xf64>) -> (tensor<3x2xf64> {jax.result_info = "result[0]"}, tensor<3x3xf64> {jax.result_info = "result[1]"}, tensor<2x3x3xf64> {jax.result_info = "result[2]"}, tensor<2x3x3xf64> {jax.result_info = "result[3]"}, tensor<f64> {jax.result_info = "result[4]"}, tensor<4x4xf64> {jax.result_info = "result[5]"}) {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<3x4xf64>, tensor<4x2xf64>) -> tensor<3x2xf64>
    %1 = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [1], precision = [DEFAULT, DEFAULT] : (tensor<3x4xf64>, tensor<3x4xf64>) -> tensor<3x3xf64>
    %2 = stablehlo.dot_general %arg2, %arg2, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<2x3x3xf64>, tensor<2x3x3xf64>) -> tensor<2x3x3xf64>
    %3 = stablehlo.slice %arg2 [0:1, 0:3, 0:3] : (tensor<2x3x3xf64>) -> tensor<1x3x3xf64>
    %4 = stablehlo.reshape %3 : (tensor<1x3x3xf64>) -> tensor<3x3xf64>
    %5 = stablehlo.dot_general %4, %arg2, contracting_dims = [1] x [2], precision = [DEFAULT, DEFAULT] : (tensor<3x3xf64>, tensor<2x3x3xf64>) -> tensor<3x2x3xf64>
    %6 = stablehlo.transpose %5, dims = [1, 0, 2] : (tensor<3x2x3xf64>) -> tensor<2x3x3xf64>
    %7 = stablehlo.slice %arg0 [0:1, 0:4] : (tensor<3x4xf64>) -> tensor<1x4xf64>
    %8 = stablehlo.reshape %7 : (tensor<1x4xf64>) -> tensor<4xf64>
    %9 = stablehlo.slice %arg1 [0:4, 0:1] : (tensor<4x2xf64>) -> tensor<4x1xf64>
    %10 = stablehlo.reshape %9 : (tensor<4x1xf64>) -> tensor<4xf64>
    %11 = stablehlo.dot_general %8, %10, contracting_dims = [0] x [0], precision = [DEFAULT, DEFAULT] : (tensor<4xf64>, tensor<4xf64>) -> tensor<f64>
    %12 = stablehlo.slice %arg0 [0:1, 0:4] : (tensor<3x4xf64>) -> tensor<1x4xf64>
    %13 = stablehlo.reshape %12 : (tensor<1x4xf64>) -> tensor<4xf64>
    %14 = stablehlo.slice %arg1 [0:4, 0:1] : (tensor<4x2xf64>) -> tensor<4x1xf64>
    %15 = stablehlo.reshape %14 : (tensor<4x1xf64>) -> tensor<4xf64>
    %16 = stablehlo.broadcast_in_dim %13, dims = [0] : (tensor<4xf64>) -> tensor<4x1xf64>
    %17 = stablehlo.broadcast_in_dim %15, dims = [1] : (tensor<4xf64>) -> tensor<1x4xf64>
    %18 = stablehlo.broadcast_in_dim %16, dims = [0, 1] : (tensor<4x1xf64>) -> tensor<4x4xf64>
    %19 = stablehlo.broadcast_in_dim %17, dims = [0, 1] : (tensor<1x4xf64>) -> tensor<4x4xf64>
    %20 = stablehlo.multiply %18, %19 : tensor<4x4xf64>
    return %0, %1, %2, %6, %11, %20 : tensor<3x2xf64>, tensor<3x3xf64>, tensor<2x3x3xf64>, tensor<2x3x3xf64>, tensor<f64>, tensor<4x4xf64>
  }
}
