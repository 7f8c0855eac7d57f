package continuous_test

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/continuous"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/vm"
)

// What is left after a time of a decay, and its derivative by the rate, from the adjoint equation.
func ExampleSolve() {
	g := graph.New()
	rate := g.Input("rate", graph.Float64)
	decay := func(_ *graph.Node, y []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Neg(graph.Mul(rate, y[0]))}
	}
	s, err := continuous.Solve(decay, g.Const(0), g.Const(1), []*graph.Node{g.Const(1)}, continuous.Options{Options: ode.Options{RTol: 1e-9, ATol: 1e-9}})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := compile.Gradient(s.Y[0], rate)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := compile.Compile(s.Y[0], d[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	m := vm.NewMachine(p)
	m.Float64("rate")[0] = 0.5
	if err := m.Step(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.5f %.5f\n", m.OutputFloat64(0)[0], m.OutputFloat64(1)[0])
	// Output: 0.60653 -0.60653
}
