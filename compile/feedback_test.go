package compile_test

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// TestOutputAsInput feeds a machine's output back to it: the run writes the memory that the tensor shares while the
// input is still read.
func TestOutputAsInput(t *testing.T) {
	const n = 1000
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	reversed := graph.Slice(x, graph.Range{Start: n - 1, Limit: graph.All, Step: -1})
	p, err := compile.Compile(graph.Add(reversed, graph.Mul(g.Const(2), x)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Inputs()[0].Space == 0 {
		t.Fatal("the input is small enough to be copied: nothing is tested")
	}
	want := make([]float64, n)
	for i := range want {
		want[i] = float64(i)
	}
	m := vm.NewMachine(p)
	value := tensor.New(tensor.WithShape(n), tensor.WithBacking(append([]float64(nil), want...)))
	for step := range 3 {
		out, err := m.Run(value)
		if err != nil {
			t.Fatal(err)
		}
		next := make([]float64, n)
		for i := range next {
			next[i] = want[n-1-i] + 2*want[i]
		}
		want, value = next, out[0]
		for i, v := range value.Data().([]float64) {
			if v != want[i] {
				t.Fatalf("step %d: element %d is %v, want %v", step, i, v, want[i])
			}
		}
	}
}
