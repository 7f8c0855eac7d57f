package compile

import (
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// scalarCode returns the micro-operations of the program's scalar code.
func scalarCode(t *testing.T, y ...*graph.Node) (code []micro.Op) {
	t.Helper()
	p, err := Compile(y...)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range p.Code().Instrs {
		if in.Straight == nil {
			continue
		}
		for _, c := range in.Straight.Code {
			code = append(code, c.Op)
		}
	}
	return code
}

// fusedIn counts the micro-operations with a product and a sum of the program's scalar code.
func fusedIn(t *testing.T, y *graph.Node) int {
	t.Helper()
	n := 0
	for _, op := range scalarCode(t, y) {
		if op == micro.FMA || op == micro.FMS || op == micro.FNMA {
			n++
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

// TestWovenChains has sums of 20 products: two that read the same computed factors go on together, one alone stays a sum.
func TestWovenChains(t *testing.T) {
	const n = 20
	g := graph.New()
	x, w := g.Input("x", graph.Float64, n), g.Input("w", graph.Float64, 2*n)
	factors := make([]*graph.Node, n)
	for i := range factors {
		factors[i] = graph.Sqrt(graph.Index(x, i))
	}
	row := func(r int) *graph.Node {
		s := graph.Mul(graph.Index(w, r*n), factors[0])
		for i := 1; i < n; i++ {
			s = graph.Add(s, graph.Mul(graph.Index(w, r*n+i), factors[i]))
		}
		return s
	}
	if k := fusedIn(t, row(0)); k > 1 {
		t.Errorf("one sum has %d fused operations, want 1 at most", k)
	}
	code := scalarCode(t, row(0), row(1))
	fused := 0
	for i, op := range code {
		if op != micro.FMA {
			continue
		}
		fused++
		if i < 2 || code[i-1] != micro.Sqrt && code[i-2] != micro.Sqrt {
			t.Errorf("product %d does not follow its factor: %v", i, code)
		}
	}
	if fused < 2*(n-1) {
		t.Errorf("two sums have %d fused operations, want %d", fused, 2*(n-1))
	}
}

// TestLinksComeFirst has quotients of neighbouring factors: each is the last reader of one of them, and is taken as soon as there are both, but not
// among the links of two chains.
func TestLinksComeFirst(t *testing.T) {
	const n = 20
	g := graph.New()
	x, w := g.Input("x", graph.Float64, n), g.Input("w", graph.Float64, 2*n)
	factors, outputs := make([]*graph.Node, n), make([]*graph.Node, 2)
	for i := range factors {
		factors[i] = graph.Sqrt(graph.Index(x, i))
		for r := range outputs {
			if p := graph.Mul(graph.Index(w, r*n+i), factors[i]); i == 0 {
				outputs[r] = p
			} else {
				outputs[r] = graph.Add(outputs[r], p)
			}
		}
	}
	for i := range n - 1 {
		outputs = append(outputs, graph.Div(factors[i], factors[i+1]))
	}
	for chains := 1; chains <= 2; chains++ {
		code := scalarCode(t, outputs[2-chains:]...)
		last := 0 // link
		for i, op := range code {
			if op == micro.FMA || op == micro.Add {
				last = i
			}
		}
		quotients := 0
		for _, op := range code[last:] {
			if op == micro.Div {
				quotients++
			}
		}
		if late := quotients > n/2; late != (chains == 2) {
			t.Errorf("%d chains: %d of %d quotients follow the last link: %v", chains, quotients, n-1, code)
		}
	}
}

// TestNegationsInProducts has a negation of which the products that join sums take the operand; it stays where it is an output or the sum is a difference
// that has no such form.
func TestNegationsInProducts(t *testing.T) {
	g := graph.New()
	u, v, a, b := graph.Sqrt(g.Input("u", graph.Float64)), g.Input("v", graph.Float64), g.Input("a", graph.Float64), g.Input("b", graph.Float64)
	minus := graph.Neg(u)
	sum, difference := graph.Add(graph.Mul(minus, v), a), graph.Sub(b, graph.Mul(minus, a))
	for _, c := range []struct {
		outputs          []*graph.Node
		fnma, fma, stays bool
	}{
		{[]*graph.Node{sum, difference}, true, true, false},
		{[]*graph.Node{sum, difference, minus}, true, true, true},
		{[]*graph.Node{sum, graph.Sub(graph.Mul(minus, b), v)}, true, false, true},
	} {
		code := scalarCode(t, c.outputs...)
		if slices.Contains(code, micro.FNMA) != c.fnma || slices.Contains(code, micro.FMA) != c.fma || slices.Contains(code, micro.Neg) != c.stays {
			t.Errorf("%v, want fnma: %v, fma: %v, neg: %v", code, c.fnma, c.fma, c.stays)
		}
	}
}
