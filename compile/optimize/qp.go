package optimize

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// quadratic is the problem of minimising ½·dᵀ·H·d + gᵀ·d where rows·d ≥ right, of the first equal rows = right, and lower ≤ d ≤ upper, for a positive definite H. It is solved by the dual method of Goldfarb and Idnani (A numerically
// stable dual method for solving strictly convex quadratic programs, Math. Programming 27, 1983).
type quadratic struct {
	h            *square
	g            []float64
	rows         [][]float64
	right        []float64
	equal        int
	lower, upper []float64

	d           []float64
	multipliers []float64 // of the rows
	bounds      []float64 // of the bounds: positive where the lower one holds, negative where the upper one does

	j      [][]float64 // columns: L⁻ᵀ·Q
	r      [][]float64 // columns of the triangle of the active constraints
	active []int       // constraints: rows, then lower bounds, then upper ones
	u      []float64   // their multipliers
}

// normal returns the constraint's row and right side, and writes Jᵀ·row.
func (q *quadratic) normal(c int, jn []float64) {
	n := len(q.g)
	switch k := c - len(q.rows); {
	case k < 0:
		for i, column := range q.j {
			jn[i] = floats.Dot(column, q.rows[c])
		}
	case k < n:
		for i, column := range q.j {
			jn[i] = column[k]
		}
	default:
		for i, column := range q.j {
			jn[i] = -column[k-n]
		}
	}
}

// slack is how much the constraint is satisfied, and size what its rounding is relative to.
func (q *quadratic) slack(c int) (slack, size float64) {
	n := len(q.g)
	switch k := c - len(q.rows); {
	case k < 0:
		return floats.Dot(q.rows[c], q.d) - q.right[c], math.Abs(q.right[c]) + floats.Norm(q.rows[c], 2)*floats.Norm(q.d, 2)
	case k < n:
		return q.d[k] - q.lower[k], math.Abs(q.lower[k])
	default:
		return q.upper[k-n] - q.d[k-n], math.Abs(q.upper[k-n])
	}
}

// solve finds d and the multipliers; false if H is not positive definite or the constraints are infeasible.
func (q *quadratic) solve() bool {
	n := len(q.g)
	l := q.h.clone()
	if !l.cholesky() {
		return false
	}
	// J = L⁻ᵀ by columns: column i solves Lᵀ·x = e_i.
	q.j = make([][]float64, n)
	for i := range n {
		x := make([]float64, n)
		x[i] = 1
		for a := i; a >= 0; a-- {
			s := x[a]
			for b := a + 1; b <= i; b++ {
				s -= l.at(b, a) * x[b]
			}
			x[a] = s / l.at(a, a)
		}
		q.j[i] = x
	}
	q.d = make([]float64, n)
	for _, column := range q.j {
		floats.AddScaled(q.d, -floats.Dot(column, q.g), column)
	}
	q.active, q.u, q.r = nil, nil, nil
	for c := range q.equal {
		if !q.add(c) {
			return false
		}
	}
	for range 10 * (len(q.rows) + 2*n + 10) {
		worst, least := -1, 0.0
		for c := q.equal; c < len(q.rows)+2*n; c++ {
			s, size := q.slack(c)
			if s < -1e-14*size && s < least && !slices.Contains(q.active, c) {
				worst, least = c, s
			}
		}
		if worst < 0 {
			q.multipliers, q.bounds = make([]float64, len(q.rows)), make([]float64, n)
			for i, c := range q.active {
				switch k := c - len(q.rows); {
				case k < 0:
					q.multipliers[c] = q.u[i]
				case k < n:
					q.bounds[k] += q.u[i]
				default:
					q.bounds[k-n] -= q.u[i]
				}
			}
			return finite(q.d)
		}
		if !q.add(worst) {
			return false
		}
	}
	return false
}

// add makes constraint c active, and drops those that it makes superfluous.
func (q *quadratic) add(c int) bool {
	n := len(q.g)
	jn := make([]float64, n)
	multiplier := 0.0
	for {
		k := len(q.active)
		q.normal(c, jn)
		slack, size := q.slack(c)
		// z is the step in d, r that of the multipliers.
		z := make([]float64, n)
		for i := k; i < n; i++ {
			floats.AddScaled(z, jn[i], q.j[i])
		}
		r := slices.Clone(jn[:k])
		for i := k - 1; i >= 0; i-- {
			r[i] /= q.r[i][i]
			for a := range i {
				r[a] -= q.r[i][a] * r[i]
			}
		}
		rest := floats.Dot(jn[k:], jn[k:])
		possible := rest > 1e-22*(floats.Dot(jn, jn)+math.SmallestNonzeroFloat64)
		if c < q.equal && !possible {
			return math.Abs(slack) <= 1e-10*(size+1) // depends on the others: superfluous, or a contradiction
		}
		primal, dual, drop := math.Inf(1), math.Inf(1), -1
		if possible {
			primal = -slack / rest
		}
		for i, a := range q.active {
			if a >= q.equal && r[i] > 0 {
				if t := q.u[i] / r[i]; t < dual {
					dual, drop = t, i
				}
			}
		}
		if c < q.equal { // equalities come first: nothing is dropped for them
			dual, drop = math.Inf(1), -1
		}
		step := min(primal, dual)
		if math.IsInf(step, 1) {
			return false
		}
		for i := range q.u {
			q.u[i] -= step * r[i]
		}
		multiplier += step
		if possible {
			floats.AddScaled(q.d, step, z)
		}
		if step == primal {
			q.enter(jn)
			q.active, q.u = append(q.active, c), append(q.u, multiplier)
			return true
		}
		q.leave(drop)
	}
}

// rotate applies a rotation to two vectors.
func rotate(c, s float64, x, y []float64) {
	for i, v := range x {
		x[i], y[i] = c*v+s*y[i], c*y[i]-s*v
	}
}

// enter appends a column to the triangle.
func (q *quadratic) enter(jn []float64) {
	k := len(q.active)
	for i := len(jn) - 1; i > k; i-- {
		if jn[i] == 0 {
			continue
		}
		h := math.Hypot(jn[i-1], jn[i])
		rotate(jn[i-1]/h, jn[i]/h, q.j[i-1], q.j[i])
		jn[i-1], jn[i] = h, 0
	}
	q.r = append(q.r, slices.Clone(jn))
}

// leave drops the i-th active constraint.
func (q *quadratic) leave(i int) {
	q.active, q.u, q.r = slices.Delete(q.active, i, i+1), slices.Delete(q.u, i, i+1), slices.Delete(q.r, i, i+1)
	for k := i; k < len(q.active); k++ { // columns k have one element too many
		a, b := q.r[k][k], q.r[k][k+1]
		h := math.Hypot(a, b)
		if h == 0 {
			continue
		}
		c, s := a/h, b/h
		for _, column := range q.r[k:] {
			column[k], column[k+1] = c*column[k]+s*column[k+1], c*column[k+1]-s*column[k]
		}
		rotate(c, s, q.j[k], q.j[k+1])
	}
}
