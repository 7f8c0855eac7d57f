package ulp

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// TestBounds holds the promise: at most 2 ulp, and below 0.5 ulp in the mean.
func TestBounds(t *testing.T) {
	for i, op := range Ops() {
		for typ, n := range map[dtype.DType]int{dtype.Float64: 400, dtype.Float32: 20000} {
			r := Measure(op, typ, n, int64(100+i))
			if r.Samples < n/10 || r.Worst > 2 || r.Mean > 0.5 {
				t.Errorf("%s %s: worst %.3f ulp at %v, mean %.3f over %d samples", op, typ, r.Worst, r.At, r.Mean, r.Samples)
			}
		}
	}
}
