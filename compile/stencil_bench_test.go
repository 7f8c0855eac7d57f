package compile_test

import (
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// BenchmarkStencils is a wave equation of 100 steps on 240² points by boundary, and its gradient by the velocities.
func BenchmarkStencils(b *testing.B) {
	const n, steps = 240, 100
	laplacian := func(kind graph.Boundary) func(u *graph.Node) *graph.Node {
		return func(u *graph.Node) *graph.Node { return graph.Differences{Accuracy: 4, Boundary: kind}.Laplacian(u) }
	}
	interior := func(u *graph.Node) *graph.Node {
		part := func(i, j int) *graph.Node {
			return graph.Slice(u, graph.Range{Start: i, Limit: i + n - 2}, graph.Range{Start: j, Limit: j + n - 2})
		}
		return graph.Sub(graph.Add(graph.Add(part(0, 1), part(2, 1)), graph.Add(part(1, 0), part(1, 2))), graph.Mul(part(1, 1), graph.Like(u, 4)))
	}
	for _, boundary := range []struct {
		name      string
		laplacian func(u *graph.Node) *graph.Node
	}{{"zero", laplacian(graph.ZeroBoundary)}, {"periodic", laplacian(graph.PeriodicBoundary)}, {"reflect", laplacian(graph.ReflectBoundary)},
		{"interior", func(u *graph.Node) *graph.Node { return graph.Pad(interior(u), []int{1, 1}, []int{1, 1}, 0) }},
		{"update", func(u *graph.Node) *graph.Node {
			return graph.DynamicUpdateSlice(u, interior(u), graph.Constant(u.Graph(), []int64{1, 1}, 2))
		}},
	} {
		for _, gradient := range []bool{false, true} {
			name := boundary.name
			if gradient {
				name += "/gradient"
			}
			b.Run(name, func(b *testing.B) {
				g := graph.New()
				u0, k := g.Input("u0", graph.Float32, n, n), g.Input("k", graph.Float32, n, n)
				final, _ := graph.Scan(steps, []*graph.Node{u0, u0}, nil, func(carry, _ []*graph.Node) (next, ys []*graph.Node) {
					u := carry[0]
					return []*graph.Node{graph.Add(graph.Sub(graph.Mul(u, graph.Like(u, 2)), carry[1]), graph.Mul(k, boundary.laplacian(u))), u}, nil
				})
				outputs := []*graph.Node{graph.ReduceSum(graph.Square(final[0]), nil)}
				if gradient {
					d, err := compile.Gradient(outputs[0], k)
					if err != nil {
						b.Fatal(err)
					}
					outputs = append(outputs, d...)
				}
				p, err := compile.Compile(outputs...)
				if err != nil {
					b.Fatal(err)
				}
				m := vm.NewMachine(p, vm.WithThreads(1))
				for i := range n * n { // nothing subnormal
					m.Float32("u0")[i] = float32(i*i%97) / 97
				}
				for i := range n * n {
					m.Float32("k")[i] = .1
				}
				for b.Loop() {
					if err := m.Step(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
