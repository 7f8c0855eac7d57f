package gosource_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

// apart leaves products and sums apart.
var apart = compile.Config{Disable: []string{"contract"}}

// cases are the programs whose source is kept, by name.
var cases = []struct {
	name  string
	doc   string
	build func(t testing.TB) (*vm.Program, *graph.Graph)
	// assembly: with loops in Go assembly
	assembly bool
}{
	{"Seed", "returns z = x1² + x2² + x1·x2 and its gradient.", buildSeed, false},
	{"Rosenbrock", "returns Rosenbrock's function of 1000 variables, and has its gradient in dx.", buildRosenbrock, false},
	{"Vectors", "returns Rosenbrock's function of 1000 variables, and has its gradient in dx.", buildRosenbrock, true},
	{"Unrolled", "", buildUnrolled, false},
	{"Arm", "has the residual, its Jacobian, and the gradient and Hessian of its square, of a robot's arm with six joints.", buildArm, false},
	{"Layer", "", buildLayer, false},
	{"Logistic", "", buildLogistic, false},
	{"Newton", "returns the square root of a by Newton's method.", buildNewton, false},
	{"Names", "", buildNames, false},
}

func buildSeed(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	d := must[[]*graph.Node](t)(compile.Gradient(z, x1, x2))
	c := apart
	c.Names = []string{"z", "dx1", "dx2"}
	return must[*vm.Program](t)(c.Compile(z, d[0], d[1])), g
}

func buildRosenbrock(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 1000)
	a, b := graph.Slice(x, graph.Range{Limit: 999}), graph.Slice(x, graph.Range{Start: 1, Limit: 1000})
	f := graph.Sum(graph.Add(graph.Mul(g.Const(100), graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(g.Const(1), a)))).Named("f")
	d := must[[]*graph.Node](t)(compile.Gradient(f, x))
	return must[*vm.Program](t)(compile.Config{Names: []string{"f", "dx"}, Disable: apart.Disable}.Compile(f, d[0])), g
}

func buildLayer(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64, 8, 4), g.Input("y", graph.Float64, 8, 3)
	w, b := g.Input("w", graph.Float64, 4, 3), g.Input("b", graph.Float64, 3)
	loss := graph.Mean(graph.Square(graph.Sub(graph.Tanh(graph.Add(graph.MatMul(x, w), b)), y))).Named("loss")
	d := must[[]*graph.Node](t)(compile.Gradient(loss, w, b))
	c := compile.Config{Names: []string{"loss"}}
	for k, n := range []*graph.Node{w, b} {
		c.Updates = append(c.Updates, compile.Update{Input: n, Value: n.Sub(d[k].Mul(0.1))})
	}
	return must[*vm.Program](t)(c.Compile(loss)), g
}

func buildLogistic(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	x0, r := g.Input("x0", graph.Float64), g.Input("r", graph.Float64)
	final, path := graph.Scan(100, []*graph.Node{x0}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		x := c[0].Mul(r).Mul(g.Const(1).Sub(c[0]))
		return []*graph.Node{x}, []*graph.Node{x}
	})
	d := must[[]*graph.Node](t)(compile.Gradient(final[0], x0, r))
	return must[*vm.Program](t)(compile.Config{Names: []string{"x", "path", "dx0", "dr"}}.Compile(final[0], path[0], d[0], d[1])), g
}

func buildNewton(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	a := g.Input("a", graph.Float64)
	out, steps := graph.While(100, []*graph.Node{a, g.Const(1)}, func(c []*graph.Node) *graph.Node {
		return graph.Greater(graph.Abs(c[0].Sub(c[1])), g.Const(1e-12))
	}, func(c []*graph.Node) []*graph.Node {
		x := c[0]
		return []*graph.Node{x.Add(a.Div(x)).Mul(0.5), x}
	})
	return must[*vm.Program](t)(compile.Config{Names: []string{"root", "steps"}}.Compile(out[0], steps)), g
}

// buildNames has inputs whose names Go, or the file, has for something else.
func buildNames(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	sum := g.Const(1)
	for _, n := range []string{"func", "len", "sign", "math", "t1", "a.b", "a_b", "1x", "err", "i", "Run", "Δ"} {
		sum = sum.Add(graph.Abs(graph.Sign(g.Input(n, graph.Float64)).Mul(sum)))
	}
	return must[*vm.Program](t)(compile.Compile(sum)), g
}

// buildUnrolled is Rosenbrock's function of single elements: scalar code.
func buildUnrolled(t testing.TB) (*vm.Program, *graph.Graph) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 8)
	var y *graph.Node
	for i := range 7 {
		a, b := graph.Index(x, i), graph.Index(x, i+1)
		term := graph.Add(graph.Mul(g.Const(100), graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(g.Const(1), a)))
		if y == nil {
			y = term
		} else {
			y = y.Add(term)
		}
	}
	d := must[[]*graph.Node](t)(compile.Gradient(y, x))
	return must[*vm.Program](t)(compile.Config{Names: []string{"f", "dx"}, Disable: apart.Disable}.Compile(y, d[0])), g
}

func buildArm(t testing.TB) (*vm.Program, *graph.Graph) {
	r, q := testkit.SixJointArm()
	j := must[*graph.Node](t)(compile.Jacobian(r, q))
	cost := graph.Sum(graph.Square(r))
	dq := must[[]*graph.Node](t)(compile.Gradient(cost, q))
	h := must[*graph.Node](t)(compile.Hessian(cost, q))
	return must[*vm.Program](t)(compile.Config{Names: []string{"r", "jacobian", "gradient", "hessian"}, Disable: apart.Disable, FastMath: true}.Compile(r, j, dq[0], h)), q.Graph()
}
