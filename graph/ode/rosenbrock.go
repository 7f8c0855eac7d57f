package ode

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// rosenbrock are the coefficients of Rodas4 in the form without products with the Jacobian: stage i solves (1/(γh) − J)·uᵢ = f(t + cᵢh, y + Σ aᵢⱼuⱼ) + Σ gᵢⱼuⱼ/h + dᵢ·h·∂f/∂t. The last stage but one
// starts from the result of the embedded method, the last one is its error.
var rosenbrock = struct {
	gamma float64
	a, g  [][]float64
	c, d  []float64
}{
	gamma: 0.25,
	a: [][]float64{{}, {1.544}, {0.9466785280815826, 0.2557011698983284}, {3.314825187068521, 2.896124015972201, 0.9986419139977817},
		{1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950}, {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1}},
	g: [][]float64{{}, {-5.6688}, {-2.430093356833875, -0.2063599157091915}, {-0.1073529058151375, -9.594562251023355, -20.47028614809616},
		{7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160}, {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054}},
	c: []float64{0, 0.386, 0.21, 0.63, 1, 1},
	d: []float64{0.25, -0.1043, 0.1035, -0.0362, 0, 0},
}

// rosenbrockStep is the state behind a step, and its error behind k.
func (s *solver) rosenbrockStep(t, h *node, y, k nodes) (nodes, []nodes) {
	like := func(v float64) *node { return graph.Like(h, v) }
	n := y[0].Shape()[0]
	m := &rosenbrock
	j, ft := s.o.Jacobian(t, y[0])
	if j.Valid() && ft.Valid() && (!j.Type().Equal(graph.Type{DType: t.DType(), Shape: graph.Shape{n, n}}) || !ft.Type().Equal(y[0].Type())) {
		bad := y[0].Graph().Fail(s.op, fmt.Errorf("the Jacobian gives %v and %v for a state %v", j.Type(), ft.Type(), y[0].Type()))
		return nodes{bad}, []nodes{k, {bad}}
	}
	eye := graph.Diag(graph.BroadcastTo(graph.Reciprocal(graph.Mul(like(m.gamma), h)), n), 0)
	w := graph.Sub(eye, j)
	var us []nodes
	z := y[0]
	for i := range m.c {
		f := k[0]
		if i > 0 {
			z = graph.Add(y[0], combined(m.a[i], us)[0])
			f = s.eval(graph.Add(t, graph.Mul(like(m.c[i]), h)), nodes{z})[0]
			f = graph.Add(f, graph.Div(combined(m.g[i], us)[0], h))
		}
		if m.d[i] != 0 {
			f = graph.Add(f, graph.Mul(graph.Mul(like(m.d[i]), h), ft))
		}
		us = append(us, nodes{graph.Solve(w, f)})
	}
	s.us = us
	last := us[len(us)-1]
	return nodes{graph.Add(z, last[0])}, []nodes{k, last}
}
