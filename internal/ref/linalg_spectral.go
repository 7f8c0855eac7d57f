package ref

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

func init() {
	evaluators["eigh"] = severalPerMatrix(func(_ *graph.Node, a matrix) ([]matrix, error) {
		a = tabulate(a.m, a.m, func(i, j int) float64 { return a.at(max(i, j), min(i, j)) })
		v := jacobiEigenvectors(a)
		d := v.transposed().times(a).times(v)
		order := sortedBy(a.m, func(i int) float64 { return d.at(i, i) })
		w := newMatrix(a.m, 1)
		for i, o := range order {
			w.v[i] = d.at(o, o)
		}
		return []matrix{w, tabulate(a.m, a.m, func(i, j int) float64 { return v.at(i, order[j]) })}, nil
	})
	evaluators["svd"] = severalPerMatrix(func(_ *graph.Node, a matrix) ([]matrix, error) {
		if a.m < a.n {
			u, s, vt := jacobiSVD(a.transposed())
			return []matrix{vt.transposed(), s, u.transposed()}, nil
		}
		u, s, vt := jacobiSVD(a)
		return []matrix{u, s, vt}, nil
	})
}

// sortedBy lists 0…n−1 with ascending keys.
func sortedBy(n int, key func(i int) float64) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case key(i) < key(j):
			return -1
		case key(i) > key(j):
			return 1
		}
		return 0
	})
	return order
}

const jacobiSweeps = 40

// jacobiEigenvectors diagonalises a symmetric matrix by Jacobi's rotations.
func jacobiEigenvectors(a matrix) matrix {
	v := unit(a.m)
	for range jacobiSweeps {
		for p := range a.m {
			for q := p + 1; q < a.m; q++ {
				if a.at(p, q) == 0 {
					continue
				}
				c, s := rotation(a.at(p, p), a.at(q, q), a.at(p, q))
				r := unit(a.m)
				r.set(p, p, c)
				r.set(q, q, c)
				r.set(p, q, s)
				r.set(q, p, -s)
				a = r.transposed().times(a).times(r)
				a.set(p, q, 0)
				a.set(q, p, 0)
				v = v.times(r)
			}
		}
	}
	return v
}

// rotation gives cosine and sine of the angle that makes the symmetric matrix [[app, apq], [apq, aqq]] diagonal.
func rotation(app, aqq, apq float64) (c, s float64) {
	theta := (aqq - app) / (2 * apq)
	t := math.Copysign(1, theta) / (math.Abs(theta) + math.Hypot(1, theta))
	c = 1 / math.Hypot(1, t)
	return c, t * c
}

// jacobiSVD makes the columns of a tall matrix orthogonal by one-sided rotations (Hestenes).
func jacobiSVD(a matrix) (u, s, vt matrix) {
	v := unit(a.n)
	for range jacobiSweeps {
		for p := range a.n {
			for q := p + 1; q < a.n; q++ {
				var app, aqq, apq float64
				for i := range a.m {
					app += a.at(i, p) * a.at(i, p)
					aqq += a.at(i, q) * a.at(i, q)
					apq += a.at(i, p) * a.at(i, q)
				}
				if math.Abs(apq) <= 1e-17*math.Sqrt(app*aqq) {
					continue
				}
				c, t := rotation(app, aqq, apq)
				r := unit(a.n)
				r.set(p, p, c)
				r.set(q, q, c)
				r.set(p, q, t)
				r.set(q, p, -t)
				a, v = a.times(r), v.times(r)
			}
		}
	}
	norms := make([]float64, a.n)
	for j := range norms {
		for _, x := range a.column(j) {
			norms[j] = math.Hypot(norms[j], x)
		}
	}
	order := sortedBy(a.n, func(i int) float64 { return -norms[i] })
	s = newMatrix(a.n, 1)
	for i, o := range order {
		s.v[i] = norms[o]
	}
	u = tabulate(a.m, a.n, func(i, j int) float64 { return a.at(i, order[j]) / norms[order[j]] })
	for j := range a.n { // any vector that is orthogonal to the others where the value is 0
		for e := 0; e < a.m && s.v[j] == 0 && !(u.at(0, j) == u.at(0, j)); e++ {
			x := make([]float64, a.m)
			x[e] = 1
			for k := range j {
				dot := u.at(e, k)
				for i := range x {
					x[i] -= dot * u.at(i, k)
				}
			}
			var square float64
			for _, v := range x {
				square += v * v
			}
			if square*float64(a.m) < 0.5 {
				continue
			}
			for i, v := range x {
				u.set(i, j, v/math.Sqrt(square))
			}
		}
	}
	return u, s, tabulate(a.n, a.n, func(i, j int) float64 { return v.at(j, order[i]) })
}

func init() {
	evaluators["eig"] = severalPerMatrix(func(_ *graph.Node, a matrix) ([]matrix, error) {
		w, v := newMatrix(a.m, 2), newMatrix(a.m*a.m, 2)
		for k, e := range generalEigenvectors(a) {
			w.set(k, 0, real(e.value))
			w.set(k, 1, imag(e.value))
			for i, x := range e.vector {
				v.set(i*a.m+k, 0, real(x))
				v.set(i*a.m+k, 1, imag(x))
			}
		}
		return []matrix{w, v}, nil
	})
}

// eigenvector is one, with its value.
type eigenvector struct {
	value  complex128
	vector []complex128
}

// generalEigenvectors finds the roots of the characteristic polynomial, whose coefficients are those of Faddeev and LeVerrier, by the iteration of Durand and Kerner, and vectors by inverse iteration; their Rayleigh quotients are the values.
func generalEigenvectors(a matrix) []eigenvector {
	n := a.m
	polynomial := make([]float64, n+1) // that of xᵏ at k
	polynomial[n] = 1
	m := newMatrix(n, n)
	for k := 1; k <= n; k++ {
		m = a.times(m).plus(unit(n).scaled(polynomial[n-k+1]))
		am := a.times(m)
		for i := range n {
			polynomial[n-k] -= am.at(i, i) / float64(k)
		}
	}
	largest := 0.0
	for _, x := range a.v {
		largest = max(largest, math.Abs(x))
	}
	roots := make([]complex128, n)
	for i := range roots {
		roots[i] = cmplx.Pow(complex(0.4, 0.9), complex(float64(i), 0)) * complex(largest, 0)
	}
	for range 200 {
		for i, x := range roots {
			value := complex128(0)
			for k := n; k >= 0; k-- {
				value = value*x + complex(polynomial[k], 0)
			}
			for j, y := range roots {
				if i != j {
					value /= x - y
				}
			}
			if !math.IsNaN(real(value)) && !math.IsNaN(imag(value)) {
				roots[i] -= value
			}
		}
	}
	var out []eigenvector
	for _, root := range roots {
		if math.Abs(imag(root)) <= 1e-7*largest {
			root = complex(real(root), 0)
		}
		if imag(root) >= 0 {
			out = append(out, inverseIteration(a, root, largest))
		}
	}
	slices.SortFunc(out, func(x, y eigenvector) int {
		return cmp.Or(cmp.Compare(real(x.value), real(y.value)), cmp.Compare(imag(x.value), imag(y.value)))
	})
	for i := 0; i < len(out); i++ {
		if imag(out[i].value) != 0 {
			other := eigenvector{value: cmplx.Conj(out[i].value)}
			for _, x := range out[i].vector {
				other.vector = append(other.vector, cmplx.Conj(x))
			}
			i++
			out = slices.Insert(out, i, other)
		}
	}
	return out
}

// inverseIteration finds the vector of an eigenvalue.
func inverseIteration(a matrix, value complex128, size float64) eigenvector {
	n := a.m
	v := make([]complex128, n)
	for i := range v {
		v[i] = complex(1+0.1*float64(i*i%7), 0)
	}
	shift := value + complex(1e-9*size, 0)
	for range 6 {
		m := make([][]complex128, n)
		for i := range m {
			for j := range n {
				m[i] = append(m[i], complex(a.at(i, j), 0))
			}
			m[i][i] -= shift
			m[i] = append(m[i], v[i])
		}
		for c := range n {
			best := c
			for i := c; i < n; i++ {
				if cmplx.Abs(m[i][c]) > cmplx.Abs(m[best][c]) {
					best = i
				}
			}
			m[c], m[best] = m[best], m[c]
			if m[c][c] == 0 {
				m[c][c] = 1e-300
			}
			for i := c + 1; i < n; i++ {
				f := m[i][c] / m[c][c]
				for j := c; j <= n; j++ {
					m[i][j] -= f * m[c][j]
				}
			}
		}
		norm := 0.0
		for i := n - 1; i >= 0; i-- {
			x := m[i][n]
			for j := i + 1; j < n; j++ {
				x -= m[i][j] * v[j]
			}
			v[i] = x / m[i][i]
			norm = math.Hypot(norm, cmplx.Abs(v[i]))
		}
		first, most := 0, 0.0
		for i, x := range v {
			if cmplx.Abs(x) > most*(1+1e-7) {
				first, most = i, cmplx.Abs(x)
			}
		}
		by := cmplx.Conj(v[first]) / complex(most*norm, 0)
		for i := range v {
			v[i] *= by
		}
		v[first] = complex(most/norm, 0)
	}
	quotient := complex128(0)
	for i, x := range v {
		for j, y := range v {
			quotient += cmplx.Conj(x) * complex(a.at(i, j), 0) * y
		}
	}
	if imag(value) == 0 {
		quotient = complex(real(quotient), 0)
	}
	return eigenvector{quotient, v}
}
