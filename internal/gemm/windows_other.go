//go:build !amd64

package gemm

import "github.com/adjoint-go/adjoint/internal/gemm/asm"

func windowMaxima(int, *asm.Windows) {}
