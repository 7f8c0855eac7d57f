package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// z = x1² + x2² + x1·x2, with its Hessian [[2, 1], [1, 2]].
func TestQuadratic(t *testing.T) {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := x1.Mul(x1).Add(x2.Mul(x2)).Add(x1.Mul(x2))
	dz := grad(t, z, x1, x2)
	h1, h2 := grad(t, dz[0], x1, x2), grad(t, dz[1], x1, x2)
	expect(t, point(x1, 3, x2, 4), 0, one(37, 10, 11, 2, 1, 1, 2), z, dz[0], dz[1], h1[0], h1[1], h2[0], h2[1])
}

// PyTorch's "A Gentle Introduction to torch.autograd" and its autograd tutorial: out = mean(3(x+2)²) at ones(2, 2).
func TestPyTorchTutorial(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 2, 2)
	y := graph.Add(x, g.Const(2))
	out := graph.Mean(graph.Mul(g.Const(3), graph.Square(y)))
	dx := grad(t, out, x)[0]
	ddx := grad(t, graph.Sum(dx), x)[0]
	expect(t, point(x, []float64{1, 1, 1, 1}), 1e-15,
		[][]float64{{27}, {4.5, 4.5, 4.5, 4.5}, {1.5, 1.5, 1.5, 1.5}}, out, dx, ddx)
}

// The same page: Q = 3a³ − b² with the cotangent [1, 1].
func TestPyTorchVectorJacobian(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 2), g.Input("b", graph.Float64, 2)
	q := graph.Sub(graph.Mul(g.Const(3), graph.Pow(a, g.Const(3))), graph.Square(b))
	d, err := compile.VJP([]*graph.Node{q}, []*graph.Node{a, b}, []*graph.Node{graph.Constant(g, []float64{1, 1}, 2)})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, point(a, []float64{2, 3}, b, []float64{6, 4}), 1e-14, [][]float64{{36, 81}, {-12, -8}}, d...)
}

// PyTorch's torch.autograd.functional: the Hessian of Σx³ is diag(6x).
func TestCubeHessian(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	dx := grad(t, graph.Sum(graph.Pow(x, g.Const(3))), x)[0]
	var rows []*graph.Node
	for i := range 3 {
		rows = append(rows, grad(t, graph.Index(dx, i), x)[0])
	}
	expect(t, point(x, []float64{1, 2, 3}), 1e-14, [][]float64{{6, 0, 0}, {0, 12, 0}, {0, 0, 18}}, rows...)
}

// The tangent of x·sin x at 2 (PyTorch's forward-mode tutorial).
func TestForwardMode(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := x.Mul(graph.Sin(x))
	d, err := compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, point(x, 2), 1e-6, one(1.8185948, 0.0770037), y, d[0])
}

// The example of ADCME's documentation: z = sin(x1 + x2) + x2²·x3 at (1, 2, 3).
func TestADCME(t *testing.T) {
	g := graph.New()
	x1, x2, x3 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64), g.Input("x3", graph.Float64)
	z := graph.Add(graph.Sin(graph.Add(x1, x2)), graph.Mul(graph.Square(x2), x3))
	d := grad(t, z, x1, x2, x3)
	expect(t, point(x1, 1, x2, 2, x3, 3), 1e-10, one(12.141120008, -0.9899924966, 11.0100075034, 4), z, d[0], d[1], d[2])
	expect(t, point(x1, 1, x2, 2, x3, 3), 1e-14, one(math.Sin(3)+12, math.Cos(3), math.Cos(3)+12, 4), z, d[0], d[1], d[2])
}

func TestGradientOfGradient(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	for _, cube := range []*graph.Node{graph.Pow(x, g.Const(3)), x.Mul(x).Mul(x), graph.Mul(graph.Square(x), x)} {
		dd := grad(t, grad(t, cube, x)[0], x)[0]
		expect(t, point(x, 2), 1e-15, one(12), dd)
	}
}

// Two costs on one graph, asked for in both orders, share intermediates and keep their gradients apart.
func TestTwoCosts(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	shared := graph.Sin(graph.Mul(x, y))
	a, b := graph.Square(shared), graph.Mul(shared, x)
	da, db := grad(t, a, x, y), grad(t, b, x, y)
	again := grad(t, a, x, y)
	if again[0] != da[0] || again[1] != da[1] {
		t.Error("the same gradient, asked for again, is another one")
	}
	s, c := math.Sin(0.5*0.75), math.Cos(0.5*0.75)
	expect(t, point(x, 0.5, y, 0.75), 1e-14, one(2*s*c*0.75, 2*s*c*0.5, s+0.5*c*0.75, 0.25*c), da[0], da[1], db[0], db[1])
}

// (sin x·eˣ)‴ = 2eˣ(cos x − sin x), in all eight mixtures of the modes.
func TestThirdDerivative(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	want := 2 * math.Exp(0.7) * (math.Cos(0.7) - math.Sin(0.7))
	for modes := range 8 {
		y := graph.Mul(graph.Sin(x), graph.Exp(x))
		for k := range 3 {
			if modes>>k&1 == 0 {
				y = grad(t, y, x)[0]
			} else {
				y = must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil))[0]
			}
		}
		expect(t, point(x, 0.7), 1e-13, one(want), y)
	}
}

// Newton's solution of y³ = x, unrolled: dy/dx = x^(−2/3)/3 (ADCME's documentation).
func TestUnrolledNewton(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := graph.BroadcastTo(g.Const(3), 3)
	for range 12 {
		y = graph.Sub(y, graph.Div(graph.Sub(graph.Pow(y, g.Const(3)), x), graph.Mul(g.Const(3), graph.Square(y))))
	}
	dx := grad(t, graph.Sum(y), x)[0]
	expect(t, point(x, []float64{8, 27, 64}), 1e-13, [][]float64{{2, 3, 4}, {1. / 12, 1. / 27, 1. / 48}}, y, dx)
}

// Ten steps of Lorenz-96 by Runge–Kutta 4 (n = 40, F = 8, dt = 0.05), J = ½|x|²; the gradient is checked by complex
// steps in the reference computation.
func TestLorenz96(t *testing.T) {
	const n = 40
	g := graph.New()
	x0 := g.Input("x", graph.Float64, n)
	roll := func(x *graph.Node, k int) *graph.Node { // element i is x[i+k]
		k = (k + n) % n
		return graph.Concat(0, graph.Slice(x, graph.Range{Start: k, Limit: graph.All}), graph.Slice(x, graph.Range{Limit: k}))
	}
	f := func(x *graph.Node) *graph.Node {
		return graph.Add(graph.Sub(graph.Mul(graph.Sub(roll(x, 1), roll(x, -2)), roll(x, -1)), x), g.Const(8))
	}
	axpy := func(x *graph.Node, a float64, k *graph.Node) *graph.Node {
		return graph.Add(x, graph.Mul(g.Const(a), k))
	}
	x := x0
	const dt = 0.05
	for range 10 {
		k1 := f(x)
		k2 := f(axpy(x, dt/2, k1))
		k3 := f(axpy(x, dt/2, k2))
		k4 := f(axpy(x, dt, k3))
		x = axpy(x, dt/6, graph.Add(graph.Add(k1, graph.Mul(g.Const(2), k2)), graph.Add(graph.Mul(g.Const(2), k3), k4)))
	}
	j := graph.Mul(g.Const(0.5), graph.Sum(graph.Square(x)))
	dj := grad(t, j, x0)[0]
	norm := graph.Sqrt(graph.Sum(graph.Square(dj)))
	at := make([]float64, n)
	for i := range at {
		at[i] = 8 + math.Sin(2*math.Pi*float64(i)/n)
	}
	expect(t, point(x0, at), 1e-8, [][]float64{{1283.3233495448}, {30.723589864879}, {4.85471836, 4.90344985, 4.9510439, 4.99689005}},
		j, norm, graph.Slice(dj, graph.Range{Limit: 4}))
}
