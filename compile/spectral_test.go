package compile_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// spectral is V·h(w)·Vᵀ.
func spectral(a *graph.Node, h func(*graph.Node) *graph.Node) *graph.Node {
	w, v := graph.Eigh(a)
	return graph.MatMul(graph.Mul(v, graph.ExpandDims(h(w), 0)), graph.Transpose(v))
}

// Where values and vectors meet, the adjoints at equal values do not tell the derivative: never a silent wrong number. The sum of √A has the
// derivative ½ in all entries at A = I, which the formulas of eigenvectors would give on the diagonal alone.
func TestFunctionsOfMatricesAtEqualValues(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 3, 3), g.Input("b", graph.Float64, 3, 2)
	identity := []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	root := spectral(a, graph.Sqrt)
	d := grad(t, graph.Sum(root), a)[0]
	u, s, vt := graph.SVD(a)
	polar := grad(t, graph.Sum(graph.MatMul(graph.Mul(u, graph.ExpandDims(graph.Sqrt(s), 0)), vt)), a)[0]
	for _, at := range [][]float64{identity, rotated(1, 1, 1), rotated(4, 1, 1)} {
		refused(t, "√A", point(a, at), d)
		refused(t, "√A by singular values", point(a, at), polar)
	}
	// h(1) = 0: all adjoints of the vectors are 0, and the derivative is not.
	refused(t, "A − I", point(a, identity), grad(t, graph.Sum(spectral(a, func(w *graph.Node) *graph.Node { return graph.Sub(w, graph.Like(w, 1)) })), a)[0])
	// The second derivative of a function of the values is made of their vectors, and so is that of a projection.
	w, v := graph.Eigh(a)
	first := grad(t, graph.Sum(graph.Square(w)), a)[0]
	same(t, "Σw²", point(a, identity), first, graph.Mul(a, g.Const(2)))
	refused(t, "Hessian of Σw²", point(a, identity), grad(t, inner(first), a)[0])
	part := graph.Slice(v, graph.Range{Limit: graph.All}, graph.Range{Limit: 2})
	projection := inner(graph.MatMul(part, graph.Transpose(part)))
	refused(t, "Hessian of a projection", point(a, rotated(1, 1, 3)), grad(t, inner(grad(t, projection, a)[0]), a)[0])
	same(t, "Hessian of the trace", point(a, identity), grad(t, inner(grad(t, graph.Sum(w), a)[0]), a)[0], graph.Mul(a, g.Const(0)))
	// A 3×2 matrix of rank 1: U misses columns for a value that is 0.
	u, s, vt = graph.SVD(b)
	whole := grad(t, graph.Sum(graph.MatMul(graph.Mul(u, graph.ExpandDims(s, 0)), vt)), b)[0]
	refused(t, "a value that is 0", point(b, []float64{1, 2, 2, 4, 0, 0}), whole)
	same(t, "full rank", point(b, []float64{1, 2, 2, 3, 0, 1}), whole, graph.Add(graph.Mul(b, g.Const(0)), g.Const(1)))

	// What the errors leave: sums of functions of values and of vectors, directions that keep the vectors, and adjoints that are 0.
	apart := grad(t, graph.Add(graph.Sum(graph.Log(w)), projection), a)[0]
	alone := graph.Add(grad(t, graph.Sum(graph.Log(w)), a)[0], grad(t, projection, a)[0])
	same(t, "values and vectors apart", point(a, rotated(1, 1, 3)), apart, alone)
	forward := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{graph.Sum(root)}, []*graph.Node{a}, []*graph.Node{graph.Constant(g, identity, 3, 3)}))
	expect(t, point(a, identity), 1e-15, one(1.5), forward...)
	masked := grad(t, graph.Where(graph.Greater(graph.Index(a, 0, 0), g.Const(5)), graph.Sum(root), graph.Index(a, 0, 0)), a)[0]
	hessian := grad(t, inner(masked), a)[0]
	expect(t, point(a, identity), 0, [][]float64{{1, 0, 0, 0, 0, 0, 0, 0, 0}, make([]float64, 9)}, masked, hessian)

	// Without eigenvectors the derivative is right: Denman and Beavers' iteration for √A.
	y, z := a, graph.Constant(g, identity, 3, 3)
	half := g.Const(0.5)
	for range 12 {
		y, z = graph.Mul(half, graph.Add(y, graph.Inv(z))), graph.Mul(half, graph.Add(z, graph.Inv(y)))
	}
	iterated := grad(t, graph.Sum(y), a)[0]
	h := 0.5
	expect(t, point(a, identity), 1e-12, [][]float64{{h, h, h, h, h, h, h, h, h}}, iterated)
	same(t, "√A with values apart", point(a, rotated(1, 2, 3)), d, iterated)
}

// A batch refuses single matrices, and derivatives of the others are not touched.
func TestBatchWithEqualValues(t *testing.T) {
	g := graph.New()
	a := g.Input("a", graph.Float64, 2, 3, 3)
	w, v := graph.Eigh(a)
	root := graph.MatMul(graph.Mul(v, graph.ExpandDims(graph.Sqrt(w), 1)), graph.Transpose(v, 0, 2, 1))
	weights := g.Input("weights", graph.Float64, 2, 1, 1)
	d := grad(t, graph.Sum(graph.Mul(weights, root)), a)[0]
	both := append(rotated(1, 2, 3), rotated(1, 1, 3)...)
	refused(t, "the second matrix", point(a, both, weights, []float64{1, 1}), d)
	got, err := testkit.CompileAndRun(compile.Config{}, point(a, both, weights, []float64{1, 0}), d)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range got[0].F {
		if (i < 9) != (x != 0) {
			t.Errorf("element %d is %v", i, x)
		}
	}
}

// leibniz is the determinant as the sum over all permutations, each product with its sign.
func leibniz(a *graph.Node) *graph.Node {
	n := a.Shape()[0]
	var expand func(row int, columns []int) *graph.Node
	expand = func(row int, columns []int) *graph.Node {
		if row == n {
			return a.Graph().Const(1)
		}
		sum := a.Graph().Const(0)
		for i, c := range columns {
			rest := append(append([]int(nil), columns[:i]...), columns[i+1:]...)
			term := graph.Mul(graph.Index(a, row, c), expand(row+1, rest))
			if i%2 == 1 {
				term = graph.Neg(term)
			}
			sum = graph.Add(sum, term)
		}
		return sum
	}
	columns := make([]int, n)
	for i := range columns {
		columns[i] = i
	}
	return expand(0, columns)
}

// The determinant is a polynomial: its first and second derivatives are right at matrices of every rank, and the third at invertible ones.
func TestDeterminantsOfEveryRank(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for rank := 0; rank <= n; rank++ {
			g := graph.New()
			a, c, d, e := g.Input("a", graph.Float64, n, n), g.Input("c", graph.Float64, n, n), g.Input("d", graph.Float64, n, n), g.Input("e", graph.Float64, n, n)
			at := testkit.Point{}
			for i, x := range []*graph.Node{c, d, e} {
				at[x] = testkit.Spread(x.Type(), -1, 1, i+n)
			}
			// A sum of rank products of a column and a row.
			values := make([]float64, n*n)
			for r := range rank {
				for i := range values {
					values[i] += math.Sin(float64((i/n+1)*(i/n+2*r+1))) * math.Cos(float64((i%n+2)*(i%n+3*r+1)))
				}
			}
			for i := range n {
				if rank == n {
					values[i*n+i] += 3
				}
			}
			at[a] = point(a, values)[a]
			along := func(x, dir *graph.Node) *graph.Node { return graph.Sum(graph.Mul(x, dir)) }
			derivatives := func(f func(*graph.Node) *graph.Node) []*graph.Node {
				y := f(a)
				first := grad(t, y, a)[0]
				forward := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y, first}, []*graph.Node{a}, []*graph.Node{c}))
				second := grad(t, along(first, c), a)[0]
				out := []*graph.Node{first, forward[0], forward[1], second}
				if rank == n {
					out = append(out, grad(t, along(second, d), a)[0], must[[]*graph.Node](t)(compile.JVP([]*graph.Node{second}, []*graph.Node{a}, []*graph.Node{d}))[0])
					out = append(out, grad(t, along(out[4], e), a)[0])
				}
				return out
			}
			got, want := derivatives(graph.Det), derivatives(leibniz)
			for _, x := range []*graph.Node{c, d, e} {
				if !slices.ContainsFunc(append(got, want...), func(y *graph.Node) bool { return reaches(y, x) }) {
					delete(at, x)
				}
			}
			out, err := testkit.CompileAndRun(compile.Config{}, at, append(got, want...)...)
			if err != nil {
				t.Errorf("n = %d, rank %d: %v", n, rank, err)
				continue
			}
			for i := range got {
				if err := testkit.CloseTo(out[i], out[len(got)+i], 1e-10, 1e-13); err != nil {
					t.Errorf("n = %d, rank %d, output %d: %v", n, rank, i, err)
				}
			}
		}
	}
}
