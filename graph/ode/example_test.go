package ode_test

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
	"github.com/adjoint-go/adjoint/vm"
)

func show(digits int, at map[string]any, outputs ...*graph.Node) {
	p, err := compile.Compile(outputs...)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := vm.NewMachine(p).Run(at)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range out {
		fmt.Printf("%.*f\n", digits, v.Data())
	}
}

// Prey and predators at three times, and how the predators at last change with the rate at which the prey grows.
func ExampleSolve() {
	g := graph.New()
	growth := g.Input("growth", graph.Float64)
	times := graph.Constant(g, []float64{1, 2, 5}, 3)
	s := ode.Solve(func(_ *graph.Node, y []*graph.Node) []*graph.Node {
		prey, predators := y[0], y[1]
		met := graph.Mul(prey, predators)
		return []*graph.Node{graph.Sub(graph.Mul(growth, prey), met), graph.Sub(met, predators)}
	}, g.Const(0), times, []*graph.Node{g.Const(2), g.Const(1)}, ode.Options{RTol: 1e-10, ATol: 1e-10})
	d, err := compile.Gradient(graph.Index(s.Y[1], 2), growth)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(8, map[string]any{"growth": 1.5}, s.Y[0], s.Y[1], d[0])
	// Output:
	// [1.45728396 0.43344511 1.50471577]
	// [2.73575375 2.26138138 0.72186466]
	// 0.69024212
}

// A pendulum over many periods, at a bounded error of the energy.
func ExampleSolveSeparable() {
	g := graph.New()
	q, p := ode.SolveSeparable(
		func(_ *graph.Node, p []*graph.Node) []*graph.Node { return p },
		func(_ *graph.Node, q []*graph.Node) []*graph.Node { return []*graph.Node{graph.Neg(graph.Sin(q[0]))} },
		g.Const(0), g.Const(1000), []*graph.Node{g.Const(1)}, []*graph.Node{g.Const(0)}, ode.Options{Method: ode.ForestRuth, Steps: 20_000})
	energy := graph.Sub(graph.Mul(g.Const(0.5), graph.Square(p[0])), graph.Cos(q[0]))
	show(5, nil, energy, graph.Neg(graph.Cos(g.Const(1))))
	// Output:
	// -0.54030
	// -0.54030
}

// How long a body falls that starts at rest, with a drag that grows with the square of its speed, and how that changes with the height.
func ExampleSolveUntil() {
	g := graph.New()
	height := g.Input("height", graph.Float64)
	landing, y := ode.SolveUntil(
		func(_ *graph.Node, y []*graph.Node) []*graph.Node {
			speed := y[1]
			return []*graph.Node{graph.Neg(speed), graph.Sub(g.Const(1), graph.Square(speed))}
		},
		func(_ *graph.Node, y []*graph.Node) *graph.Node { return y[0] },
		g.Const(0), g.Const(100), []*graph.Node{height, g.Const(0)}, ode.Options{Method: ode.DOP853, RTol: 1e-11, ATol: 1e-11})
	d, err := compile.Gradient(landing, height)
	if err != nil {
		fmt.Println(err)
		return
	}
	// From height ln 2: after arcosh 2 = ln(2 + √3), at the speed √3/2, the derivative of the time being one over it.
	show(8, map[string]any{"height": math.Ln2}, landing, y[1], d[0])
	// Output:
	// 1.31695790
	// 0.86602540
	// 1.15470054
}
