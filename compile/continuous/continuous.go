// Package continuous solves differential equations as package ode does, with derivatives in reverse mode by the adjoint equation λ′ = −(∂f/∂y)ᵀ·λ, which is solved backwards in time by the same method, to the same tolerance, with steps of its own.
//
// The gradients of package ode are exact derivatives of the solution that was computed, and agree with its differences to rounding: they are what an optimiser with a line search wants, and cost least where the right-hand side is cheap.
// Gradients of this package are those of the true solution to about the tolerance, relative to the adjoint's size, wherever the forward steps lie: they are for right-hand sides whose reverse sweep through a step costs much more than the step, for adjoints
// that vary faster than the solution, for which the forward steps are too long, and for memory that does not grow with the number of steps.
package continuous

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// Options change Solve.
type Options struct {
	// Options are those of ode.Solve, for both ways. The method is explicit and chooses its steps. Tolerances are meant for an adjoint whose largest element at the times is 1, whatever the scale of the cost. Limit 0 is 512: there is memory for the interpolants of so
	// many steps.
	ode.Options
	// Backsolve solves the equation itself backwards beside its adjoint, from the state at each of the times to the one before, instead of going through each stretch forward once more and keeping its interpolant. That takes no memory, and is accurate only
	// where the solution is stable backwards too.
	Backsolve bool
}

// Solve returns the solution of y′ = f(t, y), y(t0) = y0 at times, as ode.Solve does, with the same values. Derivatives in reverse mode, by t0, times, y0 and the floats that f uses from outside, solve the adjoint equation, whose solution jumps by the cost's derivative at
// each of the times; derivatives by what f uses are integrals beside it, and part of its error estimate. Data that f uses, and that no derivative is wanted by, is better passed through graph.StopGradient.
//
// Derivatives in forward mode are those of the forward steps, as of package ode. Second derivatives of any nesting are those of the loops of which the adjoint's solution consists: exact for the steps that were done, by memory for as many as the limit if both modes are reverse.
func Solve(f ode.System, t0, times *graph.Node, y0 []*graph.Node, o Options) (ode.Solution, error) {
	const op = "ode_continuous"
	switch {
	case o.Steps > 0:
		return ode.Solution{}, fmt.Errorf("%s: %d steps: needs a method that chooses them", op, o.Steps)
	case o.Method == ode.Rodas4:
		return ode.Solution{}, fmt.Errorf("%s: %s is not explicit: package compile/stiff has its derivatives", op, o.Method)
	case o.Interpolate:
		return ode.Solution{}, errors.New(op + ": states are not interpolated: steps end at the times, where the adjoint jumps")
	}
	if o.Limit == 0 {
		o.Limit = 512
	}
	s := ode.Solve(f, t0, times, y0, o.Options)
	g := s.Accepted.Graph()
	if err := g.Err(); err != nil {
		return ode.Solution{}, err
	}
	if times.Shape().Empty() {
		return s, nil
	}
	var types []graph.Type
	for _, y := range y0 {
		types = append(types, y.Type())
	}
	body, captured, ok := graph.Closure(append(nodes{t0}, y0...), func(p []*node) []*node { return f(p[0], p[1:]) })
	if !ok {
		return ode.Solution{}, g.Err()
	}
	p := &problem{body: body, captured: captured, o: o, types: types, count: 1}
	if times.Shape().Rank() > 0 {
		p.count = times.Shape()[0]
	}
	var theta nodes
	for i, c := range captured {
		if c.DType().IsFloat() && !c.IsConst() && c.Op().Name != "stop_gradient" {
			p.moving, theta = append(p.moving, i), append(theta, c)
		}
	}
	flat := graph.WithVJP(packed(s.Y), slices.Concat(theta, nodes{t0, times}, y0), func(args nodes, y, ct *node) []*node {
		return p.adjoints(args, y, ct)
	})
	if p.err != nil {
		return ode.Solution{}, fmt.Errorf("%s: %w", op, p.err)
	}
	out := make([]graph.Type, len(s.Y))
	for i, y := range s.Y {
		out[i] = y.Type()
	}
	s.Y = unpacked(flat, out)
	return s, g.Err()
}

// problem is what adjoints are made from.
type problem struct {
	body     *graph.Body // the right-hand side: of captured values, the time and the states
	captured nodes
	moving   []int // those of captured that there are derivatives by
	types    []graph.Type
	count    int // of times
	o        Options
	err      error // the first derivative that there is not
}

// packed is one vector of all elements.
func packed(list nodes) *node {
	flat := make(nodes, len(list))
	for i, v := range list {
		flat[i] = graph.Reshape(v, v.Shape().Size())
	}
	return graph.Concat(0, flat...)
}

// unpacked are the values of the given types that are packed in x.
func unpacked(x *node, types []graph.Type) nodes {
	out, at := make(nodes, len(types)), 0
	for i, t := range types {
		size := t.Shape.Size()
		out[i] = graph.Reshape(graph.Slice(x, graph.Range{Start: at, Limit: at + size}), t.Shape...)
		at += size
	}
	return out
}

// slopes are the states' derivatives at a time, with theta for the captured values that move.
func (p *problem) slopes(theta nodes, t *node, y nodes) nodes {
	in := slices.Clone(p.captured)
	for k, i := range p.moving {
		in[i] = theta[k]
	}
	return p.body.Inline(slices.Concat(in, nodes{t}, y))
}

// copies are nodes by which derivatives are taken though others depend on what they are copies of.
func copies(list nodes) nodes {
	out := make(nodes, len(list))
	for i, v := range list {
		out[i] = graph.Copy(v)
	}
	return out
}

// rates are the derivatives by time of the adjoint and of the integrals for theta.
func (p *problem) rates(theta nodes, t *node, y, adjoint nodes) nodes {
	y, theta = copies(y), copies(theta)
	d, err := compile.VJP(p.slopes(theta, t, y), slices.Concat(y, theta), adjoint)
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		return slices.Concat(y, theta)
	}
	for i := range d {
		d[i] = graph.Neg(d[i])
	}
	return d
}

// dot is the sum of the products of all elements.
func dot(a, b nodes) *node {
	var sum *node
	for i := range a {
		term := graph.ReduceSum(graph.Mul(a[i], b[i]), nil)
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	return sum
}

// adjoints are those of theta, the first time, the times and the first states, from that of the states at all times.
func (p *problem) adjoints(args nodes, flat, ct *node) nodes {
	m, n := len(p.moving), len(p.types)
	theta, t0, times, y0 := args[:m:m], args[m], args[m+1], args[m+2:]
	// Linear in the adjoint, so that it can have a size that tolerances are meant for.
	size := graph.StopGradient(graph.ReduceMax(graph.Abs(ct), nil))
	size = graph.Where(graph.Greater(size, graph.Like(size, 0)), size, graph.Like(size, 1))
	stacked := make([]graph.Type, n)
	for i, t := range p.types {
		stacked[i] = graph.Type{DType: t.DType, Shape: append(graph.Shape{p.count}, t.Shape...)}
	}
	ys, jumps := unpacked(flat, stacked), unpacked(graph.Div(ct, size), stacked)
	ends := graph.Reshape(times, p.count)
	before := func(first, list *node) *node { // the value before each one
		first = graph.ExpandDims(first, 0)
		if p.count == 1 {
			return first
		}
		return graph.Concat(0, first, graph.Slice(list, graph.Range{Limit: p.count - 1}))
	}
	starts := make(nodes, n)
	for i := range starts {
		starts[i] = before(y0[i], ys[i])
	}
	var zeros nodes
	for _, v := range slices.Concat(y0, theta) {
		zeros = append(zeros, graph.FullLike(v, 0))
	}
	final, byEnds := graph.Scan(p.count, zeros, slices.Concat(nodes{before(t0, ends), ends}, starts, ys, jumps), func(c, x nodes) (next, out nodes) {
		from, to, start, end, jump := x[0], x[1], x[2:2+n], x[2+n:2+2*n], x[2+2*n:]
		byEnd := dot(jump, p.slopes(theta, to, end))
		z := slices.Clone(c)
		for i := range jump {
			z[i] = graph.Add(z[i], jump[i])
		}
		if p.o.Backsolve {
			s := ode.Solve(func(t *node, z []*node) []*node {
				return append(slices.Clone(p.slopes(theta, t, z[:n:n])), p.rates(theta, t, z[:n:n], z[n:2*n:2*n])...)
			}, to, from, slices.Concat(end, z), p.o.Options)
			return s.Y[n:], nodes{byEnd}
		}
		at := ode.Interpolant(func(t *node, y []*node) []*node { return p.slopes(theta, t, y) }, from, to, start, p.o.Options)
		s := ode.Solve(func(t *node, z []*node) []*node { return p.rates(theta, t, at(t), z[:n:n]) }, to, from, z, p.o.Options)
		return s.Y, nodes{byEnd}
	}, graph.Reverse)
	byTimes := graph.Reshape(byEnds[0], times.Shape()...)
	out := slices.Concat(final[n:], nodes{graph.Neg(dot(final[:n], p.slopes(theta, t0, y0))), byTimes}, final[:n])
	for i := range out {
		out[i] = graph.Mul(out[i], size)
	}
	return out
}
