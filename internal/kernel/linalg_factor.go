package kernel

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/linalg"
	"github.com/adjoint-go/adjoint/internal/shape"
)

func init() {
	registerPlanned(qrPlan, &Kernel{
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
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, qr[float64], qr[float32])(c) },
	})
	registerPlanned(eighPlan, &Kernel{
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
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, eigh[float64], eigh[float32])(c) },
	})
	registerPlanned(eigPlan, &Kernel{
		Name: "eig",
		Work: matrixWork(200),
		Doc: "Eigenvalues (result 0) and eigenvectors (columns of result 1) of square matrices, as pairs of real and imaginary parts in a last dimension of extent 2. Values have ascending real parts, then ascending " +
			"absolute imaginary parts, the positive one first; vectors have the norm 1 and a real, positive element among their largest: balancing, Hessenberg reduction, QR steps with two implicit shifts. " +
			"NaN, Inf and failure to converge are errors." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2); err != nil {
				return err
			}
			if err := checkSquare(in[0]); err != nil {
				return err
			}
			s := in[0].Shape
			return firstOf(checkDType(in[0].DType, out...), wantShape("the eigenvalues", out[0].Shape, append(slices.Clone(s[:len(s)-1]), 2)), wantShape("the eigenvectors", out[1].Shape, append(slices.Clone(s), 2)))
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, eig[float64], eig[float32])(c) },
	})
	registerPlanned(svdPlan, &Kernel{
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

func eighPlan(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewEigen(batchOf(in[0]), n, cpu.Best()), n, n*n, 0)
}

func eigh[T float](c *Call) error {
	i := runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), nil)
	return noEigenvalues[T](c, i, true)
}

func eigPlan(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewEigenGeneral(batchOf(in[0]), n, cpu.Best()), 2*n, 2*n*n, 0)
}

func eig[T float](c *Call) error {
	i := runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), nil)
	return noEigenvalues[T](c, i, false)
}

// noEigenvalues is the error for matrix i of the batch, of which the lower triangle or all is read; none for −1.
func noEigenvalues[T float](c *Call, i int, lower bool) error {
	if i < 0 {
		return nil
	}
	n := c.In[0].Shape[len(c.In[0].Shape)-1]
	for k, v := range data[T](&c.In[0])[i*n*n : (i+1)*n*n] {
		if (!lower || k%n <= k/n) && v-v != 0 {
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
