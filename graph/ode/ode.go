// Package ode solves initial value problems y′ = f(t, y) by loops of the graph, so that derivatives of every order, batches and checkpoints follow from those of loops.
//
// Derivatives are those of the steps that were done (discrete adjoint): exact derivatives of the computed solution. How a method chooses its steps has no derivative: steps are taken for constants, but for
// the last one before a time at which the solution is wanted, which depends on that time, so that derivatives by times are right.
//
// A run fails, with the node, the user's line, the time and the number of steps, if a solution does not exist so far or a method does not get there.
package ode

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// System is the right-hand side of a differential equation: from the time and the states it returns the states' derivatives, of their types.
type System func(t *graph.Node, y []*graph.Node) []*graph.Node

// Options change solvers. The zero value is DormandPrince5 with its own steps, or Leapfrog.
type Options struct {
	// Method is the way of stepping; "" is DormandPrince5, for SolveSeparable Leapfrog.
	Method Method
	// Steps is the number of equal steps from one time to the next. 0 lets the method choose its steps, if it has an error estimate.
	Steps int
	// RTol and ATol bound the error estimate of a step: the root mean square, over all elements of all states, of its quotients by ATol + RTol·|y|. 0 is 1e-6 and 1e-9; with float32 1e-4 and 1e-6.
	RTol, ATol float64
	// Limit bounds the steps, rejected ones included, from one time to the next, beyond which the run fails; 0 is 4096, but with 8 times or more 512. Derivatives in reverse keep the states of one such stretch and have memory for so many of
	// them, which they clear for each stretch: with many times, a limit near what is needed is faster. With the option Checkpoints of compile.Config they keep few, whatever the limit is.
	Limit int
	// FirstStep is the length of the first step that is tried; 0 estimates it.
	FirstStep float64
	// Jacobian returns, for Rodas4, the derivatives of f by the state, a matrix, and by the time. The state is a vector here, if it is scalars too.
	Jacobian func(t, y *graph.Node) (byState, byTime *graph.Node)
	// MaxStep bounds the length of steps; 0 does not.
	MaxStep float64
	// Interpolate takes states at times from the method's interpolant over the step that the time lies in, so that times cut no step but the last: of order 4 for DormandPrince5 and Tsit5, of order 3 for Rodas4, and of
	// order 7 for DOP853, with three evaluations a step more. Times then have to go one way, from t0 on, or the run fails. Derivatives are those of the interpolant.
	Interpolate bool
}

// Solution is what Solve returns.
type Solution struct {
	// Y are the states at the times that were asked for.
	Y []*graph.Node
	// Accepted and Rejected are the numbers of steps in all, as scalars of the states' dtype; nil with Options.Steps.
	Accepted, Rejected *graph.Node
}

// solver is what steppers share.
type solver struct {
	op string
	f  System
	o  Options
	m  *tableau
	g  *graph.Graph // of mistakes

	states int // their number
	n      int // elements of all states
	times  *node

	event func(t *node, y nodes) *node // nil for none
	end   *node                        // the last time, if states are interpolated
	// Of a step that is made: the sign of the way, and the stages of Rodas4.
	direction *node
	us        []nodes
}

// check records what is wrong with a problem. It returns a node that stands for the mistake, or nil.
func check(op string, t0, times *node, y nodes, o Options) *node {
	for _, n := range append(nodes{t0, times}, y...) {
		if !n.Valid() {
			return graph.Add(n, t0) // which reports what is not reported yet
		}
	}
	g := t0.Graph()
	dtype := y[0].DType()
	switch {
	case !dtype.IsFloat():
		return g.Fail(op, fmt.Errorf("the state is %v: needs floats", y[0].Type()))
	case !t0.Type().IsScalar() || t0.DType() != dtype:
		return g.Fail(op, fmt.Errorf("the first time is %v: needs a %v without a shape, as the states are", t0.Type(), dtype))
	case times.Shape().Rank() > 1 || times.DType() != dtype:
		return g.Fail(op, fmt.Errorf("the times are %v: needs one %v or a vector of them", times.Type(), dtype))
	case o.Steps < 0 || o.Steps > math.MaxInt32 || o.Limit < 0 || o.Limit > maxLimit:
		return g.Fail(op, fmt.Errorf("%d steps and a limit of %d: needs 0 to %d of them", o.Steps, o.Limit, maxLimit))
	}
	for i, s := range y {
		if s.DType() != dtype {
			return g.Fail(op, fmt.Errorf("state %d is %v and state 0 %v: needs one dtype", i, s.Type(), y[0].Type()))
		}
	}
	for _, v := range []float64{o.RTol, o.ATol, o.FirstStep, o.MaxStep} {
		if !(v >= 0 && v <= math.MaxFloat64) {
			return g.Fail(op, fmt.Errorf("tolerances of %v and %v, a first step of %v, steps up to %v: needs positive numbers", o.RTol, o.ATol, o.FirstStep, o.MaxStep))
		}
	}
	return nil
}

// maxLimit is the largest number of steps that is counted exactly in every dtype.
const maxLimit = 1 << 24

// Solve returns the solution of y′ = f(t, y), y(t0) = y0 at times: at one time, a scalar, or at each of a vector of them in the order in which the solution goes through them, stacked along a new first
// axis. Times may go up or down, and repeat. Methods that choose their steps need finite ones. There may be any number of states, of any shapes, and one float dtype, which the times have too.
//
// Steps end at each of the times, so that the solution there is as accurate as the method, unless o.Interpolate is set. f may use nodes from outside, by which there are derivatives, as by y0 and times.
func Solve(f System, t0, times *graph.Node, y0 []*graph.Node, o Options) Solution {
	const op = "ode"
	s, bad := newSolver(op, f, t0, times, y0, o)
	if bad != nil {
		return failed(bad, len(y0))
	}
	if s.o.Steps > 0 {
		y := fixed(t0, times, y0, len(y0), s.o.Steps, func(t, h *node, y nodes) nodes {
			y, _ = s.step(t, h, y, s.eval(t, y))
			return y
		})
		return Solution{Y: y}
	}
	return s.adaptive(t0, times, y0)
}

// newSolver returns a solver for a problem, or a node that stands for a mistake.
func newSolver(op string, f System, t0, times *node, y0 nodes, o Options) (*solver, *node) {
	if len(y0) == 0 {
		return nil, graphOf(t0).Fail(op, errors.New("needs a state"))
	}
	if bad := check(op, t0, times, y0, o); bad != nil {
		return nil, bad
	}
	s := &solver{op: op, f: f, o: o, g: t0.Graph(), states: len(y0), times: times}
	if s.o.Method == "" {
		s.o.Method = DormandPrince5
	}
	switch s.m = tableaus[s.o.Method]; {
	case s.m == nil:
		return nil, s.g.Fail(op, fmt.Errorf("no method %q for any system", s.o.Method))
	case f == nil:
		return nil, s.g.Fail(op, errors.New("needs a function"))
	case s.m.implicit && (o.Jacobian == nil || !(len(y0) == 1 && y0[0].Shape().Rank() == 1) && slices.ContainsFunc(y0, func(y *node) bool { return !y.Type().IsScalar() })):
		return nil, s.g.Fail(op, fmt.Errorf("%s needs one state, a vector, or scalars, and the Jacobian", s.o.Method))
	case s.o.Steps == 0 && s.m.e == nil && !s.m.implicit:
		return nil, s.g.Fail(op, fmt.Errorf("%s has no error estimate: needs a number of steps", s.o.Method))
	case o.Interpolate && (s.m.dense == nil || o.Steps > 0):
		return nil, s.g.Fail(op, fmt.Errorf("%s with %d steps has no interpolant", s.o.Method, o.Steps))
	}
	for _, y := range y0 {
		s.n += y.Shape().Size()
	}
	s.withDefaults(y0[0], times)
	return s, nil
}

func graphOf(n *node) *graph.Graph {
	if g := n.Graph(); g != nil {
		return g
	}
	return graph.New()
}

// failed is the solution that a mistake has.
func failed(bad *node, n int) Solution {
	s := Solution{Y: make(nodes, n), Accepted: bad, Rejected: bad}
	for i := range s.Y {
		s.Y[i] = bad
	}
	return s
}

// eval is f, with a mistake on record if what it returns are no derivatives of the states.
func (s *solver) eval(t *node, y nodes) nodes { return eval(s.op, s.f, t, y, y) }

// eval is f of x, the derivatives of y.
func eval(op string, f System, t *node, x, y nodes) nodes {
	k := slices.Clone(f(t, slices.Clone(x)))
	if len(k) != len(y) {
		bad := y[0].Graph().Fail(op, fmt.Errorf("the function returns %d derivatives of %d states", len(k), len(y)))
		return failed(bad, len(y)).Y
	}
	for i, d := range k {
		switch {
		case d == nil:
			k[i] = y[i].Graph().Fail(op, fmt.Errorf("derivative %d is nil", i))
		case d.Valid() && !d.Type().Equal(y[i].Type()):
			k[i] = y[i].Graph().Fail(op, fmt.Errorf("derivative %d is %v and the state %v: needs one type", i, d.Type(), y[i].Type()))
		}
	}
	return k
}

// combined is Σ wᵣ·kᵣ for each state, and nil where all weights are 0.
func combined(w []float64, k []nodes) nodes {
	var sum nodes
	for r, weight := range w {
		if weight == 0 {
			continue
		}
		if sum == nil {
			sum = make(nodes, len(k[r]))
		}
		for i, d := range k[r] {
			term := graph.Mul(graph.Like(d, weight), d)
			if sum[i] != nil {
				term = graph.Add(sum[i], term)
			}
			sum[i] = term
		}
	}
	return sum
}

// moved is y + h·d.
func moved(y nodes, h *node, d nodes) nodes {
	out := make(nodes, len(y))
	for i := range y {
		out[i] = graph.Add(y[i], graph.Mul(h, d[i]))
	}
	return out
}

// step is the state behind a step, and the derivatives at all stages, the first of which is k.
func (s *solver) step(t, h *node, y, k nodes) (nodes, []nodes) {
	if s.m.implicit {
		return s.rosenbrockStep(t, h, y, k)
	}
	ks := []nodes{k}
	for r := 1; r < s.m.stages(); r++ {
		ks = append(ks, s.eval(graph.Add(t, graph.Mul(graph.Like(h, s.m.c[r]), h)), moved(y, h, combined(s.m.a[r], ks))))
	}
	return moved(y, h, combined(s.m.a[s.m.stages()], ks)), ks
}

// through goes through the times with a stretch from each one to the next, whose carries begin with the states, which it returns at the times, and the other carries at last.
func through(t0, times *node, init nodes, states int, stretch func(from, to *node, c nodes) nodes) (y, rest nodes) {
	if times.Type().IsScalar() {
		final := stretch(t0, times, init)
		return final[:states:states], final[states:]
	}
	final, ys := graph.Scan(times.Shape()[0], append(nodes{t0}, init...), nodes{times}, func(c, x []*node) (next, ys []*node) {
		next = stretch(c[0], x[0], c[1:])
		return append(nodes{x[0]}, next...), next[:states:states]
	})
	return ys, final[1+states:]
}

// fixed goes through the times in a number of equal steps to each one, and returns the states at them, the first ones of the carries.
func fixed(t0, times *node, init nodes, states, steps int, step func(t, h *node, c nodes) nodes) nodes {
	y, _ := through(t0, times, init, states, func(from, to *node, c nodes) nodes {
		h := graph.Div(graph.Sub(to, from), graph.Like(from, float64(steps)))
		if steps == 1 {
			return step(from, h, c)
		}
		count := graph.Iota(from.Graph(), from.DType(), 0, steps)
		final, _ := graph.Scan(steps, c, nodes{count}, func(c, k []*node) (next, ys []*node) {
			return step(graph.Add(from, graph.Mul(k[0], h)), h, c), nil
		})
		return final
	})
	return y
}
