module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<5xi32>, %arg1: tensor<5xi32>, %arg2: tensor<5xi1>) -> (tensor<5xi32> {jax.result_info = "result[0]"}, tensor<5xi32> {jax.result_info = "result[1]"}, tensor<5xi32> {jax.result_info = "result[2]"}, tensor<5xi32> {jax.result_info = "result[3]"}, tensor<5xi32> {jax.result_info = "result[4]"}, tensor<5xi32> {jax.result_info = "result[5]"}, tensor<5xi32> {jax.result_info = "result[6]"}, tensor<5xi32> {jax.result_info = "result[7]"}, tensor<5xi32> {jax.result_info = "result[8]"}, tensor<5xi32> {jax.result_info = "result[9]"}, tensor<5xi32> {jax.result_info = "result[10]"}, tensor<5xi32> {jax.result_info = "result[11]"}, tensor<5xi32> {jax.result_info = "result[12]"}, tensor<5xi32> {jax.result_info = "result[13]"}, tensor<5xi64> {jax.result_info = "result[14]"}, tensor<5xf32> {jax.result_info = "result[15]"}, tensor<5xi1> {jax.result_info = "result[16]"}, tensor<5xi1> {jax.result_info = "result[17]"}, tensor<5xi1> {jax.result_info = "result[18]"}, tensor<5xi1> {jax.result_info = "result[19]"}, tensor<i1> {jax.result_info = "result[20]"}, tensor<i1> {jax.result_info = "result[21]"}, tensor<i64> {jax.result_info = "result[22]"}, tensor<i64> {jax.result_info = "result[23]"}, tensor<i32> {jax.result_info = "result[24]"}, tensor<i32> {jax.result_info = "result[25]"}, tensor<5xi32> {jax.result_info = "result[26]"}, tensor<5xi32> {jax.result_info = "result[27]"}) {
    %0 = stablehlo.add %arg0, %arg1 : tensor<5xi32>
    %1 = stablehlo.multiply %arg0, %arg1 : tensor<5xi32>
    %2 = stablehlo.subtract %arg0, %arg1 : tensor<5xi32>
    %3 = stablehlo.divide %arg0, %arg1 : tensor<5xi32>
    %4 = stablehlo.remainder %arg0, %arg1 : tensor<5xi32>
    %5 = stablehlo.and %arg0, %arg1 : tensor<5xi32>
    %6 = stablehlo.or %arg0, %arg1 : tensor<5xi32>
    %7 = stablehlo.xor %arg0, %arg1 : tensor<5xi32>
    %8 = stablehlo.not %arg0 : tensor<5xi32>
    %c = stablehlo.constant dense<3> : tensor<i32>
    %9 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %10 = stablehlo.shift_left %arg0, %9 : tensor<5xi32>
    %c_0 = stablehlo.constant dense<1> : tensor<i32>
    %11 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %12 = stablehlo.shift_right_arithmetic %arg0, %11 : tensor<5xi32>
    %13 = stablehlo.maximum %arg0, %arg1 : tensor<5xi32>
    %14 = stablehlo.abs %arg0 : tensor<5xi32>
    %15 = stablehlo.sign %arg0 : tensor<5xi32>
    %16 = stablehlo.convert %arg0 : (tensor<5xi32>) -> tensor<5xi64>
    %17 = stablehlo.convert %arg0 : (tensor<5xi32>) -> tensor<5xf32>
    %c_1 = stablehlo.constant dense<0> : tensor<i32>
    %18 = stablehlo.broadcast_in_dim %c_1, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %19 = stablehlo.compare GT, %arg0, %18, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %20 = stablehlo.and %arg2, %19 : tensor<5xi1>
    %c_2 = stablehlo.constant dense<0> : tensor<i32>
    %21 = stablehlo.broadcast_in_dim %c_2, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %22 = stablehlo.compare GT, %arg0, %21, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %23 = stablehlo.or %arg2, %22 : tensor<5xi1>
    %c_3 = stablehlo.constant dense<0> : tensor<i32>
    %24 = stablehlo.broadcast_in_dim %c_3, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %25 = stablehlo.compare GT, %arg0, %24, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %26 = stablehlo.xor %arg2, %25 : tensor<5xi1>
    %27 = stablehlo.not %arg2 : tensor<5xi1>
    %c_4 = stablehlo.constant dense<false> : tensor<i1>
    %28 = stablehlo.reduce(%arg2 init: %c_4) applies stablehlo.or across dimensions = [0] : (tensor<5xi1>, tensor<i1>) -> tensor<i1>
    %c_5 = stablehlo.constant dense<true> : tensor<i1>
    %29 = stablehlo.reduce(%arg2 init: %c_5) applies stablehlo.and across dimensions = [0] : (tensor<5xi1>, tensor<i1>) -> tensor<i1>
    %30 = stablehlo.convert %arg2 : (tensor<5xi1>) -> tensor<5xi32>
    %31 = stablehlo.convert %30 : (tensor<5xi32>) -> tensor<5xi64>
    %c_6 = stablehlo.constant dense<0> : tensor<i64>
    %32 = stablehlo.reduce(%31 init: %c_6) applies stablehlo.add across dimensions = [0] : (tensor<5xi64>, tensor<i64>) -> tensor<i64>
    %33 = stablehlo.convert %arg0 : (tensor<5xi32>) -> tensor<5xi64>
    %c_7 = stablehlo.constant dense<0> : tensor<i64>
    %34 = stablehlo.reduce(%33 init: %c_7) applies stablehlo.add across dimensions = [0] : (tensor<5xi64>, tensor<i64>) -> tensor<i64>
    %c_8 = stablehlo.constant dense<-2147483648> : tensor<i32>
    %35 = stablehlo.reduce(%arg0 init: %c_8) applies stablehlo.maximum across dimensions = [0] : (tensor<5xi32>, tensor<i32>) -> tensor<i32>
    %c_9 = stablehlo.constant dense<2147483647> : tensor<i32>
    %36 = stablehlo.reduce(%arg0 init: %c_9) applies stablehlo.minimum across dimensions = [0] : (tensor<5xi32>, tensor<i32>) -> tensor<i32>
    %37 = call @floor_divide(%arg0, %arg1) : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi32>
    %38 = call @remainder(%arg0, %arg1) : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi32>
    return %0, %1, %2, %3, %4, %5, %6, %7, %8, %10, %12, %13, %14, %15, %16, %17, %20, %23, %26, %27, %28, %29, %32, %34, %35, %36, %37, %38 : tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi64>, tensor<5xf32>, tensor<5xi1>, tensor<5xi1>, tensor<5xi1>, tensor<5xi1>, tensor<i1>, tensor<i1>, tensor<i64>, tensor<i64>, tensor<i32>, tensor<i32>, tensor<5xi32>, tensor<5xi32>
  }
  func.func private @floor_divide(%arg0: tensor<5xi32>, %arg1: tensor<5xi32>) -> tensor<5xi32> {
    %0 = stablehlo.divide %arg0, %arg1 : tensor<5xi32>
    %1 = stablehlo.sign %arg0 : tensor<5xi32>
    %2 = stablehlo.sign %arg1 : tensor<5xi32>
    %3 = stablehlo.compare NE, %1, %2, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %4 = stablehlo.remainder %arg0, %arg1 : tensor<5xi32>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %5 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %6 = stablehlo.compare NE, %4, %5, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %7 = stablehlo.and %3, %6 : tensor<5xi1>
    %c_0 = stablehlo.constant dense<1> : tensor<i32>
    %8 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %9 = stablehlo.subtract %0, %8 : tensor<5xi32>
    %10 = call @_where(%7, %9, %0) : (tensor<5xi1>, tensor<5xi32>, tensor<5xi32>) -> tensor<5xi32>
    return %10 : tensor<5xi32>
  }
  func.func private @_where(%arg0: tensor<5xi1>, %arg1: tensor<5xi32>, %arg2: tensor<5xi32>) -> tensor<5xi32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<5xi1>, tensor<5xi32>
    return %0 : tensor<5xi32>
  }
  func.func private @remainder(%arg0: tensor<5xi32>, %arg1: tensor<5xi32>) -> tensor<5xi32> {
    %c = stablehlo.constant dense<0> : tensor<i32>
    %0 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %1 = stablehlo.compare EQ, %arg1, %0, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %c_0 = stablehlo.constant dense<1> : tensor<i32>
    %2 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %3 = call @_where(%1, %2, %arg1) : (tensor<5xi1>, tensor<5xi32>, tensor<5xi32>) -> tensor<5xi32>
    %4 = stablehlo.remainder %arg0, %3 : tensor<5xi32>
    %c_1 = stablehlo.constant dense<0> : tensor<i32>
    %5 = stablehlo.broadcast_in_dim %c_1, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %6 = stablehlo.compare NE, %4, %5, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %c_2 = stablehlo.constant dense<0> : tensor<i32>
    %7 = stablehlo.broadcast_in_dim %c_2, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %8 = stablehlo.compare LT, %4, %7, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %c_3 = stablehlo.constant dense<0> : tensor<i32>
    %9 = stablehlo.broadcast_in_dim %c_3, dims = [] : (tensor<i32>) -> tensor<5xi32>
    %10 = stablehlo.compare LT, %3, %9, SIGNED : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi1>
    %11 = stablehlo.compare NE, %8, %10, UNSIGNED : (tensor<5xi1>, tensor<5xi1>) -> tensor<5xi1>
    %12 = stablehlo.and %11, %6 : tensor<5xi1>
    %13 = stablehlo.add %4, %3 : tensor<5xi32>
    %14 = stablehlo.select %12, %13, %4 : tensor<5xi1>, tensor<5xi32>
    return %14 : tensor<5xi32>
  }
}
