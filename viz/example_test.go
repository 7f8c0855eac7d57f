package viz_test

import (
	"fmt"
	"os"
	"strings"

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

// The same picture as SVG, here with values and adjoints that the caller gives.
func ExampleSVG() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Sin(x).Named("y")
	var b strings.Builder
	err := viz.SVG(&b, []*graph.Node{y}, viz.WithTitle("y = sin(x)"), viz.WithValues(map[*graph.Node]*viz.Value{x: viz.Scalar(0), y: viz.Scalar(0)}))
	fmt.Println(strings.HasPrefix(b.String(), "<svg"), err)
	// Output: true <nil>
}

// A Picture is made once and written in several formats.
func ExampleNew() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	p, err := viz.New([]*graph.Node{graph.Exp(x).Named("y")})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, format := range []string{"svg", "png", "dot"} {
		data, err := p.Encode(format)
		fmt.Println(format, len(data) > 100, err)
	}
	// Output:
	// svg true <nil>
	// png true <nil>
	// dot true <nil>
}
