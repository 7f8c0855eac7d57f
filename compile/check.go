package compile

import "fmt"

// check verifies the unit between passes: the graph's order and types. The program is verified when it is made.
func (u *unit) check() error {
	if err := u.g.Err(); err != nil {
		return fmt.Errorf("the graph has errors: %w", err)
	}
	live := u.g.Needed(u.outputs...)
	for k, o := range u.outputs {
		if o.Graph() != u.g || u.g.Node(o.ID()) != o {
			return fmt.Errorf("output %d is not in the graph", k)
		}
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
		}
		if n.IsPlaceholder() && !live[i] {
			continue // expansions of batches leave them behind
		}
		if err := n.CheckType(); err != nil {
			return fmt.Errorf("node %d (%s): %w", i, n.Op().Name, err)
		}
	}
	return nil
}
