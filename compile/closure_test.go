package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
)

// zeros are functions one of whose factors, partials or adjoints is 0 by value at the point, which is no reason for derivatives of higher order to be 0.
// The wanted values are those of the power series.
var zeros = []struct {
	name string
	f    func(x []*graph.Node) *graph.Node
	at   []float64
	// by holds the operands to differentiate by, in this order.
	by   []int
	want float64
}{
	{"(x+2)^x", func(x []*graph.Node) *graph.Node { return graph.Pow(graph.Add(x[0], graph.Like(x[0], 2)), x[0]) }, []float64{0}, []int{0, 0}, 1 + math.Ln2*math.Ln2},
	{"x^y, mixed", func(x []*graph.Node) *graph.Node { return graph.Pow(x[0], x[1]) }, []float64{2, 0}, []int{0, 1}, 0.5},
	{"x^y, mixed", func(x []*graph.Node) *graph.Node { return graph.Pow(x[0], x[1]) }, []float64{2, 0}, []int{1, 0}, 0.5},
	{"x^y at a zero base", func(x []*graph.Node) *graph.Node { return graph.Pow(x[0], x[1]) }, []float64{0, 3}, []int{0, 0, 0}, 6},
	{"x^y at a zero base, mixed", func(x []*graph.Node) *graph.Node { return graph.Pow(x[0], x[1]) }, []float64{0, 3}, []int{1, 0, 0}, 0},
	{"ln² x", func(x []*graph.Node) *graph.Node { return graph.Square(graph.Log(x[0])) }, []float64{1}, []int{0, 0, 0}, -6},
	{"x·√(1+x)", func(x []*graph.Node) *graph.Node {
		return graph.Mul(x[0], graph.Sqrt(graph.Add(x[0], graph.Like(x[0], 1))))
	}, []float64{0}, []int{0, 0, 0}, -0.75},
	{"x/(1+x)", func(x []*graph.Node) *graph.Node { return graph.Div(x[0], graph.Add(x[0], graph.Like(x[0], 1))) }, []float64{0}, []int{0, 0, 0}, 6},
	{"x·ln y", func(x []*graph.Node) *graph.Node { return graph.Xlogy(x[0], x[1]) }, []float64{0, 2}, []int{0, 1, 1}, -0.25},
	{"x·ln y, both zero", func(x []*graph.Node) *graph.Node { return graph.Xlogy(x[0], x[1]) }, []float64{0, 0}, []int{0, 1}, math.Inf(1)},
	{"x·ln y, both zero", func(x []*graph.Node) *graph.Node { return graph.Xlogy(x[0], x[1]) }, []float64{0, 0}, []int{1, 0}, math.Inf(1)},
	// ∂²/∂p∂x of −Σ p·log_softmax(x) is softmax(x) − δ.
	{"cross entropy, one-hot, same class", crossEntropy, []float64{0.5, 0.5, 1, 0}, []int{2, 0}, -0.5},
	{"cross entropy, one-hot, other class", crossEntropy, []float64{0.5, 0.5, 1, 0}, []int{3, 0}, 0.5},
	{"cross entropy, one-hot, other class", crossEntropy, []float64{0.5, 0.5, 1, 0}, []int{0, 3}, 0.5},
}

func crossEntropy(x []*graph.Node) *graph.Node {
	return graph.SoftmaxCrossEntropy(graph.Stack(0, x[0], x[1]), graph.Stack(0, x[2], x[3]), 0)
}

func TestZerosByValueAreNotConstant(t *testing.T) {
	count := 0
	for _, c := range zeros {
		k := len(c.by)
		// Bit i of mode says whether derivative i is taken in reverse or forward mode.
		for mode := range 1 << k {
			g := graph.New()
			x := make([]*graph.Node, len(c.at))
			for i := range x {
				x[i] = g.Input(string(rune('a'+i)), graph.Float64)
			}
			y := c.f(x)
			for i, v := range c.by {
				if mode>>i&1 == 0 {
					y = grad(t, y, x[v])[0]
				} else {
					y = must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x[v]}, nil))[0]
				}
			}
			at := point()
			for i, v := range c.at {
				at[x[i]] = ref.Of(x[i].Type(), v)
			}
			for name, config := range configs {
				got, err := runOutputs(config, at, y)
				if err != nil {
					t.Fatal(err)
				}
				count++
				if v := got[0][0]; v != c.want && !(math.Abs(v-c.want) <= 1e-14) {
					t.Errorf("%s by %v, nesting %0*b (0 is reverse), %s: %v, want %v", c.name, c.by, k, mode, name, v, c.want)
				}
			}
		}
	}
	if count < 150 {
		t.Errorf("only %d nestings", count)
	}
}

// A loss of a physics-informed network, (u_xx − 1)² with u = w·ln x: at w = 0 its last layer learns.
func TestZeroWeightLearns(t *testing.T) {
	g := graph.New()
	w, x := g.Input("w", graph.Float64), g.Input("x", graph.Float64)
	for _, second := range []func(u *graph.Node) *graph.Node{
		func(u *graph.Node) *graph.Node { return grad(t, grad(t, u, x)[0], x)[0] },
		func(u *graph.Node) *graph.Node {
			return graph.Mul(graph.Like(u, 2), must[[][]*graph.Node](t)(compile.Taylor(2, []*graph.Node{u}, []*graph.Node{x}, [][]*graph.Node{{graph.Like(x, 1)}}))[2][0])
		},
	} {
		u := graph.Mul(w, graph.Log(x))
		loss := graph.Square(graph.Sub(second(u), graph.Like(u, 1)))
		expect(t, point(w, 0, x, 2), 1e-15, [][]float64{{0.5}}, grad(t, loss, w)[0])
	}
}

// Where a chain of products meets 0 and Inf, 0 wins in both modes.
func TestModesAgreeOnZeroTimesInfinity(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x *graph.Node) *graph.Node
		at   float64
		want float64
	}{
		{"√(x²)", func(x *graph.Node) *graph.Node { return graph.Sqrt(graph.Square(x)) }, 0, 0},
		{"(√x)²", func(x *graph.Node) *graph.Node { return graph.Square(graph.Sqrt(x)) }, 0, 0},
		{"ln(1 + eˣ) beyond the range of eˣ", func(x *graph.Node) *graph.Node { return graph.Log(graph.Exp(x).Add(1)) }, 1000, 0},
		{"ln(1 + eˣ) that is not taken", func(x *graph.Node) *graph.Node {
			return graph.Where(x.Less(20), graph.Log(graph.Exp(x).Add(1)), x)
		}, 1000, 1},
		{"1/(1 + 1/x)", func(x *graph.Node) *graph.Node { return graph.Reciprocal(graph.Reciprocal(x).Add(1)) }, 0, 0},
		{"atan(1/x)", func(x *graph.Node) *graph.Node { return graph.Atan(graph.Reciprocal(x)) }, 0, 0},
		{"1/(1 + e⁻ˣ)", func(x *graph.Node) *graph.Node { return graph.Reciprocal(graph.Exp(graph.Neg(x)).Add(1)) }, -1000, 0},
		{"√(0·x)", func(x *graph.Node) *graph.Node {
			return graph.Sum(graph.Sqrt(graph.Mul(x, graph.Constant(x.Graph(), []float64{0, 0}, 2))))
		}, 3, 0},
		{"√ of a matrix product with 0", func(x *graph.Node) *graph.Node {
			a := graph.Reshape(graph.Stack(0, graph.Sub(x, graph.Like(x, 3)), graph.Like(x, 0)), 1, 2)
			return graph.Sum(graph.Sqrt(graph.MatMul(a, graph.Reshape(graph.Stack(0, graph.Sub(x, graph.Like(x, 3)), x), 2, 1))))
		}, 3, 0},
	} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		y := c.f(x)
		expect(t, point(x, c.at), 0, [][]float64{{c.want}, {c.want}}, grad(t, y, x)[0], must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil))[0])
	}
}

// With fast-math ln(1 + eˣ) is softplus, in value and derivative.
func TestFastMathFindsSoftplus(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	for _, y := range []*graph.Node{graph.Log(graph.Exp(x).Add(1)), graph.Log1p(graph.Exp(x))} {
		f := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, nil))[0]
		for at, want := range map[float64][]float64{1000: {1000, 1, 1}, 0: {math.Ln2, 0.5, 0.5}, -1000: {0, 0, 0}} {
			got := must[[]ref.Value](t)(testkit.CompileAndRun(compile.Config{FastMath: true}, point(x, at), y, grad(t, y, x)[0], f))
			for k, w := range want {
				if v := got[k].Number(0); math.Abs(v-w) > 1e-15 {
					t.Errorf("output %d at %v is %v, not %v", k, at, v, w)
				}
			}
		}
	}
}

// Elements of gradients that are found behind the arrays that they were put into keep what stops derivatives there, in operators' expansions too.
func TestElementsKeepStoppedGradients(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Float64), g.Input("b", graph.Float64)
	v := graph.Stack(0, a, b)
	y := graph.Index(graph.Mul(v, graph.StopGradient(graph.Square(v))), 0)
	loss := graph.Index(graph.CrossEntropy(graph.Reshape(v, 1, 2), graph.Constant(g, []int64{0}, 1), 1), 0)
	first, d := grad(t, y, a, b), grad(t, loss, a, b)
	p := 1 / (1 + math.Exp(2.0))
	expect(t, point(a, []float64{3}, b, []float64{1}), 1e-14, [][]float64{{9}, {0}, {-p}, {p * (1 - p)}, {-p * (1 - p)}, {p * (1 - p)}},
		first[0], grad(t, graph.Add(first[0], first[1]), a)[0], d[0], grad(t, d[0], a)[0], grad(t, d[0], b)[0], grad(t, d[1], b)[0])
}
