package viz

import (
	"strings"
	"testing"
)

// The reverse sweep of the seed figure sums adjoints edge by edge; the sum that is folded passes all parts on at once.
func TestWalk(t *testing.T) {
	outputs, options := seed(Overlay)
	p, err := New(outputs, options...)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := p.Walk()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, s := range steps {
		text.WriteString(s.Part + " " + s.Node + ": " + s.Text)
		for _, f := range s.Flows {
			text.WriteString("; " + f.Text)
		}
		text.WriteString("\n")
	}
	want := `forward n2: v₁ = x₁² = 4
forward n3: v₂ = x₁ × x₂ = 6
forward n4: v₃ = x₂² = 9
forward n6: v₄ = v₁ + v₂ + v₃ = 19
reverse out0: z̄ = 1; v̄₄ gets 1, in all 1
reverse n6: v̄₄ = 1; v̄₁ gets v̄₄ · 1 = 1 · 1, in all 1; v̄₂ gets v̄₄ · 1 = 1 · 1, in all 1; v̄₃ gets v̄₄ · 1 = 1 · 1, in all 1
reverse n4: v̄₃ = 1; x̄₂ gets v̄₃ · 2x₂ = 1 · 6, so far 6
reverse n3: v̄₂ = 1; x̄₁ gets v̄₂ · x₂ = 1 · 3, so far 3; x̄₂ gets v̄₂ · x₁ = 1 · 2, in all 8
reverse n2: v̄₁ = 1; x̄₁ gets v̄₁ · 2x₁ = 1 · 4, in all 7
`
	if got := text.String(); got != want {
		t.Errorf("the walk is\n%swant\n%s", got, want)
	}
}

// All that a walk names is in the drawing, and every value and every reverse edge has its step.
func TestWalkIsInTheDrawing(t *testing.T) {
	for _, c := range corpus() {
		c.options = append(c.options, WithStyleSheet(false))
		p, err := c.picture()
		if err != nil {
			t.Fatal(c.name, err)
		}
		steps, err := p.Walk()
		if err != nil {
			t.Fatal(c.name, err)
		}
		drawing := string(render(t, c, (*Picture).SVG))
		if strings.Contains(drawing, "<style") {
			t.Errorf("%s: a bare drawing has a style sheet", c.name)
		}
		named := map[string]bool{}
		for _, s := range steps {
			named[s.Node] = true
			ids := append([]string{s.Node}, s.Outputs...)
			for _, f := range s.Flows {
				ids = append(ids, f.Edge, f.To)
				named[f.Edge] = true
			}
			for _, id := range ids {
				if !strings.Contains(drawing, `id="`+id+`"`) {
					t.Fatalf("%s: step %q names %s, which is not drawn", c.name, s.Text, id)
				}
			}
		}
		for _, group := range strings.Split(drawing, `<g id="`)[1:] {
			id, rest, _ := strings.Cut(group, `"`)
			if (strings.HasPrefix(rest, ` class="operator`) || strings.HasPrefix(rest, ` class="node operator`) || strings.HasPrefix(rest, ` class="edge reverse`)) && !named[id] {
				t.Errorf("%s: no step names %s", c.name, id)
			}
		}
	}
	if _, err := (*Picture)(nil).Walk(); err == nil {
		t.Error("no picture has a walk")
	}
}

// The style sheet has the colours of both themes, and letters for any usual name.
func TestStyleSheet(t *testing.T) {
	css := StyleSheet()
	for _, part := range []string{"@font-face", "prefers-color-scheme:dark", ".f-adjoint-text", "Adjoint Text Italic"} {
		if !strings.Contains(css, part) {
			t.Errorf("the style sheet has no %s", part)
		}
	}
}
