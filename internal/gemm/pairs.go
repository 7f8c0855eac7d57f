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

// Pairs goes through rows of n elements of narrow and twice as many of 2·n elements of wide, all without gaps, of a float dtype.
func Pairs(kind PairKind, d dtype.DType, level cpu.Level, narrow, wide unsafe.Pointer, which []byte, rows, n int) {
	if rows == 0 || n == 0 {
		return
	}
	a := asm.Pairs{Wide: uintptr(wide), Narrow: uintptr(narrow), Which: uintptr(unsafe.Pointer(unsafe.SliceData(which))), Rows: rows, N: n}
	done := vectorPairs(kind, d, min(level, cpu.Supported()), &a)
	if kind == PairMaxima {
		which = which[done*n : rows*n]
	}
	if d == dtype.Float64 {
		pairs(kind, unsafe.Slice((*float64)(narrow), rows*n)[done*n:], unsafe.Slice((*float64)(wide), 4*rows*n)[4*done*n:], which, n)
	} else {
		pairs(kind, unsafe.Slice((*float32)(narrow), rows*n)[done*n:], unsafe.Slice((*float32)(wide), 4*rows*n)[4*done*n:], which, n)
	}
	runtime.KeepAlive(which)
}

// pairs is the kernels in Go.
func pairs[T float32 | float64](kind PairKind, narrow, wide []T, which []byte, n int) {
	for ; len(narrow) > 0; narrow, wide = narrow[n:], wide[4*n:] {
		line, upper, lower := narrow[:n], wide[:2*n], wide[2*n:4*n]
		switch kind {
		case PairMeans:
			for k := range line {
				a, b := upper[2*k:2*k+2], lower[2*k:2*k+2]
				line[k] = T((0 + float64(a[0]) + float64(a[1]) + float64(b[0]) + float64(b[1])) / 4)
			}
		case PairShares:
			for k, v := range line {
				share := T(float64(float64(v)/4) + 0) // no −0, which a sum from 0 on is not
				a, b := upper[2*k:2*k+2], lower[2*k:2*k+2]
				a[0], a[1], b[0], b[1] = share, share, share, share
			}
		case PairMaxima:
			for k := range line {
				best, number := upper[2*k], 0
				for i, v := range [3]T{upper[2*k+1], lower[2*k], lower[2*k+1]} {
					if v > best || v != v && best == best {
						best, number = v, i+1
					}
				}
				line[k], which[k] = best, byte(number)
			}
			which = which[n:]
		}
	}
}
