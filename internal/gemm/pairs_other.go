//go:build !amd64

package gemm

import (
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

func vectorPairs(PairKind, dtype.DType, *asm.Pairs) bool { return false }
