// Package byhand has workloads written by hand in plain Go: what a programmer
// who derives the gradient on paper would write, and the switch loop that a
// simple virtual machine would be. The comparison runs them as peers of their own.
package byhand

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/bench/dag"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

// Go returns the workloads with gradients derived by hand, on one goroutine.
func Go() []protocol.Entry {
	f64 := func(work string, prepare func() (*protocol.Item, error)) protocol.Entry {
		return protocol.Entry{Row: protocol.Row{Work: work, DType: "float64"}, Prepare: prepare}
	}
	return []protocol.Entry{
		f64("seed", seed),
		f64("seed1e6", seedPoints),
		f64("chain", chain),
		f64("rosenbrock1000", func() (*protocol.Item, error) { return rosenbrock(1000) }),
		f64("rosenbrock100000", func() (*protocol.Item, error) { return rosenbrock(100_000) }),
		f64("add1e7", func() (*protocol.Item, error) { return binary(func(c, a, b []float64) { add(c, a, b) }) }),
		f64("mul1e7", func() (*protocol.Item, error) { return binary(func(c, a, b []float64) { mul(c, a, b) }) }),
	}
}

// Switch returns the random graphs, run by a loop with one switch per instruction.
func Switch() []protocol.Entry {
	var entries []protocol.Entry
	for _, w := range dag.Sizes {
		entries = append(entries, protocol.Entry{Row: protocol.Row{Work: w.Work, DType: "float64"},
			Prepare: func() (*protocol.Item, error) { return switchLoop(dag.Random(w.Nodes)) }})
	}
	return entries
}

// polynomial returns x1² + x2² + x1·x2 and its gradient. It is not inlined, as a call is what a user pays.
//
//go:noinline
func polynomial(x1, x2 float64) (z, d1, d2 float64) {
	return x1*x1 + x2*x2 + x1*x2, 2*x1 + x2, 2*x2 + x1
}

func seed() (*protocol.Item, error) {
	x := [2]float64{3, 4}
	var out [3]float64
	run := func(n int) error {
		for range n {
			out[0], out[1], out[2] = polynomial(x[0], x[1])
		}
		return nil
	}
	_ = run(1)
	return &protocol.Item{Run: run, Check: out[:]}, nil
}

func seedPoints() (*protocol.Item, error) {
	const n = 1_000_000
	x1, x2 := inputs.Wave[float64](n, 1, 0.37, 0.1), inputs.Wave[float64](n, 1, 0.11, 0.2)
	z, d1, d2 := make([]float64, n), make([]float64, n), make([]float64, n)
	once := func() {
		for i, a := range x1 {
			b := x2[i]
			z[i], d1[i], d2[i] = a*a+b*b+a*b, 2*a+b, 2*b+a
		}
	}
	once()
	return &protocol.Item{Run: times(once), Check: []float64{inputs.Sum(z), inputs.SumOfSquares(d1), inputs.SumOfSquares(d2)}}, nil
}

func times(once func()) func(int) error {
	return func(n int) error {
		for range n {
			once()
		}
		return nil
	}
}

func chain() (*protocol.Item, error) {
	x := inputs.Linspace[float64](-4, 4, 1_000_000)
	g := make([]float64, len(x))
	var y float64
	once := func() {
		y = 0
		for i, v := range x {
			e := math.Exp(-v * v)
			s, c := math.Sincos(v)
			q := 1 / (1 + v*v)
			y += e*s + v*q
			g[i] = e*(c-2*v*s) + q - 2*v*v*q*q
		}
	}
	once()
	return &protocol.Item{Run: times(once), Check: []float64{y, inputs.SumOfSquares(g)}}, nil
}

func rosenbrock(n int) (*protocol.Item, error) {
	x := inputs.Wave[float64](n, 0.5, 0.7, 0.1)
	for i := range x {
		x[i]++
	}
	g := make([]float64, n)
	var y float64
	once := func() {
		y, g[0] = 0, 0
		for i := range n - 1 {
			d, e := x[i+1]-x[i]*x[i], 1-x[i]
			y += 100*d*d + e*e
			g[i] -= 400*d*x[i] + 2*e
			g[i+1] = 200 * d
		}
	}
	once()
	return &protocol.Item{Run: times(once), Check: []float64{y, inputs.SumOfSquares(g)}}, nil
}

func add(c, a, b []float64) {
	for i := range c {
		c[i] = a[i] + b[i]
	}
}

func mul(c, a, b []float64) {
	for i := range c {
		c[i] = a[i] * b[i]
	}
}

func binary(f func(c, a, b []float64)) (*protocol.Item, error) {
	const n = 10_000_000
	a, b := inputs.Wave[float64](n, 1, 0.37, 0.1), inputs.Wave[float64](n, 1, 0.11, 0.2)
	c := make([]float64, n)
	once := func() { f(c, a, b) }
	once()
	return &protocol.Item{Run: times(once), Check: []float64{inputs.SumOfSquares(c)}}, nil
}
