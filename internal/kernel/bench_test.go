package kernel

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// BenchmarkTensorKernels runs kernels that are bound by memory on a million float64 elements.
func BenchmarkTensorKernels(b *testing.B) {
	square, line := sh(1024, 1024), sh(1<<20)
	for _, bench := range []struct {
		name, kernel string
		in, out      []int
		attrs        attr.List
	}{
		{"sum of rows", "reduce_sum", square, sh(1024), attrs(attr.L("axes", sh(1)))},
		{"sum of columns", "reduce_sum", square, sh(1024), attrs(attr.L("axes", sh(0)))},
		{"sum of all", "reduce_sum", line, sh(), attrs(attr.L("axes", sh(0)))},
		{"sum of short runs", "reduce_sum", sh(1<<18, 4), sh(1 << 18), attrs(attr.L("axes", sh(1)))},
		{"transpose", "transpose", square, square, attrs(attr.L("perm", sh(1, 0)))},
		{"broadcast", "broadcast_to", sh(1024, 1), square, attrs(attr.L("shape", square))},
		{"cumsum of rows", "cumsum", square, square, attrs(attr.I("axis", 1))},
		{"cumsum of columns", "cumsum", square, square, attrs(attr.I("axis", 0))},
		{"sort", "sort", square, square, attrs(attr.I("axis", 1))},
		{"fft", "fft", sh(512, 1024, 2), sh(512, 1024, 2), attrs(attr.L("axes", sh(1)))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			x, z := newTensor(Type{dtype.Float64, bench.in}), newTensor(Type{dtype.Float64, bench.out})
			for i := range x.F64 {
				x.F64[i] = float64(i * 7919 % 10007)
			}
			k := Lookup(bench.kernel)
			c := prepareCall(k, []Tensor{x}, []Tensor{z}, bench.attrs)
			b.SetBytes(int64(8 * (x.Size() + z.Size())))
			for b.Loop() {
				if err := k.Run(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
