//go:build !amd64

package gemm

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

func (r *Rows) useVectors(dtype.DType, cpu.Level) {}
