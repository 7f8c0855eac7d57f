// Package linalg decomposes dense matrices and solves equations with them, in blocks whose work is that of package gemm.
//
// The bits of a result follow from its matrix alone. Cholesky and LU decompositions and triangular solutions are those of the textbook: every element is a chain of
// fused multiply-adds that begins at the element of the matrix, one term for each row or column before it, in their order; then its quotient, or root. Blocks, goroutines, vector
// instructions and the other matrices of a batch change when that happens and not how.
//
// An object of this package is the plan for one size of matrices. One run at a time may use it. It allocates nothing when it runs: its scratch is
// given to it, for all (Work bytes) and for each goroutine (Each bytes), aligned to 64.
package linalg

import (
	"math"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

// Float is an element type.
type Float interface{ float32 | float64 }

const (
	alignment = 64
	// inner is the number of rows that are solved in registers.
	inner = gemm.TriangleRows
	// chunkBytes is the width of columns that an item takes.
	chunkBytes = 256
)

// kit has what the plans for a dtype have in common.
type kit[T Float] struct {
	pieces  *gemm.Plan
	rows    *gemm.Rows
	chunk   int // columns of an item
	pad     int // elements of a line of the cache
	workers [][]byte
	own     []goroutine[T] // one for each of the workers
}

func newKit[T Float](level cpu.Level) kit[T] {
	d := dtype.Float64
	if size[T]() == 4 {
		d = dtype.Float32
	}
	return kit[T]{pieces: gemm.NewPlan(gemm.Product{DType: d, B: gemm.Strides{Col: 1}, Block: true}, level), rows: gemm.NewRows(d, level),
		chunk: chunkBytes / size[T](), pad: alignment / size[T]()}
}

func size[T Float]() int {
	var zero T
	return int(unsafe.Sizeof(zero))
}

// leading is a distance from row to row for so many columns: an odd number of lines of the cache, so that rows do not hit the same ones; none to spare for few columns, of which there may be very many rows.
func (k *kit[T]) leading(columns int) int {
	if columns < 4*k.pad {
		return columns
	}
	return (ceil(columns, k.pad) | 1) * k.pad
}

// bytes is the room that take uses up for n elements.
func bytes[T Float](n int) int { return (n*size[T]() + alignment - 1) &^ (alignment - 1) }

// take cuts n elements off the front of scratch.
func take[T Float](scratch *[]byte, n int) []T {
	if n == 0 {
		return nil
	}
	b := (*scratch)[:bytes[T](n)]
	*scratch = (*scratch)[len(b):]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// each is the scratch that a goroutine needs for micro-kernels, besides its own elements.
func (k *kit[T]) each() int { return k.pieces.Each() + scratchBytes + bytes[T](smallElements) }

// smallElements is the number of elements for triangles and the like. Micro-kernels are given addresses, so these must not lie on a goroutine's stack, which moves.
const smallElements = 32 * inner

const scratchBytes = (int(unsafe.Sizeof(gemm.Scratch{})) + alignment - 1) &^ (alignment - 1)

// goroutine is the scratch of a goroutine.
type goroutine[T Float] struct {
	piece  []byte
	s      *gemm.Scratch
	small  []T
	memory []byte // the rest
}

// begin has the goroutines of a run use scratch; end forgets it.
func (k *kit[T]) begin(workers [][]byte) {
	k.workers = workers
	for len(k.own) < len(workers) {
		k.own = append(k.own, goroutine[T]{})
	}
}

func (k *kit[T]) end() {
	k.workers = nil
	clear(k.own)
}

// goroutine returns the scratch of a goroutine, of which its own elements are free.
func (k *kit[T]) goroutine(number int) *goroutine[T] {
	b, g := k.workers[number], &k.own[number]
	n := k.pieces.Each()
	g.piece, g.s, g.memory = b[:n], (*gemm.Scratch)(unsafe.Pointer(unsafe.SliceData(b[n:]))), b[n+scratchBytes:]
	g.small = take[T](&g.memory, smallElements)
	return g
}

// at returns where an element lies; nil for the end of a slice.
func at[T Float](x []T, i int) unsafe.Pointer {
	if i == len(x) {
		return nil
	}
	return unsafe.Pointer(&x[i])
}

// chain adds a·b to c, which are m×terms, terms×n and m×n: every element is a chain of fused multiply-adds that begins at what it was.
func (k *kit[T]) chain(g *goroutine[T], a []T, aRow int, b []T, bRow int, c []T, cRow int, m, n, terms int) {
	if m > 0 && n > 0 && terms > 0 {
		k.pieces.Continue(g.piece, &gemm.Piece{A: at(a, 0), ARow: aRow, B: at(b, 0), BRow: bRow, C: at(c, 0), CRow: cRow, M: m, N: n, K: terms}, false)
	}
}

// chainBack is chain from the last term to the first.
func (k *kit[T]) chainBack(g *goroutine[T], a []T, aRow int, b []T, bRow int, c []T, cRow int, m, n, terms int) {
	if m > 0 && n > 0 && terms > 0 {
		k.pieces.Continue(g.piece, &gemm.Piece{A: at(a, terms-1), ARow: aRow, B: at(b, (terms-1)*bRow), BRow: bRow, C: at(c, 0), CRow: cRow, M: m, N: n, K: terms}, true)
	}
}

// substitute solves the equations of a triangle with n right-hand sides.
func (k *kit[T]) substitute(g *goroutine[T], x []T, xRow int, triangle []T, rows, n int, unit bool) {
	k.rows.Substitute(g.s, at(x, 0), xRow, at(triangle, 0), rows, n, unit)
}

func (k *kit[T]) transpose(g *goroutine[T], to []T, toRow int, from []T, fromRow, rows, cols int) {
	if rows > 0 && cols > 0 {
		k.rows.Transpose(g.s, at(to, 0), toRow, at(from, 0), fromRow, rows, cols)
	}
}

// negate sets to to −from.
func negate[T Float](to, from []T) {
	from = from[:len(to)]
	for i, v := range from {
		to[i] = -v
	}
}

// fma is x·y + z, rounded once.
func fma[T Float](x, y, z T) T {
	if size[T]() == 4 {
		return T(elem.FMA32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

func sqrt[T Float](x T) T { return T(math.Sqrt(float64(x))) }

func abs[T Float](x T) T { return T(math.Abs(float64(x))) }

func ceil(n, unit int) int { return (n + unit - 1) / unit }
