package ode_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/ode"
)

// All that a solver builds is of the line that calls it, or of the user's functions, however deep it is in functions of ours and however often it is called.
func TestLinesOfCallers(t *testing.T) {
	here := func() int { _, _, line, _ := runtime.Caller(1); return line }
	var inside int
	f := func(t *node, y nodes) nodes { inside = here(); return nodes{graph.Neg(graph.Mul(y[0], t))} }
	method := ode.Method("")
	solve := map[string]func(g *graph.Graph, t0, t1, y0 *node) int{
		"once": func(_ *graph.Graph, t0, t1, y0 *node) int {
			ode.Solve(f, t0, t1, nodes{y0}, ode.Options{Method: method})
			return here()
		},
		"again": func(_ *graph.Graph, t0, t1, y0 *node) int {
			ode.Solve(f, t0, t1, nodes{y0}, ode.Options{Method: method})
			return here()
		},
		"at a time": func(_ *graph.Graph, t0, t1, y0 *node) int {
			ode.Interpolant(f, t0, graph.Index(t1, 1), nodes{y0}, ode.Options{Method: method})(t0)
			return here()
		},
	}
	for _, method = range adaptive {
		g := graph.New()
		t0, t1, y0 := g.Input("t0", graph.Float64), g.Input("t1", graph.Float64, 2), g.Input("y0", graph.Float64)
		for what, call := range solve {
			from := g.Len()
			line := call(g, t0, t1, y0)
			var check func(n *node)
			check = func(n *node) {
				if p := n.Position(); filepath.Base(p.File) != "lines_test.go" || p.Line != line && p.Line != inside && p.Line != line-1 {
					t.Errorf("%s, %s: %v is of %v, not of line %d or %d", method, what, n, p, line, inside)
				}
				for _, b := range graph.Bodies(n) {
					for i := range b.Graph().Len() {
						if inner := b.Graph().Node(i); !inner.IsPlaceholder() {
							check(inner)
						}
					}
				}
			}
			for i := from; i < g.Len(); i++ {
				check(g.Node(i))
			}
		}
		if err := g.Err(); err != nil {
			t.Error(err)
		}
	}
}
