package vm_test

import (
	"errors"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// TestWorkLimit refuses programs whose work is large though their memory and their code are small.
func TestWorkLimit(t *testing.T) {
	years := must(vm.NewProgram(&vm.Code{Block: vm.Block{
		Inputs: []vm.Slot{slot("x", f64(), 0)}, Outputs: []vm.Slot{slot("y", f64(), 8)}, ArenaBytes: 64,
		Instrs: []vm.Instr{{Op: vm.OpLoop, In: []vm.Operand{operand(f64(), 0)}, Out: []vm.Operand{operand(f64(), 8)}, Loop: &micro.Loop{
			Dims: []int{1 << 20, 1 << 20}, In: []micro.Access{{Type: dtype.Float64, Strides: []int{0, 0}}}, Temps: 1,
			Code: []micro.Instr{{Op: micro.Sin, Type: dtype.Float64, Dst: 1, A: 0}}, Out: []micro.Access{{Type: dtype.Float64, Strides: []int{0, 0}}},
			OutRegs: []uint32{1}, Reduce: micro.ReduceSum, ReduceDims: 2}}},
	}}))
	if w := years.Work(); w != 0x1p41 {
		t.Errorf("%g operations, want 2⁴¹", w)
	}
	if err := vm.NewMachine(years, vm.WithWorkLimit(1e12)).Step(); !errors.Is(err, vm.ErrWorkLimit) {
		t.Errorf("a run of years: %v", err)
	}
	g := graph.New()
	a := g.Input("a", graph.Float64, 300, 300)
	image := g.Input("image", graph.Float64, 1, 8, 64, 64)
	filters := g.Input("filters", graph.Float64, 8, 8, 5, 5)
	rows, cols, values := laplacian(20)
	pooled, _ := graph.MaxPool(image, []int{9, 9}, graph.Window{Strides: []int{1, 1}})
	for _, c := range []struct {
		name  string
		y     *graph.Node
		least float64
	}{
		{"matmul", graph.MatMul(a, a), 2 * 300 * 300 * 300},
		{"inv", graph.Inv(a), 2 * 300 * 300 * 300},
		{"det", graph.Det(a), 2. / 3 * 300 * 300 * 300},
		{"conv", graph.Conv(image, filters, graph.Window{}), 2 * 8 * 8 * 60 * 60 * 25},
		{"sort", graph.Sort(a, 1), 300 * 300 * 8},
		{"fft", graph.FFT(graph.Reshape(a, 300, 150, 2), 0), 300 * 150 * 5 * 8},
		{"sparse solve", graph.NewCSR(400, 400, rows, cols, g.Input("v", graph.Float64, len(values))).Solve(g.Input("b", graph.Float64, 400)), 20 * 20 * 20 * 20},
		{"max pool", pooled, 8 * 56 * 56 * 81},
	} {
		p := must(compile.Compile(c.y))
		work := p.Work()
		if work < c.least || math.IsInf(work, 0) {
			t.Errorf("%s: %g operations of at least %g", c.name, work, c.least)
		}
		if err := vm.NewMachine(p, vm.WithWorkLimit(work*0.999)).Step(); !errors.Is(err, vm.ErrWorkLimit) {
			t.Errorf("%s: beyond the limit: %v", c.name, err)
		}
		m := vm.NewMachine(p, vm.WithWorkLimit(work))
		fillViews(m)
		if err := m.Step(); errors.Is(err, vm.ErrWorkLimit) {
			t.Errorf("%s: at the limit: %v", c.name, err)
		}
	}
	for _, p := range programs() {
		if w := p.Work(); !(w >= 0) || math.IsInf(w, 0) {
			t.Errorf("%s: %g operations", p.name, w)
		}
	}
}
