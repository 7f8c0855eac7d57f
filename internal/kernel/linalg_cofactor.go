package kernel

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/linalg"
)

func init() {
	registerPlanned(newCofactors, &Kernel{
		Name: "cofactor",
		Work: matrixWork(200),
		Doc: "Cofactors, the derivative of the determinant: det(A)·A⁻ᵀ for an invertible matrix, and their limit for a singular one. By singular values: " +
			"det(U)·det(V)·U·diag(Π over j ≠ i of sⱼ)·Vᵀ. NaN or Inf in a matrix gives NaN." + linalgNote,
		Check:      func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		StateBytes: squareStateBytes,
		Run:        func(c *Call) error { return pickFloat(c.Out[0].DType, cofactor[float64], cofactor[float32])(c) },
	})
	registerPlanned(newCofactors, &Kernel{
		Name: "cofactor_derivative",
		Work: matrixWork(400),
		Doc:  "The derivative of the cofactors of operand 0 in the direction of operand 1, from the products of all singular values but two. NaN or Inf in a matrix gives NaN." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkSquareLike(in, out, a, 2, 1); err != nil {
				return err
			}
			return firstOf(checkDType(in[0].DType, in[1]), wantShape("the direction", in[1].Shape, in[0].Shape))
		},
		StateBytes: squareStateBytes,
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, cofactorDerivative[float64], cofactorDerivative[float32])(c)
		},
	})
}

// cofactors are the plans for cofactors of n×n matrices, and the decomposition of one.
type cofactors struct {
	squares
	svd, det *linalg.Plan[float64]
	u, vt, s []float64
	a, x, y  []float64
	common   []byte
	scalars  []float64
	sign     float64 // det(U)·det(V)
}

func newCofactors(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return &cofactors{squares: newSquares(n), svd: linalg.NewSVD(1, n, n, cpu.Best()), det: linalg.NewLogDeterminant[float64](1, n, cpu.Best())}
}

// shared is the scratch that plans share.
func (f *cofactors) shared() int { return max(f.svd.Work(), f.det.Work(), f.squares.shared()) }

// Work implements linalgPlan.
func (f *cofactors) Work() int {
	return scratchSize(f.shared(), 1) + 5*scratchSize(f.n*f.n, 8) + scratchSize(f.n, 8) + scratchSize(max(2, f.n), 8)
}

// Each implements linalgPlan.
func (f *cofactors) Each() int { return max(f.svd.Each(), f.det.Each(), f.squares.each()) }

// cofactorsOf returns a call's plans with their scratch.
func cofactorsOf(c *Call) *cofactors {
	f, work := c.State.(*cofactors), c.Work
	size := f.n * f.n
	f.common, work = work[:f.shared()], work[scratchSize(f.shared(), 1):]
	f.u, f.vt, f.a, f.x, f.y = take[float64](&work, size), take[float64](&work, size), take[float64](&work, size), take[float64](&work, size), take[float64](&work, size)
	f.s, f.scalars = take[float64](&work, f.n), take[float64](&work, max(2, f.n))
	return f
}

// decompose finds the decomposition of the matrix a; false for NaN, Inf, and values that do not converge.
func (f *cofactors) decompose(c *Call) bool {
	if f.svd.Run(c, linalg.Operands[float64]{A: f.a, X: f.u, Y: f.s, Z: f.vt}, f.common, c.Workers) >= 0 {
		return false
	}
	f.sign = 1
	for _, q := range [2][]float64{f.u, f.vt} {
		f.det.Run(c, linalg.Operands[float64]{A: q, X: f.scalars[:1], Y: f.scalars[1:2]}, f.common, c.Workers)
		f.sign *= f.scalars[0]
	}
	return true
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
	f := cofactorsOf(c)
	n := f.n
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(f.a, src[i*n*n:])
		out := dst[i*n*n : (i+1)*n*n]
		if !f.decompose(c) {
			fillNaN(out)
			continue
		}
		products := f.scalars[:n]
		others(products, f.s, -1)
		for r := range n {
			for q, p := range products {
				f.u[r*n+q] *= float64(f.sign * p)
			}
		}
		f.product(c, f.x, f.u, f.vt, false, false, f.common)
		store(out, f.x)
	}
	return nil
}

// cofactorDerivative: with E = Uᵀ·D·V and Pᵢⱼ the product of all singular values but i and j, the derivative of the cofactors of diag(s) is
// Σ over j ≠ i of Pᵢⱼ·Eⱼⱼ at (i, i) and −Pᵢⱼ·Eⱼᵢ at (i, j).
func cofactorDerivative[T float](c *Call) error {
	f := cofactorsOf(c)
	n := f.n
	src, dir, dst := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0])
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(f.a, src[i*n*n:])
		out := dst[i*n*n : (i+1)*n*n]
		if !f.decompose(c) {
			fillNaN(out)
			continue
		}
		load(f.x, dir[i*n*n:])
		f.product(c, f.y, f.u, f.x, true, false, f.common)
		e := f.a
		f.product(c, e, f.y, f.vt, false, true, f.common)
		products := f.scalars[:n]
		for r := range n {
			others(products, f.s, r)
			sum := 0.0
			for q, p := range products {
				if q != r {
					f.x[r*n+q] = -f.sign * float64(p*e[q*n+r])
					sum += float64(p * e[q*n+q])
				}
			}
			f.x[r*n+r] = f.sign * sum
		}
		f.product(c, f.y, f.u, f.x, false, false, f.common)
		f.product(c, f.x, f.y, f.vt, false, false, f.common)
		store(out, f.x)
	}
	return nil
}
