package work

import (
	"fmt"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/dag"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

func init() {
	register("seed", "float64", seed)
	register("seed1e6", "float64", seedPoints)
	for _, n := range []int{1000, 100_000} {
		register(fmt.Sprintf("rosenbrock%d", n), "float64", func() (*protocol.Item, error) { return rosenbrock(n) })
	}
	for _, s := range dag.Sizes {
		register(s.Work, "float64", func() (*protocol.Item, error) { return randomGraph(s.Nodes) })
	}
}

// polynomial is x1² + x2² + x1·x2.
func polynomial(x1, x2 *graph.Node) *graph.Node {
	return graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2))
}

func seed() (*protocol.Item, error) {
	start := time.Now()
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	m, info, err := valueAndGradient(start, polynomial(x1, x2), x1, x2)
	if err != nil {
		return nil, err
	}
	m.Float64("x1")[0], m.Float64("x2")[0] = 3, 4
	return item(m, info, func() []float64 {
		return []float64{m.Float64(valueName)[0], m.Float64(gradientName("x1"))[0], m.Float64(gradientName("x2"))[0]}
	})
}

// seedPoints is the polynomial at many points at once: its gradient at each is that of the sum.
func seedPoints() (*protocol.Item, error) {
	const n = 1_000_000
	start := time.Now()
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64, n), g.Input("x2", graph.Float64, n)
	z := polynomial(x1, x2)
	info := map[string]float64{"build": time.Since(start).Seconds()}
	gradients, err := gradientOfSum(z, x1, x2)
	if err != nil {
		return nil, err
	}
	m, err := machine(info, z.Named("z"), gradients[0].Named("d1"), gradients[1].Named("d2"))
	if err != nil {
		return nil, err
	}
	copy(m.Float64("x1"), inputs.Wave[float64](n, 1, 0.37, 0.1))
	copy(m.Float64("x2"), inputs.Wave[float64](n, 1, 0.11, 0.2))
	return item(m, info, func() []float64 {
		return []float64{inputs.Sum(m.Float64("z")), inputs.SumOfSquares(m.Float64("d1")), inputs.SumOfSquares(m.Float64("d2"))}
	})
}

// rosenbrockGraph is the chained function of the elements of a vector, each a scalar of its own.
func rosenbrockGraph(g *graph.Graph, n int) (x, y *graph.Node) {
	x = g.Input("x", graph.Float64, n)
	one, hundred := g.Const(1), g.Const(100)
	b := graph.Index(x, 0)
	for i := range n - 1 {
		a := b
		b = graph.Index(x, i+1)
		d, e := graph.Sub(b, graph.Mul(a, a)), graph.Sub(one, a)
		left, right := graph.Mul(graph.Mul(hundred, d), d), graph.Mul(e, e)
		if y == nil {
			y = graph.Add(left, right)
		} else {
			y = graph.Add(graph.Add(y, left), right)
		}
	}
	return x, y
}

func rosenbrock(n int) (*protocol.Item, error) {
	start := time.Now()
	x, y := rosenbrockGraph(graph.New(), n)
	m, info, err := valueAndGradient(start, y, x)
	if err != nil {
		return nil, err
	}
	copy(m.Float64("x"), rosenbrockInput(n))
	return item(m, info, func() []float64 {
		return []float64{m.Float64(valueName)[0], inputs.SumOfSquares(m.Float64(gradientName("x")))}
	})
}

// randomGraph is a graph of package dag, node by node.
func randomGraph(nodes int) (*protocol.Item, error) {
	d := dag.Random(nodes)
	start := time.Now()
	x, y := dagGraph(graph.New(), d)
	m, info, err := valueAndGradient(start, y, x)
	if err != nil {
		return nil, err
	}
	copy(m.Float64("x"), d.InputValues())
	return item(m, info, func() []float64 {
		return []float64{m.Float64(valueName)[0], inputs.SumOfSquares(m.Float64(gradientName("x")))}
	})
}

// dagGraph is d of the elements of a vector.
func dagGraph(g *graph.Graph, d *dag.Graph) (x, y *graph.Node) {
	x = g.Input("x", graph.Float64, d.Inputs)
	half := g.Const(0.5)
	v := make([]*graph.Node, 0, d.Inputs+len(d.Nodes))
	for i := range d.Inputs {
		v = append(v, graph.Index(x, i))
	}
	for _, n := range d.Nodes {
		a, b := v[n.A], v[n.B]
		switch n.Op {
		case dag.Add:
			a = graph.Add(a, b)
		case dag.Sub:
			a = graph.Sub(a, b)
		case dag.Mul:
			a = graph.Mul(a, b)
		}
		v = append(v, graph.Mul(half, a))
	}
	y = v[d.Sinks[0]]
	for _, s := range d.Sinks[1:] {
		y = graph.Add(y, v[s])
	}
	return x, y
}
