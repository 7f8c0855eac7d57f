package compile

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func seedMachine(tb testing.TB) *vm.Machine {
	g := graph.New()
	x1, x2 := g.Input("x1", graph.Float64), g.Input("x2", graph.Float64)
	z := graph.Add(graph.Add(graph.Square(x1), graph.Square(x2)), graph.Mul(x1, x2)).Named("z")
	dz, err := Gradient(z, x1, x2)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := Compile(z, dz[0].Named("dx1"), dz[1].Named("dx2"))
	if err != nil {
		tb.Fatal(err)
	}
	return vm.NewMachine(p, vm.WithNativeAhead())
}

// byHand is what a programmer writes for the value and gradient of x1² + x2² + x1·x2.
//
//go:noinline
func byHand(x *[2]float64, out *[3]float64) {
	out[0] = x[0]*x[0] + x[1]*x[1] + x[0]*x[1]
	out[1] = 2*x[0] + x[1]
	out[2] = 2*x[1] + x[0]
}

// BenchmarkSeed compares value and gradient of x1² + x2² + x1·x2 through Step with code written by hand.
func BenchmarkSeed(b *testing.B) {
	b.Run("Step", func(b *testing.B) {
		m := seedMachine(b)
		x1, x2 := m.Float64("x1"), m.Float64("x2")
		z := m.Float64("z")
		b.ReportAllocs()
		sum := 0.0
		for i := range b.N {
			x1[0], x2[0] = float64(i), 4
			if err := m.Step(); err != nil {
				b.Fatal(err)
			}
			sum += z[0]
		}
		if sum < 0 {
			b.Fatal("a sum of positive values is negative")
		}
	})
	b.Run("byHand", func(b *testing.B) {
		var x [2]float64
		var out [3]float64
		sum := 0.0
		for i := range b.N {
			x[0], x[1] = float64(i), 4
			byHand(&x, &out)
			sum += out[0]
		}
		if sum < 0 {
			b.Fatal("a sum of positive values is negative")
		}
	})
}

// BenchmarkChain is the value and gradient of Σ exp(−x²)·sin x + x/(1+x²) over 10⁶ elements.
func BenchmarkChain(b *testing.B) {
	const n = 1_000_000
	g := graph.New()
	x, y := chain(g, n)
	dx, err := Gradient(y, x)
	if err != nil {
		b.Fatal(err)
	}
	p, err := Compile(y, dx[0])
	if err != nil {
		b.Fatal(err)
	}
	in := make([]float64, n)
	for i := range in {
		in[i] = -4 + 8*float64(i)/(n-1)
	}
	m := vm.NewMachine(p)
	if _, err := m.Run(tensor.New(tensor.WithShape(n), tensor.WithBacking(in))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Step(); err != nil {
			b.Fatal(err)
		}
	}
}
