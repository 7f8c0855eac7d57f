package viz

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/mermaid"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Text writes the picture as text for a terminal: one line per node in
// topological order, with a rail per live value at the left.
//
//	○       x₁ = 2
//	│ ○     x₂ = 3
//	├─│─●   v₁ = x₁² = 4
//
// A rail starts at the node that makes the value and ends at the last node that
// uses it. ○ is an input, ● an operator, ◎ an output.
func (p *Picture) Text(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	t := &railWriter{Writer: bufio.NewWriter(w), builder: newTextBuilder(p)}
	t.write()
	return t.Flush()
}

// Mermaid writes the picture as a Mermaid flowchart.
func (p *Picture) Mermaid(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	return mermaid.Write(w, p.scene)
}

// Text draws the outputs and all that they depend on as text, see Picture.Text.
func Text(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).Text)
}

// Mermaid draws the outputs and all that they depend on as a Mermaid flowchart.
func Mermaid(w io.Writer, outputs []*graph.Node, options ...Option) error {
	return paint(w, outputs, options, (*Picture).Mermaid)
}

// newTextBuilder returns a builder with everything but the scene.
func newTextBuilder(p *Picture) *builder {
	b := &builder{model: p.model, settings: p.settings, scene: &scene.Scene{}}
	b.survey()
	b.name()
	b.flow()
	return b
}

// railRow is one line: a node or an output.
type railRow struct {
	node     int // of the model; −1 for an output
	operands []int
	mark     rune
	text     string
}

type railWriter struct {
	*bufio.Writer
	builder *builder
	rails   []int       // per column: the model's node whose value is live, −1 for none
	column  map[int]int // per live node: its column
	last    map[int]int
}

func plain(runs []scene.Run) string { return scene.TextLine{Runs: runs}.Plain() }

// rows lists the lines of the drawing. Constants stand in the formulas.
func (t *railWriter) rows() []railRow {
	b := t.builder
	var rows []railRow
	leaving, exits := b.leaving(), b.model.exits()
	last := "" // scope
	for i := range b.model.Nodes {
		n := &b.model.Nodes[i]
		if b.folded[i] || n.Op == "const" || n.Cut {
			continue
		}
		inset := strings.Repeat("  ", len(b.bodiesAround(n.Scope)))
		rows = append(rows, b.headers(last, n.Scope)...)
		last = n.Scope
		row := railRow{node: i, mark: '●'}
		text := plain(b.names[i])
		if n.Collapsed > 0 {
			text = leaving[i]
		}
		if n.Op == "input" {
			row.mark = '○'
		} else {
			text += " = " + t.formula(i)
			if next, found := b.model.nextStep(n, exits); found {
				text += ", then " + plain(b.operandName(next))
			}
			for _, o := range b.operands[i] {
				if in := &b.model.Nodes[o.node]; in.Op != "const" && !in.Cut {
					row.operands = append(row.operands, o.node)
				}
			}
		}
		if value := b.valueText(n); value != "" {
			sign := " = "
			if n.Value == nil || !b.shows("value") {
				sign = " : "
			}
			text += sign + value
		}
		for _, line := range b.shown(n) {
			text += "   " + line.Plain()
		}
		if b.active[i] {
			text += "   " + b.adjoint(b.names[i], n.Adjoint).Plain()
		}
		row.text = inset + text
		rows = append(rows, row)
	}
	for k, o := range b.model.Outputs {
		n := b.model.result(&o)
		row := railRow{node: -1, mark: '◎'}
		name := plain(b.outputName(k))
		if o.Of != "" {
			name = "∂" + plain(b.set.name(o.Of)) + "/∂" + plain(b.set.name(o.By))
		}
		row.text = name
		own := b.names[o.Node]
		if o.part != nil {
			own = b.called(n, false)
		}
		if own := plain(own); own != name {
			row.text += " = " + own
		}
		if n.Op != "const" && !n.Cut {
			row.operands = []int{o.Node}
		}
		if value := n.Value.summary(); value != "" && b.shows("value") {
			row.text += " = " + value
		}
		rows = append(rows, row)
	}
	return rows
}

// bodiesAround lists the scopes of bodies that a scope is or lies in, the outermost first.
func (b *builder) bodiesAround(scope string) []string {
	var list []string
	for ; scope != ""; scope = parentScope(scope) {
		if b.isBody(scope) {
			list = append(list, scope)
		}
	}
	slices.Reverse(list)
	return list
}

// headers lists the titles of the bodies that begin between two nodes.
func (b *builder) headers(before, scope string) []railRow {
	around := b.bodiesAround(before)
	var rows []railRow
	for k, s := range b.bodiesAround(scope) {
		if k < len(around) && around[k] == s && len(rows) == 0 {
			continue
		}
		rows = append(rows, railRow{node: -1, mark: ' ', text: strings.Repeat("  ", k) + b.scopeTitle(s) + ":"})
	}
	return rows
}

// leaving names, by node that stands for several, the values that leave it.
func (b *builder) leaving() map[int]string {
	names, seen := map[int]string{}, map[*Node]bool{}
	add := func(i int, n *Node) {
		if b.model.Nodes[i].Collapsed == 0 || seen[n] {
			return
		}
		if seen[n] = true; names[i] != "" {
			names[i] += ", "
		}
		names[i] += plain(b.called(n, false))
	}
	for k := range b.model.Nodes {
		for j, in := range b.model.Nodes[k].Inputs {
			add(in, b.model.part(&b.model.Nodes[k], j))
		}
	}
	for k := range b.model.Outputs {
		add(b.model.Outputs[k].Node, b.model.result(&b.model.Outputs[k]))
	}
	return names
}

func (t *railWriter) formula(i int) string {
	b := t.builder
	n := &b.model.Nodes[i]
	var names []string
	for _, o := range b.operands[i] {
		names = append(names, plain(b.operandName(o.at)))
	}
	if n.Collapsed > 0 {
		return fmt.Sprintf("%s(%s), %d nodes", n.Symbol, strings.Join(names, ", "), n.Collapsed)
	}
	symbol := n.symbol()
	if n.operator().Infix && len(names) > 1 {
		sign := " " + symbol + " "
		if symbol == powerSymbol {
			sign = symbol
		}
		return strings.Join(names, sign)
	}
	if n.exit != nil {
		for k := range names {
			if len(n.exit.parts) > 0 || k < len(n.exit.outside) {
				names[k] = plain(n.operandName(k)) + ": " + names[k]
			}
		}
		return n.Op + "(" + strings.Join(names, ", ") + ")"
	}
	if n.stepOf(b.model) {
		return names[0] + " at each step"
	}
	if len(names) == 1 && n.Attributes == "" {
		if text, ok := applied(symbol, names[0]); ok {
			return text
		}
	}
	if n.Op == "result" && n.Symbol != "" && len(names) == 1 {
		return names[0] + "." + n.Symbol
	}
	name := n.Op
	if n.Attributes != "" {
		names = append(names, n.Attributes)
	}
	return name + "(" + strings.Join(names, ", ") + ")"
}

func (t *railWriter) write() {
	rows := t.rows()
	t.last = map[int]int{}
	for k, row := range rows {
		for _, o := range row.operands {
			t.last[o] = k
		}
	}
	// The drawing is as wide as its most live values, which the first walk finds.
	width := 0
	for _, drawn := range []bool{false, true} {
		t.rails, t.column = nil, map[int]int{}
		for k, row := range rows {
			line, length := t.row(k, row, drawn)
			width = max(width, length)
			if drawn {
				_, _ = t.WriteString(line + strings.Repeat(" ", width-length) + "  " + strings.Map(printable, row.text) + "\n")
			}
		}
	}
}

func printable(r rune) rune {
	if r < 0x20 || r >= 0x7F && r < 0xA0 {
		return '\uFFFD'
	}
	return r
}

// mostRails is the number of rails side by side. Values beyond it have none: their users name them, as all do.
const mostRails = 60

// row updates the rails by one line and returns its length in characters, and,
// where it is drawn, the line.
func (t *railWriter) row(k int, row railRow, drawn bool) (string, int) {
	used := map[int]bool{} // columns of operands
	own := -1
	for _, o := range row.operands {
		c, live := t.column[o]
		if !live {
			continue
		}
		used[c] = true
		// The node takes over the rail of an operand that ends here.
		if t.last[o] == k && (own < 0 || c < own) {
			own = c
		}
	}
	if own < 0 {
		if own = slices.Index(t.rails, -1); own < 0 {
			own = len(t.rails)
			t.rails = append(t.rails, -1)
		}
	}
	low, high := own, own
	for c := range used {
		low, high = min(low, c), max(high, c)
	}
	// Rails right of the last live one are gone, so that the line ends there.
	length := 2*len(t.rails) - 1
	var b strings.Builder
	for c := range t.rails {
		if !drawn {
			break
		}
		live := t.rails[c] >= 0
		ends := live && used[c] && t.last[t.rails[c]] == k
		inside := low < c && c < high
		mark := ' '
		switch {
		case c == own:
			mark = row.mark
		case used[c] && ends && c == low:
			mark = '╰'
		case used[c] && ends && c == high:
			mark = '╯'
		case used[c] && ends:
			mark = '┴'
		case used[c] && c == low:
			mark = '├'
		case used[c] && c == high:
			mark = '┤'
		case used[c]:
			mark = '┼'
		case live:
			mark = '│'
		case inside:
			mark = '─'
		}
		b.WriteRune(mark)
		switch {
		case c == len(t.rails)-1:
		case c >= low && c < high:
			b.WriteRune('─')
		default:
			b.WriteRune(' ')
		}
	}
	for c := range used {
		if t.last[t.rails[c]] == k {
			delete(t.column, t.rails[c])
			t.rails[c] = -1
		}
	}
	t.rails[own] = -1
	if row.node >= 0 {
		if _, needed := t.last[row.node]; needed && own < mostRails {
			t.rails[own] = row.node
			t.column[row.node] = own
		}
	}
	for len(t.rails) > 0 && t.rails[len(t.rails)-1] < 0 {
		t.rails = t.rails[:len(t.rails)-1]
	}
	return b.String(), length
}
