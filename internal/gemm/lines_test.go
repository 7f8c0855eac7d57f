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

// TestCopyBlocks has blocks of lines of every width, of which some overlap where they are read, between guard pages: what lies between lines stays.
func TestCopyBlocks(t *testing.T) {
	for _, d := range floats {
		for _, level := range cpu.Levels() {
			x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
			scratch := unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each())
			for n := range 300 {
				lines, starts := 1+n%3, []int{5, 0, 2, 3}[:n%5%4+1]
				if n%7 == 6 {
					lines = 0
				}
				fromLine, toLine := n+n%3, n+n%4
				toBlock := lines*toLine + n%2
				const gap = -1
				var pages guards
				from := pages.array(t, d, max(0, (lines-1)*fromLine+n+5), n%2 == 0)
				to := pages.array(t, d, len(starts)*toBlock+1, n%2 == 0)
				var table []int64
				for _, at := range starts {
					table = append(table, int64(at*d.Size()))
				}
				for i := range from.n {
					from.set(i, float64(i))
				}
				for i := range to.n {
					to.set(i, gap)
				}
				x.CopyBlocks(scratch, to.p, toBlock, toLine, from.p, table, fromLine, n, lines)
				want := make([]float64, to.n)
				for i := range want {
					want[i] = gap
				}
				for b, at := range starts {
					for l := range lines {
						for i := range n {
							want[b*toBlock+l*toLine+i] = float64(at + l*fromLine + i)
						}
					}
				}
				for i := range to.n {
					if got := to.at(i); got != want[i] {
						t.Fatalf("%v, %v, %d blocks of %d lines of %d: element %d is %v, want %v", d, level, len(starts), lines, n, i, got, want[i])
					}
				}
				pages.free()
			}
		}
	}
}
