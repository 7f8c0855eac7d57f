package compile_test

import (
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
