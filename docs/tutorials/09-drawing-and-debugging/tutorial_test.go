package tutorial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 9. Drawing and debugging

Something is wrong: the program says so, or a result is NaN, or a number is not what it should be, or it takes too long. Each has its tool. This tutorial begins with drawings, since many mistakes are plain to see, and then takes the four cases in
turn.
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func nodes(list ...*graph.Node) []*graph.Node { return list }

// message is an error without the places in the source: cells of a notebook lie in no file that would
// mean anything to you.
func message(err error) string {
	text := regexp.MustCompile(`\n\s*called from .*`).ReplaceAllString(err.Error(), "")
	return regexp.MustCompile(`[^\s(]*\.go:\d+`).ReplaceAllString(text, "FILE:LINE")
}

/*
## Drawings

`viz` draws graphs as SVG, PNG, PDF, HTML, DOT, TikZ, JSON and text, with neither Graphviz nor a browser. A small layer of a network, with a *scope* that keeps together what belongs together:
*/

func layer() (cost, x, w, b *graph.Node) {
	g := graph.New()
	x = g.Input("x", graph.Float64, 3)
	target := g.Input("target", graph.Float64, 2)
	g.Scope("layer", func() {
		w, b = g.Input("w", graph.Float64, 2, 3), g.Input("b", graph.Float64, 2)
	})
	var h *graph.Node
	g.Scope("layer", func() { h = graph.Tanh(graph.MatMul(w, x).Add(b)) })
	return graph.Sum(graph.Square(h.Sub(target))).Named("cost"), x, w, b
}

func Example_scopes() {
	cost, _, _, _ := layer()
	show.Graph(nodes(cost))
	if err := viz.Text(os.Stdout, nodes(cost)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ○        x : f64[3]
	// │ ○      target : f64[2]
	// │ │ ○    w : f64[2×3]
	// │ │ │ ○  b : f64[2]
	// ● │ │ │  v₁ = reshape(x, shape=[3 1]) : f64[3×1]
	// ●─│─╯ │  v₂ = matmul(w, v₁, transpose_a=false, transpose_b=false) : f64[2×1]
	// ● │   │  v₃ = reshape(v₂, shape=[2]) : f64[2]
	// ●─│───╯  v₄ = v₃ + b : f64[2]
	// ● │      v₅ = tanh(v₄) : f64[2]
	// ●─╯      v₆ = v₅ − target : f64[2]
	// ●        v₇ = v₆² : f64[2]
	// ●        v₈ = reduce_sum(v₇, axes=[0], keepdims=false)
	// ◎        cost = v₈
}

/*
The text is the same graph for a terminal: each column is a value that is still needed, and a line ends where nobody needs it any more.

With values and adjoints at a point, arrays included:
*/

func Example_values() {
	cost, _, _, _ := layer()
	show.Gradient(cost, map[string]any{
		"x": []float64{1, -1, 0.5}, "w": [][]float64{{0.1, 0.2, 0.3}, {-0.3, 0.2, 0.1}},
		"b": []float64{0, 0.1}, "target": []float64{0.5, -0.5}},
		viz.WithDirection(viz.TopToBottom), viz.WithScale(0.8))
	fmt.Println("drawn")
	// Output:
	// drawn
}

/*
From the command line, `cgviz` draws formulas, files `*.cg` and models in ONNX's format:

```
cgviz 'z = x1^2 + x2^2 + x1*x2' -o z.png

# values, adjoints and local partials; the gradient as a graph of its own
cgviz --at x1=2,x2=3 --grad overlay 'z = x1^2 + x2^2 + x1*x2' -o z.svg
cgviz --grad split 'z = sin(x1)*x2' -o z.svg

# a page with a slider through the compiler's passes; what lies where in memory, and when
cgviz passes --gradient -o passes.html 'z = x1*1 + sin(x2)*x1'
cgviz memory --gradient model.cg -o memory.svg

# a model with its scopes as single nodes; what changed between two graphs
cgviz --depth 1 resnet18.onnx -o resnet18.svg
cgviz diff old.cg new.cg
```

## It says that I made a mistake

A mistake in a graph does not panic. It stays with the graph, and comes out of `Gradient` or `Compile`, together with all others, each with the file and the line of *your* code:
*/

func Example_mistakes() {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 2, 3), g.Input("b", graph.Float64, 2, 3)
	product := graph.MatMul(a, b)
	c := g.Input("c", graph.Float32)
	sum := graph.Add(graph.Sum(a), c)
	_, err := compile.Compile(product, sum)
	fmt.Println(message(err))
	// Output:
	// FILE:LINE: matmul: inner extents 3 and 2 of [2×3] and [2×3] differ
	// FILE:LINE: add: operands are float64 and float32: cast operand 1 to float64
}

/*
## A result is NaN

Where did it begin? A machine with a *NaN watch* stops at the first one, in a loop that is separate from the fast one, so the watch costs nothing where it is off:
*/

func broken() (cost, x *graph.Node) {
	g := graph.New()
	x = g.Input("x", graph.Float64, 3)
	distance := graph.Sub(x, graph.Constant(g, []float64{1, 2, 3}, 3)).Named("distance")
	root := graph.Sqrt(distance).Named("root")
	return graph.Sum(graph.Exp(graph.Neg(root))).Named("cost"), x
}

func Example_watch() {
	cost, _ := broken()
	m := vm.NewMachine(must(compile.Compile(cost)), vm.WithNaNWatch())
	_, err := m.Call([]float64{2, 1, 4})
	fmt.Println(message(err))
	var found *vm.NaNError
	fmt.Println("is a *vm.NaNError:", errors.As(err, &found))
	// Output:
	// run: first NaN in sqrt root (FILE:LINE)
	// is a *vm.NaNError: true
}

/*
The operator and its name, and the line. To see *all* values, `compile.TraceValues` computes every node as the graph states it, without any rewrite or fusion:
*/

func Example_trace() {
	cost, _ := broken()
	t := must(compile.TraceValues(map[string]any{"x": []float64{2, 1, 4}}, cost))
	for _, n := range t.Nodes() {
		if v, ok := t.Value(n); ok {
			fmt.Printf("%-10s %-9s %v\n", n.Op().Name, n.Name(), v)
		}
	}
	for _, n := range t.NonFinite() {
		fmt.Println("not finite, from finite operands:", n.Op().Name, n.Name())
	}
	// Output:
	// input      x         [2 1 4]
	// const                [1 2 3]
	// sub        distance  [1 -1 1]
	// sqrt       root      [1 NaN 1]
	// neg                  [-1 NaN -1]
	// exp                  [0.36787944117144233 NaN 0.36787944117144233]
	// reduce_sum cost      NaN
	// not finite, from finite operands: sqrt root
}

/*
The second element of `distance` is negative, and its root is where NaN began.

## A number is not what it should be

If it is a derivative, `gradcheck.Check` says which operator is at fault ([tutorial 3](03-gradients-checked.ipynb)). If it is a value: trace it, as above, and compare with what you expect, node by node. A special case is a gradient that is 0 because nothing depends on
what you differentiate by, often after a typing error. `Gradient` returns zeros, `GradientStrict` an error:
*/

func Example_strict() {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	cost := graph.Square(x)
	zeros := must(compile.Gradient(cost, y))
	fmt.Println(zeros[0].Op().Name)
	_, err := compile.GradientStrict(cost, x, y)
	fmt.Println(message(err))
	// Output:
	// const
	// FILE:LINE: gradient: the cost does not depend on node %1(y), number 1 to differentiate by
}

/*
## It takes too long

Two questions, two tools. **Is something slow by the way it is written?** `compile.Report` knows such things without running anything, and says the way out. Here the result of a product is copied into another order of its axes, before the next product reads it:
*/

func slow() *graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64, 64, 64)
	a, b := g.Input("a", graph.Float64, 8, 64, 32), g.Input("b", graph.Float64, 8, 32, 64)
	product := graph.MatMul(a, b).Add(x)
	return graph.Sum(graph.MatMul(graph.Transpose(product, 1, 0, 2), x))
}

func Example_report() {
	remarks := must(compile.Report(slow()))
	for _, r := range remarks {
		fmt.Printf("%s: %s\n   way out: %s\n", r.Kind, r.What, r.Way)
	}
	fmt.Println(len(remarks), "remarks")
	// Output:
	// moves: transpose(f64[8×64×64]) copies 262144 bytes
	//    way out: matmul, dot_general and einsum read operands transposed without a copy; or keep the array in this order from the start
	// 1 remarks
}

/*
**Where does the time go?** A profile runs the program and measures: by instruction, by line, by operator or by scope. Times differ from run to run and are not printed here; but who takes most does not:
 */

func Example_profile() {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 256, 256), g.Input("w", graph.Float64, 256, 256)
	y := graph.Sum(graph.Tanh(graph.MatMul(graph.MatMul(x, w), w)))
	p := must(compile.Compile(y))
	m := vm.NewMachine(p, vm.WithThreads(1))
	must(m.Call(make([]float64, 256*256), make([]float64, 256*256)))
	profile := must(m.Profile(context.Background(), 20))
	best := ""
	var most time.Duration
	for _, t := range profile.ByOperator() {
		if t.Time > most {
			best, most = t.Name, t.Time
		}
	}
	fmt.Println("most time in:", best)
	for _, r := range profile.Rows {
		fmt.Printf("instruction %d: %d flops, %d bytes\n", r.Instr, r.Flops, r.Bytes)
	}
	// Output:
	// most time in: matmul
	// instruction 0: 33554432 flops, 1572864 bytes
	// instruction 1: 33554432 flops, 1572864 bytes
	// instruction 2: 1376256 flops, 524296 bytes
}

/*
`fmt.Println(profile)` prints all of it as a table. `cgviz --color-by time model.cg -o time.svg` draws it: the nodes where time goes are the dark ones. The same with another quantity, here the number of elements of each node, by `viz.WithHeat`:
*/

func Example_heat() {
	cost, _, _, _ := layer()
	heat := map[*graph.Node]float64{}
	g := cost.Graph()
	for i := range g.Len() {
		size := 1
		for _, n := range g.Node(i).Shape() {
			size *= n
		}
		heat[g.Node(i)] = float64(size)
	}
	show.Graph(nodes(cost), viz.WithHeat(heat, "elements"))
	fmt.Println("numbers:", len(heat))
	// Output:
	// numbers: 12
}

/*
## Where to look first

| symptom | tool |
|---|---|
| an error from `Compile` or `Gradient` | read all of it: every mistake is there, with its line |
| NaN or infinity | `vm.WithNaNWatch`, `vm.WithInfWatch`; `TraceValues(…).NonFinite()` |
| a wrong value | `compile.TraceValues`, and a drawing with values |
| a wrong gradient | `gradcheck.Check`; `GradientStrict` for one that is 0 |
| slow | `compile.Report`, then `m.Profile` |
| too much memory | `cgviz memory`, [checkpoints](07-loops-and-checkpointing.ipynb) |
| "what has the compiler made of this?" | `compile.Explain`, `cgviz passes`, `fmt.Println(program)` |

Next: [your own operator](10-your-own-operator.ipynb).
*/
