package ode

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// Interpolant follows the solution of y′ = f(t, y), y(t0) = y0 to end, whichever way that lies, and returns it as a function of any time between the two, one scalar, that may be used anywhere, in the bodies of loops too: the method's interpolant (see
// Options.Interpolate) over each step, all of which are kept, in memory for as many as o.Limit says. Methods choose their steps: o.Steps is 0. Beyond the ends the first and the last step's interpolants go on.
//
// What is looked up has derivatives by the time, by y0 and by what f uses, those of the steps that were done.
func Interpolant(f System, t0, end *graph.Node, y0 []*graph.Node, o Options) func(t *graph.Node) []*graph.Node {
	const op = "ode_interpolant"
	o.Interpolate = true
	s, bad := newSolver(op, f, t0, end, y0, o)
	if bad == nil && !end.Type().IsScalar() {
		bad = s.g.Fail(op, fmt.Errorf("the end is %v: needs one time", end.Type()))
	}
	var start, c nodes
	var loop *node
	if bad == nil {
		start = s.between(t0, end, y0)
		c = s.stretch(nil, end, start)
		if loop, _, _ = graph.ResultOf(c[0]); loop == nil {
			bad = c[0]
		}
	}
	if bad != nil {
		return func(*node) nodes { return failed(bad, len(y0)).Y }
	}
	// Of each step that was tried, what the loop carried behind it: that of the last accepted one.
	n := s.states
	next := graph.Bodies(loop)[1].Results()
	kept := make(nodes, len(c))
	keep := func(from, to int) {
		for i := from; i < to; i++ {
			kept[i] = graph.EachStep(loop, next[i])
		}
	}
	keep(0, n)
	keep(2*n+carryT, 2*n+carryT+1)
	keep(2*n+carries, len(c))
	// Where each one ends, along the way; those that were not done lie beyond all.
	count := graph.Result(loop, len(c))
	there := kept[2*n+carryT]
	numbers := graph.Iota(there.Graph(), graph.Int64, 0, there.Shape()[0])
	ends := graph.StopGradient(graph.Mul(there, s.direction))
	ends = graph.Where(graph.Less(numbers, count), ends, graph.Like(ends, math.Inf(1)))
	ends = s.finish(nodes{ends}, c[2*n:]).Y[0]
	none := graph.Equal(count, graph.Like(count, 0))
	last := graph.Max(graph.Sub(count, graph.Like(count, 1)), graph.Like(count, 0))
	return func(t *node) nodes {
		at := graph.Min(graph.Searchsorted(ends, graph.StopGradient(graph.Mul(t, s.direction)), false), last)
		row := make(nodes, len(kept))
		for i, v := range kept {
			if v != nil {
				row[i] = graph.Gather(v, at, 0)
			}
		}
		length := len(row) - 1
		row[length] = graph.Where(none, graph.Like(t, 1), row[length])
		y, tangent := s.interpolated(t, row), moved(y0, graph.Sub(t, t0), start[n:2*n])
		for i := range y {
			y[i] = graph.Where(none, tangent[i], y[i])
		}
		return y
	}
}
