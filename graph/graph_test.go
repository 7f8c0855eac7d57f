package graph

import (
	"strings"
	"testing"
)

func TestSharingAndErrors(t *testing.T) {
	g := New()
	x := g.Input("x", Float64, 3)
	a, b := Sin(x), Sin(x)
	if a != b {
		t.Error("equal nodes are not shared")
	}
	if Mul(a, x) == Mul(x, a) {
		t.Error("operand order is part of the structure")
	}
	y := g.Input("y", Float32)
	bad := Add(x, y) // this line
	if bad.Valid() || Exp(bad).Valid() {
		t.Error("a mistake gave a valid node")
	}
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "graph_test.go:19: add: operands are float64 and float32") {
		t.Errorf("Err() = %v", err)
	}
}

// A graph knows which operators its nodes have, those made by rewrites and those that nothing depends on included.
func TestHas(t *testing.T) {
	is := func(name string) func(*Op) bool { return func(op *Op) bool { return op.Name == name } }
	if (*Graph)(nil).Has(is("input")) || new(Graph).Has(is("input")) || New().Has(func(*Op) bool { return true }) {
		t.Error("an empty graph has an operator")
	}
	g := New()
	x := g.Input("x", Float64, 3)
	y := Add(Sin(x), Transpose(Reshape(x, 3, 1), 1, 0))
	for name, want := range map[string]bool{"input": true, "sin": true, "transpose": true, "add": true, "cos": false, "const": false} {
		if g.Has(is(name)) != want {
			t.Errorf("the graph has %s: %v", name, !want)
		}
	}
	to, _ := g.Rebuild([]*Node{y}, func(to *Graph, n *Node, in []*Node) *Node {
		if n.Op() == opSin {
			return Cos(in[0])
		}
		return nil
	})
	if to.Has(is("sin")) || !to.Has(is("cos")) || !to.Has(is("transpose")) || !to.Has(is("input")) {
		t.Error("the rebuilt graph has other operators than its nodes")
	}
}
