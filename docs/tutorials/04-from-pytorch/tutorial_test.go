package tutorial

import (
	"fmt"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/eager"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

/*
# 4. From PyTorch to static graphs

PyTorch records what you compute while you compute it, and `backward()` walks the record. This is called *define-by-run*. Here the usual way is the other one: a
graph first, then programs from it. There are two doors for someone who comes from PyTorch:

- `compile/eager` is define-by-run. Tensors record, `Backward` fills in gradients, Go's `for` and `if` are the control flow.
- `compile.Function` makes a compiled function of a Go function, as `jax.jit` or `torch.compile` do.

This tutorial goes through the words of PyTorch's autograd one by one and says what each becomes. You need to have seen a training loop in PyTorch.
*/

/*
## requires_grad and backward

PyTorch's tutorial begins with

```python
x = torch.ones(2, 2, requires_grad=True)
y = x + 2
z = y * y * 3
out = z.mean()
out.backward()
print(out, x.grad)        # 27, and 4.5 in every cell
```

which is, define-by-run:
*/

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example_backward() {
	x := eager.Ones(2, 2).RequiresGrad()
	y := x.Add(2)
	z := y.Mul(y).Mul(3)
	out := z.Mean()
	check(out.Backward())
	fmt.Println(out)
	fmt.Println(x.Grad())
	// Output:
	// 27
	// [[4.5 4.5]
	//  [4.5 4.5]]
}

/*
Behind it is a static graph: what was recorded is kept under its structure, and from the second pass of a loop on its compiled program runs. Written as a function of
nodes, there is no `requires_grad`, because asking for the gradient *by* something is enough:
*/

func model(x *graph.Node) *graph.Node {
	y := x.Add(2)
	return graph.Mean(y.Mul(y).Mul(3))
}

func Example_function() {
	f := compile.Function(model)
	ones := [][]float64{{1, 1}, {1, 1}}
	out, err := f.ValueAndGrad(0).Call(ones) // the value, and the gradient by argument 0
	check(err)
	fmt.Println(out[0])
	fmt.Println(out[1])
	x := graph.New().Input("x", graph.Float64, 2, 2)
	show.Graph([]*graph.Node{model(x)}, viz.WithTitle("the same graph for both"))
	// Output:
	// 27
	// [[4.5 4.5]
	//  [4.5 4.5]]
}

/*
## Accumulation and zero_grad

In PyTorch `x.grad` **adds up** over calls of `backward()`, which is why every training loop has `optimizer.zero_grad()`. The eager package does the same:
*/

func Example_accumulation() {
	x := eager.Of([]float64{1, 2}).RequiresGrad()
	for range 3 {
		check(x.Square().Sum().Backward())
		fmt.Println(x.Grad())
	}
	x.ZeroGrad()
	fmt.Println("after ZeroGrad there is none:", x.Grad() == nil)
	// Output:
	// [2 4]
	// [4 8]
	// [6 12]
	// after ZeroGrad there is none: true
}

/*
Where people want the sum, over parts of a batch that does not fit into memory at once, it is a feature. Where they forget to clear it, it is one of the commonest bugs. On graphs it cannot happen: `compile.Gradient` returns nodes, and
what you do with them is up to you. Nothing is stored on the nodes of the cost, so any number of costs on one graph do not meet:
*/

func Example_twoCosts() {
	f := compile.Function(func(x *graph.Node) ([]*graph.Node, error) {
		shared := graph.Square(x)
		a, b := shared.Mul(2), graph.Square(shared)
		da, err := compile.Gradient(a, x)
		if err != nil {
			return nil, err
		}
		db, err := compile.Gradient(b, x)
		if err != nil {
			return nil, err
		}
		return append(da, db...), nil
	})
	out, err := f.Call(3.0)
	fmt.Println(out, err) // 4x and 4x³ at 3
	// Output:
	// [12 108] <nil>
}

/*
## detach and no_grad

`x.detach()` cuts the record: its value counts as a constant. `torch.no_grad()` records nothing at all. Both exist in the eager package; on a graph, `graph.StopGradient` is detach, and there is no
need for `no_grad`, since a graph without derivatives is just that.
*/

func Example_detach() {
	x := eager.Of(3.0).RequiresGrad()
	check(x.Mul(x.Detach()).Backward())
	fmt.Println("eager, x times detached x:", x.Grad())

	var inside *eager.Tensor
	eager.NoGrad(func() { inside = x.Mul(7) }, x)
	fmt.Println("a pass through what NoGrad computed is refused:", inside.Backward() != nil)

	f := compile.Function(func(x *graph.Node) *graph.Node { return x.Mul(graph.StopGradient(x)) })
	out, err := f.ValueAndGrad(0).Call(3.0)
	check(err)
	fmt.Println("graph, value and gradient:", out)
	// Output:
	// eager, x times detached x: 3
	// a pass through what NoGrad computed is refused: true
	// graph, value and gradient: [9 3]
}

/*
## retain_graph and create_graph

In PyTorch, `backward()` frees the record; a second one fails unless the first had `retain_graph=True`. To differentiate a gradient, the first needs `create_graph=True`. The eager package follows, with options:
*/

func Example_retain() {
	x := eager.Of(2.0).RequiresGrad()
	y := x.Pow(3)
	check(y.Backward(eager.RetainGraph()))
	check(y.Backward())
	fmt.Println("two passes add up:", x.Grad())
	fmt.Println("a third is refused:", y.Backward() != nil)

	z := x.Pow(3)
	first, err := eager.Grad(z, []*eager.Tensor{x}, eager.CreateGraph())
	check(err)
	second, err := eager.Grad(first[0], []*eager.Tensor{x})
	check(err)
	fmt.Println("3x² and 6x at 2:", first[0], second[0])
	// Output:
	// two passes add up: 24
	// a third is refused: true
	// 3x² and 6x at 2: 12 12
}

/*
On graphs both words lose their meaning. A graph is not used up, and gradients are nodes of it, so they can be differentiated as often as you like:
*/

func Example_higher() {
	f := compile.Function(func(x *graph.Node) ([]*graph.Node, error) {
		d := []*graph.Node{graph.Pow(x, x.Graph().Const(5))}
		for range 3 {
			next, err := compile.Gradient(d[len(d)-1], x)
			if err != nil {
				return nil, err
			}
			d = append(d, next[0])
		}
		return d, nil
	})
	out, err := f.Call(2.0)
	fmt.Println(out, err) // x⁵, 5x⁴, 20x³, 60x² at 2
	// Output:
	// [32 80 160 240] <nil>
}

/*
## Hooks

A hook in PyTorch sees, or replaces, the gradient that passes a tensor. People use it to look, to clip, and to reverse a gradient. Eager tensors have `Hook`:
*/

func Example_hook() {
	x := eager.Of([]float64{1, 2}).RequiresGrad()
	h := x.Mul(3).Hook(func(g *eager.Tensor) *eager.Tensor {
		fmt.Println("passing:", g)
		return g.Clip(-5, 5)
	})
	check(h.Square().Sum().Backward())
	fmt.Println("x.grad: ", x.Grad())
	// Output:
	// passing: [6 12]
	// x.grad:  [15 15]
}

/*
On a graph you do not need a hook to look: the adjoint of any node is one call away, since `compile.Gradient` differentiates by *any* node, not only by inputs. To *change* what passes, give the
identity a derivative of your own:
*/

var clipped = func() *graph.Op {
	op, err := graph.CustomVJP("user_clipped_adjoint", 1,
		func(in []*graph.Node) *graph.Node { return in[0] },
		func(in []*graph.Node, y, adjoint *graph.Node) []*graph.Node {
			return []*graph.Node{adjoint.Clip(-5, 5)}
		})
	check(err)
	return op
}()

func Example_adjointOfAnyNode() {
	f := compile.Function(func(x *graph.Node) ([]*graph.Node, error) {
		h := x.Mul(3)
		cost := graph.Sum(graph.Square(graph.Call(clipped, h)))
		return compile.Gradient(cost, h, x)
	})
	out, err := f.Call([]float64{1, 2})
	fmt.Println(out, err)
	// Output:
	// [[5 5] [15 15]] <nil>
}

/*
## Control flow

Define-by-run makes Go's (or Python's) `if` and `for` part of the recorded computation: each run records the branch that it took. In `compile.Function`, the Go code runs once, when the function is traced, so an `if` on a *value* is not possible
(a node has no value then), and a `for` with a fixed count is unrolled. `graph.Where`, `graph.Cond`, `graph.Scan` and `graph.While` put selection, branches and loops *into* the graph ([tutorial 7](07-loops-and-checkpointing.ipynb)).
*/

func Example_branches() {
	for _, v := range []float64{2, -3} {
		x := eager.Of(v).RequiresGrad()
		y := x.Mul(x)
		if v < 0 {
			y = x.Mul(5)
		}
		check(y.Backward())
		fmt.Println("eager:", y, x.Grad())
	}
	f := compile.Function(func(x *graph.Node) *graph.Node {
		return graph.Where(x.Less(0), x.Mul(5), x.Mul(x))
	}).ValueAndGrad(0)
	for _, v := range []float64{2, -3} {
		out, err := f.Call(v)
		fmt.Println("graph:", out, err)
	}
	// Output:
	// eager: 4 4
	// eager: -15 5
	// graph: [4 4] <nil>
	// graph: [-15 5] <nil>
}

/*
## A training loop

At last the loop that everybody knows, here a line fitted to four points. `Assign` gives parameters new values, as `optimizer.step()` would; [tutorial 6](06-fit-and-train.ipynb) has
optimisers ready.
*/

func Example_loop() {
	x, y := eager.Of([]float64{0, 1, 2, 3}), eager.Of([]float64{1, 3, 5, 7})
	a, b := eager.Of(0.0).RequiresGrad(), eager.Of(0.0).RequiresGrad()
	for range 500 {
		loss := x.Mul(a).Add(b).Sub(y).Square().Mean()
		check(loss.Backward())
		check(eager.Assign([]*eager.Tensor{a, b}, []any{a.Sub(a.Grad().Mul(0.1)), b.Sub(b.Grad().Mul(0.1))}))
		a.ZeroGrad()
		b.ZeroGrad()
	}
	slope, err := a.Item()
	check(err)
	offset, err := b.Item()
	check(err)
	fmt.Printf("y = %.4f x + %.4f\n", slope, offset)
	// Output:
	// y = 2.0000 x + 1.0000
}

/*
## The dictionary

| PyTorch | `compile/eager` | on graphs |
|---|---|---|
| `requires_grad=True` | `RequiresGrad()` | name it in `Gradient(cost, x)` |
| `out.backward()` | `out.Backward()` | `compile.Gradient(out, x)` |
| `out.backward(v)` | `out.Backward(eager.Seed(v))` | `compile.VJP` |
| `x.grad` | `x.Grad()` | the returned node |
| `zero_grad()` | `ZeroGrad()` | nothing to clear |
| `x.detach()` | `Detach()` | `graph.StopGradient(x)` |
| `torch.no_grad()` | `eager.NoGrad` | do not ask for gradients |
| `retain_graph=True` | `eager.RetainGraph()` | graphs are not used up |
| `create_graph=True` | `eager.CreateGraph()` | gradients are nodes |
| `x.retain_grad()` | `RetainGrad()` | differentiate by the node |
| `register_hook` | `Hook` | the adjoint is a node; `graph.CustomVJP` to change it |
| `torch.func.vmap` | – | `Func.Vmap`, `compile.Batch` |
| `torch.autograd.functional.hessian` | – | `compile.Hessian` |
| `torch.compile` | done already | `compile.Function` |

**Try it:** write the training loop with `compile.Function(...).ValueAndGrad` and plain Go slices for `a` and `b`.

Next: [what the compiler does](05-what-the-compiler-does.ipynb).
*/
