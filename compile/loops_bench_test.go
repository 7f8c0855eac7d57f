package compile_test

import (
	"fmt"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// lorenz returns the mean of z over the steps of the classical Runge-Kutta method on Lorenz's system to T = 10, and its gradient by the three parameters and the start.
func lorenz(t testing.TB, steps int) (*graph.Node, []*graph.Node) {
	g := graph.New()
	p, x0 := g.Input("p", graph.Float64, 3), g.Input("x", graph.Float64, 3)
	h := 10 / float64(steps)
	var q [3]*graph.Node
	var init []*graph.Node
	for i := range 3 {
		q[i] = graph.Index(p, i)
		init = append(init, graph.Index(x0, i))
	}
	type vec = [3]*graph.Node
	f := func(x vec) vec {
		return vec{
			graph.Mul(q[0], graph.Sub(x[1], x[0])),
			graph.Sub(graph.Mul(x[0], graph.Sub(q[1], x[2])), x[1]),
			graph.Sub(graph.Mul(x[0], x[1]), graph.Mul(q[2], x[2])),
		}
	}
	ad := func(x, k vec, c float64) (y vec) {
		for i := range y {
			y[i] = graph.Add(x[i], graph.Mul(g.Const(c), k[i]))
		}
		return y
	}
	init = append(init, g.Const(0))
	final, _ := graph.Scan(steps, init, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		x := vec{c[0], c[1], c[2]}
		k1 := f(x)
		k2 := f(ad(x, k1, h/2))
		k3 := f(ad(x, k2, h/2))
		k4 := f(ad(x, k3, h))
		var y vec
		for i := range y {
			y[i] = graph.Add(x[i], graph.Mul(g.Const(h/6), graph.AddN(k1[i], graph.Mul(g.Const(2), k2[i]), graph.Mul(g.Const(2), k3[i]), k4[i])))
		}
		return []*graph.Node{y[0], y[1], y[2], graph.Add(c[3], y[2])}, nil
	})
	j := graph.Mul(final[3], g.Const(1/float64(steps)))
	d, err := compile.Gradient(j, p, x0)
	if err != nil {
		t.Fatal(err)
	}
	return j, d
}

func BenchmarkLorenz(b *testing.B) {
	for _, c := range []struct {
		n    int
		keep compile.Checkpoints
	}{{10000, compile.Checkpoints{}}, {100000, compile.Checkpoints{}}, {1000000, compile.Checkpoints{}}, {10000, compile.Checkpoints{States: 50}}, {100000, compile.Checkpoints{Every: 400}},
		{1000000, compile.Checkpoints{Every: 1000}}, {1000000, compile.Checkpoints{States: 1000}}} {
		n := c.n
		b.Run(fmt.Sprint(n, c.keep), func(b *testing.B) {
			j, d := lorenz(b, n)
			p, err := compile.Config{Checkpoints: c.keep}.Compile(j, d[0], d[1])
			if err != nil {
				b.Fatal(err)
			}
			m := vm.NewMachine(p)
			copy(m.Float64("p"), []float64{10, 28, 8. / 3})
			copy(m.Float64("x"), []float64{1, 1.2, 20})
			for range 50 {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.Log(m.OutputFloat64(0), m.OutputFloat64(1), m.OutputFloat64(2), m.MemoryBytes())
			for b.Loop() {
				m.Step()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/step")
		})
	}
}

// coupled is a chain of 60 scalar carries, each step about 1700 operations by a closed formula, over 614 steps.
func BenchmarkCoupled(b *testing.B) {
	g := graph.New()
	x0 := g.Input("x", graph.Float64, 60)
	var init []*graph.Node
	for i := range 60 {
		init = append(init, graph.Index(x0, i))
	}
	final, _ := graph.Scan(614, init, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		for i := range 60 {
			s := graph.Mul(c[i], g.Const(0.98))
			for k := 1; k <= 9; k++ {
				o := c[(i+k*7)%60]
				s = graph.Add(s, graph.Mul(graph.Mul(g.Const(0.003/float64(k)), o), graph.Sub(c[(i+k)%60], c[i])))
			}
			next = append(next, s)
		}
		return next, nil
	})
	y := graph.AddN(final[0], final[1:]...)
	d, err := compile.Gradient(graph.Square(y), x0)
	if err != nil {
		b.Fatal(err)
	}
	p, err := compile.Compile(append(d, y)...)
	if err != nil {
		b.Fatal(err)
	}
	m := vm.NewMachine(p)
	for i := range 60 {
		m.Float64("x")[i] = 1 + float64(i)/60
	}
	for range 50 {
		m.Step()
	}
	for b.Loop() {
		m.Step()
	}
}

// tridiagonal solves with 1e5 unknowns by two scans, and the gradient of a sum by the right side and the diagonals.
func BenchmarkTridiagonal(b *testing.B) {
	const n = 100000
	g := graph.New()
	lo, di, up, r := g.Input("lo", graph.Float64, n), g.Input("di", graph.Float64, n), g.Input("up", graph.Float64, n), g.Input("r", graph.Float64, n)
	zero := g.Const(0)
	_, ys := graph.Scan(n, []*graph.Node{zero, zero}, []*graph.Node{lo, di, up, r}, func(c, x []*graph.Node) (next, ys []*graph.Node) {
		m := graph.Sub(x[1], graph.Mul(x[0], c[0]))
		cc := graph.Div(x[2], m)
		dd := graph.Div(graph.Sub(x[3], graph.Mul(x[0], c[1])), m)
		return []*graph.Node{cc, dd}, []*graph.Node{cc, dd}
	})
	_, xs := graph.Scan(n, []*graph.Node{zero}, ys, func(c, x []*graph.Node) (next, ys []*graph.Node) {
		v := graph.Sub(x[1], graph.Mul(x[0], c[0]))
		return []*graph.Node{v}, []*graph.Node{v}
	}, graph.Reverse)
	y := graph.Sum(graph.Square(xs[0]))
	for name, out := range map[string]func() []*graph.Node{
		"value": func() []*graph.Node { return []*graph.Node{xs[0]} },
		"gradient": func() []*graph.Node {
			d, err := compile.Gradient(y, lo, di, up, r)
			if err != nil {
				b.Fatal(err)
			}
			return append(d, y)
		},
	} {
		b.Run(name, func(b *testing.B) {
			p, err := compile.Compile(out()...)
			if err != nil {
				b.Fatal(err)
			}
			m := vm.NewMachine(p)
			for i := range n {
				m.Float64("lo")[i], m.Float64("di")[i], m.Float64("up")[i], m.Float64("r")[i] = -1, 4, -1, float64(i%7)
			}
			for range 50 {
				m.Step()
			}
			for b.Loop() {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// arrays is a step of three operations on 1000 elements.
func BenchmarkArrays(b *testing.B) {
	const n, steps = 1000, 1000
	g := graph.New()
	x0, w := g.Input("x", graph.Float64, n), g.Input("w", graph.Float64, n)
	final, _ := graph.Scan(steps, []*graph.Node{x0}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
		a := graph.Cumsum(graph.Mul(c[0], w), 0)
		return []*graph.Node{graph.Sub(c[0], graph.Mul(g.Const(1e-3), a))}, nil
	})
	p, err := compile.Compile(final...)
	if err != nil {
		b.Fatal(err)
	}
	b.Log(p.String())
	m := vm.NewMachine(p)
	for i := range n {
		m.Float64("x")[i], m.Float64("w")[i] = 1, 1e-3
	}
	for range 50 {
		m.Step()
	}
	for b.Loop() {
		m.Step()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/steps, "ns/step")
}
