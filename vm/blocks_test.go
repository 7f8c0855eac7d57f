package vm_test

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// TestLargeBlocks compares blocks, which ask for those that follow where arrays are large, divide beside functions and do not store what is only summed, with machine code.
func TestLargeBlocks(t *testing.T) {
	const n = 100_003
	for name, f := range map[string]func(g *graph.Graph, x *graph.Node) []*graph.Node{
		"chain": func(g *graph.Graph, x *graph.Node) []*graph.Node {
			square := graph.Mul(x, x)
			y := graph.Sum(graph.Add(graph.Mul(graph.Exp(graph.Neg(square)), graph.Sin(x)), graph.Div(x, graph.Add(g.Scalar(x.DType(), 1), square))))
			gradients, err := compile.Gradient(y, x)
			if err != nil {
				t.Fatal(err)
			}
			return append(gradients, y)
		},
		"squares": func(_ *graph.Graph, x *graph.Node) []*graph.Node { return []*graph.Node{graph.Sum(graph.Mul(x, x))} },
		"differences": func(_ *graph.Graph, x *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Sum(graph.Sub(graph.Exp(x), x))}
		},
		"that are outputs": func(_ *graph.Graph, x *graph.Node) []*graph.Node {
			y := graph.Mul(x, x)
			return []*graph.Node{y, graph.Sum(y)}
		},
		"that are read": func(_ *graph.Graph, x *graph.Node) []*graph.Node {
			y := graph.Mul(x, x)
			return []*graph.Node{graph.Exp(y), graph.Sum(y)}
		},
		"rows": func(_ *graph.Graph, x *graph.Node) []*graph.Node {
			rows := graph.Reshape(graph.Slice(x, graph.Range{Limit: 99_990}), 6, 16_665)
			return []*graph.Node{graph.ReduceSum(graph.Mul(rows, rows), []int{1}), graph.ReduceSum(graph.Mul(rows, rows), []int{0})}
		},
	} {
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			g := graph.New()
			outputs := f(g, g.Input("x", d, n))
			for i, y := range outputs {
				outputs[i] = y.Named(string(rune('a' + i)))
			}
			p := must(compile.Compile(outputs...))
			want := make([][]uint64, len(outputs))
			for k, opts := range [][]vm.Option{{vm.WithNativeAhead(), vm.WithThreads(1)}, {vm.WithoutNative(), vm.WithThreads(1)}, {vm.WithoutNative(), vm.WithThreads(3)}} {
				m := vm.NewGuardedMachine(p, 0x5A, opts...)
				for i := range n {
					v := -4 + 8*float64(i)/n
					if d == graph.Float64 {
						m.Float64("x")[i] = v
					} else {
						m.Float32("x")[i] = float32(v)
					}
				}
				for range 2 {
					if err := m.Step(); err != nil {
						t.Fatal(err)
					}
				}
				if !m.Intact() {
					t.Errorf("%s, %s: a block wrote outside of an array", name, d)
				}
				for i := range outputs {
					var got []uint64
					if out := string(rune('a' + i)); d == graph.Float64 {
						for _, v := range m.Float64(out) {
							got = append(got, math.Float64bits(v))
						}
					} else {
						for _, v := range m.Float32(out) {
							got = append(got, uint64(math.Float32bits(v)))
						}
					}
					if k == 0 {
						want[i] = got
					} else if !slices.Equal(got, want[i]) {
						t.Errorf("%s, %s: output %d of executor %d differs", name, d, i, k)
					}
				}
			}
		}
	}
}
