package testkit

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// composedLinalg compares inverses of any rank and what is made of LU factors.
func composedLinalg(check checker, wave waves) {
	type node = *graph.Node
	check("pinv", 1e-12, func(x []node) node { return graph.Pinv(x[0]) }, wave(2, 0, 2, 3, 4))
	check("pinv deficient", 1e-11, func(x []node) node { return graph.Pinv(graph.MatMul(x[0], x[1])) }, wave(2, 0, 4, 2), wave(2, 1, 2, 3))
	square := wave(2, 0, 2, 4, 4)
	for i := range square.F {
		if i%16%5 == 0 {
			square.F[i]++
		}
	}
	solve := func(x []node) node {
		l, u, perm := graph.LU(x[0])
		return graph.LUSolve(l, u, perm, x[1])
	}
	check("lu_solve", 1e-12, solve, square, wave(2, 0, 2, 4, 3))
	one := ref.New(graph.Type{DType: graph.Float64, Shape: graph.Shape{4, 4}})
	copy(one.F, square.F)
	check("lu_solve vector", 1e-12, solve, one, wave(2, 0, 4))
	check("pivots", 0, func(x []node) node {
		_, _, perm := graph.LU(x[0])
		return graph.Cast(graph.Pivots(perm, 4), graph.Float64)
	}, square)
	check("permutation_sign", 0, func(x []node) node { return graph.Cast(graph.PermutationSign(x[0]), graph.Float64) },
		ref.Of(graph.Type{DType: graph.Int64, Shape: graph.Shape{4, 4}}, 0, 1, 2, 3, 1, 0, 2, 3, 3, 2, 1, 0, 1, 2, 3, 0))
}

// Complete decompositions are orthogonal and give the matrix back, and their first and second derivatives keep both.
func TestCompleteDecompositions(t *testing.T) {
	type node = *graph.Node
	orthogonal := func(q node) node { return graph.MatMul(q, graph.Transpose(q, 0, 2, 1)) }
	for _, shape := range [][]int{{2, 5, 3}, {2, 3, 5}, {2, 3, 3}} {
		g := graph.New()
		a := g.Input("a", graph.Float64, shape...)
		v := ref.New(a.Type())
		for i := range v.F {
			v.F[i] = 2 * math.Sin(1.3*float64(i)+0.17*float64(i*i))
		}
		m, n := shape[1], shape[2]
		q, r := graph.QRComplete(a)
		u, s, vt := graph.SVDComplete(a)
		k := min(m, n)
		middle := graph.Pad(graph.Diag(s, 0), []int{0, 0, 0}, []int{0, m - k, n - k}, 0)
		weights := func(x node, phase float64) node {
			w := make([]float64, x.Shape().Size())
			for i := range w {
				w[i] = math.Cos(0.7*float64(i) + phase)
			}
			return graph.Constant(g, w, x.Shape()...)
		}
		unit := func(n int) node { return graph.BroadcastTo(graph.Eye(g, graph.Float64, n), 2, n, n) }
		var outputs, want []node
		for _, c := range []struct{ got, want node }{
			{graph.MatMul(q, r), a}, {orthogonal(q), unit(m)}, {graph.MatMul(u, graph.MatMul(middle, vt)), a}, {orthogonal(u), unit(m)}, {orthogonal(vt), unit(n)},
		} {
			outputs, want = append(outputs, c.got), append(want, c.want)
			// The derivatives of what is the same are the same: along a quadratic function too, whose second derivatives are not 0.
			cost := func(x node) node { return graph.Sum(graph.Mul(weights(x, 0), graph.Add(x, graph.Square(x)))) }
			var second [2]node
			for i, x := range []node{c.got, c.want} {
				d, err := compile.Gradient(cost(x), a)
				if err != nil {
					t.Fatal(err)
				}
				h, err := compile.Gradient(graph.Sum(graph.Mul(weights(a, 1), d[0])), a)
				if err != nil {
					t.Fatal(err)
				}
				second[i] = h[0]
				if i == 0 {
					outputs = append(outputs, d[0])
				} else {
					want = append(want, d[0])
				}
			}
			outputs, want = append(outputs, second[0]), append(want, second[1])
		}
		values, err := CompileAndRun(compile.Config{}, Point{a: v}, append(outputs, want...)...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range outputs {
			for k, w := range values[len(outputs)+i].F {
				if got := values[i].F[k]; !(math.Abs(got-w) <= 1e-10*(1+math.Abs(w))) {
					t.Errorf("%v, output %d: element %d is %v, want %v", shape, i, k, got, w)
				}
			}
		}
	}
}
