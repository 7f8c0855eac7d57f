package graph_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

func layer(x, w *graph.Node) *graph.Node {
	return graph.MatMul(x, w)
}

func network(x, w *graph.Node) *graph.Node {
	return layer(x, w)
}

// A mistake in a helper names the scope and the lines that led to it, also through the body of a loop; one in the user's own function has no callers.
func TestErrorsNameCallers(t *testing.T) {
	for _, c := range []struct {
		build   func(x, w *graph.Node)
		lines   []string
		op      string
		callers int
	}{
		{func(x, w *graph.Node) { x.Graph().Scope("encoder", func() { network(x, w) }) }, []string{":12: matmul: ", "(in scope encoder)", "\n\tcalled from ", ":16\n\tcalled from ", ":27\n\tcalled from "}, "matmul", 3},
		{func(x, w *graph.Node) {
			graph.Scan(3, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
				return []*graph.Node{network(c[0], w)}, nil
			})
		}, []string{":12: matmul: ", ":16\n\tcalled from ", ":30\n\tcalled from ", ":29\n\tcalled from "}, "matmul", 4},
	} {
		g := graph.New()
		c.build(g.Input("x", graph.Float64, 2, 3), g.Input("w", graph.Float64, 4, 5))
		var e *graph.Error
		if !errors.As(g.Err(), &e) {
			t.Fatal(g.Err())
		}
		text := e.Error()
		for _, l := range c.lines {
			if !strings.Contains(text, l) {
				t.Errorf("%q lacks %q", text, l)
			}
		}
		if e.Op != c.op || len(e.Callers) != c.callers {
			t.Errorf("%d callers of %s: %s", len(e.Callers), e.Op, text)
		}
	}
	g := graph.New()
	graph.MatMul(g.Input("x", graph.Float64, 2, 3), g.Input("w", graph.Float64, 4, 5))
	var e *graph.Error
	if !errors.As(g.Err(), &e) || len(e.Callers) > 0 || strings.Contains(e.Error(), "\n") || e.Scope != "" {
		t.Errorf("callers of the user's own function: %v", g.Err())
	}
}
