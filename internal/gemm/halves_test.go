package gemm

import (
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestHalves has lines of every length, lines apart and beside one another, between guard pages: what lies between lines stays.
func TestHalves(t *testing.T) {
	for _, d := range floats {
		for _, level := range cpu.Levels() {
			x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
			scratch := unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each())
			for n := 1; n <= 70; n++ {
				for lines := 0; lines < 4; lines++ {
					half, apart, gap := (n+1)/2, (n+lines)%3, float64(-1)
					var pages guards
					long := func(n, apart int) array {
						a := pages.array(t, d, max(0, lines*(n+apart)-apart), n%2 == 0)
						for i := range a.n {
							a.set(i, gap)
						}
						return a
					}
					wide, first, second, back := long(n, apart), long(half, apart), long(half, apart), long(n, 2)
					for i := range lines {
						for j := range n {
							wide.set(i*(n+apart)+j, float64(100*i+j))
						}
					}
					x.EverySecond(scratch, first.p, half+apart, wide.p, n+apart, half, lines)
					if n > 1 {
						x.EverySecond(scratch, second.p, half+apart, unsafe.Add(wide.p, d.Size()), n+apart, n/2, lines)
					}
					x.Interleave(scratch, back.p, n+2, first.p, second.p, half+apart, n, lines)
					check := func(what string, a array, line, n, begin, step int) {
						for i := range a.n {
							want := gap
							if i%line < n {
								want = float64(100*(i/line) + begin + step*(i%line))
							}
							if got := a.at(i); got != want {
								t.Fatalf("%v, %v, %d lines of %d: element %d of %s is %v, want %v", d, level, lines, n, i, what, got, want)
							}
						}
					}
					check("the first half", first, half+apart, half, 0, 2)
					check("the second half", second, half+apart, n/2, 1, 2)
					check("both together", back, n+2, n, 0, 1)
					pages.free()
				}
			}
		}
	}
}
