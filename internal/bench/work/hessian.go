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

// hessian is the sparse Hessian of the chained Rosenbrock function, which is tridiagonal. Pattern and colouring are found, not given.
func hessian(n int) (*protocol.Item, error) {
	start := time.Now()
	x, y := rosenbrockGraph(graph.New(), n)
	h, err := compile.SparseHessian(y, x)
	if err != nil {
		return nil, err
	}
	info := map[string]float64{"build": time.Since(start).Seconds(), "colors": float64(h.Colors)}
	m, err := machine(info, h.Values.Named("entries"))
	if err != nil {
		return nil, err
	}
	copy(m.Float64("x"), rosenbrockInput(n))
	return item(m, info, func() []float64 {
		entries := m.Float64("entries")
		return []float64{float64(len(entries)), inputs.Sum(entries), inputs.SumOfSquares(entries)}
	})
}

// rosenbrockInput is the point at which the function is evaluated.
func rosenbrockInput(n int) []float64 {
	x := inputs.Wave[float64](n, 0.5, 0.7, 0.1)
	for i := range x {
		x[i]++
	}
	return x
}
