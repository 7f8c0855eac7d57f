package ref

import (
	"math"
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
	return u, s, tabulate(a.n, a.n, func(i, j int) float64 { return v.at(j, order[i]) })
}
