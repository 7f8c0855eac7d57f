package compile

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// expandAll is the pass that expands the operators that are left until only those with a micro-operation
// or kernel remain, and gives the unit its own graph if no pass before has.
func expandAll(u *unit) error {
	for range 64 {
		if u.g != u.user && !u.g.Has(func(op *graph.Op) bool { return op.Expand != nil }) {
			return nil
		}
		u.g, u.outputs = u.g.Rebuild(u.outputs, func(to *graph.Graph, n *graph.Node, in []*graph.Node) *graph.Node {
			if n.Op().Expand == nil {
				return nil
			}
			return to.Expand(graph.Term{Op: n.Op(), Inputs: in, Attrs: n.Attrs(), Type: n.Type()})
		})
		if err := u.g.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("BUG: operators expand without end")
}
