package viz

import (
	"fmt"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

type sceneNode = scene.Node

// sum returns x0² + … in the order in which a program adds them up.
func sum(n int) []*graph.Node {
	g := graph.New()
	var s *graph.Node
	for i := range n {
		x := graph.Square(g.Input(fmt.Sprintf("x%d", i), graph.Float64))
		if s == nil {
			s = x
		} else {
			s = graph.Add(s, x)
		}
	}
	return []*graph.Node{s}
}

// chain returns n operators, one after another, in scopes of so many if not 0.
func chain(n, scoped int) []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	for i := range n {
		if scoped > 0 {
			g.SetScope(fmt.Sprintf("s%d", i/scoped))
		}
		x = graph.Sin(x)
	}
	return []*graph.Node{x}
}

// blocks returns n layers in scopes, each of two normalisations with parameters and a way around.
func blocks(n int) []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64, 4, 8)
	for i := range n {
		parameter := func(name string) *graph.Node {
			g.SetScope("")
			p := g.Input(fmt.Sprintf("%s%d", name, i), graph.Float64, 8)
			g.SetScope(fmt.Sprintf("block%d", i))
			return p
		}
		for k := range 2 {
			scale, bias := parameter(fmt.Sprintf("scale%d_", k)), parameter(fmt.Sprintf("bias%d_", k))
			x = graph.LayerNorm(graph.Add(x, graph.Tanh(x)), scale, bias, []int{1}, 1e-5)
		}
	}
	return []*graph.Node{x}
}

// multiples returns n results that are made of one value.
func multiples(n int) []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	var y []*graph.Node
	for i := range n {
		y = append(y, graph.Mul(x, g.Const(float64(i)+0.5)).Named(fmt.Sprintf("y%d", i)))
	}
	return y
}

func drawn(t *testing.T, outputs []*graph.Node, options ...Option) *Picture {
	t.Helper()
	p, err := New(outputs, options...)
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
	return p
}

// A sum is one operator, however many terms it has.
func TestSumsAreOneOperator(t *testing.T) {
	for _, n := range []int{3, 50, 500} {
		p := drawn(t, sum(n))
		adders, edges := 0, 0
		for _, node := range p.scene.Nodes {
			if strings.Contains(node.Class, "op-add") {
				adders++
			}
		}
		for _, e := range p.scene.Edges {
			if strings.Contains(p.scene.Nodes[e.To].Class, "op-add") {
				edges++
			}
		}
		if adders != 1 || edges != n {
			t.Errorf("a sum of %d terms has %d operators with %d operands", n, adders, edges)
		}
	}
}

// Pictures keep the shape of a page: what is long falls into rows, what is high is turned.
func TestShapeOfThePage(t *testing.T) {
	for _, c := range []struct {
		name    string
		outputs []*graph.Node
		options []Option
		most    float64 // of the longer side to the shorter
		wide    bool
	}{
		{"a chain", chain(500, 0), nil, 3, true},
		{"a chain with adjoints", chain(200, 0), []Option{WithGradients(Overlay)}, 4, true},
		{"a chain downwards", chain(300, 0), []Option{WithDirection(TopToBottom)}, 3, false},
		{"a chain leftwards", chain(300, 0), []Option{WithDirection(RightToLeft)}, 3, true},
		{"scopes", chain(200, 10), nil, 4, true},
		{"blocks", blocks(6), nil, 4, true},
		{"a sum", sum(50), nil, 2, true},
		{"a large sum", sum(200), nil, 2.5, true},
		{"a sum downwards", sum(50), []Option{WithDirection(TopToBottom)}, 2, true},
		{"multiples of a value", multiples(40), nil, 2, false},
		{"a sum with adjoints", sum(40), []Option{WithGradients(Overlay)}, 2.5, true},
	} {
		d, _ := drawn(t, c.outputs, c.options...).laid()
		if ratio := max(d.W/d.H, d.H/d.W); ratio > c.most || (d.W > d.H) != c.wide {
			t.Errorf("%s has %v×%v", c.name, d.W, d.H)
		}
	}
	if d, _ := drawn(t, chain(500, 0), WithWrapping(false)).laid(); d.H > 300 {
		t.Errorf("without rows, a chain has %v×%v", d.W, d.H)
	}
	if d, _ := drawn(t, chain(20, 0)).laid(); d.H > 300 {
		t.Errorf("a short chain has %v×%v", d.W, d.H)
	}
	if d, _ := drawn(t, sum(50), WithDirection(LeftToRight), WithWrapping(false)).laid(); d.W > d.H {
		t.Errorf("a direction that was asked for is not kept: %v×%v", d.W, d.H)
	}
}

// Inlined inputs are lines of the operators that read them; results and what carries an adjoint stay nodes.
func TestInline(t *testing.T) {
	g := graph.New()
	x, w, b := g.Input("x", graph.Float64, 2, 3), g.Input("net/W1", graph.Float64, 3, 4), g.Input("b1", graph.Float64, 4)
	y := graph.Add(graph.MatMul(x, w), b)
	text := func(options ...Option) (nodes, lines string) {
		p := drawn(t, []*graph.Node{y}, options...)
		for _, n := range p.scene.Nodes {
			if n.Class == "input" {
				nodes += n.Lines[0].Plain() + " "
				continue
			}
			for _, l := range n.Lines {
				lines += l.Plain() + "\n"
			}
		}
		return nodes, lines
	}
	nodes, lines := text(WithInline("W*", "b?"))
	if nodes != "x " || !strings.Contains(lines, "2: W₁  f64[3×4]\n") || !strings.Contains(lines, "b₁  f64[4]\n") {
		t.Errorf("the inputs are %s, the lines %q", nodes, lines)
	}
	if nodes, _ = text(WithInline("net/*")); nodes != "x b₁ " {
		t.Errorf("by whole names, the inputs are %s", nodes)
	}
	if nodes, _ = text(WithInline("*"), WithGradients(Overlay)); nodes != "x W₁ b₁ " {
		t.Errorf("with adjoints, the inputs are %s", nodes)
	}
	for _, format := range []string{"svg", "dot", "mermaid", "html", "json", "text", "pdf", "png", "tikz", "latex"} {
		p := drawn(t, []*graph.Node{y}, WithInline("*"))
		if data, err := p.Encode(format); err != nil || len(data) == 0 {
			t.Errorf("%s: %v", format, err)
		}
	}
}
