package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// branches are functions that are singular or overflow at the points where the mask is false.
var branches = []struct {
	name string
	f    func(x *graph.Node) *graph.Node
	// first and second derivative of f
	d1, d2 func(x float64) float64
}{
	{"sqrt", graph.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) }, func(x float64) float64 { return -0.25 * math.Pow(x, -1.5) }},
	{"log", graph.Log, func(x float64) float64 { return 1 / x }, func(x float64) float64 { return -1 / (x * x) }},
	{"division", func(x *graph.Node) *graph.Node { return graph.Div(graph.Like(x, 1), x) },
		func(x float64) float64 { return -1 / (x * x) }, func(x float64) float64 { return 2 / (x * x * x) }},
	{"reciprocal", graph.Reciprocal, func(x float64) float64 { return -1 / (x * x) }, func(x float64) float64 { return 2 / (x * x * x) }},
	{"pow", func(x *graph.Node) *graph.Node { return graph.Pow(x, graph.Like(x, 0.5)) },
		func(x float64) float64 { return 0.5 / math.Sqrt(x) }, func(x float64) float64 { return -0.25 * math.Pow(x, -1.5) }},
	{"pow of itself", func(x *graph.Node) *graph.Node { return graph.Pow(x, x) },
		func(x float64) float64 { return math.Pow(x, x) * (math.Log(x) + 1) },
		func(x float64) float64 {
			l := math.Log(x) + 1
			return math.Pow(x, x) * (l*l + 1/x)
		}},
	{"x log x", func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Log(x)) },
		func(x float64) float64 { return math.Log(x) + 1 }, func(x float64) float64 { return 1 / x }},
	{"product of singular factors", func(x *graph.Node) *graph.Node { return graph.Mul(graph.Square(graph.Log(x)), graph.Sqrt(x)) },
		func(x float64) float64 { l := math.Log(x); return (2*l + l*l/2) / math.Sqrt(x) },
		func(x float64) float64 { l := math.Log(x); return (2 - l*l/4) * math.Pow(x, -1.5) }},
	{"overflow of exp", func(x *graph.Node) *graph.Node { return graph.Exp(graph.Square(graph.Div(graph.Like(x, 1), x))) },
		func(x float64) float64 { return math.Exp(1/(x*x)) * -2 / (x * x * x) },
		func(x float64) float64 { return math.Exp(1/(x*x)) * (4/math.Pow(x, 6) + 6/math.Pow(x, 4)) }},
	{"fma", func(x *graph.Node) *graph.Node { return graph.FMA(graph.Log(x), graph.Log(x), graph.Log(x)) },
		func(x float64) float64 { return (2*math.Log(x) + 1) / x }, func(x float64) float64 { return (1 - 2*math.Log(x)) / (x * x) }},
	{"cbrt and tan", func(x *graph.Node) *graph.Node { return graph.Tan(graph.Cbrt(x)) },
		func(x float64) float64 { c := math.Cbrt(x); s := 1 / math.Cos(c); return s * s / (3 * c * c) },
		func(x float64) float64 {
			c := math.Cbrt(x)
			s := 1 / math.Cos(c)
			return 2*s*s*math.Tan(c)/(9*c*c*c*c) - 2*s*s/(9*math.Pow(c, 5))
		}},
	{"prod", func(x *graph.Node) *graph.Node {
		l := graph.Reshape(graph.Log(x), x.Shape().Size(), 1)
		return graph.Reshape(graph.ReduceProd(graph.Concat(1, l, l), []int{1}), x.Shape()...)
	}, func(x float64) float64 { return 2 * math.Log(x) / x }, func(x float64) float64 { return (2 - 2*math.Log(x)) / (x * x) }},
	{"logsumexp", func(x *graph.Node) *graph.Node {
		l := graph.Reshape(graph.Log(x), x.Shape().Size(), 1)
		return graph.Reshape(graph.LogSumExp(graph.Concat(1, l, graph.Mul(l, l)), []int{1}), x.Shape()...)
	}, nil, nil},
	{"softmax", func(x *graph.Node) *graph.Node {
		l := graph.Reshape(graph.Log(x), x.Shape().Size(), 1)
		return graph.Reshape(graph.ReduceSum(graph.Square(graph.Softmax(graph.Concat(1, l, graph.Mul(l, l)), 1)), []int{1}), x.Shape()...)
	}, nil, nil},
	{"log_softmax", func(x *graph.Node) *graph.Node {
		l := graph.Reshape(graph.Log(x), x.Shape().Size(), 1)
		return graph.Reshape(graph.ReduceMax(graph.Square(graph.LogSoftmax(graph.Concat(1, l, graph.Mul(l, l)), 1)), []int{1}), x.Shape()...)
	}, nil, nil},
}

// The branch that is not taken contributes exactly 0 to derivatives, whatever it would give itself: here f is not taken at
// 0 and −1, where it and its derivatives are infinite or NaN.
func TestWhereGuarantee(t *testing.T) {
	for _, b := range branches {
		for _, mask := range []struct {
			name string
			cut  func(x, y *graph.Node) *graph.Node
		}{
			{"single", func(x, y *graph.Node) *graph.Node { return graph.Where(graph.Greater(x, graph.Like(x, 0)), y, x) }},
			{"swapped", func(x, y *graph.Node) *graph.Node { return graph.Where(graph.LessEqual(x, graph.Like(x, 0)), x, y) }},
			{"nested", func(x, y *graph.Node) *graph.Node {
				inner := graph.Where(graph.NotEqual(x, graph.Like(x, 0)), y, graph.Mul(x, x))
				return graph.Where(graph.GreaterEqual(x, graph.Like(x, 0)), graph.Where(graph.Equal(x, graph.Like(x, 0)), x, inner), x)
			}},
			{"of a function", func(x, y *graph.Node) *graph.Node {
				return graph.Where(graph.Greater(x, graph.Like(x, 0)), graph.Add(graph.Mul(y, graph.Sin(y)), graph.Sub(y, graph.Mul(y, graph.Sin(y)))), x)
			}},
		} {
			t.Run(b.name+"/"+mask.name, func(t *testing.T) {
				checkWhere(t, b.f, b.d1, b.d2, mask.cut)
			})
		}
	}
}

func checkWhere(t *testing.T, f func(*graph.Node) *graph.Node, d1, d2 func(float64) float64, cut func(x, y *graph.Node) *graph.Node) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 4)
	one := []*graph.Node{x}
	// Each element of the result depends on its element of x alone.
	y := cut(x, f(x))
	rev := grad(t, graph.Sum(y), x)[0]
	fwd := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{y}, one, nil))[0]
	rr := grad(t, graph.Sum(rev), x)[0]
	fr := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{rev}, one, nil))[0]
	rf := grad(t, graph.Sum(fwd), x)[0]
	ff := must[[]*graph.Node](t)(compile.JVP([]*graph.Node{fwd}, one, nil))[0]
	at := []float64{0, 0.75, -1, 1.5}
	first, second := []float64{1, math.NaN(), 1, math.NaN()}, []float64{0, math.NaN(), 0, math.NaN()}
	for _, i := range []int{1, 3} {
		if d1 != nil {
			first[i], second[i] = d1(at[i]), d2(at[i])
		}
	}
	for name, c := range configs {
		got, err := runOutputs(c, point(x, at), rev, fwd, rr, fr, rf, ff)
		if err != nil {
			t.Fatal(err)
		}
		for o, what := range []string{"reverse", "forward", "reverse of reverse", "forward of reverse", "reverse of forward", "forward of forward"} {
			want := first
			if o >= 2 {
				want = second
			}
			for i, w := range want {
				if v := got[o][i]; w == w && math.Abs(v-w) > 1e-12*math.Abs(w) || v != v || (i%2 == 0 && v != w) {
					t.Errorf("%s, %s, at %v: %v, want %v", name, what, at[i], v, w)
				}
			}
		}
	}
}

// A chain of masks, each guarding the logarithm of what the last one gave.
func TestWhereLoop(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 3)
	y := x
	for range 4 {
		ok := graph.Greater(y, graph.Like(y, 0))
		y = graph.Where(ok, graph.Log(y), y)
	}
	rev := grad(t, graph.Sum(y), x)[0]
	rr := grad(t, graph.Sum(rev), x)[0]
	// At 5: log log 5 = 0.476, log of it is negative and stays. At 0 and −2 nothing happens.
	l := math.Log(5)
	ll := math.Log(l)
	d := 1 / (5 * l * ll)
	dd := -d * d * (l*ll + ll + 1)
	expect(t, point(x, []float64{0, -2, 5}), 1e-13, [][]float64{{1, 1, d}, {0, 0, dd}}, rev, rr)
}
