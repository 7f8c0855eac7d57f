package compile

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// rosenbrock builds Σ 100(x[i+1] − x[i]²)² + (1 − x[i])² of single elements, as unrolled scalar code.
func rosenbrock(g *graph.Graph, n int) (x, y *graph.Node) {
	x = g.Input("x", graph.Float64, n)
	hundred, one := g.Const(100), g.Const(1)
	for i := range n - 1 {
		a, b := graph.Index(x, i), graph.Index(x, i+1)
		t := graph.Add(graph.Mul(hundred, graph.Square(graph.Sub(b, graph.Square(a)))), graph.Square(graph.Sub(one, a)))
		if y == nil {
			y = t
		} else {
			y = graph.Add(y, t)
		}
	}
	return x, y
}

// rosenbrockAt returns value and gradient in plain Go.
func rosenbrockAt(x []float64) (y float64, dx []float64) {
	dx = make([]float64, len(x))
	for i := range len(x) - 1 {
		u, v := x[i+1]-x[i]*x[i], 1-x[i]
		y += 100*u*u + v*v
		dx[i] += -400*x[i]*u - 2*v
		dx[i+1] += 200 * u
	}
	return y, dx
}

func rosenbrockProgram(tb testing.TB, n int) *vm.Program {
	start := time.Now()
	g := graph.New()
	x, y := rosenbrock(g, n)
	built := time.Now()
	dx, err := Gradient(y, x)
	if err != nil {
		tb.Fatal(err)
	}
	differentiated := time.Now()
	p, err := Compile(y.Named("y"), dx[0].Named("dx"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Logf("n = %d: %d nodes; build %v, gradient %v, compile %v", n, g.Len(), built.Sub(start), differentiated.Sub(built), time.Since(differentiated))
	return p
}

func TestRosenbrock(t *testing.T) {
	const n = 1000
	p := rosenbrockProgram(t, n)
	for _, opts := range [][]vm.Option{nil, {vm.WithNativeAhead()}} {
		m := vm.NewMachine(p, opts...)
		in := m.Float64("x")
		for i := range in {
			in[i] = math.Sin(0.37*float64(i) + 0.1)
		}
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		y, dx := rosenbrockAt(in)
		if got := m.Float64("y")[0]; math.Abs(got-y) > 1e-12*y {
			t.Errorf("value %v, want %v", got, y)
		}
		for i, got := range m.Float64("dx") {
			if math.Abs(got-dx[i]) > 1e-12*(1+math.Abs(dx[i])) {
				t.Fatalf("gradient[%d] = %v, want %v", i, got, dx[i])
			}
		}
	}
}

// BenchmarkRosenbrock is value and gradient of unrolled scalar code, in native code.
func BenchmarkRosenbrock(b *testing.B) {
	for _, n := range []int{1000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := vm.NewMachine(rosenbrockProgram(b, n), vm.WithNativeAhead())
			in := m.Float64("x")
			for i := range in {
				in[i] = math.Sin(0.37*float64(i) + 0.1)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
