package work

import (
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("lorenz10000", "float64", func() (*protocol.Item, error) { return lorenz[float64](10_000) })
	register("lorenz10000", "float32", func() (*protocol.Item, error) { return lorenz[float32](10_000) })
	register("lorenz100", "float64", func() (*protocol.Item, error) { return lorenz[float64](100) })
	register("lorenz100", "float32", func() (*protocol.Item, error) { return lorenz[float32](100) })
}

// lorenz is the classical Runge-Kutta method on Lorenz-96 with 40 variables, F = 8: a hundred steps are unrolled, more are a scan.
func lorenz[T inputs.Float](steps int) (*protocol.Item, error) {
	const n = 40
	start := time.Now()
	g := graph.New()
	x0 := g.Input("x", dtypeOf[T](), n)
	constant := func(v float64) *graph.Node { return g.Scalar(dtypeOf[T](), v) }
	forcing, h := constant(8), 1/float64(steps)
	half, whole, sixth, two := constant(h/2), constant(h), constant(h/6), constant(2)

	// All variables are scalars: 40 elements are too few for an array operation each.
	type vector [n]*graph.Node
	derivative := func(x vector) (d vector) {
		for i := range n {
			ahead, behind, behind2 := x[(i+1)%n], x[(i+n-1)%n], x[(i+n-2)%n]
			d[i] = graph.Add(graph.Sub(graph.Mul(graph.Sub(ahead, behind2), behind), x[i]), forcing)
		}
		return d
	}
	advance := func(x vector, h *graph.Node, d vector) (y vector) {
		for i := range n {
			y[i] = graph.Add(x[i], graph.Mul(h, d[i]))
		}
		return y
	}
	var x vector
	for i := range n {
		x[i] = graph.Index(x0, i)
	}
	step := func(x vector) vector {
		k1 := derivative(x)
		k2 := derivative(advance(x, half, k1))
		k3 := derivative(advance(x, half, k2))
		k4 := derivative(advance(x, whole, k3))
		var sum vector
		for i := range n {
			sum[i] = graph.Add(graph.Add(graph.Add(k1[i], graph.Mul(two, k2[i])), graph.Mul(two, k3[i])), k4[i])
		}
		return advance(x, sixth, sum)
	}
	if steps > 100 {
		final, _ := graph.Scan(steps, x[:], nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			x := step(vector(c))
			return x[:], nil
		})
		x = vector(final)
	} else {
		for range steps {
			x = step(x)
		}
	}
	y := graph.Square(x[0])
	for i := 1; i < n; i++ {
		y = graph.Add(y, graph.Square(x[i]))
	}
	m, info, err := valueAndGradient(start, graph.Mul(constant(0.5), y), x0)
	if err != nil {
		return nil, err
	}
	for i, v := range inputs.Wave[float64](n, 0.1, 1.1, 0.1) {
		view[T](m, "x")[i] = T(v + 8)
	}
	return item(m, info, func() []float64 {
		return []float64{float64(view[T](m, valueName)[0]), float64(view[T](m, gradientName("x"))[0])}
	})
}
