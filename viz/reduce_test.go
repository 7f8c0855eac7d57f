package viz

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

func operators(m *Model) string {
	var list []string
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Cut {
			continue
		}
		name := n.Op
		if n.Op == "scope" || n.Op == "input" {
			name = n.Symbol + n.Name
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func TestCollapse(t *testing.T) {
	for _, c := range []struct {
		option Option
		want   string
	}{
		{WithDepth(0), "x t mlp loss"},
		{WithDepth(1), "x t layer1 layer2 layer3 log_softmax mul reduce_mean neg"},
		{WithCollapsed("mlp/layer2", "loss"), "x t W1 matmul b1 add relu layer2 W3 matmul b3 add loss"},
	} {
		m, err := Describe(perceptron(), c.option)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		got, want := strings.Fields(operators(m)), strings.Fields(c.want)
		for _, name := range want {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+name+" ") {
				t.Errorf("%s is missing in %v", name, got)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d nodes are left: %v, want %v", len(got), got, want)
		}
	}
}

// A scope that a value leaves and enters again stays open.
func TestCollapseOfEnclosingScope(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	var a, b *graph.Node
	g.Scope("s", func() { a = graph.Sin(x) })
	outside := graph.Exp(a)
	g.Scope("s", func() { b = graph.Cos(outside) })
	m, err := Describe([]*graph.Node{b}, WithDepth(0))
	if err != nil {
		t.Fatal(err)
	}
	if got := operators(m); got != "x sin exp cos" {
		t.Errorf("got %s", got)
	}
}

func TestFocusAndPath(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64), g.Input("y", graph.Float64)
	s := graph.Sin(x)
	c := graph.Cos(y)
	p := graph.Mul(s, c)
	z := graph.Exp(p)
	for _, test := range []struct {
		option Option
		want   string
	}{
		{WithFocus(1, p), "sin cos mul exp"},
		{WithFocus(0, p), "mul"},
		{WithPath(x, z), "x sin mul exp"},
		{WithPath(p, z), "mul exp"},
	} {
		m, err := Describe([]*graph.Node{z}, test.option)
		if err != nil {
			t.Fatal(err)
		}
		if got := operators(m); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if err := SVG(io.Discard, []*graph.Node{z}, test.option); err != nil {
			t.Error(err)
		}
	}
	if _, err := Describe([]*graph.Node{z}, WithPath(z, x)); err == nil {
		t.Error("a path against the edges is found")
	}
	if _, err := Describe([]*graph.Node{s}, WithFocus(1, z)); err == nil {
		t.Error("a node outside of the drawing is focused")
	}
}

// Styles, heat and notes draw without flaws in every format.
func TestStylesAndHeat(t *testing.T) {
	outputs := lstm()
	heat := map[*graph.Node]float64{}
	notes := map[*graph.Node][]Note{}
	for i := 0; i < outputs[0].Graph().Len(); i++ {
		n := outputs[0].Graph().Node(i)
		heat[n] = float64(i * i)
		notes[n] = []Note{{"cost", FormatNumber(float64(i)) + " flop"}}
	}
	for _, options := range [][]Option{
		{WithStyle(MonoStyle)}, {WithStyle(SurfaceWaveStyle)}, {WithTheme(DarkTheme)},
		{WithHeat(heat, "time"), WithNotes(notes), WithShow("cost", "line", "dtype")},
		{WithHeat(heat, "time"), WithDepth(0)},
	} {
		p, err := New(outputs, append(options, WithScale(0.3))...)
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.laid()
		if err != nil {
			t.Fatal(err)
		}
		for _, flaw := range verify.Check(d) {
			t.Error(flaw)
		}
		for _, format := range []func(*Picture, io.Writer) error{(*Picture).SVG, (*Picture).PNG, (*Picture).PDF, (*Picture).DOT, (*Picture).HTML, (*Picture).Text, (*Picture).Mermaid} {
			if err := format(p, io.Discard); err != nil {
				t.Error(err)
			}
		}
	}
	var b bytes.Buffer
	if err := SVG(&b, outputs, WithHeat(heat, "time"), WithNotes(notes), WithShow("cost")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"f-heat-5", "f-heat-text", "time from 0", "cost 0 flop"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not drawn", want)
		}
	}
}
