package graph_test

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// show compiles and runs the outputs for values of the inputs, and prints a line for each.
func show(at map[string]any, outputs ...*graph.Node) {
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
		if n, ok := v.Data().(int64); ok {
			fmt.Println(n)
			continue
		}
		fmt.Printf("%.10g\n", v.Data())
	}
}

// A balance earns interest and gets a deposit each year: what it is at last, what it was each year, and how the last one changes with the rate.
func ExampleScan() {
	g := graph.New()
	rate, deposits := g.Input("rate", graph.Float64), g.Input("deposits", graph.Float64, 3)
	final, ys := graph.Scan(3, []*graph.Node{g.Const(0)}, []*graph.Node{deposits}, func(carry, x []*graph.Node) (next, ys []*graph.Node) {
		balance := graph.Add(graph.Mul(carry[0], graph.Add(g.Const(1), rate)), x[0])
		return []*graph.Node{balance}, []*graph.Node{balance}
	})
	d, err := compile.Gradient(final[0], rate, deposits)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"rate": 0.5, "deposits": tensor.New(tensor.WithBacking([]float64{1, 2, 3}))}, final[0], ys[0], d[0], d[1])
	// Output:
	// 8.25
	// [1 3.5 8.25]
	// 5
	// [2.25 1.5 1]
}

// Heron's method, until the square is right: the root, the number of steps, and the root's derivative, which goes through the steps that were done.
func ExampleWhile() {
	g := graph.New()
	a := g.Input("a", graph.Float64)
	final, steps := graph.While(100, []*graph.Node{a},
		func(y []*graph.Node) *graph.Node {
			return graph.Greater(graph.Abs(graph.Sub(graph.Square(y[0]), a)), g.Const(1e-9))
		},
		func(y []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(g.Const(0.5), graph.Add(y[0], graph.Div(a, y[0])))}
		})
	d, err := compile.Gradient(final[0], a)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"a": 16.0}, final[0], steps, d[0])
	// Output:
	// 4
	// 6
	// 0.125
}

// The branch that is not taken is not run, and contributes nothing to derivatives: √x has an infinite one at 0.
func ExampleCond() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Cond(graph.Greater(x, g.Const(0)), []*graph.Node{x},
		func(args []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sqrt(args[0])} },
		func(args []*graph.Node) []*graph.Node { return []*graph.Node{g.Const(0)} })
	d, err := compile.Gradient(y[0], x)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"x": 4.0}, y[0], d[0])
	show(map[string]any{"x": 0.0}, y[0], d[0])
	// Output:
	// 2
	// 0.25
	// 0
	// 0
}

func ExampleSwitch() {
	g := graph.New()
	x, k := g.Input("x", graph.Float64), g.Input("k", graph.Int64)
	y := graph.Switch(k, []*graph.Node{x},
		func(args []*graph.Node) []*graph.Node { return args },
		func(args []*graph.Node) []*graph.Node { return []*graph.Node{graph.Square(args[0])} },
		func(args []*graph.Node) []*graph.Node { return []*graph.Node{graph.Exp(args[0])} })
	d, err := compile.Gradient(y[0], x)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"x": 3.0, "k": int64(1)}, y[0], d[0])
	// Output:
	// 9
	// 6
}

// The length of each row, and the derivative of their sum.
func ExampleMap() {
	g := graph.New()
	rows := g.Input("rows", graph.Float64, 2, 2)
	length := graph.Map([]*graph.Node{rows}, func(row []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Sqrt(graph.ReduceSum(graph.Square(row[0]), nil))}
	})[0]
	d, err := compile.Gradient(graph.ReduceSum(length, nil), rows)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"rows": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{3, 4, 5, 12}))}, length, graph.Reshape(d[0], -1))
	// Output:
	// [5 13]
	// [0.6 0.8 0.3846153846 0.9230769231]
}

// Nothing between x and y is kept for the reverse sweep, which computes it once more.
func ExampleCheckpoint() {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := graph.Checkpoint([]*graph.Node{x}, func(args []*graph.Node) []*graph.Node {
		z := args[0]
		for range 3 {
			z = graph.Mul(z, graph.Add(z, g.Const(1)))
		}
		return []*graph.Node{z}
	})
	d, err := compile.Gradient(y[0], x)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"x": 1.0}, y[0], d[0]) // 2, 6, 42, and 3·5·13
	// Output:
	// 42
	// 195
}

// A step of Runge and Kutta's method calls the slope four times: it is one function, and the graph has four calls of it.
func ExampleFunction() {
	g := graph.New()
	y, rate := g.Input("y", graph.Float64), g.Input("rate", graph.Float64)
	slope := graph.Function([]*graph.Node{y}, func(y []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(rate, graph.Sin(y[0]))} // rate comes from outside
	})
	const h = 0.5
	along := func(k *graph.Node, by float64) *graph.Node { return graph.Add(y, graph.Mul(k, g.Const(by*h))) }
	k1 := slope(y)[0]
	k2 := slope(along(k1, 0.5))[0]
	k3 := slope(along(k2, 0.5))[0]
	k4 := slope(along(k3, 1))[0]
	sum := graph.Add(graph.Add(k1, k4), graph.Mul(g.Const(2), graph.Add(k2, k3)))
	next := graph.Add(y, graph.Mul(sum, g.Const(h/6)))
	d, err := compile.Gradient(next, y, rate)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(map[string]any{"y": 1.0, "rate": 0.25}, next, d[0], d[1])
	// Output:
	// 1.108606502
	// 1.063706706
	// 0.4475369811
}
