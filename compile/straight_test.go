package compile

import (
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// The temporaries of an unrolled chain and its gradient do not grow with the chain: the forward half of each term stands beside its
// backward half, in whatever order the outputs are given.
func TestScalarTemporaries(t *testing.T) {
	const n = 500
	g := graph.New()
	x := g.Input("x", graph.Float64, n)
	var y *graph.Node
	b := graph.Index(x, 0)
	for i := range n - 1 {
		a := b
		b = graph.Index(x, i+1)
		d, e := graph.Sub(b, graph.Mul(a, a)), graph.Sub(g.Const(1), a)
		left, right := graph.Mul(graph.Mul(g.Const(100), d), d), graph.Mul(e, e)
		if y == nil {
			y = graph.Add(left, right)
		} else {
			y = graph.Add(graph.Add(y, left), right)
		}
	}
	dx, err := Gradient(y, x)
	if err != nil {
		t.Fatal(err)
	}
	h, err := SparseHessian(y, x)
	if err != nil {
		t.Fatal(err)
	}
	for name, outputs := range map[string][]*graph.Node{
		"value": {y}, "gradient": dx, "value and gradient": {y, dx[0]}, "gradient and value": {dx[0], y}, "Hessian": {h.Values},
	} {
		p, err := Compile(outputs...)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Code().Instrs) != 1 || p.Code().Instrs[0].Straight == nil {
			t.Fatalf("%s: %d instructions", name, len(p.Code().Instrs))
		}
		s := p.Code().Instrs[0].Straight
		if temps := (s.TempHi - s.TempLo) / 2; temps > 8 {
			t.Errorf("%s: %d temporaries in %d micro-instructions", name, temps, len(s.Code))
		}
	}
}
