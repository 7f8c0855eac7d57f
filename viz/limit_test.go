package viz

import (
	"fmt"
	"strings"
	"testing"
)

// chainModel is a chain of n operators on two inputs, in scopes s0/t0, s0/t1, s1/t0, … of ten nodes each where scoped.
func chainModel(n int, scoped bool) *Model {
	m := &Model{Nodes: []Node{{ID: 0, Op: "input", Name: "x"}, {ID: 1, Op: "input", Name: "y"}}}
	for i := range n {
		k := len(m.Nodes)
		node := Node{ID: k, Op: "add", Inputs: []int{k - 1, i % 2}}
		if scoped {
			node.Scope = fmt.Sprintf("s%d/t%d", i/20, i/10%2)
		}
		m.Nodes = append(m.Nodes, node)
	}
	m.Outputs = []Output{{Node: len(m.Nodes) - 1, Name: "z"}}
	return m
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		nodes, limit int
		scoped       bool
		said         string
		drawn        int
	}{
		{100, 102, false, "", 102},
		{100, 20, false, "102 nodes: runs of up to 6", 20},
		{1000, 20, false, "1002 nodes: runs of up to 59", 20},
		{100, 1, false, "102 nodes: runs of up to 102", 1},
		{100, 2, false, "102 nodes: runs of up to 51", 2},
		{100, 60, true, "102 nodes: scopes deeper than 1", 12},
		{100, 8, true, "102 nodes: scopes deeper than 0", 7},
		{100, 5, true, "102 nodes: runs of up to", 5},
	} {
		m := chainModel(c.nodes, c.scoped)
		got, said := m.Limit(c.limit)
		if err := got.Check(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(said, c.said) || (said == "") != (c.said == "") || len(got.Nodes) > c.limit || len(got.Nodes) > c.drawn {
			t.Errorf("%+v: %d nodes, %q", c, len(got.Nodes), said)
		}
		total := 0
		for _, n := range got.Nodes {
			total += max(1, n.Collapsed)
		}
		if total != c.nodes+2 || len(got.Outputs) != 1 {
			t.Errorf("%+v: the nodes stand for %d of %d", c, total, c.nodes+2)
		}
		if _, err := NewFromModel(got); err != nil {
			t.Error(err)
		}
	}
}

// A scope in the middle of another node's way stays open, and so may more nodes than asked for; nothing is lost.
func TestExpanded(t *testing.T) {
	m := chainModel(100, true)
	got := m.CollapseExcept(0, nil, map[string]bool{"s2/t1": true})
	open := 0
	for _, n := range got.Nodes {
		if n.Scope == "s2/t1" {
			open++
		}
	}
	if open != 10 || len(got.Nodes) != 2+4+1+10 {
		t.Errorf("%d nodes of which %d are in the open scope", len(got.Nodes), open)
	}
}

func TestCategories(t *testing.T) {
	m := chainModel(30, false)
	m.CategoryTitle = "kind"
	for i := range m.Nodes {
		m.Nodes[i].Category = fmt.Sprintf("k%d", min(i%12, 9))
	}
	p, err := NewFromModel(m, WithFolding(false))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"kind: k9", "others", "--group-0", "--group-7"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("the drawing lacks %q", text)
		}
	}
}

func TestShow(t *testing.T) {
	m := &Model{Nodes: []Node{
		{ID: 0, Op: "input", Name: "x", Type: "f64[3]", Shape: []int{3}},
		{ID: 1, Op: "sin", Name: "u", Type: "f64[3]", Shape: []int{3}, Inputs: []int{0}, Source: "model.go:7", Notes: []Note{{"cost", "60 flops"}}},
		{ID: 2, Op: "exp", Type: "f64[3]", Shape: []int{3}, Inputs: []int{1}, Value: Tensor([]float64{1, 2, 3}, 3)},
	}, Outputs: []Output{{Node: 2, Name: "y"}}}
	draw := func(options ...Option) string {
		p, err := NewFromModel(m, options...)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.Text(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, c := range []struct {
		show        []string
		has, hasnot []string
	}{
		{nil, []string{"u", "f64[3]", "[1, 2, 3]"}, []string{"60 flops", "model.go:7"}},
		{[]string{"name"}, []string{"u"}, []string{"f64[3]", "[1, 2, 3]", "60 flops"}},
		{[]string{"cost", "line"}, []string{"60 flops", "model.go:7"}, []string{"f64[3]", "[1, 2, 3]"}},
		{[]string{"+cost"}, []string{"60 flops", "f64[3]", "[1, 2, 3]"}, []string{"model.go:7"}},
		{[]string{"value"}, []string{"[1, 2, 3]"}, []string{"f64[3]"}},
	} {
		var options []Option
		if c.show != nil {
			options = append(options, WithShow(c.show...))
		}
		text := draw(options...)
		for _, w := range c.has {
			if !strings.Contains(text, w) {
				t.Errorf("show %v lacks %q:\n%s", c.show, w, text)
			}
		}
		for _, w := range c.hasnot {
			if strings.Contains(text, w) {
				t.Errorf("show %v has %q:\n%s", c.show, w, text)
			}
		}
	}
}
