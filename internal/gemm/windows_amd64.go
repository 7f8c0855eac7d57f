package gemm

import "github.com/adjoint-go/adjoint/internal/gemm/asm"

func windowMaxima(stride int, a *asm.Windows) {
	if stride == 1 {
		asm.WindowMaximaF32AVX2(a)
	} else {
		asm.WindowMaximaByTwosF32AVX2(a)
	}
}
