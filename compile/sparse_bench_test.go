package compile_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// BenchmarkSparseSolve solves for a field on a grid of 100 by 100 points, five entries a row, and differentiates the sum of its squares by all entries, for another matrix at each run: one decomposition.
func BenchmarkSparseSolve(b *testing.B) {
	const n = 100
	g := graph.New()
	var rows, cols []int
	var values []float64
	for i := range n {
		for j := range n {
			k := i*n + j
			for _, d := range [5][2]int{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				if a, c := i+d[0], j+d[1]; a >= 0 && a < n && c >= 0 && c < n {
					rows, cols = append(rows, k), append(cols, a*n+c)
					if d == [2]int{} {
						values = append(values, 4)
					} else {
						values = append(values, -1-0.1*float64(d[1]))
					}
				}
			}
		}
	}
	v, rhs := g.Input("v", graph.Float64, len(values)), g.Input("rhs", graph.Float64, n*n)
	x := graph.CSRFromCOO(n*n, n*n, rows, cols, v).Solve(rhs)
	cost := graph.ReduceSum(graph.Square(x), nil)
	d, err := compile.Gradient(cost, v)
	if err != nil {
		b.Fatal(err)
	}
	p, err := compile.Compile(cost, d[0])
	if err != nil {
		b.Fatal(err)
	}
	m := vm.NewMachine(p, vm.WithThreads(1))
	copy(m.Float64("v"), values)
	for i := range n * n {
		m.Float64("rhs")[i] = 1
	}
	for b.Loop() {
		m.Float64("v")[0] += 0x1p-20
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
}
