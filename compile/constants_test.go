package compile

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/vm"
)

// TestConstantOperands has products with constants, which are packed once if there is memory for it: results have the bits of products of inputs,
// and machines the memory that they state.
func TestConstantOperands(t *testing.T) {
	kept := 0
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		for _, s := range [][3]int{{40, 90, 300}, {1, 70, 500}, {70, 1, 500}, {500, 600, 300}, {3, 4, 5}} {
			for form := range 4 {
				m, n, k := s[0], s[1], s[2]
				shapes := [2][]int{{m, k}, {k, n}}
				for i := range 2 {
					if form>>i&1 != 0 {
						shapes[i][0], shapes[i][1] = shapes[i][1], shapes[i][0]
					}
				}
				value := func(which, i int) float64 { return float64(float32(math.Sin(float64(i*(which+3)) + float64(which)))) }
				product := func(a, b *graph.Node) *graph.Node {
					if form&1 != 0 {
						a = graph.Transpose(a)
					}
					if form&2 != 0 {
						b = graph.Transpose(b)
					}
					return graph.MatMul(a, b)
				}
				run := func(constant int, limit func(p *vm.Program) []vm.Option) []float64 {
					g := graph.New()
					var operands [2]*graph.Node
					for which, shape := range shapes {
						if which == constant {
							v := make([]float64, shape[0]*shape[1])
							for i := range v {
								v[i] = value(which, i)
							}
							operands[which] = graph.Cast(graph.Constant(g, v, shape...), d)
						} else {
							operands[which] = g.Input([]string{"a", "b"}[which], d, shape...)
						}
					}
					p, err := Compile(product(operands[0], operands[1]))
					if err != nil {
						t.Fatal(err)
					}
					options := limit(p)
					machine := vm.NewMachine(p, options...)
					if machine.MemoryBytes() != p.MemoryBytes(options...) {
						t.Errorf("the machine has %d bytes and stated %d", machine.MemoryBytes(), p.MemoryBytes(options...))
					}
					in := map[string]*tensor.Dense{}
					for which, shape := range shapes {
						if which == constant {
							continue
						}
						v, w := make([]float64, shape[0]*shape[1]), make([]float32, shape[0]*shape[1])
						for i := range v {
							v[i], w[i] = value(which, i), float32(value(which, i))
						}
						backing := tensor.WithBacking(v)
						if d == graph.Float32 {
							backing = tensor.WithBacking(w)
						}
						in[[]string{"a", "b"}[which]] = tensor.New(tensor.WithShape(shape...), backing)
					}
					out, err := machine.Run(in)
					if err != nil {
						t.Fatal(err)
					}
					return float64s(out[0].Data())
				}
				free := func(*vm.Program) []vm.Option { return []vm.Option{vm.WithoutNative()} }
				tight := func(p *vm.Program) []vm.Option { // no memory for what is packed
					full := p.MemoryBytes(vm.WithoutNative())
					options := []vm.Option{vm.WithoutNative(), vm.WithMemoryLimit(full - 1)}
					if p.MemoryBytes(options...) < full {
						kept++
						return options
					}
					return free(p)
				}
				want := run(-1, free)
				for constant := range 2 {
					for _, limit := range []func(*vm.Program) []vm.Option{free, tight} {
						if at := firstDifference(run(constant, limit), want); at >= 0 {
							t.Fatalf("%v, %v, form %d, operand %d constant: element %d differs", d, s, form, constant, at)
						}
					}
				}
			}
		}
	}
	least := 10
	if cpu.Best() == cpu.AVX2 { // fewer products go a way that packs
		least = 8
	}
	if t.Logf("%d programs keep packed constants", kept); kept < least {
		t.Errorf("only %d programs keep packed constants", kept)
	}
}
