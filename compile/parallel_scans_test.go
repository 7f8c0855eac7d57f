package compile_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// parallel is a scan without carries that has as much to do as several goroutines are worth: of rows of x, each with its divisor.
func parallel(t *testing.T, opts ...graph.ScanOption) *vm.Program {
	t.Helper()
	const steps, n = 37, 3000
	g := graph.New()
	x, w, d := g.Input("x", graph.Float64, steps, n), g.Input("w", graph.Float64, n), g.Input("d", graph.Int64, steps)
	_, ys := graph.Scan(steps, nil, []*graph.Node{x, d}, func(_, xs []*graph.Node) (_, ys []*graph.Node) {
		y := graph.Mul(graph.Sin(xs[0]), w)
		s := graph.Sum(y)
		return nil, []*graph.Node{graph.Div(y, s), s, graph.Div(graph.Like(xs[1], 100), xs[1]), graph.Log(graph.Square(s))}
	}, opts...)
	p, err := compile.Config{Verify: true}.Compile(append(ys, graph.Sum(ys[0]))...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fillParallel(m *vm.Machine) {
	for i := range m.Float64("x") {
		m.Float64("x")[i] = math.Sin(float64(i)) + .5
	}
	for i := range m.Float64("w") {
		m.Float64("w")[i] = 1 + math.Cos(float64(i))
	}
	for i := range m.Int64("d") {
		m.Int64("d")[i] = int64(i + 1)
	}
}

// Steps that do not depend on one another give the same bits however many goroutines share them, in both directions, run after run, watched and timed; what fails first is
// what one goroutine meets first; memory is what was said.
func TestParallelScans(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(5))
	for name, opts := range map[string][]graph.ScanOption{"forward": nil, "reverse": {graph.Reverse}} {
		t.Run(name, func(t *testing.T) {
			p := parallel(t, opts...)
			results := func(m *vm.Machine) (all []float64) {
				for _, i := range []int{0, 1, 3, 4} {
					all = append(all, slices.Clone(m.OutputFloat64(i))...)
				}
				view, err := m.OutputView(2)
				if err != nil {
					t.Fatal(err)
				}
				return append(all, view.Float64s()...)
			}
			var want []float64
			for _, threads := range []int{1, 2, 3, 5} {
				for mode, opts := range map[string][]vm.Option{"": nil, "native": {vm.WithNativeAhead()}, "portable": {vm.WithoutNative()}, "watched": {vm.WithNaNWatch()}} {
					opts := append(opts, vm.WithThreads(threads))
					m := vm.NewMachine(p, opts...)
					fillParallel(m)
					for range 8 { // in some of which machine code takes over
						if err := m.Step(); err != nil {
							t.Fatal(err)
						}
					}
					if want == nil {
						want = results(m)
					}
					if got := results(m); !slices.Equal(got, want) {
						t.Fatalf("%d threads, %s: other results", threads, mode)
					}
					const own = 940_000 // for x, whose view was asked for
					if said := p.MemoryBytes(opts...); m.MemoryBytes() > said+own {
						t.Errorf("%d threads, %s: %d bytes, more than %d", threads, mode, m.MemoryBytes(), said)
					}
					if mode == "" {
						profile, err := m.Profile(context.Background(), 2)
						if err != nil {
							t.Fatal(err)
						}
						if rows := profile.Rows; rows[len(rows)-1].Block < 0 || rows[len(rows)-1].Count != 37 {
							t.Errorf("%d threads: the profile ends with %+v", threads, rows[len(rows)-1])
						}
						ctx, cancel := context.WithCancel(context.Background())
						cancel()
						if err := m.StepContext(ctx); !errors.Is(err, context.Canceled) {
							t.Errorf("%d threads: a cancelled run returns %v", threads, err)
						}
						if err := m.Step(); err != nil || !slices.Equal(results(m), want) {
							t.Errorf("%d threads: other results after a run that was cancelled, error %v", threads, err)
						}
					}
					// Of several failures that of the first step counts.
					first := "step 11"
					m.Int64("d")[11], m.Int64("d")[30] = 0, 0
					if name == "reverse" {
						first = "step 30"
					}
					err := m.Step()
					if !errors.Is(err, vm.ErrDivideByZero) || !strings.Contains(err.Error(), first+":") {
						t.Fatalf("%d threads, %s: %v, want %s", threads, mode, err, first)
					}
				}
			}
			if one, two := p.MemoryBytes(vm.WithThreads(1)), p.MemoryBytes(vm.WithThreads(2)); two < one+2*3000*8 {
				t.Errorf("%d bytes with two threads, %d with one: the steps are not shared", two, one)
			}
		})
	}
}
