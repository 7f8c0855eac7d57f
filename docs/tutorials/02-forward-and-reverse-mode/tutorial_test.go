package tutorial

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 2. Forward mode and reverse mode

The chain rule multiplies local derivatives along paths and adds up the paths. Nobody says in which order. *Forward mode* goes from the
inputs to the outputs, *reverse mode* from the outputs to the inputs. Both are exact, and both give the same numbers; what differs is the price.
This tutorial does both by hand, as tables, and then counts operations.

The formula is that of the first lines of many texts on the subject (Griewank and Walther, Baydin et al.):

$$y = \ln x_1 + x_1 x_2 - \sin x_2 \quad\text{at}\quad (x_1, x_2) = (2, 5).$$
*/

/*
## Forward: dual numbers

Forward mode carries a second number beside each value: its *tangent* $\dot v$, the rate at which it changes when the inputs change in a chosen direction $(\dot x_1, \dot x_2)$.
A pair of value and tangent is called a *dual number*. Each operation has a rule for tangents, which uses values and tangents of its operands:

| operation | value | tangent |
|---|---|---|
| $v = \ln a$ | $\ln a$ | $\dot a / a$ |
| $v = a\,b$ | $a\,b$ | $\dot a\, b + a\, \dot b$ |
| $v = \sin a$ | $\sin a$ | $\dot a \cos a$ |
| $v = a \pm b$ | $a \pm b$ | $\dot a \pm \dot b$ |

In Go, this is a struct and a function for each operation:
*/

type dual struct{ v, dot float64 }

func ln(a dual) dual     { return dual{math.Log(a.v), a.dot / a.v} }
func sin(a dual) dual    { return dual{math.Sin(a.v), a.dot * math.Cos(a.v)} }
func mul(a, b dual) dual { return dual{a.v * b.v, a.dot*b.v + a.v*b.dot} }
func add(a, b dual) dual { return dual{a.v + b.v, a.dot + b.dot} }
func sub(a, b dual) dual { return dual{a.v - b.v, a.dot - b.dot} }

/*
The direction $(1, 0)$ gives $\partial y/\partial x_1$. Values and tangents are computed in one sweep, line by line, and no line is needed again after the last that uses it:
*/

func Example_tangents() {
	row := func(name string, d dual) { fmt.Printf("%-16s %9.5f %9.5f\n", name, d.v, d.dot) }
	x1, x2 := dual{2, 1}, dual{5, 0}
	v1 := ln(x1)
	v2 := mul(x1, x2)
	v3 := sin(x2)
	v4 := add(v1, v2)
	y := sub(v4, v3)

	fmt.Printf("%-16s %9s %9s\n", "line", "value", "tangent")
	row("x1", x1)
	row("x2", x2)
	row("v1 = ln x1", v1)
	row("v2 = x1 x2", v2)
	row("v3 = sin x2", v3)
	row("v4 = v1 + v2", v4)
	row("y  = v4 - v3", y)
	// Output:
	// line                 value   tangent
	// x1                 2.00000   1.00000
	// x2                 5.00000   0.00000
	// v1 = ln x1         0.69315   0.50000
	// v2 = x1 x2        10.00000   5.00000
	// v3 = sin x2       -0.95892   0.00000
	// v4 = v1 + v2      10.69315   5.50000
	// y  = v4 - v3      11.65207   5.50000
}

/*
So $\partial y/\partial x_1 = 1/2 + 5 = 5.5$. For $\partial y/\partial x_2$ the whole sweep runs again, with the direction $(0, 1)$. With a thousand inputs, a full gradient takes a thousand sweeps.

## Reverse: adjoints

Reverse mode first computes the values, and keeps them. Then it goes through the lines backwards and gives each $v$ its adjoint $\bar v = \partial y / \partial v$.
*/

func Example_adjoints() {
	// Forward: values, all kept.
	x1, x2 := 2.0, 5.0
	v1 := math.Log(x1)
	v2 := x1 * x2
	v3 := math.Sin(x2)
	v4 := v1 + v2
	y := v4 - v3

	// Backward: adjoints.
	yBar := 1.0
	v4Bar := yBar
	v3Bar := -yBar
	v1Bar := v4Bar
	v2Bar := v4Bar
	x2Bar := v3Bar * math.Cos(x2) // sin needs x2 again
	x1Bar := v2Bar * x2           // so does the product, and x1
	x2Bar += v2Bar * x1
	x1Bar += v1Bar / x1

	fmt.Println("line      value  adjoint")
	fmt.Printf("y     %9.5f %8.5f\n", y, yBar)
	fmt.Printf("v4    %9.5f %8.5f\n", v4, v4Bar)
	fmt.Printf("v3    %9.5f %8.5f\n", v3, v3Bar)
	fmt.Printf("v2    %9.5f %8.5f\n", v2, v2Bar)
	fmt.Printf("v1    %9.5f %8.5f\n", v1, v1Bar)
	fmt.Printf("x2    %9.5f %8.5f\n", x2, x2Bar)
	fmt.Printf("x1    %9.5f %8.5f\n", x1, x1Bar)
	// Output:
	// line      value  adjoint
	// y      11.65207  1.00000
	// v4     10.69315  1.00000
	// v3     -0.95892 -1.00000
	// v2     10.00000  1.00000
	// v1      0.69315  1.00000
	// x2      5.00000  1.71634
	// x1      2.00000  5.50000
}

/*
One sweep, and both derivatives are there: 5.5 and $x_1 - \cos x_2 = 1.71634$. With a thousand inputs it would still be one sweep. The price is that values
have to be kept until the backward sweep has used them.

The same on a graph, with values, adjoints, and local partials on the dashed edges:
*/

func formula() (y, x1, x2 *graph.Node) {
	g := graph.New()
	x1, x2 = g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	y = graph.Sub(graph.Add(graph.Log(x1), graph.Mul(x1, x2)), graph.Sin(x2)).Named("y")
	return y, x1, x2
}

func Example_drawn() {
	y, _, _ := formula()
	show.Gradient(y, map[string]any{"x1": 2.0, "x2": 5.0})
	fmt.Println("drawn at (2, 5)")
	// Output:
	// drawn at (2, 5)
}

/*
## Both modes on graphs

`compile.JVP` is forward mode: given a tangent for each input, it returns nodes for the tangents of the outputs, that is the product **J**acobian times **v**ector.
`compile.VJP` is reverse mode: given an adjoint for each output (`nil` stands for ones), it returns the adjoints of the inputs, **v**ector times **J**acobian.
`compile.Gradient` is the latter for a scalar.
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func nodes(list ...*graph.Node) []*graph.Node { return list }

func Example_graphs() {
	y, x1, x2 := formula()
	g := y.Graph()
	one, zero := g.Const(1), g.Const(0)
	by1 := must(compile.JVP(nodes(y), nodes(x1, x2), nodes(one, zero)))
	by2 := must(compile.JVP(nodes(y), nodes(x1, x2), nodes(zero, one)))
	both := must(compile.VJP(nodes(y), nodes(x1, x2), nil))
	m := vm.NewMachine(must(compile.Compile(by1[0], by2[0], both[0], both[1])))
	out := must(m.Call(2.0, 5.0))
	fmt.Printf("forward, twice: %.6f %.6f\n", out[0].Item(), out[1].Item())
	fmt.Printf("reverse, once:  %.6f %.6f\n", out[2].Item(), out[3].Item())
	// Output:
	// forward, twice: 5.500000 1.716338
	// reverse, once:  5.500000 1.716338
}

/*
## What it costs

Let a function have $n$ inputs and $m$ outputs. Each forward sweep gives one *column* of its $m \times n$ Jacobian, each reverse sweep one *row*.
A sweep of either kind costs a small multiple of the function itself, whatever $n$ and $m$ are (for reverse mode this is the *cheap gradient principle*; textbooks prove
at most four to five times).

We can count. A compiled program knows a bound for the operations of one run (`Work`: sums, products and functions of each element). Take
$f(x) = \sum_i \sin(x_i)\, x_{i+1}$, with one output and more and more inputs, and compile its gradient in both ways: by one reverse sweep, and by $n$ forward sweeps.
The rewrites of the compiler are switched off, so that the count is of what each mode states.
*/

func chain(n int) (y, x *graph.Node) {
	g := graph.New()
	x = g.Input("x", graph.Float64, n)
	y = graph.Sum(graph.Mul(graph.Sin(x), graph.Roll(x, 1, 0)))
	return y, x
}

func work(outputs ...*graph.Node) float64 {
	return must(compile.Config{Unoptimized: true}.Compile(outputs...)).Work()
}

func Example_counted() {
	fmt.Println("n      function   reverse   forward   ratios")
	for _, n := range []int{4, 16, 64, 256} {
		y, x := chain(n)
		f := work(y)
		gradient := must(compile.Gradient(y, x))
		reverse := work(y, gradient[0])

		y, x = chain(n)
		var columns []*graph.Node
		for i := range n {
			e := make([]float64, n)
			e[i] = 1
			columns = append(columns, must(compile.JVP(nodes(y), nodes(x), nodes(graph.Constant(x.Graph(), e, n))))...)
		}
		forward := work(append(columns, y)...)
		fmt.Printf("%-4d %10.0f %9.0f %9.0f   %4.1f %6.1f\n", n, f, reverse, forward, reverse/f, forward/f)
	}
	// Output:
	// n      function   reverse   forward   ratios
	// 4            29        62       217    2.1    7.5
	// 16          113       242      2977    2.1   26.3
	// 64          449       962     45697    2.1  101.8
	// 256        1793      3842    723457    2.1  403.5
}

/*
Reverse mode stays at the same small multiple of the function. Forward mode grows with $n$.

## When which

| you have | you want | use |
|---|---|---|
| many inputs, one output (a loss) | the gradient | reverse: `compile.Gradient` |
| few inputs, many outputs (a curve by its parameter) | all derivatives | forward: `compile.JVP`, one sweep for each input |
| any | a whole Jacobian | `compile.Jacobian`, which takes the cheaper of the two by shape |
| any | the Jacobian times a given vector | forward, one sweep: `compile.JVP` |
| a scalar | the Hessian times a vector | both, one over the other: `compile.HVP` |
| a Jacobian that is mostly zeros | all of it | few sweeps with coloured columns: `compile.SparseJacobian` |
| a long loop and few inputs | derivatives without keeping values | forward keeps nothing |

`compile.Jacobian` makes the choice by itself. Of a function from 2 numbers to 64 it sweeps forward, of one from 64 to 2 in reverse: two sweeps in both cases, and so a
small multiple of the function, where the other mode would need 64.
*/

func Example_jacobians() {
	g := graph.New()
	t := g.Input("t", graph.Float64, 2)
	wide := graph.Sin(graph.MatMul(graph.Constant(g, make([]float64, 128), 64, 2), t))
	j := must(compile.Jacobian(wide, t))
	fmt.Println("2 inputs, 64 outputs: function", work(wide), "Jacobian", work(j), "shape", j.Shape())

	g = graph.New()
	x := g.Input("x", graph.Float64, 64)
	narrow := graph.Sin(graph.MatMul(graph.Constant(g, make([]float64, 128), 2, 64), x))
	j = must(compile.Jacobian(narrow, x))
	fmt.Println("64 inputs, 2 outputs: function", work(narrow), "Jacobian", work(j), "shape", j.Shape())
	// Output:
	// 2 inputs, 64 outputs: function 579 Jacobian 1891 shape [64×2]
	// 64 inputs, 2 outputs: function 455 Jacobian 1262 shape [2×64]
}

/*
## One over the other

Because derivatives are nodes, modes can be nested. The product of a Hessian with a vector is the directional derivative of the gradient: *forward over reverse*. It costs a few
evaluations of the function and never forms the matrix. For $f = \sum x_i^3$ the Hessian is $\mathrm{diag}(6x_i)$:
*/

func Example_forwardOverReverse() {
	g := graph.New()
	x, v := g.Input("x", graph.Float64, 3), g.Input("v", graph.Float64, 3)
	f := graph.Sum(graph.Pow(x, g.Const(3)))
	gradient := must(compile.Gradient(f, x))
	byHand := must(compile.JVP(gradient, nodes(x), nodes(v)))
	ready := must(compile.HVP(f, nodes(x), nodes(v)))
	m := vm.NewMachine(must(compile.Compile(byHand[0], ready[0])))
	fmt.Println(must(m.Call([]float64{1, 2, 3}, []float64{1, 1, 10})))
	// Output:
	// [[6 12 180] [6 12 180]]
}

/*
## What to remember

- Forward mode: one sweep for each *input* direction, nothing kept. Reverse mode: one sweep for each *output*, values kept.
- A gradient of one number by many is the case of reverse mode, and costs a small multiple of the function.
- The modes are functions from graphs to graphs, so they nest.

**Try it:** for which shapes does `compile.Jacobian` change its mind? Print `work` for 8 outputs and 2 to 32 inputs.

Next: [how to know that a gradient is right](03-gradients-checked.ipynb).
*/
