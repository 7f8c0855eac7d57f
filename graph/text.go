package graph

import (
	"fmt"
	"io"
)

// Format writes the nodes that the outputs depend on, one a line.
func Format(w io.Writer, outputs ...*Node) error {
	if len(outputs) == 0 {
		return nil
	}
	g := outputs[0].g
	for _, n := range g.nodes {
		if _, err := fmt.Fprintf(w, "%v = %s %v {%v} : %v\n", n, n.op.Name, n.inputs, n.extra.attrs, n.typ); err != nil {
			return err
		}
	}
	return nil
}
