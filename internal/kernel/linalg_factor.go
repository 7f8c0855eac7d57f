package kernel

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/linalg"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	Register(&Kernel{
		Name: "qr",
		Work: matrixWork(6),
		Doc:  "Reduced QR decomposition of m×n matrices by Householder reflections: Q (result 0, m×k, orthonormal columns) and upper triangular R (result 1, k×n), k = min(m, n). The signs are LAPACK's." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2); err != nil {
				return err
			}
			if err := checkMatrices(in[0]); err != nil {
				return err
			}
			m, n := matrixSize(in[0])
			return firstOf(checkDType(in[0].DType, out...), wantMatrices("Q", in[0], out[0], m, min(m, n)), wantMatrices("R", in[0], out[1], min(m, n), n))
		},
		Workspace: planned(qrPlan).work, Each: planned(qrPlan).each, Prepare: planned(qrPlan).prepare, StateBytes: planStateBytes,
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, qr[float64], qr[float32])(c) },
	})
	Register(&Kernel{
		Name: "eigh",
		Work: matrixWork(100),
		Doc: "Eigenvalues (result 0, ascending) and orthonormal eigenvectors (columns of result 1) of symmetric matrices, whose lower triangle is read: " +
			"Householder tridiagonalisation, implicit QL and QR sweeps. NaN, Inf and failure to converge are errors." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2); err != nil {
				return err
			}
			if err := checkSquare(in[0]); err != nil {
				return err
			}
			s := in[0].Shape
			return firstOf(checkDType(in[0].DType, out...), wantShape("the eigenvalues", out[0].Shape, s[:len(s)-1]), wantShape("the eigenvectors", out[1].Shape, s))
		},
		Workspace: planned(eighPlan).work, Each: planned(eighPlan).each, Prepare: planned(eighPlan).prepare, StateBytes: planStateBytes,
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, eigh[float64], eigh[float32])(c) },
	})
	Register(&Kernel{
		Name: "svd",
		Work: matrixWork(100),
		Doc: "Reduced singular value decomposition A = U·diag(s)·Vᵀ of m×n matrices: U (result 0, m×k), s (result 1, k entries, descending) and Vᵀ (result 2, k×n), k = min(m, n): " +
			"Householder bidiagonalisation, implicit QR sweeps. NaN, Inf and failure to converge are errors." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 3); err != nil {
				return err
			}
			if err := checkMatrices(in[0]); err != nil {
				return err
			}
			m, n := matrixSize(in[0])
			k := min(m, n)
			s := in[0].Shape
			return firstOf(checkDType(in[0].DType, out...), wantMatrices("U", in[0], out[0], m, k),
				wantShape("the singular values", out[1].Shape, shape.Replaced(s[:len(s)-1], len(s)-2, k)), wantMatrices("Vᵀ", in[0], out[2], k, n))
		},
		Workspace: planned(svdPlan).work, Each: planned(svdPlan).each, Prepare: planned(svdPlan).prepare, StateBytes: planStateBytes,
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, svd[float64], svd[float32])(c) },
	})
}

// wantMatrices reports a result that does not hold one m×n matrix for each of the operand's.
func wantMatrices(what string, in, t Type, m, n int) error {
	want := append(slices.Clone(in.Shape[:len(in.Shape)-2]), m, n)
	return wantShape(what, t.Shape, want)
}

func qrPlan(in, _ []Type, _ attr.List) linalgPlan {
	m, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewQR(batchOf(in[0]), m, n, cpu.Best()), m*min(m, n), min(m, n)*n, 0)
}

func qr[T float](c *Call) error {
	runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), nil)
	return nil
}

// scaleToSafe multiplies x by a power of two so that squares of its elements neither overflow nor
// vanish, and returns the factor that undoes it; it returns 0 if x holds NaN or Inf.
func scaleToSafe(x []float64) float64 {
	largest := 0.0
	for _, v := range x {
		if v-v != 0 {
			return 0
		}
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 || (largest > 0x1p-400 && largest < 0x1p400) {
		return 1
	}
	_, e := math.Frexp(largest)
	for i, v := range x {
		x[i] = math.Ldexp(v, 1-e)
	}
	return math.Ldexp(1, e-1)
}

func eighPlan(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewEigen(batchOf(in[0]), n, cpu.Best()), n, n*n, 0)
}

func eigh[T float](c *Call) error {
	i := runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), nil)
	if i < 0 {
		return nil
	}
	n := c.In[0].Shape[len(c.In[0].Shape)-1]
	for k, v := range data[T](&c.In[0])[i*n*n : (i+1)*n*n] {
		if k%n <= k/n && v-v != 0 {
			return fmt.Errorf("%s holds NaN or Inf", matrixName(i, c.In[0].Shape))
		}
	}
	return fmt.Errorf("the eigenvalues of %s do not converge", matrixName(i, c.In[0].Shape))
}

func svdPlan(in, _ []Type, _ attr.List) linalgPlan {
	m, n := matrixSize(in[0])
	k := min(m, n)
	return widePlan(in[0], linalg.NewSVD(batchOf(in[0]), m, n, cpu.Best()), m*k, k, k*n)
}

func svd[T float](c *Call) error {
	i := runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), data[T](&c.Out[2]))
	if i < 0 {
		return nil
	}
	m, n := matrixSize(c.In[0].Type)
	for _, v := range data[T](&c.In[0])[i*m*n : (i+1)*m*n] {
		if v-v != 0 {
			return fmt.Errorf("%s holds NaN or Inf", matrixName(i, c.In[0].Shape))
		}
	}
	return fmt.Errorf("the singular values of %s do not converge", matrixName(i, c.In[0].Shape))
}

// bidiagonalSVD replaces a (m×n, m ≥ n) by U, p (n×n) by Vᵀ and d by the singular values; false if they do not converge. e, tauQ and tauP have n
// elements, w max(m, 4·n).
func bidiagonalSVD(m, n int, a, p, d, e, tauQ, tauP, w []float64) bool {
	lapack.Dgebd2(m, n, a, n, d, e[:n-1], tauQ, tauP, w)
	// p becomes Pᵀ: the reflectors' rows move down by one, the first row and column are those of the unit matrix.
	clear(p)
	p[0] = 1
	for r := 1; r < n; r++ {
		copy(p[r*n+r:(r+1)*n], a[(r-1)*n+r:r*n])
	}
	if n > 1 {
		lapack.Dorgl2(n-1, n-1, n-1, p[n+1:], n, tauP[:n-1], w)
	}
	lapack.Dorg2r(m, n, n, a, n, tauQ, w)
	return lapack.Dbdsqr(blas.Upper, n, n, m, 0, d, e[:n-1], p, n, a, n, nil, 1, w)
}
