package compile

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// longFunction computes n steps of x ← sin(w·x + k/8), so that it is too large to be inlined if n is.
func longFunction(n int, w *graph.Node) func(a nodes) nodes {
	return func(a nodes) nodes {
		x := a[0]
		for k := range n {
			x = graph.Sin(graph.Add(graph.Mul(w, x), graph.Like(x, float64(k)/8)))
		}
		return nodes{x, graph.Mul(x, w)}
	}
}

// Small functions, and those with one call, are put in its place; others are one block, and so are their derivatives.
func TestCallsAreInlined(t *testing.T) {
	type build = func(g *graph.Graph, x, w *graph.Node) *graph.Node
	calls := func(n, size int) build {
		return func(g *graph.Graph, x, w *graph.Node) *graph.Node {
			f := graph.Function(nodes{x}, longFunction(size, w))
			for range n {
				y := f(x)
				x = graph.Add(y[0], graph.Mul(y[1], g.Const(0.5)))
			}
			return x
		}
	}
	for name, c := range map[string]struct {
		build           build
		inlined, blocks int // with the gradient
	}{
		"small ones":      {calls(5, 3), 10, 0},
		"one call":        {calls(1, 60), 2, 0},
		"large ones":      {calls(7, 60), 0, 2},
		"many large ones": {calls(300, 60), 0, 2},
		"large ones' other results": {func(g *graph.Graph, x, w *graph.Node) *graph.Node {
			f := graph.Function(nodes{x}, longFunction(60, w))
			return f(f(x)[1])[0]
		}, 2, 2}, // for each choice of results one
		"in a loop and outside": {func(g *graph.Graph, x, w *graph.Node) *graph.Node {
			f := graph.Function(nodes{x}, longFunction(60, w))
			final, _ := graph.Scan(50, nodes{x}, nil, func(c, _ nodes) (next, ys nodes) { return f(c[0])[:1], nil })
			return graph.Mul(final[0], f(x)[0])
		}, 0, 4}, // the function and its derivative, and two loops
		"small ones in one another": {func(g *graph.Graph, x, w *graph.Node) *graph.Node {
			f := graph.Function(nodes{x}, longFunction(2, w))
			for range 3 {
				inner := f
				f = graph.Function(nodes{x}, func(a nodes) nodes { return inner(inner(a[0])[0]) })
			}
			return graph.Add(f(x)[0], f(w)[0])
		}, 16, 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
			y := c.build(g, x, w)
			d, err := Gradient(y, x, w)
			if err != nil {
				t.Fatal(err)
			}
			out := append(nodes{y}, d...)
			fired, got := loopRewrites(t, Config{Verify: true}, out...)
			p, err := Compile(out...)
			if err != nil {
				t.Fatal(err)
			}
			if fired["inline"] != c.inlined || len(p.Code().Blocks) != c.blocks {
				t.Errorf("%d calls were inlined and %d blocks left, want %d and %d", fired["inline"], len(p.Code().Blocks), c.inlined, c.blocks)
			}
			fired, want := loopRewrites(t, Config{Disable: []string{"inline"}}, out...)
			if fired["inline"] != 0 {
				t.Error("inlined although it is disabled")
			}
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-12*(1+math.Abs(want[i])) {
					t.Errorf("value %d is %v, without the pass %v", i, got[i], want[i])
				}
			}
		})
	}
}

// Machine code is that of all calls, and stated once.
func TestMemoryOfCalls(t *testing.T) {
	bytes := func(calls int, options ...vm.Option) int64 {
		g := graph.New()
		x, w := g.Input("x", graph.Float64), g.Input("w", graph.Float64)
		f := graph.Function(nodes{x}, longFunction(400, w))
		for range calls {
			x = f(x)[0]
		}
		p, err := Compile(x)
		if err != nil {
			t.Fatal(err)
		}
		return p.MemoryBytes(options...)
	}
	few, many := bytes(2), bytes(102)
	code := few - bytes(2, vm.WithoutNative())
	if code == 0 {
		t.Skip("there is no machine code here")
	}
	if each := (many - few) / 100; each > code/10 {
		t.Errorf("each call takes %d bytes, and the code of all %d", each, code)
	}
}
