package ref

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// matrix is a dense matrix; the definitions of linear algebra are written for one matrix at a time.
type matrix struct {
	m, n int
	v    []float64
}

func newMatrix(m, n int) matrix          { return matrix{m, n, make([]float64, m*n)} }
func (a matrix) at(i, j int) float64     { return a.v[i*a.n+j] }
func (a matrix) set(i, j int, x float64) { a.v[i*a.n+j] = x }
func (a matrix) add(i, j int, x float64) { a.v[i*a.n+j] += x }
func (a matrix) clone() matrix           { return matrix{a.m, a.n, append([]float64(nil), a.v...)} }
func (a matrix) transposed() matrix {
	return tabulate(a.n, a.m, func(i, j int) float64 { return a.at(j, i) })
}
func (a matrix) column(j int) []float64 {
	return tabulate(a.m, 1, func(i, _ int) float64 { return a.at(i, j) }).v
}
func (a matrix) scaled(f float64) matrix {
	return tabulate(a.m, a.n, func(i, j int) float64 { return f * a.at(i, j) })
}
func (a matrix) plus(b matrix) matrix {
	return tabulate(a.m, a.n, func(i, j int) float64 { return a.at(i, j) + b.at(i, j) })
}
func (a matrix) swapRows(i, j int) {
	for k := range a.n {
		x, y := a.at(i, k), a.at(j, k)
		a.set(i, k, y)
		a.set(j, k, x)
	}
}

func tabulate(m, n int, f func(i, j int) float64) matrix {
	a := newMatrix(m, n)
	for i := range m {
		for j := range n {
			a.set(i, j, f(i, j))
		}
	}
	return a
}

func unit(n int) matrix {
	return tabulate(n, n, func(i, j int) float64 {
		if i == j {
			return 1
		}
		return 0
	})
}

func (a matrix) times(b matrix) matrix {
	return tabulate(a.m, b.n, func(i, j int) float64 {
		s := 0.0
		for k := range a.n {
			s += a.at(i, k) * b.at(k, j)
		}
		return s
	})
}

// part returns element (batch) number k of a value whose last rank dimensions belong to one element, as a matrix; a vector
// is a column.
func part(v Value, rank, k int) matrix {
	s := v.Type.Shape[v.Type.Shape.Rank()-rank:]
	m, n := 1, 1
	switch rank {
	case 2:
		m, n = s[0], s[1]
	case 1:
		m = s[0]
	}
	return matrix{m, n, v.F[k*m*n : (k+1)*m*n]}
}

// perMatrix makes an evaluator from the definition for one matrix (or vector) per operand. ranks are those of the
// operands' elements.
func perMatrix(ranks []int, f func(n *graph.Node, in []matrix) (matrix, error)) func(n *graph.Node, in []Value) (Value, error) {
	return func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		s := in[0].Type.Shape
		batch := graph.Shape(s[:len(s)-ranks[0]]).Size()
		size := out.Len() / batch
		for k := range batch {
			parts := make([]matrix, len(in))
			for i, v := range in {
				parts[i] = part(v, ranks[i], k).clone()
			}
			y, err := f(n, parts)
			if err != nil {
				return Value{}, err
			}
			copy(out.F[k*size:(k+1)*size], y.v)
		}
		return out, nil
	}
}

// severalPerMatrix is perMatrix for operators with one operand and several results.
func severalPerMatrix(f func(n *graph.Node, a matrix) ([]matrix, error)) func(n *graph.Node, in []Value) (Value, error) {
	return func(n *graph.Node, in []Value) (Value, error) {
		var out Value
		for _, t := range n.Results() {
			out.Results = append(out.Results, New(t))
		}
		s := in[0].Type.Shape
		for k := range graph.Shape(s[:len(s)-2]).Size() {
			ys, err := f(n, part(in[0], 2, k).clone())
			if err != nil {
				return Value{}, err
			}
			for i, y := range ys {
				for j, x := range y.v {
					out.Results[i].setNumber(k*len(y.v)+j, x)
				}
			}
		}
		return out, nil
	}
}

func init() {
	evaluators["cholesky"] = perMatrix([]int{2}, func(_ *graph.Node, in []matrix) (matrix, error) {
		a, l := in[0], newMatrix(in[0].m, in[0].m)
		for i := range a.m {
			for j := range i + 1 {
				s := a.at(i, j)
				for k := range j {
					s -= l.at(i, k) * l.at(j, k)
				}
				switch {
				case i > j:
					l.set(i, j, s/l.at(j, j))
				case s > 0:
					l.set(i, i, math.Sqrt(s))
				default:
					return l, fmt.Errorf("not positive definite")
				}
			}
		}
		return l, nil
	})
	evaluators["triangular_solve"] = perMatrix([]int{2, 2}, func(n *graph.Node, in []matrix) (matrix, error) {
		lower, unit := n.Attrs().Bool("lower"), n.Attrs().Bool("unit")
		a := tabulate(in[0].m, in[0].m, func(i, j int) float64 {
			switch {
			case i == j && unit:
				return 1
			case i == j || (i > j) == lower:
				return in[0].at(i, j)
			}
			return 0
		})
		if n.Attrs().Bool("transpose") {
			a = a.transposed()
		}
		return gauss(a, in[1])
	})
	evaluators["solve"] = perMatrix([]int{2, 2}, func(_ *graph.Node, in []matrix) (matrix, error) { return gauss(in[0], in[1]) })
	evaluators["inv"] = perMatrix([]int{2}, func(_ *graph.Node, in []matrix) (matrix, error) { return gauss(in[0], unit(in[0].m)) })
	evaluators["tridiagonal_solve"] = perMatrix([]int{1, 1, 1, 2}, func(_ *graph.Node, in []matrix) (matrix, error) {
		t := tabulate(in[1].m, in[1].m, func(i, j int) float64 {
			switch j - i {
			case -1:
				return in[0].v[i]
			case 0:
				return in[1].v[i]
			case 1:
				return in[2].v[i]
			}
			return 0
		})
		return gauss(t, in[3])
	})
	evaluators["det"] = perMatrix([]int{2}, func(_ *graph.Node, in []matrix) (matrix, error) {
		return matrix{1, 1, []float64{in[0].determinant()}}, nil
	})
	evaluators["slogdet"] = severalPerMatrix(func(_ *graph.Node, a matrix) ([]matrix, error) {
		_, odd := eliminate(a)
		sign, sum := 1.0, 0.0
		if odd {
			sign = -1
		}
		for i := range a.m {
			d := a.at(i, i)
			sum += math.Log(math.Abs(d))
			switch {
			case d < 0:
				sign = -sign
			case d == 0:
				sign = 0
			}
		}
		return []matrix{{1, 1, []float64{sign}}, {1, 1, []float64{sum}}}, nil
	})
	evaluators["expm"] = perMatrix([]int{2}, func(_ *graph.Node, in []matrix) (matrix, error) {
		const halvings = 12
		a := in[0].scaled(math.Ldexp(1, -halvings))
		y, term := unit(a.m), unit(a.m)
		// expm1 of the small matrix by Taylor's series, doubled by e²ˣ − 1 = 2·(eˣ − 1) + (eˣ − 1)², which loses no digits.
		e := newMatrix(a.m, a.m)
		for k := 1; k < 12; k++ {
			term = term.times(a).scaled(1 / float64(k))
			e = e.plus(term)
		}
		for range halvings {
			e = e.scaled(2).plus(e.times(e))
		}
		return y.plus(e), nil
	})
	evaluators["gap_divide"] = func(n *graph.Node, in []Value) (Value, error) {
		out := New(n.Type())
		for i := range out.Len() {
			switch a, b := in[0].F[i], in[1].F[i]; {
			case b != 0:
				out.F[i] = a / b
			case a != 0:
				return Value{}, fmt.Errorf("%v/0", a)
			}
		}
		return out, nil
	}
}

// eliminate replaces a by its LU decomposition with partial pivoting and returns the rows' order and whether it is odd.
func eliminate(a matrix) (perm []int, odd bool) {
	for i := range a.m {
		perm = append(perm, i)
	}
	for k := range min(a.m, a.n) {
		p := k
		for i := k + 1; i < a.m; i++ {
			if math.Abs(a.at(i, k)) > math.Abs(a.at(p, k)) {
				p = i
			}
		}
		if p != k {
			a.swapRows(p, k)
			perm[p], perm[k] = perm[k], perm[p]
			odd = !odd
		}
		if a.at(k, k) == 0 {
			continue
		}
		for i := k + 1; i < a.m; i++ {
			f := a.at(i, k) / a.at(k, k)
			a.set(i, k, f)
			for j := k + 1; j < a.n; j++ {
				a.add(i, j, -f*a.at(k, j))
			}
		}
	}
	return perm, odd
}

// gauss solves a·x = b.
func gauss(a, b matrix) (matrix, error) {
	a = a.clone()
	perm, _ := eliminate(a)
	x := tabulate(b.m, b.n, func(i, j int) float64 { return b.at(perm[i], j) })
	for i := range a.m {
		for k := range i {
			for j := range x.n {
				x.add(i, j, -a.at(i, k)*x.at(k, j))
			}
		}
	}
	for i := a.m - 1; i >= 0; i-- {
		if a.at(i, i) == 0 {
			return x, fmt.Errorf("the matrix is singular")
		}
		for j := range x.n {
			for k := i + 1; k < a.m; k++ {
				x.add(i, j, -a.at(i, k)*x.at(k, j))
			}
			x.set(i, j, x.at(i, j)/a.at(i, i))
		}
	}
	return x, nil
}

func init() {
	evaluators["lu"] = severalPerMatrix(func(_ *graph.Node, a matrix) ([]matrix, error) {
		perm, _ := eliminate(a)
		p := newMatrix(a.m, 1)
		for i, r := range perm {
			p.v[i] = float64(r)
		}
		return []matrix{a, p}, nil
	})
	evaluators["qr"] = severalPerMatrix(func(_ *graph.Node, a matrix) ([]matrix, error) {
		k := min(a.m, a.n)
		q, r := unit(a.m), a
		for j := range k {
			// The reflection takes column j below the diagonal to a multiple of the first unit vector, of the sign opposite to its first element.
			v := newMatrix(a.m, 1)
			norm := 0.0
			for i := j; i < a.m; i++ {
				v.v[i] = r.at(i, j)
				norm = math.Hypot(norm, v.v[i])
			}
			tail := 0.0
			for i := j + 1; i < a.m; i++ {
				tail = math.Hypot(tail, v.v[i])
			}
			if tail == 0 {
				continue
			}
			v.v[j] += math.Copysign(norm, v.v[j])
			h := unit(a.m).plus(v.times(v.transposed()).scaled(-2 / v.transposed().times(v).v[0]))
			q, r = q.times(h), h.times(r)
		}
		r = tabulate(k, a.n, func(i, j int) float64 {
			if i > j {
				return 0
			}
			return r.at(i, j)
		})
		return []matrix{tabulate(a.m, k, q.at), r}, nil
	})
}
