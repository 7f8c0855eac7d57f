package optimize

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// far is the length of a step at which an objective that still falls is called unbounded.
const far = 1e20

// memory holds the last steps s and changes y of the gradient, oldest first, of the quasi-Newton matrix
//
//	B = θ·1 − W·M⁻¹·Wᵀ,  W = [Y θS],  M = [−D Lᵀ; L θSᵀS]
//
// where D and L are the diagonal and the lower triangle of SᵀY (Byrd, Nocedal and Schnabel, Representations of quasi-Newton matrices and their use in limited memory methods, Math. Programming 63, 1994).
type memory struct {
	s, y  [][]float64
	sy    []float64 // s·y of each pair
	theta float64
	most  int

	// Pairs are in slots: of slot k, s is row 2k of pairs and y the next one.
	slots      []int // of the pairs
	pairs      []float64
	combine    *product    // of coefficients with pairs
	products   *product    // of pairs with a vector
	p, before  []float64   // products of the pairs with the gradient, and with that before
	r, yy      [][]float64 // by slots: s·y of pairs and y's of later ones, and y·y
	u, v, coef []float64
}

func newMemory(n, most int) *memory {
	m := &memory{theta: 1, most: most, pairs: make([]float64, 2*most*n), combine: newTransposedProduct(2*most, n), products: newProduct(2*most, n),
		p: make([]float64, 2*most), before: make([]float64, 2*most), coef: make([]float64, 2*most), u: make([]float64, most), v: make([]float64, most)}
	for range most {
		m.r, m.yy = append(m.r, make([]float64, most)), append(m.yy, make([]float64, most))
	}
	return m
}

func (m *memory) forget() {
	m.s, m.y, m.sy, m.slots, m.theta = m.s[:0], m.y[:0], m.sy[:0], m.slots[:0], 1
}

// add keeps the pair of the step s = d·step and of y = g − gradient, unless the curvature along it, sy = s·y, is not positive. It is to be called for every gradient g.
func (m *memory) add(d []float64, step, sy float64, g, gradient []float64) {
	n := len(g)
	slot := len(m.slots)
	if slot == m.most {
		slot = m.slots[0]
	}
	s, y := m.pairs[2*slot*n:(2*slot+1)*n], m.pairs[(2*slot+1)*n:(2*slot+2)*n]
	floats.ScaleTo(s, step, d)
	floats.SubTo(y, g, gradient)
	yy := floats.Dot(y, y)
	if !(sy > 0x1p-52*yy) || math.IsInf(yy, 1) {
		if len(m.slots) == m.most { // the slot's pair is lost
			m.drop()
		}
		m.project(g)
		return
	}
	if len(m.slots) == m.most {
		m.drop()
	}
	m.before, m.p = m.p, m.before
	m.project(g)
	for _, k := range m.slots {
		m.r[k][slot] = m.p[2*k] - m.before[2*k]
		v := m.p[2*k+1] - m.before[2*k+1]
		m.yy[k][slot], m.yy[slot][k] = v, v
	}
	m.r[slot][slot], m.yy[slot][slot] = sy, yy
	m.s, m.y, m.sy, m.slots, m.theta = append(m.s, s), append(m.y, y), append(m.sy, sy), append(m.slots, slot), yy/sy
}

// project finds the products of the pairs with the gradient.
func (m *memory) project(g []float64) {
	m.products.run(m.pairs, g, m.p)
}

// drop forgets the oldest pair.
func (m *memory) drop() {
	m.s, m.y, m.sy, m.slots = slices.Delete(m.s, 0, 1), slices.Delete(m.y, 0, 1), slices.Delete(m.sy, 0, 1), slices.Delete(m.slots, 0, 1)
}

// inverse writes −B⁻¹·g to d for the gradient of the last add:
//
//	B⁻¹ = γ·1 + [S γY]·[R⁻ᵀ(D + γYᵀY)R⁻¹ −R⁻ᵀ; −R⁻¹ 0]·[S γY]ᵀ
//
// with γ = 1/θ and the upper triangle R of SᵀY.
func (m *memory) inverse(g, d []float64) {
	gamma := 1 / m.theta
	k := len(m.slots)
	clear(m.coef)
	u, v := m.u[:k], m.v[:k]
	for i := k - 1; i >= 0; i-- {
		a := m.slots[i]
		u[i] = m.p[2*a]
		for j := i + 1; j < k; j++ {
			u[i] -= m.r[a][m.slots[j]] * u[j]
		}
		u[i] /= m.sy[i]
	}
	for i, a := range m.slots {
		sum := 0.0
		for j, b := range m.slots {
			sum += m.yy[a][b] * u[j]
		}
		v[i] = m.sy[i]*u[i] + gamma*(sum-m.p[2*a+1])
		for j := range i {
			v[i] -= m.r[m.slots[j]][a] * v[j]
		}
		v[i] /= m.sy[i]
		m.coef[2*a], m.coef[2*a+1] = -v[i], gamma*u[i]
	}
	if k == 0 {
		floats.ScaleTo(d, -gamma, g)
		return
	}
	m.combine.run(m.coef, m.pairs, d)
	floats.AddScaled(d, -gamma, g)
}

// matrix returns M.
func (m *memory) matrix() *square {
	k := len(m.s)
	a := newSquare(2 * k)
	for i := range k {
		a.set(i, i, -m.sy[i])
		for j := range i + 1 {
			ss := m.theta * floats.Dot(m.s[i], m.s[j])
			a.set(k+i, k+j, ss)
			a.set(k+j, k+i, ss)
			if j < i {
				l := floats.Dot(m.s[i], m.y[j])
				a.set(k+i, j, l)
				a.set(j, k+i, l)
			}
		}
	}
	return a
}

// row writes row i of W.
func (m *memory) row(i int, w []float64) {
	k := len(m.s)
	for j := range k {
		w[j], w[k+j] = m.y[j][i], m.theta*m.s[j][i]
	}
}

// bounds finds steps within bounds.
type bounds struct {
	lower, upper []float64
	cauchy       []float64
	breaks       []float64 // where the projected gradient path meets the bound of each parameter
	heap         []int
	free         []int
	reduced, d   []float64
	rows         [][]float64 // columns of W, at the free parameters
}

func newBounds(n int, lower, upper []float64) *bounds {
	return &bounds{lower: lower, upper: upper, cauchy: make([]float64, n), breaks: make([]float64, n), reduced: make([]float64, n), d: make([]float64, n)}
}

// direction writes to d the way from x to a point within the bounds that minimises the quadratic model over the parameters that the projected gradient leaves free: the generalised Cauchy point and the subspace minimum of Byrd, Lu,
// Nocedal and Zhu (A limited memory algorithm for bound constrained optimization, SIAM J. Sci. Comput. 16, 1995), with the projection of Morales and Nocedal (Remark on Algorithm 778, ACM TOMS 38, 2011). False: the model is singular.
func (b *bounds) direction(m *memory, x, g, d []float64) bool {
	n, k := len(x), len(m.s)
	w, p, c := make([]float64, 2*k), make([]float64, 2*k), make([]float64, 2*k)
	// The path x − t·g, of which each parameter stops at its bound.
	b.heap = b.heap[:0]
	slope, moving := 0.0, false
	for i, gi := range g {
		t := math.Inf(1)
		switch {
		case gi < 0:
			t = (x[i] - b.upper[i]) / gi
		case gi > 0:
			t = (x[i] - b.lower[i]) / gi
		}
		b.breaks[i], b.d[i] = t, -gi
		if t <= 0 {
			b.d[i] = 0
			continue
		}
		moving = moving || gi != 0
		slope -= gi * gi
		if t < math.Inf(1) {
			b.heap = append(b.heap, i)
		}
	}
	copy(b.cauchy, x)
	if !moving {
		clear(d)
		return true
	}
	var plain, middle *square
	if k > 0 {
		plain = m.matrix()
		middle = plain.clone()
		if !middle.decompose() {
			return false
		}
		for j := range k {
			p[j], p[k+j] = floats.Dot(m.y[j], b.d), m.theta*floats.Dot(m.s[j], b.d)
		}
	}
	product := func(u, v []float64) float64 { // uᵀ·M⁻¹·v
		if k == 0 {
			return 0
		}
		z := append([]float64(nil), v...)
		middle.solve(z)
		return floats.Dot(u, z)
	}
	bend := -m.theta*slope - product(p, p)
	least := 0x1p-52 * -m.theta * slope
	for j := len(b.heap)/2 - 1; j >= 0; j-- {
		b.down(j)
	}
	t := 0.0
	step := -slope / max(bend, least)
	for len(b.heap) > 0 {
		i := b.heap[0]
		width := b.breaks[i] - t
		if step < width {
			break
		}
		b.heap[0] = b.heap[len(b.heap)-1]
		b.heap = b.heap[:len(b.heap)-1]
		b.down(0)
		gi := g[i]
		if b.cauchy[i] = b.upper[i]; gi > 0 {
			b.cauchy[i] = b.lower[i]
		}
		z := b.cauchy[i] - x[i]
		t = b.breaks[i]
		m.row(i, w)
		floats.AddScaled(c, width, p)
		slope += width*bend + gi*gi + m.theta*gi*z - gi*product(w, c)
		bend += -m.theta*gi*gi - 2*gi*product(w, p) - gi*gi*product(w, w)
		floats.AddScaled(p, gi, w)
		b.d[i] = 0
		step = -slope / max(bend, least)
		if slope >= 0 {
			step = 0
		}
	}
	step = max(step, 0)
	t += step
	floats.AddScaled(c, step, p)
	b.free = b.free[:0]
	for i, di := range b.d {
		if di != 0 {
			b.cauchy[i] = max(b.lower[i], min(b.upper[i], x[i]+t*di))
		}
		if b.cauchy[i] > b.lower[i] && b.cauchy[i] < b.upper[i] {
			b.free = append(b.free, i)
		}
	}
	if len(b.free) == n {
		m.inverse(g, d) // from x the whole way
	} else {
		copy(d, b.cauchy)
		floats.Sub(d, x)
		if len(b.free) > 0 && !b.subspace(m, x, g, d, c, plain, middle) {
			return false
		}
	}
	// Project, or where that leads uphill, shorten the way from the Cauchy point on.
	along := 0.0
	for i := range d {
		d[i] = max(b.lower[i]-x[i], min(b.upper[i]-x[i], d[i]))
		along += d[i] * g[i]
	}
	if along < 0 {
		return true
	}
	floats.SubTo(d, b.cauchy, x)
	return true
}

// subspace adds to d, which leads to the Cauchy point, the step to the minimum over the free parameters.
func (b *bounds) subspace(m *memory, x, g, d, c []float64, plain, middle *square) bool {
	k := len(m.s)
	r := b.reduced[:len(b.free)]
	for a, i := range b.free {
		r[a] = g[i] + m.theta*(b.cauchy[i]-x[i])
	}
	if k == 0 {
		for a, i := range b.free {
			d[i] -= r[a] / m.theta
		}
		return true
	}
	middle.solve(c)
	for len(b.rows) < 2*k {
		b.rows = append(b.rows, make([]float64, len(x)))
	}
	rows := b.rows[:2*k]
	for j := range k {
		y, s := rows[j][:len(r)], rows[k+j][:len(r)]
		for a, i := range b.free {
			y[a], s[a] = m.y[j][i], m.theta*m.s[j][i]
		}
		floats.AddScaled(r, -c[j], y)
		floats.AddScaled(r, -c[k+j], s)
	}
	// (θ − W·M⁻¹·Wᵀ)⁻¹ of the free rows by the formula of Sherman, Morrison and Woodbury
	v := make([]float64, 2*k)
	for i := range v {
		wi := rows[i][:len(r)]
		v[i] = floats.Dot(wi, r)
		for j := range i + 1 {
			q := plain.at(i, j) - floats.Dot(wi, rows[j][:len(r)])/m.theta
			plain.set(i, j, q)
			plain.set(j, i, q)
		}
	}
	if !plain.decompose() {
		return false
	}
	plain.solve(v)
	for j := range v {
		floats.AddScaled(r, v[j]/m.theta, rows[j][:len(r)])
	}
	for a, i := range b.free {
		d[i] -= r[a] / m.theta
	}
	return true
}

// down restores the order of the heap below j.
func (b *bounds) down(j int) {
	for {
		k := 2*j + 1
		if k >= len(b.heap) {
			return
		}
		if k+1 < len(b.heap) && b.breaks[b.heap[k+1]] < b.breaks[b.heap[k]] {
			k++
		}
		if b.breaks[b.heap[j]] <= b.breaks[b.heap[k]] {
			return
		}
		b.heap[j], b.heap[k] = b.heap[k], b.heap[j]
		j = k
	}
}

func (r *run) lbfgsb() error {
	n := r.n
	x, g := r.x, make([]float64, n)
	from, gradient, d := make([]float64, n), make([]float64, n), make([]float64, n)
	f, err := r.objective(x, g)
	if err != nil || f-f != 0 {
		return r.atStart(err)
	}
	m := newMemory(n, r.o.Memory)
	var b *bounds
	if r.bounded {
		b = newBounds(n, r.lower, r.upper)
	}
	lowest, idle := math.Inf(1), 0 // of the gradient, and the iterations since it or the objective fell
	for {
		optimality := r.optimality(x, g)
		if optimality < 0.9*lowest {
			lowest, idle = optimality, 0
		}
		end := func(s Status) { r.end(s, f, g, r.projected(x, g)) }
		switch {
		case optimality <= r.o.GradientTolerance:
			end(Converged)
			return nil
		case idle >= 20:
			end(Rounded)
			return nil
		case r.result.Iterations == r.o.Limit:
			end(Limit)
			return nil
		}
		if !r.bounded {
			m.inverse(g, d)
		} else if !b.direction(m, x, g, d) {
			m.forget()
			continue
		}
		slope := floats.Dot(d, g)
		if !(slope < 0) {
			if len(m.s) > 0 {
				m.forget()
				continue
			}
			end(Rounded)
			return nil
		}
		length := math.Sqrt(floats.Dot(d, d))
		most := far / length
		if r.bounded {
			most = min(most, max(1, r.room(x, d))) // 1 is within the bounds, but for rounding
		}
		first := min(1, most)
		if len(m.s) == 0 && !r.bounded {
			first = min(1/length, most)
		}
		x, from, g, gradient = from, x, gradient, g
		p, ok, err := search(point{0, f, slope}, first, most, func(step float64) (point, error) {
			floats.AddScaledTo(x, from, step, d)
			if r.bounded {
				for i := range x {
					x[i] = max(r.lower[i], min(r.upper[i], x[i]))
				}
			}
			f, err := r.objective(x, g)
			return point{step, f, floats.Dot(g, d)}, err
		})
		if err != nil || !ok {
			x, from, g, gradient = from, x, gradient, g
			r.squared = floats.Dot(g, g)
		}
		r.x = x
		if err != nil {
			end(Stopped)
			return err
		}
		if !ok {
			if len(m.s) > 0 {
				m.forget()
				continue
			}
			// Along the gradient itself: what it promises is less than the rounding of the objective, or it is wrong.
			if -slope*first <= 1e3*flat(f) {
				end(Rounded)
			} else {
				end(Stalled)
			}
			return nil
		}
		if idle++; f-p.value > flat(f) {
			idle = 0
		}
		f = p.value
		if math.IsInf(f, -1) || p.step*length >= far {
			end(Unbounded)
			return nil
		}
		m.add(d, p.step, p.step*(p.slope-slope), g, gradient)
		if err := r.report(f, p.step*length, func() float64 { return r.projected(x, g) }); err != nil {
			end(Stopped)
			return err
		}
	}
}

// room returns the longest step along d within the bounds.
func (r *run) room(x, d []float64) float64 {
	most := far
	for i, di := range d {
		if di > 0 {
			most = min(most, (r.upper[i]-x[i])/di)
		} else if di < 0 {
			most = min(most, (r.lower[i]-x[i])/di)
		}
	}
	return most
}

// optimality is projected, or less if that is above the tolerance: what is cheap to say without bounds.
func (r *run) optimality(x, g []float64) float64 {
	if !r.bounded {
		if least := math.Sqrt(r.squared / float64(r.n)); least > r.o.GradientTolerance {
			return least
		}
	}
	return r.projected(x, g)
}
