package graph_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// format returns the text form of the outputs.
func formatted(t *testing.T, outputs ...*graph.Node) string {
	t.Helper()
	var b bytes.Buffer
	if err := graph.Format(&b, outputs...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestScanText(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	w := g.Input("w", graph.Float64)
	xs := g.Input("xs", graph.Float64, 10)
	final, ys := graph.Scan(10, []*graph.Node{x}, []*graph.Node{xs}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
		h := graph.Tanh(graph.Add(graph.Mul(c[0], w), e[0]))
		inner, _ := graph.Scan(3, []*graph.Node{h}, nil, func(d, _ []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Mul(graph.Sin(d[0]), graph.Add(x, graph.Exp(w)))}, nil
		})
		return inner, []*graph.Node{h}
	})
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	text := formatted(t, final[0], ys[0])
	g2, out, err := graph.Parse([]byte(text), "loop.cg")
	if err != nil {
		t.Fatal(err)
	}
	if again := formatted(t, out...); again != text {
		t.Errorf("read and written once more:\n%s", again)
	}
	if g2.Len() == 0 || strings.Count(text, "body\n") != 2 {
		t.Errorf("%d bodies in the text", strings.Count(text, "body"))
	}
}

// Two loops that say the same are one.
func TestEqualLoopsAreShared(t *testing.T) {
	g := graph.New()
	xs := g.Input("xs", graph.Float64, 10)
	sum := func() []*graph.Node {
		final, ys := graph.Scan(10, []*graph.Node{g.Const(0)}, []*graph.Node{xs}, func(c, e []*graph.Node) (next, ys []*graph.Node) {
			s := graph.Add(c[0], e[0])
			return []*graph.Node{s}, []*graph.Node{s}
		})
		return append(final, ys...)
	}
	a, b := sum(), sum()
	if err := g.Err(); err != nil || a[0] != b[0] || a[1] != b[1] {
		t.Errorf("%v, %v and %v", err, a, b)
	}
}
