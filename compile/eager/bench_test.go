package eager_test

import (
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/compile/eager"
)

func random(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rand.NormFloat64()
	}
	return v
}

// BenchmarkMLP is a training pass of a multilayer perceptron of 784, 128 and 10 units on 64 rows.
func BenchmarkMLP(b *testing.B) {
	for _, rows := range []int{1, 64} {
		b.Run(map[int]string{1: "rows=1", 64: "rows=64"}[rows], func(b *testing.B) {
			x, y := eager.New(random(rows*784), rows, 784), eager.New(random(rows*10), rows, 10)
			w1, b1 := eager.New(random(784*128), 784, 128).Mul(.03).RequiresGrad(), eager.Zeros(128).RequiresGrad()
			w2, b2 := eager.New(random(1280), 128, 10).Mul(.1).RequiresGrad(), eager.Zeros(10).RequiresGrad()
			for b.Loop() {
				loss := x.MatMul(w1).Add(b1).Relu().MatMul(w2).Add(b2).Sub(y).Square().Mean()
				if err := loss.Backward(); err != nil {
					b.Fatal(err)
				}
				for _, p := range []*eager.Tensor{w1, b1, w2, b2} {
					p.ZeroGrad()
				}
			}
		})
	}
}

// BenchmarkScalars is a pass through an expression of two scalars.
func BenchmarkScalars(b *testing.B) {
	x, y := eager.Of(3.0).RequiresGrad(), eager.Of(4.0).RequiresGrad()
	for b.Loop() {
		z := x.Mul(x).Add(y.Mul(y)).Add(x.Mul(y))
		if err := z.Backward(); err != nil {
			b.Fatal(err)
		}
		x.ZeroGrad()
		y.ZeroGrad()
	}
}
