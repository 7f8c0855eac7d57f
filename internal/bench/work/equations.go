package work

import (
	"math"
	"time"

	"github.com/adjoint-go/adjoint/compile/stiff"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("lotka_volterra", "float64", lotkaVolterra)
	register("lorenz96.fit", "float64", lorenz96Fit)
	register("robertson", "float64", robertson)
}

// adaptive are the options of both fits.
var adaptive = ode.Options{Method: ode.DOP853, RTol: 1e-8, ATol: 1e-8, Limit: 64}

// lotkaVolterra fits x′ = ax − bxy, y′ = dxy − cy, from a given start, to observations at 100 times.
func lotkaVolterra() (*protocol.Item, error) {
	const n = 100
	start := time.Now()
	g := graph.New()
	p := g.Input("p", graph.Float64, 6)
	part := func(i int) *graph.Node { return graph.Index(p, i) }
	a, b, c, d := part(0), part(1), part(2), part(3)
	times, x, y := make([]float64, n), make([]float64, n), make([]float64, n)
	for k := range times {
		t := 0.1 * float64(k+1)
		times[k], x[k], y[k] = t, 2+1.5*math.Sin(1.9*t), 1.5+math.Cos(t)
	}
	s := ode.Solve(func(_ *graph.Node, y []*graph.Node) []*graph.Node {
		xy := graph.Mul(y[0], y[1])
		return []*graph.Node{graph.Sub(graph.Mul(a, y[0]), graph.Mul(b, xy)), graph.Sub(graph.Mul(d, xy), graph.Mul(c, y[1]))}
	}, g.Const(0), graph.Constant(g, times, n), []*graph.Node{part(4), part(5)}, adaptive)
	off := graph.Add(graph.Sum(graph.Square(graph.Sub(s.Y[0], graph.Constant(g, x, n)))), graph.Sum(graph.Square(graph.Sub(s.Y[1], graph.Constant(g, y, n)))))
	return fitted(start, graph.Mul(g.Const(0.5), off), p, []float64{1.6, 1.05, 2.9, 0.95, 1.1, 0.9})
}

// fitted is the item of a cost of the vector p.
func fitted(start time.Time, cost, p *graph.Node, values []float64) (*protocol.Item, error) {
	m, info, err := valueAndGradient(start, cost, p)
	if err != nil {
		return nil, err
	}
	if err := fill(m, p.Name(), values); err != nil {
		return nil, err
	}
	return item(m, info, func() []float64 {
		var product, squares float64
		for k, d := range m.Float64(gradientName(p.Name())) {
			product, squares = product+d*math.Cos(float64(k)), squares+d*d
		}
		return []float64{m.Float64(valueName)[0], product, math.Sqrt(squares)}
	})
}

// lorenz96Fit fits yᵢ′ = (yᵢ₊₁ − yᵢ₋₂)·yᵢ₋₁ − yᵢ + Fᵢ with 40 variables to observations at 20 times: by the forces and the start.
func lorenz96Fit() (*protocol.Item, error) {
	const n, count = 40, 20
	start := time.Now()
	g := graph.New()
	p := g.Input("p", graph.Float64, 2*n)
	times, observed, values := make([]float64, count), make([]float64, count*n), make([]float64, 2*n)
	var states, forces []*graph.Node
	for i := range n {
		forces, states = append(forces, graph.Index(p, i)), append(states, graph.Index(p, n+i))
		values[i], values[n+i] = 8+0.5*math.Sin(float64(i)), 8+math.Sin(1+0.7*float64(i))
	}
	for k := range times {
		times[k] = 0.1 * float64(k+1)
		for i := range n {
			observed[k*n+i] = 8 * math.Cos(0.3*float64(i)+times[k])
		}
	}
	s := ode.Solve(func(_ *graph.Node, y []*graph.Node) []*graph.Node {
		out := make([]*graph.Node, n)
		for i := range out {
			out[i] = graph.Add(graph.Sub(graph.Mul(graph.Sub(y[(i+1)%n], y[(i+n-2)%n]), y[(i+n-1)%n]), y[i]), forces[i])
		}
		return out
	}, g.Const(0), graph.Constant(g, times, count), states, adaptive)
	return fitted(start, graph.Mul(g.Const(0.5), graph.Sum(graph.Square(graph.Sub(graph.Stack(1, s.Y...), graph.Constant(g, observed, count, n))))), p, values)
}

// robertson is Robertson's stiff problem to t = 1e4: the square of the solution there, and its gradient by the rates.
func robertson() (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	k := g.Input("k", graph.Float64, 3)
	s, err := stiff.Solve(func(_, y *graph.Node) *graph.Node {
		a, b, c := graph.Index(y, 0), graph.Index(y, 1), graph.Index(y, 2)
		first := graph.Mul(graph.Index(k, 0), a)
		second, third := graph.Mul(graph.Index(k, 1), graph.Square(b)), graph.Mul(graph.Index(k, 2), graph.Mul(b, c))
		return graph.Stack(0, graph.Sub(third, first), graph.Sub(graph.Sub(first, third), second), second)
	}, g.Const(0), g.Const(1e4), graph.Constant(g, []float64{1, 0, 0}, 3), ode.Options{RTol: 1e-6, ATol: 1e-10, Limit: 512})
	if err != nil {
		return nil, err
	}
	m, info, err := valueAndGradient(start, graph.Sum(graph.Square(s.Y[0])), k)
	if err != nil {
		return nil, err
	}
	if err := fill(m, "k", []float64{0.04, 3e7, 1e4}); err != nil {
		return nil, err
	}
	return item(m, info, func() []float64 {
		d := m.Float64(gradientName("k"))
		return []float64{m.Float64(valueName)[0], d[0], d[1] * 1e9, d[2] * 1e5}
	})
}
