package viz

import (
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// kept returns the share of pairs of nodes, in the same layer of both pictures,
// that stand in the same order.
func kept(t *testing.T, a, b *Picture) float64 {
	t.Helper()
	first, err := a.laid()
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.laid()
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]int{}
	for i := range b.scene.Nodes {
		index[b.scene.Nodes[i].ID] = i
	}
	same, all := 0, 0
	for i := range a.scene.Nodes {
		for k := range a.scene.Nodes[:i] {
			x, found := index[a.scene.Nodes[i].ID]
			y, both := index[a.scene.Nodes[k].ID]
			p, q, r, s := first.Layout.Nodes[i], first.Layout.Nodes[k], second.Layout.Nodes[x], second.Layout.Nodes[y]
			if !found || !both || p.X != q.X || r.X != s.X {
				continue
			}
			all++
			if (p.Y < q.Y) == (r.Y < s.Y) {
				same++
			}
		}
	}
	if all == 0 {
		t.Fatal("the pictures have no pairs in common")
	}
	return float64(same) / float64(all)
}

// A graph with a few more nodes, drawn with the first picture as reference,
// keeps the order of almost all nodes and has no flaws.
func TestReferenceKeepsTheOrder(t *testing.T) {
	outputs := scalars(120)
	before, err := New(outputs)
	if err != nil {
		t.Fatal(err)
	}
	g := outputs[0].Graph()
	y := outputs[0]
	more := graph.Add(graph.Sin(g.Node(40)), graph.Mul(graph.Exp(g.Node(20)), g.Node(60)))
	changed := []*graph.Node{graph.Sub(y, more).Named("w")}
	after, err := New(changed, WithReference(before))
	if err != nil {
		t.Fatal(err)
	}
	if share := kept(t, before, after); share < 0.95 {
		t.Errorf("only %.2f of the order is kept", share)
	}
	d, err := after.laid()
	if err != nil {
		t.Fatal(err)
	}
	for _, flaw := range verify.Check(d) {
		t.Error(flaw)
	}
	// A picture is its own fixed point.
	again, err := New(outputs, WithReference(before))
	if err != nil {
		t.Fatal(err)
	}
	if share := kept(t, before, again); share < 0.98 {
		t.Errorf("only %.2f of the order of the same graph is kept", share)
	}
}
