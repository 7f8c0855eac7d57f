package work

import (
	"runtime"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/dag"
	"github.com/adjoint-go/adjoint/vm"
)

// BenchmarkBuild times what comes before the first run of graphs of many scalars: building, the gradient, compilation
// and machine code, and gives the memory that is allocated for each node of the graph with its gradient, and that of graph and machine in the
// end. The graph dag446000 has 1e6 nodes before its gradient.
func BenchmarkBuild(b *testing.B) {
	for _, w := range []struct {
		name  string
		build func() (x, y *graph.Node)
	}{
		{"rosenbrock100000", func() (x, y *graph.Node) { return rosenbrockGraph(graph.New(), 100_000) }},
		{"dag20000", func() (x, y *graph.Node) { return dagGraph(graph.New(), dag.Random(20_000)) }},
		{"dag446000", func() (x, y *graph.Node) { return dagGraph(graph.New(), dag.Random(446_000)) }},
		{"dag1000000", func() (x, y *graph.Node) { return dagGraph(graph.New(), dag.Random(1_000_000)) }},
	} {
		b.Run(w.name, func(b *testing.B) {
			var phases [4]time.Duration
			var value, nodes int
			var live float64
			heap := func() float64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return float64(m.HeapAlloc)
			}
			for range b.N {
				b.StopTimer()
				before := heap()
				b.StartTimer()
				start := time.Now()
				lap := func(i int) {
					phases[i] += time.Since(start)
					start = time.Now()
				}
				x, y := w.build()
				lap(0)
				value = y.Graph().Len()
				dx, err := compile.Gradient(y, x)
				if err != nil {
					b.Fatal(err)
				}
				lap(1)
				p, err := compile.Compile(y, dx[0])
				if err != nil {
					b.Fatal(err)
				}
				lap(2)
				m := vm.NewMachine(p, vm.WithNativeAhead())
				lap(3)
				nodes = y.Graph().Len()
				b.StopTimer()
				live = heap() - before
				runtime.KeepAlive(m)
				runtime.KeepAlive(y)
				b.StartTimer()
			}
			for i, unit := range []string{"build-ms", "gradient-ms", "compile-ms", "native-ms"} {
				b.ReportMetric(float64(phases[i].Microseconds())/1000/float64(b.N), unit)
			}
			b.ReportMetric(float64(value), "value-nodes")
			b.ReportMetric(float64(nodes), "nodes")
			b.ReportMetric(live/float64(nodes), "live-B/node")
			b.ReportAllocs()
		})
	}
}

// BenchmarkBuildHessian times the sparse Hessian of the chained Rosenbrock function up to its first run.
func BenchmarkBuildHessian(b *testing.B) {
	for range b.N {
		if _, err := hessian(100_000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}
