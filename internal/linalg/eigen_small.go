package linalg

import "math"

// smallEigen is the largest extent of matrices that are taken by plain loops.
const smallEigen = 8

// small is run for small matrices, without blocks.
func (e *eigen) small() bool {
	if !e.read() {
		return false
	}
	n, ld := e.n, e.ld
	a, z, w := e.a, e.z, e.sum
	for i := range n {
		row := z[i*e.ldz : i*e.ldz+n]
		clear(row)
		row[i] = 1
	}
	for c := range n - 1 {
		// Vector c is kept in its row of the matrix.
		e.d[c] = a[c*ld+c]
		v := a[c*ld+c+1 : c*ld+n]
		e.e[c], e.tau[c] = reflector(v)
		tau := e.tau[c]
		if tau == 0 {
			continue
		}
		inner := 0.0
		for i := range v {
			s := 0.0
			row := a[(c+1+i)*ld+c+1:]
			for j, x := range v {
				s = math.FMA(row[j], x, s)
			}
			w[i] = tau * s
			inner = math.FMA(w[i], v[i], inner)
		}
		half := -0.5 * float64(tau*inner)
		for i, x := range v {
			w[i] = math.FMA(half, x, w[i])
		}
		for i, x := range v {
			row := a[(c+1+i)*ld+c+1:]
			for j, y := range v {
				row[j] = math.FMA(-w[i], y, math.FMA(-x, w[j], row[j]))
			}
		}
	}
	e.d[n-1] = a[(n-1)*ld+n-1]
	for c := n - 2; c >= 0; c-- {
		v := a[c*ld+c+1 : c*ld+n]
		for i := c + 1; i < n && e.tau[c] != 0; i++ {
			row := z[i*e.ldz+c+1:]
			s := 0.0
			for j, x := range v {
				s = math.FMA(row[j], x, s)
			}
			s = -float64(e.tau[c] * s)
			for j, x := range v {
				row[j] = math.FMA(s, x, row[j])
			}
		}
	}
	e.ql.start(e.d[:n], e.e[:n])
	for e.ql.find(); e.ql.swap(); e.ql.find() {
		e.ql.applied.plain(z, e.ldz, n)
	}
	if e.ql.failed {
		return false
	}
	// Insertion keeps the order of equal values.
	for i := range n {
		at := i
		for ; at > 0 && e.d[e.order[at-1]] > e.d[i]; at-- {
			e.order[at] = e.order[at-1]
		}
		e.order[at] = int64(i)
	}
	for k, from := range e.order {
		e.o.X[k] = e.d[from] * e.scale
		for i, x := range z[int(from)*e.ldz : int(from)*e.ldz+n] {
			e.o.Y[i*n+k] = x
		}
	}
	return true
}

// plain is apply for few columns.
func (r *rotations) plain(z []float64, ld, columns int) {
	begin := 0
	for i := 0; i < r.used; i += 3 {
		row, way, end := int(r.list[i]), int(r.list[i+1]), int(r.list[i+2])
		for k := begin; k < end; k++ {
			c, s := r.c[k], r.s[k]
			x, y := z[row*ld:row*ld+columns], z[(row+way)*ld:(row+way)*ld+columns]
			for j, v := range x {
				w := y[j]
				x[j], y[j] = math.FMA(c, v, float64(s*w)), math.FMA(c, w, -float64(s*v))
			}
			row += way
		}
		begin = end
	}
}
