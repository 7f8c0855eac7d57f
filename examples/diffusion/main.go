// Command diffusion finds the coefficient of a boundary value problem from one measurement, the first example of ADCME's
// documentation (Kailai Xu and Eric Darve, ADCME: Learning spatially-varying physical fields using deep neural networks, arXiv:2011.11955):
//
//	−b·u″(x) + u(x) = 8 + 4x − 4x²  on (0, 1),  u(0) = u(1) = 0,  u(½) = 1 was measured.
//
// The solution for b = 1 is 4x(1−x). Differences on n points give a tridiagonal system, whose solution is differentiated by b; the
// misfit is made 0 from b = 10 on by Gauss–Newton steps (package optimize).
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	const n = 101
	for _, at := range []int{50, 51} {
		b, evaluations, err := fit(n, at, 10)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "measured at x = %.2f: b = %.13f after %d evaluations\n", float64(at)/(n-1), b, evaluations)
	}
	fmt.Fprintln(w, "(ADCME's page takes the second point for the middle, and so finds 0.9995582304494.)")
	return nil
}

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

// fit returns the coefficient with the least misfit.
func fit(n, at int, start float64) (coefficient float64, evaluations int, err error) {
	b, residual := misfit(n, at)
	r, err := optimize.Problem{Residuals: []*graph.Node{residual}, Parameters: []*graph.Node{b}}.Solve(context.Background(), optimize.Values{"b": {start}}, optimize.Options{})
	if err != nil {
		return 0, 0, err
	}
	return r.X["b"][0], r.Evaluations.Values + r.Evaluations.Jacobians, nil
}
