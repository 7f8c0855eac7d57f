//go:build !race

package moves

import "github.com/adjoint-go/adjoint/internal/cpu"

var quick, rows = cpu.Best() >= cpu.AVX2, rowSizes()

// rowSizes is the number of sizes from 64 bytes on that elements copies in two vectors of 64.
func rowSizes() int {
	if cpu.Best() < cpu.AVX512 {
		return 0
	}
	return 64 + 1
}

// elements is Elements with vector instructions.
//
//go:noescape
func elements(items *Item, n, from, to, next, rows int)

// pointers is Pointers with vector instructions.
//
//go:noescape
func pointers(steps *Step, n int)

// ask is Ask.
//
//go:noescape
func ask(items *Item, n, at int)
