package ode

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// rosenbrock are the coefficients of Rodas4 in the form without products with the Jacobian: stage i solves (1/(γh) − J)·uᵢ = f(t + cᵢh, y + Σ aᵢⱼuⱼ) + Σ gᵢⱼuⱼ/h + dᵢ·h·∂f/∂t. The last stage but one
// starts from the result of the embedded method, the last one is its error.
var rosenbrock = struct {
	gamma float64
	a, g  [][]float64
	c, d  []float64
}{
	gamma: 0.25,
	a: [][]float64{{}, {1.544}, {0.9466785280815826, 0.2557011698983284}, {3.314825187068521, 2.896124015972201, 0.9986419139977817},
		{1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950}, {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1}},
	g: [][]float64{{}, {-5.6688}, {-2.430093356833875, -0.2063599157091915}, {-0.1073529058151375, -9.594562251023355, -20.47028614809616},
		{7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160}, {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054}},
	c: []float64{0, 0.386, 0.21, 0.63, 1, 1},
	d: []float64{0.25, -0.1043, 0.1035, -0.0362, 0, 0},
}

// factoredFrom is the number of unknowns from which the stages of a step share an LU decomposition; below, kernels that solve at once take less time.
const factoredFrom = 16

// rosenbrockStep is the state behind a step, and its error behind k.
func (s *solver) rosenbrockStep(t, h *node, y, k nodes) (nodes, []nodes) {
	like := func(v float64) *node { return graph.Like(h, v) }
	m := &rosenbrock
	vector, n := y[0], s.n
	scalars := y[0].Type().IsScalar()
	if scalars {
		vector = graph.Stack(0, y...)
	}
	j, ft := s.o.Jacobian(t, vector)
	if j.Valid() && ft.Valid() && (!j.Type().Equal(graph.Type{DType: t.DType(), Shape: graph.Shape{n, n}}) || !ft.Type().Equal(vector.Type())) {
		bad := y[0].Graph().Fail(s.op, fmt.Errorf("the Jacobian gives %v and %v for a state %v", j.Type(), ft.Type(), vector.Type()))
		return slices.Repeat(nodes{bad}, len(y)), []nodes{k, slices.Repeat(nodes{bad}, len(y))}
	}
	byTime := nodes{ft}
	shift := graph.Reciprocal(graph.Mul(like(m.gamma), h))
	var solve func(f nodes) nodes
	if scalars {
		byTime = elements(ft, n)
		solve = eliminated(j, shift, n)
	} else {
		w := graph.Sub(graph.Diag(graph.BroadcastTo(shift, n), 0), j)
		solve = func(f nodes) nodes { return nodes{graph.Solve(w, f[0])} }
		if n >= factoredFrom {
			lower, upper, order := graph.LU(w)
			solve = func(f nodes) nodes {
				x := graph.TriangularSolve(lower, graph.Gather(f[0], order, 0), graph.UnitDiagonal)
				return nodes{graph.TriangularSolve(upper, x, graph.UpperTriangle)}
			}
		}
	}
	var us []nodes
	z := y
	for i := range m.c {
		f := k
		if i > 0 {
			z = sums(y, combined(m.a[i], us))
			f = s.eval(graph.Add(t, graph.Mul(like(m.c[i]), h)), z)
			g := combined(m.g[i], us)
			for q := range g {
				g[q] = graph.Div(g[q], h)
			}
			f = sums(f, g)
		}
		if m.d[i] != 0 {
			f = moved(f, graph.Mul(like(m.d[i]), h), byTime)
		}
		us = append(us, solve(f))
	}
	s.us = us
	last := us[len(us)-1]
	return sums(z, last), []nodes{k, last}
}

func sums(a, b nodes) nodes {
	out := make(nodes, len(a))
	for i := range a {
		out[i] = graph.Add(a[i], b[i])
	}
	return out
}

func elements(x *node, n int) nodes {
	out := make(nodes, n)
	for i := range out {
		out[i] = graph.Index(x, i)
	}
	return out
}

// eliminated returns what solves (shift − j)·x = f for scalars, by elimination with the largest element of a column as pivot, which is done once.
func eliminated(j, shift *node, n int) func(f nodes) nodes {
	rows := make([]nodes, n)
	for i := range rows {
		for k := range n {
			e := graph.Neg(graph.Index(j, i, k))
			if i == k {
				e = graph.Add(shift, e)
			}
			rows[i] = append(rows[i], e)
		}
	}
	exchange := func(when, a, b *node) (x, y *node) { return graph.Where(when, b, a), graph.Where(when, a, b) }
	exchanged := make([]nodes, n) // by column: whether the rows below were exchanged with that of the pivot, one after another
	for k := range n {
		for i := k + 1; i < n; i++ {
			larger := graph.Greater(graph.Abs(rows[i][k]), graph.Abs(rows[k][k]))
			exchanged[k] = append(exchanged[k], larger)
			for c := range n { // factors of columns before too
				rows[k][c], rows[i][c] = exchange(larger, rows[k][c], rows[i][c])
			}
		}
		for i := k + 1; i < n; i++ {
			factor := graph.Div(rows[i][k], rows[k][k])
			rows[i][k] = factor
			for c := k + 1; c < n; c++ {
				rows[i][c] = graph.Sub(rows[i][c], graph.Mul(factor, rows[k][c]))
			}
		}
	}
	return func(f nodes) nodes {
		x := slices.Clone(f)
		for k := range n {
			for i := k + 1; i < n; i++ {
				x[k], x[i] = exchange(exchanged[k][i-k-1], x[k], x[i])
			}
		}
		for k := range n {
			for i := k + 1; i < n; i++ {
				x[i] = graph.Sub(x[i], graph.Mul(rows[i][k], x[k]))
			}
		}
		for k := n - 1; k >= 0; k-- {
			for c := k + 1; c < n; c++ {
				x[k] = graph.Sub(x[k], graph.Mul(rows[k][c], x[c]))
			}
			x[k] = graph.Div(x[k], rows[k][k])
		}
		return x
	}
}
