package graphdiff

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

func read(t testing.TB, text string) []*graph.Node {
	t.Helper()
	if strings.Contains(text, "%") {
		s, err := source.ReadText([]byte("adjoint graph 1\n"+text), "test")
		if err != nil {
			t.Fatal(err)
		}
		return s.Outputs
	}
	s, err := source.Read(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.Outputs
}

func TestCompare(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"x + y", "x + y", "3 0 0 0 0 0 equal"},
		{"x + y", "y + x", "2 0 1 0 0 0"},
		{"x + y", "x + w", "1 0 1 1 0 0"},
		{"x + 1", "x + 2", "1 0 1 1 0 0"},
		{"sin(x) + exp(x)", "cos(x) + exp(x)", "2 0 1 1 0 0"},
		{"sin(sin(sin(sin(x))))", "sin(sin(sin(cos(x))))", "1 0 1 3 0 0"},
		{"sin(x)", "exp(sin(x))", "2 0 0 0 0 1"},
		{"u = x*y; u + u^2", "v = x*y; v + v^2", "5 1 0 0 0 0"},
		{"a = sin(x); b = cos(x)", "b = cos(x); a = sin(x)", "3 0 0 0 0 0"},
		{"a = sin(x); b = cos(x)", "a = sin(x)", "2 0 0 0 1 0"},
		{"x", "x", "1 0 0 0 0 0 equal"},
		{"x", "y", "0 0 1 0 0 0"},
		// The same under several names.
		{"a = sin(x); b = sin(x); a*b", "a = sin(x); a*a", "3 0 0 0 1 0"},
		{"a = sin(x); a*a", "a = sin(x); b = sin(x); a*b", "3 0 0 0 0 1"},
		{"a = sin(x); b = sin(x); c = a*b", "a = sin(x); b = sin(x); c = a*b", "4 0 0 0 0 0 equal"},
		// Attributes, types and values count.
		{"%0 \"x\" = input : f64[2,2]\n%1 = reduce_sum %0 {axes=[0], keepdims=false}\noutput %1", "%0 \"x\" = input : f64[2,2]\n%1 = reduce_sum %0 {axes=[1], keepdims=false}\noutput %1", "1 0 1 0 0 0"},
		{"%0 \"x\" = input : f64\n%1 = sin %0\noutput %1", "%0 \"x\" = input : f32\n%1 = sin %0\noutput %1", "0 0 2 0 0 0"},
		{"%0 = const [1 2] : f64[2]\n%1 = sin %0\noutput %1", "%0 = const [1 3] : f64[2]\n%1 = sin %0\noutput %1", "0 0 1 1 0 0"},
		{"%0 = const 0 : f64\n%1 = sin %0\noutput %1", "%0 = const -0 : f64\n%1 = sin %0\noutput %1", "0 0 1 1 0 0"},
		// Places and scopes do not.
		{"%0 \"x\" = input : f64\n%1 = sin %0 : f64 in \"a\"\noutput %1", "\n\n%0 \"x\" = input : f64\n%1 = sin %0 : f64 in \"b\"\noutput %1", "2 0 0 0 0 0 equal"},
	} {
		d := Compare(read(t, c.a), read(t, c.b))
		got := fmt.Sprint(len(d.Common), len(d.Renamed), len(d.Changed), len(d.Affected), len(d.Removed), len(d.Added))
		if d.Equal() {
			got += " equal"
		}
		if got != c.want {
			t.Errorf("%s | %s: got %s, want %s", c.a, c.b, got, c.want)
		}
		var b bytes.Buffer
		if err := d.Write(&b, "a", "b"); err != nil || (b.Len() == 0) != d.Equal() {
			t.Errorf("%s | %s: %v\n%s", c.a, c.b, err, b.String())
		}
		checkModel(t, d)
	}
}

// checkModel checks that the picture of both shows every node once.
func checkModel(t *testing.T, d *Diff) {
	t.Helper()
	m, err := d.Model()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	first, second := 0, 0
	for _, n := range m.Nodes {
		switch {
		case strings.HasPrefix(n.Scope, onlyFirst):
			first++
		case strings.HasPrefix(n.Scope, onlySecond):
			second++
		}
	}
	own := func(nodes []*graph.Node) (count int) {
		for _, n := range nodes {
			if d.twin[n] == nil {
				count++
			}
		}
		return count
	}
	both := len(d.Changed) + len(d.Affected)
	if first != own(d.Removed)+both || second != own(d.Added)+both {
		t.Errorf("%d nodes only in the first, %d only in the second; %+v", first, second, d)
	}
}

func TestWrite(t *testing.T) {
	d := Compare(read(t, "u = x*y; z = sin(u)^2 + 3y"), read(t, "w = x*y; z = cos(w)^2 + 4y; k = w"))
	var b bytes.Buffer
	if err := d.Write(&b, "old", "new"); err != nil {
		t.Fatal(err)
	}
	want := `--- old
+++ new
- u = mul(x, y) : f64
+ w = mul(x, y) : f64
- %3 = sin(u) : f64
+ %3 = cos(w) : f64
- 3 = const : f64
+ 4 = const : f64
+ k = mul(x, y) : f64
+ output k
3 nodes in common, 1 renamed, 2 changed, 3 affected, 0 removed, 1 added
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRandom compares random graphs with changed ones: what is counted must add up.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	build := func(change int) []*graph.Node {
		g := graph.New()
		nodes := []*graph.Node{g.Input("x", graph.Float64), g.Input("y", graph.Float64)}
		r := rand.New(rand.NewPCG(3, 4))
		for i := range 60 {
			a, b := nodes[r.IntN(len(nodes))], nodes[r.IntN(len(nodes))]
			n := graph.Add(a, b)
			if k := r.IntN(3); k == 0 {
				n = graph.Mul(a, b)
			} else if k == 1 {
				n = graph.Sin(a)
			}
			if i == change {
				n = graph.Cosh(n)
			}
			nodes = append(nodes, n)
		}
		return nodes[len(nodes)-5:]
	}
	same := Compare(build(-1), build(-1))
	if !same.Equal() {
		t.Errorf("equal graphs differ: %+v", same)
	}
	for range 30 {
		d := Compare(build(-1), build(r.IntN(60)))
		if a := len(d.Common) + len(d.Changed) + len(d.Affected) + len(d.Removed); a != len(d.nodesA) {
			t.Errorf("%d nodes of the first graph counted, it has %d", a, len(d.nodesA))
		}
		if b := len(d.Common) + len(d.Changed) + len(d.Affected) + len(d.Added); b != len(d.nodesB) {
			t.Errorf("%d nodes of the second graph counted, it has %d", b, len(d.nodesB))
		}
		checkModel(t, d)
	}
}

// TestMarks checks that the picture marks what was removed, added and changed, and nothing else.
func TestMarks(t *testing.T) {
	x := func() (*graph.Graph, *graph.Node) { g := graph.New(); return g, g.Input("x", graph.Float64) }
	_, a := x()
	_, b := x()
	d := Compare([]*graph.Node{graph.Exp(graph.Square(graph.Sin(a)))}, []*graph.Node{graph.Exp(graph.Square(graph.Tanh(graph.Cos(b))))})
	m, err := d.Model()
	if err != nil {
		t.Fatal(err)
	}
	marks := map[viz.Change]int{}
	for _, n := range m.Nodes {
		marks[n.Change]++
	}
	if marks[viz.Removed] != len(d.Removed) || marks[viz.Added] != len(d.Added) || marks[viz.Changed] != 2*len(d.Changed) || len(d.Removed)+len(d.Added)+len(d.Changed) == 0 {
		t.Errorf("marks %v for %d removed, %d added, %d changed", marks, len(d.Removed), len(d.Added), len(d.Changed))
	}
	for _, n := range m.Nodes {
		if n.Op == "input" && n.Change != viz.Unchanged {
			t.Errorf("what both have is marked: %+v", n)
		}
	}
}
