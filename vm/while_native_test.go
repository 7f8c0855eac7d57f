package vm_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// whileProgram iterates until x falls below a tolerance: scalars of several dtypes as carries, one that the body swaps, one that it does not read, and one that the condition alone reads;
// its gradient reads all states.
func whileProgram(t testing.TB, limit int, gradient bool) *vm.Program {
	t.Helper()
	g := graph.New()
	x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
	final, steps := graph.While(limit, []*graph.Node{x, w, g.Scalar(graph.Int64, 0), g.Scalar(graph.Float32, 1), g.Const(0), g.Const(1)},
		func(c []*graph.Node) *graph.Node {
			return graph.LogicalAnd(graph.Greater(graph.Add(c[0], c[1]), graph.Like(c[0], 1e-3)), graph.Less(c[5], graph.Like(c[5], 1e9)))
		},
		func(c []*graph.Node) []*graph.Node {
			return []*graph.Node{c[1], graph.Mul(c[0], graph.Exp(graph.Mul(g.Const(-0.05), graph.Cos(c[1])))), graph.Add(c[2], graph.Like(c[2], 3)),
				graph.Mul(c[3], graph.Like(c[3], 1.01)), graph.Sin(c[0]), graph.Add(graph.Mul(c[0], c[1]), w)}
		})
	out := []*graph.Node{final[0], final[1], graph.Cast(final[2], graph.Float64), graph.Cast(final[3], graph.Float64), final[4], final[5], graph.Cast(steps, graph.Float64)}
	if gradient {
		d, err := compile.Gradient(graph.Add(graph.Mul(final[0], final[4]), final[5]), x, w)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d...)
	}
	p, err := compile.Compile(out...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A while loop over scalars gives the same bits step by step and as machine code, for any number of steps.
func TestWhileAsMachineCode(t *testing.T) {
	for _, gradient := range []bool{false, true} {
		p := whileProgram(t, 5000, gradient)
		seen := map[int]bool{}
		for _, x := range []float64{-1, 1e-4, 1.1e-3, 2e-3, 0.01, 0.1, 0.5, 1, 1.4, 2} {
			var want []uint64
			for _, opts := range [][]vm.Option{{vm.WithoutNative()}, {vm.WithNativeAhead()}, {}} {
				m := vm.NewMachine(p, opts...)
				for range 3 {
					m.Float64("x")[0], m.Float64("w")[0] = x, x/2
					if err := m.Step(); err != nil {
						t.Fatal(err)
					}
					var got []uint64
					for i := range p.Outputs() {
						got = append(got, math.Float64bits(m.OutputFloat64(i)[0]))
					}
					if want == nil {
						want = got
						seen[int(m.OutputFloat64(6)[0])] = true
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("x = %v: %x, step by step %x", x, got, want)
					}
				}
			}
		}
		if len(seen) < 6 || !seen[0] {
			t.Errorf("numbers of steps: %v", seen)
		}
	}
}

// The limit and cancellation hold in machine code, and the listing shows the loop.
func TestWhileAsMachineCodeEnds(t *testing.T) {
	for _, opts := range [][]vm.Option{{vm.WithoutNative()}, {vm.WithNativeAhead()}, {}} {
		p := whileProgram(t, 70, false)
		m := vm.NewMachine(p, opts...)
		m.Float64("x")[0], m.Float64("w")[0] = 1, 1
		if err := m.Step(); !errors.Is(err, vm.ErrStepLimit) {
			t.Errorf("the error is %v", err)
		}
		m = vm.NewMachine(whileProgram(t, math.MaxInt32, false), opts...)
		ctx, cancel := context.WithCancel(context.Background())
		m.Float64("x")[0], m.Float64("w")[0] = math.Pi/2, math.Pi/2 // 1 − cos(π/2)/20 is 1: no progress
		go cancel()
		if err := m.StepContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	}
}

func BenchmarkWhileScalars(b *testing.B) {
	p := whileProgram(b, 5000, false)
	for _, native := range []bool{false, true} {
		m := vm.NewMachine(p, vm.WithoutNative())
		if native {
			m = vm.NewMachine(p, vm.WithNativeAhead())
		}
		b.Run(fmt.Sprint("native=", native), func(b *testing.B) {
			steps := 0.0
			for b.Loop() {
				m.Float64("x")[0], m.Float64("w")[0] = 1, 1
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
				steps += m.OutputFloat64(6)[0]
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/steps, "ns/step")
		})
	}
}
