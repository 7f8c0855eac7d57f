package dag

import (
	"math"
	"testing"
)

func TestRandom(t *testing.T) {
	g := Random(2000)
	if len(g.Nodes) != 2000 || g.Inputs != 100 || len(g.Sinks) == 0 {
		t.Fatalf("%d nodes, %d inputs, %d sinks", len(g.Nodes), g.Inputs, len(g.Sinks))
	}
	for i, n := range g.Nodes {
		if n.A < 0 || n.B < 0 || n.A >= g.Inputs+i || n.B >= g.Inputs+i {
			t.Fatalf("node %d: %+v", i, n)
		}
	}
	x := g.InputValues()
	_, d := g.Evaluate(x)
	const h = 1e-6
	for k := 0; k < len(x); k += 7 {
		x0 := x[k]
		x[k] = x0 + h
		up, _ := g.Evaluate(x)
		x[k] = x0 - h
		down, _ := g.Evaluate(x)
		x[k] = x0
		if got := (up - down) / (2 * h); math.Abs(got-d[k]) > 1e-6*max(1, math.Abs(d[k])) {
			t.Errorf("derivative %d: %v, by differences %v", k, d[k], got)
		}
	}
}
