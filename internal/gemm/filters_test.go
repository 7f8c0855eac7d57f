package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestFilter has planes of all widths and numbers of rows, with gaps and infinities between them that no position reads, between guard pages, against the definition.
func TestFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for _, d := range floats {
		fma := fmaOf(d)
		for n := 1; n <= 70; n++ {
			for _, taps := range [][]int{{0}, {0, 1, 2}, {3, 0, 7, 5, 1}} {
				rows, planes, most := 1+r.IntN(9), 1+r.IntN(3), 0
				for _, tap := range taps {
					most = max(most, tap)
				}
				bRow, cRow := n+most+r.IntN(3), n+r.IntN(3)
				bPlane, cPlane := rows*bRow+r.IntN(3), rows*cRow+r.IntN(3)
				var pages guards
				a := pages.array(t, d, (planes-1)*(len(taps)+1)+len(taps), true)
				b := pages.array(t, d, (planes-1)*bPlane+(rows-1)*bRow+n+most, n%2 == 0)
				c, want := pages.array(t, d, (planes-1)*cPlane+(rows-1)*cRow+n, n%2 == 0), newArray(d, (planes-1)*cPlane+(rows-1)*cRow+n)
				a.fill(r)
				b.fill(r)
				f := Filters{A: a.p, APlane: len(taps) + 1, B: b.p, BRow: bRow, BPlane: bPlane, C: c.p, CRow: cRow, CPlane: cPlane, Planes: planes, Rows: rows, N: n}
				for i, tap := range taps {
					f.Taps = append(f.Taps, Term{B: int64(tap * d.Size()), A: int64(i * d.Size())})
				}
				for i := range want.n {
					want.set(i, math.Inf(1))
				}
				for i := range planes {
					for j := range rows {
						for k := range n {
							s := 0.0
							for l, tap := range taps {
								s = fma(a.at(i*f.APlane+l), b.at(i*bPlane+j*bRow+k+tap), s)
							}
							want.set(i*cPlane+j*cRow+k, s)
						}
					}
				}
				for _, level := range cpu.Levels() {
					x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
					for i := range c.n {
						c.set(i, math.Inf(1))
					}
					x.Filter(unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each()), &f)
					for i := range c.n {
						if c.at(i) != want.at(i) {
							t.Fatalf("%v, %v, %d planes of %d rows of %d, taps %v: element %d is %v, want %v", d, level, planes, rows, n, taps, i, c.at(i), want.at(i))
						}
					}
				}
				pages.free()
			}
		}
	}
}
