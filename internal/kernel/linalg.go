package kernel

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/linalg"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/pool"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// The unblocked LAPACK routines are used: the blocked ones call a matrix product that starts goroutines.
var (
	lapack lapackgonum.Implementation
	blas3  blasgonum.Implementation
)

const linalgNote = " The last two dimensions are the matrices, the others batches. Computed in float64. Float dtypes."

func init() {
	Register(&Kernel{
		Name:      "cholesky",
		Work:      matrixWork(2),
		Doc:       "Lower triangular L with A = L·Lᵀ for symmetric A, whose lower triangle is read. A matrix that is not positive definite is an error." + linalgNote,
		Check:     func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		Workspace: planned(choleskyPlan).work, Each: planned(choleskyPlan).each, Prepare: planned(choleskyPlan).prepare, StateBytes: planStateBytes,
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, cholesky[float64], cholesky[float32])(c) },
	})
	Register(&Kernel{
		Name: "lu",
		Work: matrixWork(2),
		Doc: "LU decomposition with partial pivoting of m×n matrices: result 0 holds U and below its diagonal the unit lower triangular L, result 1 (int64, m entries) " +
			"the row permutation with A[perm] = L·U. A singular matrix gives a zero on the diagonal of U." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2); err != nil {
				return err
			}
			if err := checkMatrices(in[0]); err != nil {
				return err
			}
			s := in[0].Shape
			return firstOf(checkDType(in[0].DType, out[0]), checkDType(dtype.Int64, out[1]),
				wantShape("result", out[0].Shape, s), wantShape("the permutation", out[1].Shape, s[:len(s)-1]))
		},
		Workspace: func(in, out []Type, a attr.List) int {
			m, n := matrixSize(in[0])
			return scratchSize(m*n, 8) + scratchSize(min(m, n), 8)
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, lu[float64], lu[float32])(c) },
	})
	Register(&Kernel{
		Name: "triangular_solve",
		Work: solveWork,
		Doc: "X with op(A)·X = B for triangular A (operand 0; lower if lower, else upper; the other triangle is not read) and B (operand 1, n×m), " +
			"op(A) = Aᵀ if transpose; with unit the diagonal counts as 1. A zero on the diagonal is an error." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			return checkSolve(in, out, a, 2, option("lower", attr.Bool), option("transpose", attr.Bool), option("unit", attr.Bool))
		},
		Workspace: solveWorkspace,
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, triangularSolve[float64], triangularSolve[float32])(c)
		},
	})
	Register(&Kernel{
		Name: "solve",
		Work: solveWork,
		Doc:  "X with A·X = B for square A (operand 0) and B (operand 1, n×m), by LU decomposition with partial pivoting. A singular matrix is an error." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			return checkSolve(in, out, a, 2)
		},
		Workspace: solveWorkspace,
		Run:       func(c *Call) error { return pickFloat(c.Out[0].DType, solve[float64], solve[float32])(c) },
	})
	Register(&Kernel{
		Name:  "inv",
		Work:  matrixWork(4),
		Doc:   "Inverses, by LU decomposition with partial pivoting. A singular matrix is an error." + linalgNote,
		Check: func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		Workspace: func(in, out []Type, a attr.List) int {
			_, n := matrixSize(in[0])
			return 2*scratchSize(n*n, 8) + scratchSize(n, 8)
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, inverse[float64], inverse[float32])(c) },
	})
	Register(&Kernel{
		Name: "det",
		Work: matrixWork(2),
		Doc:  "Determinants, the product of the pivots of an LU decomposition; 0 for a singular matrix." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1); err != nil {
				return err
			}
			return firstOf(checkSquare(in[0]), checkScalars(in[0], out))
		},
		Workspace: detWorkspace,
		Run:       func(c *Call) error { return pickFloat(c.Out[0].DType, det[float64], det[float32])(c) },
	})
	Register(&Kernel{
		Name: "slogdet",
		Work: matrixWork(2),
		Doc:  "Sign (result 0: −1, 0 or 1) and logarithm of the absolute value (result 1; −Inf for a singular matrix) of determinants." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2); err != nil {
				return err
			}
			return firstOf(checkSquare(in[0]), checkScalars(in[0], out))
		},
		Workspace: detWorkspace,
		Run:       func(c *Call) error { return pickFloat(c.Out[0].DType, slogdet[float64], slogdet[float32])(c) },
	})
	Register(&Kernel{
		Name: "tridiagonal_solve",
		Doc: "X with T·X = B for tridiagonal T given by its diagonals: lower (operand 0, entry i left of the diagonal in row i, entry 0 not read), main (operand 1) and " +
			"upper (operand 2, entry i right of the diagonal in row i, the last not read), and B (operand 3, n×m). Partial pivoting; a singular matrix is an error. " +
			"The last dimension of the diagonals has n entries, the others are batches. Computed in float64. Float dtypes.",
		Check: checkTridiagonal,
		Workspace: func(in, out []Type, a attr.List) int {
			n, m := matrixSize(in[3])
			return 3*scratchSize(n, 8) + scratchSize(n*m, 8)
		},
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, tridiagonalSolve[float64], tridiagonalSolve[float32])(c)
		},
	})
}

// matrixSize returns the last two extents.
func matrixSize(t Type) (m, n int) { return t.Shape[len(t.Shape)-2], t.Shape[len(t.Shape)-1] }

// checkMatrices reports an operand that is not a batch of float matrices.
func checkMatrices(t Type) error {
	if len(t.Shape) < 2 {
		return fmt.Errorf("operand has rank %d, needs at least 2", len(t.Shape))
	}
	return checkAmong(floatSet, t)
}

// checkSquare reports an operand that is not a batch of square float matrices.
func checkSquare(t Type) error {
	if err := checkMatrices(t); err != nil {
		return err
	}
	if m, n := matrixSize(t); m != n {
		return fmt.Errorf("matrices are %d×%d, need to be square", m, n)
	}
	return nil
}

// checkSquareLike checks a kernel whose operands and results all have one type, batches of square matrices.
func checkSquareLike(in, out []Type, a attr.List, nIn, nOut int) error {
	if err := firstOf(checkCall(in, out, a, nIn, nOut)); err != nil {
		return err
	}
	if err := checkSquare(in[0]); err != nil {
		return err
	}
	return firstOf(checkDType(in[0].DType, out...), wantShape("result", out[0].Shape, in[0].Shape))
}

// checkScalars reports results that do not hold one number for each matrix.
func checkScalars(in Type, out []Type) error {
	if len(in.Shape) < 2 {
		return nil
	}
	for _, o := range out {
		if err := firstOf(checkDType(in.DType, o), wantShape("result", o.Shape, in.Shape[:len(in.Shape)-2])); err != nil {
			return err
		}
	}
	return nil
}

func checkSolve(in, out []Type, a attr.List, nIn int, rules ...attrRule) error {
	if err := checkCall(in, out, a, nIn, 1, rules...); err != nil {
		return err
	}
	if err := firstOf(checkSquare(in[0]), checkMatrices(in[1])); err != nil {
		return err
	}
	s, b := in[0].Shape, in[1].Shape
	if len(s) != len(b) || !slices.Equal(s[:len(s)-1], b[:len(b)-1]) {
		return fmt.Errorf("right-hand sides %v do not suit matrices %v", b, s)
	}
	return firstOf(checkDType(in[0].DType, in[1], out[0]), wantShape("result", out[0].Shape, b))
}

func solveWorkspace(in, out []Type, a attr.List) int {
	n, m := matrixSize(in[1])
	return scratchSize(n*n, 8) + scratchSize(n*m, 8) + scratchSize(n, 8)
}

// matrixWork is the Work of kernels that do so many operations for each element and row of their matrices: with iterations, more than they ever take.
func matrixWork(operations float64) func(in, out []Type, a attr.List) float64 {
	return func(in, out []Type, a attr.List) float64 {
		m, n := matrixSize(in[0])
		return operations * float64(in[0].Size()) * float64(max(m, n))
	}
}

func solveWork(in, out []Type, a attr.List) float64 {
	n, m := matrixSize(in[1])
	return 2 * float64(in[0].Size()) * float64(n+m)
}

func detWorkspace(in, out []Type, a attr.List) int {
	_, n := matrixSize(in[0])
	return scratchSize(n*n, 8) + scratchSize(n, 8)
}

// load converts the elements of src to float64.
func load[T float](dst []float64, src []T) {
	for i, v := range src[:len(dst)] {
		dst[i] = float64(v)
	}
}

// store converts the elements of src from float64.
func store[T float](dst []T, src []float64) {
	for i, v := range src[:len(dst)] {
		dst[i] = T(v)
	}
}

// matrixName names matrix number i of a batch in errors.
func matrixName(i int, shape []int) string {
	batch := shape[:len(shape)-2]
	if len(batch) == 0 {
		return "the matrix"
	}
	at := make([]int, len(batch))
	for d := len(batch) - 1; d >= 0; d-- {
		at[d] = i % batch[d]
		i /= batch[d]
	}
	return fmt.Sprintf("matrix %v of the batch", at)
}

// planner makes the plan of a kernel, a *linalg.Plan of the operands' dtype.
type planner func(in, out []Type, a attr.List) linalgPlan

// linalgPlan is a *linalg.Plan.
type linalgPlan interface {
	Work() int
	Each() int
}

// planned has the functions of a kernel whose state is a plan.
type planned planner

func (p planned) work(in, out []Type, a attr.List) int    { return p(in, out, a).Work() }
func (p planned) each(in, out []Type, a attr.List) int    { return p(in, out, a).Each() }
func (p planned) prepare(in, out []Type, a attr.List) any { return p(in, out, a) }

// planStateBytes bounds the memory of a plan, with those of goroutines.
func planStateBytes(in, out []Type, a attr.List) int64 { return 2 << 10 * int64(1+pool.Workers()) }

// runPlan runs a call's plan and returns the number of the first matrix for which it fails, −1 if there is none.
func runPlan[T float](c *Call, o linalg.Operands[T]) int {
	return c.State.(*linalg.Plan[T]).Run(c, o, c.Work, c.Workers)
}

// batchOf is the number of matrices of a batch.
func batchOf(t Type) int { return shape.Size(t.Shape[:len(t.Shape)-2]) }

func choleskyPlan(in, out []Type, a attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	if in[0].DType == dtype.Float64 {
		return linalg.NewCholesky[float64](batchOf(in[0]), n, cpu.Best())
	}
	return linalg.NewCholesky[float32](batchOf(in[0]), n, cpu.Best())
}

func cholesky[T float](c *Call) error {
	if i := runPlan(c, linalg.Operands[T]{A: data[T](&c.In[0]), X: data[T](&c.Out[0])}); i >= 0 {
		return fmt.Errorf("%s is not positive definite", matrixName(i, c.In[0].Shape))
	}
	return nil
}

func lu[T float](c *Call) error {
	m, n := matrixSize(c.In[0].Type)
	src, dst, perm, work := data[T](&c.In[0]), data[T](&c.Out[0]), c.Out[1].I64, c.Work
	a, piv := take[float64](&work, m*n), take[int](&work, min(m, n))
	for i := 0; i*m*n < len(src); i++ {
		c.Poll(m * n * min(m, n))
		load(a, src[i*m*n:])
		lapack.Dgetf2(m, n, a, n, piv)
		store(dst[i*m*n:(i+1)*m*n], a)
		p := perm[i*m : (i+1)*m]
		for r := range p {
			p[r] = int64(r)
		}
		for r, q := range piv {
			p[r], p[q] = p[q], p[r]
		}
	}
	return nil
}

func triangularSolve[T float](c *Call) error {
	n, m := matrixSize(c.In[1].Type)
	at, bt, dst, work := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0]), c.Work
	a, b := take[float64](&work, n*n), take[float64](&work, n*m)
	uplo, trans, diag := blas.Upper, blas.NoTrans, blas.NonUnit
	if c.Attrs.Bool("lower") {
		uplo = blas.Lower
	}
	if c.Attrs.Bool("transpose") {
		trans = blas.Trans
	}
	if c.Attrs.Bool("unit") {
		diag = blas.Unit
	}
	for i := 0; i*n*n < len(at); i++ {
		c.Poll(n * n * n)
		load(a, at[i*n*n:])
		load(b, bt[i*n*m:])
		for r := 0; r < n && diag == blas.NonUnit; r++ {
			if a[r*n+r] == 0 {
				return fmt.Errorf("%s is singular: element %d of its diagonal is 0", matrixName(i, c.In[0].Shape), r)
			}
		}
		blas3.Dtrsm(blas.Left, uplo, trans, diag, n, m, 1, a, n, b, m)
		store(dst[i*n*m:(i+1)*n*m], b)
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

func solve[T float](c *Call) error {
	n, m := matrixSize(c.In[1].Type)
	at, bt, dst, work := data[T](&c.In[0]), data[T](&c.In[1]), data[T](&c.Out[0]), c.Work
	a, b, piv := take[float64](&work, n*n), take[float64](&work, n*m), take[int](&work, n)
	for i := 0; i*n*n < len(at); i++ {
		c.Poll(n * n * n)
		load(a, at[i*n*n:])
		load(b, bt[i*n*m:])
		if !factorSolve(n, m, a, b, piv) {
			return fmt.Errorf("%s is singular", matrixName(i, c.In[0].Shape))
		}
		store(dst[i*n*m:(i+1)*n*m], b)
	}
	return nil
}

func inverse[T float](c *Call) error {
	_, n := matrixSize(c.In[0].Type)
	src, dst, work := data[T](&c.In[0]), data[T](&c.Out[0]), c.Work
	a, b, piv := take[float64](&work, n*n), take[float64](&work, n*n), take[int](&work, n)
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(a, src[i*n*n:])
		clear(b)
		for r := range n {
			b[r*n+r] = 1
		}
		if !factorSolve(n, n, a, b, piv) {
			return fmt.Errorf("%s is singular", matrixName(i, c.In[0].Shape))
		}
		store(dst[i*n*n:(i+1)*n*n], b)
	}
	return nil
}

func det[T float](c *Call) error {
	_, n := matrixSize(c.In[0].Type)
	src, dst, work := data[T](&c.In[0]), data[T](&c.Out[0]), c.Work
	a, piv := take[float64](&work, n*n), take[int](&work, n)
	for i := range dst {
		c.Poll(n * n * n)
		load(a, src[i*n*n:])
		lapack.Dgetf2(n, n, a, n, piv)
		d := 1.0
		for r, q := range piv {
			d *= a[r*n+r]
			if q != r {
				d = -d
			}
		}
		if d == 0 {
			d = 0 // not −0
		}
		dst[i] = T(d)
	}
	return nil
}

func slogdet[T float](c *Call) error {
	_, n := matrixSize(c.In[0].Type)
	src, signs, logs, work := data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), c.Work
	a, piv := take[float64](&work, n*n), take[int](&work, n)
	log := elem.Unary64(micro.Log)
	for i := range signs {
		c.Poll(n * n * n)
		load(a, src[i*n*n:])
		lapack.Dgetf2(n, n, a, n, piv)
		sign, sum := 1.0, 0.0
		for r, q := range piv {
			d := a[r*n+r]
			sum += log(math.Abs(d))
			if (q != r) != (d < 0) {
				sign = -sign
			}
			if d == 0 || d != d {
				sign = d
			}
		}
		signs[i], logs[i] = T(sign), T(sum)
	}
	return nil
}

func checkTridiagonal(in, out []Type, a attr.List) error {
	if err := checkCall(in, out, a, 4, 1); err != nil {
		return err
	}
	if err := checkMatrices(in[3]); err != nil {
		return err
	}
	b := in[3].Shape
	for _, d := range in[:3] {
		if err := wantShape("a diagonal", d.Shape, b[:len(b)-1]); err != nil {
			return err
		}
	}
	return firstOf(checkDType(in[3].DType, in[0], in[1], in[2], out[0]), wantShape("result", out[0].Shape, b))
}

func tridiagonalSolve[T float](c *Call) error {
	n, m := matrixSize(c.In[3].Type)
	dst, work := data[T](&c.Out[0]), c.Work
	lower, main, upper := take[float64](&work, n), take[float64](&work, n), take[float64](&work, n)
	b := take[float64](&work, n*m)
	for i := 0; i*n*m < len(dst); i++ {
		c.Poll(n * m)
		load(lower, data[T](&c.In[0])[i*n:])
		load(main, data[T](&c.In[1])[i*n:])
		load(upper, data[T](&c.In[2])[i*n:])
		load(b, data[T](&c.In[3])[i*n*m:])
		if !lapack.Dgtsv(n, m, lower[1:], main, upper[:n-1], b, m) {
			return fmt.Errorf("%s is singular", matrixName(i, c.In[3].Shape))
		}
		store(dst[i*n*m:(i+1)*n*m], b)
	}
	return nil
}
