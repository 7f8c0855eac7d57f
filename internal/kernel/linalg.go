package kernel

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/linalg"
	"github.com/adjoint-go/adjoint/internal/pool"
	"github.com/adjoint-go/adjoint/internal/shape"
)

const (
	matricesNote = " The last two dimensions are the matrices, the others batches."
	// chainsNote is of kernels that compute in the dtype of their operands.
	chainsNote = matricesNote + " Every element is a chain of fused multiply-adds that begins at the element of the matrix, in the order of the rows and columns before it, then its quotient or root. Float dtypes."
	linalgNote = matricesNote + " Computed in float64. Float dtypes."
)

func init() {
	registerPlanned(choleskyPlan, &Kernel{
		Name:  "cholesky",
		Work:  matrixWork(2),
		Doc:   "Lower triangular L with A = L·Lᵀ for symmetric A, whose lower triangle is read. A matrix that is not positive definite is an error." + chainsNote,
		Check: func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		Run:   func(c *Call) error { return pickFloat(c.Out[0].DType, cholesky[float64], cholesky[float32])(c) },
	})
	registerPlanned(luPlan, &Kernel{
		Name: "lu",
		Work: matrixWork(2),
		Doc: "LU decomposition with partial pivoting of m×n matrices: result 0 holds U and below its diagonal the unit lower triangular L, result 1 (int64, m entries) " +
			"the row permutation with A[perm] = L·U. A singular matrix gives a zero on the diagonal of U." + chainsNote,
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
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, lu[float64], lu[float32])(c) },
	})
	registerPlanned(triangularPlan, &Kernel{
		Name: "triangular_solve",
		Work: solveWork,
		Doc: "X with op(A)·X = B for triangular A (operand 0; lower if lower, else upper; the other triangle is not read) and B (operand 1, n×m), " +
			"op(A) = Aᵀ if transpose; with unit the diagonal counts as 1. A zero on the diagonal is an error." + chainsNote,
		Check: func(in, out []Type, a attr.List) error {
			return checkSolve(in, out, a, 2, option("lower", attr.Bool), option("transpose", attr.Bool), option("unit", attr.Bool))
		},
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, triangularSolve[float64], triangularSolve[float32])(c)
		},
	})
	registerPlanned(solvePlan, &Kernel{
		Name: "solve",
		Work: solveWork,
		Doc:  "X with A·X = B for square A (operand 0) and B (operand 1, n×m), by LU decomposition with partial pivoting. A singular matrix is an error." + chainsNote,
		Check: func(in, out []Type, a attr.List) error {
			return checkSolve(in, out, a, 2)
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, solve[float64], solve[float32])(c) },
	})
	registerPlanned(inversePlan, &Kernel{
		Name:  "inv",
		Work:  matrixWork(4),
		Doc:   "Inverses, by LU decomposition with partial pivoting. A singular matrix is an error." + linalgNote,
		Check: func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		Run:   func(c *Call) error { return pickFloat(c.Out[0].DType, inverse[float64], inverse[float32])(c) },
	})
	registerPlanned(detPlan, &Kernel{
		Name: "det",
		Work: matrixWork(2),
		Doc:  "Determinants, the product of the pivots of an LU decomposition; 0 for a singular matrix." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 1); err != nil {
				return err
			}
			return firstOf(checkSquare(in[0]), checkScalars(in[0], out))
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, det[float64], det[float32])(c) },
	})
	registerPlanned(slogdetPlan, &Kernel{
		Name: "slogdet",
		Work: matrixWork(2),
		Doc:  "Sign (result 0: −1, 0 or 1) and logarithm of the absolute value (result 1; −Inf for a singular matrix) of determinants." + linalgNote,
		Check: func(in, out []Type, a attr.List) error {
			if err := checkCall(in, out, a, 1, 2); err != nil {
				return err
			}
			return firstOf(checkSquare(in[0]), checkScalars(in[0], out))
		},
		Run: func(c *Call) error { return pickFloat(c.Out[0].DType, slogdet[float64], slogdet[float32])(c) },
	})
	Register(&Kernel{
		Name:  "tridiagonal_solve",
		Plain: true,
		Doc: "X with T·X = B for tridiagonal T given by its diagonals: lower (operand 0, entry i left of the diagonal in row i, entry 0 not read), main (operand 1) and " +
			"upper (operand 2, entry i right of the diagonal in row i, the last not read), and B (operand 3, n×m). Elimination from both ends at once where partial pivoting exchanges no rows, else LAPACK's; a singular matrix is an error. " +
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

// registerPlanned registers a kernel whose state is a plan, a *linalg.Plan if it does not say how large it is.
func registerPlanned(plan planner, k *Kernel) {
	k.Workspace = func(in, out []Type, a attr.List) int { return plan(in, out, a).Work() }
	k.Each = func(in, out []Type, a attr.List) int { return plan(in, out, a).Each() }
	k.Prepare = func(in, out []Type, a attr.List) any { return plan(in, out, a) }
	if k.StateBytes == nil {
		k.StateBytes = planStateBytes
	}
	Register(k)
}

// planStateBytes bounds the memory of a plan, with those of goroutines.
func planStateBytes(in, out []Type, a attr.List) int64 { return 2 << 10 * int64(1+pool.Workers()) }

// runPlan runs a call's plan and returns the number of the first matrix for which it fails, −1 if there is none.
func runPlan[T float](c *Call, o linalg.Operands[T]) int {
	return c.State.(*linalg.Plan[T]).Run(c, o, c.Work, c.Workers)
}

// batchOf is the number of matrices of a batch.
func batchOf(t Type) int { return shape.Size(t.Shape[:len(t.Shape)-2]) }

// planOf makes a plan of the dtype for a batch of m×n matrices.
func planOf(t Type, double func(count, m, n int) linalgPlan, single func(count, m, n int) linalgPlan) linalgPlan {
	m, n := matrixSize(t)
	if t.DType == dtype.Float64 {
		return double(batchOf(t), m, n)
	}
	return single(batchOf(t), m, n)
}

func choleskyPlan(in, _ []Type, _ attr.List) linalgPlan {
	return planOf(in[0], newCholesky[float64], newCholesky[float32])
}

func newCholesky[T float](count, _, n int) linalgPlan {
	return linalg.NewCholesky[T](count, n, cpu.Best())
}

func cholesky[T float](c *Call) error {
	if i := runPlan(c, linalg.Operands[T]{A: data[T](&c.In[0]), X: data[T](&c.Out[0])}); i >= 0 {
		return fmt.Errorf("%s is not positive definite", matrixName(i, c.In[0].Shape))
	}
	return nil
}

func luPlan(in, _ []Type, _ attr.List) linalgPlan {
	return planOf(in[0], newLU[float64], newLU[float32])
}

func newLU[T float](count, m, n int) linalgPlan { return linalg.NewLU[T](count, m, n, cpu.Best()) }

func lu[T float](c *Call) error {
	runPlan(c, linalg.Operands[T]{A: data[T](&c.In[0]), X: data[T](&c.Out[0]), Perm: c.Out[1].I64})
	return nil
}

func triangularPlan(in, _ []Type, a attr.List) linalgPlan {
	n, m := matrixSize(in[1])
	lower, transpose, unit := a.Bool("lower"), a.Bool("transpose"), a.Bool("unit")
	if in[0].DType == dtype.Float64 {
		return linalg.NewTriangular[float64](batchOf(in[0]), n, m, lower, transpose, unit, cpu.Best())
	}
	return linalg.NewTriangular[float32](batchOf(in[0]), n, m, lower, transpose, unit, cpu.Best())
}

func triangularSolve[T float](c *Call) error {
	n, _ := matrixSize(c.In[1].Type)
	a := data[T](&c.In[0])
	for i := 0; !c.Attrs.Bool("unit") && i*n < len(a); i++ {
		if row := i % n; a[i*n+row] == 0 {
			return fmt.Errorf("%s is singular: element %d of its diagonal is 0", matrixName(i/n, c.In[0].Shape), row)
		}
	}
	runPlan(c, linalg.Operands[T]{A: a, B: data[T](&c.In[1]), X: data[T](&c.Out[0])})
	return nil
}

func solvePlan(in, _ []Type, _ attr.List) linalgPlan {
	n, m := matrixSize(in[1])
	if in[0].DType == dtype.Float64 {
		return linalg.NewSolve[float64](batchOf(in[0]), n, m, cpu.Best())
	}
	return linalg.NewSolve[float32](batchOf(in[0]), n, m, cpu.Best())
}

func solve[T float](c *Call) error {
	if i := runPlan(c, linalg.Operands[T]{A: data[T](&c.In[0]), B: data[T](&c.In[1]), X: data[T](&c.Out[0])}); i >= 0 {
		return singular(c, i)
	}
	return nil
}

// wide is a plan for float64 whose operands, of so many elements, may be float32 numbers: they are converted.
type wide struct {
	*linalg.Plan[float64]
	a, x, y, z int
	converted  bool
}

// widePlan makes a plan with results of x, y and z elements for each matrix.
func widePlan(t Type, p *linalg.Plan[float64], x, y, z int) linalgPlan {
	return &wide{p, t.Size(), batchOf(t) * x, batchOf(t) * y, batchOf(t) * z, t.DType == dtype.Float32}
}

// Work implements linalgPlan.
func (p *wide) Work() int {
	n := p.Plan.Work()
	if p.converted {
		n += scratchSize(p.a, 8) + scratchSize(p.x, 8) + scratchSize(p.y, 8) + scratchSize(p.z, 8)
	}
	return n
}

// runWide runs a call's plan for matrices a with results x, y and z.
func runWide[T float](c *Call, a, x, y, z []T) int {
	p, work := c.State.(*wide), c.Work
	if !p.converted {
		return p.Run(c, linalg.Operands[float64]{A: any(a).([]float64), X: any(x).([]float64), Y: any(y).([]float64), Z: any(z).([]float64)}, work, c.Workers)
	}
	o := linalg.Operands[float64]{A: take[float64](&work, p.a), X: take[float64](&work, p.x), Y: take[float64](&work, p.y), Z: take[float64](&work, p.z)}
	load(o.A, a)
	failed := p.Run(c, o, work, c.Workers)
	store(x, o.X)
	store(y, o.Y)
	store(z, o.Z)
	return failed
}

func inversePlan(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewInverse[float64](batchOf(in[0]), n, cpu.Best()), n*n, 0, 0)
}

func inverse[T float](c *Call) error {
	if i := runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), nil, nil); i >= 0 {
		return singular(c, i)
	}
	return nil
}

// singular is the error for a matrix of a batch.
func singular(c *Call, i int) error {
	return fmt.Errorf("%s is singular", matrixName(i, c.In[0].Shape))
}

func detPlan(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewDeterminant[float64](batchOf(in[0]), n, cpu.Best()), 1, 0, 0)
}

func det[T float](c *Call) error {
	runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), nil, nil)
	return nil
}

func slogdetPlan(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return widePlan(in[0], linalg.NewLogDeterminant[float64](batchOf(in[0]), n, cpu.Best()), 1, 1, 0)
}

func slogdet[T float](c *Call) error {
	runWide(c, data[T](&c.In[0]), data[T](&c.Out[0]), data[T](&c.Out[1]), nil)
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
