package compile

import (
	"fmt"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// chainedRosenbrock is Rosenbrock's function of a vector, by its slices.
func chainedRosenbrock(n int) (x, cost *graph.Node) {
	g := graph.New()
	x = g.Input("x", graph.Float64, n)
	a, b := graph.Slice(x, graph.Range{Limit: n - 1}), graph.Slice(x, graph.Range{Start: 1, Limit: n})
	return x, graph.Sum(graph.Add(graph.Mul(g.Const(100), graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(g.Const(1), a))))
}

// BenchmarkHessian takes the Hessian of Rosenbrock's function: all entries, or those that are not zero by a star colouring.
func BenchmarkHessian(b *testing.B) {
	for _, c := range []struct {
		way string
		n   int
	}{{"dense", 500}, {"sparse", 500}, {"dense", 1000}, {"sparse", 1000}, {"dense", 2000}, {"sparse", 2000}, {"sparse", 10_000}} {
		b.Run(fmt.Sprintf("%s/%d", c.way, c.n), func(b *testing.B) {
			x, cost := chainedRosenbrock(c.n)
			var values *graph.Node
			if c.way == "dense" {
				h, err := Hessian(cost, x)
				if err != nil {
					b.Fatal(err)
				}
				values = h
			} else {
				h, err := SparseHessian(cost, x)
				if err != nil {
					b.Fatal(err)
				}
				values = h.Values
				b.ReportMetric(float64(h.Colors), "colours")
			}
			p, err := Compile(values)
			if err != nil {
				b.Fatal(err)
			}
			m := vm.NewMachine(p)
			_, v := rampTensor(c.n)
			copy(m.Float64("x"), v)
			for b.Loop() {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(p.MemoryBytes()), "bytes")
		})
	}
}
