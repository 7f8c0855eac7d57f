package viz_test

import (
	"fmt"
	"os"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

func ExampleText() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	if err := viz.Text(os.Stdout, []*graph.Node{z}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ○        x₁
	// │ ○      x₂
	// ├─│─●    v₁ = x₁²
	// │ ├─│─●  v₂ = x₂²
	// ●─╯ │ │  v₃ = x₁ × x₂
	// ●───┴─╯  v₄ = v₁ + v₂ + v₃
	// ◎        z = v₄
}
