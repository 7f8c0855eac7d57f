package compile

import (
	"math"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// loopRewrites compiles and returns how often each change of loops fired, and what the program gives.
func loopRewrites(t *testing.T, c Config, outputs ...*graph.Node) (fired map[string]int, values []float64) {
	t.Helper()
	p, err := c.compile(outputs, func(u *unit, _ *lowering, _ *pass, _ time.Duration) error {
		fired = u.fired
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m := vm.NewMachine(p)
	for _, s := range p.Inputs() {
		for i := range s.Size() {
			m.Float64(s.Name)[i] = math.Sin(float64(i + len(s.Name)))
		}
	}
	if err := m.Step(); err != nil {
		t.Fatal(err)
	}
	for i, s := range p.Outputs() {
		if s.DType == graph.Float64 {
			values = append(values, m.OutputFloat64(i)...)
		}
		if s.DType == graph.Int64 {
			view, err := m.OutputView(i)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, view.Float64s()...)
		}
	}
	return fired, values
}

// Sums over steps become one product only where that pays, and only with fast-math, since they are rounded in another order.
func TestHoistedSums(t *testing.T) {
	product := func(w, h *graph.Node) *graph.Node { return graph.Tanh(graph.MatMul(h, w)) }
	for name, c := range map[string]struct {
		build  func(g *graph.Graph) (*graph.Node, nodes)
		config Config
		sums   int
	}{
		"rows":       {recurrent(5, 2, 32, elman), Config{FastMath: true}, 2},
		"no options": {recurrent(5, 2, 32, elman), Config{}, 0},
		"disabled":   {recurrent(5, 2, 32, elman), Config{FastMath: true, Disable: []string{"hoist_sum"}}, 0},
		"few states": {recurrent(5, 2, 32, elman), Config{FastMath: true, Checkpoints: Checkpoints{States: 1}}, 0},
		"many rows":  {recurrent(5, 16, 32, elman), Config{FastMath: true}, 0},
		"too much":   {recurrent(300, 2, 32, elman), Config{FastMath: true, MemoryLimit: 1_000_000}, 0},
		"a vector": {func(g *graph.Graph) (*graph.Node, nodes) {
			w, x := g.Input("w", graph.Float64, 16, 16), g.Input("x", graph.Float64, 16)
			final, _ := graph.Scan(7, nodes{x}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{graph.Sin(graph.MatMul(w, c[0]))}, nil }, graph.Reverse)
			return graph.ReduceSum(final[0], nil), nodes{w, x}
		}, Config{FastMath: true}, 1},
		"columns": {func(g *graph.Graph) (*graph.Node, nodes) {
			w, x := g.Input("w", graph.Float64, 24, 24), g.Input("x", graph.Float64, 24, 3)
			final, _ := graph.Scan(7, nodes{x}, nil, func(c, _ nodes) (next, ys nodes) { return nodes{graph.Sin(graph.MatMul(w, c[0]))}, nil })
			return graph.ReduceSum(final[0], nil), nodes{w, x}
		}, Config{FastMath: true}, 1},
		"a while loop, masked": {func(g *graph.Graph) (*graph.Node, nodes) {
			w, x := g.Input("w", graph.Float64, 24, 24), g.Input("x", graph.Float64, 1, 24)
			final, _ := graph.While(9, nodes{x, g.Const(0)}, func(c nodes) *graph.Node { return graph.Less(c[1], graph.Like(c[1], 3.5)) },
				func(c nodes) nodes { return nodes{graph.Relu(product(w, c[0])), graph.Add(c[1], graph.Like(c[1], 1))} })
			return graph.ReduceSum(final[0], nil), nodes{w, x}
		}, Config{FastMath: true}, 1},
		"a sum that the steps read": {func(g *graph.Graph) (*graph.Node, nodes) {
			x, s := g.Input("x", graph.Float64, 1, 24), g.Input("s", graph.Float64, 24, 24)
			final, _ := graph.Scan(7, nodes{x, s}, nil, func(c, _ nodes) (next, ys nodes) {
				return nodes{product(c[1], c[0]), graph.Add(c[1], graph.MatMul(graph.Transpose(c[0]), c[0]))}, nil
			})
			return graph.Add(graph.ReduceSum(final[0], nil), graph.ReduceSum(final[1], nil)), nil
		}, Config{FastMath: true}, 0},
		"a sum that is read at each step": {func(g *graph.Graph) (*graph.Node, nodes) {
			x, s := g.Input("x", graph.Float64, 1, 24), g.Input("s", graph.Float64, 24, 24)
			final, ys := graph.Scan(7, nodes{x, s}, nil, func(c, _ nodes) (next, ys nodes) {
				sum := graph.Add(c[1], graph.MatMul(graph.Transpose(c[0]), c[0]))
				return nodes{graph.Sin(c[0]), sum}, nodes{sum}
			})
			return graph.Add(graph.ReduceSum(ys[0], nil), graph.ReduceSum(final[1], nil)), nil
		}, Config{FastMath: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			cost, wrt := c.build(g)
			out := nodes{cost}
			if wrt != nil {
				d, err := Gradient(cost, wrt...)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, d...)
			}
			c.config.Verify = true
			fired, got := loopRewrites(t, c.config, out...)
			if fired["hoist_sum"] != c.sums {
				t.Errorf("%d sums are hoisted, want %d", fired["hoist_sum"], c.sums)
			}
			_, want := loopRewrites(t, Config{Unoptimized: true}, out...)
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-12*(1+math.Abs(want[i])) {
					t.Fatalf("value %d is %v, in the loop %v", i, got[i], want[i])
				}
			}
		})
	}
}

func TestChangesOfLoops(t *testing.T) {
	for name, c := range map[string]struct {
		build func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node
		want  map[string]int
	}{
		"a short loop over scalars": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			final, ys := graph.Scan(5, []*graph.Node{graph.Index(x, 0)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				y := graph.Sin(graph.Mul(c[0], graph.Index(w, 1)))
				return []*graph.Node{y}, []*graph.Node{c[0]}
			})
			return append(final, ys...)
		}, map[string]int{"unroll": 1}},
		"a loop of one step": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			final, _ := graph.Scan(1, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Mul(c[0], w)}, nil
			})
			return final
		}, map[string]int{"unroll": 1}},
		"a long loop over scalars": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			final, _ := graph.Scan(500, []*graph.Node{graph.Index(x, 0)}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Sin(graph.Mul(c[0], graph.Index(w, 1)))}, nil
			})
			return final
		}, map[string]int{"unroll": 0, "hoist": 0}},
		"a loop over arrays": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			final, _ := graph.Scan(3, []*graph.Node{x}, []*graph.Node{xs}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Sin(graph.Mul(c[0], e[0]))}, nil
			})
			return final
		}, map[string]int{"unroll": 0, "hoist": 0, "dead_carry": 0}},
		"what is the same at every step": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			final, ys := graph.Scan(3, []*graph.Node{x}, []*graph.Node{xs}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
				a := graph.Exp(graph.Identity(graph.Add(w, graph.Mul(w, w))))
				return []*graph.Node{graph.Add(graph.Mul(c[0], a), e[0])}, []*graph.Node{a, graph.Mul(a, e[0])}
			})
			return append(final, ys...)
		}, map[string]int{"hoist": 1}},
		"what is the same, but no work": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			init := graph.BroadcastTo(x, 4, 4)
			final, _ := graph.Scan(3, []*graph.Node{init}, []*graph.Node{xs}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Add(graph.Mul(c[0], graph.BroadcastTo(graph.Reshape(w, 1, 4), 4, 4)), graph.Reshape(e[0], 4, 1))}, nil
			})
			return final
		}, map[string]int{"hoist": 0, "unroll": 0}},
		"carries that nobody needs": {func(g *graph.Graph, x, w, xs *graph.Node) []*graph.Node {
			final, ys := graph.Scan(3, []*graph.Node{x, w, w, x}, []*graph.Node{xs}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{graph.Add(c[0], e[0]), graph.Mul(c[2], e[0]), graph.Mul(c[1], c[2]), graph.Sub(c[3], c[0])}, []*graph.Node{graph.Square(c[0])}
			})
			return []*graph.Node{final[3], ys[0]}
		}, map[string]int{"dead_carry": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x, w, xs := g.Input("x", graph.Float64, 4), g.Input("w", graph.Float64, 4), g.Input("xs", graph.Float64, 3, 4)
			out := c.build(g, x, w, xs)
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			fired, got := loopRewrites(t, Config{Verify: true}, out...)
			for k, n := range c.want {
				if fired[k] != n {
					t.Errorf("%s fired %d times, want %d", k, fired[k], n)
				}
			}
			_, want := loopRewrites(t, Config{Disable: []string{"loops"}}, out...)
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-14*(1+math.Abs(want[i])) {
					t.Errorf("value %d is %v, without the pass %v", i, got[i], want[i])
				}
			}
			for _, name := range []string{"hoist", "unroll"} {
				if fired, _ := loopRewrites(t, Config{Disable: []string{name}}, out...); fired[name] != 0 {
					t.Errorf("%s fires although it is disabled", name)
				}
			}
		})
	}
}
