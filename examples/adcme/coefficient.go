package main

import (
	"context"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

// The coefficient of a boundary value problem from one measurement:
//
//	−b·u″(x) + u(x) = 8 + 4x − 4x²  on (0, 1),  u(0) = u(1) = 0,  u(½) = 1 was measured.
//
// The solution for b = 1 is 4x(1−x). Differences on n points give a tridiagonal system, whose solution is differentiated by b.

// misfit builds u(x_at) − 1 on n points, a function of the coefficient b.
func misfit(n, at int) (b, residual *graph.Node) {
	g := graph.New()
	b = g.Input("b", graph.Float64)
	h := 1 / float64(n-1)
	inner := n - 2
	f := make([]float64, inner)
	for i := range f {
		x := float64(i+1) * h
		f[i] = 8 + 4*x - 4*x*x
	}
	row := func(v *graph.Node) *graph.Node { return graph.BroadcastTo(v, inner) }
	scaled := graph.Mul(b, g.Const(1/(h*h)))
	side := row(graph.Neg(scaled))
	u := graph.TridiagonalSolve(side, row(graph.Add(graph.Mul(g.Const(2), scaled), g.Const(1))), side, graph.Constant(g, f, inner))
	return b, graph.Sub(graph.Index(u, at-1), g.Const(1))
}

// fitCoefficient returns the coefficient with the least misfit, found by Gauss–Newton steps.
func fitCoefficient(ctx context.Context, n, at int, start float64) (coefficient float64, evaluations int, err error) {
	b, residual := misfit(n, at)
	r, err := optimize.Problem{Residuals: []*graph.Node{residual}, Parameters: []*graph.Node{b}}.Solve(ctx, optimize.Values{"b": {start}}, optimize.Options{})
	if err != nil {
		return 0, 0, err
	}
	return r.X["b"][0], r.Evaluations.Values + r.Evaluations.Jacobians, nil
}
