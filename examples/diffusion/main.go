// Command diffusion finds the coefficient of a boundary value problem from one measurement, the first example of ADCME's
// documentation (Kailai Xu and Eric Darve, ADCME: Learning spatially-varying physical fields using deep neural networks, arXiv:2011.11955):
//
//	−b·u″(x) + u(x) = 8 + 4x − 4x²  on (0, 1),  u(0) = u(1) = 0,  u(½) = 1 was measured.
//
// The solution for b = 1 is 4x(1−x). Differences on n points give a tridiagonal system, whose solution is differentiated by b; the
// squared misfit is minimised from b = 10 on by gonum's L-BFGS with the value and gradient of one program.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"gonum.org/v1/gonum/optimize"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
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

// misfit builds (u(x_at) − 1)² on n points, a function of the coefficient b.
func misfit(n, at int) (b, loss *graph.Node) {
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
	return b, graph.Square(graph.Sub(graph.Index(u, at-1), g.Const(1))).Named("loss")
}

// fit returns the coefficient with the least misfit.
func fit(n, at int, start float64) (coefficient float64, evaluations int, err error) {
	b, loss := misfit(n, at)
	d, err := compile.Gradient(loss, b)
	if err != nil {
		return 0, 0, err
	}
	p, err := compile.Compile(loss, d[0].Named("slope"))
	if err != nil {
		return 0, 0, err
	}
	m := vm.NewMachine(p)
	in, value, slope := m.Float64("b"), m.Float64("loss"), m.Float64("slope")
	eval := func(x []float64) {
		in[0] = x[0]
		if e := m.Step(); e != nil && err == nil {
			err = e
		}
		evaluations++
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { eval(x); return value[0] },
		Grad: func(grad, x []float64) { eval(x); grad[0] = slope[0] },
	}
	settings := &optimize.Settings{GradientThreshold: 1e-15}
	result, stop := optimize.Minimize(problem, []float64{start}, settings, &optimize.LBFGS{})
	if err != nil {
		return 0, 0, err
	}
	if stop != nil {
		return 0, 0, stop
	}
	return result.X[0], evaluations, nil
}
