package graph_test

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// cubeRoot solves y³ = x by Newton's method. Its derivative is the implicit one, dy = dx/(3y²), so no iteration is differentiated. Reverse
// mode is derived from it, and derivatives of higher order are those of what it builds.
var cubeRoot, _ = graph.CustomJVP("user_cube_root", 1,
	func(in []*graph.Node) *graph.Node {
		x := in[0]
		y := x
		for range 30 {
			y = graph.Sub(y, graph.Div(graph.Sub(graph.Mul(y, graph.Square(y)), x), graph.Mul(graph.Like(x, 3), graph.Square(y))))
		}
		return y
	},
	func(in []*graph.Node, y *graph.Node, dot []*graph.Node) *graph.Node {
		return graph.Div(dot[0], graph.Mul(graph.Like(y, 3), graph.Square(y)))
	})

func ExampleCustomJVP() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Call(cubeRoot, x)
	dy, _ := compile.Gradient(y, x)
	ddy, _ := compile.Gradient(dy[0], x)
	p, err := compile.Compile(y, dy[0], ddy[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	m := vm.NewMachine(p)
	for _, at := range []float64{8, 27, 64} {
		out, _ := m.Run(at)
		fmt.Printf("%.12g %.12g %.12g\n", out[0].Data(), out[1].Data(), out[2].Data())
	}
	// Output:
	// 2 0.0833333333333 -0.00694444444444
	// 3 0.037037037037 -0.000914494741655
	// 4 0.0208333333333 -0.000217013888889
}

// rounded rounds, with the derivative of the identity in place of 0: the straight-through estimator.
var rounded, _ = graph.CustomVJP("user_rounded", 1,
	func(in []*graph.Node) *graph.Node { return graph.Round(in[0]) },
	func(_ []*graph.Node, _, ct *graph.Node) []*graph.Node { return []*graph.Node{ct} })

func ExampleCustomVJP() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Square(graph.Call(rounded, x))
	dy, _ := compile.Gradient(y, x)
	p, err := compile.Compile(y, dy[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := vm.NewMachine(p).Run(2.75)
	fmt.Println(out[0].Data(), out[1].Data(), err)
	// Output: 9 6 <nil>
}
