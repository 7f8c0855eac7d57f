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
// and machine code, and gives the memory that is allocated for each node of the graph with its gradient.
func BenchmarkBuild(b *testing.B) {
	for _, w := range []struct {
		name  string
		build func() (x, y *graph.Node)
	}{
		{"rosenbrock100000", func() (x, y *graph.Node) { return rosenbrockGraph(graph.New(), 100_000) }},
		{"dag20000", func() (x, y *graph.Node) { return dagGraph(graph.New(), dag.Random(20_000)) }},
		{"dag1000000", func() (x, y *graph.Node) { return dagGraph(graph.New(), dag.Random(1_000_000)) }},
	} {
		b.Run(w.name, func(b *testing.B) {
			var phases [4]time.Duration
			var nodes int
			for range b.N {
				runtime.GC()
				start := time.Now()
				lap := func(i int) {
					phases[i] += time.Since(start)
					start = time.Now()
				}
				x, y := w.build()
				lap(0)
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
				vm.NewMachine(p, vm.WithNativeAhead())
				lap(3)
				nodes = y.Graph().Len()
			}
			for i, unit := range []string{"build-ms", "gradient-ms", "compile-ms", "native-ms"} {
				b.ReportMetric(float64(phases[i].Microseconds())/1000/float64(b.N), unit)
			}
			b.ReportMetric(float64(nodes), "nodes")
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
