package compile_test

import (
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/vm"
)

func init() {
	// Steps of which much is worth recording: fewer bytes than a state, as many, and more.
	loopCases["recurrent"] = func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		return recurrence(g, steps, func(h, x, w, u *graph.Node) *graph.Node {
			return graph.Tanh(graph.Add(graph.MatMul(h, w), graph.MatMul(x, u)))
		})
	}
	loopCases["reverse recurrent"] = func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		return recurrence(g, steps, func(h, x, w, u *graph.Node) *graph.Node {
			return graph.Sin(graph.MatMul(graph.Tanh(graph.MatMul(graph.Add(h, x), w)), u))
		}, graph.Reverse)
	}
	loopCases["gated"] = func(g *graph.Graph, steps int) (*graph.Node, []*graph.Node) {
		return recurrence(g, steps, func(h, x, w, u *graph.Node) *graph.Node {
			z := graph.Sigmoid(graph.Sub(graph.MatMul(h, u), graph.MatMul(x, w)))
			n := graph.Tanh(graph.Add(graph.MatMul(graph.Mul(graph.Sigmoid(graph.MatMul(h, w)), h), w), graph.MatMul(x, u)))
			return graph.Add(n, graph.Mul(z, graph.Sub(h, n)))
		})
	}
}

// recurrence is a loop with a counter among its carries, whose outcome has a value of each step too.
func recurrence(g *graph.Graph, steps int, step func(h, x, w, u *graph.Node) *graph.Node, opts ...graph.ScanOption) (*graph.Node, []*graph.Node) {
	w, u := g.Input("w", graph.Float64, 24, 24), g.Input("u", graph.Float64, 24, 24)
	h, x := g.Input("h", graph.Float64, 5, 24), g.Input("x", graph.Float64, steps, 5, 24)
	final, ys := graph.Scan(steps, []*graph.Node{g.Scalar(graph.Int64, 0), h}, []*graph.Node{x}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
		y := graph.Mul(step(c[1], e[0], w, u), graph.Add(g.Const(1), graph.Mul(g.Const(1e-3), graph.Cast(c[0], graph.Float64))))
		return []*graph.Node{graph.Add(c[0], graph.Like(c[0], 1)), y}, []*graph.Node{graph.Sum(y)}
	}, opts...)
	return graph.Add(graph.Sum(graph.Square(final[1])), graph.Sum(graph.Sin(ys[0]))), []*graph.Node{w, u, h, x}
}

// Mixed checkpoints change no bit.
func TestMixedCheckpointsChangeNoBit(t *testing.T) {
	sweeps, runs := 0, 0
	for _, name := range []string{"recurrent", "reverse recurrent", "gated", "scalars", "arrays"} {
		for _, steps := range []int{1, 2, 3, 10, 37} {
			_, want := runLoop(t, compile.Config{Disable: []string{"unroll", "loops"}}, name, steps)
			for _, c := range []compile.Checkpoints{{States: 1}, {States: 2}, {States: 7}, {States: 1000}, {Bytes: 20000}} {
				c.Mixed = true
				p, got := runLoop(t, compile.Config{Checkpoints: c, Disable: []string{"unroll", "loops"}, Verify: true}, name, steps, []vm.Option{vm.WithThreads(1 + runs%2)}...)
				if runs++; !slices.Equal(got, want) || len(got) == 0 {
					t.Errorf("%s, %d steps, %+v: other bits than with all states kept", name, steps, c)
				}
				for _, in := range p.Code().Instrs {
					if in.Op == vm.OpCall && in.Call.Sweep != nil && in.Call.Sweep.Schedule.Recorded > 0 {
						sweeps++
					}
				}
			}
		}
	}
	if runs < 120 || sweeps < 40 {
		t.Errorf("%d runs, %d mixed sweeps", runs, sweeps)
	}
}

// countedRuns is how often the kernel of counted has run.
var countedRuns atomic.Int64

// counted is a hyperbolic tangent whose derivative reads the value.
var counted = registered(graph.RegisterUser(graph.Op{
	Name: "user_counted", MinArity: 1, MaxArity: 1, Kernel: "user_counted",
	Infer: func(in []*graph.Node, _ graph.Attrs) (graph.Type, error) { return in[0].Type(), nil },
	VJP: func(n *graph.Node, ct []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(ct[0], graph.Sub(graph.Like(n, 1), graph.Square(n)))}
	},
}))

func init() {
	if err := vm.RegisterKernel(vm.Kernel{
		Name: "user_counted",
		Check: func(in, out []vm.Type, _ vm.Attrs) error {
			if len(in) != 1 || len(out) != 1 || in[0].DType != graph.Float64 || out[0].DType != graph.Float64 || !slices.Equal(in[0].Shape, out[0].Shape) {
				return errors.New("needs a float64 and a result like it")
			}
			return nil
		},
		Run: func(in, out []vm.Tensor, _ vm.Attrs) error {
			countedRuns.Add(1)
			for i, v := range in[0].F64 {
				out[0].F64[i] = math.Tanh(v)
			}
			return nil
		},
	}); err != nil {
		panic(err)
	}
}

// A step is run as often as Maddison's recurrence says (the numbers are those of TestMixed in internal/checkpoint, and of the Python package checkpoint_schedules), the reversal included; with states
// alone, as often as Revolve's, and once more in each reversal.
func TestMixedCheckpointsRunNoStepMore(t *testing.T) {
	pairs := 0
	for _, steps := range []int{1, 2, 3, 4, 7, 10, 30, 100, 333} {
		for _, units := range []int{1, 2, 3, 5, 20} {
			for _, mixed := range []bool{true, false} {
				g := graph.New()
				x := g.Input("x", graph.Float64, 50)
				final, _ := graph.Scan(steps, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
					return []*graph.Node{graph.Call(counted, c[0])}, nil
				})
				p, err := compile.Config{Checkpoints: compile.Checkpoints{States: units, Mixed: mixed}, Disable: []string{"loops"}}.Compile(grad(t, graph.Sum(final[0]), x)...)
				if err != nil {
					t.Fatal(err)
				}
				m := vm.NewMachine(p)
				m.Float64("x")[7] = 0.5
				countedRuns.Store(0)
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
				want := int64(checkpoint.ForwardsMixed(steps, units))
				if !mixed {
					want = int64(checkpoint.Forwards(steps, min(units, steps), 0)) + 1 + int64(steps) // the last step runs for its value
				}
				if got := countedRuns.Load(); got != want {
					t.Errorf("%d steps, %d units, mixed %v: %d steps are run, %d by the formula", steps, units, mixed, got, want)
				}
				pairs++
			}
		}
	}
	if pairs < 80 {
		t.Errorf("%d pairs", pairs)
	}
}

// Sweeps that read different values of a loop, none of them its states, have one schedule for it at the most. Derivatives of order 3 by reverse over forward over reverse have such sweeps.
func TestMixedCheckpointsOfSweepsOverOneLoop(t *testing.T) {
	for _, steps := range []int{1, 2, 3, 5} {
		g := graph.New()
		x := g.Input("x", graph.Float64)
		ys := graph.Map([]*graph.Node{graph.Reshape(x, 1)}, func(e []*graph.Node) []*graph.Node {
			final, _ := graph.Scan(steps, e, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) { return []*graph.Node{graph.Atan(c[0])}, nil })
			return final
		})
		second, err := compile.HVP(graph.Sum(ys[0]), []*graph.Node{x}, []*graph.Node{g.Const(1)})
		if err != nil {
			t.Fatal(err)
		}
		third := grad(t, second[0], x)
		var want []vm.Array
		for _, c := range []compile.Checkpoints{{}, {States: 1}, {States: 1, Mixed: true}, {States: 2, Mixed: true}, {States: 3, Mixed: true}, {Bytes: 64, Mixed: true}} {
			p, err := compile.Config{Checkpoints: c}.Compile(third[0], second[0])
			if err != nil {
				t.Errorf("%d steps, %+v: %v", steps, c, err)
				continue
			}
			out, err := vm.NewMachine(p).Call(0.3)
			switch {
			case err != nil:
				t.Errorf("%d steps, %+v: %v", steps, c, err)
			case want == nil:
				want = out
			case out[0].Item() != want[0].Item() || out[1].Item() != want[1].Item():
				t.Errorf("%d steps, %+v: %v, with all states kept %v", steps, c, out, want)
			}
		}
	}
}
