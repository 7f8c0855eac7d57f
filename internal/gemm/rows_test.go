package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// scattered returns normal values with an infinity, NaN, zeros and denormals among them, if odd is set.
func scattered[T float32 | float64](r *rand.Rand, n int, odd bool) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
		if odd && r.IntN(12) == 0 {
			x[i] = []T{T(math.Inf(1)), T(math.NaN()), 0, T(math.Copysign(0, -1)), T(math.SmallestNonzeroFloat32)}[r.IntN(5)]
		}
	}
	return x
}

// sameElements compares elements; all NaN count as equal.
func sameElements[T float32 | float64](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i, v := range got {
		if w := want[i]; v != w && !(v != v && w != w) || v == 0 && math.Signbit(float64(v)) != math.Signbit(float64(w)) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, v, w)
		}
	}
}

func pointTo[T any](x []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }

// heap returns values that do not lie on the stack, which moves.
//
//go:noinline
func heap[T any](values ...T) []T { return append([]T(nil), values...) }

// vectorLevels are the levels with vectors that this processor has.
func vectorLevels() []cpu.Level {
	var levels []cpu.Level
	for l := cpu.AVX2; l <= cpu.Supported(); l++ {
		levels = append(levels, l)
	}
	return levels
}

func TestRows(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testRows[float64](t, dtype.Float64) })
	t.Run("float32", func(t *testing.T) { testRows[float32](t, dtype.Float32) })
}

// testRows compares the micro-kernels of all levels with the portable ones, whose elements are checked for the first one by their definition.
func testRows[T float32 | float64](t *testing.T, d dtype.DType) {
	r := rand.New(rand.NewPCG(3, 9))
	portable := NewRows(d, cpu.Portable)
	s := &Scratch{}
	for _, level := range vectorLevels() {
		k := NewRows(d, level)
		if k.portable {
			t.Fatalf("%v has no vectors", level)
		}
		for rows := 1; rows <= TriangleRows; rows++ {
			for _, n := range []int{0, 1, 3, 7, 8, 15, 16, 17, 40} {
				for f := range 4 {
					unit, odd := f&1 != 0, f&2 != 0
					ld := n + 3
					x, tri := scattered[T](r, rows*ld, odd), scattered[T](r, TriangleRows*TriangleRows, odd)
					want := append([]T{}, x...)
					k.Substitute(s, pointTo(x), ld, pointTo(tri), rows, n, unit)
					portable.Substitute(s, pointTo(want), ld, pointTo(tri), rows, n, unit)
					sameElements(t, fmt.Sprintf("%v: %d rows, %d columns, unit %v", level, rows, n, unit), x, want)
					if n > 0 { // upside down
						k.Substitute(s, pointTo(x[(rows-1)*ld:]), -ld, pointTo(tri), rows, n, unit)
						portable.Substitute(s, pointTo(want[(rows-1)*ld:]), -ld, pointTo(tri), rows, n, unit)
						sameElements(t, fmt.Sprintf("%v: %d rows upside down", level, rows), x, want)
					}
				}
			}
		}
		for _, vectors := range []int{1, 4} {
			for _, n := range []int{0, 1, 2, 9} {
				w := vectors * k.lanes
				ld := w + 5
				x, c, sin := scattered[T](r, (n+1)*ld, n > 2), scattered[T](r, n+1, false), scattered[T](r, n+1, false)
				want := append([]T{}, x...)
				k.Rotate(s, pointTo(x), ld, pointTo(c), pointTo(sin), n, vectors)
				for j := 0; j < w; j += portable.lanes {
					portable.Rotate(s, pointTo(want[j:]), ld, pointTo(c), pointTo(sin), n, 1)
				}
				sameElements(t, fmt.Sprintf("%v: %d rotations of %d vectors", level, n, vectors), x, want)
				k.Rotate(s, pointTo(x[n*ld:]), -ld, pointTo(c), pointTo(sin), n, vectors)
				for j := 0; j < w; j += portable.lanes {
					portable.Rotate(s, pointTo(want[n*ld+j:]), -ld, pointTo(c), pointTo(sin), n, 1)
				}
				sameElements(t, fmt.Sprintf("%v: %d rotations of %d vectors, backward", level, n, vectors), x, want)
			}
		}
		for _, n := range []int{0, 1, 2, 7} {
			w := 4 * k.lanes
			ld := w + 5
			x, c, sin, c2, sin2 := scattered[T](r, (n+2)*ld, n > 1), scattered[T](r, n+1, false), scattered[T](r, n+1, false), scattered[T](r, n+1, false), scattered[T](r, n+1, false)
			want := append([]T{}, x...)
			for _, way := range []int{1, -1} {
				at := 0
				if way < 0 {
					at = (n + 1) * ld
				}
				k.RotateTwice(s, pointTo(x[at:]), way*ld, pointTo(c), pointTo(sin), pointTo(c2), pointTo(sin2), n)
				k.Rotate(s, pointTo(want[at:]), way*ld, pointTo(c), pointTo(sin), n+1, 4)
				k.Rotate(s, pointTo(want[at:]), way*ld, pointTo(c2), pointTo(sin2), n, 4)
				sameElements(t, fmt.Sprintf("%v: two sweeps of %d rotations", level, n), x, want)
			}
		}
		for _, groups := range []int{1, 3, 4, 9} {
			for _, terms := range []int{0, 1, 2, 5} {
				for kind := range 2 * (LanesRoot + 1) {
					mode, rounded := kind/2, kind%2 == 1
					n := groups * k.lanes
					a, b, from, by := scattered[T](r, (terms+1)*(n+1), true), scattered[T](r, (terms+1)*(n+2), true), scattered[T](r, n, true), scattered[T](r, n, true)
					got, want := make([]T, n), make([]T, n)
					k.Chains(s, rounded, pointTo(got), pointTo(from), pointTo(a), n+1, pointTo(b), n+2, terms, n, mode, pointTo(by))
					portable.Chains(s, rounded, pointTo(want), pointTo(from), pointTo(a), n+1, pointTo(b), n+2, terms, n, mode, pointTo(by))
					sameElements(t, fmt.Sprintf("%v: %d terms in %d lanes, mode %d, rounded %v", level, terms, n, mode, rounded), got, want)
				}
			}
		}
	}
	for _, level := range append(vectorLevels(), cpu.Portable) {
		k := NewRows(d, level)
		for range 200 {
			rows, cols := r.IntN(40), r.IntN(40)
			ld, to := cols+r.IntN(3), rows+r.IntN(3)
			x := scattered[T](r, rows*ld+1, true)
			got, want := make([]T, cols*to+1), make([]T, cols*to+1)
			for i := range rows {
				for j := range cols {
					want[j*to+i] = x[i*ld+j]
				}
			}
			k.Transpose(s, pointTo(got), to, pointTo(x), ld, rows, cols)
			sameElements(t, fmt.Sprintf("%v: %d×%d transposed", level, rows, cols), got, want)
		}
	}
	// The definitions, on numbers whose operations are exact.
	x := heap[T](6, 4, 5, 1)
	portable.Substitute(s, pointTo(x), 2, pointTo(heap[T](2, 0, 0, 0, 0, 0, 0, 0, 1, 4)), 2, 2, false)
	sameElements(t, "substitution", x, []T{3, 2, 0.5, -0.25})
	third := T(1) / 3
	six, lanes := heap[T](6, 6, 6, 6), heap(third, third, third, third)
	portable.Chains(s, true, pointTo(six[:]), pointTo(heap[T](2, 2, 2, 2)), pointTo(heap[T](6, 6, 6, 6)), 0, pointTo(lanes), 0, 1, 4, LanesKeep, nil)
	sameElements(t, "rounded chains", six, []T{0, 0, 0, 0})
	portable.Chains(s, false, pointTo(six[:]), pointTo(heap[T](2, 2, 2, 2)), pointTo(heap[T](6, 6, 6, 6)), 0, pointTo(lanes), 0, 1, 4, LanesKeep, nil)
	if six[0] == 0 {
		t.Error("a fused multiply-add is rounded twice")
	}
	x = make([]T, 3*portable.lanes)
	x[0], x[portable.lanes], x[2*portable.lanes] = 1, 2, 3
	portable.Rotate(s, pointTo(x), portable.lanes, pointTo(heap[T](2, 3)), pointTo(heap[T](1, 5)), 2, 1)
	sameElements(t, "rotations", []T{x[0], x[portable.lanes], x[2*portable.lanes]}, []T{4, 3*3 + 5*3, 3*3 - 5*3})
}
