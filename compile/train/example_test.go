package train_test

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
)

// A trainer's machine does loss, gradients and update in one step; values are set by name.
func ExampleNew() {
	g := graph.New()
	s := nn.New(g, graph.Float64)
	x, y := g.Input("x", graph.Float64, 4, 1), g.Input("y", graph.Float64, 4, 1)
	loss := graph.MSE(nn.Linear(s, x, 1), y)
	t, err := train.New(s, loss, train.Config{Optimizer: train.SGD{Momentum: 0.9}, Rate: train.Constant(0.05)})
	if err != nil {
		fmt.Println(err)
		return
	}
	t.Set("x", []float64{0, 1, 2, 3})
	t.Set("y", []float64{1, 3, 5, 7})
	for range 300 {
		if _, err := t.Step(); err != nil {
			fmt.Println(err)
		}
	}
	v := t.Values()
	fmt.Printf("%.3f %.3f after %d steps\n", v["weight"].Item(), v["bias"].Item(), t.Steps())
	// Output: 2.000 1.000 after 300 steps
}
