package compile

import (
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// fusedIn counts the micro-operations with a product and a sum of the program's scalar code.
func fusedIn(t *testing.T, y *graph.Node) int {
	t.Helper()
	p, err := Compile(y)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, in := range p.Code().Instrs {
		if in.Straight == nil {
			continue
		}
		for _, c := range in.Straight.Code {
			if c.Op == micro.FMA || c.Op == micro.FMS || c.Op == micro.FNMA {
				n++
			}
		}
	}
	return n
}

// TestLongSumsAreNotContracted has a short dot product, a long one, and Horner's scheme, whose chain goes through the products.
func TestLongSumsAreNotContracted(t *testing.T) {
	dot := func(n int) *graph.Node {
		g := graph.New()
		x, y := g.Input("x", graph.Float64, n), g.Input("y", graph.Float64, n)
		s := graph.Mul(graph.Index(x, 0), graph.Index(y, 0))
		for i := 1; i < n; i++ {
			s = graph.Add(s, graph.Mul(graph.Index(x, i), graph.Index(y, i)))
		}
		return s
	}
	if n := fusedIn(t, dot(8)); n != 7 {
		t.Errorf("a dot product of 8 has %d fused operations, want 7", n)
	}
	// The first sum has two products: one of them still joins it.
	if n := fusedIn(t, dot(100)); n > 1 {
		t.Errorf("a dot product of 100 has %d fused operations, want 1 at most", n)
	}
	g := graph.New()
	x, c := g.Input("x", graph.Float64), g.Input("c", graph.Float64, 40)
	p := graph.Index(c, 0)
	for i := 1; i < 40; i++ {
		p = graph.Add(graph.Mul(p, x), graph.Index(c, i))
	}
	if n := fusedIn(t, p); n != 39 {
		t.Errorf("a polynomial of degree 39 has %d fused operations, want 39", n)
	}
}
