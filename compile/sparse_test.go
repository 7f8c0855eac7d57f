package compile

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
)

// bandedResidual is r[i] = x[i+1]³ + 2x[i] − x[i+2]·sin(x[i]) by slices of one vector.
func bandedResidual(g *graph.Graph, n int) (x, r *graph.Node) {
	x = g.Input("x", graph.Float64, n)
	part := func(k int) *graph.Node { return graph.Slice(x, graph.Range{Start: k, Limit: n - 2 + k}) }
	a, b, c := part(0), part(1), part(2)
	return x, graph.Sub(graph.Add(graph.Pow(b, g.Const(3)), graph.Mul(g.Const(2), a)), graph.Mul(c, graph.Sin(a)))
}

func rampTensor(n int) (*tensor.Dense, []float64) {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Sin(0.37*float64(i) + 0.1)
	}
	return tensor.New(tensor.WithShape(n), tensor.WithBacking(v)), v
}

func TestSparseJacobianOfBand(t *testing.T) {
	for _, n := range []int{5, 64, 100_000} {
		g := graph.New()
		x, r := bandedResidual(g, n)
		j, err := SparseJacobian(r, x)
		if err != nil {
			t.Fatal(err)
		}
		if j.Colors != 3 {
			t.Errorf("n = %d: %d colours for three diagonals", n, j.Colors)
		}
		p, err := Compile(j.Values)
		if err != nil {
			t.Fatal(err)
		}
		in, v := rampTensor(n)
		got := runFloats(t, p, in)[0]
		for i := range n - 2 {
			row := j.Row(i)
			if len(row) != 3 || row[0] != int32(i) || row[2] != int32(i+2) {
				t.Fatalf("row %d has the columns %v", i, row)
			}
			want := []float64{2 - v[i+2]*math.Cos(v[i]), 3 * v[i+1] * v[i+1], -math.Sin(v[i])}
			for k, w := range want {
				if math.Abs(got[j.Start[i]+k]-w) > 1e-14*(1+math.Abs(w)) {
					t.Fatalf("entry (%d, %d) = %v, want %v", i, row[k], got[j.Start[i]+k], w)
				}
			}
		}
	}
}

// TestSparseJacobianMatchesDense uses operators of many kinds.
func TestSparseJacobianMatchesDense(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 6)
	m := graph.Reshape(x, 2, 3)
	w := graph.Constant(g, []float64{1, 0, 0, 0, 2, 3}, 3, 2)
	outputs := []*graph.Node{
		graph.Reshape(graph.MatMul(m, w), 4), graph.ReduceSum(graph.Square(m), []int{1}), graph.ReduceMax(m, []int{0}),
		graph.Reshape(graph.Transpose(graph.Exp(m)), 6), graph.Concat(0, graph.Slice(x, graph.Range{Start: 5, Limit: graph.All, Step: -2}), x),
		graph.Reshape(graph.Softmax(m, 1), 6), graph.Stack(0, graph.Index(x, 3), graph.Mul(graph.Index(x, 0), graph.Index(x, 5))),
		graph.Reshape(graph.Mul(graph.Index(m, 1), m), 6), graph.ReduceProd(m, []int{0}),
	}
	in, _ := rampTensor(6)
	for _, o := range outputs {
		sparse, err := SparseJacobian(o, x)
		if err != nil {
			t.Fatal(err)
		}
		dense, err := Jacobian(o, x)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(sparse.Values, dense)
		if err != nil {
			t.Fatal(err)
		}
		out := runFloats(t, p, in)
		full := make([]float64, len(out[1]))
		for i := range sparse.Rows {
			for k, j := range sparse.Row(i) {
				full[i*6+int(j)] = out[0][sparse.Start[i]+k]
			}
		}
		close64(t, o.Op().Name, full, out[1], 1e-13)
	}
}

// TestSparseHessian compares the Hessian of the chained Rosenbrock function with the analytic one.
func TestSparseHessian(t *testing.T) {
	for _, n := range []int{4, 100, 10_000} {
		g := graph.New()
		x := g.Input("x", graph.Float64, n)
		a, b := graph.Slice(x, graph.Range{Limit: n - 1}), graph.Slice(x, graph.Range{Start: 1, Limit: n})
		cost := graph.Sum(graph.Add(graph.Mul(g.Const(100), graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(g.Const(1), a))))
		h, err := SparseHessian(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("n = %d: %d colours, %d entries", n, h.Colors, h.NonZeros())
		p, err := Compile(h.Values)
		if err != nil {
			t.Fatal(err)
		}
		in, v := rampTensor(n)
		got := runFloats(t, p, in)[0]
		if h.NonZeros() != 3*n-2 || h.Colors > 3 {
			t.Errorf("n = %d: %d entries and %d colours", n, h.NonZeros(), h.Colors)
		}
		for i := range n {
			for k, j := range h.Row(i) {
				want := 0.0
				switch int(j) - i {
				case 0:
					if i < n-1 {
						want += 1200*v[i]*v[i] - 400*v[i+1] + 2
					}
					if i > 0 {
						want += 200
					}
				case 1:
					want = -400 * v[i]
				case -1:
					want = -400 * v[j]
				}
				if e := got[h.Start[i]+k]; math.Abs(e-want) > 1e-12*(1+math.Abs(want)) {
					t.Fatalf("n = %d: entry (%d, %d) = %v, want %v", n, i, j, e, want)
				}
			}
		}
	}
}
