package optimize

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// place is what SQP knows of a point.
type place struct {
	x, g []float64
	f    float64
	c    []float64   // values of constraints
	rows [][]float64 // their gradients
}

// visit computes all at p.x; false where something is not finite.
func (r *run) visit(p *place) (bool, error) {
	f, err := r.objective(p.x, p.g)
	if p.f = f; err != nil || f-f != 0 || len(p.c) == 0 {
		return f-f == 0, err
	}
	out := r.values.out[1+len(r.problem.Parameters):]
	copy(p.c, out[0])
	first := 0
	for k, x := range r.problem.Parameters {
		size := x.Shape().Size()
		for i, row := range p.rows {
			copy(row[first:first+size], out[1+k][i*size:])
		}
		first += size
		if !finite(out[1+k]) {
			return false, nil
		}
	}
	return finite(p.c), nil
}

// violation is how much a constraint is not satisfied.
func (r *run) violation(p *place, i int) float64 {
	if i < r.zero {
		return math.Abs(p.c[i])
	}
	return max(0, -p.c[i])
}

// lagrangian writes ∇f − Σ multiplier·∇c.
func (p *place) lagrangian(multipliers, to []float64) {
	copy(to, p.g)
	for i, row := range p.rows {
		floats.AddScaled(to, -multipliers[i], row)
	}
}

// step solves the quadratic subproblem at p, whose constraints are linear, with values c. Where these contradict each other, they are relaxed by as small a part of their values as there must be.
func (r *run) step(b *square, p *place, c []float64) (q *quadratic, relaxed float64, ok bool) {
	n := r.n
	q = &quadratic{h: b, g: p.g, rows: p.rows, equal: r.zero, lower: make([]float64, n), upper: make([]float64, n)}
	for i := range n {
		q.lower[i], q.upper[i] = r.lower[i]-p.x[i], r.upper[i]-p.x[i]
	}
	for _, v := range c {
		q.right = append(q.right, -v)
	}
	if q.solve() {
		return q, 0, true
	}
	if len(c) == 0 {
		return q, 0, false
	}
	// rows·d + c·(1 − t) with a variable 0 ≤ t ≤ 1 that is expensive: t = 1, d = 0 satisfies them.
	wide := newSquare(n + 1)
	for i := range n {
		copy(wide.a[i*(n+1):], b.a[i*n:i*n+n])
	}
	wide.set(n, n, 1e6*(1+floats.Norm(p.g, math.Inf(1))))
	w := &quadratic{h: wide, g: append(slices.Clone(p.g), 0), right: q.right, equal: r.zero, lower: append(slices.Clone(q.lower), 0), upper: append(slices.Clone(q.upper), 1)}
	for i, row := range p.rows {
		v := -c[i]
		if i >= r.zero && c[i] > 0 {
			v = 0
		}
		w.rows = append(w.rows, append(slices.Clone(row), v))
	}
	if !w.solve() {
		return q, 1, false
	}
	relaxed = w.d[n]
	w.d, w.bounds = w.d[:n], w.bounds[:n]
	return w, relaxed, true
}

// snap puts parameters to bounds that hold them, which rounding has kept them off.
func (r *run) snap(x, bounds []float64) {
	for i, z := range bounds {
		if z > 0 {
			x[i] = r.lower[i]
		} else if z < 0 {
			x[i] = r.upper[i]
		}
	}
}

// conditions returns the largest element of the Lagrangian's gradient, whose part without bounds it writes, and of the products of inequalities and their multipliers.
func (r *run) conditions(p *place, multipliers, bounds, gradient []float64) float64 {
	largest := 0.0
	p.lagrangian(multipliers, gradient)
	for i, z := range bounds {
		d := math.Abs(gradient[i] - z)
		if z > 0 {
			d = max(d, z*(p.x[i]-r.lower[i]))
		} else if z < 0 {
			d = max(d, -z*(r.upper[i]-p.x[i]))
		}
		largest = max(largest, d)
	}
	for i, u := range multipliers[r.zero:] {
		largest = max(largest, u*math.Abs(p.c[r.zero+i]))
	}
	return largest
}

// closest returns the multipliers of the active constraints of q that make the Lagrangian's gradient smallest, in place of those for a step with a matrix that may be nearly singular; nil if a sign is wrong.
func (r *run) closest(p *place, q *quadratic) (multipliers, bounds []float64) {
	k := len(q.active)
	if k == 0 || k > r.n {
		return nil, nil
	}
	normals := newDense(r.n, []int{k})
	free, one, u := make([]int, k), make([]float64, k), make([]float64, k)
	for i, c := range q.active {
		free[i], one[i] = i, 1
		switch l := c - len(p.rows); {
		case l < 0:
			copy(normals.columns[i], p.rows[c])
		case l >= len(q.g):
			normals.columns[i][l-len(q.g)] = -1
		case l < r.n:
			normals.columns[i][l] = 1
		default:
			return nil, nil // the variable of a relaxed problem
		}
	}
	normals.begin(free, one, scaled(-1, p.g))
	if !normals.step(0, u) {
		return nil, nil
	}
	multipliers, bounds = make([]float64, len(p.rows)), make([]float64, r.n)
	for i, c := range q.active {
		if u[i] < 0 && c >= r.zero {
			return nil, nil
		}
		switch l := c - len(p.rows); {
		case l < 0:
			multipliers[c] = u[i]
		case l < len(q.g):
			bounds[l] += u[i]
		default:
			bounds[l-len(q.g)] -= u[i]
		}
	}
	return multipliers, bounds
}

// sequence is the state of SQP.
type sequence struct {
	*run
	p, to          *place    // where it is, and where a step leads
	b              *square   // approximates the Hessian of the Lagrangian
	plain          bool      // b is a multiple of the identity
	penalty        []float64 // of violations, in the merit function
	gradient       []float64 // of the Lagrangian at p, without bounds
	y, bs, scratch []float64
}

func (r *run) newSequence() *sequence {
	n, m := r.n, r.zero+r.nonNegative
	vector := func() []float64 { return make([]float64, n) }
	newPlace := func() *place {
		p := &place{x: vector(), g: vector(), c: make([]float64, m), rows: make([][]float64, m)}
		for i := range p.rows {
			p.rows[i] = vector()
		}
		return p
	}
	s := &sequence{run: r, p: newPlace(), to: newPlace(), b: newSquare(n), penalty: make([]float64, m), gradient: vector(), y: vector(), bs: vector(), scratch: vector()}
	s.identity(1)
	return s
}

// identity sets the matrix to v on the diagonal.
func (s *sequence) identity(v float64) {
	clear(s.b.a)
	for i := range s.n {
		s.b.set(i, i, v)
	}
	s.plain = true
}

// subproblem solves the quadratic subproblem, with a multiple of the identity if it cannot be solved with the matrix that there is.
func (s *sequence) subproblem() (q *quadratic, relaxed float64, ok bool) {
	q, relaxed, ok = s.step(s.b, s.p, s.p.c)
	if !ok && !s.plain {
		s.identity(1)
		return s.step(s.b, s.p, s.p.c)
	}
	return q, relaxed, ok
}

// distance says how far from a solution p is, and how far from satisfying the constraints. If there is a step q, multipliers that show p to be a solution take the place of its own.
func (s *sequence) distance(q *quadratic, ok bool) (optimality, violation float64) {
	for i := range s.p.c {
		violation = max(violation, s.violation(s.p, i))
	}
	if !ok {
		return max(violation, s.projected(s.p.x, s.p.g)), violation
	}
	conditions := s.conditions(s.p, q.multipliers, q.bounds, s.gradient)
	if multipliers, bounds := s.closest(s.p, q); multipliers != nil && conditions > s.o.GradientTolerance && violation <= s.o.GradientTolerance {
		if c := s.conditions(s.p, multipliers, bounds, s.y); c <= s.o.GradientTolerance { // elsewhere they do not fit the step
			conditions = c
			q.multipliers, q.bounds = multipliers, bounds
		}
	}
	return max(violation, conditions), violation
}

// merit is f + Σ penalty·violation (Powell, A fast algorithm for nonlinearly constrained optimization calculations, 1978).
func (s *sequence) merit(p *place) float64 {
	sum := p.f
	for i, v := range s.penalty {
		sum += v * s.violation(p, i)
	}
	return sum
}

// move goes a step along d from p, whose bounds hold some parameters at its end; false where something is not finite there.
func (s *sequence) move(d []float64, step float64, bounds []float64) (bool, error) {
	for i := range s.to.x {
		s.to.x[i] = max(s.lower[i], min(s.upper[i], s.p.x[i]+step*d[i]))
	}
	if step == 1 {
		s.snap(s.to.x, bounds)
	}
	return s.visit(s.to)
}

// advance goes a step along that of q at whose end the merit function, from start with the given slope, has fallen enough.
func (s *sequence) advance(q *quadratic, start, slope, noise float64) (found bool, err error) {
	if len(s.p.c) > 0 {
		return s.backtrack(q, start, slope, noise)
	}
	_, found, err = search(point{0, s.p.f, slope}, 1, max(1, s.room(s.p.x, q.d)), func(step float64) (point, error) {
		_, err := s.move(q.d, step, q.bounds)
		return point{step, s.to.f, floats.Dot(s.to.g, q.d)}, err
	})
	return found, err
}

// backtrack shortens the step of q until the merit function falls.
func (s *sequence) backtrack(q *quadratic, start, slope, noise float64) (found bool, err error) {
	flat := -slope <= 1e3*noise
	// residual says how far from a solution a point is, where the merit function does not.
	residual := func(p *place) float64 {
		worst := 0.0
		for i := range p.c {
			worst = max(worst, s.violation(p, i))
		}
		return max(worst, s.conditions(p, q.multipliers, q.bounds, s.scratch))
	}
	for step := 1.0; step > 1e-16; {
		ok, err := s.move(q.d, step, q.bounds)
		if err != nil {
			return false, err
		}
		value := math.Inf(1)
		if ok {
			value = s.merit(s.to)
		}
		if value <= start+1e-4*step*slope || ok && flat && value <= start+1e3*noise && residual(s.to) < residual(s.p) {
			return true, nil
		}
		if step == 1 && ok {
			// The constraints' curvature may be what is wrong (Maratos 1978): step to where they are linear with the values at the end of the step.
			second := slices.Clone(s.to.c)
			for i, row := range s.p.rows {
				second[i] -= floats.Dot(row, q.d)
			}
			if w, relaxed, ok := s.step(s.b, s.p, second); ok && relaxed == 0 {
				if ok, err := s.move(w.d, 1, w.bounds); err != nil || ok && s.merit(s.to) <= start+1e-4*slope {
					return true, err
				}
			}
		}
		shrink := 0.5
		if value <= math.MaxFloat64 {
			shrink = max(0.1, min(0.5, -0.5*step*slope/(value-start-step*slope)))
		}
		step *= shrink
	}
	return false, nil
}

// update is the damped one of the matrix (Powell 1978) by the change of the Lagrangian's gradient along the step, whose length it returns.
func (s *sequence) update(multipliers []float64) (length float64) {
	y, bs, n := s.y, s.bs, s.n
	s.to.lagrangian(multipliers, y)
	floats.Sub(y, s.gradient)
	step := make([]float64, n)
	floats.SubTo(step, s.to.x, s.p.x)
	ss, sy := floats.Dot(step, step), floats.Dot(step, y)
	if !(ss > 0) {
		return math.Sqrt(ss)
	}
	if s.plain && sy > 1e-8*ss {
		s.identity(floats.Dot(y, y) / sy)
	}
	s.plain = false
	for i := range n {
		bs[i] = floats.Dot(s.b.a[i*n:i*n+n], step)
	}
	sbs := floats.Dot(step, bs)
	if sy < 0.2*sbs {
		theta := 0.8 * sbs / (sbs - sy)
		floats.Scale(theta, y)
		floats.AddScaled(y, 1-theta, bs)
		sy = floats.Dot(step, y)
	}
	for i := range n {
		row := s.b.a[i*n : i*n+n]
		floats.AddScaled(row, y[i]/sy, y)
		floats.AddScaled(row, -bs[i]/sbs, bs)
	}
	return math.Sqrt(ss)
}

func (r *run) sqp() error {
	s := r.newSequence()
	copy(s.p.x, r.x)
	if ok, err := r.visit(s.p); err != nil || !ok {
		return r.atStart(err)
	}
	lowest, idle, hard, before := math.Inf(1), 0, 0, 0.0
	for {
		q, relaxed, ok := s.subproblem()
		optimality, violation := s.distance(q, ok)
		p := s.p
		r.x = p.x
		end := func(status Status) {
			r.end(status, p.f, p.g, optimality)
			r.result.Violation = violation
			if ok {
				r.result.Zero, r.result.NonNegative = q.multipliers[:r.zero], q.multipliers[r.zero:]
			}
		}
		if r.result.Status != 0 {
			if err := r.report(p.f, before, func() float64 { return optimality }); err != nil {
				end(Stopped)
				return err
			}
		}
		if idle++; optimality < 0.9*lowest {
			lowest, idle = optimality, 0
		}
		if hard++; relaxed < 0.999 {
			hard = 0
		}
		length := 0.0
		if ok {
			length = floats.Norm(q.d, 2)
		}
		tiny := length <= 1e-12*(1+floats.Norm(p.x, 2))
		switch {
		case ok && relaxed == 0 && optimality <= r.o.GradientTolerance:
			end(Converged)
			return nil
		case violation > 1e-6 && (!ok || relaxed > 0 && tiny || hard >= 20):
			end(Infeasible)
			return nil
		case !ok:
			end(Stalled)
			return nil
		case r.result.Iterations == r.o.Limit:
			end(Limit)
			return nil
		}
		slope, infeasible := floats.Dot(p.g, q.d), 0.0
		for i, u := range q.multipliers {
			s.penalty[i] = max(math.Abs(u), 0.5*(s.penalty[i]+math.Abs(u)))
			infeasible += s.penalty[i] * r.violation(p, i)
		}
		slope -= (1 - relaxed) * infeasible
		noise := flat(math.Abs(p.f) + infeasible)
		if slope >= 0 {
			slope = -floats.Dot(q.d, q.d) * 1e-8
		}
		found, err := s.advance(q, p.f+infeasible, slope, noise)
		if err != nil {
			end(Stopped)
			return err
		}
		if math.IsInf(s.to.f, -1) || floats.Norm(s.to.x, math.Inf(1)) >= far {
			end(Unbounded)
			return nil
		}
		if !found || idle >= 30 && -slope <= 1e3*noise {
			switch {
			case violation > 1e-6:
				end(Infeasible)
			case -slope <= 1e6*noise:
				end(Rounded)
			case !s.plain:
				s.identity(1)
				continue
			default:
				end(Stalled)
			}
			return nil
		}
		before = s.update(q.multipliers)
		s.p, s.to = s.to, s.p
		r.result.Status = Stopped // there is something to return
	}
}
