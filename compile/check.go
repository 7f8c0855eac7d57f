package compile

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// check verifies the unit between passes: the graph's order and types, and the program once there is one.
func (u *unit) check() error {
	if err := u.g.Err(); err != nil {
		return fmt.Errorf("the graph has errors: %w", err)
	}
	live := make([]bool, u.g.Len())
	for k, o := range u.outputs {
		if o.Graph() != u.g || u.g.Node(o.ID()) != o {
			return fmt.Errorf("output %d is not in the graph", k)
		}
		live[o.ID()] = true
	}
	for i := u.g.Len() - 1; i >= 0; i-- {
		n := u.g.Node(i)
		if n.ID() != i || !n.Valid() || n.Graph() != u.g {
			return fmt.Errorf("node %d is invalid", i)
		}
		for _, in := range n.Inputs() {
			if in.ID() >= i || in.Graph() != u.g || u.g.Node(in.ID()) != in {
				return fmt.Errorf("node %d has the operand %v", i, in)
			}
			live[in.ID()] = live[in.ID()] || live[i]
		}
		if n.Op().Name == "placeholder" && !live[i] {
			continue // expansions of batches leave them behind
		}
		if err := n.CheckType(); err != nil {
			return fmt.Errorf("node %d (%s): %w", i, n.Op().Name, err)
		}
	}
	return nil // programs are verified when they are made
}

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

// materializeOutputs is the pass that copies outputs which are inputs, constants or views of them.
func materializeOutputs(u *unit) error {
	wrap := map[*graph.Node]bool{}
	for _, o := range u.outputs {
		r := o
		for _, ok := viewOf(r); ok; _, ok = viewOf(r) {
			r = r.Input(0)
		}
		if r.IsInput() || r.IsConst() {
			wrap[o] = true
		}
	}
	// The zeros of arrays that scalar code fills in part are read from memory.
	for i := range u.g.Len() {
		if n := u.g.Node(i); n.Op().Name == "index_transpose" && len(n.Inputs()) < n.Shape().Size() {
			graph.Like(n, 0)
		}
	}
	for k, o := range u.outputs {
		if wrap[o] {
			restore := u.g.AtNode(o)
			u.outputs[k] = graph.Copy(o)
			restore()
		}
	}
	return u.g.Err()
}
