package optimize

import "math"

// square is a small dense matrix, decomposed in place by elimination with row exchanges.
type square struct {
	n     int
	a     []float64
	pivot []int
}

func newSquare(n int) *square { return &square{n: n, a: make([]float64, n*n), pivot: make([]int, n)} }

func (s *square) at(i, j int) float64     { return s.a[i*s.n+j] }
func (s *square) set(i, j int, v float64) { s.a[i*s.n+j] = v }

func (s *square) clone() *square {
	c := newSquare(s.n)
	copy(c.a, s.a)
	return c
}

// decompose makes L and U of the matrix; false if it is singular.
func (s *square) decompose() bool {
	n := s.n
	for k := range n {
		best := k
		for i := k + 1; i < n; i++ {
			if math.Abs(s.at(i, k)) > math.Abs(s.at(best, k)) {
				best = i
			}
		}
		s.pivot[k] = best
		p := s.at(best, k)
		if p == 0 || p-p != 0 {
			return false
		}
		rowK, rowBest := s.a[k*n:k*n+n], s.a[best*n:best*n+n]
		if best != k {
			for j := range rowK {
				rowK[j], rowBest[j] = rowBest[j], rowK[j]
			}
		}
		for i := k + 1; i < n; i++ {
			row := s.a[i*n : i*n+n]
			if row[k] == 0 {
				continue
			}
			row[k] /= p
			q := row[k]
			for j := k + 1; j < n; j++ {
				row[j] -= q * rowK[j]
			}
		}
	}
	return true
}

// solve replaces b by the solution.
func (s *square) solve(b []float64) {
	n := s.n
	for k := range n {
		b[k], b[s.pivot[k]] = b[s.pivot[k]], b[k]
	}
	for i := range n {
		for j := range i {
			b[i] -= s.at(i, j) * b[j]
		}
	}
	for i := n - 1; i >= 0; i-- {
		for j := i + 1; j < n; j++ {
			b[i] -= s.at(i, j) * b[j]
		}
		b[i] /= s.at(i, i)
	}
}

// cholesky makes the lower triangle L of L·Lᵀ; false if the matrix is not positive definite.
func (s *square) cholesky() bool {
	n := s.n
	for j := range n {
		rowJ := s.a[j*n : j*n+j]
		d := s.at(j, j)
		for _, v := range rowJ {
			d -= v * v
		}
		if !(d > 0) {
			return false
		}
		d = math.Sqrt(d)
		s.set(j, j, d)
		for i := j + 1; i < n; i++ {
			v := s.at(i, j)
			rowI := s.a[i*n : i*n+j]
			for k, w := range rowJ {
				v -= w * rowI[k]
			}
			s.set(i, j, v/d)
		}
	}
	return true
}
