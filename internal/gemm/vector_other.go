//go:build !amd64

package gemm

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

func vectorKernels(dtype.DType, cpu.Level) (kernels, bool) { return kernels{}, false }
