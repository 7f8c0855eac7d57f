package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// TestRowSum compares sums of rows with plain additions in ascending order, to the bit, between pages that may not be read or written.
func TestRowSum(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, d := range floats {
		for _, l := range cpu.Levels() {
			s := NewRowSum(d, l)
			if (s == nil) != (l < cpu.AVX2) {
				t.Errorf("%v, %v: row sums %v", d, l, s != nil)
			}
			for columns := 1; s != nil && columns <= 300; columns += 1 + columns/20 {
				rows, stride := 1+r.IntN(64), columns+r.IntN(3)
				var pages guards
				end := columns%2 == 0
				src, dst := pages.array(t, d, (rows-1)*stride+columns, end), pages.array(t, d, columns, end)
				src.fill(r)
				src.set(r.IntN(columns), math.Copysign(0, -1))
				src.set(r.IntN(columns), math.Inf(-1))
				s.Add(dst.p, src.p, rows, columns, stride, make([]byte, RowSumScratch))
				for j := range columns {
					want := 0.0
					for i := range rows {
						if want += src.at(i*stride + j); d == dtype.Float32 {
							want = float64(float32(want))
						}
					}
					if got := dst.at(j); math.Float64bits(got) != math.Float64bits(want) {
						t.Fatalf("%v, %v: column %d of %d, %d rows: %v, want %v", d, l, j, columns, rows, got, want)
					}
				}
				pages.free()
			}
		}
	}
	if NewRowSum(dtype.Int64, cpu.Best()) != nil {
		t.Error("row sums of integers")
	}
}
