package tutorial

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

/*
# 7. Loops and checkpointing

A simulation is a loop: the same step, thousands of times. In a graph you could write all steps one after the other, and for a few that is fine. For many, a **loop operator** keeps the graph as small as its step. This tutorial
builds loops, differentiates them, looks at what the reverse sweep has to keep, and makes that less.
*/

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func nodes(list ...*graph.Node) []*graph.Node { return list }

/*
## Scan: a given number of steps

`graph.Scan` calls your function **once**, to learn what a step is. The function gets the *carries* (what one step hands to the next) and returns the next ones, and whatever it wants to have stacked for all steps.

Logistic growth by Euler's method: $x \leftarrow x + \Delta t\, r\, x (1 - x)$, with 1000 steps. The rate $r$ comes from outside of the loop.
*/

func growth() (final, path, x0, r *graph.Node) {
	g := graph.New()
	x0, r = g.Input("x0", graph.Float64), g.Input("r", graph.Float64)
	end, all := graph.Scan(1000, nodes(x0), nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
		x := carry[0]
		x = x.Add(r.Mul(x).Mul(graph.Sub(g.Const(1), x)).Mul(0.01))
		return nodes(x), nodes(x)
	})
	return end[0].Named("final"), all[0], x0, r
}

func Example_scan() {
	final, path, x0, r := growth()
	d := must(compile.Gradient(final, x0, r))
	m := vm.NewMachine(must(compile.Compile(final, d[0], d[1], path)))
	out := must(m.Call(0.01, 0.6))
	fmt.Println("nodes, gradient included:", final.Graph().Len())
	fmt.Printf("x(10) = %.6f, by x0 %.6f, by r %.6f\n", out[0].Item(), out[1].Item(), out[2].Item())
	var time []float64
	for i := range out[3].Float64s() {
		time = append(time, float64(i+1)*0.01)
	}
	show.Axes{Title: "Logistic growth", X: "t", Y: "x"}.Chart(show.Series{X: time, Y: out[3].Float64s()})
	// Output:
	// nodes, gradient included: 12
	// x(10) = 0.801637, by x0 16.138548, by r 1.590828
}

/*
The graph of a thousand steps has no more nodes than that of ten. A loop is drawn as a box with its step inside, here without the gradient:
*/

func Example_drawn() {
	final, _, _, _ := growth()
	show.Graph(nodes(final))
	fmt.Println("drawn")
	// Output:
	// drawn
}

/*
## While: until it is right

`graph.While` goes on as long as a condition holds, at most as many steps as you allow. Heron's method for $\sqrt a$ goes on until the square is right. Its derivative goes through the steps that were done, and gives $1/(2\sqrt a)$:
*/

func Example_while() {
	g := graph.New()
	a := g.Input("a", graph.Float64)
	final, count := graph.While(100, nodes(a),
		func(y []*graph.Node) *graph.Node { return graph.Abs(y[0].Mul(y[0]).Sub(a)).Greater(1e-9) },
		func(y []*graph.Node) []*graph.Node { return nodes(y[0].Add(a.Div(y[0])).Mul(0.5)) })
	d := must(compile.Gradient(final[0], a))
	m := vm.NewMachine(must(compile.Compile(final[0], count, d[0])))
	for _, v := range []float64{2, 16, 1e6} {
		out := must(m.Call(v))
		fmt.Printf("a = %-8v root %.6f after %v steps, derivative %.8f\n", v, out[0].Item(), out[1], out[2].Item())
	}
	// Output:
	// a = 2        root 1.414214 after 4 steps, derivative 0.35355339
	// a = 16       root 4.000000 after 6 steps, derivative 0.12500000
	// a = 1e+06    root 1000.000000 after 15 steps, derivative 0.00050000
}

/*
## What reverse mode keeps

The reverse sweep over a loop runs the steps from the last to the first, and each needs the state that the step began with. So all states are kept: memory grows with the number of steps. For a number that is nothing. For a field it is the problem of all large simulations.

Take heat that spreads on a ring of 1000 points, for 2000 steps, and ask for the derivative of the last state's roughness by the first state: $2000 \times 1000$ numbers of 8 bytes are 16 MB.
*/

const points, steps = 1000, 2000

func heat() (cost, u0 *graph.Node) {
	g := graph.New()
	u0 = g.Input("u0", graph.Float64, points)
	end, _ := graph.Scan(steps, nodes(u0), nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
		u := carry[0]
		left, right := graph.Roll(u, 1, 0), graph.Roll(u, -1, 0)
		rate := graph.Square(u).Add(1).Mul(0.1) // warmer places conduct better: the step is not linear
		return nodes(u.Add(rate.Mul(left.Add(right).Sub(u.Mul(2))))), nil
	})
	return graph.Sum(graph.Square(end[0])), u0
}

func program(c compile.Checkpoints) *vm.Program {
	cost, u0 := heat()
	d := must(compile.Gradient(cost, u0))
	return must(compile.Config{Checkpoints: c}.Compile(cost, d[0]))
}

func Example_stored() {
	p := program(compile.Checkpoints{})
	fmt.Printf("arena %.1f MB\n", float64(p.ArenaBytes())/1e6)
	// Output:
	// arena 16.0 MB
}

/*
## Checkpoints

Instead of keeping everything, keep a few states, and compute the others **again** when they are needed. `Checkpoints{States: s}` keeps $s$ at once. Which ones is a question with a known best answer
(Griewank and Walther's *Revolve*, 2000): the states lie closer together towards the end, and places that become free are used again. With $s$ states and every step run at most $t$ times more, $\binom{s+t}{s}$ steps can be reversed, which
grows very fast: with 20 states and $t = 3$ it is 1771.
*/

func Example_checkpoints() {
	all := program(compile.Checkpoints{})
	fmt.Println("states  arena MB  work, relative")
	for _, s := range []int{2, 5, 10, 20, 50, 200} {
		p := program(compile.Checkpoints{States: s})
		fmt.Printf("%6d %9.2f %9.2f\n", s, float64(p.ArenaBytes())/1e6, p.Work()/all.Work())
	}
	fmt.Printf("   all %9.2f %9.2f\n", float64(all.ArenaBytes())/1e6, 1.0)
	// Output:
	// states  arena MB  work, relative
	//      2      0.06     13.36
	//      5      0.08      3.00
	//     10      0.12      2.02
	//     20      0.20      1.61
	//     50      0.44      1.40
	//    200      1.64      1.28
	//    all     16.03      1.00
}

/*
The gradient is **the same to the last bit**, whatever is kept:
*/

func Example_sameBits() {
	u := make([]float64, points)
	for i := range u {
		u[i] = math.Sin(2*math.Pi*float64(i)/points) + 0.1*float64(i%7)
	}
	run := func(c compile.Checkpoints) []float64 {
		return must(vm.NewMachine(program(c)).Call(u))[1].Float64s()
	}
	stored := run(compile.Checkpoints{})
	for _, c := range []compile.Checkpoints{{States: 10}, {Every: 45}, {Bytes: 400_000}, {States: 10, Mixed: true}} {
		fmt.Printf("%+v: equal %v\n", c, slices.Equal(run(c), stored))
	}
	// Output:
	// {States:10 Bytes:0 Every:0 Mixed:false}: equal true
	// {States:0 Bytes:0 Every:45 Mixed:false}: equal true
	// {States:0 Bytes:400000 Every:0 Mixed:false}: equal true
	// {States:10 Bytes:0 Every:0 Mixed:true}: equal true
}

/*
| field | what it says |
|---|---|
| `States` | so many states at once; the fewest steps are run again |
| `Bytes` | as many states as this memory holds |
| `Every` | the state at each so many steps, and all states between two of these while they are reversed: every step is run at most once more, and with $\sqrt{n}$ memory is $2\sqrt{n}$ |
| `Mixed` | some of the places hold what the reversal of a step reads, so that it need not be computed again |

## Checkpoints without a loop

`graph.Checkpoint` marks a part of any graph: nothing inside it is kept for the reverse sweep. Deep networks are trained this way, block by block. It is the same trade, which you place by hand:
*/

func deep(checkpointed bool) *vm.Program {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 64, 64), g.Input("w", graph.Float64, 64, 64)
	block := func(args []*graph.Node) []*graph.Node {
		h := args[0]
		for range 4 {
			h = graph.Tanh(graph.MatMul(h, args[1]))
		}
		return nodes(h)
	}
	h := x
	for range 6 {
		if checkpointed {
			h = graph.Checkpoint(nodes(h, w), block)[0]
		} else {
			h = block(nodes(h, w))[0]
		}
	}
	cost := graph.Sum(h)
	d := must(compile.Gradient(cost, w))
	return must(compile.Compile(cost, d[0]))
}

func Example_blocks() {
	kept, again := deep(false), deep(true)
	fmt.Printf("kept:  arena %.2f MB\n", float64(kept.ArenaBytes())/1e6)
	fmt.Printf("again: arena %.2f MB, work %.2f times\n", float64(again.ArenaBytes())/1e6, again.Work()/kept.Work())
	// Output:
	// kept:  arena 1.57 MB
	// again: arena 0.52 MB, work 1.33 times
}

/*
## What to remember

- A loop in a graph is one node, whatever its number of steps; it has derivatives of every order.
- The reverse sweep needs the states of the forward one. Keep them (memory), or compute them again (work); the result has the same bits.
- A handful of checkpoints reverses thousands of steps at two or three times the work.
- Where a loop only *finds* a solution (of an equation, a minimum), do not differentiate its steps: package `compile/implicit` differentiates what is solved.

**Try it:** how many states keep the work below twice that of storing everything?

Next: [an inverse problem](08-an-inverse-problem.ipynb), in which all of this is used.
*/
