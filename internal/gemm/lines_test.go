package gemm

import (
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestCopyLines has lines of every width, apart and beside one another, between guard pages: what lies between lines stays.
func TestCopyLines(t *testing.T) {
	for _, d := range floats {
		for _, level := range cpu.Levels() {
			x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
			scratch := unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each())
			for n := 1; n <= 70; n++ {
				for lines := range 5 {
					const gap = -1
					fromLine, toLine := n+(n+lines)%3, n+(n+2*lines)%4
					var pages guards
					from := pages.array(t, d, max(0, (lines-1)*fromLine+n), n%2 == 0)
					to := pages.array(t, d, max(0, (lines-1)*toLine+n), n%2 == 0)
					for i := range from.n {
						from.set(i, float64(i))
					}
					for i := range to.n {
						to.set(i, gap)
					}
					x.CopyLines(scratch, to.p, toLine, from.p, fromLine, n, lines)
					for i := range to.n {
						want := float64(gap)
						if i%toLine < n {
							want = float64(i/toLine*fromLine + i%toLine)
						}
						if got := to.at(i); got != want {
							t.Fatalf("%v, %v, %d lines of %d: element %d is %v, want %v", d, level, lines, n, i, got, want)
						}
					}
					pages.free()
				}
			}
		}
	}
}
