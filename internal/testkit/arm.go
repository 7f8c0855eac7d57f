package testkit

import "github.com/adjoint-go/adjoint/graph"

// SixJointArm returns where a robot's hand is less where it should be, a vector of 3, and its six angles, of which it is a product of six matrices by Denavit and Hartenberg.
func SixJointArm() (residual, angles *graph.Node) {
	g := graph.New()
	q := g.Input("q", graph.Float64, 6)
	alpha := []float64{1.57, 0, -1.57, 1.57, -1.57, 0}
	a := []float64{0, .4, .05, 0, 0, 0}
	d := []float64{.3, 0, 0, .4, 0, .1}
	var t *graph.Node
	one, zero := g.Const(1), g.Const(0)
	for i := range 6 {
		th := graph.Index(q, i)
		c, s := graph.Cos(th), graph.Sin(th)
		ca, sa := graph.Cos(g.Const(alpha[i])), graph.Sin(g.Const(alpha[i]))
		m := graph.Reshape(graph.Stack(0, c, s.Neg().Mul(ca), s.Mul(sa), c.Mul(a[i]),
			s, c.Mul(ca), c.Neg().Mul(sa), s.Mul(a[i]),
			zero, sa, ca, g.Const(d[i]),
			zero, zero, zero, one), 4, 4)
		if t == nil {
			t = m
		} else {
			t = graph.MatMul(t, m)
		}
	}
	target := graph.Constant(g, []float64{.3, .2, .5}, 3, 1)
	r := graph.Reshape(graph.Sub(graph.Slice(t, graph.Range{Limit: 3}, graph.Range{Start: 3, Limit: 4}), target), 3)
	return r, q
}
