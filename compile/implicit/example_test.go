package implicit_test

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// The eccentric anomaly of an orbit by its mean anomaly and eccentricity, and its derivatives by both.
func ExampleRoot() {
	g := graph.New()
	mean, ecc := g.Input("mean", graph.Float64), g.Input("ecc", graph.Float64)
	anomaly, err := implicit.Root(func(x *graph.Node) *graph.Node {
		return graph.Sub(graph.Sub(x, graph.Mul(ecc, graph.Sin(x))), mean)
	}, mean, implicit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := compile.Gradient(anomaly, mean, ecc)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := compile.Compile(anomaly, d[0], d[1])
	if err != nil {
		fmt.Println(err)
		return
	}
	m := vm.NewMachine(p)
	m.Float64("mean")[0], m.Float64("ecc")[0] = 1, 0.5
	if err := m.Step(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("E = %.6f, dE/dM = %.6f, dE/de = %.6f\n", m.OutputFloat64(0)[0], m.OutputFloat64(1)[0], m.OutputFloat64(2)[0])
	// Output: E = 1.498701, dE/dM = 1.037362, dE/de = 1.034667
}

// An integral as a function of its upper end, which has the integrand as its derivative.
func ExampleQuadrature() {
	g := graph.New()
	b := g.Input("b", graph.Float64)
	area, err := implicit.Quadrature(func(x *graph.Node) *graph.Node { return graph.Exp(graph.Neg(graph.Square(x))) }, g.Const(0), b, implicit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := compile.Gradient(area, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := compile.Compile(area, d[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	m := vm.NewMachine(p)
	m.Float64("b")[0] = 1
	if err := m.Step(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.9f %.9f\n", m.OutputFloat64(0)[0], m.OutputFloat64(1)[0])
	// Output: 0.746824133 0.367879441
}
