package winograd

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// used keeps slices of which addresses were taken on the heap.
var used [][]float32

func address(s []float32) uintptr {
	used = append(used, s)
	return uintptr(unsafe.Pointer(unsafe.SliceData(s)))
}

// ratio returns a fraction.
func ratio(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

// TestIdentity holds the three transforms against the definition of convolution, and of its gradient by the filter, in exact arithmetic: of whole numbers the transforms of
// elements and results are exact, and that of filters is by 576.
func TestIdentity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, level := range cpu.Levels() {
		tr := Of(level)
		for range 20 {
			plane, work := make([]float32, 8*Slack), make([]float32, WorkBytes/4)
			for i := range plane {
				plane[i] = float32(r.IntN(19) - 9)
			}
			var w [9]float32
			for i := range w {
				w[i] = 576 * float32(r.IntN(9)-4) // G·w·Gᵀ is whole
			}
			u := Filter(&w)
			v := make([]float32, Matrices*Tiles)
			tr.Input(&Move{From: address(plane), FromStep: 4 * Slack, To: address(v), ToStep: 4 * Tiles, Work: address(work), Tiles: Tiles})
			for i := range v {
				v[i] *= u[i/Tiles]
			}
			y := make([]float32, 4*64)
			tr.Output(&Move{From: address(v), FromStep: 4 * Tiles, To: address(y), ToStep: 4 * 64, Work: address(work), Tiles: Tiles, Rows: 4, Cols: 64})
			for i := range 4 {
				for j := range 64 {
					want := 0.0
					for a := range 3 {
						for b := range 3 {
							want += float64(plane[(i+a)*Slack+j+b]) * float64(w[3*a+b])
						}
					}
					if math.Abs(want) > 1<<24 || float64(y[64*i+j]) != want {
						t.Fatalf("%v: result (%d, %d) is %v, want %v", level, i, j, y[64*i+j], want)
					}
				}
			}
			ybar := make([]float32, 4*Slack)
			for i := range ybar {
				ybar[i] = float32(r.IntN(19) - 9)
			}
			q := make([]float32, Matrices*Tiles)
			tr.Adjoint(&Move{From: address(ybar), FromStep: 4 * Slack, To: address(q), ToStep: 4 * Tiles, Work: address(work), Tiles: Tiles})
			tr.Input(&Move{From: address(plane), FromStep: 4 * Slack, To: address(v), ToStep: 4 * Tiles, Work: address(work), Tiles: Tiles})
			var p [Matrices]float64
			for i := range q {
				p[i/Tiles] += float64(q[i]) * float64(v[i])
			}
			for i, got := range FilterGradient(&p) {
				want := new(big.Rat)
				for a := range 4 {
					for b := range 64 {
						want.Add(want, ratio(float64(ybar[a*Slack+b])*float64(plane[(a+i/3)*Slack+b+i%3])))
					}
				}
				if exact, _ := want.Float64(); math.Abs(float64(got)-exact) > 1e-6*math.Max(1, math.Abs(exact)) {
					t.Errorf("%v: gradient %d is %v, want %v", level, i, got, exact)
				}
			}
		}
	}
}

// TestVectors compares the transforms with their portable twins, for every number of tiles, rows and columns, with infinities and NaN, and holds that nothing else is written.
func TestVectors(t *testing.T) {
	plain := Of(cpu.Portable)
	r := rand.New(rand.NewPCG(3, 4))
	work := make([]float32, WorkBytes/4)
	same := func(what string, a, b []float32) {
		t.Helper()
		for i := range a {
			if math.Float32bits(a[i]) != math.Float32bits(b[i]) && !(a[i] != a[i] && b[i] != b[i]) {
				t.Fatalf("%s: element %d is %v, the portable twin's %v", what, i, a[i], b[i])
			}
		}
	}
	fill := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(60)-30)))
			if r.IntN(50) == 0 {
				x[i] = [...]float32{float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, 1e-45, 0}[r.IntN(5)]
			}
		}
		return x
	}
	for _, level := range cpu.Levels() {
		fast := Of(level)
		for tiles := 1; tiles <= Tiles; tiles++ {
			for rows := 1; rows <= 4; rows++ {
				from := fill(6 * Slack)
				for name, f := range map[string][2]func(*Move){"input": {fast.Input, plain.Input}, "adjoint": {fast.Adjoint, plain.Adjoint}} {
					a := fill(Matrices * 20)
					b := append([]float32{}, a...)
					for k, to := range [][]float32{a, b} {
						f[k](&Move{From: address(from), FromStep: 4 * Slack, To: address(to[2:]), ToStep: 80, Work: address(work), Tiles: tiles})
					}
					same(fmt.Sprintf("%v: %s of %d tiles", level, name, tiles), a, b)
				}
				from = fill(Matrices * 18)
				for cols := 4*tiles - 3; cols <= 4*tiles; cols++ {
					a := fill(4 * 70)
					b := append([]float32{}, a...)
					for k, f := range []func(*Move){fast.Output, plain.Output} {
						to := [][]float32{a, b}[k]
						f(&Move{From: address(from), FromStep: 72, To: address(to[3:]), ToStep: 280, Work: address(work), Tiles: tiles, Rows: rows, Cols: cols})
					}
					same(fmt.Sprintf("%v: output of %d tiles, %d rows of %d", level, tiles, rows, cols), a, b)
				}
			}
		}
	}
}
