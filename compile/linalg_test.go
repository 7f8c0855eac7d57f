package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// rotation is an orthogonal 3×3 matrix, general a matrix without structure.
var (
	rotation = []float64{2. / 3, -1. / 3, 2. / 3, 2. / 3, 2. / 3, -1. / 3, -1. / 3, 2. / 3, 2. / 3}
	general  = []float64{1, 2, -1, 0.5, 3, 0.25, -2, 1, 0}
)

// rotated is Q·diag(d)·Qᵀ for the rotation Q.
func rotated(d ...float64) []float64 {
	out := make([]float64, 9)
	for i := range 3 {
		for j := range 3 {
			for k, v := range d {
				out[3*i+j] += rotation[3*i+k] * v * rotation[3*j+k]
			}
		}
	}
	return out
}

// inner is ⟨C, x⟩ for the matrix without structure.
func inner(x *graph.Node) *graph.Node {
	return graph.Sum(graph.Mul(graph.Constant(x.Graph(), general, 3, 3), x))
}

// same runs two outputs at a point and compares them.
func same(t *testing.T, what string, at testkit.Point, got, want *graph.Node) {
	t.Helper()
	out, err := testkit.CompileAndRun(compile.Config{}, at, got, want)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if err := testkit.Close(out[0], out[1], 1e-12); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// refused runs an output that must end in the error of derivatives at equal values.
func refused(t *testing.T, what string, at testkit.Point, output *graph.Node) {
	t.Helper()
	_, err := testkit.CompileAndRun(compile.Config{}, at, output)
	if err == nil || !strings.Contains(err.Error(), "the derivative does not exist") || !strings.Contains(err.Error(), "_test.go:") {
		t.Errorf("%s: error %v", what, err)
	}
}

func TestEqualEigenvalues(t *testing.T) {
	g := graph.New()
	a := g.Input("a", graph.Float64, 3, 3)
	w, v := graph.Eigh(a)
	square := graph.MatMul(graph.Mul(v, graph.ExpandDims(graph.Square(w), 0)), graph.Transpose(v))
	symmetric := graph.Mul(graph.Add(a, graph.Transpose(a)), g.Const(0.5))
	squareVJP, direct := grad(t, inner(square), a)[0], grad(t, inner(graph.MatMul(symmetric, symmetric)), a)[0]
	same(t, "eigenvalues apart", point(a, rotated(1, 2, 3)), squareVJP, direct)
	refused(t, "a function of the matrix", point(a, rotated(1, 2, 1)), squareVJP)
	refused(t, "an eigenvector", point(a, rotated(2, 2, 3)), grad(t, inner(v), a)[0])

	// ln det A needs no vectors.
	for _, d := range [][]float64{{1, 2, 3}, {2, 2, 1}, {3, 3, 3}} {
		_, logarithm := graph.SLogDet(symmetric)
		same(t, fmt.Sprint("eigenvalues ", d), point(a, rotated(d...)), grad(t, graph.Sum(graph.Log(w)), a)[0], grad(t, logarithm, a)[0])
	}

	// The projections on an eigenspace and on the rest add up to 1.
	projection := func(from, to int) *graph.Node {
		part := graph.Slice(v, graph.Range{Limit: graph.All}, graph.Range{Start: from, Limit: to})
		return graph.MatMul(part, graph.Transpose(part))
	}
	double, single := grad(t, inner(projection(0, 2)), a)[0], grad(t, inner(projection(2, 3)), a)[0]
	same(t, "projection on a double eigenvalue", point(a, rotated(1, 1, 3)), double, graph.Neg(single))
	same(t, "identity", point(a, rotated(2, 2, 2)), grad(t, inner(projection(0, 3)), a)[0], graph.Mul(a, g.Const(0)))
}

func TestEqualSingularValues(t *testing.T) {
	g := graph.New()
	a := g.Input("a", graph.Float64, 3, 3)
	u, s, vt := graph.SVD(a)
	polar := grad(t, inner(graph.MatMul(u, vt)), a)[0]
	// At A = s·P with orthogonal P the derivative of the polar factor is dP = (dA − P·dAᵀ·P)/(2s).
	c := graph.Constant(g, general, 3, 3)
	p := graph.Mul(a, g.Const(0.5))
	closed := graph.Mul(graph.Sub(c, graph.MatMul(p, graph.MatMul(graph.Transpose(c), p))), g.Const(0.25))
	twice := make([]float64, 9)
	for i, x := range rotation {
		twice[i] = 2 * x
	}
	same(t, "polar factor", point(a, twice), polar, closed)
	same(t, "sum of squares", point(a, twice), grad(t, graph.Sum(graph.Square(s)), a)[0], graph.Mul(a, g.Const(2)))
	refused(t, "a singular vector", point(a, twice), grad(t, inner(u), a)[0])
	refused(t, "the matrix itself", point(a, twice), grad(t, inner(graph.MatMul(graph.Mul(u, graph.ExpandDims(s, 0)), vt)), a)[0])
}

// Sparse matrices built from entries in any order are what the dense operators make of them.
func TestSparseMatrices(t *testing.T) {
	g := graph.New()
	values, b := g.Input("v", graph.Float64, 7), g.Input("b", graph.Float64, 3, 2)
	m := graph.CSRFromCOO(3, 3, []int{2, 0, 1, 0, 1, 2, 0}, []int{2, 0, 1, 2, 1, 0, 0}, values)
	at := point(values, []float64{4, 1, 2, -1, 0.5, 3, 0.75}, b, []float64{1, 2, 3, 4, 5, 6})
	expect(t, at, 0, [][]float64{{1.75, 0, -1, 0, 2.5, 0, 3, 0, 4}, {1.75, 0, 3, 0, 2.5, 0, -1, 0, 4}}, m.Dense(), m.Transposed().Dense())
	if len(m.Column) != 5 {
		t.Errorf("%d entries", len(m.Column))
	}
	dense := m.Dense()
	pairs := map[string][2]*graph.Node{
		"product": {m.MatMul(b), graph.MatMul(dense, b)}, "transposed product": {m.TransposedMatMul(b), graph.MatMul(graph.Transpose(dense), b)},
		"solution": {m.Solve(b), graph.Solve(dense, b)}, "transposed solution": {m.TransposedSolve(b), graph.Solve(graph.Transpose(dense), b)},
		"transposed": {m.Transposed().MatMul(b), m.TransposedMatMul(b)},
		"sampled":    {m.SampledMatMul(b, b).Dense(), graph.Where(graph.NotEqual(dense, g.Const(0)), graph.MatMul(b, graph.Transpose(b)), g.Const(0))},
	}
	for name, pair := range pairs {
		same(t, name, at, pair[0], pair[1])
		cost := func(x *graph.Node) *graph.Node { return graph.Sum(graph.Square(graph.Sin(x))) }
		got, want := grad(t, cost(pair[0]), values, b), grad(t, cost(pair[1]), values, b)
		same(t, name+", gradient by the entries", at, got[0], want[0])
		same(t, name+", gradient by the other operand", at, got[1], want[1])
	}
}

// Batches that fold into a dimension of the operator are the same as one application after another.
func TestBatchOfFamilies(t *testing.T) {
	g := graph.New()
	x, xs := g.Input("x", graph.Float64, 2, 2, 6), g.Input("xs", graph.Float64, 3, 2, 2, 6)
	w := graph.Constant(g, []float64{1, -2, 0.5, 3, 0.25, -1, 2, 1, -0.5, 1.5, -3, 0.75}, 3, 2, 2)
	m := graph.NewCSR(2, 2, []int64{0, 2, 3}, []int64{0, 1, 1}, graph.Constant(g, []float64{2, 1, -4}, 3))
	first, matrix := graph.Index(x, 0), graph.Index(x, 1, 0)
	square := graph.Reshape(graph.Slice(matrix, graph.Range{Limit: 4}), 2, 2)
	largest, place := graph.MaxPool(x, []int{2}, graph.Window{})
	q, r := graph.QR(square)
	u, s, vt := graph.SVD(first)
	outputs := []*graph.Node{
		graph.Conv(x, w, graph.Window{Padding: []int{1, 0}}), graph.ConvTranspose(x, graph.Transpose(w, 1, 0, 2), graph.Window{Strides: []int{2}}), largest, place,
		graph.AvgPool(x, []int{3}, graph.Window{}, false), graph.Resize(x, "linear", []int{9}), graph.FFT(graph.Reshape(x, 12, 2)), graph.RFFT(x, 2), m.MatMul(first), m.Solve(graph.Index(x, 1)),
		m.MatMul(graph.Slice(matrix, graph.Range{Limit: 2})), graph.Expm(square), graph.Solve(square, graph.Slice(matrix, graph.Range{Start: 1, Limit: 3})), q, r,
		graph.MatMul(graph.Mul(u, s), vt), graph.Einsum("ijk,ljk->il", x, x), graph.Kron(square, square), graph.Trace(square), graph.MatrixNorm(first, "nuc"), graph.Conv(x, graph.Slice(x, graph.Range{Limit: graph.All}, graph.Range{Limit: graph.All}, graph.Range{Limit: 2}), graph.Window{}),
		m.SampledMatMul(graph.Index(x, 0), graph.Index(x, 1)).Values,
	}
	batched := must[[]*graph.Node](t)(compile.Batch(outputs, []*graph.Node{x}, []*graph.Node{xs}))
	values := testkit.Spread(xs.Type(), -2, 2, 5)
	many := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, testkit.Point{xs: values}, batched...))
	for i := range 3 {
		single := testkit.Point{x: ref.Value{Type: x.Type(), F: values.F[24*i : 24*i+24]}}
		one := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{}, single, outputs...))
		for k, want := range one {
			got := ref.Value{Type: want.Type}
			if n := want.Len(); want.F != nil {
				got.F = many[k].F[n*i : n*i+n]
			} else {
				got.I = many[k].I[n*i : n*i+n]
			}
			if err := testkit.Close(got, want, 1e-13); err != nil {
				t.Errorf("%d, %s: %v", i, outputs[k].Op().Name, err)
			}
		}
	}
}

// What only a run can find out names the operator and the user's line.
func TestRunErrorsOfFamilies(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 2, 2), g.Input("b", graph.Float64, 2)
	start, column := g.Input("start", graph.Int64, 3), g.Input("column", graph.Int64, 3)
	ones := graph.Constant(g, []float64{1, 1, 1}, 3)
	sparse := g.Apply(graph.LookupOp("csr_matmul"), []*graph.Node{start, column, ones, b}, graph.NewCSR(2, 2, []int64{0, 2, 3}, []int64{0, 1, 1}, ones).MatMul(b).Attrs())
	_, logarithm := graph.SLogDet(a)
	for _, c := range []struct {
		op, text string
		output   *graph.Node
		a        []float64
	}{
		{"solve", "singular", graph.Solve(a, b), []float64{1, 2, 2, 4}},
		{"inv", "singular", graph.Inv(a), []float64{1, 2, 2, 4}},
		{"inv", "singular", grad(t, inner2(grad(t, inner2(grad(t, graph.Det(a), a)[0]), a)[0]), a)[0], []float64{1, 2, 2, 4}},
		{"inv", "singular", grad(t, logarithm, a)[0], []float64{1, 2, 2, 4}},
		{"cholesky", "not positive definite", graph.Cholesky(a), []float64{1, 2, 2, 1}},
		{"triangular_solve", "singular", graph.TriangularSolve(a, b), []float64{1, 0, 3, 0}},
		{"triangular_solve", "singular", graph.LstSq(a, b), []float64{0, 1, 0, 1}},
		{"tridiagonal_solve", "singular", graph.TridiagonalSolve(b, graph.Index(a, 0), b, b), []float64{0, 0, 0, 0}},
		{"expm", "1-norm", graph.Expm(a), []float64{1e6, 0, 0, 0}},
		{"csr_solve", "singular", graph.NewCSR(2, 2, []int64{0, 2, 4}, []int64{0, 1, 0, 1}, graph.Reshape(a, 4)).Solve(b), []float64{1, 2, 2, 4}},
		{"csr_matmul", "out of range", sparse, []float64{0, 0, 0, 0}},
	} {
		at := point(a, c.a, b, []float64{0, 0}, start, []float64{0, 2, 3}, column, []float64{0, 5, 1})
		for n := range at {
			if !reaches(c.output, n) {
				delete(at, n)
			}
		}
		_, err := testkit.CompileAndRun(compile.Config{}, at, c.output)
		if err == nil || !strings.Contains(err.Error(), c.op) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "_test.go:") {
			t.Errorf("%s: error %v, want %q", c.op, err, c.text)
		}
	}
}

func inner2(x *graph.Node) *graph.Node {
	return graph.Sum(graph.Mul(graph.Constant(x.Graph(), []float64{1, -2, 3, 0.5}, 2, 2), x))
}

// reaches reports whether n depends on the input.
func reaches(n, input *graph.Node) bool {
	if n == input {
		return true
	}
	for _, in := range n.Inputs() {
		if reaches(in, input) {
			return true
		}
	}
	return false
}

// A value has the same bits with its gradient as without, and the adjoint of a right-hand side whether the value is computed or not, though they share a decomposition; both agree with what they are without it.
func TestSharedDecomposition(t *testing.T) {
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		for _, n := range []int{32, 77} {
			g := graph.New()
			a, b := g.Input("a", d, n, n), g.Input("b", d, n, 2)
			x := graph.Solve(a, b)
			weights := graph.Sin(graph.Iota(g, d, 0, n, 1))
			both := must[[]*graph.Node](t)(compile.Gradient(graph.Sum(graph.Mul(x, weights)), a, b))
			at := testkit.Point{a: testkit.Spread(a.Type(), 0.5, 1, 1), b: testkit.Spread(b.Type(), 0.5, 1, 2)}
			for i := range n {
				at[a].F[i*n+i] += 5
			}
			run := func(c compile.Config, outputs ...*graph.Node) []ref.Value {
				return must[[]ref.Value](t)(testkit.CompileAndRun(c, at, outputs...))
			}
			all := run(compile.Config{}, x, both[0], both[1])
			for k, alone := range []ref.Value{run(compile.Config{}, x)[0], run(compile.Config{}, both[1])[0]} {
				if err := testkit.SameBits(alone, all[2*k]); err != nil {
					t.Errorf("%v, %d rows, output %d: %v", d, n, 2*k, err)
				}
			}
			tol := 1e-12
			if d == graph.Float32 {
				tol = 1e-4
			}
			for k, want := range run(compile.Config{Disable: []string{"share-lu"}}, x, both[0], both[1]) {
				if err := testkit.Close(all[k], want, tol); err != nil {
					t.Errorf("%v, %d rows, output %d: %v", d, n, k, err)
				}
			}
			program := fmt.Sprint(must[*vm.Program](t)(compile.Compile(x, both[0], both[1])))
			if strings.Count(program, " lu ") != 1 || strings.Contains(program, " solve ") {
				t.Errorf("%v, %d rows: not one decomposition:\n%s", d, n, program)
			}
		}
	}
}
