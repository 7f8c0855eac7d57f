package gosource_test

import (
	"fmt"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gosource"
	"github.com/adjoint-go/adjoint/graph"
)

// A scalar program becomes a function of numbers.
func ExampleGenerate() {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	d, err := compile.Gradient(z, x1, x2)
	if err != nil {
		fmt.Println(err)
	}
	p, err := compile.Config{Names: []string{"z", "dz_dx1", "dz_dx2"}}.Compile(z, d[0], d[1])
	if err != nil {
		fmt.Println(err)
	}
	source, err := gosource.Generate(p)
	for line := range strings.Lines(string(source)) {
		if strings.HasPrefix(line, "func ") {
			fmt.Print(line)
		}
	}
	fmt.Println(err)
	// Output:
	// func Run(x1, x2 float64) (z, dz_dx1, dz_dx2 float64) {
	// <nil>
}
