package ode

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// Constants of the control of steps (Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, II.4).
const (
	safety  = 0.9
	shrinks = 0.2
	grows   = 10.0
)

// What keeps a solution from going on.
const (
	fine = iota
	underflow
	tooMany
	notFinite
	noTimes
)

// Carries behind the states and their derivatives.
const (
	carryT        = iota
	carryH        // the length that is tried next
	carryError    // the logarithm of the last accepted step's error
	carryAccepted // numbers of steps
	carryRejected
	carryFailure
	carries
)

// Carries of a loop until an event, behind all others and the states before the last step.
const (
	beforeT     = iota // where the last step began
	beforeH            // its length
	beforeEvent        // the event there
	nowEvent
)

func (s *solver) withDefaults(y0, times *node) {
	rtol, atol := 1e-6, 1e-9
	if y0.DType() == graph.Float32 {
		rtol, atol = 1e-4, 1e-6
	}
	if s.o.RTol == 0 {
		s.o.RTol = rtol
	}
	if s.o.ATol == 0 {
		s.o.ATol = atol
	}
	if s.o.Limit == 0 {
		if s.o.Limit = 4096; times.Shape().Size() >= 8 {
			s.o.Limit = 512
		}
	}
}

// norm is the root mean square of the elements of e, each over what its state, of the larger amount of both, allows for.
func (s *solver) norm(e, y, z nodes) *node {
	return graph.Sqrt(graph.Mul(s.squares(e, s.scales(y, z)), graph.Like(e[0], 1/float64(s.n))))
}

// scales is what errors are measured by.
func (s *solver) scales(y, z nodes) nodes {
	out := make(nodes, len(y))
	for i := range y {
		size := graph.Abs(y[i])
		if z != nil {
			size = graph.Max(size, graph.Abs(z[i]))
		}
		out[i] = graph.Add(graph.Like(size, s.o.ATol), graph.Mul(graph.Like(size, s.o.RTol), size))
	}
	return out
}

// squares is the sum of the squares of all elements of e over scales.
func (s *solver) squares(e, scales nodes) *node {
	var sum *node
	for i, d := range e {
		square := graph.ReduceSum(graph.Square(graph.Div(d, scales[i])), nil)
		if sum == nil {
			sum = square
		} else {
			sum = graph.Add(sum, square)
		}
	}
	return sum
}

// stopped are values of which there is no derivative.
func stopped(y nodes) nodes {
	out := make(nodes, len(y))
	for i, v := range y {
		out[i] = graph.StopGradient(v)
	}
	return out
}

// firstStep is the length of the first step (Hairer, Nørsett & Wanner, II.4), without a derivative.
func (s *solver) firstStep(t0, direction *node, y0, k nodes) *node {
	like := func(v float64) *node { return graph.Like(t0, v) }
	if s.o.FirstStep > 0 {
		return like(s.o.FirstStep)
	}
	t0, y0, k = graph.StopGradient(t0), stopped(y0), stopped(k)
	d0, d1 := s.norm(y0, y0, nil), s.norm(k, y0, nil)
	small := graph.LogicalOr(graph.Less(d0, like(1e-5)), graph.Less(d1, like(1e-5)))
	h := graph.Where(small, like(1e-6), graph.Mul(like(0.01), graph.Div(d0, d1)))
	signed := graph.Mul(h, direction)
	after := s.eval(graph.Add(t0, signed), moved(y0, signed, k))
	change := make(nodes, len(k))
	for i := range k {
		change[i] = graph.Sub(after[i], k[i])
	}
	d2 := graph.Div(s.norm(change, y0, nil), h)
	most := graph.Max(d1, d2)
	h1 := graph.Where(graph.LessEqual(most, like(1e-15)), graph.Max(like(1e-6), graph.Mul(h, like(1e-3))),
		graph.Pow(graph.Div(like(0.01), most), like(1/float64(s.m.order))))
	h = graph.Where(graph.IsFinite(h1), graph.Min(graph.Mul(like(100), h), h1), h)
	return graph.StopGradient(h)
}

func (s *solver) adaptive(t0, times *node, y0 nodes) Solution {
	n := len(y0)
	first := times
	if !times.Type().IsScalar() {
		if s.o.Interpolate {
			return s.interpolating(t0, times, y0)
		}
		first = timeAt(times, 0, t0)
	}
	y, rest := through(t0, times, s.start(t0, first, y0), n, s.stretch)
	return s.finish(y, rest[n:])
}

// timeAt is one of a vector of times, or the time before them if there are none.
func timeAt(times *node, i int, before *node) *node {
	if times.Shape().Empty() {
		return before
	}
	return graph.Index(times, i)
}

// start are the carries at the first time, for a stretch to the given time.
func (s *solver) start(t0, to *node, y0 nodes) nodes {
	like := func(v float64) *node { return graph.Like(t0, v) }
	k := s.eval(t0, y0)
	direction := graph.StopGradient(graph.Copysign(like(1), graph.Sub(to, t0)))
	s.direction = direction
	h := s.firstStep(t0, direction, y0, k)
	if s.o.MaxStep > 0 {
		h = graph.Min(h, like(s.o.MaxStep))
	}
	failure := graph.Where(graph.IsFinite(s.norm(stopped(k), stopped(y0), nil)), like(fine), like(notFinite))
	known := graph.LogicalAnd(graph.IsFinite(t0), graph.ReduceAll(graph.IsFinite(s.times), nil))
	failure = graph.Where(known, failure, like(noTimes))
	scalars := make(nodes, carries)
	scalars[carryT], scalars[carryH], scalars[carryError], scalars[carryAccepted], scalars[carryRejected], scalars[carryFailure] = t0, h, like(math.Log(1e-4)), like(0), like(0), failure
	return slices.Concat(y0, k, scalars)
}

// stretch is the loop to the next time, from carries to carries. Until an event it ends sooner, and further carries are the states before the last step and what comes with them.
func (s *solver) stretch(_, to *node, c nodes) nodes {
	n := s.states
	before := graph.Add(c[2*n+carryAccepted], c[2*n+carryRejected])
	until := to // where steps are cut
	if s.end != nil {
		until = s.end
	}
	if s.event == nil && s.end == nil && s.m.implicit {
		c = s.rest(to, c)
	}
	going := func(c nodes) *node {
		v := c[2*n:]
		on := graph.NotEqual(v[carryT], to)
		switch {
		case s.end != nil: // with a step, even if the first time is where it starts: its interpolant has the derivatives
			first := graph.Equal(v[carryAccepted], graph.Like(to, 0))
			on = graph.LogicalAnd(graph.NotEqual(v[carryT], until), graph.LogicalOr(first, s.ahead(v[carryT], to)))
		case s.event == nil && !s.m.implicit: // with a step of length 0 to the same time: it has the derivatives by times
			on = graph.LogicalOr(on, graph.Equal(graph.Add(v[carryAccepted], v[carryRejected]), before))
		}
		on = graph.LogicalAnd(on, graph.Equal(v[carryFailure], graph.Like(to, fine)))
		if s.event != nil {
			v = v[carries+n:]
			on = graph.LogicalAnd(on, graph.LogicalNot(crossed(v[beforeEvent], v[nowEvent])))
		}
		return on
	}
	final, _ := graph.While(s.o.Limit+1, c, going, func(c []*node) []*node {
		y, k, v := c[:n:n], c[n:2*n:2*n], c[2*n:]
		t := v[carryT]
		like := func(x float64) *node { return graph.Like(t, x) }
		left := graph.Sub(until, t)
		last := graph.LessEqual(graph.Abs(left), graph.Mul(like(1.01), v[carryH]))
		h := graph.Where(last, left, graph.StopGradient(graph.Copysign(v[carryH], left)))
		z, ks := s.step(t, h, y, k)
		there := graph.Where(last, until, graph.Add(t, h))
		ks = append(ks, s.eval(there, z))
		err := graph.StopGradient(s.estimate(h, y, z, ks))
		accept := graph.LessEqual(err, like(1))

		order, size := float64(s.m.order), graph.Log(err)
		beta := 0.2 / order
		factor := graph.Exp(graph.Sub(graph.Mul(like(beta), v[carryError]), graph.Mul(like(1/order-0.75*beta), size)))
		factor = graph.Min(graph.Max(graph.Mul(like(safety), factor), like(shrinks)), like(grows))
		factor = graph.Where(graph.IsNaN(err), like(shrinks), graph.Where(accept, factor, graph.Min(factor, like(safety))))
		next := graph.Mul(graph.Abs(h), factor)
		arrived := graph.LogicalAnd(accept, last)
		// A step that the time cut short says nothing against longer ones.
		next = graph.Where(graph.LogicalAnd(arrived, graph.Greater(factor, like(1))), graph.Max(next, v[carryH]), next)
		if s.o.MaxStep > 0 {
			next = graph.Min(next, like(s.o.MaxStep))
		}
		next = graph.StopGradient(next)

		one := graph.Where(accept, like(1), like(0))
		accepted, rejected := graph.Add(v[carryAccepted], one), graph.Add(v[carryRejected], graph.Sub(like(1), one))
		many := graph.GreaterEqual(graph.Sub(graph.Add(accepted, rejected), before), like(float64(s.o.Limit)))
		resolution := 0x1p-52
		if t.DType() == graph.Float32 {
			resolution = 0x1p-23
		}
		tiny := graph.LessEqual(next, graph.Mul(like(10*resolution), graph.Max(graph.Abs(t), graph.Mul(like(1e-8), graph.Abs(left)))))
		failure := graph.Where(arrived, like(fine), graph.Where(tiny, like(underflow), graph.Where(many, like(tooMany), like(fine))))

		if s.end != nil {
			passed := graph.LogicalAnd(accept, graph.LogicalNot(s.ahead(there, to)))
			failure = graph.Where(passed, like(fine), failure)
		}
		out := make(nodes, 0, len(c))
		for i := range y {
			out = append(out, graph.Where(accept, z[i], y[i]))
		}
		for i := range k {
			out = append(out, graph.Where(accept, ks[len(ks)-1][i], k[i]))
		}
		scalars := make(nodes, carries)
		scalars[carryT], scalars[carryH] = graph.Where(accept, there, t), next
		scalars[carryError] = graph.Where(accept, graph.Max(size, like(math.Log(1e-4))), v[carryError])
		scalars[carryAccepted], scalars[carryRejected], scalars[carryFailure] = accepted, rejected, failure
		out = append(out, scalars...)
		if s.end != nil {
			for i, v := range slices.Concat(y, s.shape(t, h, y, z, ks), nodes{t, h}) {
				out = append(out, graph.Where(accept, v, c[2*n+carries+i]))
			}
		}
		if s.event != nil {
			last := v[carries:]
			for i := range y {
				out = append(out, graph.Where(accept, y[i], last[i]))
			}
			last = last[n:]
			out = append(out, graph.Where(accept, t, last[beforeT]), graph.Where(accept, h, last[beforeH]), graph.Where(accept, last[nowEvent], last[beforeEvent]), graph.Where(accept, s.event(there, z), last[nowEvent]))
		}
		return out
	})
	return final
}

// rest returns the carries at a time that is the one before, where the method itself has no step of length 0: with the derivatives by both, of the first two orders, of a step of Heun's method.
func (s *solver) rest(to *node, c nodes) nodes {
	n := s.states
	c = slices.Clone(c)
	y, k, t := c[:n:n], c[n:2*n:2*n], c[2*n+carryT]
	same, h := graph.Equal(t, to), graph.Sub(to, t)
	half := graph.Mul(graph.Like(h, 0.5), h)
	z := moved(moved(y, half, k), half, s.eval(to, moved(y, h, k)))
	for i, after := range append(z, s.eval(to, z)...) {
		c[i] = graph.Where(same, after, c[i])
	}
	c[2*n+carryT] = graph.Where(same, to, t)
	return c
}

// interpolating is adaptive with states from interpolants. Carries behind those of a stretch are the states before the last step, two further coefficients of its interpolant for each state, where it began, and its length.
func (s *solver) interpolating(t0, times *node, y0 nodes) Solution {
	n, count := len(y0), times.Shape()[0]
	init := s.between(t0, timeAt(times, count-1, t0), y0)
	final, ys := graph.Scan(count, init, nodes{times}, func(c, x []*node) (next, ys []*node) {
		next = s.stretch(nil, x[0], c)
		return next, s.interpolated(x[0], next)
	})
	behind := s.ahead(timeAt(times, 0, t0), t0)
	if count > 1 {
		from, to := graph.Slice(times, graph.Range{Limit: count - 1}), graph.Slice(times, graph.Range{Start: 1, Limit: count})
		behind = graph.LogicalOr(behind, graph.ReduceAny(s.ahead(to, from), nil))
	}
	for i, y := range ys {
		ys[i] = graph.Require(y, graph.LogicalNot(behind), "interpolation needs times that go one way, from the first time on; the largest of them", graph.Max(t0, times))
	}
	return s.finish(ys, final[2*n:])
}

// between are the carries at the first time, for stretches up to an end that have interpolants.
func (s *solver) between(t0, end *node, y0 nodes) nodes {
	s.end = end
	init := slices.Concat(s.start(t0, end, y0), y0)
	for range s.coefficients() {
		for _, y := range y0 {
			init = append(init, graph.FullLike(y, 0))
		}
	}
	// If no step is made, the solution's slope is that at the start.
	copy(init[len(init)-s.coefficients()*s.states:], init[s.states:2*s.states])
	return append(init, t0, graph.Like(t0, 1)) // with the part 0 of it
}

// ahead reports whether a time lies beyond another one, on the way to the end.
func (s *solver) ahead(than, t *node) *node {
	than, t = graph.StopGradient(than), graph.StopGradient(t)
	return graph.Greater(graph.Mul(graph.Sub(t, than), s.direction), graph.Like(t, 0))
}

// coefficients is the number of states' worth of coefficients of an interpolant that shape makes.
func (s *solver) coefficients() int {
	if s.m.implicit {
		return len(s.m.dense)
	}
	return 2 + len(s.m.dense)
}

// shape are the coefficients of the interpolant of a step from y to z, besides these: derivatives at both ends, times the length, and what the stages add; of Rodas4 the latter alone.
func (s *solver) shape(t, h *node, y, z nodes, ks []nodes) nodes {
	if s.m.implicit {
		return slices.Concat(combined(s.m.dense[0], s.us), combined(s.m.dense[1], s.us))
	}
	slopes := []nodes{ks[0], ks[len(ks)-1]}
	for i, a := range s.m.denseA {
		ks = append(ks, s.eval(graph.Add(t, graph.Mul(graph.Like(h, s.m.denseC[i]), h)), moved(y, h, combined(a, ks))))
	}
	for _, w := range s.m.dense {
		slopes = append(slopes, combined(w, ks))
	}
	var out nodes
	for _, d := range slopes {
		for _, v := range d {
			out = append(out, graph.Mul(h, v))
		}
	}
	return out
}

// interpolated are the states at a time in the last step (Hairer, Nørsett & Wanner, II.6, and Hairer & Wanner, IV.10).
func (s *solver) interpolated(at *node, c nodes) nodes {
	n := s.states
	z, rest := c[:n], c[2*n+carries:]
	y, shape := rest[:n], rest[n:len(rest)-2]
	part := graph.Div(graph.Sub(at, rest[len(rest)-2]), rest[len(rest)-1])
	other := graph.Sub(graph.Like(part, 1), part)
	out := make(nodes, n)
	for i := range out {
		change := graph.Sub(z[i], y[i])
		var bend *node
		if s.m.implicit { // y + θΔ + θ(1−θ)(c₁ + θc₂)
			bend = graph.Add(shape[i], graph.Mul(part, shape[n+i]))
		} else { // y + θΔ + θ(1−θ)((1−θ)(hf₀ − Δ) + θ(Δ − hf₁) + θ(1−θ)(d₁ + θ(d₂ + (1−θ)(d₃ + …)))): Hermite's, and more
			bend = graph.Add(graph.Mul(other, graph.Sub(shape[i], change)), graph.Mul(part, graph.Sub(change, shape[n+i])))
			last := len(s.m.dense) - 1
			more := shape[(2+last)*n+i]
			for k := last - 1; k >= 0; k-- {
				factor := part
				if k%2 > 0 {
					factor = other
				}
				more = graph.Add(shape[(2+k)*n+i], graph.Mul(factor, more))
			}
			bend = graph.Add(bend, graph.Mul(graph.Mul(part, other), more))
		}
		out[i] = graph.Add(graph.Add(y[i], graph.Mul(part, change)), graph.Mul(graph.Mul(part, other), bend))
	}
	return out
}

// estimate is the error of a step from y to z over what is allowed.
func (s *solver) estimate(h *node, y, z nodes, ks []nodes) *node {
	if s.m.implicit {
		return s.norm(ks[1], y, z)
	}
	scales := s.scales(y, z)
	e := s.squares(combined(s.m.e, ks), scales)
	like := func(v float64) *node { return graph.Like(h, v) }
	if s.m.e3 == nil {
		return graph.Mul(graph.Abs(h), graph.Sqrt(graph.Mul(e, like(1/float64(s.n)))))
	}
	both := graph.Add(e, graph.Mul(like(0.01), s.squares(combined(s.m.e3, ks), scales)))
	both = graph.Where(graph.Equal(both, like(0)), like(1), both)
	return graph.Mul(graph.Abs(h), graph.Div(e, graph.Sqrt(graph.Mul(like(float64(s.n)), both))))
}

// finish fails the run where a loop did not come to its end.
func (s *solver) finish(y, c nodes) Solution {
	failure, t := c[carryFailure], c[carryT]
	steps := graph.Add(c[carryAccepted], c[carryRejected])
	message := map[int]string{
		underflow: "%s needs steps below the resolution of the time: there is no smooth solution beyond t, after steps",
		tooMany:   fmt.Sprintf("%%s does not get to the next time in %d steps, the limit; it is not for stiff systems, which take small steps at any tolerance; t, steps", s.o.Limit),
		notFinite: "%s starts where the derivatives are not finite; t, steps",
		noTimes:   "%s needs finite times; the first one, steps",
	}
	if s.m.implicit {
		message[tooMany] = fmt.Sprintf("%%s does not get to the next time in %d steps, the limit; t, steps", s.o.Limit)
	}
	out := Solution{Y: slices.Clone(y), Accepted: c[carryAccepted], Rejected: c[carryRejected]}
	for _, code := range []int{underflow, tooMany, notFinite, noTimes} {
		ok := graph.NotEqual(failure, graph.Like(failure, float64(code)))
		never := graph.Like(t, math.Inf(-1))
		at, after := graph.Where(ok, never, t), graph.Where(ok, never, steps)
		for i := range out.Y {
			out.Y[i] = graph.Require(out.Y[i], ok, fmt.Sprintf(message[code], s.o.Method), at, after)
		}
	}
	return out
}
