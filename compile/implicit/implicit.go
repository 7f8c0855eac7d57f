// Package implicit finds what equations define: roots, fixed points, minima and integrals, as functions of everything that the equations use. Solvers are loops of the graph; derivatives
// of every order follow from the implicit function theorem (graph.Implicit) and do not pass through the solver's steps.
//
// A run fails, with the node, the user's line and the residual, if a solver does not converge.
package implicit

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// Options change solvers. The zero value is one system over all elements of the unknown, whose matrices are formed and decomposed.
type Options struct {
	// Lanes is the number of leading dimensions over which the function works independently: each element along them is a problem of its own, with its own steps. With as many as the unknown has
	// dimensions, every element is a scalar problem, which is the fastest.
	Lanes int
	// Method solves linear systems; "" is graph.Direct.
	Method graph.LinearMethod
	// Precondition is that of graph.ImplicitOptions.
	Precondition func(r *graph.Node) *graph.Node
	// Tolerance bounds the last step relative to the unknown, both as norms in a lane; 0 is 1e-10, in float32 1e-5, and where Root's steps are of the third order 1e-6 and 1e-3. Newton's method then makes one more step, so that what is left is rounding.
	Tolerance float64
	// Limit bounds the steps; 0 is 100, for FixedPoint 10 000.
	Limit int
}

// problem is what solvers share.
type problem struct {
	g    *graph.Graph
	o    Options
	x    *node // where it starts
	axes []int // of a lane's elements
	err  error // the first derivative that there is not
}

func newProblem(op string, start *node, o Options, limit int) (*problem, error) {
	p := &problem{g: start.Graph(), o: o, x: start}
	switch {
	case !start.Valid():
		return nil, fmt.Errorf("%s: %w", op, start.Graph().Err())
	case !start.DType().IsFloat():
		return nil, fmt.Errorf("%s: the start is %v at %v: needs floats", op, start.Type(), start.Position())
	case o.Lanes < 0 || o.Lanes > start.Shape().Rank():
		return nil, fmt.Errorf("%s: %d dimensions of lanes, and the start is %v at %v", op, o.Lanes, start.Type(), start.Position())
	case o.Limit < 0 || o.Limit > math.MaxInt32-1 || o.Tolerance < 0 || o.Tolerance >= 1 || math.IsNaN(o.Tolerance):
		return nil, fmt.Errorf("%s: a tolerance of %v and a limit of %d steps", op, o.Tolerance, o.Limit)
	}
	if o.Tolerance == 0 {
		if p.o.Tolerance = 1e-10; start.DType() == graph.Float32 {
			p.o.Tolerance = 1e-5
		}
	}
	if o.Limit == 0 {
		p.o.Limit = limit
	}
	for k := o.Lanes; k < start.Shape().Rank(); k++ {
		p.axes = append(p.axes, k)
	}
	return p, nil
}

func (p *problem) linear() graph.ImplicitOptions {
	return graph.ImplicitOptions{Lanes: p.o.Lanes, Method: p.o.Method, Precondition: p.o.Precondition}
}

// norm is the squared norm in each lane, with extents of 1 for its dimensions.
func (p *problem) norm(x *node) *node {
	s := graph.Square(x)
	if len(p.axes) == 0 {
		return s
	}
	return graph.ReduceSum(s, p.axes, graph.KeepDims)
}

// all says for each lane whether all elements of x are true.
func (p *problem) all(x *node) *node {
	if len(p.axes) == 0 {
		return x
	}
	return graph.ReduceAll(x, p.axes, graph.KeepDims)
}

// solved returns J⁻¹·r, where J is the Jacobian of f at x.
func (p *problem) solved(f func(x *node) *node, x, r *node) *node {
	// Of the solution y of f(y) = s, the tangent along s is J⁻¹·ṡ.
	s := graph.StopGradient(graph.FullLike(x, 0)) // no constant, which a body would have a copy of
	y := graph.Implicit(x, func(y *node) *node { return graph.Sub(f(y), s) }, p.linear())
	dots, err := compile.JVP(nodes{y}, nodes{s}, nodes{r})
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		return graph.FullLike(x, 0)
	}
	return dots[0]
}

// halley returns Halley's step from x, where f is r, for scalar problems: f/(f′ − s·f″/2), s = f/f′ being Newton's, which it is never less than half and more than twice of (Danby, Fundamentals of Celestial Mechanics, 1988, §6.6).
func (p *problem) halley(x, r *node) (*node, error) {
	slopes, err := compile.JVP(nodes{r}, nodes{x}, nil)
	if err != nil {
		return nil, err
	}
	bends, err := compile.JVP(slopes, nodes{x}, nil)
	if err != nil {
		return nil, err
	}
	slope, half := slopes[0], graph.Like(x, 0.5)
	change := graph.Mul(graph.Mul(half, graph.Div(r, slope)), bends[0])
	one, other := graph.Neg(slope), graph.Mul(half, slope)
	change = graph.Min(graph.Max(change, graph.Min(one, other)), graph.Max(one, other))
	return graph.Div(r, graph.Sub(slope, change)), nil
}

// cheapHalley returns Halley's step from x, where f, whose nodes are those from the first on, is r; nil unless such steps are to be made: for scalar problems whose second derivative costs little more than f. Halley's method takes two
// thirds of Newton's steps.
func (p *problem) cheapHalley(x, r *node, first int) *node {
	g := r.Graph()
	if len(p.axes) > 0 || long(g, first) {
		return nil
	}
	before := g.Len()
	step, err := p.halley(x, r)
	if err != nil || g.Len()-before > 3*(before-first)+20 {
		return nil
	}
	return step
}

// loose is a tolerance of the order of the root of the precision: for a step that rounding keeps from getting smaller, or one of the third order, behind which there is another one.
func (p *problem) loose() float64 {
	if p.x.DType() == graph.Float32 {
		return 1e-3
	}
	return 1e-6
}

// small says for each lane whether a step is small against x.
func (p *problem) small(step, x *node) *node {
	xx := p.norm(x)
	return graph.LessEqual(p.norm(step), graph.Mul(xx, graph.Like(xx, p.o.Tolerance*p.o.Tolerance)))
}

// scalarSteps is the number of steps of scalar problems that are made at once, while they are in registers: reading and writing what they carry takes longer than a step.
const scalarSteps = 4

// long reports whether the nodes from the first on are more than stay in registers, or have loops of their own.
func long(g *graph.Graph, first int) bool {
	for i := first; i < g.Len(); i++ {
		if len(graph.Bodies(g.Node(i))) > 0 {
			return true
		}
	}
	return g.Len()-first > 200
}

// iterate goes on with the carries as long as going says of a lane's, or there are no steps left; the carries of other lanes stay as they are.
func (p *problem) iterate(init nodes, going func(c nodes) *node, step func(c nodes) nodes) nodes {
	n, steps := len(init), 1
	if len(p.axes) == 0 {
		steps = scalarSteps
	}
	final, _ := graph.While(p.o.Limit+2, slices.Concat(init, nodes{going(init), p.g.Scalar(graph.Int64, 0)}),
		func(c nodes) *node {
			return graph.LogicalAnd(graph.ReduceAny(c[n], nil), graph.Less(c[n+1], graph.Like(c[n+1], float64(p.o.Limit))))
		},
		func(c nodes) nodes {
			now, on := c[:n:n], c[n]
			first := on.Graph().Len()
			for k := 0; k < steps; k++ {
				next := step(now)
				if k == 0 && long(on.Graph(), first) {
					steps = 1
				}
				for i, v := range next {
					next[i] = graph.Where(on, v, now[i])
				}
				now, on = next, graph.LogicalAnd(on, going(next))
			}
			return append(now, on, graph.Add(c[n+1], graph.Like(c[n+1], float64(steps))))
		})
	return final[:n]
}

// finish makes the node of the solution.
func (p *problem) finish(op string, x, ok, residual *node, f func(x *node) *node) (*node, error) {
	if p.err != nil {
		return nil, fmt.Errorf("%s: %w", op, p.err)
	}
	x = graph.Require(x, ok, fmt.Sprintf("%s does not converge in %d steps: the residual", op, p.o.Limit), residual)
	x = graph.Implicit(x, f, p.linear())
	if err := p.g.Err(); err != nil {
		return nil, err
	}
	return x, nil
}

// Root returns x with f(x) = 0 by Newton's method from start on, damped so that the residual's norm falls at every step (Deuflhard, Newton Methods for Nonlinear Problems, 2004). Where every element is a problem of its own, and the second
// derivative of f is cheap, steps are Halley's, of the third order. f gives as many values as x has, of its type. Where start has no solution in reach, or ∂f/∂x is singular on the way, the run fails.
func Root(f func(x *node) *node, start *node, o Options) (*node, error) {
	const op = "root"
	p, err := newProblem(op, start, o, 100)
	if err != nil {
		return nil, err
	}
	start = graph.StopGradient(start)
	first := start.Graph().Len()
	r := f(start)
	if !r.Valid() || !r.Type().Equal(start.Type()) {
		if err := p.g.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: the function gives %v for %v at %v: needs one value of that type", op, r.Type(), start.Type(), start.Position())
	}
	stepFrom := func(x, r *node) *node { return p.solved(f, x, r) }
	step0 := stepFrom(start, r) // whatever the steps are, there is a derivative
	if step := p.cheapHalley(start, r, first); step != nil && p.err == nil {
		step0 = step
		stepFrom = func(x, r *node) *node {
			step, err := p.halley(x, r)
			if err != nil {
				return p.solved(f, x, r)
			}
			return step
		}
		if o.Tolerance == 0 {
			p.o.Tolerance = p.loose()
		}
	}
	rr := p.norm(r)
	// x, its residual's squared norm, Newton's step at x, the part of it that is tried next
	done := func(c nodes) *node {
		return graph.LogicalOr(graph.Equal(c[1], graph.Like(c[1], 0)), p.small(c[2], c[0]))
	}
	stuck := func(c nodes) *node { // the rounding of f hides whether there is progress, or there is none
		return graph.Less(c[3], graph.Like(c[3], 1e-9))
	}
	final := p.iterate(nodes{start, rr, step0, graph.FullLike(rr, 1)},
		func(c nodes) *node {
			return graph.LogicalNot(graph.LogicalOr(done(c), graph.LogicalOr(stuck(c), graph.IsNaN(c[1]))))
		},
		func(c nodes) nodes {
			x, rr, step, part := c[0], c[1], c[2], c[3]
			trial := graph.Sub(x, graph.Mul(part, step))
			r := f(trial)
			next := p.norm(r)
			better := graph.Less(next, rr)
			return nodes{graph.Where(better, trial, x), graph.Where(better, next, rr), graph.Where(better, stepFrom(trial, r), step),
				graph.Where(better, graph.Like(part, 1), graph.Mul(part, graph.Like(part, 0.25)))}
		})
	x, rr, step := final[0], final[1], final[2]
	loose := *p
	loose.o.Tolerance = p.loose()
	ok := graph.LogicalOr(done(final), graph.LogicalAnd(stuck(final), loose.small(step, x)))
	last := graph.LogicalAnd(p.all(graph.LogicalNot(graph.IsNaN(step))), graph.NotEqual(rr, graph.Like(rr, 0)))
	x = graph.Where(graph.LogicalAnd(last, done(final)), graph.Sub(x, step), x)
	return p.finish(op, x, ok, graph.Sqrt(rr), f)
}

// RootBracketed returns, for each element, x between lo and hi with f(x) = 0, by inverse quadratic interpolation where that is safe, else by bisection (Chandrupatla, Advances in Engineering
// Software 28 (1997), 145-149), until two neighbouring numbers enclose it; f works on each element for itself, and needs a sign change: the run fails where f(lo) and f(hi) have one sign. The
// solver needs no derivative of f. lo and hi have the same type and may be in any order; o.Lanes and o.Tolerance are not looked at.
func RootBracketed(f func(x *node) *node, lo, hi *node, o Options) (*node, error) {
	const op = "root_bracketed"
	o.Lanes = lo.Shape().Rank()
	p, err := newProblem(op, lo, o, 200)
	if err != nil {
		return nil, err
	}
	if !hi.Valid() || !hi.Type().Equal(lo.Type()) {
		if err := p.g.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: the bracket is %v and %v at %v: needs one type", op, lo.Type(), hi.Type(), lo.Position())
	}
	lo, hi = graph.StopGradient(lo), graph.StopGradient(hi)
	below, above := f(lo), f(hi)
	if !below.Valid() || !below.Type().Equal(lo.Type()) {
		if err := p.g.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: the function gives %v for %v at %v: needs one value of that type", op, below.Type(), lo.Type(), lo.Position())
	}
	zero := graph.Like(lo, 0)
	sign := graph.Sign(below)
	ends := graph.LogicalOr(graph.Equal(below, zero), graph.Equal(above, zero))
	opposite := graph.LogicalOr(ends, graph.Equal(sign, graph.Neg(graph.Sign(above))))
	lo = graph.Require(lo, opposite, op+": the function has one sign at both ends of the bracket; the smaller distance from 0", graph.Min(graph.Abs(below), graph.Abs(above)))
	half := graph.Like(lo, 0.5)
	// Wide brackets are halved by orders of magnitude.
	middle := func(a, b *node) *node {
		mean := func(a, b *node) *node { return graph.Add(graph.Mul(half, a), graph.Mul(half, b)) }
		narrow := graph.LessEqual(graph.Abs(graph.Sub(graph.Mul(half, a), graph.Mul(half, b))), graph.Like(a, 1))
		return graph.Where(narrow, mean(a, b), graph.Sinh(mean(graph.Asinh(a), graph.Asinh(b))))
	}
	// The carries: x1 is the last point, x2 on the other side of the root, x3 the one before on either side, and the values there.
	ulp := 0x1p-52
	if lo.DType() == graph.Float32 {
		ulp = 0x1p-23
	}
	nearest := func(c nodes) (x, f *node) {
		first := graph.Less(graph.Abs(c[3]), graph.Abs(c[4]))
		return graph.Where(first, c[0], c[1]), graph.Where(first, c[3], c[4])
	}
	least := func(x *node) *node { // a step that changes x
		return graph.Add(graph.Mul(graph.Like(x, 2*ulp), graph.Abs(x)), graph.Like(x, tiniest(x.DType())))
	}
	open := func(c nodes) *node {
		x, r := nearest(c)
		return graph.LogicalAnd(graph.NotEqual(r, zero), graph.Greater(graph.Abs(graph.Sub(c[1], c[0])), graph.Mul(graph.Like(x, 2), least(x))))
	}
	final := p.iterate(nodes{hi, lo, hi, above, below, above}, open, func(c nodes) nodes {
		x1, x2, x3, f1, f2, f3 := c[0], c[1], c[2], c[3], c[4], c[5]
		one := graph.Like(x1, 1)
		width := graph.Sub(x2, x1)
		// The inverse parabola through three points is monotone between them, and so to be trusted, under this condition.
		xi, phi := graph.Div(graph.Sub(x1, x2), graph.Sub(x3, x2)), graph.Div(graph.Sub(f1, f2), graph.Sub(f3, f2))
		trusted := graph.LogicalAnd(graph.Less(graph.Square(phi), xi), graph.Less(graph.Square(graph.Sub(one, phi)), graph.Sub(one, xi)))
		t := graph.Add(
			graph.Mul(graph.Div(f1, graph.Sub(f2, f1)), graph.Div(f3, graph.Sub(f2, f3))),
			graph.Mul(graph.Div(graph.Sub(x3, x1), width), graph.Mul(graph.Div(f1, graph.Sub(f3, f1)), graph.Div(f2, graph.Sub(f3, f2)))))
		best, _ := nearest(c)
		edge := graph.Div(least(best), graph.Abs(width))
		t = graph.Min(graph.Sub(one, edge), graph.Max(edge, t)) // the last step is to the other side of the root
		x := graph.Where(trusted, graph.Add(x1, graph.Mul(t, width)), middle(x1, x2))
		r := f(x)
		same := graph.Equal(graph.Sign(r), graph.Sign(f1))
		return nodes{x, graph.Where(same, x2, x1), graph.Where(same, x1, x2), r, graph.Where(same, f2, f1), graph.Where(same, f1, f2)}
	})
	x, _ := nearest(final)
	return p.finish(op, x, graph.LogicalNot(open(final)), graph.Abs(graph.Sub(final[0], final[1])), f)
}

// tiniest is the smallest normal number.
func tiniest(d graph.DType) float64 {
	if d == graph.Float32 {
		return 0x1p-126
	}
	return 0x1p-1022
}

// FixedPoint returns x with f(x) = x by iteration from start on, until a step is small against x. Its derivatives solve with 1 − ∂f/∂x, so that a slow iteration costs its value alone.
func FixedPoint(f func(x *node) *node, start *node, o Options) (*node, error) {
	const op = "fixed_point"
	p, err := newProblem(op, start, o, 10_000)
	if err != nil {
		return nil, err
	}
	if o.Tolerance == 0 { // there is no better step behind the last one
		if p.o.Tolerance = 1e-14; start.DType() == graph.Float32 {
			p.o.Tolerance = 1e-6
		}
	}
	start = graph.StopGradient(start)
	y := f(start)
	if !y.Valid() || !y.Type().Equal(start.Type()) {
		if err := p.g.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: the function gives %v for %v at %v: needs one value of that type", op, y.Type(), start.Type(), start.Position())
	}
	moving := func(c nodes) *node { // two values of the iteration
		step := graph.Sub(c[1], c[0])
		return graph.LogicalNot(graph.LogicalOr(p.small(step, c[1]), p.all(graph.Equal(step, graph.Like(step, 0)))))
	}
	final := p.iterate(nodes{start, y}, func(c nodes) *node {
		return graph.LogicalAnd(moving(c), graph.LogicalNot(graph.IsNaN(p.norm(c[1]))))
	}, func(c nodes) nodes { return nodes{c[1], f(c[1])} })
	return p.finish(op, final[1], graph.LogicalNot(moving(final)), graph.Sqrt(p.norm(graph.Sub(final[1], final[0]))), func(x *node) *node { return graph.Sub(f(x), x) })
}

// Minimize returns a local minimum x of the scalar f(x), from start on, by Newton's method with line search on f; where the Hessian does not lead downhill, along the gradient. All of x is one problem: with Lanes dimensions, f
// is the sum of functions of the lanes. Derivatives solve with the Hessian, which has to be regular at the minimum.
func Minimize(f func(x *node) *node, start *node, o Options) (*node, error) {
	const op = "minimize"
	p, err := newProblem(op, start, o, 200)
	if err != nil {
		return nil, err
	}
	gradient := func(x *node) *node {
		d, err := compile.Gradient(f(x), x)
		if err != nil {
			if p.err == nil {
				p.err = err
			}
			return graph.FullLike(x, 0)
		}
		return d[0]
	}
	start = graph.StopGradient(start)
	y := f(start)
	if !y.Valid() || !y.Type().IsScalar() || y.DType() != start.DType() {
		if err := p.g.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: the function gives %v for %v at %v: needs one scalar of the dtype", op, y.Type(), start.Type(), start.Position())
	}
	dot := func(a, b *node) *node { return graph.ReduceSum(graph.Mul(a, b), nil) }
	direction := func(x, d *node) *node {
		newton := p.solved(gradient, x, d)
		downhill := graph.Greater(dot(newton, d), graph.Like(d, 0))
		return graph.Where(downhill, newton, d)
	}
	d := gradient(start)
	one := p.g.Scalar(start.DType(), 1)
	// x, f(x), the gradient, the step against which x is moved, the part of it that is tried next; the number of steps
	init := nodes{start, y, d, direction(start, d), one, p.g.Scalar(graph.Int64, 0)}
	whole := *p
	whole.axes = nil
	for k := range start.Shape().Rank() {
		whole.axes = append(whole.axes, k)
	}
	done := func(c nodes) *node {
		return graph.LogicalOr(graph.Equal(dot(c[2], c[2]), graph.Like(c[1], 0)), graph.Reshape(whole.small(c[3], c[0])))
	}
	stuck := func(c nodes) *node { return graph.Less(c[4], graph.Like(c[4], 1e-9)) }
	final, _ := graph.While(p.o.Limit+1, init,
		func(c nodes) *node {
			going := graph.LogicalNot(graph.LogicalOr(done(c), graph.LogicalOr(stuck(c), graph.IsNaN(c[1]))))
			return graph.LogicalAnd(going, graph.Less(c[5], graph.Like(c[5], float64(p.o.Limit))))
		},
		func(c nodes) nodes {
			x, y, d, step, part := c[0], c[1], c[2], c[3], c[4]
			trial := graph.Sub(x, graph.Mul(part, step))
			next := f(trial)
			// Armijo's condition
			better := graph.LessEqual(next, graph.Sub(y, graph.Mul(graph.Mul(part, graph.Like(part, 1e-4)), dot(d, step))))
			gradientThere := gradient(trial)
			return nodes{graph.Where(better, trial, x), graph.Where(better, next, y), graph.Where(better, gradientThere, d), graph.Where(better, direction(trial, gradientThere), step),
				graph.Where(better, graph.Like(part, 1), graph.Mul(part, graph.Like(part, 0.25))), graph.Add(c[5], graph.Like(c[5], 1))}
		})
	x, step := final[0], final[3]
	loose := whole
	loose.o.Tolerance = p.loose()
	ok := graph.LogicalOr(done(final), graph.LogicalAnd(stuck(final), graph.Reshape(loose.small(step, x))))
	x = graph.Where(done(final), graph.Sub(x, step), x)
	return p.finish(op, x, ok, graph.Sqrt(dot(final[2], final[2])), gradient)
}
