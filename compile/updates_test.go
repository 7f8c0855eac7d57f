package compile

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// inPlace counts the inputs that are updated, and those of them whose new value is computed where they lie.
func inPlace(p *vm.Program) (updated, in int) {
	for _, s := range p.Inputs() {
		if s.Update > 0 {
			updated++
			if p.Outputs()[s.Update-1].Ref == s.Ref {
				in++
			}
		}
	}
	return updated, in
}

// Updated inputs have after each of several runs the values that copies of the outputs give; as many as can be are computed in place.
func TestUpdates(t *testing.T) {
	type build func(g *graph.Graph, a, b *graph.Node) (newA, newB, out *graph.Node)
	const n = 40
	one := func(x *graph.Node) *graph.Node { return graph.Like(x, 1) }
	for _, test := range []struct {
		name string
		want int // in place, of 2
		f    build
	}{
		{"elementwise", 2, func(_ *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			return graph.Mul(a, graph.Like(a, 0.5)), graph.Add(b, one(b)), graph.Sum(graph.Mul(a, b))
		}},
		{"descent", 2, func(_ *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			y := graph.Sum(graph.Square(graph.Tanh(graph.MatMul(graph.Tanh(a), b))))
			d, err := Gradient(y, a, b)
			if err != nil {
				t.Fatal(err)
			}
			rate := graph.Like(a, 0.01)
			return graph.Sub(a, graph.Mul(rate, d[0])), graph.Sub(b, graph.Mul(rate, d[1])), y
		}},
		{"exchanged", 1, func(_ *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			return b, a, graph.Sum(a)
		}},
		{"rotated", 0, func(_ *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			return graph.Roll(a, 1, 0), graph.Transpose(b, 1, 0), graph.Sum(a)
		}},
		{"both the same", 1, func(_ *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			c := graph.Add(a, b)
			return c, c, graph.Sum(b)
		}},
		{"read beside the new value", 1, func(_ *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			c := graph.Add(graph.MatMul(a, b), one(a))
			return c, graph.Add(b, one(b)), graph.Sum(graph.MatMul(c, a))
		}},
		{"constants", 2, func(g *graph.Graph, a, b *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
			return graph.BroadcastTo(one(a), n, n), graph.Reshape(graph.Add(graph.Reshape(b, n*n), one(b)), n, n), graph.Sum(a)
		}},
	} {
		for _, c := range []Config{{}, {Unoptimized: true}, {Disable: []string{"epilogue"}}} {
			g := graph.New()
			a, b := g.Input("a", graph.Float64, n, n), g.Input("b", graph.Float64, n, n)
			newA, newB, out := test.f(g, a, b)
			plain, err := c.Compile(out, newA, newB)
			if err != nil {
				t.Fatal(test.name, err)
			}
			c.Updates = []Update{{a, newA}, {b, newB}}
			p, err := c.Compile(out)
			if err != nil {
				t.Fatal(test.name, err)
			}
			if _, in := inPlace(p); in != test.want && !c.Unoptimized {
				t.Errorf("%s: %d inputs are updated in place, want %d", test.name, in, test.want)
			}
			data, err := p.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if p, err = vm.Decode(data); err != nil {
				t.Fatal(err)
			}
			if p, err = vm.ParseText(p.Text()); err != nil {
				t.Fatal(err)
			}
			m := vm.NewMachine(p)
			x, y := m.Float64("a"), m.Float64("b")
			reference := vm.NewMachine(plain)
			rx, ry := reference.Float64("a"), reference.Float64("b")
			for i := range x {
				x[i], y[i] = math.Sin(float64(i)), math.Cos(0.3*float64(i))
			}
			copy(rx, x)
			copy(ry, y)
			for run := range 60 { // beyond the one that makes machine code
				if run == 3 {
					if _, err := m.Profile(context.Background(), 2); err != nil {
						t.Fatal(err)
					}
				} else if err := m.Step(); err != nil {
					t.Fatal(err)
				}
				if err := reference.Step(); err != nil {
					t.Fatal(err)
				}
				if got, want := m.OutputFloat64(0)[0], reference.OutputFloat64(0)[0]; run != 3 && math.Float64bits(got) != math.Float64bits(want) {
					t.Fatalf("%s, run %d: the output is %v, want %v", test.name, run, got, want)
				}
				copy(rx, reference.OutputFloat64(1))
				copy(ry, reference.OutputFloat64(2))
				for i := range x {
					if math.Float64bits(x[i]) != math.Float64bits(rx[i]) || math.Float64bits(y[i]) != math.Float64bits(ry[i]) {
						t.Fatalf("%s, run %d: element %d is %v and %v, want %v and %v", test.name, run, i, x[i], y[i], rx[i], ry[i])
					}
				}
			}
		}
	}
}

// Scalars count, also where the whole program is one piece of machine code.
func TestUpdatesOfScalars(t *testing.T) {
	g := graph.New()
	n, x := g.Input("n", graph.Int64), g.Input("x", graph.Float64)
	p, err := Config{Updates: []Update{{n, graph.Add(n, graph.Like(n, 1))}, {x, graph.Mul(x, g.Const(0.5))}}}.Compile(graph.Add(x, g.Const(1)))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p, vm.WithNativeAhead())
	m.Int64("n")[0], m.Float64("x")[0] = 3, 1024
	for range 10 {
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if n, x := m.Int64("n")[0], m.Float64("x")[0]; n != 13 || x != 1 {
		t.Errorf("n is %d and x is %v, want 13 and 1", n, x)
	}
}

func TestUpdatesThatAreWrong(t *testing.T) {
	for want, f := range map[string]func(g *graph.Graph, a *graph.Node) []Update{
		"is not one of an input": func(g *graph.Graph, a *graph.Node) []Update { return []Update{{graph.Neg(a), a}} },
		"updated twice":          func(g *graph.Graph, a *graph.Node) []Update { return []Update{{a, graph.Neg(a)}, {a, a}} },
		"is updated with":        func(g *graph.Graph, a *graph.Node) []Update { return []Update{{a, graph.Sum(a)}} },
		"is nil":                 func(g *graph.Graph, a *graph.Node) []Update { return []Update{{a, nil}} },
		"update 0":               func(g *graph.Graph, a *graph.Node) []Update { return []Update{{nil, a}} },
	} {
		g := graph.New()
		a := g.Input("a", graph.Float64, 3)
		if _, err := (Config{Updates: f(g, a)}).Compile(graph.Sum(a)); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
