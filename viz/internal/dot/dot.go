// Package dot writes scenes in the DOT language, for Graphviz and whatever else
// reads it, through the syntax tree of gographviz.
//
// Statements are written one by one: the tree's own printer joins strings and
// takes time that grows faster than the graph.
package dot

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/awalterschulze/gographviz/ast"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// fonts is the list of typefaces asked for, best first.
const fonts = "STIX Two Text,Times New Roman,DejaVu Serif"

// Write writes a scene as a directed graph. Equal scenes give equal bytes.
func Write(to io.Writer, s *scene.Scene) error {
	w := &writer{Writer: bufio.NewWriterSize(to, 1<<16), scene: s}
	w.width = len(strconv.Itoa(len(s.Nodes)))
	head := &ast.Graph{Type: ast.DIGRAPH, ID: "adjoint"}
	w.open(head.Type.String() + " " + head.ID.String() + " {")
	w.statement(ast.GraphAttrs(attributes(w.graphAttributes()...)))
	w.statement(ast.NodeAttrs(attributes("fontname", quote(fonts), "fontsize", "20", "penwidth", "1.6",
		"shape", "box", "style", quote("rounded,filled"), "margin", quote("0.14,0.08"))))
	w.statement(ast.EdgeAttrs(attributes("fontname", quote(fonts), "fontsize", "14", "penwidth", "1.5", "arrowsize", "0.8")))
	children := make([][]int, len(s.Clusters)+1)
	for c := range s.Clusters {
		children[s.Clusters[c].Parent+1] = append(children[s.Clusters[c].Parent+1], c)
	}
	members := make([][]int, len(s.Clusters)+1)
	for i := range s.Nodes {
		members[s.Nodes[i].Cluster+1] = append(members[s.Nodes[i].Cluster+1], i)
	}
	w.inside(-1, children, members)
	for i := range s.Edges {
		w.statement(w.edge(i))
	}
	w.legend()
	w.close()
	return w.Flush()
}

type writer struct {
	*bufio.Writer
	scene  *scene.Scene
	width  int
	indent int
}

func (w *writer) line(text string) {
	for k := 0; k < w.indent; k++ {
		_, _ = w.WriteString("  ")
	}
	_, _ = w.WriteString(text)
	_, _ = w.WriteString("\n")
}

func (w *writer) open(text string) {
	w.line(text)
	w.indent++
}

func (w *writer) close() {
	w.indent--
	w.line("}")
}

func (w *writer) statement(s ast.Stmt) {
	w.line(strings.TrimRight(s.String(), " ") + ";")
}

// attributes makes an attribute list from names and values in turn; an empty
// value leaves the attribute out.
func attributes(pairs ...string) ast.AttrList {
	var list ast.AList
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, &ast.Attr{Field: ast.ID(pairs[i]), Value: ast.ID(pairs[i+1])})
		}
	}
	return ast.AttrList{list}
}

// quote makes a quoted string. Besides the quotation mark, a backslash needs an
// escape because it starts one of Graphviz's own, and & because it starts an
// entity.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range clean(s) {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '&':
			b.WriteString("&amp;")
		default:
			b.WriteString(ascii(r))
		}
	}
	b.WriteByte('"')
	return b.String()
}

// clean replaces characters that DOT's readers and XML do not allow.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' || r >= 0x7F && r < 0xA0 || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// ascii writes a character as an entity unless it is ASCII: readers of DOT,
// gographviz's own among them, differ in what else they take.
func ascii(r rune) string {
	if r < 0x80 {
		return string(r)
	}
	return "&#" + strconv.Itoa(int(r)) + ";"
}

func escape(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&quot;")
		case '\n':
			b.WriteByte(' ')
		default:
			b.WriteString(ascii(r))
		}
	}
	return b.String()
}

func colour(r scene.Role) string {
	c := draw.Light[r]
	return fmt.Sprintf(`"#%02X%02X%02X"`, c[0], c[1], c[2])
}

func (w *writer) graphAttributes() []string {
	directions := [...]string{layout.LeftToRight: "LR", layout.TopToBottom: "TB", layout.RightToLeft: "RL", layout.BottomToTop: "BT"}
	pairs := []string{"rankdir", directions[w.scene.Direction], "bgcolor", `"white"`, "pad", "0.3", "nodesep", "0.35", "ranksep", "0.7",
		"fontname", quote(fonts), "fontsize", "22", "fontcolor", colour(scene.Ink), "outputorder", "edgesfirst", "compound", "true",
		"charset", quote("UTF-8")}
	if len(w.scene.Clusters) > 0 {
		pairs = append(pairs, "newrank", "true")
	}
	if !w.scene.Title.Empty() {
		pairs = append(pairs, "labelloc", "t", "label", "<"+runs(w.scene.Title)+">")
	}
	if w.scene.Summary != "" {
		pairs = append(pairs, "tooltip", quote(w.scene.Summary))
	}
	return pairs
}

// name returns a node's identifier, padded so that names sort as numbers do.
func (w *writer) name(i int) string { return fmt.Sprintf("n%0*d", w.width, i) }

func (w *writer) inside(cluster int, children, members [][]int) {
	for _, i := range members[cluster+1] {
		w.statement(w.node(i))
	}
	for _, c := range children[cluster+1] {
		t := &w.scene.Clusters[c]
		sub := &ast.SubGraph{ID: ast.ID(fmt.Sprintf("cluster_%d", c))}
		w.open("subgraph " + sub.ID.String() + " {")
		fill, stroke, ink := scene.ScopeTint, scene.ScopeBorder, scene.Ink
		switch t.Kind {
		case scene.ForwardCluster:
			fill, stroke = scene.ForwardTint, scene.ForwardBorder
		case scene.GradientCluster:
			fill, stroke, ink = scene.GradientTint, scene.GradientBorder, scene.AdjointText
		}
		w.statement(ast.GraphAttrs(attributes("label", quote(t.Title), "labeljust", "l", "labelloc", "t", "fontsize", "15", "fontcolor", colour(ink),
			"style", quote("rounded,filled"), "color", colour(stroke), "fillcolor", colour(fill), "margin", "14")))
		w.inside(c, children, members)
		w.close()
	}
}

func (w *writer) node(i int) ast.Stmt {
	n := &w.scene.Nodes[i]
	shape, style, size := "", "", ""
	switch n.Measure().Shape {
	case scene.Circle:
		shape, style = "circle", "filled"
	case scene.DoubleCircle:
		shape, style = "doublecircle", "filled"
	case scene.Dot:
		shape, style, size = "circle", "filled", "0.3"
	case scene.Capsule:
		shape, style = "ellipse", "filled"
	default:
		size = "0.9"
	}
	if n.Dashed {
		if style == "" {
			style = "rounded,filled"
		}
		style += ",dashed"
	}
	pairs := []string{"label", "<" + lines(n.Lines) + ">", "color", colour(n.Stroke), "fillcolor", colour(n.Fill), "shape", shape}
	if style != "" {
		pairs = append(pairs, "style", quote(style))
	}
	if shape != "" {
		pairs = append(pairs, "margin", quote("0.03,0.03"))
	}
	pairs = append(pairs, "width", size, "class", quote(n.Class))
	if n.Tooltip != "" {
		pairs = append(pairs, "tooltip", quote(n.Tooltip))
	}
	return ast.NodeStmt{NodeID: ast.MakeNodeID(w.name(i), ""), Attrs: attributes(pairs...)}
}

func (w *writer) edge(i int) ast.Stmt {
	e := &w.scene.Edges[i]
	pairs := []string{}
	switch e.Kind {
	case scene.Forward:
		pairs = append(pairs, "color", colour(scene.Line))
	case scene.Gradient:
		pairs = append(pairs, "color", colour(scene.AdjointLine))
	case scene.Former:
		pairs = append(pairs, "color", colour(scene.Muted), "style", "dotted")
	case scene.Ghost:
		pairs = append(pairs, "color", colour(scene.InputLine), "style", "dashed")
	case scene.Reverse:
		pairs = append(pairs, "color", colour(scene.AdjointLine), "style", "dashed", "constraint", "false")
	case scene.Next:
		pairs = append(pairs, "color", colour(scene.Line), "style", "dashed", "constraint", "false")
	}
	if !e.Label.Empty() {
		pairs = append(pairs, "label", "<"+runs(e.Label)+">", "fontcolor", colour(e.Label.Colour))
	}
	if e.Operand > 0 { // Graphviz has orders of its own
		pairs = append(pairs, "headlabel", "<"+runs(e.Mark)+">", "labeldistance", "1.3")
	}
	if e.Weight > 1 {
		pairs = append(pairs, "weight", strconv.Itoa(e.Weight))
	}
	return ast.EdgeStmt{Source: ast.MakeNodeID(w.name(e.From), ""),
		EdgeRHS: ast.EdgeRHS{&ast.EdgeRH{Op: ast.DIRECTED, Destination: ast.MakeNodeID(w.name(e.To), "")}},
		Attrs:   attributes(pairs...)}
}

// lines returns a label of several lines as a table.
func lines(list []scene.TextLine) string {
	if len(list) == 1 {
		return runs(list[0])
	}
	var b strings.Builder
	b.WriteString(`<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">`)
	for _, l := range list {
		b.WriteString("<TR><TD>" + runs(l) + "</TD></TR>")
	}
	b.WriteString("</TABLE>")
	return b.String()
}

// runs returns a line as Graphviz's subset of HTML.
func runs(l scene.TextLine) string {
	var b strings.Builder
	empty := true
	fmt.Fprintf(&b, `<FONT POINT-SIZE="%s" COLOR=%s>`, size(l.Size), colour(l.Colour))
	for _, r := range l.Runs {
		text := escape(r.Text)
		if r.Bar {
			barred := ""
			for _, c := range r.Text {
				barred += escape(string(c)) + ascii(0x304)
			}
			text = barred
		}
		if text == "" {
			continue
		}
		empty = false
		if r.Italic {
			text = "<I>" + text + "</I>"
		}
		small := `<FONT POINT-SIZE="` + size(l.Size*scene.ScriptScale) + `">`
		switch r.Script {
		case scene.Sub:
			text = "<SUB>" + small + text + "</FONT></SUB>"
		case scene.Super:
			text = "<SUP>" + small + text + "</FONT></SUP>"
		}
		b.WriteString(text)
	}
	if empty { // Graphviz takes no empty element
		b.WriteString("&#160;")
	}
	b.WriteString("</FONT>")
	return b.String()
}

func size(v float64) string { return strconv.FormatFloat(math.Round(v*2)/2, 'f', -1, 64) }

// legend writes the legend as a node of its own.
func (w *writer) legend() {
	if len(w.scene.Legend) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(`<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">`)
	for _, e := range w.scene.Legend {
		sample := " "
		swatch := ""
		switch {
		case e.Fill != scene.None:
			swatch = ` BGCOLOR=` + colour(e.Fill)
		case e.Line && e.Kind == scene.Reverse:
			sample = `<FONT COLOR=` + colour(scene.AdjointLine) + `>` + escape("◀ – –") + `</FONT>`
		case e.Line && e.Kind == scene.Next:
			sample = `<FONT COLOR=` + colour(scene.Line) + `>` + escape("◀ – –") + `</FONT>`
		case e.Line:
			sample = `<FONT COLOR=` + colour(scene.Line) + `>` + escape("──▶") + `</FONT>`
		}
		b.WriteString(`<TR><TD ALIGN="RIGHT"` + swatch + `>` + sample + `</TD><TD ALIGN="LEFT">` + runs(e.Text) + "</TD></TR>")
	}
	b.WriteString("</TABLE>")
	w.statement(ast.NodeStmt{NodeID: ast.MakeNodeID("legend", ""),
		Attrs: attributes("shape", "plain", "style", quote("solid"), "fontsize", "14", "label", "<"+b.String()+">")})
}
