package gemm

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestSlide has lines of neighbouring taps slide along rows of several parts, between guard pages, against the definition: what lies between rows, and beside columns, stays.
func TestSlide(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	for _, d := range floats {
		fma := fmaOf(d)
		for _, level := range cpu.Levels() {
			x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
			scratch := unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each())
			var kernels []int
			for taps := range 10 {
				most := x.SlideLines(taps)
				if most == 0 {
					continue
				}
				kernels = append(kernels, taps)
				for n := 1; n <= x.Width(); n++ {
					p := Sliding{Taps: taps, Cols: 1 + r.IntN(9), N: n, Add: r.IntN(2) == 0}
					p.Row, p.CRow = p.Cols+taps-1+r.IntN(3), n+r.IntN(3)
					lines, rows, positions := 1+r.IntN(3*most), 1+r.IntN(9), 0
					if n == 1 {
						lines = 3 * most
					}
					places := make([]int, lines)
					for i := range places {
						places[i] = r.IntN(50)
						p.Lines = append(p.Lines, int64(places[i]*d.Size()))
					}
					var starts []int
					for range 1 + r.IntN(3) {
						part := 1 + r.IntN(4)
						starts = append(starts, r.IntN(rows))
						p.Parts = append(p.Parts, Part{From: int64(starts[len(starts)-1] * p.Row * d.Size()), Rows: int64(part)})
						positions += part * p.Cols
					}
					var pages guards
					a := pages.array(t, d, slices.Max(places)+(rows+3)*p.Row+taps, n%2 == 0)
					b := pages.array(t, d, positions*x.Width(), n%2 == 0)
					c := pages.array(t, d, (lines*taps-1)*p.CRow+n, n%2 == 0)
					a.fill(r)
					b.fill(r)
					c.fill(r)
					want := newArray(d, c.n)
					for i := range c.n {
						want.set(i, c.at(i))
					}
					for i := range lines * taps {
						for j := range n {
							sum, at := 0.0, 0
							for k, part := range p.Parts {
								for row := range int(part.Rows) {
									for col := range p.Cols {
										sum = fma(a.at(places[i/taps]+i%taps+(starts[k]+row)*p.Row+col), b.at(at*x.Width()+j), sum)
										at++
									}
								}
							}
							if p.Add {
								sum += want.at(i*p.CRow + j)
							}
							want.set(i*p.CRow+j, sum)
						}
					}
					p.A, p.B, p.C = a.p, b.p, c.p
					x.Slide(scratch, &p)
					for i := range c.n {
						if c.at(i) != want.at(i) {
							t.Fatalf("%v, %v, %d lines of %d taps, %d columns: element %d is %v, want %v", d, level, lines, taps, n, i, c.at(i), want.at(i))
						}
					}
					pages.free()
				}
			}
			if want := map[cpu.Level][]int{cpu.AVX2: {3, 5}, cpu.AVX512: {3, 5, 7}}[level]; !slices.Equal(kernels, want) {
				t.Errorf("%v, %v: kernels of %v neighbouring taps, want %v", d, level, kernels, want)
			}
		}
	}
}
