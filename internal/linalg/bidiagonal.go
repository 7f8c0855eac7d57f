package linalg

import "math"

// bidiagonal finds the rotations from both sides that make an upper bidiagonal matrix diagonal, by implicit QR sweeps, without a shift where the smallest values ask for it (Demmel and Kahan, Accurate singular
// values of bidiagonal matrices, 1990).
type bidiagonal struct {
	d, e                      []float64
	flippedD, flippedE        []float64 // a part upside down
	last                      int       // rows below are done
	first                     int       // of the part that the last sweep was on
	end                       int
	up                        bool // the last sweep went from the last row to the first
	threshold                 float64
	left                      int // sweeps that may still be made
	failed                    bool
	foundLeft, foundRight     rotations
	appliedLeft, appliedRight rotations
}

func (q *bidiagonal) take(work *[]byte, n int) {
	for _, r := range []*rotations{&q.foundLeft, &q.foundRight, &q.appliedLeft, &q.appliedRight} {
		r.take(work, sweepsCapacity(n))
	}
}

// relative is the tolerance of Demmel and Kahan for elements beside the diagonal.
const relative = 0x1p-53 * 98

func (q *bidiagonal) start(d, e []float64, flipped []float64) {
	n := len(d)
	q.d, q.e = d, e
	q.flippedD, q.flippedE = flipped[:n], flipped[n:2*n]
	q.last, q.first, q.end = n-1, -1, -1
	q.failed, q.left = false, 2*mostSweeps*n
	smallest, mu := math.Abs(d[0]), math.Abs(d[0])
	for i := 1; i < n && smallest > 0; i++ {
		mu = math.Abs(d[i]) * (mu / (mu + math.Abs(e[i-1])))
		smallest = min(smallest, mu)
	}
	q.threshold = max(relative*smallest/math.Sqrt(float64(n)), float64(6*n*n)*0x1p-1022)
}

// swap has the rotations that were found applied, and makes room for more; false if there are none.
func (q *bidiagonal) swap() bool {
	q.foundLeft, q.appliedLeft = q.appliedLeft, q.foundLeft
	q.foundRight, q.appliedRight = q.appliedRight, q.foundRight
	q.foundLeft.used, q.foundLeft.end, q.foundRight.used, q.foundRight.end = 0, 0, 0, 0
	return q.appliedLeft.used > 0
}

// find makes sweeps until there is no more room, or the matrix is diagonal.
func (q *bidiagonal) find() {
	for q.last > 0 && q.foundLeft.room(len(q.d)) && !q.failed {
		q.step()
	}
}

// step makes a sweep, or finds that an element beside the diagonal is 0.
func (q *bidiagonal) step() {
	d, e, end := q.d, q.e, q.last
	largest := math.Abs(d[end])
	first := end
	for first > 0 {
		if math.Abs(e[first-1]) <= q.threshold {
			e[first-1] = 0
			break
		}
		first--
		largest = max(largest, math.Abs(d[first]), math.Abs(e[first]))
	}
	if first == end {
		q.last--
		return
	}
	if first > q.end || end < q.first || q.first < 0 { // another part: from the larger end to the smaller one
		q.up = math.Abs(d[first]) < math.Abs(d[end])
	}
	q.first, q.end = first, end
	n := end - first
	x, y := d[first:end+1], e[first:end]
	if q.up {
		x, y = q.flippedD[:n+1], q.flippedE[:n]
		for i := range x {
			x[i] = d[end-i]
		}
		for i := range y {
			y[i] = e[end-1-i]
		}
	}
	q.sweep(x, y, largest)
	if q.up {
		for i, v := range x {
			d[end-i] = v
		}
		for i, v := range y {
			e[end-1-i] = v
		}
	}
}

// sweep is a step for a part that is worked on from its first row to its last.
func (q *bidiagonal) sweep(d, e []float64, largest float64) {
	n := len(e)
	if math.Abs(e[n-1]) <= relative*math.Abs(d[n]) {
		e[n-1] = 0
		return
	}
	mu := math.Abs(d[0])
	smallest := mu
	for i, v := range e {
		if math.Abs(v) <= relative*mu {
			e[i] = 0
			return
		}
		mu = math.Abs(d[i+1]) * (mu / (mu + math.Abs(v)))
		smallest = min(smallest, mu)
	}
	if q.left--; q.left < 0 {
		q.failed = true
		return
	}
	shift := 0.0
	if float64(len(q.d))*relative*(smallest/largest) > 0x1p-53 {
		shift = leastSingular(d[n-1], e[n-1], d[n])
		if t := shift / math.Abs(d[0]); !(t*t >= 0x1p-53) {
			shift = 0
		}
	}
	// A part upside down is transposed: rotations change sides.
	left, right, row, way := &q.foundLeft, &q.foundRight, q.first, 1
	if q.up {
		left, right, row, way = right, left, q.end, -1
	}
	cr, sr := right.add(row, way, n)
	cl, sl := left.add(row, way, n)
	if shift == 0 {
		c, before, sine := 1.0, 1.0, 0.0
		for i := range n {
			var r float64
			c, sr[i], r = rotation(float64(d[i]*c), e[i])
			cr[i] = c
			if i > 0 {
				e[i-1] = sine * r
			}
			before, sine, d[i] = rotation(float64(before*r), float64(d[i+1]*sr[i]))
			cl[i], sl[i] = before, sine
		}
		h := d[n] * c
		d[n], e[n-1] = h*before, h*sine
	} else {
		f := (math.Abs(d[0]) - shift) * (math.Copysign(1, d[0]) + shift/d[0])
		g := e[0]
		for i := range n {
			c, s, r := rotation(f, g)
			cr[i], sr[i] = c, s
			if i > 0 {
				e[i-1] = r
			}
			f = math.FMA(c, d[i], float64(s*e[i]))
			e[i] = math.FMA(c, e[i], -float64(s*d[i]))
			g = s * d[i+1]
			d[i+1] *= c
			c, s, d[i] = rotation(f, g)
			cl[i], sl[i] = c, s
			f = math.FMA(c, e[i], float64(s*d[i+1]))
			d[i+1] = math.FMA(c, d[i+1], -float64(s*e[i]))
			if i < n-1 {
				g = s * e[i+1]
				e[i+1] *= c
			}
		}
		e[n-1] = f
	}
	if math.Abs(e[n-1]) <= q.threshold {
		e[n-1] = 0
	}
}

// leastSingular is the smaller singular value of [[f, g], [0, h]].
func leastSingular(f, g, h float64) float64 {
	f, g, h = math.Abs(f), math.Abs(g), math.Abs(h)
	little, large := min(f, h), max(f, h)
	if little == 0 {
		return 0
	}
	sum, difference := 1+little/large, (large-little)/large
	if g < large {
		u := (g / large) * (g / large)
		return little * (2 / (math.Sqrt(math.FMA(sum, sum, u)) + math.Sqrt(math.FMA(difference, difference, u))))
	}
	u := large / g
	if u == 0 {
		return float64(little*large) / g
	}
	x, y := sum*u, difference*u
	return 2 * (little * (1 / (math.Sqrt(math.FMA(x, x, 1)) + math.Sqrt(math.FMA(y, y, 1))))) * u
}
