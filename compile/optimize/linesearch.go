package optimize

import "math"

// point is a step along a direction, with the value and the derivative by the step there.
type point struct{ step, value, slope float64 }

// Constants of the line search: sufficient decrease, curvature, and how narrow an interval gets.
const (
	decrease  = 1e-3
	curvature = 0.9
	narrow    = 1e-7
)

// search is a step by the algorithm of Moré and Thuente (Line search algorithms with guaranteed sufficient decrease, ACM TOMS 20, 1994) that satisfies the strong Wolfe conditions.
//
// Near a minimum changes of the value are less than its rounding: comparisons of values then are noise, and no step may satisfy the conditions. There the change is the integral of the slope, which keeps its digits (cf. the approximate
// conditions of Hager and Zhang, A new conjugate gradient method with guaranteed descent and an efficient line search, SIAM J. Optim. 16, 2005).
//
// evaluate returns a NaN where there is no value. If ok, the result is the last point that was evaluated.
func search(start point, step, most float64, evaluate func(step float64) (point, error)) (found point, ok bool, err error) {
	origin, noise := start.value, flat(start.value)
	start.value = 0 // values are changes from here on
	best, other := start, start
	bracketed, first := false, true
	low, high := 0.0, step+4*step
	width := most
	before := 2 * width
	inside := 0 // steps since the minimum is bracketed
	for range 60 {
		at, err := evaluate(step)
		if err != nil {
			return at, false, err
		}
		if !(math.Abs(at.value) <= math.MaxFloat64) || at.slope != at.slope {
			if math.IsInf(at.value, -1) {
				return at, true, nil
			}
			// Not there: steps are at most a part of this.
			most = best.step + 0.5*(step-best.step)
			if step = best.step + 0.1*(step-best.step); step <= best.step || bracketed && most <= min(best.step, other.step) {
				return at, false, nil
			}
			high = min(high, most)
			continue
		}
		p := point{at.step, at.value - origin, at.slope}
		if math.Abs(p.value) <= noise {
			p.value = 0.5 * p.step * (start.slope + p.slope)
		}
		bound := decrease * step * start.slope
		switch {
		case p.value <= bound && math.Abs(p.slope) <= -curvature*start.slope,
			p.value <= bound && step == most && p.slope <= decrease*start.slope: // it goes down as far as it may go
			return at, true, nil
		case bracketed && (step <= low || step >= high || inside == 20):
			return at, p.value < 0, nil
		}
		if first && p.value <= bound && p.slope >= 0 {
			first = false
		}
		if first && p.value <= best.value && p.value > bound {
			// The function less its sufficient decrease leads to the interval.
			tilt := func(q point, sign float64) point {
				return point{q.step, q.value - sign*decrease*q.step*start.slope, q.slope - sign*decrease*start.slope}
			}
			b, o := tilt(best, 1), tilt(other, 1)
			step = next(&b, &o, tilt(p, 1), &bracketed, low, high)
			best, other = tilt(b, -1), tilt(o, -1)
		} else {
			step = next(&best, &other, p, &bracketed, low, high)
		}
		if bracketed {
			inside++
			now := math.Abs(other.step - best.step)
			if now >= 0.66*before {
				step = best.step + 0.5*(other.step-best.step)
			}
			before, width = width, now
			low, high = min(best.step, other.step), max(best.step, other.step)
		} else {
			low, high = step+1.1*(step-best.step), step+4*(step-best.step)
		}
		step = min(step, most)
		if bracketed && (step <= low || step >= high || high-low <= narrow*high) {
			if step = best.step; step == 0 {
				return at, false, nil
			}
		}
	}
	return start, false, nil
}

// flat is the rounding of a value that is a sum of many terms.
func flat(value float64) float64 { return 1e-14 * math.Abs(value) }

// next updates the interval of best and other by a new point and returns the next step: the safeguarded choices between cubic, quadratic and secant steps of Moré and Thuente, section 4.
func next(best, other *point, p point, bracketed *bool, low, high float64) float64 {
	opposite := p.slope*math.Copysign(1, best.slope) < 0
	// cubic is the part of the way from a to b at which the cubic through both has its minimum.
	cubic := func(a, b point) (theta, gamma float64) {
		theta = 3*(a.value-b.value)/(b.step-a.step) + a.slope + b.slope
		s := max(math.Abs(theta), math.Abs(a.slope), math.Abs(b.slope))
		gamma = s * math.Sqrt(max(0, (theta/s)*(theta/s)-(a.slope/s)*(b.slope/s)))
		if b.step < a.step {
			gamma = -gamma
		}
		return theta, gamma
	}
	secant := p.step + p.slope/(p.slope-best.slope)*(best.step-p.step)
	var step float64
	switch {
	case p.value > best.value: // higher: the minimum is between
		theta, gamma := cubic(*best, p)
		c := best.step + (gamma-best.slope+theta)/(gamma-best.slope+gamma+p.slope)*(p.step-best.step)
		q := best.step + best.slope/((best.value-p.value)/(p.step-best.step)+best.slope)/2*(p.step-best.step)
		if step = c; math.Abs(c-best.step) >= math.Abs(q-best.step) {
			step = c + (q-c)/2
		}
		*bracketed = true
	case opposite: // lower, and behind the minimum
		theta, gamma := cubic(p, *best)
		c := p.step + (gamma-p.slope+theta)/(gamma-p.slope+gamma+best.slope)*(best.step-p.step)
		if step = secant; math.Abs(c-p.step) > math.Abs(secant-p.step) {
			step = c
		}
		*bracketed = true
	case math.Abs(p.slope) < math.Abs(best.slope): // lower, and flatter
		theta, gamma := cubic(p, *best)
		r := (gamma - p.slope + theta) / (gamma + (best.slope - p.slope) + gamma)
		c := low
		if r < 0 && gamma != 0 {
			c = p.step + r*(best.step-p.step)
		} else if p.step > best.step {
			c = high
		}
		nearer := math.Abs(c-p.step) < math.Abs(secant-p.step)
		if step = secant; nearer == *bracketed {
			step = c
		}
		if *bracketed {
			limit := p.step + 0.66*(other.step-p.step)
			if p.step > best.step {
				step = min(limit, step)
			} else {
				step = max(limit, step)
			}
		} else {
			step = max(low, min(high, step))
		}
	case *bracketed: // lower, and not flatter
		theta, gamma := cubic(p, *other)
		step = p.step + (gamma-p.slope+theta)/(gamma-p.slope+gamma+other.slope)*(other.step-p.step)
	case p.step > best.step:
		step = high
	default:
		step = low
	}
	if p.value > best.value {
		*other = p
	} else {
		if opposite {
			*other = *best
		}
		*best = p
	}
	return step
}
