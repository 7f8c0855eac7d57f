package gemm

import (
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

func vectorPairs(kind PairKind, d dtype.DType, a *asm.Pairs) bool {
	switch double := d == dtype.Float64; {
	case kind == PairMeans && double:
		asm.PairMeansF64AVX512(a)
	case kind == PairMeans:
		asm.PairMeansF32AVX512(a)
	case kind == PairShares && double:
		asm.PairSharesF64AVX512(a)
	case kind == PairShares:
		asm.PairSharesF32AVX512(a)
	case double:
		asm.PairMaximaF64AVX512(a)
	default:
		asm.PairMaximaF32AVX512(a)
	}
	return true
}
