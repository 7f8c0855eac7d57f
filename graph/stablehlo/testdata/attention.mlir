module @jit_attention attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<2x3x4xf64>, %arg1: tensor<4x4xf64>, %arg2: tensor<4x4xf64>, %arg3: tensor<4x4xf64>) -> (tensor<2x3x4xf64> {jax.result_info = "result"}) {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [2] x [0], precision = [DEFAULT, DEFAULT] : (tensor<2x3x4xf64>, tensor<4x4xf64>) -> tensor<2x3x4xf64>
    %1 = stablehlo.reshape %0 : (tensor<2x3x4xf64>) -> tensor<2x3x2x2xf64>
    %2 = stablehlo.transpose %1, dims = [0, 2, 1, 3] : (tensor<2x3x2x2xf64>) -> tensor<2x2x3x2xf64>
    %3 = stablehlo.dot_general %arg0, %arg2, contracting_dims = [2] x [0], precision = [DEFAULT, DEFAULT] : (tensor<2x3x4xf64>, tensor<4x4xf64>) -> tensor<2x3x4xf64>
    %4 = stablehlo.reshape %3 : (tensor<2x3x4xf64>) -> tensor<2x3x2x2xf64>
    %5 = stablehlo.transpose %4, dims = [0, 2, 1, 3] : (tensor<2x3x2x2xf64>) -> tensor<2x2x3x2xf64>
    %6 = stablehlo.dot_general %arg0, %arg3, contracting_dims = [2] x [0], precision = [DEFAULT, DEFAULT] : (tensor<2x3x4xf64>, tensor<4x4xf64>) -> tensor<2x3x4xf64>
    %7 = stablehlo.reshape %6 : (tensor<2x3x4xf64>) -> tensor<2x3x2x2xf64>
    %8 = stablehlo.transpose %7, dims = [0, 2, 1, 3] : (tensor<2x3x2x2xf64>) -> tensor<2x2x3x2xf64>
    %9 = stablehlo.transpose %5, dims = [0, 1, 3, 2] : (tensor<2x2x3x2xf64>) -> tensor<2x2x2x3xf64>
    %10 = stablehlo.dot_general %2, %9, batching_dims = [0, 1] x [0, 1], contracting_dims = [3] x [2], precision = [DEFAULT, DEFAULT] : (tensor<2x2x3x2xf64>, tensor<2x2x2x3xf64>) -> tensor<2x2x3x3xf64>
    %cst = stablehlo.constant dense<1.4142135623730951> : tensor<f64>
    %11 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<2x2x3x3xf64>
    %12 = stablehlo.divide %10, %11 : tensor<2x2x3x3xf64>
    %c = stablehlo.constant dense<true> : tensor<i1>
    %13 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i1>) -> tensor<3x3xi1>
    %14 = call @tril(%13) : (tensor<3x3xi1>) -> tensor<3x3xi1>
    %cst_0 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %15 = call @_where(%14, %12, %cst_0) : (tensor<3x3xi1>, tensor<2x2x3x3xf64>, tensor<f64>) -> tensor<2x2x3x3xf64>
    %cst_1 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %16 = stablehlo.reduce(%15 init: %cst_1) applies stablehlo.maximum across dimensions = [3] : (tensor<2x2x3x3xf64>, tensor<f64>) -> tensor<2x2x3xf64>
    %cst_2 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %17 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f64>) -> tensor<2x2x3xf64>
    %18 = stablehlo.maximum %17, %16 : tensor<2x2x3xf64>
    %19 = stablehlo.broadcast_in_dim %18, dims = [0, 1, 2] : (tensor<2x2x3xf64>) -> tensor<2x2x3x1xf64>
    %20 = stablehlo.broadcast_in_dim %19, dims = [0, 1, 2, 3] : (tensor<2x2x3x1xf64>) -> tensor<2x2x3x3xf64>
    %21 = stablehlo.subtract %15, %20 : tensor<2x2x3x3xf64>
    %22 = stablehlo.exponential %21 : tensor<2x2x3x3xf64>
    %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %23 = stablehlo.reduce(%22 init: %cst_3) applies stablehlo.add across dimensions = [3] : (tensor<2x2x3x3xf64>, tensor<f64>) -> tensor<2x2x3xf64>
    %24 = stablehlo.broadcast_in_dim %23, dims = [0, 1, 2] : (tensor<2x2x3xf64>) -> tensor<2x2x3x1xf64>
    %25 = stablehlo.broadcast_in_dim %24, dims = [0, 1, 2, 3] : (tensor<2x2x3x1xf64>) -> tensor<2x2x3x3xf64>
    %26 = stablehlo.divide %22, %25 : tensor<2x2x3x3xf64>
    %27 = stablehlo.dot_general %26, %8, batching_dims = [0, 1] x [0, 1], contracting_dims = [3] x [2], precision = [DEFAULT, DEFAULT] : (tensor<2x2x3x3xf64>, tensor<2x2x3x2xf64>) -> tensor<2x2x3x2xf64>
    %28 = stablehlo.transpose %27, dims = [0, 2, 1, 3] : (tensor<2x2x3x2xf64>) -> tensor<2x3x2x2xf64>
    %29 = stablehlo.reshape %28 : (tensor<2x3x2x2xf64>) -> tensor<2x3x4xf64>
    return %29 : tensor<2x3x4xf64>
  }
  func.func private @tril(%arg0: tensor<3x3xi1>) -> tensor<3x3xi1> {
    %0 = stablehlo.iota dim = 0 : tensor<3x3xi64>
    %c = stablehlo.constant dense<0> : tensor<i64>
    %1 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i64>) -> tensor<3x3xi64>
    %2 = stablehlo.add %0, %1 : tensor<3x3xi64>
    %3 = stablehlo.iota dim = 1 : tensor<3x3xi64>
    %4 = stablehlo.compare GE, %2, %3, SIGNED : (tensor<3x3xi64>, tensor<3x3xi64>) -> tensor<3x3xi1>
    %c_0 = stablehlo.constant dense<false> : tensor<i1>
    %5 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i1>) -> tensor<3x3xi1>
    %6 = stablehlo.select %4, %arg0, %5 : tensor<3x3xi1>, tensor<3x3xi1>
    return %6 : tensor<3x3xi1>
  }
  func.func private @_where(%arg0: tensor<3x3xi1>, %arg1: tensor<2x2x3x3xf64>, %arg2: tensor<f64>) -> tensor<2x2x3x3xf64> {
    %0 = stablehlo.convert %arg2 : tensor<f64>
    %1 = stablehlo.broadcast_in_dim %arg0, dims = [2, 3] : (tensor<3x3xi1>) -> tensor<2x2x3x3xi1>
    %2 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f64>) -> tensor<2x2x3x3xf64>
    %3 = stablehlo.select %1, %arg1, %2 : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf64>
    return %3 : tensor<2x2x3x3xf64>
  }
}
