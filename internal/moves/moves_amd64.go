//go:build !race

package moves

import "github.com/adjoint-go/adjoint/internal/cpu"

var quick = cpu.Best() >= cpu.AVX2

// elements is Elements with vector instructions.
//
//go:noescape
func elements(items *Item, n, from, to, next int)
