package optimize_test

import (
	"context"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

type node = graph.Node

// terms builds formulas of single numbers.
type terms struct{ g *graph.Graph }

func (t terms) c(v float64) *node { return t.g.Const(v) }
func (t terms) sum(xs ...*node) *node {
	return graph.AddN(xs[0], xs[1:]...)
}
func (t terms) mul(xs ...*node) *node {
	y := xs[0]
	for _, x := range xs[1:] {
		y = graph.Mul(y, x)
	}
	return y
}
func (t terms) k(v float64, xs ...*node) *node { return t.mul(append([]*node{t.c(v)}, xs...)...) }
func (t terms) p(x *node, n float64) *node     { return graph.Pow(x, t.c(n)) }
func (t terms) sq(x *node) *node               { return graph.Square(x) }

type hs struct {
	name         string
	start        []float64
	lower, upper []float64
	build        func(t terms, x []*node) (f *node, zero, nonNegative []*node)
	value        float64
	tolerance    float64 // of the value, relative to 1 + |value|
}

func rosen(t terms, x []*node) *node {
	return t.sum(t.k(100, t.sq(graph.Sub(x[1], t.sq(x[0])))), t.sq(graph.Sub(t.c(1), x[0])))
}

func nodes(x ...*node) []*node { return x }

// hockSchittkowski are problems of Hock and Schittkowski, Test Examples for Nonlinear Programming Codes (1981), with the optimal values given there. Starts outside the bounds are moved to them.
var hockSchittkowski = []hs{
	{name: "1", start: []float64{-2, 1}, lower: []float64{math.Inf(-1), -1.5}, value: 0,
		build: func(t terms, x []*node) (*node, []*node, []*node) { return rosen(t, x), nil, nil }},
	{name: "3", start: []float64{10, 1}, lower: []float64{math.Inf(-1), 0}, value: 0,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(x[1], t.k(1e-5, t.sq(graph.Sub(x[1], x[0])))), nil, nil
		}},
	{name: "4", start: []float64{1.125, 0.125}, lower: []float64{1, 0}, value: 8.0 / 3,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.k(1.0/3, t.p(t.sum(x[0], t.c(1)), 3)), x[1]), nil, nil
		}},
	{name: "5", start: []float64{0, 0}, lower: []float64{-1.5, -3}, upper: []float64{4, 3}, value: -math.Sqrt(3)/2 - math.Pi/3,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(graph.Sin(t.sum(x[0], x[1])), t.sq(graph.Sub(x[0], x[1])), t.k(-1.5, x[0]), t.k(2.5, x[1]), t.c(1)), nil, nil
		}},
	{name: "6", start: []float64{-1.2, 1}, value: 0,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sq(graph.Sub(t.c(1), x[0])), nodes(t.k(10, graph.Sub(x[1], t.sq(x[0])))), nil
		}},
	{name: "7", start: []float64{2, 2}, value: -math.Sqrt(3),
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			u := t.sum(t.c(1), t.sq(x[0]))
			return graph.Sub(graph.Log(u), x[1]), nodes(t.sum(t.sq(u), t.sq(x[1]), t.c(-4))), nil
		}},
	{name: "10", start: []float64{-10, 10}, value: -1,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return graph.Sub(x[0], x[1]), nil, nodes(t.sum(t.k(-3, x[0], x[0]), t.k(2, x[0], x[1]), t.k(-1, x[1], x[1]), t.c(1)))
		}},
	{name: "11", start: []float64{4.9, 0.1}, value: -8.498464223,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], t.c(-5))), t.sq(x[1]), t.c(-25)), nil, nodes(graph.Sub(x[1], t.sq(x[0])))
		}},
	{name: "12", start: []float64{0, 0}, value: -30,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.k(0.5, x[0], x[0]), t.sq(x[1]), t.k(-1, x[0], x[1]), t.k(-7, x[0]), t.k(-7, x[1])), nil, nodes(t.sum(t.c(25), t.k(-4, x[0], x[0]), t.k(-1, x[1], x[1])))
		}},
	{name: "14", start: []float64{2, 2}, value: 9 - 2.875*math.Sqrt(7),
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], t.c(-2))), t.sq(t.sum(x[1], t.c(-1)))), nodes(t.sum(x[0], t.k(-2, x[1]), t.c(1))), nodes(t.sum(t.k(-0.25, x[0], x[0]), t.k(-1, x[1], x[1]), t.c(1)))
		}},
	{name: "15", start: []float64{-2, 1}, upper: []float64{0.5, math.Inf(1)}, value: 306.5,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return rosen(t, x), nil, nodes(t.sum(t.mul(x[0], x[1]), t.c(-1)), t.sum(x[0], t.sq(x[1])))
		}},
	{name: "18", start: []float64{2, 2}, lower: []float64{2, 0}, upper: []float64{50, 50}, value: 5,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.k(0.01, x[0], x[0]), t.sq(x[1])), nil, nodes(t.sum(t.mul(x[0], x[1]), t.c(-25)), t.sum(t.sq(x[0]), t.sq(x[1]), t.c(-25)))
		}},
	{name: "19", start: []float64{20.1, 5.84}, lower: []float64{13, 0}, upper: []float64{100, 100}, value: -6961.81387558,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.p(t.sum(x[0], t.c(-10)), 3), t.p(t.sum(x[1], t.c(-20)), 3)), nil,
				nodes(t.sum(t.sq(t.sum(x[0], t.c(-5))), t.sq(t.sum(x[1], t.c(-5))), t.c(-100)), t.sum(t.k(-1, t.sq(t.sum(x[1], t.c(-5)))), t.k(-1, t.sq(t.sum(x[0], t.c(-6)))), t.c(82.81)))
		}},
	{name: "21", start: []float64{2, -1}, lower: []float64{2, -50}, upper: []float64{50, 50}, value: -99.96,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.k(0.01, x[0], x[0]), t.sq(x[1]), t.c(-100)), nil, nodes(t.sum(t.k(10, x[0]), t.k(-1, x[1]), t.c(-10)))
		}},
	{name: "22", start: []float64{2, 2}, value: 1,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], t.c(-2))), t.sq(t.sum(x[1], t.c(-1)))), nil, nodes(t.sum(t.k(-1, x[0]), t.k(-1, x[1]), t.c(2)), graph.Sub(x[1], t.sq(x[0])))
		}},
	{name: "23", start: []float64{3, 1}, lower: []float64{-50, -50}, upper: []float64{50, 50}, value: 2,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			a, b := t.sq(x[0]), t.sq(x[1])
			return t.sum(a, b), nil, nodes(t.sum(x[0], x[1], t.c(-1)), t.sum(a, b, t.c(-1)), t.sum(t.k(9, a), b, t.c(-9)), graph.Sub(a, x[1]), graph.Sub(b, x[0]))
		}},
	{name: "24", start: []float64{1, 0.5}, lower: []float64{0, 0}, value: -1,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			s := math.Sqrt(3)
			return t.k(1/(27*s), t.sum(t.sq(t.sum(x[0], t.c(-3))), t.c(-9)), t.p(x[1], 3)), nil, nodes(t.sum(t.k(1/s, x[0]), t.k(-1, x[1])), t.sum(x[0], t.k(s, x[1])), t.sum(t.k(-1, x[0]), t.k(-s, x[1]), t.c(6)))
		}},
	{name: "26", start: []float64{-2.6, 2, 2}, value: 0, tolerance: 1e-9,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(graph.Sub(x[0], x[1])), t.p(graph.Sub(x[1], x[2]), 4)), nodes(t.sum(t.mul(t.sum(t.c(1), t.sq(x[1])), x[0]), t.p(x[2], 4), t.c(-3))), nil
		}},
	{name: "27", start: []float64{2, 2, 2}, value: 0.04,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.k(0.01, t.sq(t.sum(x[0], t.c(-1)))), t.sq(graph.Sub(x[1], t.sq(x[0])))), nodes(t.sum(x[0], t.sq(x[2]), t.c(1))), nil
		}},
	{name: "28", start: []float64{-4, 1, 1}, value: 0,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], x[1])), t.sq(t.sum(x[1], x[2]))), nodes(t.sum(x[0], t.k(2, x[1]), t.k(3, x[2]), t.c(-1))), nil
		}},
	{name: "29", start: []float64{1, 1, 1}, value: -16 * math.Sqrt2,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.k(-1, x...), nil, nodes(t.sum(t.k(-1, x[0], x[0]), t.k(-2, x[1], x[1]), t.k(-4, x[2], x[2]), t.c(48)))
		}},
	{name: "30", start: []float64{1, 1, 1}, lower: []float64{1, -10, -10}, upper: []float64{10, 10, 10}, value: 1,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(x[0]), t.sq(x[1]), t.sq(x[2])), nil, nodes(t.sum(t.sq(x[0]), t.sq(x[1]), t.c(-1)))
		}},
	{name: "31", start: []float64{1, 1, 1}, lower: []float64{-10, 1, -10}, upper: []float64{10, 10, 1}, value: 6,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.k(9, x[0], x[0]), t.sq(x[1]), t.k(9, x[2], x[2])), nil, nodes(t.sum(t.mul(x[0], x[1]), t.c(-1)))
		}},
	{name: "32", start: []float64{0.1, 0.7, 0.2}, lower: []float64{0, 0, 0}, value: 1,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], t.k(3, x[1]), x[2])), t.k(4, t.sq(graph.Sub(x[0], x[1])))), nodes(t.sum(t.c(1), t.k(-1, x[0]), t.k(-1, x[1]), t.k(-1, x[2]))),
				nodes(t.sum(t.k(6, x[1]), t.k(4, x[2]), t.k(-1, t.p(x[0], 3)), t.c(-3)))
		}},
	{name: "34", start: []float64{0, 1.05, 2.9}, lower: []float64{0, 0, 0}, upper: []float64{100, 100, 10}, value: -math.Log(math.Log(10)),
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.k(-1, x[0]), nil, nodes(graph.Sub(x[1], graph.Exp(x[0])), graph.Sub(x[2], graph.Exp(x[1])))
		}},
	{name: "35", start: []float64{0.5, 0.5, 0.5}, lower: []float64{0, 0, 0}, value: 1.0 / 9,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.c(9), t.k(-8, x[0]), t.k(-6, x[1]), t.k(-4, x[2]), t.k(2, x[0], x[0]), t.k(2, x[1], x[1]), t.sq(x[2]), t.k(2, x[0], x[1]), t.k(2, x[0], x[2])), nil,
				nodes(t.sum(t.c(3), t.k(-1, x[0]), t.k(-1, x[1]), t.k(-2, x[2])))
		}},
	{name: "36", start: []float64{10, 10, 10}, lower: []float64{0, 0, 0}, upper: []float64{20, 11, 42}, value: -3300,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.k(-1, x...), nil, nodes(t.sum(t.c(72), t.k(-1, x[0]), t.k(-2, x[1]), t.k(-2, x[2])))
		}},
	{name: "37", start: []float64{10, 10, 10}, lower: []float64{0, 0, 0}, upper: []float64{42, 42, 42}, value: -3456,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			s := t.sum(x[0], t.k(2, x[1]), t.k(2, x[2]))
			return t.k(-1, x...), nil, nodes(graph.Sub(t.c(72), s), s)
		}},
	{name: "39", start: []float64{2, 2, 2, 2}, value: -1,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.k(-1, x[0]), nodes(t.sum(x[1], t.k(-1, t.p(x[0], 3)), t.k(-1, x[2], x[2])), t.sum(t.sq(x[0]), t.k(-1, x[1]), t.k(-1, x[3], x[3]))), nil
		}},
	{name: "40", start: []float64{0.8, 0.8, 0.8, 0.8}, value: -0.25,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.k(-1, x...), nodes(t.sum(t.p(x[0], 3), t.sq(x[1]), t.c(-1)), graph.Sub(t.mul(x[0], x[0], x[3]), x[2]), graph.Sub(t.sq(x[3]), x[1])), nil
		}},
	{name: "41", start: []float64{1, 1, 1, 1}, lower: []float64{0, 0, 0, 0}, upper: []float64{1, 1, 1, 2}, value: 52.0 / 27,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return graph.Sub(t.c(2), t.mul(x[:3]...)), nodes(t.sum(x[0], t.k(2, x[1]), t.k(2, x[2]), t.k(-1, x[3]))), nil
		}},
	{name: "42", start: []float64{1, 1, 1, 1}, value: 28 - 10*math.Sqrt2,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			var s []*node
			for i, v := range x {
				s = append(s, t.sq(t.sum(v, t.c(-1-float64(i)))))
			}
			return t.sum(s...), nodes(t.sum(x[0], t.c(-2)), t.sum(t.sq(x[2]), t.sq(x[3]), t.c(-2))), nil
		}},
	{name: "43", start: []float64{0, 0, 0, 0}, value: -44,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			a, b, c, d := t.sq(x[0]), t.sq(x[1]), t.sq(x[2]), t.sq(x[3])
			minus := func(v *node) *node { return t.k(-1, v) }
			return t.sum(a, b, t.k(2, c), d, t.k(-5, x[0]), t.k(-5, x[1]), t.k(-21, x[2]), t.k(7, x[3])), nil, nodes(
				t.sum(t.c(8), minus(a), minus(b), minus(c), minus(d), minus(x[0]), x[1], minus(x[2]), x[3]),
				t.sum(t.c(10), minus(a), t.k(-2, b), minus(c), t.k(-2, d), x[0], x[3]),
				t.sum(t.c(5), t.k(-2, a), minus(b), minus(c), t.k(-2, x[0]), x[1], x[3]))
		}},
	{name: "48", start: []float64{3, 5, -3, 2, -2}, value: 0,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], t.c(-1))), t.sq(graph.Sub(x[1], x[2])), t.sq(graph.Sub(x[3], x[4]))), nodes(t.sum(append(nodes(t.c(-5)), x...)...), t.sum(x[2], t.k(-2, x[3]), t.k(-2, x[4]), t.c(3))), nil
		}},
	{name: "63", start: []float64{2, 2, 2}, lower: []float64{0, 0, 0}, value: 961.7151721,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			a, b, c := t.sq(x[0]), t.sq(x[1]), t.sq(x[2])
			return t.sum(t.c(1000), t.k(-1, a), t.k(-2, b), t.k(-1, c), t.k(-1, x[0], x[1]), t.k(-1, x[0], x[2])), nodes(t.sum(t.k(8, x[0]), t.k(14, x[1]), t.k(7, x[2]), t.c(-56)), t.sum(a, b, c, t.c(-25))), nil
		}},
	{name: "64", start: []float64{1, 1, 1}, lower: []float64{1e-5, 1e-5, 1e-5}, value: 6299.842428,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			over := func(v float64, x *node) *node { return graph.Div(t.c(v), x) }
			return t.sum(t.k(5, x[0]), over(50000, x[0]), t.k(20, x[1]), over(72000, x[1]), t.k(10, x[2]), over(144000, x[2])), nil, nodes(t.sum(t.c(1), over(-4, x[0]), over(-32, x[1]), over(-120, x[2])))
		}},
	{name: "65", start: []float64{-4.5, 4.5, 0}, lower: []float64{-4.5, -4.5, -5}, upper: []float64{4.5, 4.5, 5}, value: 0.9535288567,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(graph.Sub(x[0], x[1])), t.k(1.0/9, t.sq(t.sum(x[0], x[1], t.c(-10)))), t.sq(t.sum(x[2], t.c(-5)))), nil, nodes(t.sum(t.c(48), t.k(-1, x[0], x[0]), t.k(-1, x[1], x[1]), t.k(-1, x[2], x[2])))
		}},
	{name: "71", start: []float64{1, 5, 5, 1}, lower: []float64{1, 1, 1, 1}, upper: []float64{5, 5, 5, 5}, value: 17.0140173,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.mul(x[0], x[3], t.sum(x[0], x[1], x[2])), x[2]), nodes(t.sum(t.sq(x[0]), t.sq(x[1]), t.sq(x[2]), t.sq(x[3]), t.c(-40))), nodes(t.sum(t.mul(x...), t.c(-25)))
		}},
	{name: "76", start: []float64{0.5, 0.5, 0.5, 0.5}, lower: []float64{0, 0, 0, 0}, value: -4.681818181,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(x[0]), t.k(0.5, x[1], x[1]), t.sq(x[2]), t.k(0.5, x[3], x[3]), t.k(-1, x[0], x[2]), t.mul(x[2], x[3]), t.k(-1, x[0]), t.k(-3, x[1]), x[2], t.k(-1, x[3])), nil, nodes(
				t.sum(t.c(5), t.k(-1, x[0]), t.k(-2, x[1]), t.k(-1, x[2]), t.k(-1, x[3])), t.sum(t.c(4), t.k(-3, x[0]), t.k(-1, x[1]), t.k(-2, x[2]), x[3]), t.sum(x[1], t.k(4, x[2]), t.c(-1.5)))
		}},
	{name: "77", start: []float64{2, 2, 2, 2, 2}, value: 0.24150513,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			less := func(i int) *node { return t.sum(x[i], t.c(-1)) }
			return t.sum(t.sq(less(0)), t.sq(graph.Sub(x[0], x[1])), t.sq(less(2)), t.p(less(3), 4), t.p(less(4), 6)), nodes(
				t.sum(t.mul(x[0], x[0], x[3]), graph.Sin(graph.Sub(x[3], x[4])), t.c(-2*math.Sqrt2)), t.sum(x[1], t.mul(t.p(x[2], 4), t.sq(x[3])), t.c(-8-math.Sqrt2))), nil
		}},
	{name: "78", start: []float64{-2, 1.5, 2, -1, -1}, value: -2.91970041,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.mul(x...), nodes(t.sum(t.sq(x[0]), t.sq(x[1]), t.sq(x[2]), t.sq(x[3]), t.sq(x[4]), t.c(-10)), t.sum(t.mul(x[1], x[2]), t.k(-5, x[3], x[4])), t.sum(t.p(x[0], 3), t.p(x[1], 3), t.c(1))), nil
		}},
	{name: "79", start: []float64{2, 2, 2, 2, 2}, value: 0.0787768209,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			return t.sum(t.sq(t.sum(x[0], t.c(-1))), t.sq(graph.Sub(x[0], x[1])), t.sq(graph.Sub(x[1], x[2])), t.p(graph.Sub(x[2], x[3]), 4), t.p(graph.Sub(x[3], x[4]), 4)), nodes(
				t.sum(x[0], t.sq(x[1]), t.p(x[2], 3), t.c(-2-3*math.Sqrt2)), t.sum(x[1], t.k(-1, x[2], x[2]), x[3], t.c(2-2*math.Sqrt2)), t.sum(t.mul(x[0], x[4]), t.c(-2))), nil
		}},
	{name: "100", start: []float64{1, 2, 0, 4, 0, 1, 1}, value: 680.6300573,
		build: func(t terms, x []*node) (*node, []*node, []*node) {
			p := func(i int, n float64) *node { return t.p(x[i-1], n) }
			v := func(k float64, i int) *node { return t.k(k, x[i-1]) }
			return t.sum(t.sq(t.sum(x[0], t.c(-10))), t.k(5, t.sq(t.sum(x[1], t.c(-12)))), p(3, 4), t.k(3, t.sq(t.sum(x[3], t.c(-11)))), t.k(10, p(5, 6)), t.k(7, p(6, 2)), p(7, 4), t.k(-4, x[5], x[6]), v(-10, 6), v(-8, 7)), nil, nodes(
				t.sum(t.c(127), t.k(-2, p(1, 2)), t.k(-3, p(2, 4)), v(-1, 3), t.k(-4, p(4, 2)), v(-5, 5)),
				t.sum(t.c(282), v(-7, 1), v(-3, 2), t.k(-10, p(3, 2)), v(-1, 4), v(1, 5)),
				t.sum(t.c(196), v(-23, 1), t.k(-1, p(2, 2)), t.k(-6, p(6, 2)), v(8, 7)),
				t.sum(t.k(-4, p(1, 2)), t.k(-1, p(2, 2)), t.k(3, x[0], x[1]), t.k(-2, p(3, 2)), v(-5, 6), v(11, 7)))
		}},
}

func TestHockSchittkowski(t *testing.T) {
	for _, h := range hockSchittkowski {
		t.Run(h.name, func(t *testing.T) {
			g := graph.New()
			n := len(h.start)
			x := g.Input("x", graph.Float64, n)
			parts := make([]*node, n)
			for i := range parts {
				parts[i] = graph.Index(x, i)
			}
			f, zero, nonNegative := h.build(terms{g}, parts)
			p := optimize.Problem{Objective: f, Zero: zero, NonNegative: nonNegative, Parameters: nodes(x), Method: optimize.SQP, Lower: optimize.Values{}, Upper: optimize.Values{}}
			if h.lower != nil {
				p.Lower["x"] = h.lower
			}
			if h.upper != nil {
				p.Upper["x"] = h.upper
			}
			r, err := p.Solve(context.Background(), optimize.Values{"x": h.start}, optimize.Options{})
			if err != nil {
				t.Fatalf("%v; %+v", err, r)
			}
			t.Logf("%v: %d iterations, %d evaluations, value %v (%v), optimality %.1e, violation %.1e", r.Status, r.Iterations, r.Evaluations.Values, r.Value, h.value, r.Optimality, r.Violation)
			tolerance := max(h.tolerance, 1e-9)
			if math.Abs(r.Value-h.value) > tolerance*(1+math.Abs(h.value)) {
				t.Errorf("value %v, want %v", r.Value, h.value)
			}
			if r.Optimality > 1e-7 || r.Violation > 1e-8 {
				t.Errorf("residual of the conditions %v, violation %v", r.Optimality, r.Violation)
			}
		})
	}
}
