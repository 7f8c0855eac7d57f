package compile

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// TestMachinesInParallel runs machines at the same time, with every combination of processors, threads and machines, on loops that
// are cut into many items; the results have the bits of a machine that runs alone.
func TestMachinesInParallel(t *testing.T) {
	const n = 60000
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	y := graph.Exp(graph.Sin(x))
	rows := graph.ReduceMean(graph.Reshape(y, 600, 100), []int{1})
	p, err := Compile(y, graph.Sum(y), graph.Sum(rows))
	if err != nil {
		t.Fatal(err)
	}
	fill := func(m *vm.Machine) {
		for i, v := 0, m.Float64("x"); i < n; i++ {
			v[i] = math.Sin(float64(i))
		}
	}
	run := func(m *vm.Machine) ([]float64, error) {
		clear(m.OutputFloat64(0))
		if err := m.Step(); err != nil {
			return nil, err
		}
		return slices.Concat(m.OutputFloat64(0), m.OutputFloat64(1), m.OutputFloat64(2)), nil
	}
	alone := vm.NewMachine(p, vm.WithThreads(1))
	fill(alone)
	want, err := run(alone)
	if err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int32
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for processors := 1; processors <= 5; processors++ {
		runtime.GOMAXPROCS(processors)
		for threads := 1; threads <= 6; threads++ {
			for machines := 1; machines <= 5; machines++ {
				var all sync.WaitGroup
				for k := range machines {
					all.Go(func() {
						options := []vm.Option{vm.WithThreads(threads)}
						if k%2 == 1 {
							options = append(options, vm.WithoutNative())
						}
						m := vm.NewMachine(p, options...)
						fill(m)
						for range 4 {
							got, err := run(m)
							if err != nil {
								t.Errorf("%d processors, %d threads, %d machines: %v", processors, threads, machines, err)
								return
							}
							if i := firstDifference(got, want); i >= 0 {
								t.Errorf("%d processors, %d threads, %d machines: element %d is %v, want %v", processors, threads, machines, i, got[i], want[i])
								return
							}
							runs.Add(1)
						}
					})
				}
				all.Wait()
			}
		}
	}
	t.Logf("%d runs", runs.Load())
	if runs.Load() < 1800 {
		t.Errorf("only %d runs", runs.Load())
	}
}

// firstDifference returns the first element that differs in its bits, or −1.
func firstDifference(a, b []float64) int {
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return i
		}
	}
	return -1
}

// TestThreadsAgree has products and convolutions, with their gradients, on 1, 2, 3 and 8 threads.
func TestThreadsAgree(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	compared := 0
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		if testing.Short() && d == graph.Float64 {
			continue
		}
		g := graph.New()
		a, b := g.Input("a", d, 3, 130, 700), g.Input("b", d, 700, 260)
		long := g.Input("long", d, 4, 20000)
		x, w := g.Input("x", d, 2, 8, 30, 31), g.Input("w", d, 6, 8, 3, 3)
		wrt := []*graph.Node{a, b, long, x, w}
		cost := graph.Add(
			graph.Add(graph.Sum(graph.Tanh(graph.MatMul(a, b))), graph.Sum(graph.Square(graph.MatMul(graph.Transpose(b), graph.Transpose(a, 0, 2, 1))))),
			graph.Add(graph.Sum(graph.Sin(graph.MatMul(long, graph.Transpose(long)))), graph.Sum(graph.Square(graph.Conv(x, w, graph.Window{Padding: []int{1, 1, 1, 1}})))))
		grads, err := Gradient(cost, wrt...)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(append(grads, cost)...)
		if err != nil {
			t.Fatal(err)
		}
		var want [][]float64
		for _, threads := range []int{1, 2, 3, 8} {
			m := vm.NewMachine(p, vm.WithThreads(threads))
			for k, in := range wrt {
				fillSlot(m, d, in.Name(), func(i int) float64 { return math.Sin(float64(i*(k+3))) / 4 })
			}
			for range 3 {
				out, err := m.Run()
				if err != nil {
					t.Fatal(err)
				}
				var got [][]float64
				for _, o := range out {
					got = append(got, float64s(o.Data()))
				}
				if want == nil {
					want = got
				}
				for i := range want {
					if at := firstDifference(got[i], want[i]); at >= 0 {
						t.Fatalf("%v: %d threads: element %d of output %d is %v, with one thread %v", d, threads, at, i, got[i][at], want[i][at])
					}
					compared += len(want[i])
				}
			}
		}
	}
	if t.Logf("%d elements", compared); compared < 1e6 {
		t.Errorf("only %d elements", compared)
	}
}

func fillSlot(m *vm.Machine, d graph.DType, name string, f func(i int) float64) {
	if d == graph.Float64 {
		for i, v := 0, m.Float64(name); i < len(v); i++ {
			v[i] = f(i)
		}
		return
	}
	for i, v := 0, m.Float32(name); i < len(v); i++ {
		v[i] = float32(f(i))
	}
}

// float64s returns numbers as float64, which is exact.
func float64s(data any) []float64 {
	switch v := data.(type) {
	case []float64:
		return slices.Clone(v)
	case []float32:
		out := make([]float64, len(v))
		for i, x := range v {
			out[i] = float64(x)
		}
		return out
	case float64:
		return []float64{v}
	case float32:
		return []float64{float64(v)}
	}
	panic("no floats")
}
