package kernel

import (
	"math"

	"gonum.org/v1/gonum/blas"

	"github.com/adjoint-go/adjoint/internal/attr"
)

func init() {
	Register(&Kernel{
		Name: "cofactor",
		Work: matrixWork(200),
		Doc: "Cofactors, the derivative of the determinant: det(A)·A⁻ᵀ for an invertible matrix, and their limit for a singular one. By singular values: " +
			"det(U)·det(V)·U·diag(Π over j ≠ i of sⱼ)·Vᵀ. NaN or Inf in a matrix gives NaN." + linalgNote,
		Check:     func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		Workspace: func(in, out []Type, a attr.List) int { return cofactorWorkspace(in, 4) },
		Run:       func(c *Call) error { return pickFloat(c.Out[0].DType, cofactor[float64], cofactor[float32])(c) },
	})
	Register(&Kernel{
		Name: "cofactor_derivative",
		Work: matrixWork(400),
		Doc:  "The derivative of the cofactors of operand 0 in the direction of operand 1, from the products of all singular values but two. NaN or Inf in a matrix gives NaN." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkSquareLike(in, out, a, 2, 1); err != nil {
				return err
			}
			return firstOf(checkDType(in[0].DType, in[1]), wantShape("the direction", in[1].Shape, in[0].Shape))
		},
		Workspace: func(in, out []Type, a attr.List) int { return cofactorWorkspace(in, 6) },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, cofactorDerivative[float64], cofactorDerivative[float32])(c)
		},
	})
}

func cofactorWorkspace(in []Type, squares int) int {
	_, n := matrixSize(in[0])
	return squares*scratchSize(n*n, 8) + 5*scratchSize(n, 8) + scratchSize(4*n, 8)
}

// factors is the singular value decomposition of a square matrix and the scratch space that it needs.
type factors struct {
	n             int
	u, vt         []float64
	s             []float64
	e, tauQ, tauP []float64
	w             []float64
	piv           []int
	copied        []float64
	sign          float64 // det(U)·det(V)
}

func takeFactors(n int, work *[]byte) factors {
	f := factors{n: n}
	f.u, f.vt, f.copied = take[float64](work, n*n), take[float64](work, n*n), take[float64](work, n*n)
	f.s, f.e, f.tauQ, f.tauP = take[float64](work, n), take[float64](work, n), take[float64](work, n), take[float64](work, n)
	f.piv, f.w = take[int](work, n), take[float64](work, 4*n)
	return f
}

// decompose replaces u, the matrix, by its decomposition; false for NaN, Inf, and values that do not converge.
func (f *factors) decompose() bool {
	n := f.n
	scale := scaleToSafe(f.u)
	if scale == 0 || !bidiagonalSVD(n, n, f.u, f.vt, f.s, f.e, f.tauQ, f.tauP, f.w) {
		return false
	}
	for i := range f.s {
		f.s[i] *= scale
	}
	f.sign = 1
	for _, q := range [][]float64{f.u, f.vt} {
		copy(f.copied, q)
		lapack.Dgetf2(n, n, f.copied, n, f.piv)
		for i, p := range f.piv {
			if (p != i) != (f.copied[i*n+i] < 0) {
				f.sign = -f.sign
			}
		}
	}
	return true
}

// compose sets dst to det(U)·det(V)·U·x·Vᵀ; it uses the copy.
func (f *factors) compose(dst, x []float64) {
	n := f.n
	blas3.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, f.sign, f.u, n, x, n, 0, f.copied, n)
	blas3.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, f.copied, n, f.vt, n, 0, dst, n)
}

// others sets dst[i] to the product of all s[j] with j ≠ i and j ≠ skip.
func others(dst, s []float64, skip int) {
	p := 1.0
	for i, v := range s {
		dst[i] = p
		if i != skip {
			p *= v
		}
	}
	p = 1
	for i := len(s) - 1; i >= 0; i-- {
		dst[i] *= p
		if i != skip {
			p *= s[i]
		}
	}
}

func fillNaN[T float](dst []T) {
	for i := range dst {
		dst[i] = T(math.NaN())
	}
}

func cofactor[T float](c *Call) error {
	_, n := matrixSize(c.In[0].Type)
	src, dst, work := data[T](&c.In[0]), data[T](&c.Out[0]), c.Work
	f := takeFactors(n, &work)
	x := take[float64](&work, n*n)
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(f.u, src[i*n*n:])
		out := dst[i*n*n : (i+1)*n*n]
		if !f.decompose() {
			fillNaN(out)
			continue
		}
		products := f.w[:n]
		others(products, f.s, -1)
		clear(x)
		for r, p := range products {
			x[r*n+r] = p
		}
		f.compose(x, x)
		store(out, x)
	}
	return nil
}

// cofactorDerivative: with E = Uᵀ·D·V and Pᵢⱼ the product of all singular values but i and j, the derivative of the cofactors of diag(s) is
// Σ over j ≠ i of Pᵢⱼ·Eⱼⱼ at (i, i) and −Pᵢⱼ·Eⱼᵢ at (i, j).
func cofactorDerivative[T float](c *Call) error {
	_, n := matrixSize(c.In[0].Type)
	src, dir, dst, work := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0]), c.Work
	f := takeFactors(n, &work)
	x, e, d := take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n)
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(f.u, src[i*n*n:])
		out := dst[i*n*n : (i+1)*n*n]
		if !f.decompose() {
			fillNaN(out)
			continue
		}
		load(d, dir[i*n*n:])
		blas3.Dgemm(blas.Trans, blas.NoTrans, n, n, n, 1, f.u, n, d, n, 0, f.copied, n)
		blas3.Dgemm(blas.NoTrans, blas.Trans, n, n, n, 1, f.copied, n, f.vt, n, 0, e, n)
		products := f.w[:n]
		for r := range n {
			others(products, f.s, r)
			sum := 0.0
			for q, p := range products {
				if q != r {
					x[r*n+q] = -p * e[q*n+r]
					sum += p * e[q*n+q]
				}
			}
			x[r*n+r] = sum
		}
		f.compose(x, x)
		store(out, x)
	}
	return nil
}
