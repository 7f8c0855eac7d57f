package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/elem"
)

// TestCorrelator has every number of filters and taps and every remainder of a row, with rows, slices and taps at any distance, against the definition: at each level, between guard pages.
func TestCorrelator(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	runs := 0
	for _, d := range floats {
		for _, level := range cpu.Levels() {
			c := NewCorrelator(d, level)
			for width := 1; width <= 3*c.Lanes(); width++ {
				for filters := 1; filters <= c.Filters(); filters++ {
					for taps := 1; taps <= CorrelationTaps; taps++ {
						if (width+filters+taps)%3 == 0 {
							testCorrelation(t, r, c, array{d: d}, width, filters, taps)
							runs++
						}
					}
				}
			}
		}
	}
	if t.Logf("%d runs", runs); runs < 250*len(cpu.Levels()) {
		t.Errorf("%d runs", runs)
	}
}

func testCorrelation(t *testing.T, r *rand.Rand, c *Correlator, kind array, width, filters, taps int) {
	t.Helper()
	var pages guards
	defer pages.free()
	rows, slices, end := 1+r.IntN(3), 1+r.IntN(3), r.IntN(2) == 0
	p := Correlation{Filters: filters, Slices: slices, Rows: rows, Width: width}
	p.ARow, p.BRow = width+r.IntN(3), width+r.IntN(20)
	p.ASlice, p.BSlice = rows*p.ARow+r.IntN(5), rows*p.BRow+r.IntN(5)
	p.AFilter = slices*p.ASlice + r.IntN(3)
	most := 0
	for range taps {
		at := r.IntN(40)
		p.Taps = append(p.Taps, int64(at*c.Size()))
		most = max(most, at)
	}
	last := func(row, slice int) int { return (slices-1)*slice + (rows-1)*row + width }
	a := pages.array(t, kind.d, (filters-1)*p.AFilter+last(p.ARow, p.ASlice), end)
	b := pages.array(t, kind.d, most+last(p.BRow, p.BSlice), end)
	a.fill(r)
	b.fill(r)
	if r.IntN(4) == 0 {
		a.set(r.IntN(a.n), []float64{math.Inf(1), math.NaN(), 1e-310, math.Copysign(0, -1)}[r.IntN(4)])
	}
	p.A, p.B = a.p, b.p
	sums := pages.memory(t, filters*taps*c.Lanes()*8, true)
	p.Sums = unsafe.Slice((*float64)(sums), filters*taps*c.Lanes())
	want := make([]float64, len(p.Sums))
	for i := range p.Sums {
		p.Sums[i] = r.NormFloat64()
		want[i] = p.Sums[i]
	}
	for f := range filters {
		for k, tap := range p.Taps {
			for lane := range min(c.Lanes(), width) {
				s := 0.0
				for n := range slices {
					for row := range rows {
						for i := lane; i < width; i += c.Lanes() {
							x, y := a.at(f*p.AFilter+n*p.ASlice+row*p.ARow+i), b.at(int(tap)/c.Size()+n*p.BSlice+row*p.BRow+i)
							if c.double {
								s = math.FMA(x, y, s)
							} else {
								s = float64(elem.FMA32(float32(x), float32(y), float32(s)))
							}
						}
					}
				}
				want[(f*taps+k)*c.Lanes()+lane] += s
			}
		}
	}
	scratch := unsafe.Slice((*byte)(pages.memory(t, c.Each(), true)), c.Each())
	for i := range scratch {
		scratch[i] = 0xff
	}
	c.Add(scratch, &p)
	for i, v := range p.Sums {
		if math.Float64bits(v) != math.Float64bits(want[i]) && (v == v || want[i] == want[i]) {
			t.Fatalf("%v, portable %v, %d filters, %d taps, %d slices of %d rows of %d: sum %d is %v, want %v", kind.d, c.kernels.portable, filters, taps, slices, rows, width, i, v, want[i])
		}
	}
}
