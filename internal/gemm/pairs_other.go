//go:build !amd64

package gemm

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

func vectorPairs(PairKind, dtype.DType, cpu.Level, *asm.Pairs) int { return 0 }
