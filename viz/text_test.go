package viz

import (
	"bytes"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

func TestText(t *testing.T) {
	outputs, options := seed(Overlay)
	got := string(render(t, drawing{name: "seed", outputs: outputs, options: options}, (*Picture).Text))
	want := strings.TrimPrefix(`
○      x₁ = 2   x̄₁ = 7
│ ○    x₂ = 3   x̄₂ = 8
├─│─●  v₁ = x₁² = 4   v̄₁ = 1
●─┤ │  v₂ = x₁ × x₂ = 6   v̄₂ = 1
│ ● │  v₃ = x₂² = 9   v̄₃ = 1
●─┴─╯  v₄ = v₁ + v₂ + v₃ = 19   v̄₄ = 1
◎      z = v₄ = 19
`, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Every line of a text drawing stands for one node or is the title of a body, and lines are as wide as
// their rails everywhere.
func TestTextOfCorpus(t *testing.T) {
	for _, c := range corpus() {
		data := render(t, c, (*Picture).Text)
		if !bytes.HasSuffix(data, []byte("\n")) || len(data) < 4 {
			t.Errorf("%s: %q", c.name, data)
		}
		if n := strings.Count(string(data), "◎"); n < 1 {
			t.Errorf("%s: no output is drawn", c.name)
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
			if !strings.ContainsAny(line, "○●◎") && !strings.HasSuffix(line, ":") {
				t.Errorf("%s: line %q shows no node and is no title", c.name, line)
			}
		}
	}
}

func TestMermaid(t *testing.T) {
	outputs, options := seed(Overlay)
	got := string(render(t, drawing{name: "seed", outputs: outputs, options: options}, (*Picture).Mermaid))
	for _, want := range []string{"flowchart LR\n", `n0(("x₁<br/>2<br/>x̄₁ = 7")):::input`, `(((`, `n2 -.->|"2x₁ = 4"| n0`, "linkStyle", "title: 'z = x₁² + x₁\u2009x₂ + x₂²'"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, c := range corpus() {
		for _, line := range strings.Split(string(render(t, c, (*Picture).Mermaid)), "\n") {
			if strings.Count(line, `"`)%2 != 0 && !strings.HasPrefix(line, "title:") {
				t.Errorf("%s: quotation marks do not match: %s", c.name, line)
			}
		}
	}
}

// However many values are live, lines have a bounded number of rails.
func TestTextIsBounded(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	var outputs []*graph.Node
	for range 3 * mostRails {
		x = graph.Sin(x)
		outputs = append(outputs, x)
	}
	p, err := New(outputs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Encode("text")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 1+2*len(outputs) {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if n := len([]rune(line)); n > 2*mostRails+60 {
			t.Fatalf("a line has %d characters", n)
		}
	}
}
