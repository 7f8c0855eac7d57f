package viz

import (
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// What an operator does beyond its name stands in its box; what its type says already, or what is off, does not.
func TestAttributesAreDrawn(t *testing.T) {
	g := graph.New()
	m := g.Input("m", graph.Float64, 4, 6)
	for _, c := range []struct {
		node *graph.Node
		want string
	}{
		{graph.ReduceSum(m, []int{1}), "axes 1"},
		{graph.ReduceSum(m, nil), ""},
		{graph.Transpose(m), ""},
		{graph.Transpose(g.Input("t", graph.Float64, 2, 3, 4), 0, 2, 1), "perm 0, 2, 1"},
		{graph.Reshape(m, 24), ""},
		{graph.Concat(1, m, m), "axis 1"},
		{graph.Iota(g, graph.Int64, 1, 1, 4), "axis 1"},
	} {
		if g.Err() != nil {
			t.Fatal(g.Err())
		}
		p, err := New([]*graph.Node{c.node})
		if err != nil {
			t.Fatal(err)
		}
		op := slices.IndexFunc(p.scene.Nodes, func(n sceneNode) bool { return strings.HasPrefix(n.Class, "operator") })
		got := ""
		if lines := p.scene.Nodes[op].Lines; len(lines) > 2 {
			got = lines[2].Plain()
		}
		if got != c.want {
			t.Errorf("%v shows %q, want %q", c.node, got, c.want)
		}
	}
	b := &builder{model: &Model{Nodes: []Node{{Shape: []int{8, 8}}}}, settings: collect(nil)}
	for attributes, want := range map[string]string{
		"limits=[4 4], starts=[0 0], strides=[1 1]":  "[0:4, 0:4]",
		"limits=[4 8], starts=[0 1], strides=[1 3]":  "[0:4, 1:8:3]",
		"transpose_a=true, transpose_b=false":        "transpose a",
		`equation="ij,jk->ik"`:                       "equation ij,jk->ik",
		`mode="a\", b=[", axis=-1`:                   `mode a", b=[ · axis −1`,
		"alpha=0.1":                                  "alpha 0.1",
		"padding=[0 0], strides=[2 2], window=[3 3]": "strides 2, 2 · window 3, 3",
		"":                          "",
		"nonsense":                  "",
		"axes=[0 1], keepdims=true": "keepdims",
	} {
		if got := b.attributeLine(&Node{Op: "x", Attributes: attributes, Inputs: []int{0}}); got != want {
			t.Errorf("%q is drawn as %q, want %q", attributes, got, want)
		}
	}
}

// Every result of an operator with several says which one it is.
func TestResultsHaveNames(t *testing.T) {
	g := graph.New()
	a := g.Input("A", graph.Float64, 3, 3)
	u, s, vt := graph.SVD(a)
	p, err := New([]*graph.Node{u, s, vt})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range p.scene.Nodes {
		if strings.Contains(n.Class, "op-result") {
			got = append(got, n.Lines[0].Plain())
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"U", "Vᵀ", "s"}) {
		t.Errorf("the results are called %q", got)
	}
}
