package kernel

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name: "expm",
		Work: matrixWork(100),
		Doc: "Exponential of square matrices: Padé approximant of degree 13 with scaling and squaring (Higham, The scaling and squaring method for the matrix exponential revisited, " +
			"SIAM J. Matrix Anal. Appl. 26, 2005). NaN, Inf and 1-norms above 1024 are errors." + linalgNote,
		Check: func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		Workspace: func(in, out []Type, a attr.List) int {
			_, n := matrixSize(in[0])
			return 7*scratchSize(n*n, 8) + scratchSize(n, 8)
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, expm[float64], expm[float32])(c) },
	})
}

// padeCoefficients are those of the numerator of degree 13; the denominator's have alternating signs.
var padeCoefficients = [14]float64{64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
	670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1}

// padeNorm is the 1-norm up to which the approximant of degree 13 has an error below the unit roundoff.
const padeNorm = 5.371920351148152

const maxExpmNorm = 1024

func expm[T float](c *Call) error {
	_, n := matrixSize(c.In[0].Type)
	src, dst, work := data[T](&c.In[0]), data[T](&c.Out[0]), c.Work
	a, a2, a4, a6 := take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n)
	u, v, w := take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n)
	piv := take[int](&work, n)
	product := func(dst, x, y []float64) { multiplySquare(n, dst, x, y) }
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(a, src[i*n*n:])
		norm := oneNorm(n, a)
		if !(norm <= maxExpmNorm) {
			return fmt.Errorf("%s has the 1-norm %v, above %d", matrixName(i, c.In[0].Shape), norm, maxExpmNorm)
		}
		squarings := 0
		if norm > padeNorm {
			_, squarings = math.Frexp(norm / padeNorm)
			scale := math.Ldexp(1, -squarings)
			for k := range a {
				a[k] *= scale
			}
		}
		product(a2, a, a)
		product(a4, a2, a2)
		product(a6, a4, a2)
		b := &padeCoefficients
		for k := range w {
			w[k] = b[13]*a6[k] + b[11]*a4[k] + b[9]*a2[k]
		}
		product(v, a6, w)
		for k := range v {
			v[k] += b[7]*a6[k] + b[5]*a4[k] + b[3]*a2[k]
		}
		addToDiagonal(n, v, b[1])
		product(u, a, v)
		for k := range w {
			w[k] = b[12]*a6[k] + b[10]*a4[k] + b[8]*a2[k]
		}
		product(v, a6, w)
		for k := range v {
			v[k] += b[6]*a6[k] + b[4]*a4[k] + b[2]*a2[k]
		}
		addToDiagonal(n, v, b[0])
		for k := range u {
			w[k], v[k] = v[k]-u[k], v[k]+u[k]
		}
		if !factorSolve(n, n, w, v, piv) {
			return fmt.Errorf("the Padé denominator of %s is singular", matrixName(i, c.In[0].Shape))
		}
		for range squarings {
			product(u, v, v)
			u, v = v, u
		}
		store(dst[i*n*n:(i+1)*n*n], v)
	}
	return nil
}

// factorSolve replaces b (n×m) by the solution of a·x = b and a by its factors; false if a is singular.
func factorSolve(n, m int, a, b []float64, piv []int) bool {
	if !lapack.Dgetf2(n, n, a, n, piv) {
		return false
	}
	lapack.Dlaswp(m, b, m, 0, n-1, piv, 1)
	blas3.Dtrsm(blas.Left, blas.Lower, blas.NoTrans, blas.Unit, n, m, 1, a, n, b, m)
	blas3.Dtrsm(blas.Left, blas.Upper, blas.NoTrans, blas.NonUnit, n, m, 1, a, n, b, m)
	return true
}

// multiplySquare computes dst = x·y for n×n matrices.
func multiplySquare(n int, dst, x, y []float64) {
	clear(dst)
	for i := range n {
		to := dst[i*n : (i+1)*n]
		for k, f := range x[i*n : (i+1)*n] {
			for j, v := range y[k*n : (k+1)*n] {
				to[j] += float64(f * v)
			}
		}
	}
}

func addToDiagonal(n int, x []float64, v float64) {
	for i := range n {
		x[i*n+i] += v
	}
}

// oneNorm is the largest sum of absolute values in a column; NaN wins.
func oneNorm(n int, x []float64) float64 {
	largest := 0.0
	for j := range n {
		sum := 0.0
		for i := range n {
			sum += math.Abs(x[i*n+j])
		}
		if sum > largest || sum != sum {
			largest = sum
		}
	}
	return largest
}
