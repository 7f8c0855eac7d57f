package main

import (
	"errors"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// mode is that of a derivative.
type mode bool

const (
	forward mode = false
	reverse mode = true
)

// gradient returns the derivatives of y by scalars, in the mode.
func (m mode) gradient(y *graph.Node, x []*graph.Node) []*graph.Node {
	if m == reverse {
		grad, err := compile.Gradient(y, x...)
		if err != nil {
			y.Graph().Fail("gradient", err)
		}
		return grad
	}
	grad := make([]*graph.Node, len(x))
	for k := range x {
		dot, err := compile.JVP([]*graph.Node{y}, x[k:k+1], []*graph.Node{graph.Like(x[k], 1)})
		if err != nil {
			y.Graph().Fail("jvp", err)
			return x
		}
		grad[k] = dot[0]
	}
	return grad
}

// descend returns where f is least, from x on, by GradBench's gradient descent, as a loop: the rate is doubled after ten steps that are taken, halved after one that would go up, and the search ends where the gradient or a step is below 1e-5.
func descend(x []*graph.Node, m mode, f func(x []*graph.Node) *graph.Node) []*graph.Node {
	const tolerance = 1e-5
	n, g := len(x), x[0].Graph()
	norm := func(x []*graph.Node) *graph.Node {
		sum := graph.Square(x[0])
		for _, v := range x[1:] {
			sum = graph.Add(sum, graph.Square(v))
		}
		return graph.Sqrt(sum)
	}
	// evaluate returns f and its gradient.
	evaluate := func(x []*graph.Node) []*graph.Node {
		y := f(x)
		return append([]*graph.Node{y}, m.gradient(y, x)...)
	}
	first := evaluate(x)
	// Carries: x, f, its gradient, the rate, steps since the rate was changed, whether the search is over.
	init := append(append(append([]*graph.Node{}, x...), first...), g.Const(tolerance), g.Const(0), graph.LessEqual(norm(first[1:]), g.Const(tolerance)))
	final, _ := graph.While(vm.NoLimit, init,
		func(c []*graph.Node) *graph.Node { return graph.LogicalNot(c[len(c)-1]) },
		func(c []*graph.Node) []*graph.Node {
			x, fx, gx, rate, steps := c[:n], c[n], c[n+1:2*n+1], c[2*n+1], c[2*n+2]
			double := steps.GreaterEqual(10)
			var to, step []*graph.Node
			for k := range x {
				step = append(step, graph.Mul(rate, gx[k]))
				to = append(to, graph.Sub(x[k], step[k]))
			}
			short := graph.LogicalAnd(graph.LogicalNot(double), norm(step).LessEqual(tolerance))
			next := evaluate(to)
			taken := graph.LogicalAnd(graph.LogicalNot(graph.LogicalOr(double, short)), graph.Less(next[0], fx))
			chosen := func(new, old []*graph.Node) (list []*graph.Node) {
				for k := range new {
					list = append(list, graph.Where(taken, new[k], old[k]))
				}
				return list
			}
			x, values := chosen(to, x), chosen(next, append([]*graph.Node{fx}, gx...))
			rate = graph.Where(double, rate.Mul(2), graph.Where(taken, rate, rate.Mul(0.5)))
			steps = graph.Where(taken, steps.Add(1), graph.Like(steps, 0))
			over := graph.LogicalOr(short, norm(values[1:]).LessEqual(tolerance))
			return append(append(append([]*graph.Node{}, x...), values...), rate, steps, over)
		})
	return final[:n]
}

// saddle finds min over x of max over y of (x₁² + y₁²) − (x₂² + y₂²), where a point is (x₁, y₁) and the other (x₂, y₂): a descent in a descent, with the derivative of the outer one in one mode and that of the inner one in the other.
func saddle(outer, inner mode) function {
	type input struct{ Start []float64 }
	return spec[input]{
		check: func(in *input) error {
			if len(in.Start) != 2 {
				return errors.New("the start is no point of two coordinates")
			}
			return nil
		},
		states: 64,
		shape:  func(*input) string { return "" },
		build: func(g *graph.Graph, _ *input) ([]*graph.Node, error) {
			start := func(name string) []*graph.Node {
				return []*graph.Node{g.Input(name+"1", graph.Float64), g.Input(name+"2", graph.Float64)}
			}
			p0, q0 := start("p"), start("q") // of one value, but a derivative is by one of them
			f := func(p, q []*graph.Node) *graph.Node {
				square := func(p []*graph.Node) *graph.Node { return graph.Add(graph.Square(p[0]), graph.Square(p[1])) }
				return graph.Sub(square(p), square(q))
			}
			highest := func(p []*graph.Node, m mode) []*graph.Node {
				return descend(q0, m, func(q []*graph.Node) *graph.Node { return f(p, q).Neg() })
			}
			p := descend(p0, outer, func(p []*graph.Node) *graph.Node { return f(p, highest(p, inner)) })
			return append(p, highest(p, outer)...), nil
		},
		fill: func(m *vm.Machine, in *input) error {
			return firstError(set(m, "p1", in.Start[:1]), set(m, "p2", in.Start[1:]), set(m, "q1", in.Start[:1]), set(m, "q2", in.Start[1:]))
		},
		output: func(m *vm.Machine, _ *input) any {
			return []float64{m.OutputFloat64(0)[0], m.OutputFloat64(1)[0], m.OutputFloat64(2)[0], m.OutputFloat64(3)[0]}
		},
	}.function()
}

// particle finds the place w of a charge that sends a particle through the origin: a descent, with a derivative in one mode, over Euler's method, whose force is a derivative in the other.
func particle(outer, inner mode) function {
	type input struct{ W float64 }
	return spec[input]{
		check: func(in *input) error {
			if math.IsNaN(in.W) || math.IsInf(in.W, 0) {
				return errors.New("w is no number")
			}
			return nil
		},
		states: 64,
		shape:  func(*input) string { return "" },
		build: func(g *graph.Graph, _ *input) ([]*graph.Node, error) {
			return descend([]*graph.Node{g.Input("w", graph.Float64)}, outer, func(w []*graph.Node) *graph.Node { return missed(w[0], inner) }), nil
		},
		fill:   func(m *vm.Machine, in *input) error { return set(m, "w", []float64{in.W}) },
		output: number[input],
	}.function()
}

// missed is the square of where the particle's way meets the x axis.
func missed(w *graph.Node, m mode) *graph.Node {
	const dt = 0.1
	g := w.Graph()
	moved := func(c []*graph.Node, dt float64) (x, y *graph.Node) {
		return graph.Add(c[0], c[2].Mul(dt)), graph.Add(c[1], c[3].Mul(dt))
	}
	c, _ := graph.While(vm.NoLimit, []*graph.Node{g.Const(0), g.Const(8), g.Const(0.75), g.Const(0)},
		func(c []*graph.Node) *graph.Node {
			_, y := moved(c, dt)
			return y.Greater(0)
		},
		func(c []*graph.Node) []*graph.Node {
			charge := func(height *graph.Node) *graph.Node {
				return graph.Reciprocal(graph.Sqrt(graph.Add(graph.Square(c[0].Sub(10)), graph.Square(graph.Sub(c[1], height)))))
			}
			potential := graph.Add(charge(graph.Sub(g.Const(10), w)), charge(g.Const(0)))
			force := m.gradient(potential, c[:2])
			x, y := moved(c, dt)
			return []*graph.Node{x, y, graph.Sub(c[2], force[0].Mul(dt)), graph.Sub(c[3], force[1].Mul(dt))}
		})
	x, y := moved(c, dt)
	return graph.Square(graph.Sub(x, graph.Mul(graph.Div(y, c[3]), c[2])))
}
