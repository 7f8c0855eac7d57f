package compile_test

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// refEval evaluates by the definitions.
func refEval(t *testing.T, in map[*graph.Node]ref.Value, out ...*graph.Node) []ref.Value {
	t.Helper()
	v, err := ref.Eval(in, out...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLoopDerivativesByDefinition(t *testing.T) {
	for _, name := range []string{"scan", "while", "switch", "checkpoint"} {
		op := graph.LookupOp(name)
		for k, s := range op.Samples {
			g := graph.New()
			var in []*graph.Node
			values := map[*graph.Node]ref.Value{}
			seed := 0.3
			for i, si := range s.In {
				n := g.Input(string(rune('a'+i)), si.Type.DType, si.Type.Shape...)
				in = append(in, n)
				v := make([]float64, n.Shape().Size())
				for j := range v {
					seed = math.Mod(seed*7.13+0.31, 1)
					v[j] = si.Lo + (si.Hi-si.Lo)*seed
				}
				values[n] = ref.Of(si.Type, v...)
			}
			y := graph.ReduceSum(graph.Square(s.Build(in)), nil)
			if err := g.Err(); err != nil {
				t.Fatal(name, k, err)
			}
			grad, err := compile.Gradient(y, in...)
			if err != nil {
				t.Fatal(name, k, err)
			}
			var ones []*graph.Node
			for i, n := range in {
				ones = append(ones, graph.Constant(g, values[n].F, n.Shape()...))
				_ = i
			}
			dot, err := compile.JVP([]*graph.Node{y}, in, ones)
			if err != nil {
				t.Fatal(name, k, err)
			}
			sum := graph.Like(y, 0)
			for i := range in {
				sum = graph.Add(sum, graph.ReduceSum(graph.Mul(grad[i], ones[i]), nil))
			}
			// Second order: forward over reverse and reverse over reverse, forward over forward.
			fr, err := compile.JVP([]*graph.Node{sum}, in, ones)
			if err != nil {
				t.Fatal(name, k, err)
			}
			rr, err := compile.Gradient(sum, in...)
			if err != nil {
				t.Fatal(name, k, err)
			}
			rrs := graph.Like(y, 0)
			for i := range in {
				rrs = graph.Add(rrs, graph.ReduceSum(graph.Mul(rr[i], ones[i]), nil))
			}
			ff, err := compile.JVP(dot, in, ones)
			if err != nil {
				t.Fatal(name, k, err)
			}
			out := refEval(t, values, y, sum, dot[0], fr[0], rrs, ff[0])
			// difference
			h := 1e-5
			at := func(e float64) float64 {
				moved := map[*graph.Node]ref.Value{}
				for n, v := range values {
					w := ref.New(v.Type)
					for j := range v.F {
						w.F[j] = v.F[j] * (1 + e)
					}
					moved[n] = w
				}
				return refEval(t, moved, y)[0].F[0]
			}
			d1 := (at(h) - at(-h)) / (2 * h)
			d2 := (at(1e-4) - 2*at(0) + at(-1e-4)) / 1e-8
			t.Log(name, k, d1, d2, out[0].F, out[1].F, out[2].F, out[3].F, out[4].F, out[5].F)
			for i, want := range []float64{d1, d1, d2, d2, d2} {
				if got := out[1+i].F[0]; math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
					t.Errorf("%s %d: derivative %d is %v, differences %v", name, k, i, got, want)
				}
			}
		}
	}
}
