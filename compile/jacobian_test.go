package compile

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func runFloats(t *testing.T, p *vm.Program, args ...any) [][]float64 {
	t.Helper()
	out, err := vm.NewMachine(p).Run(args...)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]float64
	for _, o := range out {
		switch v := o.Data().(type) {
		case float64:
			all = append(all, []float64{v})
		case []float64:
			all = append(all, v)
		case []float32:
			wide := make([]float64, len(v))
			for i := range v {
				wide[i] = float64(v[i])
			}
			all = append(all, wide)
		default:
			t.Fatalf("the output is %T", v)
		}
	}
	return all
}

func close64(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > tol*(1+math.Abs(want[i])) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func vector(v ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(v))
}

// TestHessianOfCubes is from PyTorch's tutorial on function transforms: the Hessian of Σx³ at (1, 2, 3).
func TestHessianOfCubes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	h, err := Hessian(graph.Sum(graph.Pow(x, g.Const(3))), x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(h)
	if err != nil {
		t.Fatal(err)
	}
	close64(t, "Hessian", runFloats(t, p, vector(1, 2, 3))[0], []float64{6, 0, 0, 0, 12, 0, 0, 0, 18}, 1e-15)
}

// TestHessianOfScalarsIsSymmetric has a Hessian of scalars, of which each entry off the diagonal stands in two places.
func TestHessianOfScalarsIsSymmetric(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 8)
	at := func(i int) *graph.Node { return graph.Index(x, i) }
	y := at(0)
	for i := 1; i < 7; i++ { // the last element is left out, so that the matrix has zeros
		y = y.Mul(graph.Cos(at(i))).Add(graph.Sin(at(i).Mul(at(i - 1))))
	}
	h, err := Hessian(graph.Square(y), x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(h)
	if err != nil {
		t.Fatal(err)
	}
	got := runFloats(t, p, vector(.3, .5, .7, 1.1, 1.3, 1.7, 1.9, 2.3))[0]
	for i := range 8 {
		for j := range i {
			if a, b := got[8*i+j], got[8*j+i]; a != b || i < 7 && a == 0 {
				t.Errorf("entry (%d, %d) is %v, (%d, %d) is %v", i, j, a, j, i, b)
			}
		}
	}
}

// TestJacobianModes compares forward and reverse mode with values worked out by hand.
func TestJacobianModes(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2)
	a, b := graph.Index(x, 0), graph.Index(x, 1)
	wide := graph.Stack(0, graph.Mul(a, b), graph.Sin(a), graph.Square(b), graph.Exp(graph.Sub(a, b)))
	narrow := graph.Stack(0, graph.ReduceProd(x, nil))
	jw, err := Jacobian(wide, x)
	if err != nil {
		t.Fatal(err)
	}
	jn, err := Jacobian(narrow, x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(jw, jn)
	if err != nil {
		t.Fatal(err)
	}
	u, v := 0.3, 0.7
	out := runFloats(t, p, vector(u, v))
	e := math.Exp(u - v)
	close64(t, "wide", out[0], []float64{v, u, math.Cos(u), 0, 0, 2 * v, e, -e}, 1e-14)
	close64(t, "narrow", out[1], []float64{v, u}, 1e-14)
}

func TestProducts(t *testing.T) {
	g := graph.New()
	x, v := g.Input("x", graph.Float64, 2), g.Input("v", graph.Float64, 2)
	a, b := graph.Index(x, 0), graph.Index(x, 1)
	r := graph.Stack(0, graph.Mul(a, b), graph.Square(a))
	hv, err := HVP(graph.Sum(graph.Mul(r, r)), []*graph.Node{x}, []*graph.Node{v})
	if err != nil {
		t.Fatal(err)
	}
	gn, err := GaussNewton([]*graph.Node{r}, []*graph.Node{x}, []*graph.Node{v})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Directional(3, []*graph.Node{graph.Sum(r)}, []*graph.Node{x}, []*graph.Node{v})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(hv[0], gn[0], d[0][0], d[1][0], d[2][0])
	if err != nil {
		t.Fatal(err)
	}
	x0, x1, v0, v1 := 1.5, -0.5, 0.25, 2.0
	out := runFloats(t, p, vector(x0, x1), vector(v0, v1))
	// f = a²b² + a⁴
	close64(t, "HVP", out[0], []float64{(2*x1*x1+12*x0*x0)*v0 + 4*x0*x1*v1, 4*x0*x1*v0 + 2*x0*x0*v1}, 1e-13)
	// J = [[b, a], [2a, 0]]
	j0, j1 := x1*v0+x0*v1, 2*x0*v0
	close64(t, "JᵀJv", out[1], []float64{x1*j0 + 2*x0*j1, x0 * j0}, 1e-13)
	close64(t, "first", out[2], []float64{j0 + j1}, 1e-13)
	close64(t, "second", out[3], []float64{2*v0*v1 + 2*v0*v0}, 1e-13)
	close64(t, "third", out[4], []float64{0}, 1e-13)
}

// TestBatch compares batched operators with the same operators applied one by one.
func TestBatch(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3, 4)
	w := g.Input("w", graph.Float64, 4, 2)
	xs := g.Input("xs", graph.Float64, 5, 3, 4)
	idx := graph.Constant(g, []int64{2, 0, 2}, 3)
	outputs := []*graph.Node{
		graph.MatMul(x, w), graph.Transpose(x), graph.ReduceSum(x, []int{0}), graph.Softmax(x, 1), graph.LogSumExp(x, []int{0}),
		graph.Index(x, 1), graph.Index(x, 1, 2), graph.Slice(x, graph.Range{Start: 1, Limit: 3}), graph.Concat(1, x, graph.Square(x)),
		graph.Gather(x, idx, 1), graph.Reshape(x, 12), graph.Add(x, graph.Index(x, 0)), graph.BroadcastTo(graph.Index(x, 0), 2, 4),
		graph.ReduceProd(x, []int{1}), graph.ScatterAdd(idx, graph.Slice(x, graph.Range{Limit: 3}, graph.Range{Limit: 3}), 1, 3, 6),
		w,
	}
	batched, err := Batch(outputs, []*graph.Node{x}, []*graph.Node{xs})
	if err != nil {
		t.Fatal(err)
	}
	one, err := Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Compile(batched...)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float64, 60)
	for i := range data {
		data[i] = math.Sin(float64(i) + 0.5)
	}
	wd := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6, 7, 8}))
	many := runFloats(t, all, map[string]any{"xs": tensor.New(tensor.WithShape(5, 3, 4), tensor.WithBacking(data)), "w": wd})
	for i := range 5 {
		single := runFloats(t, one, map[string]any{"x": tensor.New(tensor.WithShape(3, 4), tensor.WithBacking(data[12*i:12*i+12])), "w": wd})
		for k := range single {
			size := len(single[k])
			close64(t, outputs[k].Op().Name, many[k][i*size:(i+1)*size], single[k], 1e-14)
		}
	}
}

func TestGradientStrict(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	if _, err := GradientStrict(graph.Sin(x), x); err != nil {
		t.Error(err)
	}
	if _, err := GradientStrict(graph.Sin(x), x, y); err == nil {
		t.Error("no error for a node that the cost does not depend on")
	}
}
