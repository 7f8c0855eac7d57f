package compile

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// loopsLeft counts the loops that the outputs depend on behind the passes join and loops.
func loopsLeft(t *testing.T, c Config, outputs ...*graph.Node) int {
	t.Helper()
	u := newUnit(c, outputs[0].Graph(), outputs)
	for _, pass := range []func(*unit) error{joinLoops, simplifyLoops} {
		if err := pass(u); err != nil {
			t.Fatal(err)
		}
	}
	return len(readsOfLoops(u))
}

type nodes = []*graph.Node

func TestJoin(t *testing.T) {
	// step has work that is worth sharing, and cannot be unrolled.
	step := func(c, e *graph.Node) *graph.Node {
		return graph.Add(graph.Sin(graph.Mul(c, e)), graph.Exp(graph.Neg(graph.Square(c))))
	}
	scan := func(n int, x, xs *graph.Node, opts ...graph.ScanOption) (final, ys nodes) {
		return graph.Scan(n, nodes{x}, nodes{xs}, func(c, e nodes) (next, ys nodes) { return nodes{step(c[0], e[0])}, nodes{graph.Cos(c[0])} }, opts...)
	}
	while := func(x *graph.Node, bound float64) (final nodes, steps *graph.Node) {
		return graph.While(50, nodes{x, graph.ReduceSum(x, nil)}, func(c nodes) *graph.Node { return graph.Less(c[1], graph.Like(c[1], bound)) },
			func(c nodes) nodes {
				return nodes{graph.Add(c[0], graph.Exp(graph.Neg(graph.Square(c[0])))), graph.Add(c[1], graph.ReduceSum(graph.Square(graph.Cos(c[0])), nil))}
			})
	}
	jvp := func(out nodes, x *graph.Node) nodes {
		d, err := JVP(out, nodes{x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	gradient := func(out, x *graph.Node) *graph.Node {
		d, err := Gradient(out, x)
		if err != nil {
			t.Fatal(err)
		}
		return d[0]
	}
	for name, c := range map[string]struct {
		build          func(g *graph.Graph, x, w, xs *graph.Node) nodes
		loops, carries int // that are left; carries that were equal
	}{
		"a loop and its tangents": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			final, ys := scan(3, x, xs)
			return append(append(final, ys...), jvp(append(final, ys...), x)...)
		}, 1, 1},
		"tangents of tangents": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			final, _ := scan(3, x, xs)
			d := jvp(final, x)
			return append(append(final, d...), jvp(d, x)...)
		}, 1, 4}, // of c; c, ċ; c, ċ, ċ, c̈
		"a gradient and its tangents": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			final, _ := scan(3, x, xs)
			d := gradient(graph.ReduceSum(final[0], nil), x)
			return append(jvp(nodes{d}, x), d, final[0])
		}, 2, 2},
		"two loops in a row and their tangents": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			a, _ := scan(3, x, xs)
			b, _ := scan(3, graph.Mul(a[0], w), xs, graph.Reverse)
			return append(append(b, a...), jvp(nodes{b[0], a[0]}, x)...)
		}, 2, 2},
		"equal carries of one loop": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			final, _ := graph.Scan(3, nodes{x, w, x, w}, nodes{xs}, func(c, e nodes) (next, ys nodes) {
				return nodes{step(c[1], e[0]), step(c[0], e[0]), step(c[3], e[0]), step(c[2], e[0])}, nil
			})
			return final
		}, 1, 2},
		"carries that start equal and part": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			final, _ := graph.Scan(3, nodes{x, x, x}, nodes{xs}, func(c, e nodes) (next, ys nodes) {
				return nodes{c[1], c[2], step(c[2], e[0])}, nil // a shift: equal to the end only if the last two are
			})
			return final
		}, 1, 0},
		"a while loop and its tangents": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			final, n := while(x, 20)
			return append(append(final[:1:1], graph.Cast(n, graph.Float64)), jvp(final, x)...)
		}, 1, 2},
		"equal carries that the condition takes": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			sum := graph.ReduceSum(x, nil)
			final, _ := graph.While(50, nodes{sum, sum, x}, func(c nodes) *graph.Node { return graph.Less(graph.Add(c[0], c[1]), graph.ReduceMax(xs, nil)) },
				func(c nodes) nodes {
					return nodes{graph.Add(c[0], graph.Exp(c[0])), graph.Add(c[1], graph.Exp(c[1])), graph.Add(c[2], graph.Exp(c[2]))}
				})
			return final
		}, 1, 1},
		"while loops with other conditions": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			a, _ := while(x, 20)
			b, _ := while(x, 30)
			return append(a, b...)
		}, 2, 0},
		"loops that go the other way": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			a, _ := scan(3, x, xs)
			b, _ := scan(3, x, xs, graph.Reverse)
			return append(a, b...)
		}, 2, 0},
		"loops of other lengths": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			a, _ := scan(3, x, xs)
			b, _ := scan(2, x, graph.Slice(xs, graph.Range{Limit: 2}))
			return append(a, b...)
		}, 2, 0},
		"loops without a piece of work in common": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			a, _ := scan(3, x, xs)
			b, _ := graph.Scan(3, nodes{x}, nodes{xs}, func(c, e nodes) (next, ys nodes) { return nodes{graph.Atan(graph.Sub(c[0], e[0]))}, nil })
			return append(a, b...)
		}, 2, 0},
		"a loop on what another one gives": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			a, ys := scan(3, x, xs)
			b, _ := scan(3, x, ys[0])
			return append(a, b...)
		}, 2, 0},
		"maps with a piece of work in common": {func(g *graph.Graph, x, w, xs *graph.Node) nodes {
			_, a := graph.Scan(3, nil, nodes{xs}, func(_, e nodes) (next, ys nodes) { return nil, nodes{graph.ReduceSum(graph.Exp(e[0]), nil)} })
			_, b := graph.Scan(3, nil, nodes{xs}, func(_, e nodes) (next, ys nodes) { return nil, nodes{graph.ReduceMax(graph.Exp(e[0]), nil)} })
			return append(a, b...)
		}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x, w, xs := g.Input("x", graph.Float64, 4), g.Input("w", graph.Float64, 4), g.Input("xs", graph.Float64, 3, 4)
			out := c.build(g, x, w, xs)
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			if n := loopsLeft(t, Config{}, out...); n != c.loops {
				t.Errorf("%d loops are left, want %d", n, c.loops)
			}
			fired, got := loopRewrites(t, Config{Verify: true}, out...)
			if fired["equal_carry"] != c.carries {
				t.Errorf("%d carries were equal, want %d", fired["equal_carry"], c.carries)
			}
			fired, want := loopRewrites(t, Config{Disable: []string{"join", "rewrite"}}, out...)
			if fired["join"] != 0 {
				t.Error("the pass ran although it is disabled")
			}
			_, plain := loopRewrites(t, Config{Disable: []string{"join"}}, out...)
			for i := range got {
				if math.Abs(got[i]-want[i]) > 1e-13*(1+math.Abs(want[i])) {
					t.Errorf("value %d is %v, without rewrites %v", i, got[i], want[i])
				}
				if math.Float64bits(got[i]) != math.Float64bits(plain[i]) {
					t.Errorf("value %d is %v, without the pass %v", i, got[i], plain[i])
				}
			}
		})
	}
}
