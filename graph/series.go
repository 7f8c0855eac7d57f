package graph

// Series holds the coefficients of nodes' Taylor series along a curve, as the recurrences of operators see them (Op.Taylor). compile.Taylor makes it.
type Series interface {
	// Coefficient returns coefficient k of a node, nil for zero. Coefficient 0 is the node.
	Coefficient(n *Node, k int) *Node
	// Changes reports whether a node changes along the curve.
	Changes(n *Node) bool
	// Product multiplies coefficients of a node's operands. Where either may be infinite or NaN, a 0 in the other one wins.
	Product(n, x, y *Node) *Node
}

// addTerm is sum + term, where nil is zero.
func addTerm(sum, term *Node) *Node {
	switch {
	case sum == nil:
		return term
	case term == nil:
		return sum
	}
	return Add(sum, term)
}

// multiple is k·c, nil for nil.
func multiple(c *Node, k float64) *Node {
	if c == nil || k == 1 {
		return c
	}
	return Mul(Like(c, k), c)
}

// taylorOfProduct is the recurrence of x·y: Σ_j x_j·y_(k−j).
func taylorOfProduct(n *Node, s Series, k int) (*Node, bool) {
	var sum *Node
	for j := range k + 1 {
		if x, y := s.Coefficient(n.Input(0), j), s.Coefficient(n.Input(1), k-j); x != nil && y != nil {
			sum = addTerm(sum, BroadcastTo(s.Product(n, x, y), n.typ.Shape...))
		}
	}
	return sum, true
}
