package vm_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// TestLargeBlocks compares blocks, which ask for those that follow where arrays are large and divide beside functions, with machine code.
func TestLargeBlocks(t *testing.T) {
	const n = 100_003
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	square := graph.Mul(x, x)
	y := graph.Sum(graph.Add(graph.Mul(graph.Exp(graph.Neg(square)), graph.Sin(x)), graph.Div(x, graph.Add(g.Const(1), square))))
	gradients, err := compile.Gradient(y, x)
	if err != nil {
		t.Fatal(err)
	}
	p := must(compile.Compile(y.Named("y"), gradients[0].Named("gradient"), graph.Less(x, square).Named("less")))
	var want [2][]float64
	for k, opts := range [][]vm.Option{{vm.WithNativeAhead(), vm.WithThreads(1)}, {vm.WithoutNative(), vm.WithThreads(1)}, {vm.WithoutNative(), vm.WithThreads(3)}} {
		m := vm.NewGuardedMachine(p, 0x5A, opts...)
		for i, v := 0, m.Float64("x"); i < n; i++ {
			v[i] = -4 + 8*float64(i)/n
		}
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
		if !m.Intact() {
			t.Error("a block wrote outside of an array")
		}
		got := [2][]float64{slices.Clone(m.Float64("y")), slices.Clone(m.Float64("gradient"))}
		if k == 0 {
			want = got
		}
		for i := range want {
			for j, v := range want[i] {
				if math.Float64bits(v) != math.Float64bits(got[i][j]) {
					t.Fatalf("output %d differs at %d: %v, want %v", i, j, got[i][j], v)
				}
			}
		}
	}
}
