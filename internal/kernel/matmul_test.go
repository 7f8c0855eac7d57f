package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// naiveMatmul multiplies one pair of matrices of whole numbers.
func naiveMatmul(m, n, k int, a, b []float64, ta, tb bool) []float64 {
	z := make([]float64, m*n)
	for i := range m {
		for j := range n {
			for q := range k {
				x, y := i*k+q, q*n+j
				if ta {
					x = q*m + i
				}
				if tb {
					y = j*k + q
				}
				z[i*n+j] += a[x] * b[y]
			}
		}
	}
	return z
}

func matmulCase(m, n, k int, ta, tb bool) kernelCase {
	a, b := spread(uint64(m), m*k), spread(uint64(n+100), k*n)
	sa, sb := sh(m, k), sh(k, n)
	if ta {
		sa = sh(k, m)
	}
	if tb {
		sb = sh(n, k)
	}
	return kernelCase{name: "matmul", what: Type{dtype.Float64, sh(m, n, k)}.text(), dtypes: numericDTypes,
		in: []arg{v(sa, a...), v(sb, b...)}, out: []arg{v(sh(m, n), naiveMatmul(m, n, k, a, b, ta, tb)...)},
		attrs: attrs(attr.B("transpose_a", ta), attr.B("transpose_b", tb)), tol: 1e-300}
}

func matmulCases() []kernelCase {
	var cs []kernelCase
	for _, s := range [][3]int{{1, 1, 1}, {1, 5, 3}, {5, 1, 2}, {2, 4, 1}, {3, 7, 5}, {17, 19, 23}, {65, 3, 300}, {3, 260, 30}, {70, 261, 259}} {
		for f := range 4 {
			cs = append(cs, matmulCase(s[0], s[1], s[2], f&1 != 0, f&2 != 0))
		}
	}
	return cs
}

var _ = addCases(matmulCases()...)

var _ = addCases(
	kernelCase{name: "matmul", what: "batch", dtypes: numericDTypes,
		in:  []arg{v(sh(2, 1, 1, 2), 1, 2, 3, 4), v(sh(3, 2, 1), 1, 2, 3, 4, 5, 6)},
		out: []arg{v(sh(2, 3, 1, 1), 5, 11, 17, 11, 25, 39)}},
	kernelCase{name: "matmul", what: "shared right", dtypes: numericDTypes,
		in:  []arg{v(sh(2, 1, 2), 1, 2, 3, 4), v(sh(2, 2), 1, 2, 3, 4)},
		out: []arg{v(sh(2, 1, 2), 7, 10, 15, 22)}},
	kernelCase{name: "matmul", what: "special", dtypes: floatDTypes,
		in:  []arg{v(sh(1, 2), inf, 1), v(sh(2, 3), 0, 1, -1, 5, 5, inf)},
		out: []arg{v(sh(1, 3), nan, inf, nan)}},
	kernelCase{name: "matmul", what: "wraps", dtypes: []dtype.DType{dtype.Int32},
		in: []arg{v(sh(1, 2), 1<<30, 1<<30), v(sh(2, 1), 1, 1)}, out: []arg{v(sh(1, 1), math.MinInt32)}},
)

// TestMatmulChain holds the bits of each element against chains of 256 fused multiply-adds.
func TestMatmulChain(t *testing.T) {
	const m, n, k = 13, 9, 700
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range floatDTypes {
		a, b, z := newTensor(Type{d, sh(m, k)}), newTensor(Type{d, sh(k, n)}), newTensor(Type{d, sh(m, n)})
		for _, x := range []*Tensor{&a, &b} {
			for i := range x.Size() {
				x.setValue(i, r.NormFloat64())
			}
		}
		kern := Lookup("matmul")
		if err := kern.Run(prepareCall(kern, []Tensor{a, b}, []Tensor{z}, nil)); err != nil {
			t.Fatal(err)
		}
		round := func(x float64) float64 { return x }
		if d == dtype.Float32 {
			round = func(x float64) float64 { return float64(float32(x)) }
		}
		for i := range m {
			for j := range n {
				acc, sum := 0.0, 0.0
				for q := range k {
					if q%256 == 0 {
						acc, sum = 0, round(sum+acc)
					}
					if d == dtype.Float64 {
						acc = math.FMA(a.value(i*k+q), b.value(q*n+j), acc)
					} else {
						acc = exactFMA32(a.value(i*k+q), b.value(q*n+j), acc)
					}
				}
				sum = round(sum + acc)
				if g := z.value(i*n + j); g != sum {
					t.Fatalf("%v: element (%d, %d) is %v, want %v", d, i, j, g, sum)
				}
			}
		}
	}
}

// exactFMA32 rounds a·b + c to float32 once, with arbitrary precision.
func exactFMA32(a, b, c float64) float64 {
	x := new(big.Float).SetPrec(600)
	x.Mul(big.NewFloat(a).SetPrec(600), big.NewFloat(b).SetPrec(600))
	x.Add(x, big.NewFloat(c).SetPrec(600))
	f, _ := x.Float32()
	return float64(f)
}

func BenchmarkMatmul(b *testing.B) {
	for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
		b.Run(d.Short(), func(b *testing.B) {
			const n = 256
			x, z := newTensor(Type{d, sh(n, n)}), newTensor(Type{d, sh(n, n)})
			for i := range x.Size() {
				x.setValue(i, float64(i%17)*0.37)
			}
			k := Lookup("matmul")
			c := prepareCall(k, []Tensor{x, x}, []Tensor{z}, attrs(attr.B("transpose_b", true)))
			for b.Loop() {
				if err := k.Run(c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(2*n*n*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
