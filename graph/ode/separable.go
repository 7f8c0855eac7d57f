package ode

import (
	"errors"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// SolveSeparable returns the solution of q′ = velocity(t, p), p′ = force(t, q) at times, as Solve does, by symplectic methods with equal steps: the positions and the momenta. As flows of a nearby Hamiltonian system, they
// keep energies within bounds over long times. o.Steps has to be given, o.Method is Leapfrog, ForestRuth or SymplecticEuler, and other options are not looked at. Momenta are as many as positions, of their types.
func SolveSeparable(velocity, force System, t0, times *graph.Node, q0, p0 []*graph.Node, o Options) (q, p []*graph.Node) {
	const op = "ode_separable"
	n := len(q0)
	fail := func(bad *node) (q, p nodes) { return failed(bad, n).Y, failed(bad, len(p0)).Y }
	if n == 0 || len(p0) != n {
		return fail(graphOf(t0).Fail(op, fmt.Errorf("%d positions and %d momenta: needs as many, and one at least", n, len(p0))))
	}
	o = Options{Method: o.Method, Steps: o.Steps}
	if o.Method == "" {
		o.Method = Leapfrog
	}
	y0 := append(append(nodes{}, q0...), p0...)
	if bad := check(op, t0, times, y0, o); bad != nil {
		return fail(bad)
	}
	for i := range q0 {
		if !q0[i].Type().Equal(p0[i].Type()) {
			return fail(t0.Graph().Fail(op, fmt.Errorf("position %d is %v and momentum %v: needs one type", i, q0[i].Type(), p0[i].Type())))
		}
	}
	switch {
	case velocity == nil || force == nil:
		return fail(t0.Graph().Fail(op, errors.New("needs functions")))
	case o.Steps == 0:
		return fail(t0.Graph().Fail(op, errors.New("needs a number of steps")))
	}
	// Leapfrog steps of parts of h. The force at the end of one is that of the next one.
	var parts []float64
	switch o.Method {
	case SymplecticEuler:
	case Leapfrog:
		parts = []float64{1}
	case ForestRuth:
		w := 1 / (2 - math.Cbrt(2))
		parts = []float64{w, 1 - 2*w, w}
	default:
		return fail(t0.Graph().Fail(op, fmt.Errorf("no method %q for separable systems", o.Method)))
	}
	init := y0
	if parts != nil {
		init = append(init, eval(op, force, t0, q0, p0)...)
	}
	y := fixed(t0, times, init, 2*n, o.Steps, func(t, h *node, c nodes) nodes {
		q, p, a := c[:n:n], c[n:2*n:2*n], c[2*n:]
		if parts == nil {
			p = moved(p, h, eval(op, force, t, q, p))
			return append(moved(q, h, eval(op, velocity, t, p, q)), p...)
		}
		at := 0.0
		for _, part := range parts {
			after := func(x float64) *node { return graph.Add(t, graph.Mul(graph.Like(h, x), h)) }
			half := graph.Mul(graph.Like(h, part/2), h)
			p = moved(p, half, a)
			q = moved(q, graph.Mul(graph.Like(h, part), h), eval(op, velocity, after(at+part/2), p, q))
			at += part
			a = eval(op, force, after(at), q, p)
			p = moved(p, half, a)
		}
		return append(append(q, p...), a...)
	})
	return y[:n:n], y[n:]
}
