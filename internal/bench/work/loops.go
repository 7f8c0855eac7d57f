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
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		register(fmt.Sprintf("attractor%d", n), "float64", func() (*protocol.Item, error) { return attractor(n, compile.Checkpoints{}) })
	}
	register("attractor10000.states50", "float64", func() (*protocol.Item, error) { return attractor(10_000, compile.Checkpoints{States: 50}) })
	register("attractor1000000.every1000", "float64", func() (*protocol.Item, error) { return attractor(1_000_000, compile.Checkpoints{Every: 1000}) })
	register("coupled", "float64", coupled)
	register("tridiagonal", "float64", tridiagonal)
}

// attractor is the mean of z over the steps of the classical Runge-Kutta method on Lorenz's system to T = 10, by a scan over scalars.
func attractor(steps int, keep compile.Checkpoints) (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	p, x0 := g.Input("p", graph.Float64, 3), g.Input("x", graph.Float64, 3)
	h := 10 / float64(steps)
	type vector = [3]*graph.Node
	var q vector
	var init []*graph.Node
	for i := range q {
		q[i] = graph.Index(p, i)
		init = append(init, graph.Index(x0, i))
	}
	derivative := func(x vector) vector {
		return vector{
			graph.Mul(q[0], graph.Sub(x[1], x[0])),
			graph.Sub(graph.Mul(x[0], graph.Sub(q[1], x[2])), x[1]),
			graph.Sub(graph.Mul(x[0], x[1]), graph.Mul(q[2], x[2])),
		}
	}
	advance := func(x, k vector, h float64) (y vector) {
		for i := range y {
			y[i] = graph.Add(x[i], graph.Mul(g.Const(h), k[i]))
		}
		return y
	}
	final, _ := graph.Scan(steps, append(init, g.Const(0)), nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		x := vector(c[:3])
		k1 := derivative(x)
		k2 := derivative(advance(x, k1, h/2))
		k3 := derivative(advance(x, k2, h/2))
		k4 := derivative(advance(x, k3, h))
		var sum vector
		for i := range sum {
			sum[i] = graph.AddN(k1[i], graph.Mul(g.Const(2), k2[i]), graph.Mul(g.Const(2), k3[i]), k4[i])
		}
		x = advance(x, sum, h/6)
		return append(x[:], graph.Add(c[3], x[2])), nil
	})
	m, info, err := valueAndGradientBy(compile.Config{Checkpoints: keep}, start, graph.Mul(final[3], g.Const(1/float64(steps))), p, x0)
	if err != nil {
		return nil, err
	}
	copy(m.Float64("p"), inputs.AttractorParameters)
	copy(m.Float64("x"), inputs.AttractorStart)
	return item(m, info, func() []float64 {
		return append(append([]float64{m.Float64(valueName)[0]}, m.Float64(gradientName("p"))...), m.Float64(gradientName("x"))...)
	})
}

// coupled is 614 steps of 60 scalars, each of which takes about 28 operations on ten others.
func coupled() (*protocol.Item, error) {
	const n, steps = 60, 614
	start := time.Now()
	g := graph.New()
	x0 := g.Input("x", graph.Float64, n)
	var init []*graph.Node
	for i := range n {
		init = append(init, graph.Index(x0, i))
	}
	final, _ := graph.Scan(steps, init, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		for i := range n {
			s := graph.Mul(c[i], g.Const(0.98))
			for k := 1; k <= 9; k++ {
				s = graph.Add(s, graph.Mul(graph.Mul(g.Const(0.003/float64(k)), c[(i+7*k)%n]), graph.Sub(c[(i+k)%n], c[i])))
			}
			next = append(next, s)
		}
		return next, nil
	})
	m, info, err := valueAndGradient(start, graph.Square(graph.AddN(final[0], final[1:]...)), x0)
	if err != nil {
		return nil, err
	}
	for i := range n {
		m.Float64("x")[i] = 1 + float64(i)/n
	}
	return item(m, info, func() []float64 {
		return []float64{m.Float64(valueName)[0], m.Float64(gradientName("x"))[0], m.Float64(gradientName("x"))[n-1]}
	})
}

// tridiagonal solves 1e5 equations with three diagonals by elimination, a scan forward and one backward, and differentiates |x|² by all that is given.
func tridiagonal() (*protocol.Item, error) {
	const n = 100_000
	start := time.Now()
	g := graph.New()
	lower, diagonal, upper, right := g.Input("lower", graph.Float64, n), g.Input("diagonal", graph.Float64, n), g.Input("upper", graph.Float64, n), g.Input("right", graph.Float64, n)
	zero := g.Const(0)
	_, ys := graph.Scan(n, []*graph.Node{zero, zero}, []*graph.Node{lower, diagonal, upper, right}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
		pivot := graph.Sub(e[1], graph.Mul(e[0], c[0]))
		u, r := graph.Div(e[2], pivot), graph.Div(graph.Sub(e[3], graph.Mul(e[0], c[1])), pivot)
		return []*graph.Node{u, r}, []*graph.Node{u, r}
	})
	_, xs := graph.Scan(n, []*graph.Node{zero}, ys, func(c, e []*graph.Node) (next, ys []*graph.Node) {
		x := graph.Sub(e[1], graph.Mul(e[0], c[0]))
		return []*graph.Node{x}, []*graph.Node{x}
	}, graph.Reverse)
	m, info, err := valueAndGradient(start, graph.Sum(graph.Square(xs[0])), lower, diagonal, upper, right)
	if err != nil {
		return nil, err
	}
	for i := range n {
		m.Float64("lower")[i], m.Float64("diagonal")[i], m.Float64("upper")[i], m.Float64("right")[i] = -1, 4, -1, float64(i%7)
	}
	return item(m, info, func() []float64 {
		check := []float64{m.Float64(valueName)[0]}
		for _, name := range []string{"lower", "diagonal", "upper", "right"} {
			s := 0.0
			for _, v := range m.Float64(gradientName(name)) {
				s += v * v
			}
			check = append(check, s)
		}
		return check
	})
}
