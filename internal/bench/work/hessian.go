package work

import (
	"fmt"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	for _, n := range []int{1000, 100_000} {
		register(fmt.Sprintf("rosenbrock%d.hessian", n), "float64", func() (*protocol.Item, error) { return hessian(n) })
	}
}

// hessian is that of the chained Rosenbrock function, which is tridiagonal: three
// tangents of the gradient, one for each residue of the index modulo 3, hold all
// its entries (Curtis, Powell and Reid 1974). The colouring is given, not found.
func hessian(n int) (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	x, y := rosenbrockGraph(g, n)
	gradient, err := compile.Gradient(y, x)
	if err != nil {
		return nil, err
	}
	var columns []*graph.Node
	for colour := range 3 {
		direction := make([]float64, n)
		for i := colour; i < n; i += 3 {
			direction[i] = 1
		}
		tangent, err := compile.JVP(gradient, []*graph.Node{x}, []*graph.Node{graph.Constant(g, direction, n)})
		if err != nil {
			return nil, err
		}
		columns = append(columns, tangent[0].Named(columnName(colour)))
	}
	info := map[string]float64{"build": time.Since(start).Seconds()}
	m, err := machine(info, columns...)
	if err != nil {
		return nil, err
	}
	copy(m.Float64("x"), rosenbrockInput(n))
	return item(m, info, func() []float64 {
		// Entry (i, j), |i − j| ≤ 1, is element i of the tangent of j's colour.
		count, sum, squares := 0.0, 0.0, 0.0
		for i := range n {
			for j := max(0, i-1); j <= min(n-1, i+1); j++ {
				v := m.Float64(columnName(j % 3))[i]
				count, sum, squares = count+1, sum+v, squares+v*v
			}
		}
		return []float64{count, sum, squares}
	})
}

func columnName(colour int) string { return fmt.Sprintf("column%d", colour) }

// rosenbrockInput is the point at which the function is evaluated.
func rosenbrockInput(n int) []float64 {
	x := inputs.Wave[float64](n, 0.5, 0.7, 0.1)
	for i := range x {
		x[i]++
	}
	return x
}
