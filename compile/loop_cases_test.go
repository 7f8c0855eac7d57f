package compile_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/internal/testkit"
	"github.com/adjoint-go/adjoint/vm"
)

type list = []*graph.Node

// knownLoops are loops and branches that other systems have got wrong, or may, each with the same function without loops. Inputs are x and w, scalars, xs of 5 elements, and
// an integer k and a bool b.
var knownLoops = []struct {
	name        string
	loop, plain func(in *loopInputs) *graph.Node
}{
	{"a value made before a loop is used after it", func(in *loopInputs) *graph.Node { // warp #1694
		before := graph.Square(in.x)
		final, _ := graph.While(10, list{graph.Like(in.k, 0), in.x}, func(c list) *graph.Node { return graph.Less(c[0], in.k) },
			func(c list) list { return list{graph.Add(c[0], graph.Like(c[0], 1)), graph.Mul(c[1], in.w)} })
		return graph.Mul(before, final[1])
	}, func(in *loopInputs) *graph.Node {
		y := in.x
		for range in.steps {
			y = graph.Mul(y, in.w)
		}
		return graph.Mul(graph.Square(in.x), y)
	}},
	{"a carry is also captured", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(3, list{in.x}, nil, func(c, _ list) (next, ys list) { return list{graph.Mul(graph.Sin(c[0]), in.x)}, nil })
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		y := in.x
		for range 3 {
			y = graph.Mul(graph.Sin(y), in.x)
		}
		return y
	}},
	{"a node is captured by two bodies in one another", func(in *loopInputs) *graph.Node {
		u := graph.Exp(in.w)
		final, _ := graph.Scan(2, list{in.x}, nil, func(c, _ list) (next, ys list) {
			inner, _ := graph.Scan(3, c, nil, func(d, _ list) (next, ys list) { return list{graph.Sin(graph.Mul(d[0], u))}, nil })
			return list{graph.Mul(inner[0], u)}, nil
		})
		return graph.Add(final[0], u)
	}, func(in *loopInputs) *graph.Node {
		u, y := graph.Exp(in.w), in.x
		for range 2 {
			for range 3 {
				y = graph.Sin(graph.Mul(y, u))
			}
			y = graph.Mul(y, u)
		}
		return graph.Add(y, u)
	}},
	{"no step", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(0, list{in.x}, nil, func(c, _ list) (next, ys list) { return list{graph.Mul(c[0], in.w)}, nil })
		return graph.Square(final[0])
	}, func(in *loopInputs) *graph.Node { return graph.Square(in.x) }},
	{"one step", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(1, list{in.x}, list{graph.Slice(in.xs, graph.Range{Start: 2, Limit: 3})}, func(c, e list) (next, ys list) {
			return list{graph.Mul(c[0], e[0])}, list{graph.Mul(e[0], in.w)}
		}, graph.Reverse)
		return graph.Mul(final[0], graph.ReduceSum(ys[0], nil))
	}, func(in *loopInputs) *graph.Node {
		e := graph.Index(in.xs, 2)
		return graph.Mul(graph.Mul(in.x, e), graph.Mul(e, in.w))
	}},
	{"a while loop without a step", func(in *loopInputs) *graph.Node {
		final, _ := graph.While(4, list{in.x}, func(c list) *graph.Node { return graph.Less(in.k, graph.Like(in.k, -5)) },
			func(c list) list { return list{graph.Log(graph.Mul(c[0], graph.Like(c[0], 0)))} })
		return graph.Square(final[0])
	}, func(in *loopInputs) *graph.Node { return graph.Square(in.x) }},
	{"elements from the last to the first", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(5, list{in.x}, list{in.xs}, func(c, e list) (next, ys list) {
			y := graph.Tanh(graph.Add(graph.Mul(c[0], in.w), graph.Square(e[0])))
			return list{y}, list{graph.Mul(y, e[0])}
		}, graph.Reverse)
		weights := graph.Constant(in.x.Graph(), []float64{1, 2, 3, 4, 5}, 5)
		return graph.Add(final[0], graph.ReduceSum(graph.Mul(ys[0], weights), nil))
	}, func(in *loopInputs) *graph.Node {
		y := in.x
		var sum *graph.Node
		for t := 4; t >= 0; t-- {
			e := graph.Index(in.xs, t)
			y = graph.Tanh(graph.Add(graph.Mul(y, in.w), graph.Square(e)))
			term := graph.Mul(graph.Like(y, float64(t+1)), graph.Mul(y, e))
			if sum == nil {
				sum = term
			} else {
				sum = graph.Add(sum, term)
			}
		}
		return graph.Add(y, sum)
	}},
	{"integers and truth values beside floats", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(4, list{in.b, in.x, in.k}, nil, func(c, _ list) (next, ys list) {
			y := graph.Where(c[0], graph.Mul(c[1], in.w), graph.Add(c[1], graph.Cast(c[2], graph.Float64)))
			return list{graph.LogicalNot(c[0]), y, graph.Add(c[2], graph.Like(c[2], 1))}, nil
		})
		return graph.Mul(final[1], graph.Cast(final[2], graph.Float64))
	}, func(in *loopInputs) *graph.Node {
		y := in.x
		for i := range 4 {
			if i%2 == 0 { // b is true
				y = graph.Mul(y, in.w)
			} else {
				y = graph.Add(y, graph.Like(y, float64(in.steps+i)))
			}
		}
		return graph.Mul(y, graph.Like(y, float64(in.steps+4)))
	}},
	{"nobody uses a loop", func(in *loopInputs) *graph.Node {
		graph.Scan(1000, list{in.x}, nil, func(c, _ list) (next, ys list) { return list{graph.Exp(c[0])}, list{c[0]} })
		final, _ := graph.Scan(3, list{in.x, in.w}, nil, func(c, _ list) (next, ys list) {
			unused, _ := graph.Scan(7, c, nil, func(d, _ list) (next, ys list) { return list{graph.Exp(d[0]), d[1]}, nil })
			_ = unused
			return list{graph.Sin(c[0]), graph.Exp(graph.Exp(c[1]))}, nil // the second one has no reader
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node { return graph.Sin(graph.Sin(graph.Sin(in.x))) }},
	{"a loop in a branch in a loop", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(4, list{in.x, in.k}, nil, func(c, _ list) (next, ys list) {
			odd := graph.Equal(graph.Sub(c[1], graph.Mul(graph.Like(c[1], 2), graph.Div(c[1], graph.Like(c[1], 2)))), graph.Like(c[1], 1))
			y := graph.Cond(odd, list{c[0]}, func(a list) list {
				inner, _ := graph.While(9, list{graph.Like(in.k, 0), a[0]}, func(d list) *graph.Node { return graph.Less(d[0], c[1]) },
					func(d list) list {
						return list{graph.Add(d[0], graph.Like(d[0], 1)), graph.Sin(graph.Mul(d[1], in.w))}
					})
				return inner[1:]
			}, func(a list) list { return list{graph.Mul(a[0], graph.Exp(in.w))} })
			return list{y[0], graph.Add(c[1], graph.Like(c[1], 1))}, nil
		})
		return final[0]
	}, func(in *loopInputs) *graph.Node {
		y := in.x
		for i := range 4 {
			if k := in.steps + i; k%2 == 1 {
				for range k {
					y = graph.Sin(graph.Mul(y, in.w))
				}
			} else {
				y = graph.Mul(y, graph.Exp(in.w))
			}
		}
		return y
	}},
	{"carries change places", func(in *loopInputs) *graph.Node {
		final, _ := graph.Scan(7, list{in.x, in.w, in.x}, nil, func(c, _ list) (next, ys list) { return list{c[1], c[2], graph.Sin(c[0])}, nil })
		return graph.Add(final[0], graph.Mul(final[1], final[2]))
	}, func(in *loopInputs) *graph.Node {
		a, b, c := in.x, in.w, in.x
		for range 7 {
			a, b, c = b, c, graph.Sin(a)
		}
		return graph.Add(a, graph.Mul(b, c))
	}},
	{"one value is two carries, two results and an argument twice", func(in *loopInputs) *graph.Node {
		final, ys := graph.Scan(2, list{in.x, in.x}, nil, func(c, _ list) (next, ys list) {
			y := graph.Mul(c[0], graph.Sin(c[1]))
			out := graph.Checkpoint(list{y, y}, func(a list) list { p := graph.Mul(a[0], a[1]); return list{p, p} })
			return out, list{y, y}
		})
		return graph.Add(graph.Add(final[0], final[1]), graph.ReduceSum(graph.Mul(ys[0], ys[1]), nil))
	}, func(in *loopInputs) *graph.Node {
		c, d := in.x, in.x
		var sum *graph.Node
		for range 2 {
			y := graph.Mul(c, graph.Sin(d))
			c, d = graph.Square(y), graph.Square(y)
			if sum == nil {
				sum = graph.Square(y)
			} else {
				sum = graph.Add(sum, graph.Square(y))
			}
		}
		return graph.Add(graph.Add(c, d), sum)
	}},
	{"the results of a body are its parameters and what is outside", func(in *loopInputs) *graph.Node {
		u := graph.Sin(in.w)
		final, ys := graph.Scan(3, list{in.x}, list{graph.Slice(in.xs, graph.Range{Limit: 3})}, func(c, e list) (next, ys list) { return e, list{c[0], u, e[0]} })
		sum := graph.Add(graph.ReduceSum(graph.Square(ys[0]), nil), graph.ReduceSum(graph.Mul(ys[1], ys[2]), nil))
		return graph.Mul(sum, graph.Mul(final[0], graph.Cond(in.b, nil, func(list) list { return list{u} }, func(list) list { return list{in.x} })[0]))
	}, func(in *loopInputs) *graph.Node {
		u := graph.Sin(in.w)
		e := list{graph.Index(in.xs, 0), graph.Index(in.xs, 1), graph.Index(in.xs, 2)}
		sum := graph.Add(graph.Square(in.x), graph.Add(graph.Square(e[0]), graph.Square(e[1])))
		sum = graph.Add(sum, graph.Mul(u, graph.Add(e[0], graph.Add(e[1], e[2]))))
		return graph.Mul(sum, graph.Mul(e[2], u))
	}},
}

type loopInputs struct {
	x, w, xs, k, b *graph.Node
	steps          int // the value of k
}

func TestLoopCases(t *testing.T) {
	for _, c := range knownLoops {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			g := graph.New()
			in := &loopInputs{x: g.Input("x", graph.Float64), w: g.Input("w", graph.Float64), xs: g.Input("xs", graph.Float64, 5),
				k: g.Input("k", graph.Int64), b: g.Input("b", graph.Bool), steps: 3}
			at := testkit.Point{in.x: ref.Of(in.x.Type(), 0.75), in.w: ref.Of(in.w.Type(), 0.875), in.xs: ref.Of(in.xs.Type(), 0.5, -0.25, 1.25, 0.75, -1.5),
				in.k: {Type: in.k.Type(), I: []int64{3}}, in.b: {Type: in.b.Type(), B: []bool{true}}}
			wrt := list{in.x, in.w, in.xs}
			var direction list
			for i, x := range wrt {
				direction = append(direction, graph.Constant(g, testkit.Spread(x.Type(), -1, 1, i).F, x.Shape()...))
			}
			// Value, gradient, and Hessian times the direction in four ways.
			values := func(y *graph.Node) list {
				must := func(l list, err error) list {
					if err != nil {
						t.Fatal(err)
					}
					return l
				}
				grad := must(compile.Gradient(y, wrt...))
				dot := must(compile.JVP(list{y}, wrt, direction))
				pair := graph.Like(y, 0)
				for i := range wrt {
					pair = graph.Add(pair, graph.ReduceSum(graph.Mul(grad[i], direction[i]), nil))
				}
				out := append(append(list{y}, grad...), dot[0])
				out = append(out, must(compile.JVP(grad, wrt, direction))...)
				out = append(out, must(compile.Gradient(pair, wrt...))...)
				out = append(out, must(compile.Gradient(dot[0], wrt...))...)
				return append(out, must(compile.JVP(dot, wrt, direction))...)
			}
			loop, plain := values(c.loop(in)), values(c.plain(in))
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			want := refEval(t, at, plain...)
			for _, config := range []compile.Config{{}, {Unoptimized: true}, {FastMath: true}, {Checkpoints: compile.Checkpoints{States: 1}}, {Checkpoints: compile.Checkpoints{States: 2, Mixed: true}}} {
				p, err := testkit.Compile(config, loop...)
				if err != nil {
					t.Fatal(err)
				}
				first := uint64(0)
				for name, options := range fuzzOptions() {
					got, err := testkit.Run(vm.NewMachine(p, options...), at)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					for i := range want {
						if err := testkit.CloseTo(got[i], want[i], 1e-12, 1e-14); err != nil {
							t.Errorf("%+v, %s: output %d of %d: %v", config, name, i, len(want), err)
						}
					}
					if d := digest(got); first == 0 {
						first = d
					} else if d != first {
						t.Errorf("%+v, %s: other bits", config, name)
					}
				}
			}
		})
	}
}

// A run that fails in the body of loops names the node, by the user's line, and the step of each loop.
func TestFailureInALoopNamesTheStep(t *testing.T) {
	g := graph.New()
	xs := g.Input("xs", graph.Int64, 3, 4)
	limit := g.Input("limit", graph.Int64)
	hundred := g.Scalar(graph.Int64, 100)
	sums, _ := graph.Scan(3, list{graph.Like(limit, 0)}, list{xs}, func(c, e list) (next, ys list) {
		inner, _ := graph.Scan(4, c, e, func(d, f list) (next, ys list) {
			return list{graph.Add(d[0], graph.Div(hundred, f[0]))}, nil // the line that fails
		}, graph.Reverse)
		return inner, nil
	})
	counted, steps := graph.While(6, list{graph.Like(limit, 0)}, func(c list) *graph.Node { return graph.Less(c[0], limit) },
		func(c list) list { return list{graph.Add(c[0], graph.Like(c[0], 1))} })
	p, err := testkit.Compile(compile.Config{}, sums[0], counted[0], steps)
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range fuzzOptions() {
		m := vm.NewMachine(p, options...)
		for i := range m.Int64("xs") {
			m.Int64("xs")[i] = 10
		}
		m.Int64("limit")[0] = 6
		if err := m.Step(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m.Int64("xs")[2*4+1] = 0
		err := m.Step()
		var at *vm.RuntimeError
		if !errors.Is(err, vm.ErrDivideByZero) || !errors.As(err, &at) || fmt.Sprint(at.Steps) != "[2 1]" ||
			!strings.Contains(err.Error(), "loop_cases_test.go:") || !strings.Contains(err.Error(), "step 2, 1") {
			t.Errorf("%s: %v", name, err)
		}
		m.Int64("xs")[2*4+1] = 10
		m.Int64("limit")[0] = 7
		if err = m.Step(); !errors.Is(err, vm.ErrStepLimit) || !strings.Contains(err.Error(), "loop_cases_test.go:") || !strings.Contains(err.Error(), "6") {
			t.Errorf("%s: beyond the limit: %v", name, err)
		}
		m.Int64("limit")[0] = -1
		if err := m.Step(); err != nil {
			t.Errorf("%s: after the failures: %v", name, err)
		}
	}
}

// The lanes of a batch do different numbers of steps, in derivatives too; one that needs more than the limit is an error.
func TestBatchOfAWhileLoop(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
	// x·wⁿ, the first that is not below 10.
	final, steps := graph.While(50, list{x}, func(c list) *graph.Node { return graph.Less(c[0], g.Const(10)) }, func(c list) list { return list{graph.Mul(c[0], w)} })
	d, err := compile.Gradient(final[0], x, w)
	if err != nil {
		t.Fatal(err)
	}
	xs := g.Input("lanes", graph.Float64, 4)
	batched, err := compile.Batch(append(list{final[0], graph.Cast(steps, graph.Float64)}, d...), list{x}, list{xs})
	if err != nil {
		t.Fatal(err)
	}
	total, err := compile.Gradient(graph.ReduceSum(batched[0], nil), xs, w)
	if err != nil {
		t.Fatal(err)
	}
	at := testkit.Point{x: ref.Of(x.Type(), 1), w: ref.Of(w.Type(), 2), xs: ref.Of(xs.Type(), 0.5, 11, 3, 9)}
	got, err := testkit.CompileAndRun(compile.Config{}, at, append(batched, total...)...)
	if err != nil {
		t.Fatal(err)
	}
	// n = 5, 0, 2, 1 steps: x·2ⁿ, 2ⁿ and n·x·2ⁿ⁻¹.
	for i, want := range [][]float64{{16, 11, 12, 18}, {5, 0, 2, 1}, {32, 1, 4, 2}, {40, 0, 12, 9}, {32, 1, 4, 2}, {61}} {
		for k, w := range want {
			if got[i].F[k] != w {
				t.Errorf("output %d is %v, want %v", i, got[i].F, want)
				break
			}
		}
	}
	at[xs] = ref.Of(xs.Type(), 0.5, -1, 3, 9)
	if _, err := testkit.CompileAndRun(compile.Config{}, at, batched...); !errors.Is(err, vm.ErrStepLimit) {
		t.Errorf("a lane that never ends: %v", err)
	}
}

// Branches without operands, which hold nothing but constants, are chosen by each element of a batch.
func TestBatchOfBranchesOfConstants(t *testing.T) {
	g := graph.New()
	x, k := g.Input("x", graph.Float64), g.Input("k", graph.Int64)
	number := func(v float64) func([]*graph.Node) []*graph.Node {
		return func([]*graph.Node) []*graph.Node { return []*graph.Node{g.Const(v), g.Const(-v)} }
	}
	c := graph.Cond(x.Less(0), nil, number(1), number(2))
	s := graph.Switch(k, nil, number(3), number(4), number(5))
	y := graph.Add(graph.Add(c[0], c[1].Mul(0.125)), graph.Mul(x, s[0]))
	xs, ks := g.Input("xs", graph.Float64, 4), g.Input("ks", graph.Int64, 4)
	b, err := compile.Batch(append(grad(t, y, x), y), []*graph.Node{x, k}, []*graph.Node{xs, ks})
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(b...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := vm.NewMachine(p).Call(map[string]any{"xs": []float64{-1, 1, -2, 2}, "ks": []int64{-1, 1, 2, 9}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(out[0], out[1]), "[3 4 5 5] [-2.125 5.75 -9.125 11.75]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A loop may have more steps than anybody will run: whatever does not need an array of all of them does not count them.
func TestLoopOfTheLargestLength(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	f, _ := graph.Scan(math.MaxInt, list{x}, nil, func(c, _ list) (next, ys list) { return list{graph.Sin(c[0])}, nil })
	d, err := compile.JVP(f, list{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Taylor(2, f, list{x}, [][]*graph.Node{{x}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := compile.Batch(f, list{x}, list{graph.Stack(0, x, x)})
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := compile.JacobianPattern(f[0], x)
	if err != nil || pattern.NonZeros() != 1 {
		t.Errorf("%d entries, %v", pattern.NonZeros(), err)
	}
	p, err := testkit.Compile(compile.Config{}, f[0], d[0], c[1][0], b[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := vm.NewMachine(p, vm.WithWorkLimit(1000000)).Step(); !errors.Is(err, vm.ErrWorkLimit) {
		t.Errorf("%v", err)
	}
	// The reverse sweep keeps the states of all steps.
	var at *graph.Error
	if _, err := compile.Gradient(f[0], x); !errors.As(err, &at) || !strings.Contains(err.Error(), "elements") || !strings.Contains(at.Pos.File, "loop_cases_test.go") {
		t.Errorf("%v", err)
	}
}
