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
