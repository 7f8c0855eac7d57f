module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3x4xf64>) -> (tensor<4x3xf64> {jax.result_info = "result[0]"}, tensor<2x6xf64> {jax.result_info = "result[1]"}, tensor<3x2xf64> {jax.result_info = "result[2]"}, tensor<2x2xf64> {jax.result_info = "result[3]"}, tensor<4x4xf64> {jax.result_info = "result[4]"}, tensor<6x5xf64> {jax.result_info = "result[5]"}, tensor<6x10xf64> {jax.result_info = "result[6]"}, tensor<3x2x4xf64> {jax.result_info = "result[7]"}, tensor<5xi64> {jax.result_info = "result[8]"}, tensor<3x3xf64> {jax.result_info = "result[9]"}, tensor<3x4xf64> {jax.result_info = "result[10]"}, tensor<3x4xf64> {jax.result_info = "result[11]"}, tensor<6x4xf64> {jax.result_info = "result[12]"}, tensor<3x8xf64> {jax.result_info = "result[13]"}, tensor<2x2xf64> {jax.result_info = "result[14]"}, tensor<3x4xf64> {jax.result_info = "result[15]"}, tensor<3xf64> {jax.result_info = "result[16]"}, tensor<2x2xf32> {jax.result_info = "result[17]"}) {
    %cst = stablehlo.constant dense<[0x7FF8000000000000, 0x7FF0000000000000, 0xFFF0000000000000]> : tensor<3xf64>
    %cst_0 = stablehlo.constant dense<[[1.500000e+00, 2.500000e+00], [3.500000e+00, 4.500000e+00]]> : tensor<2x2xf32>
    %0 = stablehlo.transpose %arg0, dims = [1, 0] : (tensor<3x4xf64>) -> tensor<4x3xf64>
    %1 = stablehlo.reshape %arg0 : (tensor<3x4xf64>) -> tensor<2x6xf64>
    %2 = stablehlo.slice %arg0 [0:3, 1:3] : (tensor<3x4xf64>) -> tensor<3x2xf64>
    %3 = stablehlo.reverse %2, dims = [0] : tensor<3x2xf64>
    %4 = stablehlo.slice %arg0 [1:3, 0:4:2] : (tensor<3x4xf64>) -> tensor<2x2xf64>
    %5 = stablehlo.slice %arg0 [0:1, 0:4] : (tensor<3x4xf64>) -> tensor<1x4xf64>
    %6 = stablehlo.concatenate %arg0, %5, dim = 0 : (tensor<3x4xf64>, tensor<1x4xf64>) -> tensor<4x4xf64>
    %cst_1 = stablehlo.constant dense<7.000000e+00> : tensor<f64>
    %7 = call @_pad(%arg0, %cst_1) : (tensor<3x4xf64>, tensor<f64>) -> tensor<6x5xf64>
    %cst_2 = stablehlo.constant dense<1.500000e+00> : tensor<f64>
    %8 = stablehlo.pad %arg0, %cst_2, low = [-1, 1], high = [2, -1], interior = [1, 2] : (tensor<3x4xf64>, tensor<f64>) -> tensor<6x10xf64>
    %9 = stablehlo.broadcast_in_dim %arg0, dims = [0, 2] : (tensor<3x4xf64>) -> tensor<3x1x4xf64>
    %10 = stablehlo.broadcast_in_dim %9, dims = [0, 1, 2] : (tensor<3x1x4xf64>) -> tensor<3x2x4xf64>
    %11 = stablehlo.iota dim = 0 : tensor<5xi64>
    %12 = stablehlo.iota dim = 0 : tensor<3x3xi64>
    %13 = stablehlo.iota dim = 1 : tensor<3x3xi64>
    %c = stablehlo.constant dense<0> : tensor<i64>
    %14 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i64>) -> tensor<3x3xi64>
    %15 = stablehlo.add %12, %14 : tensor<3x3xi64>
    %16 = stablehlo.compare EQ, %15, %13, SIGNED : (tensor<3x3xi64>, tensor<3x3xi64>) -> tensor<3x3xi1>
    %17 = stablehlo.convert %16 : (tensor<3x3xi1>) -> tensor<3x3xf64>
    %18 = call @tril(%arg0) : (tensor<3x4xf64>) -> tensor<3x4xf64>
    %19 = call @_roll_static(%arg0) : (tensor<3x4xf64>) -> tensor<3x4xf64>
    %20 = stablehlo.reshape %arg0 : (tensor<3x4xf64>) -> tensor<1x3x1x4xf64>
    %21 = stablehlo.broadcast_in_dim %20, dims = [0, 1, 2, 3] : (tensor<1x3x1x4xf64>) -> tensor<2x3x1x4xf64>
    %22 = stablehlo.reshape %21 : (tensor<2x3x1x4xf64>) -> tensor<6x4xf64>
    %23 = stablehlo.broadcast_in_dim %arg0, dims = [0, 1] : (tensor<3x4xf64>) -> tensor<3x4x2xf64>
    %24 = stablehlo.reshape %23 : (tensor<3x4x2xf64>) -> tensor<3x8xf64>
    %c_3 = stablehlo.constant dense<1> : tensor<i64>
    %c_4 = stablehlo.constant dense<5> : tensor<i64>
    %25 = stablehlo.dynamic_slice %arg0, %c_3, %c_4, sizes = [2, 2] : (tensor<3x4xf64>, tensor<i64>, tensor<i64>) -> tensor<2x2xf64>
    %cst_5 = stablehlo.constant dense<1.000000e+00> : tensor<f64>
    %26 = stablehlo.broadcast_in_dim %cst_5, dims = [] : (tensor<f64>) -> tensor<2x2xf64>
    %c_6 = stablehlo.constant dense<1> : tensor<i64>
    %c_7 = stablehlo.constant dense<1> : tensor<i64>
    %27 = stablehlo.dynamic_update_slice %arg0, %26, %c_6, %c_7 : (tensor<3x4xf64>, tensor<2x2xf64>, tensor<i64>, tensor<i64>) -> tensor<3x4xf64>
    return %0, %1, %3, %4, %6, %7, %8, %10, %11, %17, %18, %19, %22, %24, %25, %27, %cst, %cst_0 : tensor<4x3xf64>, tensor<2x6xf64>, tensor<3x2xf64>, tensor<2x2xf64>, tensor<4x4xf64>, tensor<6x5xf64>, tensor<6x10xf64>, tensor<3x2x4xf64>, tensor<5xi64>, tensor<3x3xf64>, tensor<3x4xf64>, tensor<3x4xf64>, tensor<6x4xf64>, tensor<3x8xf64>, tensor<2x2xf64>, tensor<3x4xf64>, tensor<3xf64>, tensor<2x2xf32>
  }
  func.func private @_pad(%arg0: tensor<3x4xf64>, %arg1: tensor<f64>) -> tensor<6x5xf64> {
    %0 = stablehlo.convert %arg1 : tensor<f64>
    %1 = stablehlo.pad %arg0, %0, low = [1, 0], high = [2, 1], interior = [0, 0] : (tensor<3x4xf64>, tensor<f64>) -> tensor<6x5xf64>
    return %1 : tensor<6x5xf64>
  }
  func.func private @tril(%arg0: tensor<3x4xf64>) -> tensor<3x4xf64> {
    %0 = stablehlo.iota dim = 0 : tensor<3x4xi64>
    %c = stablehlo.constant dense<0> : tensor<i64>
    %1 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i64>) -> tensor<3x4xi64>
    %2 = stablehlo.add %0, %1 : tensor<3x4xi64>
    %3 = stablehlo.iota dim = 1 : tensor<3x4xi64>
    %4 = stablehlo.compare GE, %2, %3, SIGNED : (tensor<3x4xi64>, tensor<3x4xi64>) -> tensor<3x4xi1>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %5 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<3x4xf64>
    %6 = stablehlo.select %4, %arg0, %5 : tensor<3x4xi1>, tensor<3x4xf64>
    return %6 : tensor<3x4xf64>
  }
  func.func private @_roll_static(%arg0: tensor<3x4xf64>) -> tensor<3x4xf64> {
    %0 = stablehlo.slice %arg0 [2:3, 0:4] : (tensor<3x4xf64>) -> tensor<1x4xf64>
    %1 = stablehlo.slice %arg0 [0:2, 0:4] : (tensor<3x4xf64>) -> tensor<2x4xf64>
    %2 = stablehlo.concatenate %0, %1, dim = 0 : (tensor<1x4xf64>, tensor<2x4xf64>) -> tensor<3x4xf64>
    return %2 : tensor<3x4xf64>
  }
}
