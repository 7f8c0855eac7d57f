package ref

import "github.com/adjoint-go/adjoint/graph"

// minor is a without a row and a column.
func (a matrix) minor(row, column int) matrix {
	skip := func(i, k int) int {
		if i >= k {
			return i + 1
		}
		return i
	}
	return tabulate(a.m-1, a.n-1, func(i, j int) float64 { return a.at(skip(i, row), skip(j, column)) })
}

func (a matrix) determinant() float64 {
	a = a.clone()
	perm, odd := eliminate(a)
	d := 1.0
	for i := range perm {
		d *= a.at(i, i)
	}
	if odd {
		d = -d
	}
	return d + 0 // not −0
}

// cofactors are the signed minors.
func (a matrix) cofactors() matrix {
	return tabulate(a.m, a.n, func(i, j int) float64 {
		return float64(1-2*((i+j)%2)) * a.minor(i, j).determinant()
	})
}

func init() {
	evaluators["cofactor"] = perMatrix([]int{2}, func(_ *graph.Node, in []matrix) (matrix, error) { return in[0].cofactors(), nil })
	// The derivative of a minor by its elements is made of the cofactors of the minor.
	evaluators["cofactor_derivative"] = perMatrix([]int{2, 2}, func(_ *graph.Node, in []matrix) (matrix, error) {
		return tabulate(in[0].m, in[0].n, func(i, j int) float64 {
			s := 0.0
			d := in[1].minor(i, j)
			for k, c := range in[0].minor(i, j).cofactors().v {
				s += c * d.v[k]
			}
			return float64(1-2*((i+j)%2)) * s
		}), nil
	})
}
