package optimize

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// firstRadius is the first trust region's, as a part of the scaled start's norm.
const firstRadius = 1

func (r *run) newJacobian() jacobian {
	if r.m == 0 { // the Gram matrix is what there is of it
		return newGram(r.n)
	}
	if r.Solver.sparse != nil {
		return &sparse{Solver: r.Solver, values: make([]float64, r.Solver.sparse.NonZeros()), rhs: make([]float64, r.n), z: make([]float64, r.n)}
	}
	var sizes []int
	for _, x := range r.problem.Parameters {
		sizes = append(sizes, x.Shape().Size())
	}
	return newDense(r.m, sizes)
}

// residuals writes the residuals at x and returns their sum of squares, NaN where there is none.
func (r *run) residuals(x, to []float64) (float64, error) {
	r.result.Evaluations.Values++
	ok, err := r.compute(r.values, x)
	if err != nil || !ok {
		return math.NaN(), err
	}
	if r.m == 0 {
		return r.values.out[0][len(r.values.out[0])-1], nil
	}
	copy(to, r.values.out[0])
	return floats.Dot(to, to), nil
}

// differentiate writes residuals and Jacobian at x; false where there is none.
func (r *run) differentiate(j jacobian, x, to []float64) (bool, error) {
	r.result.Evaluations.Jacobians++
	ok, err := r.compute(r.jacobian, x)
	if err != nil || !ok {
		return false, err
	}
	blocks := r.jacobian.out
	if r.m > 0 {
		copy(to, blocks[0])
		blocks = blocks[1:]
	} else {
		to[r.n] = 1
	}
	for _, block := range blocks {
		if !finite(block) {
			return false, nil
		}
	}
	j.set(blocks)
	return finite(to), nil
}

// trust finds steps of least squares within a region, in scaled parameters, and within bounds.
type trust struct {
	j            jacobian
	lower, upper []float64
	scale        []float64
	free, inside []int
	p, w         []float64 // of the free parameters
	right        []float64
	radius       float64
	lambda       float64
	fresh        bool      // the equations of j are those of free
	norms        []float64 // of the columns of j
	cauchy       []float64
	change       []float64 // of the residuals along a step, by the model
}

func newTrust(j jacobian, lower, upper []float64, m int) *trust {
	vector := func() []float64 { return make([]float64, len(lower)) }
	return &trust{j: j, lower: lower, upper: upper, scale: vector(), p: vector(), w: vector(), right: make([]float64, m), norms: vector(), cauchy: vector(), change: make([]float64, m)}
}

// begin sets the scale and the free parameters, those that no bound holds, at x with the gradient g of half the sum of squares, and returns the largest cosine between a column of the Jacobian and the residuals.
func (t *trust) begin(x, g []float64, square float64) (optimality float64) {
	t.j.norms(t.norms)
	t.free, t.fresh = t.free[:0], false
	for i, v := range t.norms {
		t.scale[i] = max(t.scale[i], v)
		if t.scale[i] == 0 {
			t.scale[i] = 1
		}
		if x[i] <= t.lower[i] && g[i] >= 0 || x[i] >= t.upper[i] && g[i] <= 0 {
			continue
		}
		t.free = append(t.free, i)
		if v > 0 && square > 0 {
			optimality = max(optimality, math.Abs(g[i])/v/math.Sqrt(square))
		}
	}
	return optimality
}

// propose writes a step from x to p, and returns by how much the model falls along it, the derivative along it, and whether the region or bounds, not the model, end it.
func (t *trust) propose(x, r, g, p []float64) (predicted, along float64, cut bool) {
	cut = t.step(x, r, g, p)
	t.j.product(p, t.change)
	along = floats.Dot(g, p)
	predicted = -along - 0.5*t.j.square(t.change)
	if len(t.inside) < len(t.free) { // bounds hold some: the step may not be the best
		if most := t.steepest(x, g); most > predicted {
			copy(p, t.cauchy)
			return most, floats.Dot(g, p), true
		}
	}
	return predicted, along, cut
}

// resize adapts the region to what a step of the length has changed, which may be NaN.
func (t *trust) resize(actual, predicted, along, length float64) {
	switch ratio := actual / predicted; {
	case !(ratio > 0.25):
		shrink := 0.5
		if !(actual >= 0) {
			if shrink = 0.5 * along / (along + actual); !(shrink >= 0.1) {
				shrink = 0.1
			}
		}
		t.radius = shrink * min(t.radius, 10*length)
		t.lambda /= shrink
	case t.lambda == 0 || ratio >= 0.75:
		t.radius = 2 * length
		t.lambda *= 0.5
	}
}

// step writes a step from x to p and says whether the region, not the model, ends it. r are the residuals and g their gradient Jᵀ·r.
func (t *trust) step(x, r, g, p []float64) (cut bool) {
	clear(p)
	t.inside = append(t.inside[:0], t.free...)
	if !t.fresh {
		t.j.begin(t.inside, t.scale, r)
		t.fresh = true
	}
	left := t.radius
	for len(t.inside) > 0 {
		cut = t.within(left, g)
		// Parameters that would leave their bounds are held there, and the others take a new step.
		held := t.inside[:0:0]
		rest := t.inside[:0:0]
		for k, i := range t.inside {
			p[i] = t.p[k] / t.scale[i]
			if to := x[i] + p[i]; to < t.lower[i] || to > t.upper[i] {
				p[i] = max(t.lower[i], min(t.upper[i], to)) - x[i]
				held = append(held, i)
			} else {
				rest = append(rest, i)
			}
		}
		if len(held) == 0 {
			return cut
		}
		t.fresh = false
		t.inside = rest
		for _, i := range rest {
			p[i] = 0
		}
		used := 0.0
		for i := range p {
			used += (p[i] * t.scale[i]) * (p[i] * t.scale[i])
		}
		left = max(0.1*t.radius, math.Sqrt(max(0, t.radius*t.radius-used)))
		t.j.product(p, t.right)
		floats.Add(t.right, r)
		t.j.begin(rest, t.scale, t.right)
		t.j.gradient(t.right, t.w) // of the model, where the held ones are at their bounds
		g = t.w
	}
	return cut
}

// within solves for a step of at most the radius, as Moré (The Levenberg–Marquardt algorithm: implementation and theory, 1978) finds λ: Newton's method on 1/‖p(λ)‖ − 1/radius between bounds of λ.
func (t *trust) within(radius float64, g []float64) (cut bool) {
	p := t.p[:len(t.inside)]
	low := 0.0
	full := t.j.step(0, p)
	length := floats.Norm(p, 2)
	if full {
		if length <= 1.1*radius {
			t.lambda = 0
			return false
		}
		low = t.newton(p, length, radius)
	}
	steepest := 0.0
	for _, i := range t.inside {
		steepest = math.Hypot(steepest, g[i]/t.scale[i])
	}
	if steepest == 0 {
		clear(p)
		return false
	}
	high := steepest / radius
	if !full && t.lambda == 0 {
		t.lambda = 1e-3 * high
	}
	lambda := max(low, min(high, t.lambda))
	if lambda == 0 {
		lambda = steepest / max(length, radius)
	}
	for range 10 {
		if lambda == 0 {
			lambda = 1e-3 * high
		}
		if !t.j.step(lambda, p) {
			low = lambda
			lambda = max(10*lambda, 1e-16*high)
			continue
		}
		length = floats.Norm(p, 2)
		if math.Abs(length-radius) <= 0.1*radius || !full && length < radius && lambda <= 1e-12*high {
			break
		}
		if length > radius {
			low = max(low, lambda)
		} else {
			high = min(high, lambda)
		}
		lambda = max(low, lambda+t.newton(p, length, radius), 1e-16*high)
		if lambda > high {
			lambda = math.Sqrt(max(low, 1e-3*high) * high)
		}
	}
	t.lambda = lambda
	return true
}

// newton is the change of λ.
func (t *trust) newton(p []float64, length, radius float64) float64 {
	w := slices.Clone(p)
	floats.Scale(1/length, w)
	return (length - radius) / radius / t.j.quadratic(w)
}

// settled says whether the step to the model's minimum is small against x.
func (t *trust) settled(x, r []float64) bool {
	t.j.begin(t.free, t.scale, r)
	t.fresh = false
	p := t.p[:len(t.free)]
	if !t.j.step(0, p) {
		return false
	}
	for k, i := range t.free {
		if math.Abs(p[k]/t.scale[i]) > 1e-8*math.Abs(x[i]) {
			return false
		}
	}
	return true
}

// steepest finds a step along the projected gradient within the region on which the model falls, t.cauchy, and returns by how much; 0 if there is none.
func (t *trust) steepest(x, g []float64) float64 {
	norm := 0.0
	for _, i := range t.free {
		norm = math.Hypot(norm, g[i]/t.scale[i])
	}
	length := t.radius / norm
	for range 100 {
		clear(t.cauchy)
		for _, i := range t.free {
			t.cauchy[i] = max(t.lower[i], min(t.upper[i], x[i]-length*g[i]/(t.scale[i]*t.scale[i]))) - x[i]
		}
		t.j.product(t.cauchy, t.change)
		along := floats.Dot(g, t.cauchy)
		if predicted := -along - 0.5*t.j.square(t.change); predicted >= -0.1*along && predicted > 0 {
			return predicted
		}
		length *= 0.5
	}
	return 0
}

func (r *run) levenberg() error {
	m, n := r.m, r.n
	if m == 0 {
		m = n + 1 // coefficients of the columns of J, and of r
	}
	x := r.x
	j := r.newJacobian()
	res, next := make([]float64, m), make([]float64, m)
	ok, err := r.differentiate(j, x, res)
	if err != nil || !ok {
		return r.atStart(err)
	}
	g, p, to := make([]float64, n), make([]float64, n), make([]float64, n)
	t := newTrust(j, r.lower, r.upper, m)
	before := math.Inf(1) // the length of the last step
	idle := 0             // steps in the rounding of the sum of squares that did not get shorter
	last := Status(0)     // why the last step was the last
	for first := true; ; first = false {
		square := j.square(res)
		j.gradient(res, g)
		optimality := t.begin(x, g, square)
		end := func(s Status) {
			r.result.fit = &fit{j: j, rows: m, residuals: r.count, free: slices.Clone(t.free), scale: t.norms}
			if r.m > 0 {
				r.result.Residuals, r.result.fit.residuals = res, m
			}
			r.end(s, square, scaled(2, g), optimality)
		}
		if first {
			length := 0.0
			for i := range x {
				length = math.Hypot(length, t.scale[i]*x[i])
			}
			if t.radius = firstRadius * length; t.radius == 0 {
				t.radius = firstRadius
			}
		} else if err := r.report(square, before, func() float64 { return optimality }); err != nil {
			end(Stopped)
			return err
		}
		switch {
		case last != 0:
		case square == 0 || optimality <= r.o.GradientTolerance || len(t.free) == 0:
			last = Converged
		case r.result.Iterations == r.o.Limit:
			last = Limit
		}
		if last != 0 {
			end(last)
			return nil
		}
		for good := false; !good; {
			predicted, along, cut := t.propose(x, res, g, p)
			length, relative := 0.0, 0.0
			for i := range p {
				to[i] = max(r.lower[i], min(r.upper[i], x[i]+p[i]))
				length = math.Hypot(length, t.scale[i]*p[i])
				relative = max(relative, math.Abs(to[i]-x[i])/math.Abs(x[i]+math.SmallestNonzeroFloat64))
			}
			if relative == 0 || !(predicted > 0) { // which it is but for rounding
				end(Rounded)
				return nil
			}
			new, err := r.residuals(to, next)
			if err != nil {
				end(Stopped)
				return err
			}
			actual := 0.5 * (square - new) // NaN if there is nothing
			good = actual >= 1e-4*predicted
			// Where the model promises less than what may be the rounding of the sum of squares, Gauss–Newton steps that get shorter converge, whatever the sums say.
			settling := false
			if !cut && !good && predicted <= 1e-6*square && math.Abs(actual) <= 1e-6*square {
				if length < 0.9*before {
					good, settling = true, true
				} else if predicted <= 1e-11*square {
					idle++
				}
			}
			if first {
				t.radius = min(t.radius, length)
			}
			if !settling {
				t.resize(actual, predicted, along, length)
			}
			if good {
				if good, err = r.differentiate(j, to, next); err != nil {
					end(Stopped)
					return err
				}
				if !good { // residuals without derivatives
					if _, err := r.differentiate(j, x, res); err != nil {
						end(Stopped)
						return err
					}
					t.fresh = false
					t.radius = 0.1 * length
				}
			}
			switch {
			case good:
				copy(x, to)
				res, next, before = next, res, length
				if relative <= r.o.StepTolerance {
					last = Settled
				}
			case idle >= 3:
				end(Rounded)
				return nil
			case relative <= 1e-15 || t.radius == 0:
				// Where residuals are rounding, their cosines say nothing: the step that the model would take does.
				if optimality <= 1e-4 || t.settled(x, res) {
					end(Rounded)
				} else {
					end(Stalled)
				}
				return nil
			}
		}
	}
}

func scaled(by float64, x []float64) []float64 {
	y := slices.Clone(x)
	floats.Scale(by, y)
	return y
}

// fit is what covariance is made of.
type fit struct {
	j               jacobian
	rows, residuals int   // of j, and those that were fitted
	free            []int // parameters that no bound holds
	scale           []float64
}

// DegreesOfFreedom returns the number of residuals of a fit by LevenbergMarquardt less that of the parameters that bounds do not hold; 0 of other results.
func (r *Result) DegreesOfFreedom() int {
	if r == nil || r.fit == nil {
		return 0
	}
	return r.fit.residuals - len(r.fit.free)
}

// Covariance returns the covariance matrix of the parameters of a fit by LevenbergMarquardt, one after another as in Problem.Parameters: s²·(JᵀJ)⁻¹ with the Jacobian J at the solution and the variance s² of residuals, the sum of
// squares over the degrees of freedom, or 1 with Problem.KnownErrors. Parameters that are held by a bound have zeros. It is an error if the residuals do not determine the parameters, or none are left to estimate their variance.
func (r *Result) Covariance() ([][]float64, error) {
	if r == nil || r.fit == nil {
		return nil, errors.New("optimize: there is no covariance but for fits by the Levenberg–Marquardt method")
	}
	variance := 1.0
	if !r.solver.problem.KnownErrors {
		if r.DegreesOfFreedom() <= 0 {
			return nil, fmt.Errorf("optimize: %d residuals of %d parameters leave none to estimate their variance from", r.fit.residuals, len(r.fit.free))
		}
		variance = r.Value / float64(r.DegreesOfFreedom())
	}
	f := r.fit
	for _, i := range f.free {
		if f.scale[i] == 0 {
			return nil, fmt.Errorf("optimize: the residuals do not depend on %s", r.solver.element(i))
		}
	}
	c := make([][]float64, len(r.x))
	for i := range c {
		c[i] = make([]float64, len(r.x))
	}
	zero := make([]float64, f.rows)
	f.j.begin(f.free, f.scale, zero)
	p := make([]float64, len(f.free))
	if !f.j.step(0, p) {
		return nil, errors.New("optimize: the residuals do not determine the parameters: their Jacobian is singular")
	}
	columns := f.j.inverse(len(f.free))
	for a, i := range f.free {
		for b, k := range f.free {
			c[i][k] = variance * columns[a][b] / f.scale[i] / f.scale[k]
		}
	}
	return c, nil
}

// StandardErrors returns the square roots of the diagonal of Covariance.
func (r *Result) StandardErrors() (Values, error) {
	c, err := r.Covariance()
	if err != nil {
		return nil, err
	}
	d := make([]float64, len(c))
	for i := range c {
		d[i] = math.Sqrt(c[i][i])
	}
	return r.solver.named(d), nil
}
