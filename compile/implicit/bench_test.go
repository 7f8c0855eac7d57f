package implicit_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/implicit"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// BenchmarkKepler solves Kepler's equation for 1e5 mean anomalies and eccentricities, with both derivatives.
func BenchmarkKepler(b *testing.B) {
	g := graph.New()
	const n = 100_000
	mean, ecc := g.Input("m", graph.Float64, n), g.Input("e", graph.Float64, n)
	x, err := implicit.Root(func(x *node) *node { return graph.Sub(graph.Sub(x, graph.Mul(ecc, graph.Sin(x))), mean) },
		graph.Add(mean, graph.Mul(graph.Like(mean, 0.85), graph.Mul(ecc, graph.Sign(graph.Sin(mean))))), implicit.Options{Lanes: 1})
	if err != nil {
		b.Fatal(err)
	}
	d, err := compile.Gradient(graph.ReduceSum(x, nil), mean, ecc)
	if err != nil {
		b.Fatal(err)
	}
	p, err := compile.Compile(append(nodes{x}, d...)...)
	if err != nil {
		b.Fatal(err)
	}
	m := vm.NewMachine(p, vm.WithThreads(1), vm.WithNativeAhead())
	for i := range n {
		m.Float64("m")[i], m.Float64("e")[i] = 2*math.Pi*float64(i)/n, 0.9*float64(i%1000)/1000
	}
	for b.Loop() {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/root")
}
