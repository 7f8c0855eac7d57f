package viz

import (
	"path"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// inline finds the inputs that are drawn as lines in the operators that read them.
func (b *builder) inline() {
	b.inlined = make([]bool, len(b.model.Nodes))
	for i := range b.model.Nodes {
		if n := &b.model.Nodes[i]; n.Op == "input" && !n.Cut && !b.isOutput[i] && !b.active[i] && b.uses[i] > 0 {
			b.inlined[i] = MatchName(n.Name, b.settings.inline)
		}
	}
}

// MatchName reports whether one of the patterns, which are those of path.Match, fits a name or its last part in a/b/c.
func MatchName(name string, patterns []string) bool {
	for _, p := range patterns {
		whole, _ := path.Match(p, name) // a pattern with mistakes fits nothing
		last, _ := path.Match(p, lastPart(name))
		if whole || last {
			return true
		}
	}
	return false
}

// inlinedIn reports whether an operand is a line of the operator. The gradient's cluster shows values of the forward graph as copies.
func (b *builder) inlinedIn(in int, n *Node) bool {
	return b.inlined[in] && !(n.Gradient && b.cluster[1] >= 0)
}

// inlineLine returns the line of an inlined operand. Where the order of operands counts it says which one it is.
func (b *builder) inlineLine(n *Node, place, in int) scene.TextLine {
	runs := b.names[in]
	if n.ordered() {
		runs = joinRuns(n.operandName(place), upright(": "), runs)
	}
	if text := b.valueText(&b.model.Nodes[in]); text != "" {
		sign := " = "
		if b.model.Nodes[in].Value.summary() == "" || !b.shows("value") {
			sign = "  "
		}
		runs = joinRuns(runs, upright(sign), numberRuns(text))
	}
	return scene.TextLine{Runs: runs, Size: noteSize, Colour: scene.InputText}
}
