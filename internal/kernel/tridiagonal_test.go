package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Elimination from both ends, where partial pivoting exchanges no rows, and LAPACK's where it does: residuals of the order of rounding, for all numbers of rows.
func TestTridiagonalSolve(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	for n := 1; n < 24; n++ {
		for _, m := range []int{1, 3} {
			for _, c := range []struct {
				name           string
				diagonal, skew float64
				fromEnds       bool
			}{{"dominant", 3, 1, true}, {"Laplacian", 2, 0, true}, {"exchanges", 0.01, 1, n == 1}} {
				lower, main, upper, b := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n*m)
				for i := range n {
					lower[i], main[i], upper[i] = -1+c.skew*r.Float64(), c.diagonal*(1+c.skew*r.Float64()), -1+c.skew*r.Float64()
				}
				lower[0], upper[n-1] = math.NaN(), math.NaN()
				for i := range b {
					b[i] = r.NormFloat64()
				}
				if done := eliminateFromEnds(lower, upper, slices.Clone(main), slices.Clone(b)); done != c.fromEnds {
					t.Errorf("%s, %d rows: eliminated from both ends: %v", c.name, n, done)
				}
				of := func(v []float64, s ...int) Tensor {
					x := newTensor(Type{dtype.Float64, s})
					copy(data[float64](&x), v)
					return x
				}
				x := data[float64](&runNow(t, "tridiagonal_solve", nil, []Tensor{of(lower, n), of(main, n), of(upper, n), of(b, n, m)}, Type{dtype.Float64, sh(n, m)})[0])
				scale := 10 * max(slices.Max(x), -slices.Min(x))
				for k := range m {
					for i := range n {
						sum := main[i]*x[i*m+k] - b[i*m+k]
						if i > 0 {
							sum += lower[i] * x[(i-1)*m+k]
						}
						if i < n-1 {
							sum += upper[i] * x[(i+1)*m+k]
						}
						if !(math.Abs(sum) <= 1e-15*scale) {
							t.Errorf("%s, %d rows: row %d has the residual %v, elements of the order %v", c.name, n, i, sum, scale)
						}
					}
				}
			}
		}
	}
}
