package compile

import (
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// A carry whose next value a loop computes element by element, and which nothing reads later, is overwritten by that; others are not. A reduction is made by a loop that reads its operand anyway.
func TestCarriesInPlace(t *testing.T) {
	const n, steps = 3000, 5
	type step func(c, xs []*graph.Node) (next, ys []*graph.Node)
	for _, c := range []struct {
		name    string
		step    step
		inPlace []bool // by carry
		instrs  int
	}{
		{"elementwise", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Add(graph.Mul(c[0], c[1]), xs[0]), graph.Mul(c[1], xs[0])}, nil
		}, []bool{true, true}, 1},
		{"sum beside it", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Mul(c[0], xs[0]), c[1]}, []*graph.Node{graph.ReduceSum(c[0], nil)}
		}, []bool{true, true}, 1},
		{"neighbours", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Mul(c[0], shift(c[0], 1)), graph.Mul(c[1], xs[0])}, nil
		}, []bool{false, true}, 2},
		{"sum beside neighbours", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Mul(c[0], shift(c[0], 1)), c[1]}, []*graph.Node{graph.ReduceSum(c[0], nil)}
		}, []bool{false, true}, 2},
		{"given out", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			y := graph.Mul(c[1], xs[0])
			return []*graph.Node{graph.Mul(c[0], xs[0]), y}, []*graph.Node{c[0], y}
		}, []bool{false, false}, 2},
		{"read later", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			y := graph.Mul(c[0], xs[0])
			return []*graph.Node{y, graph.Add(graph.Mul(c[0], graph.Cumsum(y, 0)), c[1])}, nil
		}, []bool{false, true}, 3},
		{"exchanged", func(c, xs []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Add(c[1], c[0]), graph.Sub(c[1], c[0])}, nil
		}, []bool{true, true}, 1},
	} {
		g := graph.New()
		u, v, x := g.Input("u", graph.Float64, n), g.Input("v", graph.Float64, n), g.Input("x", graph.Float64, steps)
		final, ys := graph.Scan(steps, []*graph.Node{u, v}, []*graph.Node{x}, c.step)
		out := append(append([]*graph.Node{}, final...), ys...)
		p, err := Compile(out...)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		b := p.Code().Blocks[0]
		for k, want := range c.inPlace {
			in := b.Inputs[k]
			if got := in.Space == 0 && in.Offset == b.Outputs[k].Offset && in.Used; got != want {
				t.Errorf("%s: carry %d in place is %v\n%v", c.name, k, got, p)
			}
		}
		if len(b.Instrs) != c.instrs {
			t.Errorf("%s: %d instructions\n%v", c.name, len(b.Instrs), p)
		}
		plain, err := Config{Unoptimized: true}.Compile(out...)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var results [2][]vm.Array
		for i, p := range []*vm.Program{p, plain} {
			m := vm.NewMachine(p)
			for range 2 { // a run leaves the operands as they are
				for k := range n {
					m.Float64("u")[k], m.Float64("v")[k] = float64(k%7)-3, float64(k%5)/4
				}
				for k := range steps {
					m.Float64("x")[k] = float64(k) / 2 // exact, however products are joined with sums
				}
				if err := m.Step(); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			for k := range out {
				a, err := m.OutputView(k)
				if err != nil {
					t.Fatal(err)
				}
				results[i] = append(results[i], a)
			}
		}
		for k := range out {
			a, b := results[0][k].Data.([]float64), results[1][k].Data.([]float64)
			for i := range a {
				if a[i] != b[i] {
					t.Fatalf("%s: element %d of output %d is %v, and %v without optimization", c.name, i, k, a[i], b[i])
				}
			}
		}
	}
}
