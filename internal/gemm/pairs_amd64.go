package gemm

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// vectorPairs returns how many rows it has done. Elements of the others may have been written.
func vectorPairs(kind PairKind, d dtype.DType, level cpu.Level, a *asm.Pairs) int {
	switch level {
	case cpu.AVX512:
		widePairs(kind, d == dtype.Float64, a)
	case cpu.AVX2:
		if lanes := 32 / d.Size(); a.N < lanes { // vectors go on behind rows
			a.Rows = max(0, a.Rows-(lanes-1)/a.N)
		}
		if a.Rows > 0 {
			narrowPairs(kind, d == dtype.Float64, a)
		}
	default:
		return 0
	}
	return a.Rows
}

func widePairs(kind PairKind, double bool, a *asm.Pairs) {
	switch {
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
}

func narrowPairs(kind PairKind, double bool, a *asm.Pairs) {
	switch {
	case kind == PairMeans && double:
		asm.PairMeansF64AVX2(a)
	case kind == PairMeans:
		asm.PairMeansF32AVX2(a)
	case kind == PairShares && double:
		asm.PairSharesF64AVX2(a)
	case kind == PairShares:
		asm.PairSharesF32AVX2(a)
	case double:
		asm.PairMaximaF64AVX2(a)
	default:
		asm.PairMaximaF32AVX2(a)
	}
}
