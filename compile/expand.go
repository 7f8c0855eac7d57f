package compile

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// expandAll is the pass that expands the operators that are left until only those with a micro-operation
// or kernel remain, and gives the unit its own graph if no pass before has.
func expandAll(u *unit) error {
	for range 64 {
		found := u.g == u.user
		for i := 0; i < u.g.Len() && !found; i++ {
			found = u.g.Node(i).Op().Expand != nil
		}
		if !found {
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
