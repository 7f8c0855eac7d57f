package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// TestWindowMaxima has all numbers of windows, with NaN, infinities, zeros of both signs and equal elements, between guard pages, against the definition.
func TestWindowMaxima(t *testing.T) {
	if l := cpu.Supported(); l != cpu.AVX2 && l != cpu.AVX512 {
		t.Skip("no vectors that have instructions for it")
	}
	r := rand.New(rand.NewPCG(33, 34))
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 3e-39, 1, 1}
	for n := LeastWindows; n <= 43; n++ {
		for stride := 1; stride <= 2; stride++ {
			rows, cols := 1+r.IntN(3), 1+r.IntN(4)
			width := (n-1)*stride + cols
			var pages guards
			x, to := pages.array(t, dtype.Float32, rows*width, n%2 == 0), pages.array(t, dtype.Float32, n, n%2 == 1)
			index := unsafe.Slice((*int64)(pages.memory(t, 8*n, true)), n)
			taps := unsafe.Slice((*WindowTap)(pages.memory(t, 16*rows*cols, true)), rows*cols)
			for i := range taps {
				at := i/cols*width + i%cols
				taps[i] = WindowTap{Bytes: int64(4 * at), Index: int64(at)}
			}
			for i := range x.n {
				if x.set(i, r.NormFloat64()); r.IntN(3) == 0 {
					x.set(i, special[r.IntN(len(special))])
				}
			}
			first := r.IntN(1000)
			if !WindowMaxima(cpu.Supported(), unsafe.Slice((*float32)(to.p), n), index, x.p, taps, stride, first) {
				t.Fatal("no maxima")
			}
			for o := range n {
				best := o * stride
				for _, tap := range taps {
					if i := o*stride + int(tap.Index); x.at(i) > x.at(best) || x.at(i) != x.at(i) && x.at(best) == x.at(best) {
						best = i
					}
				}
				if got, want := to.at(o), x.at(best); index[o] != int64(first+best) || math.Float64bits(got) != math.Float64bits(want) && want == want {
					t.Fatalf("window %d of %d, %d×%d, stride %d: %v at %d, want %v at %d", o, n, rows, cols, stride, got, index[o], want, first+best)
				}
			}
			pages.free()
		}
	}
}
