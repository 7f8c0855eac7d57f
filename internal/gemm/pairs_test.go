package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// TestPairs has every remainder of a row of windows, with NaN, infinities, zeros of both signs and equal elements, between guard pages, against the definition.
func TestPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 3e-39, 1e-310, 1}
	for _, d := range floats {
		round := func(x float64) float64 {
			if d == dtype.Float32 {
				return float64(float32(x))
			}
			return x
		}
		for n := 1; n <= 35; n++ {
			rows := 1 + r.IntN(4+16/n)
			var pages guards
			wide, narrow, shares := pages.array(t, d, 4*n*rows, n%2 == 0), pages.array(t, d, n*rows, n%2 == 0), pages.array(t, d, 4*n*rows, n%2 == 1)
			which := unsafe.Slice((*byte)(pages.memory(t, n*rows, true)), n*rows)
			for i := range wide.n {
				if wide.set(i, r.NormFloat64()); r.IntN(3) == 0 {
					wide.set(i, special[r.IntN(len(special))])
				}
			}
			at := func(o int) (x [4]float64) {
				for i := range x {
					x[i] = wide.at((2*(o/n)+i/2)*2*n + 2*(o%n) + i%2)
				}
				return x
			}
			for _, level := range cpu.Levels() {
				for i := range shares.n {
					shares.set(i, -7)
				}
				for o := range narrow.n {
					narrow.set(o, -7)
					which[o] = 7
				}
				Pairs(PairMaxima, d, level, narrow.p, wide.p, which, rows, n)
				for o := range narrow.n {
					x, best := at(o), 0
					for i, v := range x {
						if v > x[best] || v != v && x[best] == x[best] {
							best = i
						}
					}
					if got := narrow.at(o); int(which[o]) != best || math.Float64bits(got) != math.Float64bits(x[best]) && got == got {
						t.Fatalf("%v, %v, %d rows of %d, window %d of %v: the largest is number %d, %v, want %d", d, level, rows, n, o, x, which[o], got, best)
					}
				}
				Pairs(PairMeans, d, level, narrow.p, wide.p, nil, rows, n)
				Pairs(PairShares, d, level, narrow.p, shares.p, nil, rows, n)
				for o := range narrow.n {
					x, sum := at(o), 0.0
					for _, v := range x {
						sum += v
					}
					if got, want := narrow.at(o), round(sum/4); math.Float64bits(got) != math.Float64bits(want) && want == want {
						t.Fatalf("%v, %v, %d rows of %d, window %d of %v: mean %v, want %v", d, level, rows, n, o, x, got, want)
					}
					for i := range 4 {
						if got, want := shares.at((2*(o/n)+i/2)*2*n+2*(o%n)+i%2), round(narrow.at(o)/4+0); math.Float64bits(got) != math.Float64bits(want) && want == want {
							t.Fatalf("%v, %v, %d rows of %d, window %d: share %v of %v", d, level, rows, n, o, got, narrow.at(o))
						}
					}
				}
			}
			pages.free()
		}
	}
}
