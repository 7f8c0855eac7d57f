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
		t.Logf("n = %d: %d colours, so many directions in the sweep, %d entries", n, j.Colors, j.NonZeros())
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
		x, cost := chainedRosenbrock(n)
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

// TestSparseOfScalars takes derivatives of graphs that work on single elements, which are swept direction by direction as scalar code, and
// compares them with the dense ones.
func TestSparseOfScalars(t *testing.T) {
	const n = 41
	for _, dtype := range []graph.DType{graph.Float64, graph.Float32} {
		g := graph.New()
		x := g.Input("x", dtype, n)
		one, hundred := graph.Like(x, 1), graph.Like(x, 100)
		var cost *graph.Node
		var residuals, few []*graph.Node
		for i := range n - 1 {
			a, b := graph.Index(x, i), graph.Index(x, i+1)
			d, e := graph.Sub(b, graph.Square(a)), graph.Sub(one, a)
			term := graph.Add(graph.Mul(hundred, graph.Square(d)), graph.Mul(graph.Sin(e), e))
			if cost == nil {
				cost = term
			} else {
				cost = graph.Add(cost, term)
			}
			residuals = append(residuals, graph.Mul(d, graph.Exp(e)))
		}
		// Each of few outputs depends on many inputs, no two on the same ones: reverse mode needs one direction.
		for k := range 3 {
			sum := graph.Index(x, k)
			for i := k + 3; i < n; i += 3 {
				sum = graph.Add(sum, graph.Mul(graph.Index(x, i), graph.Sqrt(graph.Add(graph.Square(graph.Index(x, i)), one))))
			}
			few = append(few, sum)
		}
		few = append(few, graph.Like(x, 3)) // a row without entries
		h, err := SparseHessian(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		sparse, dense := []*SparseMatrix{h}, []*graph.Node{}
		full, err := Hessian(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		dense = append(dense, full)
		for _, r := range [][]*graph.Node{residuals, few} {
			output := graph.Stack(0, r...)
			j, err := SparseJacobian(output, x)
			if err != nil {
				t.Fatal(err)
			}
			full, err := Jacobian(output, x)
			if err != nil {
				t.Fatal(err)
			}
			sparse, dense = append(sparse, j), append(dense, full)
		}
		for k, want := range []struct {
			colors  int
			reverse bool
		}{{3, false}, {2, false}, {1, true}} {
			if s := sparse[k]; s.Colors != want.colors || s.Reverse != want.reverse {
				t.Errorf("matrix %d: %d colours, reverse %v; want %+v", k, s.Colors, s.Reverse, want)
			}
		}
		p, err := Config{Verify: true}.Compile(sparse[0].Values, sparse[1].Values, sparse[2].Values, dense[0], dense[1], dense[2])
		if err != nil {
			t.Fatal(err)
		}
		in, v := rampTensor(n)
		if dtype == graph.Float32 {
			narrow := make([]float32, n)
			for i := range v {
				narrow[i] = float32(v[i])
			}
			in = tensor.New(tensor.WithShape(n), tensor.WithBacking(narrow))
		}
		out := runFloats(t, p, in)
		for k, s := range sparse {
			got := make([]float64, s.Rows*s.Columns)
			for i := range s.Rows {
				for e, j := range s.Row(i) {
					got[i*s.Columns+int(j)] = out[k][s.Start[i]+e]
				}
			}
			close64(t, "sparse and dense", got, out[3+k], map[graph.DType]float64{graph.Float64: 1e-13, graph.Float32: 1e-5}[dtype])
		}
	}
}
