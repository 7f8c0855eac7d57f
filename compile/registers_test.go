package compile

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// TestLoopRegistersOfOtherSize checks that a value never takes the register of an operand with narrower
// elements: the derivative of relu is a comparison cast to float, and where reads a bool beside floats.
func TestLoopRegistersOfOtherSize(t *testing.T) {
	const n = 1337
	g := graph.New()
	x := g.Input("x", graph.Float32, n)
	zero := g.Scalar(graph.Float32, 0)
	mask := graph.Cast(graph.Greater(x, zero), graph.Float32)
	wide := graph.Cast(graph.Greater(x, zero), graph.Float64)
	picked := graph.Where(graph.Greater(graph.Sin(x), zero), graph.Neg(x), x)
	p, err := Compile(graph.Relu(x), mask, wide, picked)
	if err != nil {
		t.Fatal(err)
	}
	in := make([]float32, n)
	for i := range in {
		in[i] = float32(i%7) - 3
	}
	out, err := vm.NewMachine(p).Run(tensor.New(tensor.WithShape(n), tensor.WithBacking(in)))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range in {
		want := [4]float64{max(0, float64(v)), 0, 0, float64(v)}
		if v > 0 {
			want[1], want[2] = 1, 1
		}
		if math.Sin(float64(v)) > 0 {
			want[3] = -float64(v)
		}
		got := [4]float64{float64(out[0].Data().([]float32)[i]), float64(out[1].Data().([]float32)[i]),
			out[2].Data().([]float64)[i], float64(out[3].Data().([]float32)[i])}
		for k := range want {
			if got[k] != want[k] {
				t.Fatalf("output %d at x = %v: %v, want %v", k, v, got[k], want[k])
			}
		}
	}
}
