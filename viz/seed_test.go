package viz

import (
	"github.com/adjoint-go/adjoint/graph"
)

// seed builds z = x1² + x1·x2 + x2² with values, adjoints and local partials at (2, 3).
func seed(mode GradientMode) ([]*graph.Node, []Option) {
	g := graph.New()
	var x1, x2, a, m, c, s, z, d1, d2 *graph.Node
	g.At(graph.Position{File: "seed.go", Line: 7}, func() {
		x1, x2 = g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
		a, m, c = graph.Square(x1), graph.Mul(x1, x2), graph.Square(x2)
		s = graph.Add(a, m)
		z = graph.Add(s, c).Named("z")
		two := g.Const(2)
		d1 = graph.Add(graph.Mul(two, x1), x2)
		d2 = graph.Add(graph.Mul(two, x2), x1)
	})
	options := []Option{WithTitle("z = x1^2 + x1*x2 + x2^2"), WithGradients(mode)}
	if mode != Split {
		options = append(options, WithValues(map[*graph.Node]*Value{x1: Scalar(2), x2: Scalar(3), a: Scalar(4), m: Scalar(6), c: Scalar(9), s: Scalar(10), z: Scalar(19)}))
	}
	switch mode {
	case Overlay:
		one := Scalar(1)
		options = append(options,
			WithAdjoints(map[*graph.Node]*Value{x1: Scalar(7), x2: Scalar(8), a: one, m: one, c: one, s: one, z: one}),
			WithPartials(map[Edge]*Value{{a, 0}: Scalar(4), {m, 0}: Scalar(3), {m, 1}: Scalar(2), {c, 0}: Scalar(6),
				{s, 0}: one, {s, 1}: one, {z, 0}: one, {z, 1}: one}))
	case Split:
		options = append(options, WithRespectTo(x1, x2), WithGradientOutputs(d1, d2))
	}
	return []*graph.Node{z}, options
}
