package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Scans of small arrays write their results, carries and sums in their places in machine code, also what is read and overwritten in each step; values are those of a machine that copies all.
func TestScansWriteInPlace(t *testing.T) {
	const steps, n = 150, 40
	part := func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, []int{0}, graph.KeepDims) }
	g := graph.New()
	h0, a0, w, xs := g.Input("h", graph.Float64, n), g.Input("a", graph.Float64, n), g.Input("w", graph.Float64, n), g.Input("x", graph.Float64, steps, n)
	final, ys := graph.Scan(steps, []*graph.Node{h0, a0}, []*graph.Node{xs}, func(c, x []*graph.Node) (next, ys []*graph.Node) {
		h := graph.Tanh(graph.Add(graph.Mul(c[0], w), x[0]))
		a := graph.Add(c[1], graph.Mul(h, h))
		e := graph.Exp(h)
		return []*graph.Node{h, a}, []*graph.Node{h, e, graph.Stack(0, graph.Sum(h), graph.Sum(e), graph.Sum(a), graph.Sum(graph.Mul(e, h)), graph.Sum(graph.Square(e))),
			graph.Concat(0, part(graph.Mul(e, a)), graph.Sin(h), part(graph.Square(e)))}
	})
	cost := graph.Sum(graph.Mul(final[0], final[1]))
	for _, y := range ys {
		cost = graph.Add(cost, graph.Sum(graph.Sin(y)))
	}
	gradient := must[[]*graph.Node](t)(compile.Gradient(cost, h0, a0, w, xs))
	p := must[*vm.Program](t)(compile.Compile(append(append(append([]*graph.Node{cost}, final...), ys...), gradient...)...))
	var want [][]float64
	for _, options := range [][]vm.Option{{vm.WithoutNative()}, nil, {vm.WithNativeAhead()}} {
		m := vm.NewMachine(p, options...)
		for _, name := range []string{"h", "a", "w", "x"} {
			for i, v := 0, m.Float64(name); i < len(v); i++ {
				v[i] = math.Sin(float64(3*i + len(name+"x")))
			}
		}
		for run := range 3 {
			if err := m.Step(); err != nil {
				t.Fatal(err)
			}
			for k := range len(final) + len(ys) + len(gradient) + 1 {
				got := m.OutputFloat64(k)
				if len(want) == k {
					want = append(want, append([]float64(nil), got...))
				}
				for i := range got {
					if math.Float64bits(got[i]) != math.Float64bits(want[k][i]) {
						t.Fatalf("run %d, output %d: element %d is %v instead of %v", run, k, i, got[i], want[k][i])
					}
				}
			}
		}
	}
}
