package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestSVD: |A − U·S·Vᵀ| ≤ 8·(m+n)·ε·|A|, |Uᵀ·U − 1| and |V·Vᵀ − 1| ≤ 8·(m+n)·ε in the Frobenius norm, values in order and not negative.
func TestSVD(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	for _, s := range [][2]int{{0, 3}, {3, 0}, {1, 1}, {1, 4}, {4, 1}, {2, 2}, {2, 3}, {3, 2}, {7, 7}, {31, 33}, {33, 31}, {32, 32}, {65, 64}, {64, 100}, {127, 127}, {200, 90}, {90, 200}, {256, 256}} {
		m, n := s[0], s[1]
		k := min(m, n)
		for _, kind := range []string{"random", "graded", "graded the other way", "rank 1", "zero", "unit", "huge", "tiny", "triangular"} {
			if m > 130 && kind != "random" && kind != "graded" {
				continue
			}
			a := random[float64](r, m*n)
			for i := range a {
				row, column := i/n, i%n
				switch kind {
				case "graded":
					a[i] = math.Ldexp(a[i], scaleOf(row, m, 240)+scaleOf(column, n, 240))
				case "graded the other way":
					a[i] = math.Ldexp(a[i], -scaleOf(row, m, 20)-scaleOf(column, n, 20))
				case "rank 1":
					a[i] = float64(1+row) * float64(1+column)
				case "zero":
					a[i] = 0
				case "unit":
					a[i] = unit(row, column)
				case "huge":
					a[i] = math.Ldexp(a[i], 1018)
				case "tiny":
					a[i] = math.Ldexp(a[i], -1000)
				case "triangular": // Kahan's: its least singular value is far below its least diagonal element
					a[i] = 0
					if row == column {
						a[i] = math.Pow(0.9, float64(row))
					} else if row < column {
						a[i] = -0.4 * math.Pow(0.9, float64(row))
					}
				}
			}
			what := fmt.Sprintf("%s, %d×%d", kind, m, n)
			f := everywhere(t, what, func() Operands[float64] {
				return Operands[float64]{A: a, X: make([]float64, m*k), Y: make([]float64, k), Z: make([]float64, k*n)}
			}, func(l cpu.Level) *Plan[float64] { return NewSVD(1, m, n, l) }, -1)
			orthonormal(t, what, m, k, f.X, 8*float64(m+n))
			v := make([]float64, n*k)
			for i := range k {
				for j := range n {
					v[j*k+i] = f.Z[i*n+j]
				}
			}
			orthonormal(t, what, n, k, v, 8*float64(m+n))
			by := largestPower(a)
			off := 0.0
			for i := range m {
				for j := range n {
					sum := -a[i*n+j] * by
					for q := range k {
						sum = math.FMA(f.X[i*k+q]*(f.Y[q]*by), f.Z[q*n+j], sum)
					}
					off += sum * sum
				}
			}
			if d, whole := math.Sqrt(off), norm(a, by); !(d <= 8*float64(m+n)*epsilon[float64]()*whole) {
				t.Fatalf("%s: U·S·Vᵀ is off by %.3g of A", what, d/whole)
			}
			for i, s := range f.Y {
				if s < 0 || math.Signbit(s) || i > 0 && s > f.Y[i-1] {
					t.Fatalf("%s: values %v", what, f.Y)
				}
			}
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		a := random[float64](r, 3*5*4)
		a[5*4+7] = bad
		everywhere(t, "not finite", func() Operands[float64] {
			return Operands[float64]{A: a, X: make([]float64, 3*5*4), Y: make([]float64, 3*4), Z: make([]float64, 3*4*4)}
		}, func(l cpu.Level) *Plan[float64] { return NewSVD(3, 5, 4, l) }, 1)
	}
}

// TestSmallSingularValues: those of bidiagonal matrices are right in all their digits (Demmel and Kahan). The matrix with ones on the diagonal and x beside has the determinant 1, and inverse
// elements (−x)^(j−i), so that for large x the least value is near 1/‖A⁻¹‖.
func TestSmallSingularValues(t *testing.T) {
	const n = 12
	a := make([]float64, n*n)
	for i := range n {
		a[i*(n+1)] = 1
		if i+1 < n {
			a[i*(n+1)+1] = 1e6
		}
	}
	p := NewSVD(1, n, n, cpu.Supported())
	x := Operands[float64]{A: a, X: make([]float64, n*n), Y: make([]float64, n), Z: make([]float64, n*n)}
	p.Run(crowd(1), x, memory(p.Work()).used, [][]byte{memory(p.Each()).used})
	product := 0.0
	for _, s := range x.Y {
		product += math.Log(s)
	}
	if math.Abs(product) > 1e-10 {
		t.Errorf("the logarithm of the product of the singular values of a matrix with the determinant 1 is %v: %v", product, x.Y)
	}
	if least := x.Y[n-1]; math.Abs(least/1e-66-1) > 1e-5 {
		t.Errorf("least singular value %v", least)
	}
}
