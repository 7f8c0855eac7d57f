// Package mermaid writes scenes as Mermaid flowcharts, which many viewers of
// Markdown draw.
package mermaid

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// Write writes a scene. Equal scenes give equal bytes.
func Write(to io.Writer, s *scene.Scene) error {
	w := &writer{Writer: bufio.NewWriter(to), scene: s}
	directions := [...]string{layout.LeftToRight: "LR", layout.TopToBottom: "TB", layout.RightToLeft: "RL", layout.BottomToTop: "BT"}
	if !s.Title.Empty() {
		w.line(0, "---")
		w.line(0, "title: '%s'", strings.ReplaceAll(clean(s.Title.Plain()), "'", "''"))
		w.line(0, "---")
	}
	w.line(0, "flowchart %s", directions[s.Direction])
	children := make([][]int, len(s.Clusters)+1)
	for c := range s.Clusters {
		children[s.Clusters[c].Parent+1] = append(children[s.Clusters[c].Parent+1], c)
	}
	members := make([][]int, len(s.Clusters)+1)
	for i := range s.Nodes {
		members[s.Nodes[i].Cluster+1] = append(members[s.Nodes[i].Cluster+1], i)
	}
	w.inside(-1, 1, children, members)
	var reverse []string
	for i := range s.Edges {
		e := &s.Edges[i]
		arrow := "-->"
		if e.Kind == scene.Reverse || e.Kind == scene.Ghost || e.Kind == scene.Former || e.Kind == scene.Next {
			arrow = "-.->"
		}
		if e.Kind == scene.Reverse || e.Kind == scene.Gradient {
			reverse = append(reverse, fmt.Sprint(i))
		}
		if !e.Label.Empty() {
			arrow += `|"` + escape(e.Label.Plain()) + `"|`
		}
		if e.Operand > 0 && e.Label.Empty() { // Mermaid has orders of its own
			arrow += `|"` + escape(e.Mark.Plain()) + `"|`
		}
		w.line(1, "n%d %s n%d", e.From, arrow, e.To)
	}
	w.styles(reverse)
	return w.Flush()
}

type writer struct {
	*bufio.Writer
	scene *scene.Scene
}

// Output errors stick to the bufio.Writer and come back from Flush.
func (w *writer) line(indent int, format string, arguments ...any) {
	_, _ = fmt.Fprintf(w, strings.Repeat("  ", indent)+format+"\n", arguments...)
}

func (w *writer) inside(cluster, indent int, children, members [][]int) {
	for _, i := range members[cluster+1] {
		n := &w.scene.Nodes[i]
		var lines []string
		for _, l := range n.Lines {
			lines = append(lines, escape(l.Plain()))
		}
		open, end := "(", ")"
		switch n.Shape {
		case scene.Circle, scene.Dot:
			open, end = "((", "))"
		case scene.DoubleCircle:
			open, end = "(((", ")))"
		case scene.Capsule:
			open, end = "([", "])"
		}
		w.line(indent, `n%d%s"%s"%s:::%s`, i, open, strings.Join(lines, "<br/>"), end, class(n))
	}
	for _, c := range children[cluster+1] {
		w.line(indent, `subgraph c%d ["%s"]`, c, escape(w.scene.Clusters[c].Title))
		w.inside(c, indent+1, children, members)
		w.line(indent, "end")
	}
}

// class reduces a node's classes to one that styles defines.
func class(n *scene.Node) string {
	switch {
	case strings.HasPrefix(n.Class, "output gradient"):
		return "gradientOutput"
	case strings.HasSuffix(n.Class, " gradient"):
		return "gradient"
	}
	first, _, _ := strings.Cut(n.Class, " ")
	switch first {
	case "input", "constant", "output", "ghost":
		return first
	}
	return "operator"
}

func (w *writer) styles(reverse []string) {
	colour := func(r scene.Role) string {
		c := draw.Light[r]
		return fmt.Sprintf("#%02X%02X%02X", c[0], c[1], c[2])
	}
	define := func(name string, fill, stroke, text scene.Role, more string) {
		w.line(1, "classDef %s fill:%s,stroke:%s,color:%s%s", name, colour(fill), colour(stroke), colour(text), more)
	}
	define("input", scene.InputFill, scene.InputLine, scene.Ink, "")
	define("constant", scene.ConstantFill, scene.ConstantFill, scene.ConstantText, "")
	define("operator", scene.Paper, scene.Line, scene.Ink, "")
	define("output", scene.OutputFill, scene.OutputLine, scene.Ink, "")
	define("gradient", scene.Paper, scene.AdjointLine, scene.Ink, "")
	define("gradientOutput", scene.AdjointFill, scene.AdjointLine, scene.Ink, "")
	define("ghost", scene.Paper, scene.InputLine, scene.Ink, ",stroke-dasharray:5 4")
	if len(reverse) > 0 {
		w.line(1, "linkStyle %s stroke:%s,color:%s", strings.Join(reverse, ","), colour(scene.AdjointLine), colour(scene.AdjointText))
	}
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7F && r < 0xA0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// escape writes what Mermaid or HTML would read as markup as entities.
func escape(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch r {
		case '"':
			b.WriteString("#quot;")
		case '#':
			b.WriteString("#35;")
		case '&', '<', '>', '`', '\\', '*', '_', '[', ']', '{', '}', '|':
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return " "
	}
	return b.String()
}
