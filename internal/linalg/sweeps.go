package linalg

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// sweepsWork is how much larger matrices without sweeps are that take as long as those with them, about.
const sweepsWork = 3

// sweeps finds the rotations that make a symmetric tridiagonal matrix diagonal, by implicit QL or QR sweeps, some sweeps at a time.
type sweeps struct {
	d, e   []float64
	next   int // the first row of what is not begun
	l, end int // rows of the part that is worked on: from l, where eigenvalues are found, to end, which is below l for QR
	active bool
	left   int // sweeps that may still be made
	failed bool
	// Rotations that are found, and those that are applied meanwhile.
	found, applied rotations
}

// rotations are sweeps of rotations of neighbouring rows.
type rotations struct {
	c, s []float64
	list []int64 // of each sweep: its first row, +1 or −1, and the end of its rotations
	used int     // of list
	end  int     // of c and s
}

func sweepsCapacity(n int) int { return sweepsKept * max(n, 2) }

// rotationsBytes is the memory of so many rotations.
func rotationsBytes(n int) int { return 5 * bytes[float64](n) }

func (r *rotations) take(work *[]byte, n int) {
	r.c, r.s = take[float64](work, n), take[float64](work, n)
	r.list = integers(take[float64](work, 3*n))
	r.used, r.end = 0, 0
}

func (q *sweeps) take(work *[]byte, n int) {
	q.found.take(work, sweepsCapacity(n))
	q.applied.take(work, sweepsCapacity(n))
}

func (q *sweeps) forget() { *q = sweeps{} }

// start begins with a matrix of the diagonals d and e, which become the eigenvalues and zeros.
func (q *sweeps) start(d, e []float64) {
	q.d, q.e = d, e
	q.next, q.active, q.failed = 0, false, false
	q.left = mostSweeps * len(d)
}

// swap has the rotations that were found applied, and makes room for more; false if there are none.
func (q *sweeps) swap() bool {
	q.found, q.applied = q.applied, q.found
	q.found.used, q.found.end = 0, 0
	return q.applied.used > 0
}

// add begins a sweep of so many rotations and returns their places.
func (r *rotations) add(row, way, n int) (c, s []float64) {
	c, s = r.c[r.end:r.end+n], r.s[r.end:r.end+n]
	r.end += n
	r.list[r.used], r.list[r.used+1], r.list[r.used+2] = int64(row), int64(way), int64(r.end)
	r.used += 3
	return c, s
}

// room reports whether another sweep finds room.
func (r *rotations) room(n int) bool { return r.end+n <= len(r.c) && r.used+3 <= len(r.list) }

// apply rotates the rows of columns of z.
func (r *rotations) apply(k *kit[float64], g *goroutine[float64], z []float64, ld int) {
	begin := 0
	for i := 0; i < r.used; i += 3 {
		row, way, end := int(r.list[i]), int(r.list[i+1]), int(r.list[i+2])
		n := end - begin
		rotate := func(first, begin, n int) {
			if n > 0 {
				k.rows.Rotate(g.s, at(z, (row+way*first)*ld), way*ld, at(r.c, begin), at(r.s, begin), n, 4)
			}
		}
		if i+3 < r.used && int(r.list[i+3]) == row && int(r.list[i+4]) == way {
			// The next sweep begins at the same row: both at once, as far as the second follows the first.
			after := int(r.list[i+5])
			if m := after - end; m > 1 && m <= n {
				both := min(m, n-1)
				k.rows.RotateTwice(g.s, at(z, row*ld), way*ld, at(r.c, begin), at(r.s, begin), at(r.c, end), at(r.s, end), both)
				rotate(both+1, begin+both+1, n-both-1)
				rotate(both, end+both, m-both)
				begin = after
				i += 3
				continue
			}
		}
		rotate(0, begin, n)
		begin = end
	}
}

const epsilon64 = 0x1p-53

// small reports whether element i beside the diagonal may be taken for 0.
func (q *sweeps) small(i int) bool {
	t := math.Abs(q.e[i])
	return t == 0 || t*t <= float64(epsilon64*epsilon64*math.Abs(q.d[i])*math.Abs(q.d[i+1]))+0x1p-1022
}

// find makes sweeps until there is no more room, or the matrix is diagonal.
func (q *sweeps) find() {
	n := len(q.d)
	for q.found.room(n) && !q.failed {
		if !q.active {
			if q.next >= n {
				return
			}
			first, last := q.next, q.next
			for last < n-1 && !q.small(last) {
				last++
			}
			q.next = last + 1
			if last < n-1 {
				q.e[last] = 0
			}
			// Work goes from the smaller end of the diagonal to the larger one.
			if q.l, q.end = first, last; math.Abs(q.d[last]) < math.Abs(q.d[first]) {
				q.l, q.end = last, first
			}
			q.active = true
		}
		if q.l == q.end {
			q.active = false
			continue
		}
		if q.l < q.end {
			q.down()
		} else {
			q.up()
		}
	}
}

// down looks for the eigenvalue at l, the first row of the part: a sweep of QL.
func (q *sweeps) down() {
	d, e, l := q.d, q.e, q.l
	m := l
	for m < q.end && !q.small(m) {
		m++
	}
	if m < q.end {
		e[m] = 0
	}
	switch m {
	case l:
		q.l++
		return
	case l + 1:
		c, s := q.found.add(l, 1, 1)
		d[l], d[l+1], c[0], s[0] = eigen2(d[l], e[l], d[l+1])
		e[l] = 0
		q.l = min(l+2, q.end)
		q.active = l+1 != q.end
		return
	}
	if q.left--; q.left < 0 {
		q.failed = true
		return
	}
	g := (d[l+1] - d[l]) / (2 * e[l])
	r := math.Sqrt(math.FMA(g, g, 1))
	if math.Abs(g) > 0x1p500 {
		r = math.Abs(g)
	}
	g = d[m] - d[l] + e[l]/(g+math.Copysign(r, g))
	s, c, p := 1.0, 1.0, 0.0
	cs, ss := q.found.add(m, -1, m-l)
	for i := m - 1; i >= l; i-- {
		f, b := float64(s*e[i]), float64(c*e[i])
		if sum := math.FMA(g, g, float64(f*f)); f != 0 && sum > 0x1p-900 {
			r = math.Sqrt(sum)
			by := r * (1 / sum) // root and quotient do not wait for one another
			c, s = g*by, f*by
		} else {
			c, s, r = rotation(g, f)
		}
		if i != m-1 {
			e[i+1] = r
		}
		g = d[i+1] - p
		r = math.FMA(d[i]-g, s, float64((c+c)*b))
		p = float64(s * r)
		d[i+1] = g + p
		g = math.FMA(c, r, -b)
		cs[m-1-i], ss[m-1-i] = c, s
	}
	d[l] -= p
	e[l] = g
}

// up looks for the eigenvalue at l, the last row of the part: a sweep of QR.
func (q *sweeps) up() {
	d, e, l := q.d, q.e, q.l
	m := l
	for m > q.end && !q.small(m-1) {
		m--
	}
	if m > q.end {
		e[m-1] = 0
	}
	switch m {
	case l:
		q.l--
		return
	case l - 1:
		c, s := q.found.add(m, 1, 1)
		d[m], d[l], c[0], s[0] = eigen2(d[m], e[m], d[l])
		e[m] = 0
		q.l = max(l-2, q.end)
		q.active = m != q.end
		return
	}
	if q.left--; q.left < 0 {
		q.failed = true
		return
	}
	g := (d[l-1] - d[l]) / (2 * e[l-1])
	r := math.Sqrt(math.FMA(g, g, 1))
	if math.Abs(g) > 0x1p500 {
		r = math.Abs(g)
	}
	g = d[m] - d[l] + e[l-1]/(g+math.Copysign(r, g))
	s, c, p := 1.0, 1.0, 0.0
	cs, ss := q.found.add(m, 1, l-m)
	for i := m; i < l; i++ {
		f, b := float64(s*e[i]), float64(c*e[i])
		if sum := math.FMA(g, g, float64(f*f)); f != 0 && sum > 0x1p-900 {
			r = math.Sqrt(sum)
			by := r * (1 / sum) // root and quotient do not wait for one another
			c, s = g*by, f*by
		} else {
			c, s, r = rotation(g, f)
		}
		if i != m {
			e[i-1] = r
		}
		g = d[i] - p
		r = math.FMA(d[i+1]-g, s, float64((c+c)*b))
		p = float64(s * r)
		d[i] = g + p
		g = math.FMA(c, r, -b)
		cs[i-m], ss[i-m] = c, s
	}
	d[l] -= p
	e[l-1] = g
}

// rotation returns c, s and r with c·f + s·g = r and c·g − s·f = 0.
func rotation(f, g float64) (c, s, r float64) {
	switch {
	case g == 0:
		return 1, 0, f
	case f == 0:
		return 0, 1, g
	}
	sum := math.FMA(f, f, float64(g*g))
	if sum < 0x1p-900 {
		c, s, r = rotation(f*0x1p500, g*0x1p500)
		return c, s, r * 0x1p-500
	}
	r = math.Sqrt(sum)
	by := 1 / r
	return f * by, g * by, r
}

var hypot = elem.Binary64(micro.Hypot) // with the same bits on every processor

// eigen2 returns the eigenvalues of [[a, b], [b, c]] and the unit vector (cosine, sine) of the first one, which is the larger in absolute value.
func eigen2(a, b, c float64) (first, second, cosine, sine float64) {
	sum, difference, twice := a+c, a-c, 2*b
	large, little := a, c
	if math.Abs(a) < math.Abs(c) {
		large, little = c, a
	}
	root := hypot(difference, twice)
	sign := 1.0
	switch {
	case sum < 0:
		first, sign = 0.5*(sum-root), -1
		second = float64(large/first*little) - float64(b/first*b)
	case sum > 0:
		first = 0.5 * (sum + root)
		second = float64(large/first*little) - float64(b/first*b)
	default:
		first, second = 0.5*root, -0.5*root
	}
	to, turned := difference+root, 1.0
	if difference < 0 {
		to, turned = difference-root, -1
	}
	switch {
	case math.Abs(to) > math.Abs(twice):
		t := -twice / to
		sine = 1 / math.Sqrt(math.FMA(t, t, 1))
		cosine = t * sine
	case b == 0:
		cosine, sine = 1, 0
	default:
		t := -to / twice
		cosine = 1 / math.Sqrt(math.FMA(t, t, 1))
		sine = t * cosine
	}
	if sign == turned {
		cosine, sine = -sine, cosine
	}
	return first, second, cosine, sine
}
