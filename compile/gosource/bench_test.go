package gosource_test

import (
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/arm"
	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/layer"
	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/logistic"
	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/rosenbrock"
	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/seed"
	"github.com/adjoint-go/adjoint/compile/gosource/internal/samples/vectors"
	"github.com/adjoint-go/adjoint/vm"
)

// seedByHand is what one writes without a compiler.
func seedByHand(x1, x2 float64) (z, dx1, dx2 float64) {
	return x1*x1 + x2*x2 + x1*x2, 2*x1 + x2, 2*x2 + x1
}

var sink float64

// BenchmarkSamples has generated source beside the same program on a machine, in machine code; the seed is inlined into the loop, and beside what is written by hand.
func BenchmarkSamples(b *testing.B) {
	b.Run("seed/generated", func(b *testing.B) {
		x := 3.0
		for b.Loop() {
			z, d1, d2 := seed.Seed(x, 4)
			x = 3 + 1e-9*(z+d1+d2)
		}
		sink = x
	})
	b.Run("seed/by hand", func(b *testing.B) {
		x := 3.0
		for b.Loop() {
			z, d1, d2 := seedByHand(x, 4)
			x = 3 + 1e-9*(z+d1+d2)
		}
		sink = x
	})
	var x, dx [1000]float64
	for i := range x {
		x[i] = 0.3 + 0.0001*float64(i)
	}
	b.Run("rosenbrock/generated", func(b *testing.B) {
		for b.Loop() {
			sink += rosenbrock.Rosenbrock(&x, &dx)
		}
	})
	b.Run("vectors/generated", func(b *testing.B) {
		m := vectors.NewVectors()
		for b.Loop() {
			sink += m.Run(&x, &dx)
		}
	})
	q := [6]float64{.3, .31, .32, .33, .34, .35}
	var residual [3]float64
	var jacobian [18]float64
	var gradient [6]float64
	var hessian [36]float64
	b.Run("arm/generated", func(b *testing.B) {
		for b.Loop() {
			arm.Arm(&q, &residual, &jacobian, &gradient, &hessian)
		}
	})
	var path [100]float64
	b.Run("logistic/generated", func(b *testing.B) {
		for b.Loop() {
			x, d0, dr := logistic.Logistic(0.3, 3.5, &path)
			sink += x + d0 + dr
		}
	})
	l := layer.NewLayer()
	var lx [32]float64
	var ly [24]float64
	var lw [12]float64
	var lb [3]float64
	b.Run("layer/generated", func(b *testing.B) {
		for b.Loop() {
			loss, err := l.Run(&lx, &ly, &lw, &lb)
			if err != nil {
				b.Fatal(err)
			}
			sink += loss
		}
	})
	for _, c := range cases {
		b.Run(strings.ToLower(c.name)+"/machine", func(b *testing.B) {
			p, _ := c.build(b)
			m := vm.NewMachine(p, vm.WithNativeAhead())
			for _, in := range p.Inputs() {
				v := m.Float64(in.Name)
				for i := range v {
					v[i] = 0.3 + 0.0001*float64(i)
				}
			}
			for b.Loop() {
				if err := m.Step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
