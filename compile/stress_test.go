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
