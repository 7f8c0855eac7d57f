package tutorial

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gradcheck"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 3. Gradients, checked

A wrong gradient does not crash. An optimiser follows it to a slightly worse place, and nobody notices. So whoever writes a derivative by hand, or doubts one, checks it.
This tutorial does so in four ways: by a formula, by finite differences, by the complex step, and with the checker that comes with this system.

Our function is

$$f(x) = \frac{e^x}{\sin^3 x + \cos^3 x}\quad\text{at } x = 1.5,$$

which Squire and Trapp used when they proposed the complex step in 1998.
*/

/*
## A formula

With $u = e^x$, $w = \sin^3 x + \cos^3 x$ and the quotient rule,

$$f' = \frac{u\,(w - w')}{w^2}, \qquad w' = 3 \sin x \cos x\, (\sin x - \cos x).$$

This is *symbolic* differentiation: one formula turned into another. It is exact, but by hand it is work, and done naively formulas grow fast: the
derivative of a product of $n$ factors is a sum of $n$ products. Automatic differentiation does the same on a graph, in which what appears twice is one node.
*/

const at = 1.5

func f(x float64) float64 {
	return math.Exp(x) / (math.Pow(math.Sin(x), 3) + math.Pow(math.Cos(x), 3))
}

func derivative(x float64) float64 {
	s, c := math.Sin(x), math.Cos(x)
	w := s*s*s + c*c*c
	return math.Exp(x) * (w - 3*s*c*(s-c)) / (w * w)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// node is f as a graph.
func node() (y, x *graph.Node) {
	x = graph.New().Input("x", graph.Float64)
	third := func(n *graph.Node) *graph.Node { return graph.Mul(n, graph.Square(n)) }
	return graph.Div(graph.Exp(x), graph.Add(third(graph.Sin(x)), third(graph.Cos(x)))), x
}

// exact is what the system says of the derivative at x.
func exact(x float64) float64 {
	y, input := node()
	d := must(compile.Gradient(y, input))
	return must(vm.NewMachine(must(compile.Compile(d...))).Call(x))[0].Item()
}

func Example_formula() {
	fmt.Printf("formula:   %.12f\n", derivative(at))
	fmt.Printf("gradient:  %.12f\n", exact(at))
	// Output:
	// formula:   3.622033700716
	// gradient:  3.622033700716
}

/*
## Finite differences

The definition of the derivative suggests to take a small $h$:

$$f'(x) \approx \frac{f(x+h) - f(x)}{h} \quad\text{(forward, error} \sim h\text{)}, \qquad f'(x) \approx \frac{f(x+h) - f(x-h)}{2h} \quad\text{(central, error} \sim h^2\text{)}.$$

Why not take the smallest possible $h$? Because $f(x+h)$ and $f(x)$ then agree in nearly all digits, their difference keeps only the digits that are left, and
dividing by $h$ makes their rounding errors large: about $\varepsilon |f| / h$ with $\varepsilon \approx 10^{-16}$. Truncation falls with $h$, cancellation grows, and the error is a **V**:
*/

// fComplex is f for complex numbers; the third curve needs it.
func fComplex(x complex128) complex128 {
	s, c := cmplx.Sin(x), cmplx.Cos(x)
	return cmplx.Exp(x) / (s*s*s + c*c*c)
}

func Example_curve() {
	x := derivative(at)
	var steps, forward, central, complexStep []float64
	for e := -1.0; e >= -15; e -= 0.5 {
		h := math.Pow(10, e)
		steps = append(steps, h)
		floor := 1e-16 // zero has no place on a logarithmic axis
		relative := func(d float64) float64 { return max(math.Abs(d/x-1), floor) }
		forward = append(forward, relative((f(at+h)-f(at))/h))
		central = append(central, relative((f(at+h)-f(at-h))/(2*h)))
		complexStep = append(complexStep, relative(imag(fComplex(complex(at, h)))/h))
	}
	best := func(errors []float64) (float64, float64) {
		k := 0
		for i := range errors {
			if errors[i] < errors[k] {
				k = i
			}
		}
		return steps[k], errors[k]
	}
	power := func(v float64) float64 { return math.Round(math.Log10(v)) }
	h, e := best(forward)
	fmt.Printf("forward differences: best about 1e%.0f, error about 1e%.0f\n", power(h), power(e))
	h, e = best(central)
	fmt.Printf("central differences: best about 1e%.0f, error about 1e%.0f\n", power(h), power(e))
	axes := show.Axes{Title: "Error of a derivative by the step", X: "h", Y: "relative error", LogX: true, LogY: true}
	axes.Chart(
		show.Series{Name: "forward", X: steps, Y: forward},
		show.Series{Name: "central", X: steps, Y: central},
		show.Series{Name: "complex step", X: steps, Y: complexStep})
	// Output:
	// forward differences: best about 1e-8, error about 1e-9
	// central differences: best about 1e-6, error about 1e-11
}

/*
The best step of forward differences is near $\sqrt\varepsilon \approx 10^{-8}$ and leaves 8 digits; of central ones near $\varepsilon^{1/3} \approx 10^{-5}$, with 10 or 11. In general you do not know where the
bottom of the V is, and with $n$ inputs you pay $n$ or $2n$ evaluations. As a *check* they are very good, because they know nothing of your derivative: they cannot be wrong in the same way.

## The complex step

The third curve has no left branch. It uses that $f$ is analytic. Put $x + ih$ in:

$$f(x + ih) = f(x) + i h f'(x) - \tfrac{h^2}{2} f''(x) - \dots \quad\Rightarrow\quad f'(x) = \frac{\operatorname{Im} f(x + ih)}{h} + O(h^2).$$

No difference is taken, so nothing cancels, and $h$ may be $10^{-200}$. Then the derivative is right to the last digits. The function must be written for complex numbers and must be analytic
(no `abs`, no comparisons), and it is one evaluation for each input.
*/

func Example_complexStep() {
	d := imag(fComplex(complex(at, 1e-200))) / 1e-200
	fmt.Printf("complex step: %.12f\n", d)
	fmt.Println("equal to 14 digits:", math.Abs(d/exact(at)-1) < 1e-14)
	// Output:
	// complex step: 3.622033700716
	// equal to 14 digits: true
}

/*
## The checker

`gradcheck.Check` compares derivatives of any graph with central differences that are extrapolated twice (Richardson's method, which removes the leading terms of the truncation error and reaches about $10^{-10}$). It does so in reverse mode,
in forward mode, and for second derivatives, and it looks at all inputs.
*/

func Example_check() {
	y, x := node()
	report := must(gradcheck.Check([]*graph.Node{y}, []*graph.Node{x}, map[string]any{"x": at}, gradcheck.Options{}))
	fmt.Println("numbers compared:", report.Checked)
	fmt.Println("error:", report.Err())
	// Output:
	// numbers compared: 4
	// error: <nil>
}

/*
What does it say when a derivative is wrong? Here is one that a user states, for $x^3$, with a wrong factor: $2x^2$ instead of $3x^2$.
([Tutorial 10](10-your-own-operator.ipynb) is about such derivatives.)
*/

var cube = must(graph.CustomVJP("user_tutorial_cube", 1,
	func(in []*graph.Node) *graph.Node { return graph.Mul(in[0], graph.Square(in[0])) },
	func(in []*graph.Node, y, adjoint *graph.Node) []*graph.Node {
		wrong := graph.Mul(y.Graph().Const(2), graph.Square(in[0]))
		return []*graph.Node{graph.Mul(adjoint, wrong)}
	}))

func Example_wrong() {
	x := graph.New().Input("x", graph.Float64)
	y := graph.Call(cube, x)
	at := map[string]any{"x": 2.0}
	report := must(gradcheck.Check([]*graph.Node{y}, []*graph.Node{x}, at, gradcheck.Options{FirstOrder: true}))
	for _, f := range report.Failures {
		fmt.Printf("%s: ratio of derivative and difference %.4f, by the operator %s\n",
			f.Mode, f.Derivative/f.Difference, f.Operator.Op().Name)
	}
	// Output:
	// reverse: ratio of derivative and difference 0.6667, by the operator user_tutorial_cube
	// forward: ratio of derivative and difference 0.6667, by the operator user_tutorial_cube
}

/*
## Where checks disagree

At kinks, differences and conventions differ, and nobody is wrong. $|x|$ has no derivative at 0; this system says 0 there, as PyTorch does; the forward difference says 1, the central one 0.
Check at points without ties and kinks. The conventions are listed with each operator.
*/

func Example_kink() {
	x := graph.New().Input("x", graph.Float64)
	d := must(compile.Gradient(graph.Abs(x), x))
	out := must(vm.NewMachine(must(compile.Compile(d...))).Call(0.0))
	h := 1e-6
	fmt.Println("gradient", out[0].Item(), "forward", (math.Abs(h)-0)/h, "central", (math.Abs(h)-math.Abs(-h))/(2*h))
	// Output:
	// gradient 0 forward 1 central 0
}

/*
## What to remember

| | error | cost for $n$ inputs | needs |
|---|---|---|---|
| forward differences | $10^{-8}$ at the best $h$ | $n + 1$ evaluations | values |
| central differences | $10^{-10}$ at the best $h$ | $2n$ | values |
| complex step | rounding | $n$, complex | analytic code for complex numbers |
| forward mode | rounding | $n$ sweeps | the graph |
| reverse mode | rounding | **one sweep** | the graph, and memory for values |

Automatic differentiation is neither of the others: it does not approximate, as differences do, and it does not make one large formula, as symbolic algebra does. It applies the chain rule to the steps of a program.

**Try it:** find the bottom of the V for `float32`, in which $\varepsilon \approx 10^{-7}$. (Where should it be?)

Next: [from PyTorch to static graphs](04-from-pytorch.ipynb).
*/
