package compile

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// recurrent is a recurrent network of a batch of b, with n units, over steps.
func recurrent(steps, b, n int, step func(h, x, w, u *graph.Node) *graph.Node) func(g *graph.Graph) (cost *graph.Node, wrt nodes) {
	return func(g *graph.Graph) (*graph.Node, nodes) {
		w, u := g.Input("w", graph.Float64, n, n), g.Input("u", graph.Float64, n, n)
		h, xs := g.Input("h", graph.Float64, b, n), g.Input("xs", graph.Float64, steps, b, n)
		final, _ := graph.Scan(steps, nodes{h}, nodes{xs}, func(c, e nodes) (next, ys nodes) { return nodes{step(c[0], e[0], w, u)}, nil })
		return graph.ReduceSum(graph.Square(final[0]), nil), nodes{w, u, h, xs}
	}
}

func elman(h, x, w, u *graph.Node) *graph.Node {
	return graph.Tanh(graph.Add(graph.MatMul(h, w), graph.MatMul(x, u)))
}

// gated is a unit with gates (Cho et al., 2014).
func gated(h, x, w, u *graph.Node) *graph.Node {
	r := graph.Sigmoid(graph.Add(graph.MatMul(h, w), graph.MatMul(x, u)))
	z := graph.Sigmoid(graph.Sub(graph.MatMul(h, u), graph.MatMul(x, w)))
	n := graph.Tanh(graph.Add(graph.MatMul(graph.Mul(r, h), w), graph.MatMul(x, u)))
	return graph.Add(n, graph.Mul(z, graph.Sub(h, n)))
}

func TestResiduals(t *testing.T) {
	for name, c := range map[string]struct {
		build  func(g *graph.Graph) (cost *graph.Node, wrt nodes)
		config Config
		stored int
	}{
		"what tanh is taken of":             {recurrent(3, 8, 64, elman), Config{}, 1},
		"gates":                             {recurrent(3, 8, 64, gated), Config{}, 3},
		"small gates":                       {recurrent(3, 7, 64, gated), Config{}, 6},
		"products that are cheap":           {recurrent(3, 1, 2, elman), Config{}, 0},
		"few states are kept":               {recurrent(3, 8, 64, elman), Config{Checkpoints: Checkpoints{States: 1}}, 0},
		"more than a quarter of the memory": {recurrent(100, 8, 64, elman), Config{MemoryLimit: 1_600_000}, 0},
		"a quarter of the memory":           {recurrent(100, 8, 64, elman), Config{MemoryLimit: 1_700_000}, 1},
		"a sum of a product, which rounds once": {recurrent(3, 8, 64, func(h, x, w, u *graph.Node) *graph.Node {
			return graph.Sin(graph.MatMul(graph.Add(graph.Mul(h, x), x), w))
		}), Config{}, 1},
		"a difference from a product, which may round once": {recurrent(3, 8, 64, func(h, x, w, u *graph.Node) *graph.Node {
			return graph.Sin(graph.MatMul(graph.Sub(graph.Mul(h, x), x), w))
		}), Config{}, 0},
		"a sum of a product that is used twice": {recurrent(3, 8, 64, func(h, x, w, u *graph.Node) *graph.Node {
			p := graph.Mul(h, x)
			return graph.Mul(p, graph.Sin(graph.MatMul(graph.Add(p, x), w)))
		}), Config{}, 0},
		"gates of parts of arrays": {recurrent(3, 7, 64, func(h, x, w, u *graph.Node) *graph.Node {
			gate := func(k int) *graph.Node { return graph.Add(graph.Mul(h, graph.Index(w, k)), graph.Index(u, k)) }
			return graph.Add(graph.Mul(h, graph.Sigmoid(gate(0))), graph.Mul(graph.Tanh(gate(1)), x))
		}), Config{}, 2},
		"what is the same at every step": {recurrent(3, 8, 64, func(h, x, w, u *graph.Node) *graph.Node {
			return graph.Mul(h, graph.Sin(graph.Slice(graph.MatMul(w, u), graph.Range{Limit: 8})))
		}), Config{}, 0},
		"a while loop": {func(g *graph.Graph) (*graph.Node, nodes) {
			w, h := g.Input("w", graph.Float64, 64, 64), g.Input("h", graph.Float64, 8, 64)
			final, _ := graph.While(5, nodes{h, g.Const(0)}, func(c nodes) *graph.Node { return graph.Less(c[1], graph.Like(c[1], 2.5)) },
				func(c nodes) nodes {
					return nodes{graph.Tanh(graph.MatMul(c[0], w)), graph.Add(c[1], graph.Like(c[1], 1))}
				})
			return graph.ReduceSum(final[0], nil), nodes{w, h}
		}, Config{}, 1},
		"transcendental functions of scalars": {func(g *graph.Graph) (*graph.Node, nodes) {
			x := g.Input("x", graph.Float64)
			final, _ := graph.Scan(500, nodes{x}, nil, func(c, _ nodes) (next, ys nodes) {
				return nodes{graph.Sin(graph.Exp(graph.Cos(c[0])))}, nil
			})
			return final[0], nodes{x}
		}, Config{}, 1}, // the exponential; its adjoint needs it, and the cosine of it
		"cheap functions of scalars": {func(g *graph.Graph) (*graph.Node, nodes) {
			x := g.Input("x", graph.Float64)
			final, _ := graph.Scan(500, nodes{x}, nil, func(c, _ nodes) (next, ys nodes) {
				return nodes{graph.Mul(c[0], graph.Abs(graph.Sub(g.Const(1), c[0])))}, nil
			})
			return final[0], nodes{x}
		}, Config{}, 0},
		"a loop within": {func(g *graph.Graph) (*graph.Node, nodes) {
			w, h := g.Input("w", graph.Float64, 64, 64), g.Input("h", graph.Float64, 8, 64)
			final, _ := graph.Scan(4, nodes{h}, nil, func(c, _ nodes) (next, ys nodes) {
				inner, _ := graph.Scan(3, nodes{c[0]}, nil, func(d, _ nodes) (nodes, nodes) { return nodes{graph.Tanh(graph.MatMul(d[0], w))}, nil })
				return inner, nil
			})
			return graph.ReduceSum(final[0], nil), nodes{w, h}
		}, Config{}, 1}, // by the sweep within, at each step of the one around it
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			cost, wrt := c.build(g)
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			d, err := Gradient(cost, wrt...)
			if err != nil {
				t.Fatal(err)
			}
			out := append(nodes{cost}, d...)
			c.config.Verify = true
			fired, got := loopRewrites(t, c.config, out...)
			if fired["residual"] != c.stored {
				t.Errorf("%d values are stored, want %d", fired["residual"], c.stored)
			}
			_, want := loopRewrites(t, Config{Disable: []string{"residuals"}}, out...)
			for i := range want {
				if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
					t.Fatalf("value %d is %v, without the pass %v", i, got[i], want[i])
				}
			}
			hvp, err := JVP(d, wrt[:1], nil)
			if err != nil {
				t.Fatal(err)
			}
			_, got = loopRewrites(t, Config{Verify: true}, hvp...)
			_, want = loopRewrites(t, Config{Disable: []string{"residuals", "join"}}, hvp...)
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-12*(1+math.Abs(want[i])) {
					t.Fatalf("second derivative %d is %v, without the pass %v", i, got[i], want[i])
				}
			}
		})
	}
}
