package ode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// SolveUntil follows the solution of y′ = f(t, y), y(t0) = y0 until event(t, y), a scalar, changes its sign, and returns the time and the states there. The run fails if that does not happen before end, whichever
// way end lies. Where event is 0 at the start, its first other value counts. Methods choose their steps: o.Steps is 0. An event that changes its sign twice within a step is not seen: o.MaxStep keeps steps short.
//
// The time is a root of event along the last step itself, as accurate as the method, and has derivatives by the implicit function theorem, of every order, as the states there have; event has to cross 0 at a nonzero rate.
func SolveUntil(f System, event func(t *graph.Node, y []*graph.Node) *graph.Node, t0, end *graph.Node, y0 []*graph.Node, o Options) (t *graph.Node, y []*graph.Node) {
	const op = "ode_until"
	s, bad := newSolver(op, f, t0, end, y0, o)
	switch {
	case bad != nil:
	case s.o.Steps > 0:
		bad = s.g.Fail(op, fmt.Errorf("%d steps: needs a method that chooses them", s.o.Steps))
	case !end.Type().IsScalar():
		bad = s.g.Fail(op, fmt.Errorf("the end is %v: needs one time", end.Type()))
	case event == nil:
		bad = s.g.Fail(op, errors.New("needs an event"))
	}
	if bad != nil {
		return bad, failed(bad, len(y0)).Y
	}
	s.event = func(t *node, y nodes) *node {
		e := event(t, slices.Clone(y))
		switch {
		case e == nil:
			return y[0].Graph().Fail(op, errors.New("the event is nil"))
		case e.Valid() && !e.Type().Equal(t.Type()):
			return y[0].Graph().Fail(op, fmt.Errorf("the event is %v: needs a scalar %v", e.Type(), t.DType()))
		}
		return e
	}
	n := len(y0)
	zero := graph.Like(t0, 0)
	c := s.stretch(t0, end, slices.Concat(s.start(t0, end, y0), y0, nodes{t0, zero, zero, s.event(t0, y0)}))
	y0, v := c[2*n+carries:3*n+carries], c[3*n+carries:]
	from, h, low := v[beforeT], v[beforeH], v[beforeEvent]
	last := s.finish(append(c[:n:n], c[2*n+carryT]), c[2*n:]).Y
	high := s.event(last[n], last[:n])

	// The event as a function of the part of the last step that is made.
	along := func(part *node) (*node, nodes) {
		h := graph.Mul(part, h)
		y, _ := s.step(from, h, y0, s.eval(from, y0))
		return graph.Add(from, h), y
	}
	value := func(part *node) *node { return s.event(along(part)) }
	part := graph.Implicit(root(value, low, high), value, graph.ImplicitOptions{})
	part = graph.Require(part, crossed(low, high), "the event does not happen before the end; its value there", graph.Abs(high))
	return along(part)
}

// crossed reports whether the event happened in a step, at whose ends it has the given values.
func crossed(low, high *node) *node {
	zero := graph.Like(low, 0)
	return graph.LogicalAnd(graph.NotEqual(low, zero), graph.LessEqual(graph.Mul(graph.Sign(low), graph.Sign(high)), zero))
}

// root is a root of f between 0 and 1, where it is low and high, by the Illinois method (Dowell & Jarratt, BIT 11, 1971).
func root(f func(x *node) *node, low, high *node) *node {
	low, high = graph.StopGradient(low), graph.StopGradient(high)
	like := func(v float64) *node { return graph.Like(low, v) }
	resolution := 0x1p-52
	if low.DType() == graph.Float32 {
		resolution = 0x1p-23
	}
	// The end before the root, that behind it, where the value at each counts for less the longer it stays, and which of them moved last; the number of steps.
	final, _ := graph.While(201, nodes{like(0), low, like(1), high, like(0), like(0)},
		func(c []*node) *node {
			open := graph.Greater(graph.Sub(c[2], c[0]), graph.Mul(like(resolution), c[2]))
			return graph.LogicalAnd(graph.LogicalAnd(open, graph.Less(c[5], like(200))), graph.NotEqual(c[3], like(0)))
		},
		func(c []*node) []*node {
			a, fa, b, fb, moved := c[0], c[1], c[2], c[3], c[4]
			x := graph.Sub(b, graph.Div(graph.Mul(fb, graph.Sub(b, a)), graph.Sub(fb, fa)))
			inside := graph.LogicalAnd(graph.Greater(x, a), graph.Less(x, b))
			x = graph.Where(inside, x, graph.Mul(like(0.5), graph.Add(a, b)))
			fx := f(x)
			left := graph.Equal(graph.Sign(fx), graph.Sign(fa))
			side := graph.Where(left, like(-1), like(1))
			again := graph.Where(graph.Equal(side, moved), like(0.5), like(1))
			return nodes{graph.Where(left, x, a), graph.Where(left, fx, graph.Mul(again, fa)), graph.Where(left, b, x), graph.Where(left, graph.Mul(again, fb), fx), side, graph.Add(c[5], like(1))}
		})
	// The end behind the root is a root, or next to one.
	return final[2]
}
