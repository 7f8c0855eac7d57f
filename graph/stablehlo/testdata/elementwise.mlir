module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<6xf64>, %arg1: tensor<6xf64>) -> (tensor<6xf64> {jax.result_info = "result[0]"}, tensor<6xf64> {jax.result_info = "result[1]"}, tensor<6xf64> {jax.result_info = "result[2]"}, tensor<6xf64> {jax.result_info = "result[3]"}, tensor<6xf64> {jax.result_info = "result[4]"}, tensor<6xf64> {jax.result_info = "result[5]"}, tensor<6xf64> {jax.result_info = "result[6]"}, tensor<6xi1> {jax.result_info = "result[7]"}, tensor<6xf64> {jax.result_info = "result[8]"}, tensor<6xf64> {jax.result_info = "result[9]"}, tensor<6xf64> {jax.result_info = "result[10]"}, tensor<6xf64> {jax.result_info = "result[11]"}, tensor<6xf64> {jax.result_info = "result[12]"}, tensor<6xf64> {jax.result_info = "result[13]"}, tensor<6xf64> {jax.result_info = "result[14]"}, tensor<6xf64> {jax.result_info = "result[15]"}, tensor<6xf64> {jax.result_info = "result[16]"}, tensor<6xf64> {jax.result_info = "result[17]"}, tensor<6xf64> {jax.result_info = "result[18]"}, tensor<6xf64> {jax.result_info = "result[19]"}, tensor<6xf64> {jax.result_info = "result[20]"}, tensor<6xf64> {jax.result_info = "result[21]"}, tensor<6xf64> {jax.result_info = "result[22]"}, tensor<6xf64> {jax.result_info = "result[23]"}, tensor<6xf64> {jax.result_info = "result[24]"}, tensor<6xf64> {jax.result_info = "result[25]"}, tensor<6xf64> {jax.result_info = "result[26]"}, tensor<6xf64> {jax.result_info = "result[27]"}, tensor<6xf64> {jax.result_info = "result[28]"}, tensor<6xi1> {jax.result_info = "result[29]"}, tensor<6xi1> {jax.result_info = "result[30]"}, tensor<6xi1> {jax.result_info = "result[31]"}, tensor<6xi1> {jax.result_info = "result[32]"}, tensor<6xi1> {jax.result_info = "result[33]"}, tensor<6xi1> {jax.result_info = "result[34]"}, tensor<6xf64> {jax.result_info = "result[35]"}, tensor<6xf64> {jax.result_info = "result[36]"}, tensor<6xi32> {jax.result_info = "result[37]"}, tensor<6xf32> {jax.result_info = "result[38]"}, tensor<6xi1> {jax.result_info = "result[39]"}) {
    %0 = stablehlo.abs %arg0 : tensor<6xf64>
    %1 = stablehlo.cbrt %arg0 : tensor<6xf64>
    %2 = stablehlo.ceil %arg0 : tensor<6xf64>
    %3 = stablehlo.cosine %arg0 : tensor<6xf64>
    %4 = stablehlo.exponential %arg0 : tensor<6xf64>
    %5 = stablehlo.exponential_minus_one %arg0 : tensor<6xf64>
    %6 = stablehlo.floor %arg0 : tensor<6xf64>
    %7 = stablehlo.subtract %arg1, %arg1 : tensor<6xf64>
    %8 = stablehlo.divide %arg0, %7 : tensor<6xf64>
    %9 = stablehlo.is_finite %8 : (tensor<6xf64>) -> tensor<6xi1>
    %10 = stablehlo.log %arg1 : tensor<6xf64>
    %11 = stablehlo.log_plus_one %arg1 : tensor<6xf64>
    %12 = stablehlo.negate %arg0 : tensor<6xf64>
    %13 = stablehlo.exponential %12 : tensor<6xf64>
    %cst = stablehlo.constant dense<1.000000e+00> : tensor<f64>
    %14 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %15 = stablehlo.add %14, %13 : tensor<6xf64>
    %cst_0 = stablehlo.constant dense<1.000000e+00> : tensor<f64>
    %16 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %17 = stablehlo.divide %16, %15 : tensor<6xf64>
    %18 = stablehlo.negate %arg0 : tensor<6xf64>
    %19 = call @round(%arg0) : (tensor<6xf64>) -> tensor<6xf64>
    %20 = stablehlo.round_nearest_afz %arg0 : tensor<6xf64>
    %21 = stablehlo.rsqrt %arg1 : tensor<6xf64>
    %22 = stablehlo.sign %arg0 : tensor<6xf64>
    %23 = stablehlo.sine %arg0 : tensor<6xf64>
    %24 = stablehlo.sqrt %arg1 : tensor<6xf64>
    %25 = stablehlo.tan %arg0 : tensor<6xf64>
    %26 = stablehlo.tanh %arg0 : tensor<6xf64>
    %27 = stablehlo.add %arg0, %arg1 : tensor<6xf64>
    %28 = stablehlo.subtract %arg0, %arg1 : tensor<6xf64>
    %29 = stablehlo.multiply %arg0, %arg1 : tensor<6xf64>
    %30 = stablehlo.divide %arg0, %arg1 : tensor<6xf64>
    %31 = stablehlo.maximum %arg0, %arg1 : tensor<6xf64>
    %32 = stablehlo.minimum %arg0, %arg1 : tensor<6xf64>
    %33 = stablehlo.power %arg1, %arg0 : tensor<6xf64>
    %34 = stablehlo.remainder %arg0, %arg1 : tensor<6xf64>
    %35 = stablehlo.atan2 %arg0, %arg1 : tensor<6xf64>
    %36 = stablehlo.compare LT, %arg0, %arg1, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %37 = stablehlo.compare LE, %arg0, %arg1, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %38 = stablehlo.compare GT, %arg0, %arg1, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %39 = stablehlo.compare GE, %arg0, %arg1, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %40 = stablehlo.compare EQ, %arg0, %arg1, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %41 = stablehlo.compare NE, %arg0, %arg1, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %cst_1 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %42 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %43 = stablehlo.compare GT, %arg0, %42, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    %44 = call @_where(%43, %arg0, %arg1) : (tensor<6xi1>, tensor<6xf64>, tensor<6xf64>) -> tensor<6xf64>
    %cst_2 = stablehlo.constant dense<-1.000000e+00> : tensor<f64>
    %45 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %46 = stablehlo.clamp %45, %arg0, %arg1 : tensor<6xf64>
    %47 = stablehlo.convert %arg0 : (tensor<6xf64>) -> tensor<6xi32>
    %48 = stablehlo.convert %arg0 : (tensor<6xf64>) -> tensor<6xf32>
    %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %49 = stablehlo.broadcast_in_dim %cst_3, dims = [] : (tensor<f64>) -> tensor<6xf64>
    %50 = stablehlo.compare GT, %arg0, %49, FLOAT : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xi1>
    return %0, %1, %2, %3, %4, %5, %6, %9, %10, %11, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %44, %46, %47, %48, %50 : tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xi1>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xi1>, tensor<6xi1>, tensor<6xi1>, tensor<6xi1>, tensor<6xi1>, tensor<6xi1>, tensor<6xf64>, tensor<6xf64>, tensor<6xi32>, tensor<6xf32>, tensor<6xi1>
  }
  func.func private @round(%arg0: tensor<6xf64>) -> tensor<6xf64> {
    %0 = stablehlo.round_nearest_even %arg0 : tensor<6xf64>
    return %0 : tensor<6xf64>
  }
  func.func private @_where(%arg0: tensor<6xi1>, %arg1: tensor<6xf64>, %arg2: tensor<6xf64>) -> tensor<6xf64> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<6xi1>, tensor<6xf64>
    return %0 : tensor<6xf64>
  }
}
