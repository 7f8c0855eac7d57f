package tutorial

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/gradcheck"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 10. Your own operator

There are some hundred operators, and sometimes none is what you need. There are four ways to get one, from the simplest to the most powerful:

| you have | what to do |
|---|---|
| a formula of operators that exist | a Go function of nodes |
| such a formula, but its derivative should be another | `graph.CustomJVP`, `graph.CustomVJP` |
| a formula that should be one node, with a name, in drawings and files | `graph.RegisterUser` with `Expand` |
| code in Go that computes it | `graph.RegisterUser` with a kernel |

This tutorial does each once, and checks the derivatives.
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func nodes(list ...*graph.Node) []*graph.Node { return list }

// evaluate prints a function of x and its first two derivatives.
func evaluate(name string, f func(x *graph.Node) *graph.Node, at ...float64) {
	for _, v := range at {
		x := graph.New().Input("x", graph.Float64)
		y := f(x)
		d1 := must(compile.Gradient(y, x))
		d2 := must(compile.Gradient(d1[0], x))
		out := must(vm.NewMachine(must(compile.Compile(y, d1[0], d2[0]))).Call(v))
		fmt.Printf("%s(%v) = %.6g, derivatives %.6g and %.6g\n", name, v, out[0].Item(), out[1].Item(), out[2].Item())
	}
}

// check compares derivatives at a point with differences, to second order and in both modes.
func check(f func(x *graph.Node) *graph.Node, at float64) error {
	x := graph.New().Input("x", graph.Float64)
	report := must(gradcheck.Check(nodes(f(x)), nodes(x), map[string]any{"x": at}, gradcheck.Options{}))
	return report.Err()
}

/*
## A function of nodes

Most "new operators" are this: a Go function that puts operators together. Nothing is registered; derivatives, batches and compilation follow. Here is *mish*, an activation function, $x \tanh(\ln(1 + e^x))$, in which a ready
softplus takes care of large $x$:
*/

func mish(x *graph.Node) *graph.Node {
	return x.Mul(graph.Tanh(graph.Softplus(x)))
}

func Example_mish() {
	evaluate("mish", mish, -1, 0.5, 3)
	fmt.Println(check(mish, 0.5))
	// Output:
	// mish(-1) = -0.303401, derivatives 0.0592168 and 0.349706
	// mish(0.5) = 0.375245, derivatives 0.886424 and 0.468053
	// mish(3) = 2.98654, derivatives 1.02111 and -0.0302665
	// <nil>
}

/*
## A derivative of your own, because the numbers are better

Write softplus yourself, as $\ln(1 + e^x)$, and ask for its derivative at 1000:
*/

func naive(x *graph.Node) *graph.Node { return graph.Log(graph.Exp(x).Add(1)) }

func Example_naive() {
	evaluate("naive", naive, 1, 1000)
	// Output:
	// naive(1) = 1.31326, derivatives 0.731059 and 0.196612
	// naive(1000) = +Inf, derivatives 0 and 0
}

/*
$e^{1000}$ overflows. The derivative of the logarithm is then $1/\infty = 0$, and the result is 0, though the right one is 1: the chain rule holds, but each of its steps is computed with numbers of finite range. You know that the derivative is $1 - 1/(1 + e^x)$, which is 1 there. `CustomJVP` takes the function
and the rule for its tangent. Reverse mode is derived from it, by transposition, since the rule is linear in the tangent:
*/

var log1pexp = must(graph.CustomJVP("user_log1pexp", 1,
	func(in []*graph.Node) *graph.Node { return naive(in[0]) },
	func(in []*graph.Node, y *graph.Node, tangents []*graph.Node) *graph.Node {
		one := graph.Like(in[0], 1)
		slope := one.Sub(graph.Reciprocal(graph.Exp(in[0]).Add(1)))
		return slope.Mul(tangents[0])
	}))

func Example_better() {
	f := func(x *graph.Node) *graph.Node { return graph.Call(log1pexp, x) }
	evaluate("log1pexp", f, 1, 1000)
	fmt.Println(check(f, 1))
	// Output:
	// log1pexp(1) = 1.31326, derivatives 0.731059 and 0.196612
	// log1pexp(1000) = +Inf, derivatives 1 and 0
	// <nil>
}

/*
The derivative is 1 now. (The value is still infinite: the definition has not changed. And the second derivative is that of your rule, differentiated, which meets the same overflow; `graph.Softplus` has none of these problems.)

## A derivative of your own, because you want another

Rounding has the derivative 0 almost everywhere, and nothing in front of it can be trained. The *straight-through estimator* (Bengio, Léonard and Courville, 2013) pretends that it is the identity. That is not a derivative, but it works in practice. `CustomVJP` takes a rule for adjoints:
*/

var straightThrough = must(graph.CustomVJP("user_straight_through", 1,
	func(in []*graph.Node) *graph.Node { return graph.Round(in[0]) },
	func(in []*graph.Node, y, adjoint *graph.Node) []*graph.Node { return nodes(adjoint) }))

func Example_straightThrough() {
	evaluate("round(x)²", func(x *graph.Node) *graph.Node { return graph.Square(graph.Round(x)) }, 2.6)
	evaluate("straight²", func(x *graph.Node) *graph.Node { return graph.Square(graph.Call(straightThrough, x)) }, 2.6)
	f := func(x *graph.Node) *graph.Node { return graph.Call(straightThrough, x) }
	fmt.Println("the checker objects, as it should:", check(f, 2.6) != nil)
	// Output:
	// round(x)²(2.6) = 9, derivatives 0 and 0
	// straight²(2.6) = 9, derivatives 6 and 2
	// the checker objects, as it should: true
}

/*
## An operator with a name

`graph.RegisterUser` enters an operator into the same table that holds the system's own. Elementwise operators state the dtypes they take, their partial derivatives, and here an `Expand`: what the compiler puts in its place. In the graph, in drawings and in
files it stays *one* node. Attributes are parameters that are no operands:
*/

var soften = must(graph.RegisterUser(graph.Op{
	Name: "user_soften", Doc: "x / (1 + scale·|x|)", Symbol: "soften",
	MinArity: 1, MaxArity: 1,
	Attrs:       []graph.AttrSpec{{Key: "scale", Kind: graph.AttrFloat, Doc: "how strong"}},
	Elementwise: true, DTypes: graph.Floats,
	Expand: func(n *graph.Node) *graph.Node {
		x := n.Input(0)
		return x.Div(graph.Abs(x).Mul(n.Attrs().Float("scale")).Add(1))
	},
	Partial: func(n *graph.Node, _ int) *graph.Node { // 1/(1 + s|x|)²
		return graph.Reciprocal(graph.Square(graph.Abs(n.Input(0)).Mul(n.Attrs().Float("scale")).Add(1)))
	},
}))

func softened(x *graph.Node) *graph.Node {
	return graph.CallWith(soften, []graph.Attr{graph.FloatAttr("scale", 0.5)}, x)
}

func Example_soften() {
	evaluate("soften", softened, -2, 4)
	fmt.Println(check(softened, 4))
	x := graph.New().Input("x", graph.Float64, 3)
	y := graph.Sum(graph.Square(softened(x))).Named("y")
	show.Graph(nodes(y))
	fmt.Println("fused into", must(compile.Compile(y)).Len(), "instruction")
	// Output:
	// soften(-2) = -1, derivatives 0.25 and 0.125
	// soften(4) = 1.33333, derivatives 0.111111 and -0.037037
	// <nil>
	// fused into 1 instruction
}

/*
One derivative form is enough, of several: `Partial` for elementwise operators, `Transpose` for linear ones, `VJP` or `JVP` for others, or `ThroughExpand`, by which the expansion is differentiated.

## A kernel in Go

At last, something that no formula of operators gives: *Lambert's* $W$, the solution of $W e^W = x$. We compute it by Halley's iteration, in plain Go. A kernel has a `Check`, which must refuse whatever it cannot compute (programs may come from files), and a `Run`:
*/

func lambertW(x float64) float64 {
	w := math.Log1p(x)
	for range 50 {
		e := math.Exp(w)
		r := w*e - x
		step := r / (e*(w+1) - (w+2)*r/(2*w+2))
		w -= step
		if math.Abs(step) <= 1e-16*math.Abs(w) {
			break
		}
	}
	return w
}

var kernelError = vm.RegisterKernel(vm.Kernel{
	Name: "user_lambert_w", Doc: "the solution of w·exp(w) = x for x ≥ 0",
	Check: func(in, out []vm.Type, _ vm.Attrs) error {
		if len(in) != 1 || len(out) != 1 || in[0].DType != graph.Float64 ||
			out[0].DType != graph.Float64 || !slices.Equal(in[0].Shape, out[0].Shape) {
			return errors.New("takes one float64 operand, and gives its type")
		}
		return nil
	},
	Run: func(in, out []vm.Tensor, _ vm.Attrs) error {
		for i, x := range in[0].F64 {
			if x < 0 {
				return fmt.Errorf("W of the negative number %v", x)
			}
			out[0].F64[i] = lambertW(x)
		}
		return nil
	},
})

/*
The operator names the kernel, says what type it gives, and has a derivative: from $W e^W = x$ follows $W' = 1/(x + e^W)$. The rule may use the node itself, $W$, and since it builds nodes, second derivatives follow:
*/

var lambert = must(graph.RegisterUser(graph.Op{
	Name: "user_lambert_w", Doc: "the solution of w·exp(w) = x for x ≥ 0", Symbol: "W",
	MinArity: 1, MaxArity: 1, Kernel: "user_lambert_w",
	Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) {
		if in[0].DType() != graph.Float64 {
			return graph.Type{}, errors.New("the operand is not float64")
		}
		return in[0].Type(), nil
	},
	VJP: func(n *graph.Node, adjoints []*graph.Node) []*graph.Node {
		return nodes(adjoints[0].Div(n.Input(0).Add(graph.Exp(n))))
	},
}))

func lambertNode(x *graph.Node) *graph.Node { return graph.Call(lambert, x) }

func Example_lambert() {
	if kernelError != nil {
		fmt.Println(kernelError)
		return
	}
	evaluate("W", lambertNode, 1, math.E)
	fmt.Println(check(lambertNode, 1.5))
	x := graph.New().Input("x", graph.Float64)
	y := lambertNode(x).Named("y")
	show.Gradient(y, map[string]any{"x": math.E})
	// Output:
	// W(1) = 0.567143, derivatives 0.361896 and -0.214541
	// W(2.718281828459045) = 1, derivatives 0.18394 and -0.0507507
	// <nil>
}

/*
$W(e) = 1$, with $W'(e) = 1/(2e)$. The checker agrees in both modes and to second order. What does a run say of a number that the kernel refuses?
*/

func Example_refused() {
	x := graph.New().Input("x", graph.Float64, 3)
	m := vm.NewMachine(must(compile.Compile(lambertNode(x))))
	fmt.Println(must(m.Call([]float64{0, 1, 2})))
	_, err := m.Call([]float64{0, 1, -2})
	var failed *vm.RuntimeError
	fmt.Println("an error of the run:", errors.As(err, &failed))
	fmt.Println("from:", errors.Unwrap(failed))
	// Output:
	// [[0 0.5671432904097838 0.8526055020137254]]
	// an error of the run: true
	// from: W of the negative number -2
}

/*
## What else an operator can say

- `Batch`, `AlongAxis`, `LeadingBatch`: what becomes of it in `compile.Batch`. Without any, it is applied to one element after the other, which is right but slow, and `compile.Report` says so.
- `Pattern`: where its Jacobian can be nonzero. Without one it counts as dense in sparse derivatives.
- `Samples`, for tests that try everything: your own can use `gradcheck` as above.

`go doc ./graph Op` lists all of it; the system's own operators are written in the same way, in the files of `graph/`.

## The end

You have seen graphs, both modes, checks, the compiler, training, loops, an inverse problem, drawings, and operators of your own. From here: `examples/` has programs of all these kinds, [docs/OPERATORS.md](../OPERATORS.md) all operators with their derivatives and
conventions, and [docs/RATIONALE.md](../RATIONALE.md) the reasons for what seems odd.

**Try it:** $W$ is elementwise. Write `Batch` for it, or find out from `compile.Report` that you should.
*/
