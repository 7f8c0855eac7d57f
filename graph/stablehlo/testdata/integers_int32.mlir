module @jit_of_integers attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<7xi32>, %arg1: tensor<7xi32>) -> (tensor<7xi32> {jax.result_info = "result[0]"}, tensor<7xi32> {jax.result_info = "result[1]"}, tensor<7xi32> {jax.result_info = "result[2]"}, tensor<7xi32> {jax.result_info = "result[3]"}, tensor<7xi32> {jax.result_info = "result[4]"}, tensor<7xi32> {jax.result_info = "result[5]"}, tensor<7xi32> {jax.result_info = "result[6]"}, tensor<7xi32> {jax.result_info = "result[7]"}, tensor<7xi32> {jax.result_info = "result[8]"}, tensor<7xi32> {jax.result_info = "result[9]"}, tensor<7xi32> {jax.result_info = "result[10]"}, tensor<7xi32> {jax.result_info = "result[11]"}, tensor<7xi32> {jax.result_info = "result[12]"}, tensor<7xi32> {jax.result_info = "result[13]"}, tensor<7xi32> {jax.result_info = "result[14]"}, tensor<7xi1> {jax.result_info = "result[15]"}, tensor<7xi1> {jax.result_info = "result[16]"}, tensor<i32> {jax.result_info = "result[17]"}, tensor<i32> {jax.result_info = "result[18]"}, tensor<7xi32> {jax.result_info = "result[19]"}, tensor<7xi32> {jax.result_info = "result[20]"}, tensor<7xi32> {jax.result_info = "result[21]"}, tensor<7xi64> {jax.result_info = "result[22]"}, tensor<7xf64> {jax.result_info = "result[23]"}, tensor<7xi32> {jax.result_info = "result[24]"}, tensor<7xi32> {jax.result_info = "result[25]"}, tensor<7xi8> {jax.result_info = "result[26]"}, tensor<7xui16> {jax.result_info = "result[27]"}, tensor<7xui32> {jax.result_info = "result[28]"}, tensor<7xi32> {jax.result_info = "result[29]"}, tensor<7xi32> {jax.result_info = "result[30]"}) {
    %0 = stablehlo.add %arg0, %arg1 : tensor<7xi32>
    %1 = stablehlo.subtract %arg0, %arg1 : tensor<7xi32>
    %2 = stablehlo.multiply %arg0, %arg1 : tensor<7xi32>
    %3 = stablehlo.and %arg0, %arg1 : tensor<7xi32>
    %4 = stablehlo.or %arg0, %arg1 : tensor<7xi32>
    %5 = stablehlo.xor %arg0, %arg1 : tensor<7xi32>
    %6 = stablehlo.not %arg0 : tensor<7xi32>
    %7 = stablehlo.negate %arg0 : tensor<7xi32>
    %c = stablehlo.constant dense<1> : tensor<i32>
    %8 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<7xi32>
    %9 = stablehlo.shift_left %arg0, %8 : tensor<7xi32>
    %c_0 = stablehlo.constant dense<1> : tensor<i32>
    %10 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i32>) -> tensor<7xi32>
    %11 = stablehlo.shift_right_arithmetic %arg0, %10 : tensor<7xi32>
    %c_1 = stablehlo.constant dense<3> : tensor<i32>
    %12 = stablehlo.broadcast_in_dim %c_1, dims = [] : (tensor<i32>) -> tensor<7xi32>
    %13 = stablehlo.and %arg1, %12 : tensor<7xi32>
    %14 = stablehlo.shift_right_logical %arg0, %13 : tensor<7xi32>
    %15 = stablehlo.popcnt %arg0 : tensor<7xi32>
    %16 = stablehlo.count_leading_zeros %arg0 : tensor<7xi32>
    %17 = stablehlo.maximum %arg0, %arg1 : tensor<7xi32>
    %18 = stablehlo.minimum %arg0, %arg1 : tensor<7xi32>
    %19 = stablehlo.compare LT, %arg0, %arg1, SIGNED : (tensor<7xi32>, tensor<7xi32>) -> tensor<7xi1>
    %20 = stablehlo.compare EQ, %arg0, %arg1, SIGNED : (tensor<7xi32>, tensor<7xi32>) -> tensor<7xi1>
    %c_2 = stablehlo.constant dense<0> : tensor<i32>
    %21 = stablehlo.reduce(%arg0 init: %c_2) applies stablehlo.add across dimensions = [0] : (tensor<7xi32>, tensor<i32>) -> tensor<i32>
    %c_3 = stablehlo.constant dense<-2147483648> : tensor<i32>
    %22 = stablehlo.reduce(%arg0 init: %c_3) applies stablehlo.maximum across dimensions = [0] : (tensor<7xi32>, tensor<i32>) -> tensor<i32>
    %23 = call @sort(%arg0) : (tensor<7xi32>) -> tensor<7xi32>
    %24 = stablehlo.reverse %arg0, dims = [0] : tensor<7xi32>
    %25 = stablehlo.convert %arg0 : (tensor<7xi32>) -> tensor<7xi64>
    %26 = stablehlo.convert %arg0 : (tensor<7xi32>) -> tensor<7xf64>
    %27 = call @cumsum(%arg0) : (tensor<7xi32>) -> tensor<7xi32>
    %28 = stablehlo.compare LT, %arg0, %arg1, SIGNED : (tensor<7xi32>, tensor<7xi32>) -> tensor<7xi1>
    %29 = call @_where(%28, %arg0, %arg1) : (tensor<7xi1>, tensor<7xi32>, tensor<7xi32>) -> tensor<7xi32>
    %30 = stablehlo.convert %arg0 : (tensor<7xi32>) -> tensor<7xi8>
    %31 = stablehlo.convert %arg0 : (tensor<7xi32>) -> tensor<7xui16>
    %32 = stablehlo.convert %arg0 : (tensor<7xi32>) -> tensor<7xui32>
    %33 = stablehlo.divide %arg0, %arg1 : tensor<7xi32>
    %34 = stablehlo.remainder %arg0, %arg1 : tensor<7xi32>
    return %0, %1, %2, %3, %4, %5, %6, %7, %9, %11, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %arg0, %25, %26, %27, %29, %30, %31, %32, %33, %34 : tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi1>, tensor<7xi1>, tensor<i32>, tensor<i32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi32>, tensor<7xi64>, tensor<7xf64>, tensor<7xi32>, tensor<7xi32>, tensor<7xi8>, tensor<7xui16>, tensor<7xui32>, tensor<7xi32>, tensor<7xi32>
  }
  func.func private @sort(%arg0: tensor<7xi32>) -> tensor<7xi32> {
    %0 = "stablehlo.sort"(%arg0) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg1: tensor<i32>, %arg2: tensor<i32>):
      %1 = stablehlo.compare LT, %arg1, %arg2, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %1 : tensor<i1>
    }) : (tensor<7xi32>) -> tensor<7xi32>
    return %0 : tensor<7xi32>
  }
  func.func private @cumsum(%arg0: tensor<7xi32>) -> tensor<7xi32> {
    %0 = call @cumsum_0(%arg0) : (tensor<7xi32>) -> tensor<7xi32>
    return %0 : tensor<7xi32>
  }
  func.func private @cumsum_0(%arg0: tensor<7xi32>) -> tensor<7xi32> {
    %c = stablehlo.constant dense<0> : tensor<i32>
    %0 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<i32>
    %1 = "stablehlo.reduce_window"(%arg0, %0) <{base_dilations = array<i64: 1>, padding = dense<[[6, 0]]> : tensor<1x2xi64>, window_dilations = array<i64: 1>, window_dimensions = array<i64: 7>, window_strides = array<i64: 1>}> ({
    ^bb0(%arg1: tensor<i32>, %arg2: tensor<i32>):
      %2 = stablehlo.add %arg1, %arg2 : tensor<i32>
      stablehlo.return %2 : tensor<i32>
    }) : (tensor<7xi32>, tensor<i32>) -> tensor<7xi32>
    return %1 : tensor<7xi32>
  }
  func.func private @_where(%arg0: tensor<7xi1>, %arg1: tensor<7xi32>, %arg2: tensor<7xi32>) -> tensor<7xi32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<7xi1>, tensor<7xi32>
    return %0 : tensor<7xi32>
  }
}
