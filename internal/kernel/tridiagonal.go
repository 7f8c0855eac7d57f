package kernel

import (
	"fmt"
	"math"

	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
)

// Tridiagonal equations in which rows have to be exchanged are solved by LAPACK's algorithm.
var lapack lapackgonum.Implementation

func tridiagonalSolve[T float](c *Call) error {
	n, m := matrixSize(c.In[3].Type)
	dst, work := data[T](&c.Out[0]), c.Work
	main, y, lower, upper := take[float64](&work, n), take[float64](&work, n*m), take[float64](&work, n), take[float64](&work, n)
	of := func(operand, i, size int) []T { return data[T](&c.In[operand])[i*size : (i+1)*size] }
	for i := 0; i*n*m < len(dst); i++ {
		c.Poll(n * m)
		l, u := of(0, i, n), of(2, i, n)
		if m == 1 && eliminateColumn(l, of(1, i, n), u, of(3, i, n), main, y, dst[i*n:(i+1)*n]) {
			continue
		}
		load(main, of(1, i, n))
		load(y, of(3, i, n*m))
		if m == 1 || !eliminateFromEnds(l, u, main, y) {
			load(lower, l)
			load(upper, u)
			load(main, of(1, i, n))
			load(y, of(3, i, n*m))
			if !lapack.Dgtsv(n, m, lower[1:], main, upper[:n-1], y, m) {
				return fmt.Errorf("%s is singular", matrixName(i, c.In[3].Shape))
			}
		}
		store(dst[i*n*m:(i+1)*n*m], y)
	}
	return nil
}

// eliminateFromEnds solves a tridiagonal system in place, by elimination from both ends to the row in the middle and back: two chains of dependent operations, which a processor runs at once. It gives up, and returns false, where partial
// pivoting would exchange rows, and where a pivot is 0.
func eliminateFromEnds[T float](lower, upper []T, pivots, y []float64) bool {
	n := len(pivots)
	m := len(y) / n
	lower, upper = lower[:n], upper[:n]
	// eliminate takes row i, whose entry in row k is e, and whose entry in column k is other, out of row k.
	eliminate := func(i, k int, e, other T) bool {
		p := pivots[i]
		if !(math.Abs(float64(e)) <= math.Abs(p)) || p == 0 {
			return false
		}
		q := float64(e) / p
		pivots[k] -= float64(q * float64(other))
		from := y[i*m : (i+1)*m]
		for c, v := range y[k*m : (k+1)*m] {
			y[k*m+c] = v - float64(q*from[c])
		}
		return true
	}
	middle := n / 2
	for i, j := 0, n-1; i < middle; i, j = i+1, j-1 {
		if !eliminate(i, i+1, lower[i+1], upper[i]) || j > middle && !eliminate(j, j-1, upper[j-1], lower[j]) {
			return false
		}
	}
	p := pivots[middle]
	if p == 0 {
		return false
	}
	for c := range m {
		y[middle*m+c] /= p
	}
	// substitute solves row i, whose entry in the column of the row k that is solved is e.
	substitute := func(i, k int, e T) {
		r := 1 / pivots[i]
		q := float64(e) * r
		from := y[k*m : (k+1)*m]
		for c, v := range y[i*m : (i+1)*m] {
			y[i*m+c] = float64(v*r) - float64(q*from[c])
		}
	}
	for i, j := middle-1, middle+1; i >= 0; i, j = i-1, j+1 {
		substitute(i, i+1, upper[i])
		if j < n {
			substitute(j, j-1, lower[j])
		}
	}
	return true
}

// eliminateColumn is eliminateFromEnds for one right-hand side, with the same operations: what the next row needs stays in registers, and nothing is copied before or after.
func eliminateColumn[T float](lower, main, upper, b []T, pivots, y []float64, x []T) bool {
	n, middle := len(x), len(x)/2
	exchanged := func(e, pivot float64) bool { return !(math.Abs(e) <= math.Abs(pivot)) || pivot == 0 }
	i, j := 0, n-1
	p, v := float64(main[i]), float64(b[i])
	r, w := float64(main[j]), float64(b[j])
	down := func(other, next, right T, e float64) { // from row i to the next
		pivots[i], y[i] = p, v
		q := e / p
		p, v = float64(next)-float64(q*float64(other)), float64(right)-float64(q*v)
		i++
	}
	for ; j > middle+1; j-- {
		e, f := float64(lower[i+1]), float64(upper[j-1])
		if exchanged(e, p) || exchanged(f, r) {
			return false
		}
		down(upper[i], main[i+1], b[i+1], e)
		pivots[j], y[j] = r, w
		q := f / r
		r, w = float64(main[j-1])-float64(q*float64(lower[j])), float64(b[j-1])-float64(q*w)
	}
	c, z := float64(main[middle]), float64(b[middle])
	up := func() bool { // from row middle + 1
		if middle+1 >= n {
			return true
		}
		f := float64(upper[middle])
		if exchanged(f, r) {
			return false
		}
		pivots[j], y[j] = r, w
		q := f / r
		c, z = c-float64(q*float64(lower[j])), z-float64(q*w)
		return true
	}
	if n%2 == 0 {
		if i < middle-1 {
			e := float64(lower[i+1])
			if exchanged(e, p) {
				return false
			}
			down(upper[i], main[i+1], b[i+1], e)
		}
		if !up() {
			return false
		}
	}
	if middle > 0 {
		e := float64(lower[middle])
		if exchanged(e, p) {
			return false
		}
		pivots[i], y[i] = p, v
		q := e / p
		c, z = c-float64(q*float64(upper[i])), z-float64(q*v)
	}
	if n%2 == 1 && !up() || c == 0 {
		return false
	}
	above := z / c
	below := above
	x[middle] = T(above)
	for i, j = middle-1, middle+1; i >= 0; i, j = i-1, j+1 {
		r := 1 / pivots[i]
		above = float64(y[i]*r) - float64(float64(float64(upper[i])*r)*above)
		x[i] = T(above)
		if j < n {
			r := 1 / pivots[j]
			below = float64(y[j]*r) - float64(float64(float64(lower[j])*r)*below)
			x[j] = T(below)
		}
	}
	return true
}
