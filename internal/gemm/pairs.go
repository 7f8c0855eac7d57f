package gemm

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// PairKind is what Pairs does with windows of 2×2 elements that lie side by side.
type PairKind int

const (
	// PairMeans puts the mean of each window into narrow: its elements in row-major order added in float64 to 0, a quarter of it rounded.
	PairMeans PairKind = iota
	// PairShares puts a quarter of each element of narrow, not −0, into the elements of its window.
	PairShares
	// PairMaxima puts the largest element of each window into narrow, and its number in row-major order into which: NaN wins, and the first of equal ones.
	PairMaxima
)

// Pairs goes through rows of n elements of narrow and twice as many of 2·n elements of wide, all without gaps, of a float dtype. It reports false if it has done nothing, as vectors of the
// level have no instructions for it.
func Pairs(kind PairKind, d dtype.DType, level cpu.Level, narrow, wide unsafe.Pointer, which []byte, rows, n int) bool {
	a := asm.Pairs{Wide: uintptr(wide), Narrow: uintptr(narrow), Which: uintptr(unsafe.Pointer(unsafe.SliceData(which))), Rows: rows, N: n}
	done := min(level, cpu.Supported()) == cpu.AVX512 && rows > 0 && n > 0 && vectorPairs(kind, d, &a)
	runtime.KeepAlive(narrow)
	runtime.KeepAlive(wide)
	runtime.KeepAlive(which)
	return done
}
