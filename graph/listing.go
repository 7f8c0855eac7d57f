package graph

import (
	"fmt"
	"strings"
)

// listed bounds the nodes that String lists, and the elements of a constant.
const listed, listedElements = 500, 8

// String lists the graph for people: a line for each node with its number and names, operator, operands, attributes, type, scope, and the line of the user's code that made it;
// the nodes of bodies stand indented below theirs, and mistakes on record last. Graphs of more than 500 nodes and large constants are cut. Format writes the exact form, which Parse reads.
func (g *Graph) String() string {
	if g == nil {
		return "nil"
	}
	var b strings.Builder
	left := listed
	g.list(&b, "", &left)
	if err := g.Err(); err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}

// list appends the nodes, as many as are left.
func (g *Graph) list(b *strings.Builder, indent string, left *int) {
	for i := range g.Len() {
		if *left == 0 {
			fmt.Fprintf(b, "%s… %d more\n", indent, g.Len()-i)
			return
		}
		*left--
		n := g.Node(i)
		line := fmt.Appendf(nil, "%s%%%d", indent, n.id)
		for _, name := range n.Names() {
			line = fmt.Appendf(line, " %q", name)
		}
		line = append(append(line, " = "...), n.op.Name...)
		for k, in := range n.Inputs() {
			if k > 0 {
				line = append(line, ',')
			}
			line = fmt.Appendf(line, " %v", in)
		}
		if l := n.Literal(); l != nil && n.typ.Shape.Size() <= listedElements {
			line = appendElements(append(line, ' '), l)
		} else if l != nil {
			line = append(line, " […]"...)
		}
		if a := n.Attrs(); len(a) > 0 {
			line = append(append(append(line, " {"...), a.String()...), '}')
		}
		line = appendTypes(append(line, " : "...), n)
		if scope := n.ScopePath(); scope != "" {
			line = fmt.Appendf(line, " in %q", scope)
		}
		if p := n.Position(); p.File != "" {
			line = fmt.Appendf(line, "  %v", p)
		}
		b.Write(append(line, '\n'))
		for k, body := range Bodies(n) {
			fmt.Fprintf(b, "%s  body %d\n", indent, k)
			body.Graph().list(b, indent+"    ", left)
		}
	}
}
