module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<2x6x6x2xf64>, %arg1: tensor<3x3x2x3xf64>, %arg2: tensor<2x2x3x2xf64>) -> (tensor<2x6x6x2xf64> {jax.result_info = "result[0]"}, tensor<3x3x2x3xf64> {jax.result_info = "result[1]"}, tensor<2x2x3x2xf64> {jax.result_info = "result[2]"}) {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], window = {stride = [1, 1], pad = [[1, 1], [1, 1]], lhs_dilate = [1, 1], rhs_dilate = [1, 1], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x6x6x2xf64>, tensor<3x3x2x3xf64>) -> tensor<2x6x6x3xf64>
    %1 = call @relu(%0) : (tensor<2x6x6x3xf64>) -> tensor<2x6x6x3xf64>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %2 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<2x6x6x3xf64>
    %3 = stablehlo.compare GT, %0, %2, FLOAT : (tensor<2x6x6x3xf64>, tensor<2x6x6x3xf64>) -> tensor<2x6x6x3xi1>
    %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %4 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f64>) -> tensor<2x6x6x3xf64>
    %cst_1 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %5 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f64>) -> tensor<f64>
    %6 = "stablehlo.reduce_window"(%1, %5) <{base_dilations = array<i64: 1, 1, 1, 1>, padding = dense<0> : tensor<4x2xi64>, window_dilations = array<i64: 1, 1, 1, 1>, window_dimensions = array<i64: 1, 2, 2, 1>, window_strides = array<i64: 1, 2, 2, 1>}> ({
    ^bb0(%arg3: tensor<f64>, %arg4: tensor<f64>):
      %33 = stablehlo.maximum %arg3, %arg4 : tensor<f64>
      stablehlo.return %33 : tensor<f64>
    }) : (tensor<2x6x6x3xf64>, tensor<f64>) -> tensor<2x3x3x3xf64>
    %7 = stablehlo.convolution(%6, %arg2) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], window = {stride = [2, 1], pad = [[1, 1], [0, 2]], lhs_dilate = [1, 1], rhs_dilate = [1, 2], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x3x3x3xf64>, tensor<2x2x3x2xf64>) -> tensor<2x2x3x2xf64>
    %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %8 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f64>) -> tensor<f64>
    %9 = "stablehlo.reduce_window"(%7, %8) <{base_dilations = array<i64: 1, 1, 1, 1>, padding = dense<[[0, 0], [0, 1], [0, 1], [0, 0]]> : tensor<4x2xi64>, window_dilations = array<i64: 1, 1, 1, 1>, window_dimensions = array<i64: 1, 2, 2, 1>, window_strides = array<i64: 1, 1, 1, 1>}> ({
    ^bb0(%arg3: tensor<f64>, %arg4: tensor<f64>):
      %33 = stablehlo.add %arg3, %arg4 : tensor<f64>
      stablehlo.return %33 : tensor<f64>
    }) : (tensor<2x2x3x2xf64>, tensor<f64>) -> tensor<2x2x3x2xf64>
    %cst_3 = stablehlo.constant dense<4.000000e+00> : tensor<f64>
    %10 = stablehlo.broadcast_in_dim %cst_3, dims = [] : (tensor<f64>) -> tensor<2x2x3x2xf64>
    %11 = stablehlo.divide %9, %10 : tensor<2x2x3x2xf64>
    %12 = stablehlo.sine %11 : tensor<2x2x3x2xf64>
    %13 = stablehlo.cosine %11 : tensor<2x2x3x2xf64>
    %cst_4 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %14 = stablehlo.reduce(%12 init: %cst_4) applies stablehlo.add across dimensions = [0, 1, 2, 3] : (tensor<2x2x3x2xf64>, tensor<f64>) -> tensor<f64>
    %cst_5 = stablehlo.constant dense<1.000000e+00> : tensor<f64>
    %15 = stablehlo.broadcast_in_dim %cst_5, dims = [] : (tensor<f64>) -> tensor<2x2x3x2xf64>
    %16 = stablehlo.multiply %15, %13 : tensor<2x2x3x2xf64>
    %cst_6 = stablehlo.constant dense<4.000000e+00> : tensor<f64>
    %17 = stablehlo.broadcast_in_dim %cst_6, dims = [] : (tensor<f64>) -> tensor<2x2x3x2xf64>
    %18 = stablehlo.divide %16, %17 : tensor<2x2x3x2xf64>
    %cst_7 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %19 = stablehlo.pad %18, %cst_7, low = [0, 1, 1, 0], high = [0, 0, 0, 0], interior = [0, 0, 0, 0] : (tensor<2x2x3x2xf64>, tensor<f64>) -> tensor<2x3x4x2xf64>
    %cst_8 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %20 = stablehlo.broadcast_in_dim %cst_8, dims = [] : (tensor<f64>) -> tensor<f64>
    %21 = "stablehlo.reduce_window"(%19, %20) <{base_dilations = array<i64: 1, 1, 1, 1>, padding = dense<0> : tensor<4x2xi64>, window_dilations = array<i64: 1, 1, 1, 1>, window_dimensions = array<i64: 1, 2, 2, 1>, window_strides = array<i64: 1, 1, 1, 1>}> ({
    ^bb0(%arg3: tensor<f64>, %arg4: tensor<f64>):
      %33 = stablehlo.add %arg3, %arg4 : tensor<f64>
      stablehlo.return %33 : tensor<f64>
    }) : (tensor<2x3x4x2xf64>, tensor<f64>) -> tensor<2x2x3x2xf64>
    %22 = stablehlo.convolution(%6, %21) dim_numbers = [f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f], window = {stride = [1, 2], pad = [[1, 0], [0, 2]], lhs_dilate = [1, 1], rhs_dilate = [2, 1], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x3x3x3xf64>, tensor<2x2x3x2xf64>) -> tensor<2x2x3x2xf64>
    %23 = stablehlo.reverse %arg2, dims = [0, 1] : tensor<2x2x3x2xf64>
    %24 = stablehlo.convolution(%21, %23) dim_numbers = [b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f], window = {stride = [1, 1], pad = [[0, 1], [2, 0]], lhs_dilate = [2, 1], rhs_dilate = [1, 2], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64>) -> tensor<2x3x3x3xf64>
    %cst_9 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %25 = stablehlo.pad %1, %cst_9, low = [0, 0, 0, 0], high = [0, 0, 0, 0], interior = [0, 0, 0, 0] : (tensor<2x6x6x3xf64>, tensor<f64>) -> tensor<2x6x6x3xf64>
    %cst_10 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %26 = "stablehlo.select_and_scatter"(%25, %24, %cst_10) <{padding = dense<0> : tensor<4x2xi64>, window_dimensions = array<i64: 1, 2, 2, 1>, window_strides = array<i64: 1, 2, 2, 1>}> ({
    ^bb0(%arg3: tensor<f64>, %arg4: tensor<f64>):
      %33 = stablehlo.compare GE, %arg3, %arg4, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      stablehlo.return %33 : tensor<i1>
    }, {
    ^bb0(%arg3: tensor<f64>, %arg4: tensor<f64>):
      %33 = stablehlo.add %arg3, %arg4 : tensor<f64>
      stablehlo.return %33 : tensor<f64>
    }) : (tensor<2x6x6x3xf64>, tensor<2x3x3x3xf64>, tensor<f64>) -> tensor<2x6x6x3xf64>
    %27 = stablehlo.slice %26 [0:2, 0:6, 0:6, 0:3] : (tensor<2x6x6x3xf64>) -> tensor<2x6x6x3xf64>
    %cst_11 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %28 = stablehlo.broadcast_in_dim %cst_11, dims = [] : (tensor<f64>) -> tensor<2x6x6x3xf64>
    %29 = stablehlo.select %3, %27, %28 : tensor<2x6x6x3xi1>, tensor<2x6x6x3xf64>
    %30 = stablehlo.convolution(%arg0, %29) dim_numbers = [f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f], window = {stride = [1, 1], pad = [[1, 1], [1, 1]], lhs_dilate = [1, 1], rhs_dilate = [1, 1], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x6x6x2xf64>, tensor<2x6x6x3xf64>) -> tensor<3x3x2x3xf64>
    %31 = stablehlo.reverse %arg1, dims = [0, 1] : tensor<3x3x2x3xf64>
    %32 = stablehlo.convolution(%29, %31) dim_numbers = [b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f], window = {stride = [1, 1], pad = [[1, 1], [1, 1]], lhs_dilate = [1, 1], rhs_dilate = [1, 1], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x6x6x3xf64>, tensor<3x3x2x3xf64>) -> tensor<2x6x6x2xf64>
    return %32, %30, %22 : tensor<2x6x6x2xf64>, tensor<3x3x2x3xf64>, tensor<2x2x3x2xf64>
  }
  func.func private @relu(%arg0: tensor<2x6x6x3xf64>) -> tensor<2x6x6x3xf64> {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<2x6x6x3xf64>
    %1 = stablehlo.maximum %arg0, %0 : tensor<2x6x6x3xf64>
    return %1 : tensor<2x6x6x3xf64>
  }
}
