module @jit_fourier attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4x6xf64>, %arg1: tensor<4x6xf64>) -> (tensor<4x6xf64> {jax.result_info = "result[0]"}, tensor<4x6xf64> {jax.result_info = "result[1]"}, tensor<4x6xf64> {jax.result_info = "result[2]"}, tensor<4x6xf64> {jax.result_info = "result[3]"}, tensor<4x4xf64> {jax.result_info = "result[4]"}, tensor<4x4xf64> {jax.result_info = "result[5]"}, tensor<4x4xf64> {jax.result_info = "result[6]"}, tensor<4x4xf64> {jax.result_info = "result[7]"}, tensor<4x6xf64> {jax.result_info = "result[8]"}, tensor<4x11xf64> {jax.result_info = "result[9]"}) {
    %0 = stablehlo.complex %arg0, %arg1 : tensor<4x6xcomplex<f64>>
    %1 = call @fft(%0) : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xcomplex<f64>>
    %2 = call @fft_0(%0) : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xcomplex<f64>>
    %3 = call @fft_1(%arg0) : (tensor<4x6xf64>) -> tensor<4x4xcomplex<f64>>
    %4 = call @fft_2(%arg0) : (tensor<4x6xf64>) -> tensor<4x4xcomplex<f64>>
    %5 = stablehlo.real %1 : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xf64>
    %6 = stablehlo.imag %1 : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xf64>
    %7 = stablehlo.real %2 : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xf64>
    %8 = stablehlo.imag %2 : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xf64>
    %9 = stablehlo.real %3 : (tensor<4x4xcomplex<f64>>) -> tensor<4x4xf64>
    %10 = stablehlo.imag %3 : (tensor<4x4xcomplex<f64>>) -> tensor<4x4xf64>
    %11 = stablehlo.real %4 : (tensor<4x4xcomplex<f64>>) -> tensor<4x4xf64>
    %12 = stablehlo.imag %4 : (tensor<4x4xcomplex<f64>>) -> tensor<4x4xf64>
    %13 = stablehlo.slice %arg0 [0:4, 0:4] : (tensor<4x6xf64>) -> tensor<4x4xf64>
    %14 = stablehlo.slice %arg1 [0:4, 0:4] : (tensor<4x6xf64>) -> tensor<4x4xf64>
    %15 = stablehlo.complex %13, %14 : tensor<4x4xcomplex<f64>>
    %16 = stablehlo.slice %arg0 [0:4, 2:6] : (tensor<4x6xf64>) -> tensor<4x4xf64>
    %17 = stablehlo.slice %arg1 [0:4, 2:6] : (tensor<4x6xf64>) -> tensor<4x4xf64>
    %18 = stablehlo.complex %16, %17 : tensor<4x4xcomplex<f64>>
    %19 = stablehlo.add %15, %18 : tensor<4x4xcomplex<f64>>
    %20 = call @fft_3(%19) : (tensor<4x4xcomplex<f64>>) -> tensor<4x6xf64>
    %21 = call @fft_4(%0) : (tensor<4x6xcomplex<f64>>) -> tensor<4x11xf64>
    return %5, %6, %7, %8, %9, %10, %11, %12, %20, %21 : tensor<4x6xf64>, tensor<4x6xf64>, tensor<4x6xf64>, tensor<4x6xf64>, tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x6xf64>, tensor<4x11xf64>
  }
  func.func private @fft(%arg0: tensor<4x6xcomplex<f64>>) -> tensor<4x6xcomplex<f64>> {
    %0 = stablehlo.fft %arg0, type = FFT, length = [4, 6] : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xcomplex<f64>>
    return %0 : tensor<4x6xcomplex<f64>>
  }
  func.func private @fft_0(%arg0: tensor<4x6xcomplex<f64>>) -> tensor<4x6xcomplex<f64>> {
    %0 = stablehlo.fft %arg0, type = IFFT, length = [6] : (tensor<4x6xcomplex<f64>>) -> tensor<4x6xcomplex<f64>>
    return %0 : tensor<4x6xcomplex<f64>>
  }
  func.func private @fft_1(%arg0: tensor<4x6xf64>) -> tensor<4x4xcomplex<f64>> {
    %0 = stablehlo.fft %arg0, type = RFFT, length = [4, 6] : (tensor<4x6xf64>) -> tensor<4x4xcomplex<f64>>
    return %0 : tensor<4x4xcomplex<f64>>
  }
  func.func private @fft_2(%arg0: tensor<4x6xf64>) -> tensor<4x4xcomplex<f64>> {
    %0 = stablehlo.fft %arg0, type = RFFT, length = [6] : (tensor<4x6xf64>) -> tensor<4x4xcomplex<f64>>
    return %0 : tensor<4x4xcomplex<f64>>
  }
  func.func private @fft_3(%arg0: tensor<4x4xcomplex<f64>>) -> tensor<4x6xf64> {
    %0 = stablehlo.fft %arg0, type = IRFFT, length = [4, 6] : (tensor<4x4xcomplex<f64>>) -> tensor<4x6xf64>
    return %0 : tensor<4x6xf64>
  }
  func.func private @fft_4(%arg0: tensor<4x6xcomplex<f64>>) -> tensor<4x11xf64> {
    %0 = stablehlo.fft %arg0, type = IRFFT, length = [11] : (tensor<4x6xcomplex<f64>>) -> tensor<4x11xf64>
    return %0 : tensor<4x11xf64>
  }
}
