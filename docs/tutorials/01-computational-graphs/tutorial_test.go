package tutorial

import (
	"fmt"
	"os"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 1. Computational graphs

Every formula that a computer evaluates is a sequence of small steps. This tutorial takes one formula,

$$z = x_1^2 + x_2^2 + x_1 x_2,$$

and looks at it in three ways: as a list of steps that we compute by hand, as a **graph** whose nodes are these steps, and as a
**program** that a machine runs. On the way we find its gradient, first by hand, then by asking for it.

You need to know what a derivative is and what the chain rule says. You need not know anything about automatic differentiation.

The first cell of each tutorial prepares the kernel: it says where this module lies on your disk, and imports packages. In these
notebooks, declarations (functions, types, variables) stay for all later cells, and what stands below `%%` runs once, as the
body of `main` would.
*/

/*
## Steps by hand

Let us give each step a name. The inputs come first, then one operation a line, each with operands that are known by then:

| step | operation | at $x_1=3,\ x_2=4$ |
|---|---|---|
| $v_1$ | $x_1^2$ | 9 |
| $v_2$ | $x_2^2$ | 16 |
| $v_3$ | $x_1 \cdot x_2$ | 12 |
| $v_4$ | $v_1 + v_2 + v_3$ | 37 |
| $z$ | $v_4$ | 37 |

Such a list is called an *evaluation trace* (or Wengert list, after R. E. Wengert, who published it in 1964). In Go it is what you would write anyway:
*/

func trace(x1, x2 float64) (v1, v2, v3, v4, z float64) {
	v1 = x1 * x1
	v2 = x2 * x2
	v3 = x1 * x2
	v4 = v1 + v2 + v3
	z = v4
	return
}

func Example_byHand() {
	v1, v2, v3, v4, z := trace(3, 4)
	fmt.Println("v1 =", v1)
	fmt.Println("v2 =", v2)
	fmt.Println("v3 =", v3)
	fmt.Println("v4 =", v4)
	fmt.Println("z  =", z)
	// Output:
	// v1 = 9
	// v2 = 16
	// v3 = 12
	// v4 = 37
	// z  = 37
}

/*
## The same as a graph

A graph says the same without numbers: a node for each step, and edges from operands to the operations that use them.
You build one with functions, one for each operator. Nothing is computed here; `seed` only says *what* is to be computed.
*/

func seed() (z, x1, x2 *graph.Node) {
	g := graph.New()
	x1 = g.Input("x1", graph.Float64)
	x2 = g.Input("x2", graph.Float64)
	z = graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	return z, x1, x2
}

func Example_drawn() {
	z, _, _ := seed()
	fmt.Println("nodes:", z.Graph().Len())
	show.Graph([]*graph.Node{z})
	// Output:
	// nodes: 7
}

/*
Circles are inputs, boxes are operators, and the double circle is the output. The operator for sums takes two operands, so
there are two of them; they are drawn as one, as in our table. (`viz.WithFolding(false)` would draw every node.)

A graph is text, too. This is the form of files that end in `.cg`, one node a line, each with its type; it can be read
back, and `cgviz` draws it:
*/

func Example_text() {
	z, _, _ := seed()
	graph.Format(os.Stdout, z)
	// Output:
	// adjoint graph 1
	// %0 "x1" = input : f64
	// %1 "x2" = input : f64
	// %2 = square %0 : f64
	// %3 = square %1 : f64
	// %4 = add %2, %3 : f64
	// %5 = mul %0, %1 : f64
	// %6 "z" = add %4, %5 : f64
	// output %6
}

/*
## A value

To get numbers, the graph is *compiled* into a program, and a *machine* runs it. Why two things? A program does not change and can be
shared, saved and run by many machines at once; a machine owns memory for one run at a time. `Call` takes the inputs in the order in which they were declared.

Every function that can fail returns an error. In a notebook we want it loud and short, so `must` panics; a program would handle it.
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// values compiles the outputs and runs them once, at (3, 4).
func values(outputs ...*graph.Node) []vm.Array {
	m := vm.NewMachine(must(compile.Compile(outputs...)))
	return must(m.Call(3.0, 4.0))
}

func Example_value() {
	z, _, _ := seed()
	fmt.Println(values(z))
	// Output:
	// [37]
}

/*
## The gradient by hand

How does $z$ change when $x_1$ changes a little? The chain rule says: add up, over all paths from $x_1$ to $z$, the product of the
derivatives along the path. Here two paths leave $x_1$: one through the square, one through the product.

Going **backwards** through the list needs only local knowledge. Call $\bar v = \partial z/\partial v$ the *adjoint* of $v$. The output's own is 1. Then each
operation hands its adjoint on to its operands, multiplied by its *local partial derivative*, and whoever is used twice adds up what it gets:

| step | its operands get | at $(3, 4)$ |
|---|---|---|
| $z = v_4$ | $\bar v_4 = \bar z = 1$ | 1 |
| $v_4 = v_1 + v_2 + v_3$ | $\bar v_1 = \bar v_2 = \bar v_3 = \bar v_4$ | 1, 1, 1 |
| $v_3 = x_1 x_2$ | $\bar x_1 \mathrel{+}= \bar v_3\, x_2,\quad \bar x_2 \mathrel{+}= \bar v_3\, x_1$ | 4, 3 |
| $v_2 = x_2^2$ | $\bar x_2 \mathrel{+}= \bar v_2 \cdot 2 x_2$ | 3 + 8 = 11 |
| $v_1 = x_1^2$ | $\bar x_1 \mathrel{+}= \bar v_1 \cdot 2 x_1$ | 4 + 6 = 10 |

So $\nabla z = (10, 11)$, which is $(2x_1 + x_2,\ 2x_2 + x_1)$ at $(3, 4)$, as it should be. One sweep backwards has found *both* derivatives.

The picture shows the same numbers where they belong: below each value, in vermillion, its adjoint; and on the dashed edges the local partials.
*/

func Example_adjoints() {
	z, _, _ := seed()
	show.Gradient(z, map[string]any{"x1": 3.0, "x2": 4.0})
	fmt.Println("drawn at (3, 4)")
	// Output:
	// drawn at (3, 4)
}

/*
## The gradient by asking for it

`compile.Gradient` does the sweep for any graph. What it returns are **nodes of the same graph**: the gradient is a formula like any other.
It has not computed any number. Its result can be drawn, compiled, and differentiated again.
*/

func Example_gradient() {
	z, x1, x2 := seed()
	dz := must(compile.Gradient(z, x1, x2))
	fmt.Println("z, dz/dx1, dz/dx2:", values(z, dz[0], dz[1]))
	show.Graph([]*graph.Node{z},
		viz.WithGradients(viz.Split), viz.WithGradientOutputs(dz...), viz.WithRespectTo(x1, x2))
	// Output:
	// z, dz/dx1, dz/dx2: [37 10 11]
}

/*
The tinted part is the gradient's graph. Its dashed circles are values of the forward part that it uses again: that a
reverse sweep needs values of the forward one is what makes its memory a topic ([tutorial 7](07-loops-and-checkpointing.ipynb)).

## Again: second derivatives

Since gradients are nodes, so are gradients of gradients. The Hessian of $z$ is $\begin{pmatrix}2&1\\1&2\end{pmatrix}$ everywhere:
*/

func Example_hessian() {
	z, x1, x2 := seed()
	dz := must(compile.Gradient(z, x1, x2))
	row1 := must(compile.Gradient(dz[0], x1, x2))
	row2 := must(compile.Gradient(dz[1], x1, x2))
	fmt.Println(values(row1...))
	fmt.Println(values(row2...))
	fmt.Print(must(compile.Compile(row1...)).WithoutDebug())
	// Output:
	// [2 1]
	// [1 2]
	// arena 128 bytes, constants 16 bytes at 64
	// input  x1           f64          @0  unused
	// input  x2           f64          @8  unused
	// output -            f64          @80
	// output -            f64          @88
	//    0  STRAIGHT  2 micro-instructions, temporaries c24…c24
	//       c20 = mov.f64 2
	//       c22 = mov.f64 1
}

/*
The listing at the end is the program for the first row. It only copies constants: the compiler has noticed that the inputs are not used.

## What to remember

- A graph says *what* is computed; a program and a machine compute it.
- The adjoint of a node is the derivative of the output by it. One sweep backwards finds all of them.
- Derivatives are graphs again.

**Try it:** change `seed` into $z = \sin(x_1)\,x_2 + x_1$ and run the cells again. Which node gets its adjoint from two sides?

Next: [forward and reverse mode](02-forward-and-reverse-mode.ipynb), or why the sweep went backwards.
*/
