package compile_test

import (
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

var inf, nan = math.Inf(1), math.NaN()

// The conventions at kinks and singular points, at orders 1 and 2. f maps a vector to a scalar or a vector whose sum
// is differentiated; second is the gradient of the gradient's sum, nil where there is none: at infinite operands, and where the mixed derivative of pow, (1 + y·ln x)·x^(y−1) at x = 0,
// is infinite of no sign that both modes' order of sums can tell (0 < y ≤ 1); at (0, 0) it is its limit, +Inf.
var conventions = []struct {
	name                     string
	f                        func(x *graph.Node) *graph.Node
	at, value, first, second []float64
}{
	{"abs at 0", graph.Abs, []float64{-1, 0, 1}, []float64{1, 0, 1}, []float64{-1, 0, 1}, []float64{0, 0, 0}},
	{"sign", graph.Sign, []float64{-1, 0, 1}, []float64{-1, 0, 1}, []float64{0, 0, 0}, []float64{0, 0, 0}},
	{"relu at 0", graph.Relu, []float64{-1, 0, 2}, []float64{0, 0, 2}, []float64{0, 0, 1}, []float64{0, 0, 0}},
	{"steps", func(x *graph.Node) *graph.Node {
		return graph.AddN(graph.Floor(x), graph.Ceil(x), graph.Trunc(x), graph.Round(x))
	}, []float64{-1.5, 0, 0.5}, []float64{-2 - 1 - 1 - 2, 0, 0 + 1 + 0 + 0}, []float64{0, 0, 0}, []float64{0, 0, 0}},
	{"sqrt at 0", graph.Sqrt, []float64{0, 4}, []float64{0, 2}, []float64{inf, 0.25}, []float64{-inf, -1. / 32}},
	{"sqrt at 0 with a zero adjoint", func(x *graph.Node) *graph.Node { return graph.Mul(graph.Like(x, 0), graph.Sqrt(x)) },
		[]float64{0, 4}, []float64{0, 0}, []float64{0, 0}, []float64{0, 0}},
	{"log at 0 with a zero adjoint", func(x *graph.Node) *graph.Node {
		return graph.MulNoNan(graph.Log(x), graph.Constant(x.Graph(), []float64{0, 2}, 2))
	},
		[]float64{0, 4}, []float64{0, 2 * math.Log(4)}, []float64{0, 0.5}, []float64{0, -0.125}},
	{"max at a tie", func(x *graph.Node) *graph.Node { return graph.Max(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{2, 2}, []float64{2}, []float64{0.5, 0.5}, []float64{0, 0}},
	{"max without a tie", func(x *graph.Node) *graph.Node { return graph.Max(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{2, 3}, []float64{3}, []float64{0, 1}, []float64{0, 0}},
	{"min at a tie", func(x *graph.Node) *graph.Node { return graph.Min(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{-1, -1}, []float64{-1}, []float64{0.5, 0.5}, []float64{0, 0}},
	{"reduce_max at a tie", func(x *graph.Node) *graph.Node { return graph.ReduceMax(x, nil) },
		[]float64{2, 1, 2, 2}, []float64{2}, []float64{1. / 3, 0, 1. / 3, 1. / 3}, []float64{0, 0, 0, 0}},
	{"reduce_min at a tie", func(x *graph.Node) *graph.Node { return graph.ReduceMin(x, nil) },
		[]float64{2, 1, 1, 2}, []float64{1}, []float64{0, 0.5, 0.5, 0}, []float64{0, 0, 0, 0}},
	{"hypot at the origin", func(x *graph.Node) *graph.Node { return graph.Hypot(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 0}, []float64{0}, []float64{0, 0}, []float64{0, 0}},
	{"pow, exponent 0 at base 0", func(x *graph.Node) *graph.Node { return graph.Pow(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 0}, []float64{1}, []float64{0, 0}, []float64{inf, inf}},
	{"pow, exponent 1 at base 0", func(x *graph.Node) *graph.Node { return graph.Pow(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 1}, []float64{0}, []float64{1, 0}, nil},
	{"pow, exponent 2 at base 0", func(x *graph.Node) *graph.Node { return graph.Pow(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 2}, []float64{0}, []float64{0, 0}, []float64{2, 0}},
	{"pow, exponent ½ at base 0", func(x *graph.Node) *graph.Node { return graph.Pow(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 0.5}, []float64{0}, []float64{inf, 0}, nil},
	{"pow, negative base, constant exponent", func(x *graph.Node) *graph.Node {
		return graph.Pow(x, graph.Constant(x.Graph(), []float64{0, 1, 2, 3}, 4))
	}, []float64{-2, -2, -2, -2}, []float64{1, -2, 4, -8}, []float64{0, 1, -4, 12}, []float64{0, 0, 2, -12}},
	{"pow, base 0, constant exponents", func(x *graph.Node) *graph.Node {
		return graph.Pow(x, graph.Constant(x.Graph(), []float64{0, 1, 2, 3}, 4))
	}, []float64{0, 0, 0, 0}, []float64{1, 0, 0, 0}, []float64{0, 1, 0, 0}, []float64{0, 0, 2, 0}},
	{"prod without zeros", prod, []float64{2, 3, 4}, []float64{24}, []float64{12, 8, 6}, []float64{7, 6, 5}},
	{"prod with one zero", prod, []float64{2, 0, 4}, []float64{0}, []float64{0, 8, 0}, []float64{4, 6, 2}},
	{"prod with two zeros", prod, []float64{2, 0, 0}, []float64{0}, []float64{0, 0, 0}, []float64{0, 2, 2}},
	{"prod of zeros", prod, []float64{0, 0, 0}, []float64{0}, []float64{0, 0, 0}, []float64{0, 0, 0}},
	{"prod of five with three zeros", prod, []float64{0, 2, 0, 3, 0}, []float64{0}, []float64{0, 0, 0, 0, 0}, []float64{0, 0, 0, 0, 0}},
	{"logsumexp of −Inf", func(x *graph.Node) *graph.Node { return graph.LogSumExp(x, nil) },
		[]float64{-inf, -inf}, []float64{-inf}, []float64{0, 0}, []float64{0, 0}},
	{"logsumexp with one −Inf", func(x *graph.Node) *graph.Node { return graph.LogSumExp(x, nil) },
		[]float64{-inf, 3}, []float64{3}, []float64{0, 1}, []float64{0, 0}},
	{"log_softmax, large", func(x *graph.Node) *graph.Node { return graph.LogSoftmax(x, 0) },
		[]float64{1000, 1000}, []float64{-math.Ln2, -math.Ln2}, []float64{0, 0}, []float64{0, 0}},
	{"logsumexp, large", func(x *graph.Node) *graph.Node { return graph.LogSumExp(x, nil) },
		[]float64{1000, 1000}, []float64{1000 + math.Ln2}, []float64{0.5, 0.5}, []float64{0, 0}},
	{"softmax, large", func(x *graph.Node) *graph.Node { return graph.Softmax(x, 0) },
		[]float64{1000, 1000}, []float64{0.5, 0.5}, []float64{0, 0}, []float64{0, 0}},
	{"softmax with −Inf", func(x *graph.Node) *graph.Node { return graph.Softmax(x, 0) },
		[]float64{-inf, 0, 0}, []float64{0, 0.5, 0.5}, []float64{0, 0, 0}, []float64{0, 0, 0}},
	{"softmax of −Inf", func(x *graph.Node) *graph.Node { return graph.Softmax(x, 0) },
		[]float64{-inf, -inf}, []float64{0, 0}, []float64{0, 0}, []float64{0, 0}},
	{"softmax of −Inf, squared", func(x *graph.Node) *graph.Node { return graph.Square(graph.Softmax(x, 0)) },
		[]float64{-inf, -inf}, []float64{0, 0}, []float64{0, 0}, []float64{0, 0}},
	{"log_softmax of −Inf", func(x *graph.Node) *graph.Node { return graph.LogSoftmax(x, 0) },
		[]float64{-inf, -inf}, []float64{-inf, -inf}, []float64{0, 0}, []float64{0, 0}},
	{"cross entropy of −Inf", func(x *graph.Node) *graph.Node {
		return graph.SoftmaxCrossEntropy(x, graph.Constant(x.Graph(), []float64{1, 0}, 2), 0)
	}, []float64{-inf, -inf}, []float64{inf}, []float64{0, 0}, []float64{0, 0}},
	{"attention that sees nothing, by its scores", func(x *graph.Node) *graph.Node {
		q := graph.Constant(x.Graph(), []float64{1, 1, 1}, 3, 1)
		return graph.Attention(q, graph.Reshape(x, 2, 1), graph.Constant(x.Graph(), []float64{3, 4}, 2, 1), graph.AttentionOptions{})
	}, []float64{-inf, -inf}, []float64{0, 0, 0}, []float64{0, 0}, []float64{0, 0}},
	{"√(x²) at 0", func(x *graph.Node) *graph.Node { return graph.Sqrt(graph.Square(x)) },
		[]float64{-3, 0, 2}, []float64{3, 0, 2}, []float64{-1, 0, 1}, nil},
	{"cbrt at 0", graph.Cbrt, []float64{-8, 0, 8}, []float64{-2, 0, 2}, []float64{1. / 12, inf, 1. / 12}, nil},
	{"log at 0 and below", graph.Log, []float64{0, -2}, []float64{-inf, nan}, []float64{inf, -0.5}, nil},
	{"asin at ±1", graph.Asin, []float64{-1, 1}, []float64{-math.Pi / 2, math.Pi / 2}, []float64{inf, inf}, []float64{-inf, inf}},
	{"digamma at poles", graph.Digamma, []float64{0, -1, -inf}, []float64{-inf, nan, nan}, []float64{inf, inf, nan}, nil},
	{"J₀ at 0 and infinite", bessel(graph.BesselJ, 0), []float64{0, inf, -inf}, []float64{1, 0, 0}, []float64{0, 0, 0}, []float64{-0.5, 0, 0}},
	{"J₁ at 0", bessel(graph.BesselJ, 1), []float64{0}, []float64{0}, []float64{0.5}, []float64{0}},
	{"Y₀ at 0 and below", bessel(graph.BesselY, 0), []float64{0, -1, inf}, []float64{-inf, nan, 0}, []float64{inf, nan, 0}, nil},
	{"I₀ at 0", bessel(graph.BesselI, 0), []float64{0}, []float64{1}, []float64{0}, []float64{0.5}},
	{"I₁ at 0 and infinite", bessel(graph.BesselI, 1), []float64{0, -inf}, []float64{0, -inf}, []float64{0.5, inf}, nil},
	{"K₀ at 0 and below", bessel(graph.BesselK, 0), []float64{0, -1, inf}, []float64{inf, nan, 0}, []float64{-inf, nan, 0}, nil},
	{"erfcx at 0 and infinite", graph.Erfcx, []float64{0, inf, -inf}, []float64{1, 0, inf}, []float64{-2 / math.Sqrt(math.Pi), 0, -inf}, nil},
	{"log_ndtr at 0 and infinite", graph.LogNdtr, []float64{0, inf, -inf}, []float64{-math.Ln2, 0, -inf}, []float64{math.Sqrt(2 / math.Pi), 0, inf}, nil},
	{"ndtri at its ends", graph.Ndtri, []float64{0, 0.5, 1, -1}, []float64{-inf, 0, inf, nan}, []float64{inf, math.Sqrt(2 * math.Pi), inf, nan}, nil},
	{"zeta at poles", func(x *graph.Node) *graph.Node { return graph.Zeta(graph.Like(x, 2), x) }, []float64{0, -1, inf}, []float64{inf, inf, 0}, []float64{-inf, -inf, 0}, nil},
	{"igammac at 0 and infinite", func(x *graph.Node) *graph.Node { return graph.IGammaC(graph.Like(x, 2), x) }, []float64{0, inf, -1}, []float64{1, 0, nan}, []float64{0, 0, nan}, nil},
	{"mantissa", func(x *graph.Node) *graph.Node { m, _ := graph.Frexp(x); return m }, []float64{0, 6, -0.5}, []float64{0, 0.75, -0.5}, []float64{1, 0.125, 1}, []float64{0, 0, 0}},
	{"atan2 at the origin", func(x *graph.Node) *graph.Node { return graph.Atan2(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 0}, []float64{0}, []float64{0, 0}, []float64{0, 0}},
	{"xlogy at x = 0, y = 0", func(x *graph.Node) *graph.Node { return graph.Xlogy(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, 0}, []float64{0}, []float64{0, 0}, []float64{inf, inf}},
	{"xlogy at x = 0, y < 0", func(x *graph.Node) *graph.Node { return graph.Xlogy(graph.Index(x, 0), graph.Index(x, 1)) },
		[]float64{0, -2}, []float64{0}, []float64{0, 0}, []float64{0, 0}},
	{"lgamma at −Inf and at poles", graph.Lgamma, []float64{-inf, 0, -2}, []float64{inf, inf, inf}, []float64{nan, -inf, nan}, nil},
	{"copysign by x at 0", func(x *graph.Node) *graph.Node { return graph.Copysign(x, graph.Like(x, -1)) },
		[]float64{-2, 0, 2}, []float64{-2, 0, -2}, []float64{1, 0, -1}, []float64{0, 0, 0}},
	{"stop_gradient", func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.StopGradient(x)) },
		[]float64{3}, []float64{9}, []float64{3}, []float64{0}},
	{"cast to integer", func(x *graph.Node) *graph.Node {
		return graph.Mul(x, graph.Cast(graph.Cast(x, graph.Int64), graph.Float64))
	}, []float64{2.5}, []float64{5}, []float64{2}, []float64{0}},
	{"repeated gather", func(x *graph.Node) *graph.Node {
		return graph.Square(graph.Gather(x, graph.Constant(x.Graph(), []int64{1, 1, -1}, 3), 0))
	}, []float64{5, 2, 3}, []float64{4, 4, 9}, []float64{0, 8, 6}, []float64{0, 4, 2}},
}

func bessel(f func(n int, x *graph.Node) *graph.Node, n int) func(x *graph.Node) *graph.Node {
	return func(x *graph.Node) *graph.Node { return f(n, x) }
}

func prod(x *graph.Node) *graph.Node { return graph.ReduceProd(x, nil) }

func TestConventions(t *testing.T) {
	for _, c := range conventions {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			x := g.Input("x", graph.Float64, len(c.at))
			y := c.f(x)
			dx := grad(t, graph.Sum(y), x)[0]
			outputs, want := []*graph.Node{y, dx}, [][]float64{c.value, c.first}
			if c.second != nil {
				outputs = append(outputs, grad(t, graph.Sum(dx), x)[0], must[[]*graph.Node](t)(compile.JVP([]*graph.Node{dx}, []*graph.Node{x}, nil))[0])
				want = append(want, c.second, c.second)
			}
			expect(t, point(x, c.at), 1e-14, want, outputs...)
			for i, e := range c.at {
				// Forward mode column by column: the same first derivatives.
				unit := make([]float64, len(c.at))
				unit[i] = 1
				d := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{graph.Constant(g, unit, len(unit))}))
				if !strings.Contains(c.name, "zero adjoint") && !math.IsInf(e, 0) && !math.IsInf(c.first[i], 0) {
					expect(t, point(x, c.at), 1e-14, [][]float64{{c.first[i]}}, graph.Sum(d[0]))
				}
			}
		})
	}
}

// What a cost does not depend on has the derivative 0, in every mode, and floats alone have derivatives.
func TestIndependence(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64, 2), g.Input("y", graph.Float64)
	d := grad(t, graph.Square(y), x, y)
	f := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{graph.Square(y), x}, []*graph.Node{y}, nil))
	expect(t, point(x, []float64{1, 2}, y, 3), 0, [][]float64{{0, 0}, {6}, {6}, {0, 0}}, d[0], d[1], f[0], f[1])
}

// Gradients by intermediate nodes, and by a node that is the cost itself.
func TestGradientByIntermediates(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	u := graph.Exp(x)
	v := graph.Mul(u, x)
	z := graph.Mul(v, v)
	d := grad(t, z, z, v, u, x)
	e := math.E
	expect(t, point(x, 1), 1e-14, one(1, 2*e, 2*e, 2*e*(2*e)), d...)
	s := grad(t, x, x)
	expect(t, point(x, 1), 0, one(1), s[0])
}

// A node given twice gets its derivative twice; tangents of a repeated node add up.
func TestRepeatedWrt(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	d := grad(t, graph.Square(x), x, x)
	f := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{graph.Square(x), graph.Square(x)}, []*graph.Node{x, x}, []*graph.Node{g.Const(1), g.Const(10)}))
	expect(t, point(x, 3), 0, one(6, 6, 66, 66), d[0], d[1], f[0], f[1])
}
